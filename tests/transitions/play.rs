//! Plays a stage's journeys, and has the checker judge the whole.

use std::{any::Any, panic::AssertUnwindSafe};

use appconfig_emulator::Options;
use futures::{FutureExt, StreamExt, stream};
use harness::{Operator, Scene};

use crate::{stage::Stage, traveller::Traveller};

/// What came of a stage's journeys.
pub struct Outcome {
    /// How many transitions were applied.
    pub applied: usize,
    /// How many of them did exactly what they must.
    pub as_expected: usize,
    /// What went wrong otherwise.
    pub failures: Vec<String>,
}

/// Plays a stage.
pub async fn play(stage: Stage) -> Outcome {
    let scene = Scene::with(Options::default()).await;
    scene.set(&stage.settings);
    scene.circumstances(|context| {
        (context.read_rate, context.write_rate) = (1000.0, 1000.0);
        context.is_final = true;
    });
    let mut flags = scene.flags().with("--read-rate=1000").with("--write-rate=1000");
    if stage.surroundings.no_region {
        scene.circumstances(|context| context.default_region = String::new());
        flags = flags.env("AWS_REGION", "");
    }
    let _operator = Operator::start(&flags);
    let journeys = stage.journeys.iter().enumerate();
    let played = stream::iter(journeys).map(async |(number, journey)| {
        let mut on_its_way = Traveller::new(&scene, &stage, number, journey);
        let arrived = AssertUnwindSafe(on_its_way.travel()).catch_unwind().await;
        let failure = arrived.err().map(|panic| describe(&journey.name, panic));
        (
            on_its_way.applied,
            on_its_way.as_expected,
            on_its_way.expected.len(),
            failure,
        )
    });
    let mut outcome = Outcome {
        applied: 0,
        as_expected: 0,
        failures: vec![],
    };
    let (mut played, mut sent) = (played.buffer_unordered(stage.side_by_side), 0);
    while let Some((applied, as_expected, expected, failure)) = played.next().await {
        outcome.applied += applied;
        outcome.as_expected += as_expected;
        outcome.failures.extend(failure);
        sent += expected;
    }
    if outcome.failures.is_empty() {
        let judged = std::panic::catch_unwind(AssertUnwindSafe(|| {
            assert_eq!(scene.updates().len(), sent, "an update went elsewhere");
            scene.judge();
        }));
        outcome
            .failures
            .extend(judged.err().map(|panic| describe(stage.what, panic)));
    }
    outcome
}

/// What went wrong where.
fn describe(name: &str, panic: Box<dyn Any + Send>) -> String {
    let said = panic.downcast::<String>().map_or_else(
        |panic| {
            panic
                .downcast::<&str>()
                .map_or_else(|_| String::new(), |said| (*said).to_owned())
        },
        |said| *said,
    );
    format!("{name}: {said}")
}
