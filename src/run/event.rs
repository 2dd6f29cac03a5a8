//! What has happened to a run: who ended it, and since when an exposure is live.

use jiff::Timestamp;

use super::end_of_second;
use crate::api::Exposure;

/// Something that happened to a run. Its overrides are not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExperimentRunEvent {
    /// What happened.
    pub event_type: ExperimentRunEventType,
    /// When. `None` when the answer does not tell.
    pub occurred_at: Option<Timestamp>,
    /// What brought it about. `None` when absent or not known to this version.
    pub triggered_by: Option<TriggeredBy>,
    /// The exposure then. `None` when the event is not about exposure.
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

/// The latest `RUN_STOPPED` of a run's events, in whatever order they are listed. `None` when there is none.
#[must_use]
pub fn last_run_stopped(events: &[ExperimentRunEvent]) -> Option<&ExperimentRunEvent> {
    let stopped = events
        .iter()
        .filter(|event| event.event_type == ExperimentRunEventType::RunStopped);
    stopped.max_by_key(|event| event.occurred_at)
}

/// When an exposure came about, by the latest event that set it, in whatever order they are listed. `None` when no event
/// tells.
///
/// It is the end of that event's second, since the precision of `AppConfig`'s times varies and no hold may end too early
/// by it. An event that came later, with overrides, only tells that the exposure was live still.
#[must_use]
pub fn exposed_at(events: &[ExperimentRunEvent], exposure: Exposure) -> Option<Timestamp> {
    let set = [
        ExperimentRunEventType::RunStarted,
        ExperimentRunEventType::ExposureUpdated,
    ];
    let exposed = events
        .iter()
        .filter(|event| set.contains(&event.event_type) && event.exposure == Some(exposure));
    let last = exposed.max_by_key(|event| event.occurred_at)?;
    last.occurred_at.map(end_of_second)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn event(event_type: ExperimentRunEventType, at: Option<&str>, exposure: Option<f32>) -> ExperimentRunEvent {
        ExperimentRunEvent {
            event_type,
            occurred_at: at.map(|at| at.parse().unwrap()),
            triggered_by: Some(TriggeredBy::User),
            exposure: exposure.map(|exposure| Exposure::new(exposure).unwrap()),
        }
    }

    #[test]
    fn an_exposure_came_about_with_the_last_event_that_set_it_and_not_before_the_end_of_its_second() {
        use ExperimentRunEventType::{ExposureUpdated, Other, OverridesUpdated, RunStarted, RunStopped};
        let events = [
            event(ExposureUpdated, Some("2026-06-16T12:00:00.25Z"), Some(10.0)),
            event(RunStarted, Some("2026-06-16T10:00:00Z"), Some(5.0)),
            event(ExposureUpdated, Some("2026-06-16T11:00:00Z"), Some(10.0)),
            event(OverridesUpdated, Some("2026-06-16T13:00:00Z"), Some(10.0)),
            event(RunStopped, Some("2026-06-16T14:00:00Z"), Some(10.0)),
            event(Other, Some("2026-06-16T15:00:00Z"), Some(10.0)),
            event(ExposureUpdated, None, Some(25.0)),
            event(ExposureUpdated, Some("2026-06-16T16:00:00Z"), None),
        ];
        let at = |exposure| exposed_at(&events, Exposure::new(exposure).unwrap()).map(|at| at.to_string());
        assert_eq!(at(10.0).as_deref(), Some("2026-06-16T12:00:01Z"));
        assert_eq!(at(5.0).as_deref(), Some("2026-06-16T10:00:01Z"));
        assert_eq!(at(25.0), None, "no event tells when");
        assert_eq!(at(50.0), None, "no event tells of it");
    }

    #[test]
    fn a_run_was_stopped_by_the_last_event_that_says_so() {
        use ExperimentRunEventType::{RunStarted, RunStopped};
        let later = event(RunStopped, Some("2026-06-16T12:00:00Z"), None);
        let events = [
            later.clone(),
            event(RunStopped, Some("2026-06-16T11:00:00Z"), None),
            event(RunStarted, Some("2026-06-16T13:00:00Z"), None),
        ];
        assert_eq!(last_run_stopped(&events), Some(&later));
        assert_eq!(last_run_stopped(&events[2..]), None);
    }

    #[test]
    fn triggers_have_the_names_of_the_api() {
        let triggers = [
            (TriggeredBy::User, "USER"),
            (TriggeredBy::AppConfig, "APPCONFIG"),
            (TriggeredBy::CloudWatchAlarm, "CLOUDWATCH_ALARM"),
            (TriggeredBy::InternalError, "INTERNAL_ERROR"),
        ];
        for (trigger, name) in triggers {
            assert_eq!(trigger.as_str(), name);
        }
    }
}
