//! `kubectl exprun`: a kubectl plugin for people who run experiments. It works with the kubeconfig and the rights of whoever
//! calls it, and needs nothing of the operator but its resources.
//!
//! | command | file |
//! |---|---|
//! | `status` | `status/` |
//! | `brake` | `brake/`, `selection` |
//! | `release` | `release/`, `selection` |
//! | `plan` | `plan`, and the operator's `plan` |
//! | `check` | `check/`, `operator` |
//! | `version` | `version`, `operator` |
//! | `completion` | `completion/` |
//!
//! `cluster` connects, `failure` puts errors into words, `terminal` writes, `times` tells the time, `run` is one resource.

mod arguments;
mod brake;
mod check;
mod cluster;
mod completion;
#[cfg(test)]
mod docs;
mod exit;
mod failure;
mod operator;
mod plan;
mod release;
mod run;
mod selection;
mod status;
mod terminal;
mod times;
mod version;

use std::process::ExitCode;

use arguments::{Arguments, Command};
use failure::Failure;
use terminal::{Paint, complain, out};

fn main() -> ExitCode {
    let arguments = match arguments::parse(std::env::args_os()) {
        Ok(arguments) => arguments,
        Err(ended) => {
            let (code, text) = *ended;
            if code == exit::OK {
                out(&text);
            } else {
                complain(&text);
            }
            return ExitCode::from(code);
        }
    };
    // Of the crates in the graph some bring another provider by default; ring is the one that all can share.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // They need no cluster, and `plan` has a runtime of its own.
    match &arguments.command {
        Command::Plan(flags) => return ExitCode::from(plan::run(flags)),
        Command::Completion(flags) => return ExitCode::from(completion::run(flags)),
        _ => {}
    }
    let ended = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(error.to_string()))
        .and_then(|runtime| runtime.block_on(dispatch(&arguments)));
    match ended {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            complain(&format!("{}: {failure}", arguments::PROGRAM));
            ExitCode::from(failure.code)
        }
    }
}

async fn dispatch(arguments: &Arguments) -> Result<u8, Failure> {
    let paint = Paint::new(arguments.no_color);
    let connection = &arguments.connection;
    match &arguments.command {
        Command::Status(flags) => status::run(flags, connection, paint).await,
        Command::Brake(flags) => brake::run(flags, connection, paint).await,
        Command::Check(flags) => check::run(flags, connection, paint).await,
        Command::Version(flags) => version::run(flags, connection).await,
        Command::Plan(_) | Command::Completion(_) => Ok(exit::OK),
        Command::Complete { words } => {
            out(&completion::words::complete(words).await);
            Ok(exit::OK)
        }
        Command::Release(flags) => release::run(flags, connection, paint).await,
    }
}
