//! P9: Ready=True that isn't true.

use promise_checker::Promise;
use serde_json::json;

use crate::{
    broken,
    recording::{RUN, exposure},
};

#[test]
fn ready_with_another_exposure() {
    broken(&[Promise::P9], "copies a run that doesn't match", |it, changed| {
        it.ask(RUN, &json!({ "exposurePercentage": if changed { 25 } else { 5 } }));
        it.read(RUN);
        it.record(RUN, "True", "InSync");
    });
}

#[test]
fn ready_with_another_description() {
    broken(&[Promise::P9], "copies a run that doesn't match", |it, changed| {
        it.ask(RUN, &json!({ "description": if changed { "new" } else { "" } }));
        it.read(RUN);
        it.record(RUN, "True", "InSync");
    });
}

#[test]
fn ready_with_other_overrides() {
    broken(
        &[Promise::P9],
        "no answer since that generation matched it",
        |it, changed| {
            let entity = if changed { "qa-eve" } else { "qa-bob" };
            it.live["TreatmentOverrides"] = json!({ "Inline": { entity: "t1" } });
            it.ask(RUN, &json!({ "treatmentOverrides": { "inline": { "qa-bob": "t1" } } }));
            it.read(RUN);
            it.record(RUN, "True", "InSync");
        },
    );
}

#[test]
fn ready_with_fewer_overrides() {
    broken(&[Promise::P9], "copies a run that doesn't match", |it, changed| {
        it.live["TreatmentOverrides"] = json!({ "Inline": { "qa-bob": "t1" } });
        let asked = if changed { json!({}) } else { json!({ "qa-bob": "t1" }) };
        it.ask(RUN, &json!({ "treatmentOverrides": { "inline": asked } }));
        it.read(RUN);
        it.record(RUN, "True", "InSync");
    });
}

#[test]
fn ready_for_a_generation_without_a_read_since() {
    broken(
        &[Promise::P9],
        "no answer since that generation matched it",
        |it, changed| {
            it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
            it.wait(5);
            it.ask(RUN, &json!({ "description": "" }));
            if !changed {
                it.read(RUN);
            }
            it.record(RUN, "True", "InSync");
        },
    );
}

#[test]
fn ready_for_a_generation_that_there_is_not_yet() {
    broken(&[Promise::P9], "which there isn't yet", |it, changed| {
        it.ask(RUN, &json!({ "exposurePercentage": 5 }));
        it.read(RUN);
        it.record(RUN, "True", "InSync");
        if changed {
            let status = it.last_version().run.status.as_mut().unwrap();
            status.conditions[0].observed_generation = Some(2);
        }
    });
}

#[test]
fn ready_goes_on_only_when_the_run_that_ended_had_matched() {
    broken(&[Promise::P9], "copies a run that doesn't match", |it, changed| {
        if changed {
            it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        } else {
            it.live["ExposurePercentage"] = json!(25.0);
            it.adopt(RUN, &json!({ "exposurePercentage": 25 }));
            it.by_somebody(&exposure(30.0));
        }
        it.by_somebody(&json!({ "Status": "DONE", "EndedAt": "2026-11-24T12:00:01Z" }));
        it.read(RUN);
        it.record(RUN, "True", "RunDone");
    });
}

#[test]
fn in_sync_on_the_way_of_a_ramp() {
    broken(&[Promise::P9], "copies a run that doesn't match", |it, changed| {
        let steps = json!([{ "exposurePercentage": 5, "hold": "10m" }]);
        it.ask(RUN, &json!({ "exposurePercentage": 50, "ramp": { "steps": steps } }));
        it.read(RUN);
        it.record(RUN, "True", if changed { "InSync" } else { "RampHolding" });
    });
}
