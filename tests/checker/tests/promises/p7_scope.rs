//! P7: what the operator must never call, and runs and resources that it must leave alone.

use appconfig_emulator::Operation;
use promise_checker::Promise;
use serde_json::json;

use crate::{
    broken,
    recording::{RUN, exposure},
};

#[test]
fn an_operation_that_is_none_of_the_operators() {
    broken(&[Promise::P7], "it called StopExperimentRun", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.read(RUN);
        if changed {
            it.last_request().operation = Some(Operation::StopExperimentRun);
        }
    });
}

#[test]
fn a_path_that_is_no_operation() {
    broken(&[Promise::P7], "what is no operation", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.read(RUN);
        if changed {
            it.last_request().operation = None;
        }
    });
}

#[test]
fn an_update_of_a_run_that_was_answered_to_be_done() {
    broken(&[Promise::P7], "known to be DONE", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        if changed {
            it.by_somebody(&json!({ "Status": "DONE", "EndedAt": "2026-11-24T12:00:01Z" }));
        }
        it.read(RUN);
        it.fence(RUN, "a", &exposure(25.0));
        it.update_refused(RUN, "a", &exposure(25.0));
    });
}

#[test]
fn an_update_of_a_run_that_the_status_tells_to_be_done() {
    broken(&[Promise::P7, Promise::P6], "known to be DONE", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        if changed {
            it.by_somebody(&json!({ "Status": "DONE", "EndedAt": "2026-11-24T12:00:01Z" }));
            it.read(RUN);
            it.record(RUN, "True", "RunDone");
        }
        it.restart();
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        if changed {
            it.read_shows(RUN, &json!({ "Status": "RUNNING" }));
            it.forget_answer(RUN);
            it.read_fails(RUN);
        } else {
            it.read(RUN);
        }
        it.fence(RUN, "a", &exposure(25.0));
        it.update_refused(RUN, "a", &exposure(25.0));
    });
}

#[test]
fn an_update_on_behalf_of_a_suspended_version() {
    broken(&[Promise::P7], "suspended version", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25, "suspend": changed }));
        it.read(RUN);
        it.change(RUN, "a", &exposure(25.0));
    });
}

#[test]
fn an_update_on_behalf_of_a_resource_that_is_being_deleted() {
    broken(&[Promise::P7], "being deleted", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        it.read(RUN);
        if changed {
            it.resource(RUN)["metadata"]["deletionTimestamp"] = json!("2026-11-24T12:00:01Z");
        }
        it.change(RUN, "a", &exposure(25.0));
    });
}
