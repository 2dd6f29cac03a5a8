//! Servers that end when this process ends, whatever it ends of.
//!
//! Each server runs under a small shell script that reads a pipe of which this process holds the other end, and nobody
//! else does. When this process drops that end, exits without dropping it (a static is never dropped) or is killed with
//! SIGKILL, the kernel closes the pipe and the script ends the server. The kernel's own parent-death signal was not
//! taken: it needs `unsafe` code or a program that macOS lacks, and it fires when the *thread* that started the server
//! ends, which in a test is long before the process does.

use std::fs::{self, File};
use std::io::PipeWriter;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use crate::error::Error;

const LIFELINE: &str = include_str!("lifeline.sh");
/// How long a server may take until it serves; it takes 2 s on an idle machine, and test machines are busy.
const PATIENCE: Duration = Duration::from_mins(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    name: &'static str,
    log: PathBuf,
    script: Child,
    lifeline: Option<ChildStdin>,
}

impl Server {
    /// Starts `command`, which logs to `log`. `until_ended` stays open until the server has ended.
    pub(crate) fn start(
        name: &'static str,
        command: &Command,
        log: PathBuf,
        until_ended: Option<PipeWriter>,
    ) -> Result<Self, Error> {
        let file = File::create(&log).map_err(Error::io(format!("create {}", log.display())))?;
        let mut script = Command::new("sh")
            .args(["-c", LIFELINE, name])
            .arg(command.get_program())
            .args(command.get_args())
            .stdin(Stdio::piped())
            .stdout(until_ended.map_or_else(Stdio::null, Stdio::from))
            .stderr(file)
            // A Ctrl-C in the terminal is for this process, which then stops its servers in order.
            .process_group(0)
            .spawn()
            .map_err(Error::io(format!("start {name}")))?;
        let lifeline = script.stdin.take();
        Ok(Self {
            name,
            log,
            script,
            lifeline,
        })
    }

    /// Fails if the server has ended.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        match self
            .script
            .try_wait()
            .map_err(Error::io(format!("look after {}", self.name)))?
        {
            None => Ok(()),
            Some(status) => Err(self.ended(status)),
        }
    }

    /// Waits until `ready` says so, which answers what is missing otherwise.
    pub(crate) fn wait_until(&mut self, mut ready: impl FnMut() -> Result<(), String>) -> Result<(), Error> {
        let started = Instant::now();
        loop {
            let answer = ready();
            // In this order: another process may have taken the port and be the one that answers.
            self.check()?;
            let Err(last) = answer else { return Ok(()) };
            if started.elapsed() > PATIENCE {
                return Err(Error::NotReady {
                    program: self.name,
                    waited: PATIENCE,
                    last,
                    log: end_of(&self.log),
                });
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Whether the server ended because somebody else took the port between its choice and its use.
    pub(crate) fn lost_its_port(error: &Error) -> bool {
        matches!(error, Error::Ended { log, .. } if log.contains("address already in use"))
    }

    fn ended(&self, status: ExitStatus) -> Error {
        Error::Ended {
            program: self.name,
            status,
            log: end_of(&self.log),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        // A script that can't be waited for has ended already.
        let _ = self.script.wait();
    }
}

fn end_of(log: &Path) -> String {
    let text = fs::read(log)
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(8)..].join("\n")
}
