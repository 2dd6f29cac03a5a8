//! `appconfig-emulator`: the emulator as a program.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use appconfig_emulator::{Emulator, KeyPair, Options};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// The arguments; their documentation is the text of `--help`.
#[derive(Parser)]
#[command(
    about = "AWS AppConfig's experiment API on a loopback port",
    after_help = "Prints {\"endpoint\":…} when ready. PUT /_emulator/faults and /_emulator/settings change how it \
                  behaves; GET /_emulator/requests shows what it was asked."
)]
struct Arguments {
    /// A loopback address; port 0 picks a free port
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Append a line of JSON per request to this file
    #[arg(long, value_name = "FILE")]
    request_log: Option<PathBuf>,
    /// Refuse requests that aren't signed by a known key pair
    #[arg(long)]
    require_signature: bool,
    /// Know this key pair, too (repeatable): ID:SECRET, or ID:SECRET:TOKEN@EXPIRY for temporary credentials
    #[arg(long = "key-pair", value_name = "ID:SECRET")]
    key_pairs: Vec<KeyPair>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) if error.use_stderr() => {
            let text = error.to_string();
            eprintln!(
                "appconfig-emulator: {}",
                text.lines().next().unwrap_or_default().trim_start_matches("error: ")
            );
            return ExitCode::from(2);
        }
        Err(help) => {
            print!("{help}");
            return ExitCode::SUCCESS;
        }
    };
    let Arguments {
        listen,
        request_log,
        require_signature,
        key_pairs,
    } = arguments;
    match run(Options {
        listen,
        request_log,
        require_signature,
        key_pairs,
    })
    .await
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("appconfig-emulator: {error}");
            ExitCode::from(2)
        }
    }
}

async fn run(options: Options) -> Result<(), Box<dyn std::error::Error>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let emulator = Emulator::start(options).await?;
    println!("{}", serde_json::json!({"endpoint": emulator.endpoint()}));
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
