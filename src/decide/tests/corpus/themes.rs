//! What cases are about: how often what happens in them, and to what.

use super::{
    case::Wait,
    specs::{STEPS, WINDOWS},
};

/// What a case is about. All numbers are weights, in the order of the lists beside them, unless they are percentages.
#[derive(Clone, Copy, Debug)]
pub struct Theme {
    pub name: &'static str,
    /// Pass, spec, asked, wait, outside, restart, wiped, older, acts, inherits, clocks, restored.
    pub happens: [usize; 12],
    /// Good, old, other run, fails.
    pub reads: [usize; 4],
    /// Good, empty, fails.
    pub events: [usize; 3],
    /// Applied, ineffective, answered old, refused, answer lost, lost, late, not sent, slow preparation, slow fence, spec
    /// before, wiped before, fence unanswered, crash before, crash after.
    pub updates: [usize; 15],
    /// Written, fails, crash, spec before, wiped before.
    pub records: [usize; 5],
    /// Raise, describe, override, end, loses its snapshot.
    pub outside: [usize; 5],
    /// Exposure, ramp, description, overrides, parameters, suspend, names, mistake.
    pub edits: [usize; 8],
    pub waits: &'static [Wait],
    pub ramps: &'static [&'static str],
    /// How many of a hundred cases begin with a ramp.
    pub ramped: usize,
    /// How many of a hundred manage the description, and how many the overrides.
    pub others: usize,
    /// Whether each change from outside is followed by a pass.
    pub followed: bool,
    /// How many of a hundred failures are of the same kind as the one before in the case.
    pub steady: usize,
}

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

const WAITS: &[Wait] = &[
    Wait::AsSaid,
    Wait::AsSaid,
    Wait::AsSaid,
    Wait::Milliseconds(700),
    Wait::Milliseconds(30_250),
    Wait::Milliseconds(MINUTE),
    Wait::Milliseconds(5 * MINUTE),
    Wait::Milliseconds(HOUR),
];

const RAMP_WAITS: &[Wait] = &[
    Wait::AsSaid,
    Wait::UntilTheRaise(0),
    Wait::UntilTheRaise(0),
    Wait::UntilTheRaise(1_500),
    Wait::UntilTheRaise(-1_000),
    Wait::Milliseconds(10 * MINUTE),
    Wait::Milliseconds(3 * HOUR + 333),
    Wait::Milliseconds(26 * HOUR),
    Wait::Milliseconds(21 * 24 * HOUR),
];

const LONG_WAITS: &[Wait] = &[
    Wait::AsSaid,
    Wait::Milliseconds(5 * MINUTE),
    Wait::Milliseconds(HOUR),
    Wait::Milliseconds(24 * HOUR),
];

/// Hardly anything goes wrong.
const CALM: Theme = Theme {
    name: "calm",
    happens: [40, 12, 3, 20, 8, 1, 1, 1, 1, 0, 1, 0],
    reads: [96, 2, 0, 2],
    events: [90, 5, 5],
    updates: [90, 1, 1, 2, 1, 1, 0, 1, 1, 1, 1, 0, 0, 0, 0],
    records: [97, 1, 1, 1, 0],
    outside: [4, 2, 2, 1, 0],
    edits: [4, 1, 2, 2, 1, 1, 0, 0],
    waits: WAITS,
    ramps: &STEPS,
    ramped: 15,
    others: 40,
    followed: false,
    steady: 0,
};

const RAMP: Theme = Theme {
    happens: [40, 5, 1, 36, 4, 2, 1, 0, 0, 0, 1, 0],
    outside: [8, 1, 1, 1, 0],
    edits: [4, 1, 1, 1, 1, 1, 0, 0],
    waits: RAMP_WAITS,
    ramped: 100,
    others: 15,
    ..CALM
};

