//! [`Demand`]: how much of the read rate the regular looks at settled resources need.

use std::{collections::HashMap, time::Duration};

use crate::api::Region;

/// From which share of the read rate on it is told that there is little left for anything else, in percent.
const MUCH: u64 = 80;
/// Below which share it is enough again: a single resource that comes and goes is told once.
const ENOUGH: u64 = 70;
/// One read a second, in the unit that is counted in. Sums of whole numbers never drift.
const READ_A_SECOND: u64 = 1_000_000_000;

/// How many reads a second the regular looks need, by region.
pub struct Demand {
    rate: u64,
    regions: HashMap<Region, Needs>,
}

#[derive(Default)]
struct Needs {
    reads: u64,
    is_reported: bool,
}

/// A region's need has become much, or is so no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Crossed {
    /// Regular looks need most of the read rate, this share of it in percent.
    Much(Region, u64),
    /// They no longer do.
    Enough(Region),
}

impl Demand {
    /// No needs, at a read rate per second.
    #[must_use]
    pub fn new(read_rate: f64) -> Self {
        let nanoseconds = Duration::try_from_secs_f64(read_rate)
            .unwrap_or(Duration::MAX)
            .as_nanos();
        Self {
            rate: u64::try_from(nanoseconds).unwrap_or(u64::MAX).max(1),
            regions: HashMap::new(),
        }
    }

    /// One resource more that is read once in each interval.
    pub fn add(&mut self, region: &Region, interval: Duration) -> Option<Crossed> {
        let needs = self.regions.entry(region.clone()).or_default();
        needs.reads = needs.reads.saturating_add(reads(interval));
        if !exceeds(needs.reads, self.rate, MUCH) || std::mem::replace(&mut needs.is_reported, true) {
            return None;
        }
        Some(Crossed::Much(region.clone(), percent(needs.reads, self.rate)))
    }

    /// One resource less: what was added is taken away.
    pub fn remove(&mut self, region: &Region, interval: Duration) -> Option<Crossed> {
        let needs = self.regions.get_mut(region)?;
        needs.reads = needs.reads.saturating_sub(reads(interval));
        let (is_enough, is_gone) = (!exceeds(needs.reads, self.rate, ENOUGH), needs.reads == 0);
        let crossed = is_enough && std::mem::take(&mut needs.is_reported);
        if is_gone {
            self.regions.remove(region);
        }
        crossed.then(|| Crossed::Enough(region.clone()))
    }

    /// The share of the read rate that is needed where most is: 1 is all of it.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a share for people and dashboards")]
    pub fn highest_share(&self) -> f64 {
        let most = self.regions.values().map(|needs| needs.reads).max();
        most.unwrap_or_default() as f64 / self.rate as f64
    }
}

fn reads(interval: Duration) -> u64 {
    let each = u128::from(READ_A_SECOND) * u128::from(READ_A_SECOND) / interval.as_nanos().max(1);
    u64::try_from(each).unwrap_or(u64::MAX)
}

fn exceeds(reads: u64, rate: u64, share: u64) -> bool {
    u128::from(reads) * 100 > u128::from(rate) * u128::from(share)
}

fn percent(reads: u64, rate: u64) -> u64 {
    let percent = u128::from(reads) * 100 / u128::from(rate);
    u64::try_from(percent).unwrap_or(u64::MAX)
}
