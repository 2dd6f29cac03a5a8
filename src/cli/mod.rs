//! Arguments and environment, parsed into [`Run`] or [`Plan`]: after this nothing has to be checked again.
//!
//! On the map this is before the pass: `main` parses, and `controller` or `plan` gets the settings, in the types in which
//! it uses them. Nobody else reads arguments or the environment, but for the variables that AWS's crates and kube read
//! themselves.

mod flags;
mod selector;
mod service;
mod values;

use std::{env, ffi::OsString, fs, net::SocketAddr, num::NonZeroU16, path::PathBuf, time::Duration};

use clap::{CommandFactory, FromArgMatches, error::ContextKind, error::ContextValue, error::ErrorKind};
use jiff::Timestamp;

use crate::{
    api::Exposure,
    appconfig::Rate,
    telemetry::{LogFilter, LogFormat},
};
pub use flags::PlanFlags;
use flags::{Arguments, Flags, Words};
pub use selector::Selector;
pub use service::{Service, https_proxy};
pub use values::{InvalidValue, LeaseName, Namespace, Output};

/// The program's name, which is also that of its Lease and of the reporter of its Events.
pub const PROGRAM: &str = "appconfig-experiment-operator";
/// The word that asks for a preview.
pub(crate) const PLAN: &str = "plan";

/// The exit code when something failed that a person may have to look at.
pub const EXIT_FAILED: u8 = 1;
/// The exit code when an argument or an environment variable is wrong: starting again changes nothing. Of `plan` it is
/// [`EXIT_FAILED`], since 2 means something else there.
pub const EXIT_USAGE: u8 = 2;
/// The exit code of `plan` when something would be sent, now or later.
pub const EXIT_SENDS: u8 = 2;
/// The exit code when the Lease was lost: what the process remembers may be outdated, so it ends and is started anew.
pub const EXIT_LEASE_LOST: u8 = 3;

/// What the program was asked to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Run the operator.
    Run(Box<Run>),
    /// Preview manifests.
    Plan(Box<Plan>),
    /// Print the custom resource definition.
    Crds,
}

/// The settings of a running operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// The namespaces to watch, without repetition; none: all.
    pub namespaces: Vec<Namespace>,
    /// Which resources to watch; none: all.
    pub selector: Option<Selector>,
    /// Where `AppConfig` is.
    pub service: Service,
    /// The proxies that `HTTPS_PROXY` and `https_proxy` name. They are for AWS: the API server is reached through none of
    /// them.
    pub https_proxies: Vec<http::Uri>,
    /// How often a settled resource is read again: 1 second to 24 hours.
    pub resync_interval: Duration,
    /// How many passes run at a time.
    pub concurrency: NonZeroU16,
    /// Reads a second, per region.
    pub read_rate: Rate,
    /// Updates a second, per region.
    pub write_rate: Rate,
    /// Whether to act only while holding the Lease.
    pub leader_elect: bool,
    /// The name of the Lease.
    pub lease_name: LeaseName,
    /// The namespace of the Lease; none: the Pod's own, see `leader`.
    pub lease_namespace: Option<Namespace>,
    /// Where to serve metrics and probes. Port 0 picks a free one.
    pub http_address: SocketAddr,
    /// Whether to serve metrics per resource.
    pub per_object_metrics: bool,
    /// How a line of the log looks.
    pub log_format: LogFormat,
    /// Which lines are logged.
    pub log_filter: LogFilter,
}

/// What to preview, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// How the program is called: the first word of each complaint.
    pub program: &'static str,
    /// Files, folders, or `-` for standard input.
    pub files: Vec<PathBuf>,
    /// The live exposure; none: read it.
    pub from: Option<Exposure>,
    /// When the preview begins; none: now.
    pub at: Option<Timestamp>,
    /// Since when that exposure is live; none: since the preview begins, or as `AppConfig` says.
    pub since: Option<Timestamp>,
    /// How it is printed.
    pub output: Output,
    /// Where `AppConfig` is.
    pub service: Service,
}

/// Why there is nothing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// `--help` or `--version` was asked for: print the text to standard output and exit with 0.
    Shown(String),
    /// An argument is wrong: print the line to standard error and exit with this code.
    Wrong(u8, String),
}

/// Parses the arguments, the program's own name first, and the environment.
///
/// # Errors
/// [`Ended`] when there is nothing to run.
pub fn parse<I>(arguments: I) -> Result<Command, Ended>
where
    I: IntoIterator<Item = OsString>,
{
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    parse_words(&arguments).map_err(|ended| match ended {
        Ended::Wrong(_, line) if arguments.get(1).is_some_and(|word| word == PLAN) => Ended::Wrong(EXIT_FAILED, line),
        ended => ended,
    })
}

