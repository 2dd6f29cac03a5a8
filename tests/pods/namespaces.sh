#!/bin/sh
# Runs a program as a node's machine: process 1 of namespaces of its own, for processes, network and mounts. What is mounted,
# addressed or set here is seen in here only, and goes with this process. Cgroups are the machine's, so they are removed.
#
# namespaces.sh LOGS PROGRAM [ARGUMENT...]   where LOGS is a folder for what servers have logged, should the program fail
set -eu
logs=$1
shift

# Removes what a kubelet has made, within 5 s: a process that has ended takes a moment to leave its cgroup.
remove_cgroups() {
  tenths=50
  while [ "$tenths" -gt 0 ]; do
    tenths=$((tenths - 1))
    left=no
    for kubepods in /sys/fs/cgroup/kubepods /sys/fs/cgroup/*/kubepods; do
      if [ -d "$kubepods" ]; then
        find "$kubepods" -depth -type d -exec rmdir {} \; 2>/dev/null || left=yes
        [ ! -d "$kubepods" ] || left=yes
      fi
    done
    [ "$left" = yes ] || return 0
    sleep 0.1
  done
  echo 'cgroups named kubepods are left' >&2
}

# Whether a process is left beside this one and what it runs to find out.
others() {
  for process in /proc/[0-9]*; do
    case $process in /proc/1) continue ;; esac
    # A kernel thread is not in here; what has no program any more has ended.
    if readlink "$process/exe" >/dev/null 2>&1; then
      return 0
    fi
  done
  return 1
}

# Tenths of a second until nobody is left.
wait_for_others() {
  tenths=$1
  while others; do
    if [ "$tenths" -le 0 ]; then
      return 1
    fi
    tenths=$((tenths - 1))
    sleep 0.1
  done
}

# Those of an earlier run, should it have been killed.
remove_cgroups

# Sockets, mounts and records of servers, which would stay on the machine.
# The first without a note of it, which would be in the machine's /run.
mount -n -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs -o mode=755 tmpfs /var/log
mkdir -p /run/lib/upper /run/lib/work /run/tmp /run/sysctl
mount -t overlay -o lowerdir=/var/lib,upperdir=/run/lib/upper,workdir=/run/lib/work overlay /var/lib
# A kubelet insists on these, which are the whole machine's.
for setting in vm/overcommit_memory=1 kernel/panic=10 kernel/panic_on_oops=1; do
  file=/run/sysctl/$(basename "${setting%=*}")
  echo "${setting#*=}" >"$file"
  mount --bind "$file" "/proc/sys/${setting%=*}"
done
# What a kubelet mounts has to reach containers.
mount --make-rshared /

ip link set lo up
ip link add node0 type bridge
# The node's address, and the service's of the API server: no kube-proxy is needed.
ip address add 10.88.255.1/32 dev node0
ip address add 10.0.0.1/32 dev node0
ip link set node0 up
ip route add default dev node0
echo 1 >/proc/sys/net/ipv4/ip_forward

code=0
TMPDIR=/run/tmp "$@" || code=$?

if [ "$code" != 0 ]; then
  mkdir -p "$logs"
  find /run/tmp -path '*/rootfs/*' -prune -o -name '*.log' -exec cp --backup=numbered {} "$logs" \; || true
fi
# Servers stop when the program has ended. Who is left was started by one of them.
wait_for_others 50 || kill -s TERM -- -1 || true
wait_for_others 50 || kill -s KILL -- -1 || true
wait_for_others 50 || true
remove_cgroups
exit "$code"
