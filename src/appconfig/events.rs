//! What happened to a run: who ended it, and since when an exposure is live.

use jiff::Timestamp;
use serde::Deserialize;

use super::answer::{Unusable, timestamp};
use crate::api::Exposure;

/// Something that happened to a run. Its overrides are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExperimentRunEvent {
    /// What happened.
    pub event_type: ExperimentRunEventType,
    /// When.
    pub occurred_at: Option<Timestamp>,
    /// What brought it about. `None` when absent or not known to this version.
    pub triggered_by: Option<TriggeredBy>,
    /// The exposure then.
    pub exposure: Option<Exposure>,
}

/// What happened to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExperimentRunEventType {
    /// `RUN_STARTED`.
    RunStarted,
    /// `EXPOSURE_UPDATED`.
    ExposureUpdated,
    /// `OVERRIDES_UPDATED`.
    OverridesUpdated,
    /// `RUN_STOPPED`.
    RunStopped,
    /// Not known to this version.
    Other,
}

/// What brought an event about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TriggeredBy {
    /// `USER`: a person, or a program with an identity of its own.
    User,
    /// `APPCONFIG`.
    AppConfig,
    /// `CLOUDWATCH_ALARM`.
    CloudWatchAlarm,
    /// `INTERNAL_ERROR`.
    InternalError,
}

impl TriggeredBy {
    /// The value in the AWS API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "USER",
            Self::AppConfig => "APPCONFIG",
            Self::CloudWatchAlarm => "CLOUDWATCH_ALARM",
            Self::InternalError => "INTERNAL_ERROR",
        }
    }
}

/// The latest `RUN_STOPPED` of a run's events, in whatever order they are listed.
#[must_use]
pub fn last_run_stopped(events: &[ExperimentRunEvent]) -> Option<&ExperimentRunEvent> {
    let stopped = events
        .iter()
        .filter(|event| event.event_type == ExperimentRunEventType::RunStopped);
    stopped.max_by_key(|event| event.occurred_at)
}

/// The latest event that set an exposure, in whatever order they are listed: one that came later, with overrides, only
/// tells that it was live still.
#[must_use]
pub fn last_exposed(events: &[ExperimentRunEvent], exposure: Exposure) -> Option<&ExperimentRunEvent> {
    let set = [
        ExperimentRunEventType::RunStarted,
        ExperimentRunEventType::ExposureUpdated,
    ];
    let exposed = events
        .iter()
        .filter(|event| set.contains(&event.event_type) && event.exposure == Some(exposure));
    exposed.max_by_key(|event| event.occurred_at)
}

/// One page of a run's events.
pub(super) struct Page {
    pub events: Vec<ExperimentRunEvent>,
    pub next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WirePage {
    items: Option<Vec<WireEvent>>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct WireEvent {
    event_type: Option<String>,
    occurred_at: Option<String>,
    triggered_by: Option<String>,
    exposure_percentage: Option<f32>,
}

/// Parses the body of one page.
pub(super) fn page(body: &[u8]) -> Result<Page, Unusable> {
    let wire: WirePage = serde_json::from_slice(body).map_err(|error| Unusable::json(&error))?;
    let items = wire.items.ok_or_else(|| Unusable::missing("Items"))?;
    let events = items.into_iter().map(event).collect::<Result<_, _>>()?;
    Ok(Page {
        events,
        next_token: wire.next_token.filter(|token| !token.is_empty()),
    })
}

fn event(wire: WireEvent) -> Result<ExperimentRunEvent, Unusable> {
    let event_type = match wire.event_type.ok_or_else(|| Unusable::missing("EventType"))?.as_str() {
        "RUN_STARTED" => ExperimentRunEventType::RunStarted,
        "EXPOSURE_UPDATED" => ExperimentRunEventType::ExposureUpdated,
        "OVERRIDES_UPDATED" => ExperimentRunEventType::OverridesUpdated,
        "RUN_STOPPED" => ExperimentRunEventType::RunStopped,
        _ => ExperimentRunEventType::Other,
    };
    let triggered_by = match wire.triggered_by.as_deref() {
        Some("USER") => Some(TriggeredBy::User),
        Some("APPCONFIG") => Some(TriggeredBy::AppConfig),
        Some("CLOUDWATCH_ALARM") => Some(TriggeredBy::CloudWatchAlarm),
        Some("INTERNAL_ERROR") => Some(TriggeredBy::InternalError),
        _ => None,
    };
    let exposure = wire.exposure_percentage.map(Exposure::new).transpose();
    Ok(ExperimentRunEvent {
        event_type,
        occurred_at: timestamp("OccurredAt", wire.occurred_at.as_deref())?,
        triggered_by,
        exposure: exposure.map_err(|_| Unusable::invalid("ExposurePercentage"))?,
    })
}
