//! Makes cases from numbers. A number gives the same case always: whoever changes anything here writes the corpus anew.

use super::{
    case::{
        Case, Clocks, EventsOutcome, Happening, Outside, PassOutcomes, ReadOutcome, RecordOutcome, UpdateOutcome, Wait,
    },
    dice::Dice,
    run::SimulatedRun,
    specs::{EDITS, EXPOSURES, GeneratedSpec},
    themes::{THEMES, Theme},
    time::START,
    wire::{self, WireError},
};

struct Generator {
    dice: Dice,
    theme: &'static Theme,
    spec: GeneratedSpec,
    /// The failure before: of a read, of an update.
    before: [Option<WireError>; 2],
}

/// The case of a number.
pub fn case(number: usize) -> Case {
    let theme = &THEMES[number % THEMES.len()];
    let mut dice = Dice::new(u64::try_from(number).unwrap());
    let exposure = dice.one_of(&[0.0, 0.0, 0.1, 5.0, 10.0, 25.0, 33.3]);
    let mut run = SimulatedRun::started(START - 86_400_000 + 123, exposure);
    if dice.percent(30) {
        run.describe("as it was started", START - 3_600_000);
    }
    let spec = GeneratedSpec::first(&mut dice, theme.ramps, theme.ramped, theme.others);
    let mut generator = Generator {
        dice,
        theme,
        spec,
        before: [None, None],
    };
    let length = 6 + generator.dice.below(14);
    let mut happens = vec![Happening::Pass(generator.pass())];
    for _ in 0..length {
        happens.push(generator.happening());
        if theme.followed && matches!(happens.last(), Some(Happening::Outside(_))) {
            happens.push(Happening::Pass(generator.pass()));
        }
    }
    let right = Clocks {
        local: 0,
        date: Some(0),
    };
    // Where nothing goes wrong any more, everything comes to rest.
    happens.push(Happening::Clocks(right));
    generator.spec.put_all_right();
    happens.push(Happening::Spec(generator.spec.json()));
    for wait in [Wait::AsSaid, Wait::Milliseconds(65_000), Wait::AsSaid] {
        happens.push(Happening::Wait(wait));
        happens.push(Happening::Pass(PassOutcomes::default()));
    }
    Case {
        theme: theme.name,
        spec: spec.json(),
        run,
        happens,
    }
}

impl Generator {
    fn happening(&mut self) -> Happening {
        match self.dice.weighted(&self.theme.happens) {
            0 => Happening::Pass(self.pass()),
            1 => Happening::Spec(self.edited()),
            2 => Happening::PassRequested,
            3 => Happening::Wait(self.dice.one_of(self.theme.waits)),
            4 => Happening::Outside(self.outside()),
            5 => Happening::Restart,
            6 => Happening::Wiped,
            7 => Happening::Older(self.dice.one_of(&[Some("older"), None])),
            8 => Happening::Acts,
            9 => Happening::Inherits(self.dice.one_of(&[
                r#"{"id":"another-1","generation":3,"member":"ExposurePercentage","exposurePercentage":25,"recordedAt":"2026-09-01T00:00:00Z"}"#,
                r#"{"id":"another-2","generation":1,"member":"TreatmentOverrides","recordedAt":"2026-09-01T00:00:00Z"}"#,
            ])),
            10 => Happening::Clocks(self.clocks()),
            _ => Happening::Restored(self.edited()),
        }
    }

    fn edited(&mut self) -> String {
        let edit = EDITS[self.dice.weighted(&self.theme.edits)];
        self.spec.edit(edit, &mut self.dice, self.theme.ramps);
        self.spec.json()
    }

    fn clocks(&mut self) -> Clocks {
        let right = Some(0);
        let (local, date) = self.dice.one_of(&[
            (0, right),
            (400_000, right),
            (-400_000, right),
            (0, Some(400_000)),
            (0, Some(60_000)),
            (0, Some(-45_000)),
            (0, Some(20_000)),
            (120_000, right),
            (0, None),
        ]);
        Clocks { local, date }
    }

    fn outside(&mut self) -> Outside {
        match self.dice.weighted(&self.theme.outside) {
            0 => Outside::Raise(self.dice.one_of(&EXPOSURES).parse().unwrap()),
            1 => Outside::Describe(self.dice.one_of(&["somebody else's", "ours", ""])),
            2 => Outside::Override(self.dice.one_of(&["{}", r#"{"qa-mal":"c"}"#, r#"{"qa-bob":"t1"}"#])),
            3 => {
                let by = self
                    .dice
                    .one_of(&["USER", "USER", "CLOUDWATCH_ALARM", "INTERNAL_ERROR", "APPCONFIG"]);
                Outside::End(by, self.dice.one_of(&[None, Some("it was better")]))
            }
            _ => Outside::LosesSnapshot,
        }
    }

    fn pass(&mut self) -> PassOutcomes {
        let events = match self.dice.weighted(&self.theme.events) {
            0 => EventsOutcome::Good,
            1 => EventsOutcome::Empty,
            _ => EventsOutcome::Fails(self.dice.one_of(&wire::READ)),
        };
        PassOutcomes {
            reads: (0..2).map(|_| self.read()).collect(),
            events,
            updates: (0..3).map(|_| self.sending()).collect(),
            records: (0..2).map(|_| self.recording()).collect(),
        }
    }

    fn read(&mut self) -> ReadOutcome {
        match self.dice.weighted(&self.theme.reads) {
            0 => ReadOutcome::Good,
            1 => ReadOutcome::Old(1 + self.dice.below(2)),
            2 => ReadOutcome::OtherRun,
            _ => ReadOutcome::Fails(self.error(0, &wire::READ)),
        }
    }

    /// A failure, often the one before.
    fn error(&mut self, place: usize, errors: &[WireError]) -> WireError {
        let steady = self.dice.percent(self.theme.steady);
        let other = self.dice.one_of(errors);
        *self.before[place].insert(self.before[place].filter(|_| steady).unwrap_or(other))
    }

    fn sending(&mut self) -> UpdateOutcome {
        let unknown = self.dice.one_of(&wire::UNKNOWN);
        match self.dice.weighted(&self.theme.updates) {
            0 => UpdateOutcome::Applied,
            1 => UpdateOutcome::Ineffective(self.dice.percent(50)),
            2 => UpdateOutcome::AnsweredOld,
            3 => UpdateOutcome::Refused(self.error(1, &wire::REFUSED)),
            4 => UpdateOutcome::AnswerLost(unknown),
            5 => UpdateOutcome::Lost(unknown),
            6 => UpdateOutcome::Late(unknown),
            7 => UpdateOutcome::NotSent(self.dice.one_of(&wire::NOT_SENT)),
            8 => UpdateOutcome::SlowPreparation,
            9 => UpdateOutcome::SlowFence,
            10 => UpdateOutcome::SpecBefore(self.edited()),
            11 => UpdateOutcome::WipedBefore,
            12 => UpdateOutcome::FenceUnanswered,
            13 => UpdateOutcome::CrashBefore,
            _ => UpdateOutcome::CrashAfter,
        }
    }

    fn recording(&mut self) -> RecordOutcome {
        match self.dice.weighted(&self.theme.records) {
            0 => RecordOutcome::Written,
            1 => RecordOutcome::Fails,
            2 => RecordOutcome::Crash,
            3 => RecordOutcome::SpecBefore(self.edited()),
            _ => RecordOutcome::WipedBefore,
        }
    }
}
