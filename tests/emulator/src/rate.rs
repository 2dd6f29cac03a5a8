//! Rate limits: so many requests of a class in any one second.

use std::{
    collections::{HashMap, VecDeque},
    time::{Duration, Instant},
};

use crate::{
    answer::Refusal,
    route::Operation,
    settings::{Settings, ThrottleAnswer},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Class {
    Get,
    List,
    Update,
    Other,
}

/// When the requests of the last second came.
#[derive(Debug, Default)]
pub(crate) struct Rate(HashMap<Class, VecDeque<Instant>>);

impl Rate {
    pub(crate) fn admit(&mut self, operation: Operation, settings: &Settings, now: Instant) -> Result<(), Refusal> {
        let class = class(operation);
        let limits = &settings.rate_limits;
        let limit = match class {
            Class::Get => limits.get,
            Class::List => limits.list,
            Class::Update => limits.update,
            Class::Other => limits.other,
        };
        let Some(limit) = limit else { return Ok(()) };
        let recent = self.0.entry(class).or_default();
        while recent
            .front()
            .is_some_and(|then| now.duration_since(*then) >= Duration::from_secs(1))
        {
            recent.pop_front();
        }
        if recent.len() >= limit as usize {
            return Err(throttled(settings.throttle_answer));
        }
        recent.push_back(now);
        Ok(())
    }
}

fn class(operation: Operation) -> Class {
    use Operation as Op;
    match operation {
        Op::GetEnvironment | Op::GetExperimentDefinition | Op::GetExperimentRun => Class::Get,
        Op::ListExperimentDefinitions | Op::ListExperimentRuns | Op::ListExperimentRunEvents => Class::List,
        Op::UpdateExperimentDefinition | Op::UpdateExperimentRun => Class::Update,
        _ => Class::Other,
    }
}

fn throttled(answer: ThrottleAnswer) -> Refusal {
    match answer {
        ThrottleAnswer::TooManyRequests => Refusal::new(429, "TooManyRequestsException", "Too Many Requests"),
        ThrottleAnswer::Throttling => Refusal::new(400, "ThrottlingException", "Rate exceeded"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::RateLimits;

    #[test]
    fn a_second_later_there_is_room_again() {
        let rate_limits = RateLimits {
            get: Some(2),
            ..RateLimits::default()
        };
        let settings = Settings {
            rate_limits,
            ..Settings::default()
        };
        let (mut rate, start) = (Rate::default(), Instant::now());
        let mut admit = |millis| {
            let now = start + Duration::from_millis(millis);
            rate.admit(Operation::GetExperimentRun, &settings, now).is_ok()
        };
        assert_eq!(
            [admit(0), admit(500), admit(900), admit(1000), admit(1400)],
            [true, true, false, true, false]
        );
    }
}
