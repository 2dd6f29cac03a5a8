//! `brake`: sets `spec.suspend`, so that nothing more is sent for a run.

pub(crate) mod bounds;
pub(crate) mod owners;
mod pull;
pub(crate) mod report;
mod wait;

use std::{collections::BTreeSet, time::Duration};

use clap::Args;
use jiff::SignedDuration;
use kube::api::DynamicObject;

use crate::{
    cluster::{Cluster, Connection},
    exit,
    failure::Failure,
    selection::{LOOK, Selection, Target},
    status::Output,
    terminal::{Paint, complain, confirm, out},
    times::Clock,
};
use owners::others;
use pull::{Pulled, Tried, is_braked, pull_all, status};
use report::{Brake, acknowledged, outcome};
use wait::{has_seen, wait};

/// How often a selection is listed anew: somebody may create resources meanwhile.
const ROUNDS: usize = 10;

const AFTER_HELP: &str = "\
Examples:
  kubectl exprun brake add-to-cart-1 -n checkout --reason 'checkout errors rise'
  kubectl exprun brake --all -n checkout --reason 'incident 4711' --yes

The brake stops what would come. It takes nothing back: only stopping the run in AWS does. It holds in this cluster only.";

/// The flags of `brake`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Flags {
    #[command(flatten)]
    selection: Selection,
    /// Why, for those who find the brake pulled: one line of up to 253 bytes, without entity IDs, since Events show it
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Wait so long for the operator to see it
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration)]
    timeout: Duration,
    /// Do not ask before the brakes of more than one run are pulled
    #[arg(short, long)]
    yes: bool,
    /// Print lines to read, or one JSON object a line and run
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "text")]
    output: Output,
}

/// A length of time such as `60s` or `2m`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let parsed: Option<SignedDuration> = text.parse().ok();
    let parsed = parsed.and_then(|parsed| Duration::try_from(parsed).ok());
    parsed.ok_or_else(|| "a duration is written as 60s or 2m".to_owned())
}

/// Pulls the brakes, says so, and looks what became of them.
///
/// # Errors
/// When nothing was done.
pub(crate) async fn run(flags: &Flags, connection: &Connection, paint: Paint) -> Result<u8, Failure> {
    let reason = pull::reason(&flags.reason)?;
    let cluster = Cluster::new(connection).await?;
    let targets = flags.selection.targets(&cluster, LOOK).await?;
    if targets.is_empty() {
        return Err(Failure::new(format!(
            "no ExperimentRun of namespace {} is selected",
            cluster.namespace
        )));
    }
    if targets.len() > 1 && !flags.yes {
        let question = format!("Pull the brakes of {} runs ({})?", targets.len(), named(&targets));
        if !confirm(&question)? {
            return Ok(exit::DECLINED);
        }
    }
    let (pulled, failed) = pull_until_none_is_left(flags, &cluster, targets, &reason, paint).await;
    let after = wait(&cluster, &pulled, flags.timeout).await;
    let mut may_be_undone = false;
    for brake in &pulled {
        let after = after.get(&brake.name);
        let brake = result(brake, after, &cluster.namespace);
        may_be_undone |= !brake.holds || !brake.other_managers.is_empty();
        out(&match flags.output {
            Output::Json => brake.json(),
            Output::Text => outcome(&brake, &format!("{} s", flags.timeout.as_secs()), paint),
        });
    }
    Ok(if failed {
        exit::FAILED
    } else if may_be_undone {
        exit::MAY_BE_UNDONE
    } else {
        exit::OK
    })
}

/// Pulls brakes until a new list has no resource without one. Those that were pulled, and whether any could not be.
async fn pull_until_none_is_left(
    flags: &Flags,
    cluster: &Cluster,
    targets: Vec<Target>,
    reason: &str,
    paint: Paint,
) -> (Vec<Pulled>, bool) {
    let (mut pulled, mut failed) = (Vec::new(), BTreeSet::new());
    let mut open = targets;
    for _ in 0..ROUNDS {
        let tried = pull_all(cluster, open, reason).await;
        say(&tried, flags.output, &cluster.namespace, paint);
        for tried in tried {
            match tried {
                Ok(brake) => pulled.push(brake),
                Err((name, _)) => {
                    failed.insert(name);
                }
            }
        }
        open = match flags.selection.listed(cluster).await {
            Ok(listed) => listed
                .into_iter()
                .filter(|target| is_open(target) && !failed.contains(&target.name))
                .collect(),
            Err(failure) => {
                complain(&format!("whether there are others now can't be seen: {failure}"));
                return (pulled, true);
            }
        };
        if open.is_empty() {
            return (pulled, !failed.is_empty());
        }
    }
    complain(&format!(
        "after {ROUNDS} rounds there are still runs without a brake: somebody releases or creates them"
    ));
    (pulled, true)
}

fn is_open(target: &Target) -> bool {
    target.before.as_ref().is_ok_and(|object| !is_braked(object))
}

/// The names of targets, as many as a question can hold.
fn named(targets: &[Target]) -> String {
    const NAMES: usize = 10;
    let mut names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).take(NAMES).collect();
    let more = format!("and {} more", targets.len().saturating_sub(NAMES));
    if targets.len() > NAMES {
        names.push(&more);
    }
    names.join(", ")
}

/// Says at once what was acknowledged, and what was not.
fn say(tried: &[Tried], output: Output, namespace: &str, paint: Paint) {
    for (name, failure) in tried.iter().filter_map(|tried| tried.as_ref().err()) {
        complain(&format!("{namespace}/{name}: NOT ACKNOWLEDGED: {failure}"));
    }
    let mut brakes: Vec<_> = tried
        .iter()
        .flatten()
        .map(|brake| {
            (
                format!("{namespace}/{}", brake.name),
                brake.at,
                status(&brake.answer).pending_update,
            )
        })
        .collect();
    brakes.sort_by(|one, other| one.0.cmp(&other.0));
    if output == Output::Text && !brakes.is_empty() {
        out(&acknowledged(&brakes, &Clock::system(), paint));
    }
}

fn result(brake: &Pulled, after: Option<&DynamicObject>, namespace: &str) -> Brake {
    let newest = after.unwrap_or(&brake.answer);
    Brake {
        namespace: namespace.to_owned(),
        name: brake.name.clone(),
        acknowledged_at: brake.at,
        last_start_seconds: Brake::LAST_START,
        last_end_seconds: Brake::LAST_END,
        pending_update: status(&brake.answer).pending_update,
        holds: is_braked(newest),
        seen: after.is_some_and(|after| has_seen(brake, after)),
        exposure_percentage: status(newest).exposure_percentage,
        other_managers: others(brake.before.as_ref(), newest, true),
    }
}
