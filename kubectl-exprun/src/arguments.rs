//! The arguments as clap reads them, with what `--help` says.

use std::ffi::OsString;

use clap::{Parser, Subcommand, error::ErrorKind};

use crate::{brake, cluster::Connection, exit, release, status::Status};

/// How people call the program.
pub(crate) const PROGRAM: &str = "kubectl exprun";

const AFTER_HELP: &str = "\
Exit codes: 0 done; 1 failed; 2 a wrong argument; 3 done, and another tool may undo it; 4 the answer was no. Those of `plan` \
are its own: see `kubectl exprun plan --help`.";

/// Shows ExperimentRuns, and pulls and releases their brake
#[derive(Clone, Debug, Parser)]
#[command(name = "kubectl-exprun", bin_name = PROGRAM, version, after_help = AFTER_HELP)]
#[allow(clippy::doc_markdown, reason = "printed by --help, where backticks would stay")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Print without colours, which are there only on a terminal
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the plugin can do.
#[derive(Clone, Debug, Subcommand)]
#[allow(clippy::doc_markdown, reason = "printed by --help, where backticks would stay")]
pub(crate) enum Command {
    /// Show what runs do and wait for
    Status(Status),
    /// Pull the brake: nothing more is sent for these runs, whatever Git says
    Brake(brake::Flags),
    /// Show what would be sent without the brake, ask, and release it
    Release(release::Flags),
}

/// Parses the arguments, the program's own name first.
///
/// # Errors
/// The exit code, and what is to be printed: help on standard output, a complaint on standard error.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, Box<(u8, String)>> {
    Arguments::try_parse_from(arguments).map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Box::new((exit::OK, error.to_string())),
        _ => Box::new((exit::USAGE, error.to_string().trim_end().to_owned())),
    })
}
