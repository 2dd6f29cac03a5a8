//! What a soak comes to in figures, and whether the process that went on to the end has grown.

use std::{fmt, time::Duration};

use harness::Operator;

/// What a process uses at a moment when everything is at rest.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    resident_kib: u64,
    descriptors: usize,
    threads: u64,
}

/// The sums of all rounds.
#[derive(Default)]
pub struct Figures {
    pub requests: usize,
    pub updates: usize,
    pub versions: usize,
    /// Requests to `AppConfig` that met a fault.
    pub faults: u64,
    /// Rules set on the way to the API server.
    pub rules: u64,
    pub restarts: u32,
    /// The longest that it took after a storm until everything was settled.
    pub slowest_rest: Duration,
    /// Of the last process, one a round.
    pub samples: Vec<Sample>,
}

impl Sample {
    pub fn of(operator: &Operator) -> Self {
        Self {
            resident_kib: operator.resident(),
            descriptors: operator.descriptors(),
            threads: operator.threads(),
        }
    }

    /// Whether a process that was so at first has grown. What an allocator keeps varies; so does how many connections
    /// happen to be open.
    fn has_grown_to(&self, last: &Self) -> bool {
        let resident = self.resident_kib + self.resident_kib / 4 + 8 * 1024;
        last.resident_kib > resident || last.descriptors > self.descriptors + 16 || last.threads > self.threads + 4
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kib, descriptors, threads) = (self.resident_kib, self.descriptors, self.threads);
        write!(
            formatter,
            "{kib} KiB resident, {descriptors} descriptors, {threads} threads"
        )
    }
}

impl Figures {
    /// Prints them. Panics when the process has grown.
    pub fn conclude(&self, minutes: u64, seed: u64, rounds: u64) {
        println!("soak: {minutes} minutes, seed {seed}, {rounds} rounds: no promise broken");
        println!("  {} requests, {} of them updates", self.requests, self.updates);
        println!("  {} versions judged", self.versions);
        println!(
            "  {} requests met a fault of AppConfig, {} rules on the way to the API server",
            self.faults, self.rules
        );
        println!("  {} restarts", self.restarts);
        println!(
            "  {:.0} s to rest after a storm, at most",
            self.slowest_rest.as_secs_f64()
        );
        // At the first rest it may have been started a moment ago.
        let first = self.samples.get(1).filter(|_| self.samples.len() > 2);
        let (Some(first), Some(last)) = (first.or(self.samples.first()), self.samples.last()) else {
            return;
        };
        println!("  the last process at first: {first}");
        println!("  and at last: {last}");
        assert!(!first.has_grown_to(last), "the process has grown");
    }
}
