//! Ramps as the numbers that they are made of, and what follows from those by arithmetic.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{
    api::ExperimentRunSpec,
    decide::{
        desired::{Defaults, Desired},
        tests::support::spec_with_ramp,
    },
};

pub const DAY: i64 = 86_400;

/// A ramp in numbers.
#[derive(Clone, Debug)]
pub struct Numbers {
    pub target: f32,
    /// Exposure and hold in seconds.
    pub steps: Vec<(f32, i64)>,
    pub windows: Vec<Daily>,
}

/// A window that opens every day, or on one day of the week, in UTC.
#[derive(Clone, Debug)]
pub struct Daily {
    allows: bool,
    weekday: Option<i64>,
    minute: i64,
    minutes: i64,
}

impl Numbers {
    /// A spec with this ramp, whose run is read once a day.
    pub fn spec(&self) -> ExperimentRunSpec {
        let step = |(exposure, hold): &(f32, i64)| json!({"exposurePercentage": exposure, "hold": format!("{hold}s")});
        let steps: Vec<Value> = self.steps.iter().map(step).collect();
        let windows: Vec<Value> = self.windows.iter().map(Daily::spec).collect();
        ExperimentRunSpec {
            resync_interval: Some("24h".to_owned()),
            ..spec_with_ramp(self.target, &json!({"steps": steps, "windows": windows}))
        }
    }

    pub fn desired(&self) -> Desired {
        let defaults = Defaults {
            region: None,
            resync_interval: Duration::from_mins(10),
        };
        Desired::parse(&self.spec(), None, &defaults).unwrap()
    }

    /// The hold that a spec without a past has for an exposure.
    pub fn hold(&self, live: f32) -> i64 {
        let at = |step: Option<&(f32, i64)>| step.map_or(0, |step| step.1);
        let below = self.steps.iter().rfind(|step| step.0 <= live);
        match below {
            Some(step) if step.0 < live => {
                at(self.steps.iter().find(|step| step.0 > live && step.0 <= self.target)).max(step.1)
            }
            other => at(other),
        }
    }

    pub fn next(&self, live: f32) -> f32 {
        let step = self
            .steps
            .iter()
            .find(|step| step.0 > live)
            .map_or(100.0, |step| step.0);
        step.min(self.target)
    }

    /// Whether a raise may leave at a second of the clock.
    pub fn is_open(&self, second: i64) -> bool {
        let within = |allows: bool| {
            self.windows
                .iter()
                .filter(|window| window.allows == allows)
                .any(|window| window.covers(second))
        };
        let any_allow = self.windows.iter().any(|window| window.allows);
        (!any_allow || within(true)) && !within(false)
    }
}

impl Daily {
    fn spec(&self) -> Value {
        let (hour, minute) = (self.minute / 60, self.minute % 60);
        let weekday = self.weekday.map_or_else(|| "*".to_owned(), |day| day.to_string());
        json!({
            "kind": if self.allows { "Allow" } else { "Deny" },
            "schedule": format!("{minute} {hour} * * {weekday}"),
            "duration": format!("{}m", self.minutes),
            "timeZone": "UTC",
        })
    }

    fn covers(&self, second: i64) -> bool {
        let days = self.minutes / 1440 + 8;
        (0..=days).any(|back| {
            let day = second.div_euclid(DAY) - back;
            // 1 January 1970 was a Thursday.
            let of_day = self.weekday.is_none_or(|weekday| (day + 4).rem_euclid(7) == weekday);
            let opened = day * DAY + self.minute * 60;
            of_day && (opened..opened + self.minutes * 60).contains(&second)
        })
    }
}

pub fn numbers() -> impl Strategy<Value = Numbers> {
    let percentages = proptest::sample::subsequence(vec![0.0, 0.1, 1.0, 5.0, 10.0, 33.3, 50.0, 99.0_f32], 0..6);
    let holds = proptest::collection::vec(proptest::sample::select(vec![1, 60, 3600, DAY, 2 * DAY]), 6);
    let targets = proptest::sample::select(vec![0.1, 5.0, 20.0, 50.0, 100.0_f32]);
    let windows = proptest::collection::vec(window(), 0..4);
    (percentages, holds, targets, windows).prop_map(|(percentages, holds, target, windows)| Numbers {
        target,
        steps: percentages.into_iter().zip(holds).collect(),
        windows,
    })
}

fn window() -> impl Strategy<Value = Daily> {
    let weekday = proptest::option::of(0..7_i64);
    let minutes = proptest::sample::select(vec![1, 30, 420, 1440, 2000]);
    (any::<bool>(), weekday, 0..1440_i64, minutes).prop_map(|(allows, weekday, minute, minutes)| Daily {
        allows,
        weekday,
        minute,
        // A freeze of every day that lasts a day is one that never ends.
        minutes: if allows || weekday.is_some() {
            minutes
        } else {
            minutes.min(420)
        },
    })
}
