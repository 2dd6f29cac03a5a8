//! Parses the arguments and starts; nothing else.
//!
//! # Threads
//!
//! | thread | what it does |
//! |---|---|
//! | one, `keeper` | renews the Lease, over a connection of its own, and answers `/livez`, `/readyz` and `/metrics` |
//! | two, `pass` | run the passes: they decide, and read and write what the passes need |
//! | the first | hears what changes, and starts passes |
//!
//! A decision is made where its pass runs, since it can't cost much: what it may look up is bounded and is counted, not
//! timed (`decide::ramp::search`). The costliest takes 2.4 ms, so sixteen of them hold up one thread for 40 ms, a fiftieth
//! of the 2 s in which an update may leave. And however much is decided, the Lease and the probes never wait for it.

use std::process::ExitCode;

use appconfig_experiment_operator::{
    api,
    cli::{self, Command, Ended},
    controller, plan, telemetry,
};
use tokio::runtime::Runtime;

fn main() -> ExitCode {
    let outcome = match cli::parse(std::env::args_os()) {
        Ok(Command::Run(settings)) => run(*settings),
        Ok(Command::Plan(settings)) => return plan(&settings),
        Ok(Command::Crds) => print_definition(),
        Err(Ended::Shown(text)) => {
            print!("{text}");
            Ok(())
        }
        Err(Ended::Wrong(code, line)) => Err(Failure { code, line }),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{}", failure.line);
            ExitCode::from(failure.code)
        }
    }
}

/// What is said on standard error when the program ends, and with which code.
struct Failure {
    code: u8,
    line: String,
}

impl Failure {
    /// A failure of the operator itself, as one sentence.
    fn new(error: &dyn std::error::Error) -> Self {
        Self {
            code: cli::EXIT_FAILED,
            line: format!("{}: {error}", cli::PROGRAM),
        }
    }
}

fn run(settings: cli::Run) -> Result<(), Failure> {
    telemetry::install(settings.log_format, &settings.log_filter).map_err(|error| Failure::new(&error))?;
    install_cryptography();
    // The operator waits for two servers most of the time. One thread per core of a large node would only cost memory.
    let keeper = runtime("keeper", 1)?;
    let passes = runtime("pass", 2)?;
    passes
        .block_on(controller::run(settings, keeper.handle()))
        .map_err(|error| {
            let code = if matches!(error, controller::Error::LeaseLost(_)) {
                cli::EXIT_LEASE_LOST
            } else {
                cli::EXIT_FAILED
            };
            Failure {
                code,
                ..Failure::new(&error)
            }
        })
}

fn runtime(name: &str, threads: usize) -> Result<Runtime, Failure> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.thread_name(name).worker_threads(threads).enable_all();
    runtime.build().map_err(|error| Failure::new(&error))
}

fn plan(settings: &cli::Plan) -> ExitCode {
    install_cryptography();
    let printed = plan::run(settings);
    print!("{}", printed.out);
    eprint!("{}", printed.error);
    ExitCode::from(printed.code)
}

/// Of the crates in the graph some bring another provider by default; ring is the one that all can share.
fn install_cryptography() {
    // The error is the provider that was there before, which at this point can only be ring.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn print_definition() -> Result<(), Failure> {
    let yaml = api::custom_resource_definition_yaml().map_err(|error| Failure::new(&error))?;
    print!("{yaml}");
    Ok(())
}
