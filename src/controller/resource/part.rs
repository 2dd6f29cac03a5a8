//! One part of a resource: read, absent, or a fault that names its place.

use std::{collections::BTreeSet, fmt};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use serde_path_to_error::Segment;

use crate::api::ExperimentRunStatus;

/// The fields whose keys are data: entity IDs, parameters, tags.
const DATA: [&str; 3] = ["inline", "dynamicExtensionParameters", "tags"];

/// Where a part is that can't be read, as in `status.ramp.reached.at`. It holds names of fields and nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::controller) struct FaultyPart(String);

impl FaultyPart {
    pub(super) fn at(place: &str) -> Self {
        Self(place.to_owned())
    }
}

impl fmt::Display for FaultyPart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A part that is read whole; `None` when it is absent, and when it can't be read, which is a fault.
pub(super) fn part<'a, T: Deserialize<'a>>(
    place: &str,
    raw: Option<&'a RawValue>,
    faults: &mut Vec<FaultyPart>,
) -> Option<T> {
    serde_json::from_str(raw?.get()).unwrap_or_else(|_| {
        faults.push(FaultyPart::at(place));
        None
    })
}

/// The same for a part of many fields, whose fault is the field's.
pub(super) fn fields<T: DeserializeOwned>(
    place: &str,
    raw: Option<&RawValue>,
    faults: &mut Vec<FaultyPart>,
) -> Option<T> {
    let raw = raw?;
    serde_json::from_str(raw.get()).unwrap_or_else(|_| {
        faults.push(field::<T>(place, raw));
        None
    })
}

/// Which field it is that can't be read. Looked for only when there is one, since it costs more than reading.
fn field<T: DeserializeOwned>(place: &str, raw: &RawValue) -> FaultyPart {
    let mut json = serde_json::Deserializer::from_str(raw.get());
    let mut found = place.to_owned();
    let Err(error) = serde_path_to_error::deserialize::<_, T>(&mut json) else {
        return FaultyPart(found);
    };
    for segment in error.path() {
        match segment {
            Segment::Seq { .. } => found.push_str("[]"),
            Segment::Map { key } => {
                found.push('.');
                found.push_str(key);
                if DATA.contains(&key.as_str()) {
                    break;
                }
            }
            Segment::Enum { .. } | Segment::Unknown => break,
        }
    }
    FaultyPart(found)
}

/// The fields of a spec that this operator does not know, each once. What is in one of them is not looked at.
pub(super) fn unknown_fields<'a, T: Deserialize<'a>>(place: &str, raw: Option<&'a RawValue>) -> BTreeSet<String> {
    let mut unknown = BTreeSet::new();
    if let Some(raw) = raw {
        let mut json = serde_json::Deserializer::from_str(raw.get());
        // What can't be read is told elsewhere.
        let _: Result<T, _> = serde_ignored::deserialize(&mut json, |path| {
            unknown.insert(named(place, &path));
        });
    }
    unknown
}

/// A path as people write it, as in `spec.ramp.steps[].hold`.
fn named(place: &str, path: &serde_ignored::Path<'_>) -> String {
    use serde_ignored::Path;
    match path {
        Path::Root => place.to_owned(),
        Path::Seq { parent, .. } => format!("{}[]", named(place, parent)),
        Path::Map { parent, key } => {
            let parent = named(place, parent);
            let is_data = DATA.iter().any(|data| parent.ends_with(&format!(".{data}")));
            if is_data { parent } else { format!("{parent}.{key}") }
        }
        Path::Some { parent } | Path::NewtypeStruct { parent } | Path::NewtypeVariant { parent } => {
            named(place, parent)
        }
    }
}

/// What the operator itself has said of an object, as far as that can be read.
pub(super) fn own_status(status: Option<&RawValue>) -> ExperimentRunStatus {
    #[derive(Default, Deserialize)]
    #[serde(rename_all = "camelCase", default)]
    struct Own<'a> {
        #[serde(borrow)]
        observed_generation: Option<&'a RawValue>,
        #[serde(borrow)]
        last_handled_reconcile_at: Option<&'a RawValue>,
        #[serde(borrow)]
        conditions: Option<&'a RawValue>,
    }
    let mut faults = Vec::new();
    let own: Own<'_> = part("status", status, &mut faults).unwrap_or_default();
    ExperimentRunStatus {
        observed_generation: part("", own.observed_generation, &mut faults),
        last_handled_reconcile_at: part("", own.last_handled_reconcile_at, &mut faults),
        conditions: part("", own.conditions, &mut faults).unwrap_or_default(),
        ..ExperimentRunStatus::default()
    }
}
