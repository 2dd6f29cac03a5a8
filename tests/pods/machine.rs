//! What the machine has to have, and the namespaces in which the test plays.

use std::{
    env,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{self, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::ROOT;

/// Set where the test is in its namespaces.
const INSIDE: &str = "PODS_INSIDE";

/// Whether this process is in namespaces of its own already. Then it ends when the one that made them does.
pub fn is_inside() -> bool {
    let inside = env::var_os(INSIDE).is_some();
    if inside {
        thread::spawn(|| {
            // The other end is closed by whoever holds it, or by its death.
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            process::exit(1);
        });
    }
    inside
}

/// A machine on which Pods can run. No other test of this kind runs there meanwhile.
pub struct Machine {
    lock: File,
}

impl Machine {
    /// The machine, after an attempt to install what is missing. Where Pods can't run, this is said, and in CI (`CI=true`) the
    /// test fails.
    pub fn find() -> Option<Self> {
        let why = match Self::prepare() {
            Ok(machine) => return Some(machine),
            Err(why) => why,
        };
        assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "not run: {why}");
        say(&format!("NOT RUN, and nothing is proved: {why}"));
        None
    }

    fn prepare() -> Result<Self, String> {
        let install = Command::new(Path::new(ROOT).join(".ci/container-runtime")).output();
        let install = install.map_err(|error| error.to_string())?;
        if !install.status.success() {
            return Err(String::from_utf8_lossy(&install.stderr).trim().to_owned());
        }
        let unshare = Command::new("unshare")
            .args(["--net", "--mount", "--pid", "--fork", "true"])
            .output()
            .map_err(|error| error.to_string())?;
        if !unshare.status.success() {
            let why = String::from_utf8_lossy(&unshare.stderr);
            return Err(format!("namespaces of its own take root: {}", why.trim()));
        }
        let lock = env::temp_dir().join("appconfig-experiment-operator-pods.lock");
        let lock = File::create(lock).map_err(|error| error.to_string())?;
        // Cgroups have a place that two would share.
        lock.lock().map_err(|error| error.to_string())?;
        // Those of a test that was killed a moment ago are about to end.
        let deadline = Instant::now() + Duration::from_secs(30);
        while pods_of_others().is_some() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(200));
        }
        match pods_of_others() {
            Some(cgroup) => Err(format!("Pods run on this machine, in {}", cgroup.display())),
            None => Ok(Self { lock }),
        }
    }

    /// Runs this program's test of that name in namespaces of its own, and fails if it does.
    pub fn run_inside(self, test: &str) {
        let logs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pods");
        let _ = fs::remove_dir_all(&logs);
        let mut child = Command::new("unshare")
            .args(["--net", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child"])
            .args(["--propagation", "private"])
            .arg(Path::new(ROOT).join("tests/pods/namespaces.sh"))
            .arg(&logs)
            .arg(env::current_exe().unwrap())
            .args([test, "--exact", "--include-ignored", "--nocapture"])
            .env(INSIDE, "true")
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let _lifeline = child.stdin.take();
        let status = child.wait().unwrap();
        drop(self.lock);
        assert!(
            status.success(),
            "{status}; what the servers logged is in {}",
            logs.display()
        );
    }
}

/// Where a kubelet of somebody else has Pods. What a test that was killed has left behind has no process in it.
fn pods_of_others() -> Option<PathBuf> {
    let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten();
    let roots = hierarchies.map(|entry| entry.path().join("kubepods"));
    let mut roots = roots.chain([PathBuf::from("/sys/fs/cgroup/kubepods")]);
    roots.find(|root| has_processes(root))
}

fn has_processes(cgroup: &Path) -> bool {
    let processes = fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
    let mut children = fs::read_dir(cgroup).into_iter().flatten().flatten();
    !processes.is_empty() || children.any(|child| child.path().is_dir() && has_processes(&child.path()))
}

/// Writes past the test harness, which would hold back what `eprintln!` says in a test that passes.
pub fn say(line: &str) {
    // Nobody to tell is no reason to fail.
    let _ = writeln!(io::stderr(), "pods: {line}");
}
