//! [`ServiceClocks`]: what the answers of each region were dated, so that `decide` can say which `Date` counts. It reads no
//! clock.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use jiff::Timestamp;

use crate::{
    api::Region,
    clock::BootInstant,
    decide::service_time::{Dates, Untold},
    pass::ServiceClock,
};

/// What the answers of each region were dated. All passes share it: a `Date` is judged by those before it.
#[derive(Debug, Default)]
pub(super) struct ServiceClocks(Mutex<HashMap<Region, Dates>>);

impl ServiceClocks {
    /// The clock that an answer gives, which was requested and has come at these instants.
    ///
    /// # Errors
    /// When it has no `Date`, or one that does not count: then no time is taken from it.
    pub(super) fn accept(
        &self,
        region: &Region,
        date: Option<Timestamp>,
        local: Timestamp,
        (requested, came): (BootInstant, BootInstant),
    ) -> Result<ServiceClock, Untold> {
        let date = date.ok_or(Untold::NoDate)?;
        let mut regions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let dates = regions.entry(region.clone()).or_default();
        let accepted = dates.accept(date, local, came.since_boot());
        accepted.map_err(Untold::Skewed)?;
        Ok(ServiceClock::new(date, requested, came))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use std::time::Duration;

    use super::*;

    fn at(seconds: f64) -> BootInstant {
        BootInstant::after_boot(Duration::from_secs_f64(seconds))
    }

    fn date(second: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + second).unwrap()
    }

    #[test]
    fn each_region_has_a_clock_of_its_own() {
        let clocks = ServiceClocks::default();
        let region = |name: &str| name.parse::<Region>().unwrap();
        let accept = |name, second, boot| {
            let moment = (at(boot), at(boot));
            clocks.accept(&region(name), Some(date(second)), date(0), moment)
        };
        assert!(accept("eu-west-1", 0, 10.0).is_ok());
        assert!(matches!(accept("eu-west-1", 60, 11.0), Err(Untold::Skewed(_))));
        assert!(accept("us-east-1", 60, 11.0).is_ok());
        let none = clocks.accept(&region("eu-west-1"), None, date(0), (at(12.0), at(12.0)));
        assert!(matches!(none, Err(Untold::NoDate)));
    }
}
