//! `version`: of the plugin, of the operator, of the CRD and of the time zones.

use std::fmt::Write as _;

use appconfig_experiment_operator::decide::ramp::schedule::time_zone_data;
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;

use crate::{
    cluster::{Cluster, Connection},
    exit,
    failure::Failure,
    operator::{Operator, Place, images, served_versions},
    status::Output,
    terminal::out,
};

/// This program's version.
pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

const AFTER_HELP: &str = "\
Example:
  kubectl exprun version";

/// The flags of `version`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Flags {
    /// Only of the plugin: no cluster is asked
    #[arg(long)]
    client: bool,
    #[command(flatten)]
    place: Place,
    /// Print lines to read, or one JSON object
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "text")]
    output: Output,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Versions {
    client: &'static str,
    time_zones: &'static str,
    /// Null where the cluster does not tell.
    operator: Option<String>,
    /// The process that acts. Null where none does, or the cluster does not tell.
    holder: Option<String>,
    /// Null where the cluster does not tell.
    served: Option<Vec<String>>,
    /// Why something is not known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<String>,
}

/// Prints the versions, as far as the cluster tells.
///
/// # Errors
/// When there is no usable kubeconfig. What the cluster does not tell is no error.
pub(crate) async fn run(flags: &Flags, connection: &Connection) -> Result<u8, Failure> {
    let mut versions = Versions {
        client: VERSION,
        time_zones: time_zone_data(),
        operator: None,
        holder: None,
        served: None,
        unknown: Vec::new(),
    };
    if !flags.client {
        ask(&mut versions, &Cluster::new(connection).await?, &flags.place).await;
    }
    out(&match flags.output {
        Output::Json => format!("{}\n", serde_json::to_string(&versions).unwrap_or_default()),
        Output::Text => lines(&versions, flags.client),
    });
    Ok(exit::OK)
}

async fn ask(versions: &mut Versions, cluster: &Cluster, place: &Place) {
    match served_versions(cluster).await {
        Ok(served) => versions.served = Some(served),
        Err(failure) => versions.unknown.push(failure.what),
    }
    let of_lease = Operator::find(cluster, place).await;
    if let Ok(Some(operator)) = &of_lease {
        versions.holder = operator.acting(Timestamp::now()).map(|(holder, _)| holder.to_owned());
    }
    let told = of_lease
        .as_ref()
        .ok()
        .and_then(|found| found.as_ref()?.published.version.clone());
    versions.operator = match told {
        Some(version) => Some(version),
        None => match images(cluster, place).await {
            Ok(images) => images.into_iter().next(),
            Err(failure) => {
                versions.unknown.push(failure.what);
                None
            }
        },
    };
}

fn lines(versions: &Versions, client_only: bool) -> String {
    let mut text = format!(
        "kubectl exprun: {}\ntime zones: IANA {}\n",
        versions.client, versions.time_zones
    );
    if client_only {
        return text;
    }
    let operator = versions.operator.as_deref().unwrap_or("not found");
    let holder = versions
        .holder
        .as_ref()
        .map(|holder| format!(", {holder} acts"))
        .unwrap_or_default();
    let served = match versions.served.as_deref() {
        Some([]) => "not served".to_owned(),
        Some(served) => format!("serves {}", served.join(", ")),
        None => "not known".to_owned(),
    };
    let _ = writeln!(text, "operator: {operator}{holder}\nCRD: {served}");
    for why in &versions.unknown {
        let _ = writeln!(text, "not known: {why}");
    }
    text
}
