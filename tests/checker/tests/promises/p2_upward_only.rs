//! P2: exposures that go down, stand still, or go too high.

use promise_checker::Promise;
use serde_json::json;

use crate::{
    broken,
    recording::{RUN, exposure},
};

#[test]
fn an_exposure_below_the_one_that_was_answered() {
    broken(&[Promise::P2], "not above the live 30", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        if changed {
            it.by_somebody(&exposure(30.0));
        }
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        it.read(RUN);
        it.fence(RUN, "a", &exposure(25.0));
        it.update_refused(RUN, "a", &exposure(25.0));
    });
}

#[test]
fn an_exposure_that_is_live_already() {
    broken(&[Promise::P2, Promise::P3], "not above the live 25", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        if changed {
            it.by_somebody(&exposure(25.0));
        }
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        it.read(RUN);
        it.change(RUN, "a", &exposure(25.0));
    });
}

#[test]
fn an_exposure_below_the_one_that_an_update_answered() {
    broken(&[Promise::P2, Promise::P6], "not above the live 25", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        it.read(RUN);
        it.change(RUN, "a", &exposure(25.0));
        it.ask(RUN, &json!({ "exposurePercentage": if changed { 20 } else { 50 } }));
        it.read_shows(RUN, &if changed { exposure(5.0) } else { json!({}) });
        let body = exposure(if changed { 20.0 } else { 50.0 });
        it.write(RUN, &json!({ "pendingUpdate": null }));
        it.fence(RUN, "b", &body);
        it.update_refused(RUN, "b", &body);
    });
}

#[test]
fn an_exposure_below_the_one_in_the_status_of_another_process() {
    broken(&[Promise::P2], "not above the live 25", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        it.read(RUN);
        it.change(RUN, "a", &exposure(25.0));
        it.restart();
        it.ask(RUN, &json!({ "exposurePercentage": if changed { 20 } else { 50 } }));
        it.read(RUN);
        let body = exposure(if changed { 20.0 } else { 50.0 });
        it.fence(RUN, "b", &body);
        it.update_refused(RUN, "b", &body);
    });
}

#[test]
fn an_exposure_above_the_spec() {
    broken(
        &[Promise::P2, Promise::P1],
        "the spec allows 25 at most",
        |it, changed| {
            it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
            it.ask(RUN, &json!({ "exposurePercentage": 25 }));
            it.read(RUN);
            let body = exposure(if changed { 50.0 } else { 25.0 });
            it.fence(RUN, "a", &body);
            it.update(RUN, "a", &body);
            it.record(RUN, "False", "ExposureAboveDesired");
        },
    );
}

#[test]
fn an_exposure_that_is_not_managed() {
    broken(
        &[Promise::P2, Promise::P1],
        "the spec leaves exposure alone",
        |it, changed| {
            it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
            let asked = if changed { json!(null) } else { json!(25) };
            it.ask(RUN, &json!({ "exposurePercentage": asked }));
            it.read(RUN);
            it.change(RUN, "a", &exposure(25.0));
        },
    );
}

#[test]
fn a_withdrawn_exposure() {
    broken(
        &[Promise::P2, Promise::P1],
        "the spec allows 5 at most",
        |it, changed| {
            it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
            it.ask(RUN, &json!({ "exposurePercentage": 50 }));
            it.read(RUN);
            if changed {
                it.ask(RUN, &json!({ "exposurePercentage": 5 }));
            }
            it.fence(RUN, "a", &exposure(50.0));
            it.update(RUN, "a", &exposure(50.0));
            it.record(RUN, "False", "ExposureAboveDesired");
        },
    );
}

#[test]
fn a_step_of_a_ramp_that_is_jumped_over() {
    broken(
        &[Promise::P2, Promise::P1],
        "the spec allows 10 at most",
        |it, changed| {
            it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
            let steps = json!([{ "exposurePercentage": 10, "hold": "1h" }]);
            it.ask(RUN, &json!({ "exposurePercentage": 50, "ramp": { "steps": steps } }));
            it.read(RUN);
            let body = exposure(if changed { 50.0 } else { 10.0 });
            it.fence(RUN, "a", &body);
            it.update(RUN, "a", &body);
            it.record(RUN, "True", "RampHolding");
        },
    );
}

#[test]
fn a_ramp_that_was_removed_under_way() {
    broken(
        &[Promise::P2, Promise::P1],
        "its ramp was removed under way",
        |it, changed| {
            let steps = json!([{ "exposurePercentage": 5, "hold": "1h" }]);
            it.ask(RUN, &json!({ "exposurePercentage": 50, "ramp": { "steps": steps } }));
            it.read(RUN);
            it.record(RUN, "True", "RampHolding");
            let reached = json!({ "exposurePercentage": 5, "at": "2026-11-24T12:00:00Z", "hold": "1h" });
            it.write(RUN, &json!({ "ramp": { "reached": reached, "summary": "" } }));
            let released = json!({ "steps": [] });
            it.ask(RUN, &json!({ "ramp": if changed { json!(null) } else { released } }));
            it.read(RUN);
            it.change(RUN, "a", &exposure(50.0));
        },
    );
}
