//! One object a line and resource, for programs. Times are in UTC.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use crate::api::{Exposure, Member, WaitingFor};

use super::preview::{Preview, field};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    file: String,
    namespace: Option<&'a str>,
    name: &'a str,
    /// The fields of the spec that are sent at once.
    send: Vec<&'static str>,
    /// The fields of which is not known whether they would be sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unknown: Vec<&'static str>,
    timeline: Vec<Raise>,
    completes_at: Option<Timestamp>,
    /// Which edition of the IANA time zones the windows are read in.
    #[serde(skip_serializing_if = "Option::is_none")]
    time_zones: Option<&'static str>,
    /// Why exposure stays as it is after that, where it is not the target.
    #[serde(skip_serializing_if = "Option::is_none")]
    stays: Option<Stays<'a>>,
}

#[derive(Serialize)]
struct Raise {
    at: Timestamp,
    #[serde(serialize_with = "shortest")]
    from: Exposure,
    #[serde(serialize_with = "shortest")]
    to: Exposure,
    because: &'static str,
}

#[derive(Serialize)]
struct Stays<'a> {
    reason: &'a str,
    message: &'a str,
}

/// 5 in place of 5.0, as people write it.
#[allow(
    clippy::trivially_copy_pass_by_ref,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "serde asks for a reference; a whole exposure is from 0 to 100"
)]
fn shortest<S: Serializer>(exposure: &Exposure, serializer: S) -> Result<S::Ok, S::Error> {
    let percentage = exposure.shortest();
    if percentage.fract() == 0.0 {
        serializer.serialize_u8(percentage as u8)
    } else {
        serializer.serialize_f64(percentage)
    }
}

/// The line of one resource.
pub(super) fn print(preview: &Preview) -> String {
    let timeline = &preview.timeline;
    let fields = |members: &[Member]| members.iter().copied().map(field).collect();
    let raises = timeline.raises.iter().map(|raise| Raise {
        at: raise.at,
        from: raise.from,
        to: raise.to,
        because: raise.waits_for.map_or("Now", WaitingFor::as_str),
    });
    let line = Line {
        file: preview.manifest.file.display().to_string(),
        namespace: preview.manifest.namespace.as_deref(),
        name: &preview.manifest.name,
        send: fields(&timeline.sends),
        unknown: fields(&preview.unknown),
        timeline: raises.collect(),
        completes_at: timeline.completes_at,
        time_zones: preview.time_zones(),
        stays: preview.stays().map(|_| Stays {
            reason: &timeline.reason,
            message: &timeline.message,
        }),
    };
    let line = serde_json::to_string(&line).unwrap_or_default();
    format!("{line}\n")
}
