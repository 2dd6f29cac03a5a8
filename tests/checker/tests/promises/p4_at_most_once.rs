//! P4: updates and promises of Ready while the outcome of an update can't be known.

use promise_checker::{ProcessChange, Promise};
use serde_json::json;

use crate::{
    broken,
    recording::{RUN, Recording, exposure},
};

/// 25 % was sent, and no answer came: it was never carried out.
fn lost(it: &mut Recording) {
    it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
    it.ask(RUN, &json!({ "exposurePercentage": 25 }));
    it.read(RUN);
    it.fence(RUN, "a", &exposure(25.0));
    it.update_unanswered(RUN, "a", &exposure(25.0));
    let request = it.last_request();
    (request.committed, request.changed) = (false, false);
    it.live["ExposurePercentage"] = json!(5.0);
    it.live["UpdatedAt"] = json!("2026-11-24T11:00:00.25Z");
}

fn sent_again_after(it: &mut Recording, seconds: i64) {
    it.wait(seconds);
    it.read(RUN);
    it.change(RUN, "b", &exposure(25.0));
}

#[test]
fn an_update_before_the_settling_time_is_over() {
    broken(&[Promise::P4], "before the outcome of the update a", |it, changed| {
        lost(it);
        sent_again_after(it, if changed { 30 } else { 61 });
    });
}

#[test]
fn an_update_after_the_settling_time_without_a_read() {
    broken(
        &[Promise::P4, Promise::P6],
        "before the outcome of the update a",
        |it, changed| {
            lost(it);
            it.wait(61);
            if !changed {
                it.read(RUN);
            }
            it.change(RUN, "b", &exposure(25.0));
        },
    );
}

#[test]
fn an_update_before_a_new_process_has_waited_for_the_settling_time() {
    broken(&[Promise::P4], "before the outcome of the update a", |it, changed| {
        lost(it);
        it.wait(40);
        it.restart();
        sent_again_after(it, if changed { 30 } else { 61 });
    });
}

#[test]
fn an_update_after_a_5xx() {
    broken(&[Promise::P4], "before the outcome of the update a", |it, changed| {
        lost(it);
        let request = it.last_request();
        request.answered_at = Some(request.arrived_at);
        request.status = Some(if changed { 500 } else { 409 });
        request.answer = json!({ "Message": "no" });
        sent_again_after(it, 30);
    });
}

#[test]
fn an_update_after_a_408() {
    broken(&[Promise::P4], "before the outcome of the update a", |it, changed| {
        lost(it);
        let request = it.last_request();
        request.answered_at = Some(request.arrived_at);
        request.status = Some(if changed { 408 } else { 429 });
        request.answer = json!({ "Message": "no" });
        sent_again_after(it, 30);
    });
}

#[test]
fn an_update_after_half_an_answer() {
    broken(&[Promise::P4], "before the outcome of the update a", |it, changed| {
        lost(it);
        let request = it.last_request();
        request.answered_at = Some(request.arrived_at);
        request.truncated = changed;
        request.answer["ExposurePercentage"] = json!(6.0);
        it.live = request.answer.clone();
        sent_again_after(it, 30);
    });
}

#[test]
fn an_update_after_an_answer_that_is_no_run() {
    broken(&[Promise::P4], "before the outcome of the update a", |it, changed| {
        lost(it);
        let request = it.last_request();
        request.answered_at = Some(request.arrived_at);
        request.answer["ExposurePercentage"] = json!(6.0);
        it.live = request.answer.clone();
        if changed {
            it.last_request().answer["ExposurePercentage"] = json!("a lot");
        }
        sent_again_after(it, 30);
    });
}

#[test]
fn an_update_after_a_read_that_shows_nothing_of_the_one_before() {
    broken(&[Promise::P4], "before the outcome of the update a", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25, "description": "new" }));
        it.read(RUN);
        it.fence(RUN, "a", &json!({ "Description": "new" }));
        it.update_unanswered(RUN, "a", &json!({ "Description": "new" }));
        if changed {
            it.live["Description"] = json!("old");
        }
        it.wait(10);
        it.read(RUN);
        it.fence(RUN, "b", &exposure(25.0));
        it.update(RUN, "b", &exposure(25.0));
        it.record(RUN, "False", "UpdateIneffective");
    });
}

