//! P12: recordings that end badly.

use promise_checker::Promise;
use serde_json::json;

use crate::{
    broken,
    recording::{RUN, Recording, exposure},
};

fn ends(it: &mut Recording) {
    it.history.context.is_final = true;
}

#[test]
fn the_end_is_not_reached() {
    broken(&[Promise::P12], "which is no end", |it, changed| {
        it.ask(RUN, &json!({ "exposurePercentage": 5 }));
        it.read(RUN);
        it.record(RUN, if changed { "False" } else { "True" }, "InSync");
        ends(it);
    });
}

#[test]
fn a_generation_is_never_looked_at() {
    broken(&[Promise::P12], "for another generation", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        if changed {
            it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        }
        ends(it);
    });
}

#[test]
fn a_new_resource_is_never_looked_at() {
    broken(&[Promise::P12], "for another generation", |it, changed| {
        it.ask(RUN, &json!({ "exposurePercentage": 5 }));
        if !changed {
            it.read(RUN);
            it.record(RUN, "True", "InSync");
        }
        ends(it);
    });
}

#[test]
fn an_update_is_never_settled() {
    broken(&[Promise::P12], "an update that is not settled", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        it.read(RUN);
        it.fence(RUN, "a", &exposure(25.0));
        it.update(RUN, "a", &exposure(25.0));
        if changed {
            it.record_unsettled(RUN, "OutcomeUnknown");
        } else {
            it.record(RUN, "True", "InSync");
        }
        ends(it);
    });
}

#[test]
fn a_back_off_never_ends() {
    broken(&[Promise::P12], "still reconciling", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.read_fails(RUN);
        it.record_unsettled(RUN, "ServiceUnavailable");
        if !changed {
            it.read(RUN);
            it.record(RUN, "True", "InSync");
        }
        ends(it);
    });
}

#[test]
fn it_is_stalled_for_no_reason_of_the_table() {
    broken(&[Promise::P12], "which is no end", |it, changed| {
        it.ask(RUN, &json!({ "exposurePercentage": 3 }));
        it.read(RUN);
        let reason = if changed { "Tired" } else { "ExposureAboveDesired" };
        it.record(RUN, "False", reason);
        ends(it);
    });
}

#[test]
fn it_is_ready_and_the_run_is_something_else() {
    broken(&[Promise::P12], "and the run is something else", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        it.read(RUN);
        it.change(RUN, "a", &exposure(25.0));
        if changed {
            // It was read, and nothing came of it.
            it.read_shows(RUN, &exposure(30.0));
        }
        ends(it);
    });
}

#[test]
fn the_bound_has_passed_since_the_last_fault() {
    broken(&[Promise::P12], "still reconciling", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.read_fails(RUN);
        it.record_unsettled(RUN, "ServiceUnavailable");
        it.history.context.faults_ended_at = Some(it.now);
        it.wait(if changed { 700 } else { 300 });
    });
}

#[test]
fn a_refused_update_is_tried_again() {
    broken(&[Promise::P12], "which was refused", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        it.read(RUN);
        it.fence(RUN, "a", &exposure(25.0));
        it.update_refused(RUN, "a", &exposure(25.0));
        it.read(RUN);
        it.record(RUN, "False", "UpdateRejected");
        it.wait(if changed { 600 } else { 3601 });
        it.read(RUN);
        it.fence(RUN, "b", &exposure(25.0));
        it.update_refused(RUN, "b", &exposure(25.0));
    });
}

#[test]
fn a_refused_update_is_tried_again_by_another_process() {
    broken(&[Promise::P12], "which was refused", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        it.read(RUN);
        it.fence(RUN, "a", &exposure(25.0));
        it.update_refused(RUN, "a", &exposure(25.0));
        it.read(RUN);
        it.record(RUN, "False", "UpdateRejected");
        let held = json!([{ "member": "ExposurePercentage", "reason": "UpdateRejected", "generation": 2, "at": "2026-11-24T12:00:01Z" }]);
        it.write(RUN, &json!({ "heldUpdates": held }));
        it.restart();
        if !changed {
            it.wait(5);
            it.by_somebody(&json!({ "Description": "feasible" }));
        }
        it.read(RUN);
        it.fence(RUN, "b", &exposure(25.0));
        it.update_refused(RUN, "b", &exposure(25.0));
    });
}