/// All themes. Their order is part of the corpus.
pub static THEMES: [Theme; 16] = [
    CALM,
    Theme {
        name: "steps of a ramp",
        ..RAMP
    },
    Theme {
        name: "windows of a ramp",
        ramps: &WINDOWS,
        ..RAMP
    },
    Theme {
        name: "a ramp that is edited, removed and set again",
        happens: [40, 24, 1, 24, 4, 3, 3, 0, 0, 0, 1, 1],
        edits: [4, 12, 0, 1, 0, 2, 0, 1],
        ..RAMP
    },
    Theme {
        name: "every member",
        happens: [40, 20, 2, 14, 8, 2, 1, 0, 0, 0, 0, 0],
        outside: [2, 4, 4, 1, 1],
        edits: [3, 1, 4, 6, 2, 1, 0, 0],
        others: 90,
        ..CALM
    },
    Theme {
        name: "failed reads",
        happens: [60, 6, 2, 30, 4, 4, 1, 0, 0, 0, 1, 0],
        reads: [40, 4, 1, 55],
        steady: 70,
        ..CALM
    },
    Theme {
        name: "refused and ineffective updates",
        happens: [50, 10, 4, 26, 8, 3, 1, 0, 0, 0, 0, 0],
        updates: [20, 20, 2, 60, 1, 1, 0, 6, 1, 1, 1, 0, 0, 0, 0],
        waits: LONG_WAITS,
        others: 60,
        steady: 80,
        ..CALM
    },
    Theme {
        name: "updates whose outcome is unknown",
        happens: [50, 10, 2, 30, 6, 6, 2, 0, 0, 3, 0, 0],
        updates: [20, 2, 8, 2, 14, 14, 14, 2, 1, 1, 2, 1, 4, 8, 8],
        others: 60,
        ..CALM
    },
    Theme {
        name: "crashes and races",
        happens: [50, 12, 4, 24, 4, 6, 4, 2, 2, 2, 1, 3],
        updates: [20, 1, 1, 1, 2, 2, 2, 4, 8, 8, 10, 6, 10, 10, 10],
        records: [50, 10, 15, 15, 10],
        edits: [4, 2, 2, 2, 1, 1, 4, 1],
        others: 60,
        ..CALM
    },
    Theme {
        name: "old answers",
        happens: [60, 4, 2, 26, 20, 3, 1, 0, 0, 0, 0, 0],
        reads: [40, 58, 0, 2],
        updates: [70, 1, 20, 2, 4, 4, 2, 1, 1, 1, 1, 0, 0, 0, 0],
        outside: [5, 5, 5, 1, 0],
        ..CALM
    },
    Theme {
        name: "runs that end",
        happens: [50, 8, 3, 20, 14, 4, 2, 1, 1, 0, 0, 0],
        reads: [88, 6, 2, 4],
        events: [50, 15, 35],
        outside: [2, 1, 1, 12, 0],
        ..CALM
    },
    Theme {
        name: "members that somebody else changes back",
        happens: [20, 3, 2, 15, 60, 2, 1, 1, 1, 0, 0, 0],
        outside: [1, 12, 8, 0, 0],
        waits: LONG_WAITS,
        others: 100,
        followed: true,
        ..CALM
    },
    Theme {
        name: "clocks that differ",
        happens: [44, 4, 1, 30, 3, 2, 1, 0, 0, 0, 20, 0],
        ramps: &WINDOWS,
        ..RAMP
    },
    Theme {
        name: "names, owners and the brake",
        happens: [40, 24, 2, 14, 4, 3, 3, 8, 6, 4, 0, 2],
        reads: [74, 4, 16, 6],
        records: [60, 15, 5, 15, 5],
        edits: [3, 1, 1, 1, 0, 6, 8, 6],
        ..CALM
    },
    Theme {
        name: "a ramp among failures",
        happens: [44, 8, 2, 30, 6, 5, 3, 2, 2, 1, 4, 1],
        reads: [70, 8, 3, 19],
        updates: [50, 5, 4, 14, 5, 5, 4, 4, 2, 3, 3, 1, 3, 3, 3],
        records: [80, 5, 5, 7, 3],
        edits: [4, 5, 1, 2, 1, 2, 0, 1],
        ramps: &WINDOWS,
        steady: 40,
        ..RAMP
    },
    Theme {
        name: "everything at once",
        happens: [44, 12, 2, 24, 10, 5, 3, 2, 2, 1, 3, 1],
        reads: [65, 12, 4, 19],
        events: [60, 15, 25],
        updates: [50, 6, 4, 14, 5, 5, 4, 4, 2, 3, 3, 1, 3, 3, 3],
        records: [80, 5, 5, 7, 3],
        outside: [4, 3, 3, 2, 1],
        edits: [4, 3, 3, 3, 1, 2, 1, 1],
        ramped: 40,
        others: 60,
        steady: 40,
        ..CALM
    },
];
