//! P10: writes and reads that nothing called for.

use promise_checker::Promise;
use serde_json::json;

use crate::{
    broken,
    recording::{RUN, exposure},
};

#[test]
fn a_condition_whose_time_moves_by_itself() {
    broken(&[Promise::P10], "in nothing but times", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        let status = it.last_version().run.status.clone().unwrap();
        let mut ready = json!(status.conditions[0]);
        ready["lastTransitionTime"] = json!("2026-11-24T12:30:00Z");
        if !changed {
            ready["message"] = json!("something else");
        }
        it.write(RUN, &json!({ "conditions": [ready] }));
    });
}

#[test]
fn an_error_that_is_written_again() {
    broken(&[Promise::P10], "in nothing but times", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.read_fails(RUN);
        let error = |status: u16, at: &str| json!({ "lastError": { "operation": "GetExperimentRun", "statusCode": status, "at": at } });
        it.write(RUN, &error(500, "2026-11-24T12:00:01Z"));
        it.read_fails(RUN);
        it.write(RUN, &error(if changed { 500 } else { 503 }, "2026-11-24T12:00:02Z"));
    });
}

#[test]
fn an_update_that_arrives_when_its_resource_is_settled() {
    broken(&[Promise::P10], "an earlier version had recorded", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        it.read(RUN);
        it.fence(RUN, "a", &exposure(25.0));
        if changed {
            it.record(RUN, "False", "UpdateRejected");
            it.read(RUN);
        }
        it.update(RUN, "a", &exposure(25.0));
    });
}

#[test]
fn reads_more_often_than_the_resync_interval() {
    broken(&[Promise::P10], "was read 4 times", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        for _ in 0..4 {
            it.wait(if changed { 240 } else { 600 });
            it.read(RUN);
        }
    });
}

#[test]
fn reads_more_often_than_the_resources_own_interval() {
    broken(&[Promise::P10], "was read 4 times", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5, "resyncInterval": "30m" }));
        for _ in 0..4 {
            it.wait(if changed { 800 } else { 1800 });
            it.read(RUN);
        }
    });
}

#[test]
fn reads_of_a_run_that_has_ended() {
    broken(&[Promise::P10], "was read 4 times", |it, changed| {
        it.live["Status"] = json!("DONE");
        it.live["EndedAt"] = json!("2026-11-24T11:30:00Z");
        it.ask(RUN, &json!({ "exposurePercentage": 5 }));
        it.read(RUN);
        it.record(RUN, "True", "RunDone");
        for _ in 0..4 {
            it.wait(if changed { 1700 } else { 3600 });
            it.read(RUN);
        }
    });
}

#[test]
fn reads_after_somebody_else_changed_the_run_are_called_for() {
    broken(&[Promise::P10], "was read 5 times", |it, changed| {
        it.adopt(RUN, &json!({ "resyncInterval": "10m" }));
        for number in 0..5 {
            it.wait(200);
            if number == 2 && !changed {
                it.by_somebody(&exposure(10.0));
            }
            it.read(RUN);
        }
    });
}
