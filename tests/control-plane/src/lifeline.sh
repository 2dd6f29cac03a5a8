# Runs the server given as arguments, and ends it when the lifeline on stdin closes: that is when the program that holds
# the other end lets go of it or dies, whatever it dies of. The process's stdout stays open until the server has ended.
exec 3<&0
"$@" </dev/null >&2 3<&- &
server=$!
(
    read -r _ <&3
    kill -TERM "$server"
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
        kill -0 "$server" || exit 0
        sleep 0.1
    done
    kill -KILL "$server"
) >/dev/null 2>&1 &
watcher=$!
wait "$server"
status=$?
kill "$watcher" 2>/dev/null
exit "$status"