fn parse_words(arguments: &[OsString]) -> Result<Command, Ended> {
    let mut command = without_empty_variables(Arguments::command());
    let parsed = command
        .try_get_matches_from_mut(arguments)
        .and_then(|mut matches| Arguments::from_arg_matches_mut(&mut matches))
        .map_err(|error| ended(&error, &command, arguments))?;
    match parsed.command {
        Some(Words::Plan(flags)) => Ok(Command::Plan(Box::new(flags.settings(PROGRAM)?))),
        Some(Words::Crds) => Ok(Command::Crds),
        Some(Words::Run(flags)) => settings(*flags),
        None => settings(parsed.run),
    }
}

/// The name of this machine, which in a Pod is the Pod's name: unique among replicas.
#[must_use]
pub fn host_name() -> String {
    // See proc_sys_kernel(5). The variable is what a shell or a container runtime says where /proc is hidden.
    fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .or_else(|| env::var("HOSTNAME").ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown-host".to_owned())
}

/// The command, which takes an environment variable that is set to nothing for one that is not set: manifests and
/// shells say "none" in this way.
#[must_use]
pub fn without_empty_variables(command: clap::Command) -> clap::Command {
    let empty = |argument: &clap::Arg| {
        argument
            .get_env()
            .and_then(env::var_os)
            .is_some_and(|value| value.is_empty())
    };
    let forget = |argument: clap::Arg| {
        let argument = argument.hide_env_values(true);
        if empty(&argument) {
            argument.env(None::<&str>)
        } else {
            argument
        }
    };
    command
        .mut_args(forget)
        .mut_subcommands(|subcommand| subcommand.mut_args(forget))
}

/// The rules that take more than one flag.
fn settings(flags: Flags) -> Result<Command, Ended> {
    let mut namespaces = flags.namespace;
    namespaces.sort();
    namespaces.dedup();
    Ok(Command::Run(Box::new(Run {
        namespaces,
        selector: flags.selector,
        service: Service::new(flags.service)?,
        https_proxies: service::https_proxies(),
        resync_interval: flags.resync_interval,
        concurrency: flags.concurrency,
        read_rate: flags.read_rate,
        write_rate: flags.write_rate,
        leader_elect: flags.leader_elect,
        lease_name: flags.lease_name,
        lease_namespace: flags.lease_namespace,
        http_address: flags.http_address,
        per_object_metrics: flags.per_object_metrics,
        log_format: flags.log_format,
        log_filter: flags.log_level,
    })))
}

impl PlanFlags {
    /// The settings, for a program that is called so.
    ///
    /// # Errors
    /// When flags or environment can't be used together.
    pub fn settings(self, program: &'static str) -> Result<Plan, Ended> {
        Ok(Plan {
            program,
            files: self.filename,
            from: self.from,
            at: self.at,
            since: self.since,
            output: self.output,
            service: Service::new(self.service)?,
        })
    }
}

/// What clap has to say, in one line: its own report goes over several, and a log shows only the first.
fn ended(error: &clap::Error, command: &clap::Command, arguments: &[OsString]) -> Ended {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return Ended::Shown(error.to_string());
    }
    let text = error.to_string();
    let lines = text.lines().map(str::trim).take_while(|line| !line.is_empty());
    let line = lines.collect::<Vec<_>>().join(" ");
    let origin = variable(error, command, arguments)
        .map(|name| format!(" (from {name})"))
        .unwrap_or_default();
    wrong(&format!("{}{origin}", line.trim_start_matches("error: ")))
}

/// The environment variable that the wrong value came from, if it was one.
fn variable(error: &clap::Error, command: &clap::Command, arguments: &[OsString]) -> Option<String> {
    let ContextValue::String(shown) = error.get(ContextKind::InvalidArg)? else {
        return None;
    };
    let flag = shown.split([' ', '=', '[']).next()?;
    let typed = arguments
        .iter()
        .any(|argument| argument.to_string_lossy().split('=').next() == Some(flag));
    let argument = command
        .get_arguments()
        .find(|argument| argument.get_long() == flag.strip_prefix("--"))?;
    let name = argument.get_env()?;
    (!typed && env::var_os(name).is_some()).then(|| name.to_string_lossy().into_owned())
}

/// The one line for standard error.
fn wrong(what: &str) -> Ended {
    Ended::Wrong(EXIT_USAGE, format!("{PROGRAM}: {what}; see --help"))
}

#[cfg(test)]
mod tests;
