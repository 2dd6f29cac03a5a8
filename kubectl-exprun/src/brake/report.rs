//! What is said of brakes.

use std::fmt::Write as _;

use appconfig_experiment_operator::api::{Exposure, PendingUpdate};
use jiff::Timestamp;
use serde::Serialize;

use super::{
    bounds::{LAST_END, LAST_START, LIMITS, promise},
    owners::Other,
};
use crate::{
    status::{json::optional, screen::describe_pending},
    terminal::Paint,
    times::Clock,
};

/// All that is known of one brake in the end. With `-o json` it is what is printed, one object a line.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Brake {
    pub(crate) namespace: String,
    pub(crate) name: String,
    /// When the API server's answer was here.
    pub(crate) acknowledged_at: Timestamp,
    /// No request starts later than this many seconds after it.
    pub(crate) last_start_seconds: u64,
    /// No request lives longer than this many seconds after it.
    pub(crate) last_end_seconds: u64,
    /// The update that the patch's answer tells of.
    pub(crate) pending_update: Option<PendingUpdate>,
    /// Whether the brake is still pulled.
    pub(crate) holds: bool,
    /// Whether the operator has looked at the resource since.
    pub(crate) seen: bool,
    /// The live exposure, as the operator read it last.
    #[serde(serialize_with = "optional")]
    pub(crate) exposure_percentage: Option<Exposure>,
    /// Who may undo it.
    pub(crate) other_managers: Vec<Other>,
}

impl Brake {
    pub(crate) const LAST_START: u64 = LAST_START.as_secs();
    pub(crate) const LAST_END: u64 = LAST_END.as_secs();

    /// As one object on a line.
    pub(crate) fn json(&self) -> String {
        format!("{}\n", serde_json::to_string(self).unwrap_or_default())
    }
}

/// What is said at once: the promise, what it does not cover, and a line for each brake.
pub(crate) fn acknowledged(
    brakes: &[(String, Timestamp, Option<PendingUpdate>)],
    clock: &Clock,
    paint: Paint,
) -> String {
    let mut text = String::new();
    for (key, at, pending) in brakes {
        let _ = writeln!(
            text,
            "{} at {}: {}",
            paint.bold(key),
            clock.at(*at),
            paint.good(&promise())
        );
        if let Some(pending) = pending {
            let _ = writeln!(text, "  pending: {}", describe_pending(pending, clock));
        }
    }
    for limit in LIMITS {
        let _ = writeln!(text, "  {limit}");
    }
    text
}

/// What is said after the wait, of one brake.
pub(crate) fn outcome(brake: &Brake, timeout: &str, paint: Paint) -> String {
    let key = format!("{}/{}", brake.namespace, brake.name);
    let exposure = brake.exposure_percentage.map_or_else(
        || "the live exposure is not known".to_owned(),
        |live| {
            let read = if brake.seen {
                "as read after the brake"
            } else {
                "as read before the brake"
            };
            format!("live exposure {live} %, {read}")
        },
    );
    let seen = if brake.seen {
        "the operator has seen it".to_owned()
    } else {
        paint.careful(&format!(
            "warning: no operator has seen it within {timeout}: see whether it runs"
        ))
    };
    let mut text = format!("{}: {exposure}; {seen}\n", paint.bold(&key));
    if !brake.holds {
        let _ = writeln!(
            text,
            "  {}",
            paint.bad("the brake is released again: somebody has undone it")
        );
    }
    put_others(&mut text, &brake.other_managers, paint);
    text
}

/// The tools that may undo it, and how to stop them.
pub(crate) fn put_others(text: &mut String, others: &[Other], paint: Paint) {
    for other in others {
        let what = format!("{} {}, and may undo this", other.manager, other.does);
        let _ = writeln!(text, "  {}", paint.bad(&what));
        let _ = writeln!(text, "    to stop it: {}", other.stop);
    }
}
