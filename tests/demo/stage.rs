//! What the demo plays on: a control plane with `deploy/` applied, an emulated `AppConfig` with one run, the operator.

use std::{
    error::Error,
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use appconfig_emulator::{Emulator, Experiment, Options, RequestRecord, Seed};
use appconfig_experiment_operator::api::ExperimentRun;
use control_plane::{ControlPlane, User};
use tokio::{
    runtime::Runtime,
    signal::unix::{SignalKind, signal},
};

/// What a step comes to: an error says in words what was not as it should be.
pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// How long anything may take that should happen.
const DEADLINE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// For whom the stage is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Somebody who reads the story: requests have to be signed, and the operator's log is kept aside.
    Reader,
    /// Somebody who plays on it: curl needs no signature, and the operator's log is on the terminal.
    Visitor,
}

/// The stage. It is cleared when dropped.
pub struct Stage {
    // Dropped in this order: the operator first, so that it doesn't complain of the others.
    operator: Operator,
    control_plane: ControlPlane,
    emulator: Emulator,
    experiment: Experiment,
    runtime: Runtime,
}

impl Stage {
    /// Starts all of it: seconds, and minutes the first time, which the control plane tells.
    pub fn start(audience: Audience) -> Outcome<Self> {
        println!("Starting a Kubernetes API server, an emulated AppConfig and the operator: a few seconds.");
        println!("(The first time, etcd, kube-apiserver and kubectl are built: about 5 minutes.)");
        let control_plane = ControlPlane::start(control_plane::Options::default())?;
        let runtime = Runtime::new()?;
        let emulator = runtime.block_on(Emulator::start(Options {
            require_signature: audience == Audience::Reader,
            ..Options::default()
        }))?;
        let experiment = emulator.seed(&Seed::default()).map_err(|refusal| refusal.message)?;
        emulator
            .start_run(&experiment, 0.0)
            .map_err(|refusal| refusal.message)?;
        for arguments in [
            &["apply", "-k", "deploy"][..],
            &["wait", "crd", "--all", "--for=condition=Established", "--timeout=20s"],
            &["apply", "-f", "deploy/samples/namespace.yaml"],
            &["config", "set-context", "--current", "--namespace=checkout"],
        ] {
            kubectl(&control_plane, arguments)?;
        }
        let operator = Operator::start(&control_plane, &emulator, audience)?;
        Ok(Self {
            operator,
            control_plane,
            emulator,
            experiment,
            runtime,
        })
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> String {
        self.control_plane.kubeconfig().display().to_string()
    }

    /// The kubectl program.
    pub fn kubectl_path(&self) -> String {
        self.control_plane.kubectl_path().display().to_string()
    }

    /// Where the emulated `AppConfig` is.
    pub fn endpoint(&self) -> String {
        self.emulator.endpoint()
    }

    /// The emulated `AppConfig`.
    pub fn emulator(&self) -> &Emulator {
        &self.emulator
    }

    /// The experiment whose first run is running.
    pub fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    /// Shows a kubectl command, runs it, and shows what it says.
    pub fn kubectl(&self, arguments: &[&str]) -> Outcome {
        let shown = arguments.iter().map(|argument| shell_word(argument));
        println!("$ kubectl {}", shown.collect::<Vec<_>>().join(" "));
        print!("{}", kubectl(&self.control_plane, arguments)?);
        Ok(())
    }

    /// What a kubectl command says, without showing either.
    pub fn ask(&self, arguments: &[&str]) -> Outcome<String> {
        kubectl(&self.control_plane, arguments)
    }

    /// Waits until a resource is as told, and says what it is if it doesn't come to that.
    pub fn until(&self, name: &str, what: &str, is: impl Fn(&ExperimentRun) -> bool) -> Outcome<ExperimentRun> {
        let started = Instant::now();
        loop {
            let run = self.ask(&["get", "exprun", name, "-o", "json"])?;
            let run: ExperimentRun = serde_json::from_str(&run)?;
            if is(&run) {
                return Ok(run);
            }
            if started.elapsed() > DEADLINE {
                let status = serde_json::to_string_pretty(&run.status)?;
                return Err(format!("{name} did not come to be {what}; its status is {status}").into());
            }
            sleep(LOOK_EVERY);
        }
    }

    /// Waits until a command says something.
    pub fn until_said(&self, arguments: &[&str], text: &str) -> Outcome {
        let started = Instant::now();
        while !self.ask(arguments)?.contains(text) {
            if started.elapsed() > DEADLINE {
                return Err(format!("kubectl {} does not say {text}", arguments.join(" ")).into());
            }
            sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Every request that `AppConfig` has got, in order.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.emulator.requests()
    }

    /// The last lines of the operator's log.
    pub fn end_of_operator_log(&self) -> String {
        let text = std::fs::read_to_string(self.control_plane.directory().join(OPERATOR_LOG)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Waits for Ctrl-C or a SIGTERM, and fails when a server or the operator ends before.
    pub fn until_told_to_stop(mut self) -> Outcome {
        let (mut interrupt, mut terminate) = {
            let _runtime = self.runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        loop {
            let told = self.runtime.block_on(async {
                tokio::select! {
                    _ = interrupt.recv() => true,
                    _ = terminate.recv() => true,
                    () = tokio::time::sleep(Duration::from_secs(1)) => false,
                }
            });
            if told {
                return Ok(());
            }
            self.control_plane.check()?;
            if let Some(status) = self.operator.0.try_wait()? {
                return Err(format!("the operator ended with {status}").into());
            }
        }
    }
}

fn kubectl(control_plane: &ControlPlane, arguments: &[&str]) -> Outcome<String> {
    let output = control_plane
        .kubectl_command(User::Administrator)
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(format!("kubectl {} failed: {said}", arguments.join(" ")).into())
}

/// Shows a preview, as anybody would ask for it, and gives what it says.
pub fn plan(arguments: &[&str]) -> Outcome<String> {
    println!("$ {PROGRAM} plan {}", arguments.join(" "));
    let output = Command::new(program()?)
        .arg("plan")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    print!("{said}");
    if output.status.code() == Some(2) {
        Ok(said)
    } else {
        Err(format!("plan: {}", String::from_utf8_lossy(&output.stderr)).into())
    }
}

/// A word as one would type it.
fn shell_word(word: &str) -> String {
    if word.contains(['{', ' ', '\'', '"', ';']) {
        format!("'{word}'")
    } else {
        word.to_owned()
    }
}

const OPERATOR_LOG: &str = "operator.log";
const PROGRAM: &str = "appconfig-experiment-operator";

/// Cargo puts examples in a directory beside the programs.
fn program() -> Outcome<PathBuf> {
    let this = std::env::current_exe()?;
    Ok(this.ancestors().nth(2).unwrap_or(Path::new("")).join(PROGRAM))
}

/// The operator as a process. It is stopped when dropped.
struct Operator(Child);

impl Operator {
    fn start(control_plane: &ControlPlane, emulator: &Emulator, audience: Audience) -> Outcome<Self> {
        let mut command = Command::new(program()?);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("AWS_") || name.starts_with("APPCONFIG_OPERATOR_") {
                command.env_remove(&*name);
            }
        }
        command
            .args([
                "run",
                "--region=eu-west-1",
                "--http-address=127.0.0.1:0",
                "--log-format=text",
            ])
            .args(["--endpoint-url", &emulator.endpoint()])
            .env("KUBECONFIG", control_plane.operator_kubeconfig())
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
            .stdin(Stdio::null());
        if audience == Audience::Reader {
            let log = File::create(control_plane.directory().join(OPERATOR_LOG))?;
            command.stdout(log.try_clone()?).stderr(log);
        }
        let child = command
            .spawn()
            .map_err(|error| format!("cannot start {PROGRAM}: {error}"))?;
        Ok(Self(child))
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let pid = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw);
        // One that has ended already can't be signalled, and needn't be.
        let _ = pid.map(|pid| rustix::process::kill_process(pid, rustix::process::Signal::TERM));
        let _ = self.0.wait();
    }
}
