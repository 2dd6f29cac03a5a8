//! Runs an ignored test of this binary in a process with an environment of its own.

use std::process::{Output, Stdio};

use harness::Certificate;
use tokio::{process::Command, sync::Mutex};

/// Whoever holds it closes sockets for good: a process that starts meanwhile has a copy of each until it runs its program.
pub static NO_PROCESS_STARTS: Mutex<()> = Mutex::const_new(());

/// What a test printed, and how it ended, with these variables and no others.
pub async fn run<'a>(test: &str, environment: impl IntoIterator<Item = (&'a str, &'a str)>) -> Output {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env_clear()
        .envs(environment)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let process = {
        let _others_wait = NO_PROCESS_STARTS.lock().await;
        command.spawn().unwrap()
    };
    process.wait_with_output().await.unwrap()
}

/// Runs an ignored test of this binary in a process that trusts the certificate, and shows what it printed.
pub async fn run_trusting(certificate: &Certificate, test: &str, environment: &[(&str, &str)]) -> Output {
    let own = [("SSL_CERT_FILE", certificate.file())];
    let output = run(test, own.into_iter().chain(environment.iter().copied())).await;
    let printed = String::from_utf8_lossy(&output.stdout);
    print!("{printed}");
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}
