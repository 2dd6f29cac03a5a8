//! `release`: removes `spec.suspend`, after it has shown what would be sent.

mod preview;

use std::fmt::Write as _;

use appconfig_experiment_operator::api::{BRAKE_REASON, Exposure};
use clap::Args;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde::Serialize;
use serde_json::json;

use crate::{
    brake::{
        owners::{MANAGER, Other, others},
        report::put_others,
    },
    cluster::{Cluster, Connection},
    exit,
    failure::{CALL, Failure, call},
    run::Run,
    selection::Selection,
    status::{Output, json::optional, unreadable},
    terminal::{Paint, complain, confirm, out},
    times::Clock,
};
use preview::Preview;

/// How often a release is tried again whose resource changes meanwhile: statuses do.
const TRIES: usize = 10;

const AFTER_HELP: &str = "\
Example:
  kubectl exprun release add-to-cart-1 -n checkout

To make a brake last, commit suspend: true. To release that one, remove the line from Git and run this: it says which half is \
missing.";

/// The flags of `release`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Flags {
    #[command(flatten)]
    selection: Selection,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// Print lines to read, or one JSON object a line and run
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "text")]
    output: Output,
}

/// A resource whose brake is pulled, as it was shown.
struct Braked {
    object: DynamicObject,
    run: Run,
    preview: Result<Preview, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    namespace: String,
    name: String,
    released: bool,
    #[serde(serialize_with = "optional")]
    exposure_percentage: Option<Exposure>,
    /// To which exposure it is raised at once.
    #[serde(serialize_with = "optional")]
    raised_to: Option<Exposure>,
    other_managers: Vec<Other>,
}

/// Shows what would be sent, asks, and releases.
///
/// # Errors
/// When nothing was done.
pub(crate) async fn run(flags: &Flags, connection: &Connection, paint: Paint) -> Result<u8, Failure> {
    let cluster = Cluster::new(connection).await?;
    let clock = Clock::system();
    let (mut braked, mut failed) = (Vec::new(), false);
    for target in flags.selection.targets(&cluster, CALL).await? {
        let found = target
            .before
            .and_then(|object| Ok((Run::read(object.clone()).ok_or_else(unreadable)?, object)));
        match found {
            Ok((run, object)) if run.is_braked() => {
                let preview = Preview::of(&run, &clock);
                braked.push(Braked { object, run, preview });
            }
            Ok((run, _)) => complain(&format!("{}: the brake is not pulled", run.key())),
            Err(failure) => {
                complain(&format!("{}/{}: {failure}", cluster.namespace, target.name));
                failed = true;
            }
        }
    }
    let code = if failed { exit::FAILED } else { exit::OK };
    if braked.is_empty() {
        return Ok(code);
    }
    if flags.output == Output::Text {
        out(&braked
            .iter()
            .map(|braked| shown(braked, &clock, paint))
            .collect::<String>());
    }
    let question = match braked.as_slice() {
        [one] => format!("Release the brake of {}?", one.run.key()),
        several => format!("Release the brakes of {} runs?", several.len()),
    };
    if !flags.yes && !confirm(&question)? {
        return Ok(exit::DECLINED);
    }
    let released = release_all(flags, &cluster, braked, paint).await;
    Ok(if failed { code } else { released })
}

fn shown(braked: &Braked, clock: &Clock, paint: Paint) -> String {
    let run = &braked.run;
    let why = run
        .brake_reason()
        .map(|reason| format!(": {reason:?}"))
        .unwrap_or_default();
    let mut text = format!("{}: the brake is pulled{why}\n", paint.bold(&run.key()));
    let _ = match &braked.preview {
        Ok(preview) => text.write_str(&preview.lines(run, clock)),
        Err(why) => writeln!(text, "  what would be sent can't be said: {why}"),
    };
    put_others(&mut text, &others(None, &braked.object, false), paint);
    text
}

async fn release_all(flags: &Flags, cluster: &Cluster, braked: Vec<Braked>, paint: Paint) -> u8 {
    let (mut failed, mut may_be_undone) = (false, false);
    for braked in braked {
        let key = braked.run.key();
        let answer = match release(cluster, &braked).await {
            Ok(answer) => answer,
            Err(failure) => {
                complain(&format!("{key}: NOT RELEASED: {failure}"));
                failed = true;
                continue;
            }
        };
        let others = others(Some(&braked.object), &answer, false);
        may_be_undone |= !others.is_empty();
        out(&match flags.output {
            Output::Json => {
                let line = Line {
                    namespace: braked.run.namespace(),
                    name: braked.run.name(),
                    released: true,
                    exposure_percentage: braked.run.status.exposure_percentage,
                    raised_to: braked
                        .preview
                        .ok()
                        .and_then(|preview| preview.now)
                        .map(|raise| raise.to),
                    other_managers: others,
                };
                format!("{}\n", serde_json::to_string(&line).unwrap_or_default())
            }
            Output::Text => {
                let mut text = format!("{}: {}\n", paint.bold(&key), paint.good("released"));
                put_others(&mut text, &others, paint);
                text
            }
        });
    }
    match (failed, may_be_undone) {
        (true, _) => exit::FAILED,
        (false, true) => exit::MAY_BE_UNDONE,
        (false, false) => exit::OK,
    }
}

/// Releases what was shown, and nothing else: a spec that has changed since is shown first.
async fn release(cluster: &Cluster, braked: &Braked) -> Result<DynamicObject, Failure> {
    let (api, name) = (cluster.runs(&cluster.namespace), braked.run.name());
    let shown = &braked.run.resource.metadata;
    let parameters = PatchParams {
        field_manager: Some(MANAGER.to_owned()),
        ..PatchParams::default()
    };
    for _ in 0..TRIES {
        let newest = call(api.get(&name)).await?;
        if (&newest.metadata.uid, newest.metadata.generation) != (&shown.uid, shown.generation) {
            return Err(Failure::new(
                "the resource has changed since it was shown: look again, and decide anew",
            ));
        }
        let patch = json!({
            "metadata": {
                "resourceVersion": newest.metadata.resource_version,
                "annotations": { BRAKE_REASON: null }
            },
            "spec": { "suspend": null }
        });
        let tried = tokio::time::timeout(CALL, api.patch(&name, &parameters, &Patch::Merge(&patch))).await;
        match tried {
            // A status was written in between.
            Ok(Err(kube::Error::Api(status))) if status.code == 409 => {}
            Ok(answer) => return Ok(answer?),
            Err(_) => {
                return Err(Failure::new(
                    "the API server did not answer in time: look whether it is released",
                ));
            }
        }
    }
    Err(Failure::new("the resource changes all the time: try again"))
}
