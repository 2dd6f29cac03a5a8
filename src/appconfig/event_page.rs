//! Reads one page of a run's events.

use serde::Deserialize;

use super::answer::{Unusable, timestamp};
use crate::{
    api::Exposure,
    run::{ExperimentRunEvent, ExperimentRunEventType, TriggeredBy},
};

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
