//! The flags as clap reads them, with what `--help` says of each.

use std::{net::SocketAddr, num::NonZeroU16, path::PathBuf, sync::LazyLock, time::Duration};

use clap::{ArgAction, Args, Parser, Subcommand};
use jiff::Timestamp;

use super::{
    selector::Selector,
    values::{LeaseName, Namespace, Output},
};
use crate::{
    api::{Exposure, Region},
    appconfig::{CustomEndpoint, Rate},
    decide::ramp::schedule::time_zone_data,
    telemetry::{LogFilter, LogFormat},
};

/// What stands below the flags in `--help`.
const AFTER_HELP: &str = "\
A flag wins over its environment variable; an empty variable counts as absent.

Exit codes: 0 stopped on request, or there was nothing to do; 1 failed; 2 a wrong argument; 3 the Lease was lost: \
restart the operator.";

/// This program's version, and what else decides when a window opens.
fn version() -> &'static str {
    static VERSION: LazyLock<String> =
        LazyLock::new(|| format!("{} (time zones: IANA {})", env!("CARGO_PKG_VERSION"), time_zone_data()));
    &VERSION
}

/// Updates AWS AppConfig experiment runs to match their ExperimentRun resources.
#[derive(Debug, Parser)]
#[command(name = super::PROGRAM, version = version(), after_help = AFTER_HELP, args_conflicts_with_subcommands = true)]
#[allow(
    clippy::doc_markdown,
    reason = "the line is printed by --help, where backticks would stay"
)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Words>,
    #[command(flatten)]
    pub(super) run: Flags,
}

/// What the program can do.
#[derive(Debug, Subcommand)]
#[allow(clippy::doc_markdown, reason = "printed by --help, where backticks would stay")]
pub(super) enum Words {
    /// Run the operator until it is stopped; this is the default command
    Run(Box<Flags>),
    /// Preview manifests: what would be sent now, and when ramps raise exposure; sends nothing
    Plan(Box<PlanFlags>),
    /// Print the CustomResourceDefinition of ExperimentRun as YAML
    Crds,
}

/// The flags of `run`.
#[derive(Debug, Args)]
#[allow(clippy::doc_markdown, reason = "printed by --help, where backticks would stay")]
pub(super) struct Flags {
    /// Watch this namespace only; may be given several times [default: all namespaces]
    #[arg(
        long,
        env = "APPCONFIG_OPERATOR_NAMESPACE",
        value_name = "NAME",
        value_delimiter = ','
    )]
    pub(super) namespace: Vec<Namespace>,
    /// Watch only ExperimentRuns with these labels, such as team=checkout [default: all]
    #[arg(long, env = "APPCONFIG_OPERATOR_SELECTOR")]
    pub(super) selector: Option<Selector>,
    #[command(flatten)]
    pub(super) service: ServiceFlags,
    /// Read a run again this often when nothing changes, 1s to 24h
    #[arg(
        long,
        env = "APPCONFIG_OPERATOR_RESYNC_INTERVAL",
        value_name = "DURATION",
        default_value = "10m",
        value_parser = super::values::resync_interval
    )]
    pub(super) resync_interval: Duration,
    /// Work on at most this many resources at a time
    #[arg(
        long,
        env = "APPCONFIG_OPERATOR_CONCURRENCY",
        value_name = "NUMBER",
        default_value = "16",
        value_parser = super::values::concurrency
    )]
    pub(super) concurrency: NonZeroU16,
    /// Read from AppConfig at most this many times a second, per region
    #[arg(
        long,
        env = "APPCONFIG_OPERATOR_READ_RATE",
        value_name = "PER-SECOND",
        default_value = "20"
    )]
    pub(super) read_rate: Rate,
    /// Send updates to AppConfig at most this many times a second, per region
    #[arg(
        long,
        env = "APPCONFIG_OPERATOR_WRITE_RATE",
        value_name = "PER-SECOND",
        default_value = "5"
    )]
    pub(super) write_rate: Rate,
    /// Act only while holding a Lease, so that only one of several replicas acts
    #[arg(long, env = "APPCONFIG_OPERATOR_LEADER_ELECT", value_name = "BOOLEAN", default_value_t = true,
          action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) leader_elect: bool,
    /// Name of the Lease
    #[arg(long, env = "APPCONFIG_OPERATOR_LEASE_NAME", value_name = "NAME", default_value = super::PROGRAM)]
    pub(super) lease_name: LeaseName,
    /// Namespace of the Lease [default: the Pod's own, else the kubeconfig's, else appconfig-experiment-operator]
    #[arg(long, env = "APPCONFIG_OPERATOR_LEASE_NAMESPACE", value_name = "NAME")]
    pub(super) lease_namespace: Option<Namespace>,
    /// Serve /metrics, /livez and /readyz at this address; without an IP, at every address; port 0 picks a free port,
    /// which is logged
    #[arg(
        long,
        env = "APPCONFIG_OPERATOR_HTTP_ADDRESS",
        value_name = "[IP]:PORT",
        default_value = "0.0.0.0:8080",
        value_parser = super::values::http_address
    )]
    pub(super) http_address: SocketAddr,
    /// Serve metrics per ExperimentRun; off by default, since each resource adds up to six time series
    #[arg(long, env = "APPCONFIG_OPERATOR_PER_OBJECT_METRICS", value_name = "BOOLEAN", default_value_t = false,
          action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) per_object_metrics: bool,
    /// Format of the log
    #[arg(
        long,
        env = "APPCONFIG_OPERATOR_LOG_FORMAT",
        value_name = "FORMAT",
        value_enum,
        default_value = "json"
    )]
    pub(super) log_format: LogFormat,
    /// Level of the log, or levels by target as in RUST_LOG; libraries stay at warn or above, since they would print
    /// headers and bodies
    #[arg(
        long,
        env = "APPCONFIG_OPERATOR_LOG_LEVEL",
        value_name = "FILTER",
        default_value = "info"
    )]
    pub(super) log_level: LogFilter,
}

