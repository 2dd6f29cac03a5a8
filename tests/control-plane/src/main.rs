//! The control plane as a program, for people and for tests in other languages.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use control_plane::{Binaries, ControlPlane, Error, NodeBinaries, Options, Tool};
use tokio::signal::unix::{SignalKind, signal};

/// A real etcd and kube-apiserver on loopback ports, and kubectl for them
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Wish,
}

#[derive(Subcommand)]
enum Wish {
    /// Starts a control plane, prints one line of JSON when it serves, and stops it on SIGINT or SIGTERM
    Up {
        /// Where to keep its files, so that a later start finds the same cluster [default: a temporary directory]
        #[arg(long)]
        dir: Option<PathBuf>,
    },
    /// Builds the programs that are missing, Helm, crane and kube-score too, which takes about eight minutes the first time
    Build {
        /// Those that run Pods and crane instead of all tools, which takes about ten minutes the first time
        #[arg(long)]
        node: bool,
    },
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Wish::Up { dir } => up(Options {
            directory: dir,
            ..Options::default()
        }),
        Wish::Build { node } => build(node),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("control-plane: {error}");
            ExitCode::FAILURE
        }
    }
}

fn build(node: bool) -> Result<(), Error> {
    Binaries::ensure()?;
    if node {
        NodeBinaries::ensure()?;
        return Tool::Crane.ensure().map(|_| ());
    }
    Tool::ALL.iter().try_for_each(|tool| tool.ensure().map(|_| ()))
}

fn up(options: Options) -> Result<(), Error> {
    let action = "listen for signals";
    let io = |source| Error::Io {
        action: action.to_owned(),
        source,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(io)?;
    let done = runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt()).map_err(io)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(io)?;
        tokio::select! {
            ended = serve(options) => ended,
            _ = interrupt.recv() => Ok(()),
            _ = terminate.recv() => Ok(()),
        }
    });
    // A start that a signal interrupted isn't waited for: what it has started ends with this process.
    runtime.shutdown_background();
    done
}

/// Serves until a server fails; dropping it stops them.
async fn serve(options: Options) -> Result<(), Error> {
    let started = tokio::task::spawn_blocking(|| ControlPlane::start(options)).await;
    let control_plane = started.map_err(|panicked| Error::Io {
        action: "start the control plane".to_owned(),
        source: panicked.into(),
    })??;
    let ready = serde_json::json!({
        "kubeconfig": control_plane.kubeconfig(),
        "operatorKubeconfig": control_plane.operator_kubeconfig(),
        "kubectl": control_plane.kubectl_path(),
    });
    writeln!(std::io::stdout(), "{ready}").map_err(|source| Error::Io {
        action: "say on stdout where the control plane is".to_owned(),
        source,
    })?;
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        control_plane.check()?;
    }
}
