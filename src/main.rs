//! Parses the arguments and starts; nothing else.

use std::process::ExitCode;

use appconfig_experiment_operator::{
    api,
    cli::{self, Command, Ended},
    controller, plan, telemetry,
};

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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(&error))?;
    runtime.block_on(controller::run(settings)).map_err(|error| {
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
