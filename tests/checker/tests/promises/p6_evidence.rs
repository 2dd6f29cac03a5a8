//! P6: statuses and updates that no answer led to.

use promise_checker::Promise;
use serde_json::{Value, json};

use crate::{
    broken,
    recording::{RUN, Recording, exposure},
};

fn copies(it: &mut Recording, member: &str, copied: &Value) {
    it.adopt(RUN, &json!({ "resyncInterval": "10m" }));
    it.write(RUN, &json!({ member: copied, "lastHandledReconcileAt": "now" }));
}

#[test]
fn an_exposure_that_no_answer_told() {
    broken(&[Promise::P6], "no good answer had said", |it, changed| {
        copies(it, "exposurePercentage", &json!(if changed { 6 } else { 5 }));
    });
}

#[test]
fn a_description_that_no_answer_told() {
    broken(&[Promise::P6], "no good answer had said", |it, changed| {
        copies(it, "description", &if changed { json!("made up") } else { json!(null) });
    });
}

#[test]
fn a_count_that_no_answer_told() {
    broken(&[Promise::P6], "no good answer had said", |it, changed| {
        copies(it, "treatmentOverrideCount", &json!(i32::from(changed)));
    });
}

#[test]
fn a_time_that_no_answer_told() {
    broken(&[Promise::P6], "no good answer had said", |it, changed| {
        let second = if changed {
            "2026-11-24T11:00:01Z"
        } else {
            "2026-11-24T11:00:00Z"
        };
        copies(it, "updatedAt", &json!(second));
    });
}

#[test]
fn a_definition_that_no_answer_told() {
    broken(&[Promise::P6], "no good answer had said", |it, changed| {
        let flag = if changed { "basket" } else { "cart" };
        copies(it, "experimentDefinition", &json!({ "flagKey": flag }));
    });
}

#[test]
fn the_answer_of_a_failed_read_is_copied() {
    broken(&[Promise::P6], "no good answer had said", |it, changed| {
        it.adopt(RUN, &json!({ "resyncInterval": "10m" }));
        it.by_somebody(&exposure(10.0));
        it.read(RUN);
        if changed {
            it.last_request().truncated = true;
        }
        it.record(RUN, "True", "Observing");
    });
}

#[test]
fn an_answer_that_was_given_later_is_copied() {
    broken(&[Promise::P6], "no good answer had said", |it, changed| {
        it.adopt(RUN, &json!({ "resyncInterval": "10m" }));
        it.by_somebody(&exposure(10.0));
        it.read(RUN);
        if changed {
            it.last_request().answered_at = "2026-11-24T13:00:00Z".parse().ok();
        }
        it.record(RUN, "True", "Observing");
    });
}

#[test]
fn an_exposure_that_goes_back() {
    broken(&[Promise::P6], "the exposure went back", |it, changed| {
        it.adopt(RUN, &json!({ "resyncInterval": "10m" }));
        it.by_somebody(&exposure(10.0));
        it.read(RUN);
        it.record(RUN, "True", "Observing");
        it.read_shows(RUN, &exposure(if changed { 5.0 } else { 10.0 }));
        it.record(RUN, "True", "Observing");
    });
}

#[test]
fn an_exposure_goes_back_when_it_has_stood_for_five_minutes() {
    broken(&[Promise::P6], "the exposure went back", |it, changed| {
        it.adopt(RUN, &json!({ "resyncInterval": "10m" }));
        it.by_somebody(&exposure(10.0));
        it.read(RUN);
        it.record(RUN, "True", "Observing");
        it.read_shows(RUN, &exposure(5.0));
        it.record_stale(RUN);
        it.wait(if changed { 60 } else { 301 });
        it.read_shows(RUN, &exposure(5.0));
        it.record(RUN, "True", "Observing");
    });
}

#[test]
fn an_end_that_goes_back() {
    broken(&[Promise::P6], "DONE went back", |it, changed| {
        it.adopt(RUN, &json!({ "resyncInterval": "10m" }));
        it.by_somebody(&json!({ "Status": "DONE", "EndedAt": "2026-11-24T12:00:01Z" }));
        it.read(RUN);
        it.record(RUN, "True", "RunDone");
        let shown = json!({ "Status": "RUNNING", "EndedAt": null });
        it.read_shows(RUN, &if changed { shown } else { json!({}) });
        it.record(RUN, "True", "Observing");
    });
}

#[test]
fn a_time_of_change_that_goes_back() {
    broken(
        &[Promise::P6],
        "the time of the last change went back",
        |it, changed| {
            it.adopt(RUN, &json!({ "resyncInterval": "10m" }));
            it.wait(10);
            it.by_somebody(&json!({ "Description": "new" }));
            it.read(RUN);
            it.record(RUN, "True", "Observing");
            let shown = json!({ "Description": null, "UpdatedAt": "2026-11-24T12:00:00Z" });
            it.read_shows(RUN, &if changed { shown } else { json!({}) });
            it.record(RUN, "True", "Observing");
        },
    );
}

#[test]
fn a_description_that_goes_back_within_the_second() {
    broken(
        &[Promise::P6],
        "the description or the overrides went back",
        |it, changed| {
            it.adopt(RUN, &json!({ "resyncInterval": "10m" }));
            it.wait(10);
            it.by_somebody(&json!({ "Description": "new" }));
            it.read(RUN);
            it.record(RUN, "True", "Observing");
            it.read_shows(RUN, &json!({ "Description": if changed { "old" } else { "new" } }));
            it.record(RUN, "True", "Observing");
        },
    );
}

#[test]
fn who_ended_the_run_without_its_events() {
    broken(&[Promise::P6], "who ended the run", |it, changed| {
        it.adopt(RUN, &json!({ "resyncInterval": "10m" }));
        it.by_somebody(&json!({ "Status": "DONE", "EndedAt": "2026-11-24T12:00:01Z" }));
        it.read(RUN);
        it.events(RUN);
        if changed {
            it.last_request().answered_at = None;
        }
        it.write(RUN, &json!({ "endedBy": "USER" }));
    });
}

#[test]
fn an_update_after_a_failed_read() {
    broken(&[Promise::P6], "had brought no good answer", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        if changed {
            it.read_fails(RUN);
        } else {
            it.read(RUN);
        }
        it.change(RUN, "a", &exposure(25.0));
    });
}

#[test]
fn an_update_after_a_stale_read() {
    broken(&[Promise::P6], "older than what was known", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        let shown = if changed { exposure(4.0) } else { json!({}) };
        it.read_shows(RUN, &shown);
        if changed {
            it.forget_answer(RUN);
        }
        it.change(RUN, "a", &exposure(25.0));
    });
}

#[test]
fn an_update_by_a_process_that_has_read_nothing() {
    broken(&[Promise::P6], "without a read before it", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        it.restart();
        if !changed {
            it.read(RUN);
        }
        it.change(RUN, "a", &exposure(25.0));
    });
}

#[test]
fn an_identity_that_no_answer_told() {
    broken(&[Promise::P6], "no good answer had told of", |it, changed| {
        it.ask(RUN, &json!({ "exposurePercentage": 5 }));
        // What it says of the run could not be written down.
        if changed {
            it.read_fails(RUN);
        } else {
            it.read(RUN);
        }
        it.read_fails(RUN);
        let identity =
            json!({ "region": "eu-west-1", "applicationId": "abc1234", "experimentDefinitionId": "bsxyd7k" });
        it.write(RUN, &identity);
    });
}