/// The flags that say where `AppConfig` is.
#[derive(Clone, Debug, Args)]
#[allow(clippy::doc_markdown, reason = "printed by --help, where backticks would stay")]
pub(super) struct ServiceFlags {
    /// AWS region of resources that name none [default: $AWS_DEFAULT_REGION, else each resource must name one]
    #[arg(long, env = "AWS_REGION")]
    pub(super) region: Option<Region>,
    /// Send AppConfig requests of every region to this URL [default: AWS's own endpoint of the region]
    #[arg(long, env = "AWS_ENDPOINT_URL_APPCONFIG", value_name = "URL")]
    pub(super) endpoint_url: Option<CustomEndpoint>,
    /// Allow an http:// endpoint that is not on this machine: signed requests and entity IDs then cross the network in
    /// plain text
    #[arg(long, env = "APPCONFIG_OPERATOR_ALLOW_INSECURE_ENDPOINT", value_name = "BOOLEAN", default_value_t = false,
          action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(super) allow_insecure_endpoint: bool,
}

/// What stands below the flags of `plan` in `--help`.
const AFTER_PLAN_HELP: &str = "\
plan checks the manifests as the API server would. With --from, it does not use the network. Without --from, it reads \
the run from AppConfig, with credentials from the same sources as all AWS SDKs.

Exit codes: 0 nothing would be sent, now or later; 2 something would be sent; 1 an error, or a wrong argument.";

/// The flags of `plan`, which the kubectl plugin has too.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_PLAN_HELP)]
#[allow(clippy::doc_markdown, reason = "printed by --help, where backticks would stay")]
pub struct PlanFlags {
    /// Manifests: files, folders with their subfolders (*.yaml, *.yml, *.json), or - for standard input; resources of
    /// other kinds are skipped
    #[arg(short, long, value_name = "FILE", required = true, num_args = 1..)]
    pub(super) filename: Vec<PathBuf>,
    /// Plan from this live exposure, in percent, without AWS; whether other fields would be sent is then not known
    #[arg(long, value_name = "PERCENT", value_parser = super::values::exposure)]
    pub(super) from: Option<Exposure>,
    /// Plan from this time on, such as 2026-11-23T08:00:00Z [default: now]
    #[arg(long, value_name = "TIME", value_parser = super::values::time)]
    pub(super) at: Option<Timestamp>,
    /// Since when the exposure of --from is live [default: the time of --at]
    #[arg(long, value_name = "TIME", requires = "from", value_parser = super::values::time)]
    pub(super) since: Option<Timestamp>,
    /// Print tables, one line of JSON for each resource, or Markdown with a Mermaid timeline for a pull request
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub(super) output: Output,
    #[command(flatten)]
    pub(super) service: ServiceFlags,
}
