//! Prometheus' programs, as the distribution packages them.

use std::{
    env,
    io::Write as _,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::OnceLock,
};

use crate::documents::ROOT;

/// Whether Prometheus' programs can be had, after an attempt to install them where they are missing. Where they can't, this is
/// said, and in CI (`CI=true`) the test fails.
pub fn available() -> bool {
    static AVAILABLE: OnceLock<Result<(), String>> = OnceLock::new();
    let available = AVAILABLE.get_or_init(|| {
        let install = Command::new(Path::new(ROOT).join(".ci/prometheus")).output();
        let install = install.map_err(|error| error.to_string())?;
        if install.status.success() {
            return Ok(());
        }
        Err(String::from_utf8_lossy(&install.stderr).trim().to_owned())
    });
    match available {
        Ok(()) => true,
        Err(why) => {
            assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "not run: {why}");
            say(&format!("NOT RUN, and nothing is proved: {why}"));
            false
        }
    }
}

/// Writes past the test harness, which would hold back what `eprintln!` says in a test that passes.
pub fn say(line: &str) {
    // Nobody to tell is no reason to fail.
    let _ = writeln!(std::io::stderr(), "monitoring: {line}");
}

/// Runs promtool from the root of the repository, and gives what it says on both outputs.
pub fn promtool(arguments: &[&str], input: Stdio) -> (bool, String) {
    let mut command = Command::new("promtool");
    let Output { status, stdout, stderr } = command
        .args(arguments)
        .current_dir(ROOT)
        .stdin(input)
        .output()
        .expect("promtool runs");
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&stdout),
        String::from_utf8_lossy(&stderr)
    );
    (status.success(), said)
}

/// A folder for what one test leaves behind, empty at first.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("monitoring-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// An address on which nobody listens. Its loopback address is this process' own, so that no other test gets the port meanwhile.
pub fn free_address() -> String {
    let [.., high, low] = std::process::id().to_be_bytes();
    let listener = TcpListener::bind((Ipv4Addr::new(127, 77, high, low.clamp(1, 254)), 0)).unwrap();
    listener.local_addr().unwrap().to_string()
}
