//! The real operator as a process.

use std::{
    fs::File,
    path::PathBuf,
    process::ExitStatus,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use promise_checker::ProcessChange;
use rustix::process::{Pid, Resource, Rlimit, Signal, kill_process, prlimit};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::{DEADLINE, built, history::Processes};

/// How an operator is started: by default without a Lease, on one namespace, at the emulator, logging everything.
#[derive(Clone, Debug)]
pub struct Flags {
    /// The one namespace that it looks after.
    pub namespace: String,
    /// Where `AppConfig` is.
    pub endpoint: String,
    /// As whom it talks to which API server.
    pub kubeconfig: PathBuf,
    /// What comes after `run` beside namespace and endpoint, in order.
    pub arguments: Vec<String>,
    /// Variables beside those that each operator gets, in order; an empty value removes one.
    pub environment: Vec<(String, String)>,
    /// Where it is written down what becomes of the process.
    pub processes: Processes,
}

impl Flags {
    /// Adds an argument, or replaces one that can be given once only by giving it later.
    #[must_use]
    pub fn with(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// Sets a variable; an empty value removes it.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running operator. It is killed when dropped.
pub struct Operator {
    child: Child,
    log: PathBuf,
    name: String,
    processes: Processes,
}

impl Drop for Operator {
    fn drop(&mut self) {
        // Nobody has waited for it to end.
        if self.child.id().is_some() {
            let change = match self.child.try_wait() {
                Ok(Some(status)) => ProcessChange::Exited { code: status.code() },
                _ => ProcessChange::Killed,
            };
            self.processes.note(&self.name, change);
        }
    }
}

impl Operator {
    /// Starts the binary that this build made.
    pub fn start(flags: &Flags) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("operator-{}-{number}", flags.namespace);
        let log = built::folder().join(format!("{name}.log"));
        let file = File::create(&log).expect("a log file");
        let mut command = Command::new(built::program());
        // What whoever runs the tests has set for AWS, or for an operator of theirs, is none of this one's.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("AWS_") || name.starts_with("APPCONFIG_OPERATOR_") {
                command.env_remove(&*name);
            }
        }
        command
            .arg("run")
            .args(["--namespace", &flags.namespace, "--endpoint-url", &flags.endpoint])
            .args(&flags.arguments)
            .env("APPCONFIG_OPERATOR_HTTP_ADDRESS", "127.0.0.1:0")
            .env("KUBECONFIG", &flags.kubeconfig)
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdout(file.try_clone().expect("a second handle"))
            .stderr(file)
            .kill_on_drop(true);
        for (name, value) in &flags.environment {
            if value.is_empty() {
                command.env_remove(name)
            } else {
                command.env(name, value)
            };
        }
        if !flags
            .arguments
            .iter()
            .any(|argument| argument.starts_with("--log-level"))
        {
            command.args(["--log-level", "trace"]);
        }
        flags.processes.note(&name, ProcessChange::Started);
        Self {
            child: command.spawn().expect("the operator starts"),
            log,
            name,
            processes: flags.processes.clone(),
        }
    }

    /// All that it has logged, on standard output and standard error.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until a line of the log has a text, and gives the line.
    pub async fn logged(&self, text: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(line) = self.log().lines().find(|line| line.contains(text)) {
                return line.to_owned();
            }
            assert!(
                Instant::now() < deadline,
                "the operator did not log {text:?}:\n{}",
                self.log()
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Where it serves metrics and probes.
    pub async fn http(&self) -> String {
        let line = self.logged("serving /metrics").await;
        let line: serde_json::Value = serde_json::from_str(&line).expect("a line of JSON");
        format!("http://{}", line["address"].as_str().expect("an address"))
    }

    /// The text behind a path, and its HTTP status.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(format!("{}{path}", self.http().await))
            .await
            .expect("an answer");
        (answer.status().as_u16(), answer.text().await.expect("a text"))
    }

    /// The memory that it has in use, in KiB (`VmRSS` of proc(5)).
    pub fn resident(&self) -> u64 {
        self.of_status("VmRSS:")
            .trim_end_matches("kB")
            .trim()
            .parse()
            .expect("a number")
    }

    /// The most memory that it has had in use, in KiB.
    pub fn most_resident(&self) -> u64 {
        self.of_status("VmHWM:")
            .trim_end_matches("kB")
            .trim()
            .parse()
            .expect("a number")
    }

    /// The CPU time that it has used, its own and the kernel's for it. Linux counts it in hundredths of a second.
    pub fn cpu(&self) -> Duration {
        let path = format!("/proc/{}/stat", self.child.id().expect("it runs"));
        let stat = std::fs::read_to_string(path).expect("Linux tells");
        // The name, which comes second, may hold anything; utime and stime are the 14th and the 15th field (proc(5)).
        let (_, fields) = stat.rsplit_once(')').expect("a name");
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks = ticks.map(|field| field.parse::<u64>().expect("a number"));
        Duration::from_millis(10 * ticks.sum::<u64>())
    }

    /// How many threads it has.
    pub fn threads(&self) -> u64 {
        self.of_status("Threads:").parse().expect("a number")
    }

    /// How many files and connections it has open.
    pub fn descriptors(&self) -> usize {
        let path = format!("/proc/{}/fd", self.child.id().expect("it runs"));
        std::fs::read_dir(path).expect("Linux tells").count()
    }

    /// What proc(5) tells of it under a name.
    fn of_status(&self, name: &str) -> String {
        let path = format!("/proc/{}/status", self.child.id().expect("it runs"));
        let status = std::fs::read_to_string(path).expect("Linux tells");
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.expect("a line").trim().to_owned()
    }

    /// Lets it have at most so many files and connections open from now on.
    pub fn limit_file_descriptors(&self, limit: u64) {
        let (current, maximum) = (Some(limit), Some(limit));
        prlimit(Some(self.pid()), Resource::Nofile, Rlimit { current, maximum }).expect("it can be limited");
    }

    fn pid(&self) -> Pid {
        let pid = self.child.id().expect("it runs");
        i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process ID")
    }

    /// Sends it a signal. What that does to it is written down.
    pub fn signal(&self, signal: Signal) {
        let pid = self.pid();
        // Noted on that side of the signal on which the process stands still.
        if signal == Signal::CONT {
            self.processes.note(&self.name, ProcessChange::Continued);
        }
        kill_process(pid, signal).expect("it can be signalled");
        let change = match signal {
            Signal::KILL => ProcessChange::Killed,
            Signal::TERM => ProcessChange::Terminated,
            _ => return,
        };
        self.processes.note(&self.name, change);
    }

    /// SIGSTOP, until all of it stands still: of a busy machine's threads, some would go on for a moment.
    pub async fn pause(&self) {
        let pid = self.pid();
        kill_process(pid, Signal::STOP).expect("it can be signalled");
        let threads = format!("/proc/{}/task", pid.as_raw_nonzero());
        let is_stopped = |thread: std::io::Result<std::fs::DirEntry>| {
            let status = thread.and_then(|thread| std::fs::read_to_string(thread.path().join("status")));
            // A thread that is gone since it was listed has no state.
            status.is_ok_and(|status| status.contains("State:\tT"))
        };
        while !std::fs::read_dir(&threads).expect("it runs").all(is_stopped) {
            sleep(Duration::from_millis(1)).await;
        }
        self.processes.note(&self.name, ProcessChange::Paused);
    }

    /// SIGTERM, and how it ended.
    pub async fn stop(&mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.ended().await
    }

    /// SIGKILL.
    pub async fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.ended().await;
    }

    /// Waits until it has ended, and gives how.
    pub async fn ended(&mut self) -> ExitStatus {
        let ended = timeout(DEADLINE, self.child.wait()).await;
        let status = ended
            .unwrap_or_else(|_| panic!("it did not end:\n{}", self.log()))
            .expect("an exit status");
        let code = status.code();
        self.processes.note(&self.name, ProcessChange::Exited { code });
        status
    }
}
