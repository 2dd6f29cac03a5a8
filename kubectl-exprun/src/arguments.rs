//! The arguments as clap reads them, with what `--help` says.

use std::ffi::OsString;

use appconfig_experiment_operator::cli::{PlanFlags, without_empty_variables};
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand, error::ErrorKind};

use crate::{
    brake, check,
    cluster::{Connection, GLOBAL},
    completion, exit, release,
    status::Status,
    version,
};

/// How people call the program.
pub(crate) const PROGRAM: &str = "kubectl exprun";

const AFTER_HELP: &str = "\
Exit codes: 0 done; 1 failed; 2 a wrong argument; 3 done, and another tool may undo it; 4 the answer was no. Those of `plan` \
are its own: see `kubectl exprun plan --help`.";

const AFTER_PLAN_HELP: &str = "\
The manifests are checked as the API server would check them. With --from nothing is asked over the network; else the run is read \
from AppConfig, with credentials found as by all AWS SDKs. No cluster is asked.

Exit codes: 0 nothing is sent, now or later; 2 something is; 1 an error, a wrong argument included.

Examples:
  kubectl exprun plan -f runs/ -o markdown
  kubectl exprun plan -f run.yaml --from 5 --since 2026-11-23T08:00:00Z";

/// Shows ExperimentRuns, and pulls and releases their brake
#[derive(Clone, Debug, Parser)]
#[command(name = "kubectl-exprun", bin_name = PROGRAM, version, after_help = AFTER_HELP)]
#[allow(clippy::doc_markdown, reason = "printed by --help, where backticks would stay")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) connection: Connection,
    /// Print without colours, which are there only on a terminal
    #[arg(long, global = true, help_heading = GLOBAL)]
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
    /// Print what manifests would have sent now, and when their ramps raise exposure; sends nothing
    #[command(after_help = AFTER_PLAN_HELP)]
    Plan(Box<PlanFlags>),
    /// Check the install: what is there, what is lacking, and what to do
    Check(check::Flags),
    /// Print the versions of the plugin, the operator and the CRD
    Version(version::Flags),
    /// Print what a shell or kubectl needs to complete words
    Completion(completion::Flags),
    /// Print what the last of these words could be
    #[command(name = "__complete", hide = true, disable_help_flag = true)]
    Complete {
        #[arg(allow_hyphen_values = true, trailing_var_arg = true)]
        words: Vec<OsString>,
    },
}

/// Parses the arguments, the program's own name first.
///
/// # Errors
/// The exit code, and what is to be printed: help on standard output, a complaint on standard error.
pub(crate) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Arguments, Box<(u8, String)>> {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let parsed = without_empty_variables(Arguments::command())
        .try_get_matches_from(&arguments)
        .and_then(|matches| Arguments::from_arg_matches(&matches));
    parsed.map_err(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Box::new((exit::OK, error.to_string())),
        _ => Box::new((code_of_usage(&arguments), error.to_string().trim_end().to_owned())),
    })
}

/// The exit code of a wrong argument: of `plan`, 2 means something else.
fn code_of_usage(arguments: &[OsString]) -> u8 {
    let root = Arguments::command();
    let mut words = arguments.iter().skip(1).map(|word| word.to_string_lossy());
    let command = words.find_map(|word| root.find_subcommand(&*word));
    if command.is_some_and(|command| command.get_name() == "plan") {
        exit::FAILED
    } else {
        exit::USAGE
    }
}
