//! Stages: journeys that share an `AppConfig` which behaves in one way, and an operator.

use serde_json::{Value, json};

use crate::{
    fields::{self, Field},
    journey::{self, Journey},
    oracle::Surroundings,
};

/// Journeys that share an `AppConfig` and an operator.
pub struct Stage {
    /// What it is, for people.
    pub what: &'static str,
    /// What is other than by default in the emulator.
    pub settings: Value,
    /// What of that the oracle has to know.
    pub surroundings: Surroundings,
    /// The application's name.
    pub application: &'static str,
    /// How many are played side by side.
    pub side_by_side: usize,
    /// In no order.
    pub journeys: Vec<Journey>,
}

impl Stage {
    fn new(what: &'static str, journeys: impl IntoIterator<Item = Journey>) -> Self {
        Self {
            what,
            settings: json!({}),
            surroundings: Surroundings::default(),
            application: "shop",
            side_by_side: 8,
            journeys: journeys.into_iter().collect(),
        }
    }
}

/// All stages.
pub fn all() -> Vec<Stage> {
    // Where a step can't be taken back, it makes a difference from which value a new run sets out.
    let ratchets = [fields::exposure(), fields::ramp(), fields::suspend(), fields::region()];
    let others = [
        fields::description(),
        fields::overrides(),
        fields::dynamic_extension_parameters(),
        fields::tags(),
        fields::deployment_parameters_alone(),
        fields::resync_interval(),
    ];
    let of_field = ratchets
        .map(|field| Stage::new(field.path, with_refused(journey::there_and_back(&field), &field)))
        .into_iter()
        .chain(others.map(|field| Stage::new(field.path, with_refused(journey::there_or_back(&field), &field))));
    let of_identity = fields::identity()
        .into_iter()
        .flat_map(|field| with_refused(journey::there_and_back(&field), &field));
    let identity = Stage {
        application: "my app/π 100%.",
        ..Stage::new("what names the run", of_identity)
    };
    // The longest ones first.
    refusing()
        .into_iter()
        .chain([the_other_way_round()])
        .chain(of_field)
        .chain([merged(), identity, nowhere()])
        .collect()
}

fn with_refused(mut journeys: Vec<Journey>, field: &Field) -> Vec<Journey> {
    journeys.extend(journey::with_refused_in_between(field));
    journeys
}

/// An operator without a region of its own: a spec without one is wrong, as only the operator can see, and heals.
fn nowhere() -> Stage {
    let surroundings = Surroundings {
        no_region: true,
        ..Surroundings::default()
    };
    Stage {
        surroundings,
        ..Stage::new(
            "an operator without a region",
            journey::there_and_back(&fields::region()),
        )
    }
}

/// What is unknown about `AppConfig` is so, and not as it is by default in the emulator.
fn the_other_way_round() -> Stage {
    let settings = json!({
        "equalExposure": "accept",
        "descriptionWithOtherMember": "accept",
        "descriptionDeploys": true,
        "clearedMap": "empty",
        "clearedDescription": "empty",
        "decimals": "widened",
        "identifierPrecedence": "name"
    });
    let fields = [fields::description(), fields::exposure(), fields::overrides()];
    Stage {
        settings,
        ..Stage::new(
            "an AppConfig that answers otherwise",
            fields.iter().flat_map(journey::there_or_back),
        )
    }
}

/// An `AppConfig` that merges overrides, so that none is ever removed.
fn merged() -> Stage {
    let surroundings = Surroundings {
        overrides_are_merged: true,
        ..Surroundings::default()
    };
    Stage {
        settings: json!({ "overrides": "merge" }),
        surroundings,
        ..Stage::new(
            "an AppConfig that merges overrides",
            journey::there_or_back(&fields::overrides()),
        )
    }
}

/// An `AppConfig` that refuses every update for a while. It does so to everybody, so these are played one by one, and each
/// field has a stage of its own.
fn refusing() -> [Stage; 3] {
    let of_fields = [
        (
            "an AppConfig that refuses descriptions",
            fields::description as fn() -> Field,
        ),
        ("an AppConfig that refuses exposures", fields::exposure),
        ("an AppConfig that refuses overrides", fields::overrides),
    ];
    of_fields.map(|(what, field)| Stage {
        side_by_side: 1,
        ..Stage::new(what, journey::with_updates_refused(&field()))
    })
}