#[test]
fn an_update_by_a_new_process_that_nobody_told_of_the_answer() {
    broken(&[Promise::P4], "before the outcome of the update a", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        it.read(RUN);
        it.fence(RUN, "a", &exposure(25.0));
        it.update_refused(RUN, "a", &exposure(25.0));
        if !changed {
            it.record(RUN, "False", "UpdateRejected");
        }
        it.restart();
        it.ask(RUN, &json!({ "exposurePercentage": 20 }));
        it.read(RUN);
        it.change(RUN, "b", &exposure(20.0));
    });
}

#[test]
fn ready_before_the_settling_time_is_over() {
    broken(&[Promise::P4], "Ready=True before the outcome", |it, changed| {
        lost(it);
        it.ask(RUN, &json!({ "exposurePercentage": 5 }));
        it.wait(if changed { 30 } else { 61 });
        it.read(RUN);
        it.record(RUN, "True", "InSync");
    });
}

#[test]
fn ready_after_a_read_that_shows_what_was_asked() {
    broken(&[Promise::P4], "Ready=True before the outcome", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "description": "new" }));
        it.read(RUN);
        it.fence(RUN, "a", &json!({ "Description": "new" }));
        it.update_unanswered(RUN, "a", &json!({ "Description": "new" }));
        if changed {
            it.ask(RUN, &json!({ "description": null }));
            it.live["Description"] = json!(null);
            it.live["UpdatedAt"] = json!("2026-11-24T11:00:00.25Z");
        }
        it.wait(10);
        it.read(RUN);
        it.record(RUN, "True", "InSync");
    });
}

#[test]
fn ready_while_an_update_is_pending() {
    broken(&[Promise::P4], "names a pending update", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        it.read(RUN);
        it.change(RUN, "a", &exposure(25.0));
        if changed {
            let pending = json!({
                "id": "a", "generation": 2, "member": "ExposurePercentage", "exposurePercentage": 25,
                "recordedAt": "2026-11-24T12:00:01Z"
            });
            it.write(RUN, &json!({ "pendingUpdate": pending }));
        }
    });
}

#[test]
fn a_stale_read_settles_nothing() {
    broken(
        &[Promise::P4, Promise::P6],
        "before the outcome of the update a",
        |it, changed| {
            it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
            it.by_somebody(&exposure(10.0));
            it.ask(RUN, &json!({ "exposurePercentage": 25 }));
            it.read(RUN);
            it.fence(RUN, "a", &exposure(25.0));
            it.update_unanswered(RUN, "a", &exposure(25.0));
            it.live["ExposurePercentage"] = json!(10.0);
            it.wait(61);
            it.read_shows(RUN, &if changed { exposure(5.0) } else { json!({}) });
            if changed {
                // The operator has the sense to copy nothing of it.
                it.read_shows(RUN, &exposure(5.0));
            }
            it.write(RUN, &json!({ "pendingUpdate": null }));
            let generation = 2;
            it.write(
                RUN,
                &json!({ "pendingUpdate": {
            "id": "b", "generation": generation, "member": "ExposurePercentage", "exposurePercentage": 25,
            "recordedAt": "2026-11-24T12:01:01Z"
        } }),
            );
            it.update(RUN, "b", &exposure(25.0));
            it.record(RUN, "True", "InSync");
        },
    );
}

#[test]
fn an_update_whose_record_was_wiped_by_somebody_but_not_from_memory() {
    broken(&[Promise::P4], "before the outcome of the update a", |it, changed| {
        lost(it);
        it.wait(10);
        it.write(RUN, &json!({ "pendingUpdate": null }));
        let wiped = it.last_version().run.metadata.resource_version.clone();
        it.history.context.edited_statuses.extend(wiped);
        if !changed {
            it.restart();
        }
        it.read(RUN);
        it.change(RUN, "b", &exposure(25.0));
    });
}

#[test]
fn an_update_by_the_third_process_when_the_second_knew_and_did_not_say() {
    broken(&[Promise::P4], "before the outcome of the update a", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "description": "new", "exposurePercentage": 5 }));
        it.read(RUN);
        it.fence(RUN, "a", &json!({ "Description": "new" }));
        it.update_unanswered(RUN, "a", &json!({ "Description": "new" }));
        it.restart();
        it.read(RUN);
        if !changed {
            it.record(RUN, "True", "InSync");
        }
        it.process_is("operator-2", ProcessChange::Killed);
        it.process_is("operator-2", ProcessChange::Exited { code: None });
        it.process_is("operator-3", ProcessChange::Started);
        it.process = "third";
        it.by_somebody(&json!({ "Description": "other" }));
        it.read(RUN);
        it.change(RUN, "b", &json!({ "Description": "new" }));
    });
}
