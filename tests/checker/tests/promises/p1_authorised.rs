//! P1: updates that nothing authorised, or not any more.

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use promise_checker::{ProcessChange, Promise};
use serde_json::json;

use crate::{
    broken,
    recording::{RUN, Recording, exposure},
};

/// Adopted at 5 %, asked for 25 %, read.
fn asked_for_25(it: &mut Recording) {
    it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
    it.ask(RUN, &json!({ "exposurePercentage": 25 }));
    it.read(RUN);
}

#[test]
fn an_update_without_a_name() {
    broken(&[Promise::P1], "names no pending update", |it, changed| {
        asked_for_25(it);
        it.fence(RUN, "a", &exposure(25.0));
        it.update(RUN, "a", &exposure(25.0));
        if changed {
            it.last_request().user_agent = Some("appconfig-experiment-operator/0.1.0 process/first".to_owned());
        }
        it.record(RUN, "True", "InSync");
    });
}

#[test]
fn an_update_without_a_user_agent() {
    broken(&[Promise::P1], "names no pending update", |it, changed| {
        asked_for_25(it);
        it.fence(RUN, "a", &exposure(25.0));
        it.update(RUN, "a", &exposure(25.0));
        if changed {
            it.last_request().user_agent = None;
        }
        it.record(RUN, "True", "InSync");
    });
}

#[test]
fn an_update_that_no_version_recorded() {
    broken(&[Promise::P1], "which no version recorded", |it, changed| {
        asked_for_25(it);
        it.fence(RUN, "a", &exposure(25.0));
        it.update(RUN, if changed { "b" } else { "a" }, &exposure(25.0));
        it.record(RUN, "True", "InSync");
    });
}

#[test]
fn an_update_that_was_recorded_after_it_arrived() {
    broken(&[Promise::P1], "only after it had arrived", |it, changed| {
        asked_for_25(it);
        it.fence(RUN, "a", &exposure(25.0));
        if changed {
            let version = it.last_version();
            version.seen_at += SignedDuration::from_secs(2);
            let fields = version.run.metadata.managed_fields.as_mut().unwrap();
            fields[0].time = Some(Time(version.seen_at));
        }
        it.update(RUN, "a", &exposure(25.0));
        it.wait(3);
        it.record(RUN, "True", "InSync");
    });
}

#[test]
fn an_update_more_than_5_s_after_its_record() {
    broken(&[Promise::P1], "s after it was recorded", |it, changed| {
        asked_for_25(it);
        it.fence(RUN, "a", &exposure(25.0));
        it.wait(if changed { 6 } else { 4 });
        it.update(RUN, "a", &exposure(25.0));
        it.record(RUN, "True", "InSync");
    });
}

#[test]
fn an_exposure_that_is_another_than_was_recorded() {
    broken(&[Promise::P1], "another exposure was recorded", |it, changed| {
        asked_for_25(it);
        it.fence(RUN, "a", &exposure(if changed { 20.0 } else { 25.0 }));
        it.update(RUN, "a", &exposure(25.0));
        it.record(RUN, "True", "InSync");
    });
}

#[test]
fn a_member_that_is_another_than_was_recorded() {
    broken(&[Promise::P1], "another member was recorded", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "description": "newer" }));
        it.read(RUN);
        let recorded = json!({ "Description": "newer" });
        it.fence(RUN, "a", &if changed { exposure(5.0) } else { recorded.clone() });
        it.update(RUN, "a", &recorded);
        it.record(RUN, "True", "InSync");
    });
}

#[test]
fn a_record_for_an_older_generation() {
    broken(&[Promise::P1], "was recorded for generation 1", |it, changed| {
        asked_for_25(it);
        it.fence(RUN, "a", &exposure(25.0));
        if changed {
            let status = it.last_version().run.status.as_mut().unwrap();
            status.pending_update.as_mut().unwrap().generation = 1;
        }
        it.update(RUN, "a", &exposure(25.0));
        it.record(RUN, "True", "InSync");
    });
}

#[test]
fn a_description_that_the_spec_does_not_ask_for() {
    broken(&[Promise::P1], "does not ask for a description", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "description": "newer" }));
        it.read(RUN);
        let body = json!({ "Description": if changed { "withdrawn" } else { "newer" } });
        it.fence(RUN, "a", &body);
        it.update(RUN, "a", &body);
        if changed {
            it.record(RUN, "False", "UpdateIneffective");
        } else {
            it.record(RUN, "True", "InSync");
        }
    });
}

#[test]
fn overrides_that_the_spec_does_not_ask_for() {
    broken(&[Promise::P1], "does not ask for 1 overrides", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "treatmentOverrides": { "inline": { "qa-bob": "t1" } } }));
        it.read(RUN);
        let body = json!({ "TreatmentOverrides": { "Inline": { if changed { "qa-eve" } else { "qa-bob" }: "t1" } } });
        it.fence(RUN, "a", &body);
        it.update(RUN, "a", &body);
        if changed {
            it.record(RUN, "False", "UpdateIneffective");
        } else {
            it.record(RUN, "True", "InSync");
        }
    });
}

#[test]
fn deployment_parameters_that_the_spec_does_not_ask_for() {
    broken(&[Promise::P1], "other deployment parameters", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(
            RUN,
            &json!({ "exposurePercentage": 25, "deploymentParameters": { "tags": { "team": "checkout" } } }),
        );
        it.read(RUN);
        it.fence(RUN, "a", &exposure(25.0));
        let mut body = exposure(25.0);
        if !changed {
            body["DeploymentParameters"] = json!({ "Tags": { "team": "checkout" } });
        }
        it.update(RUN, "a", &body);
        it.record(RUN, "True", "InSync");
    });
}

#[test]
fn a_lower_exposure_than_the_spec_asks_for() {
    broken(&[Promise::P1], "does not ask for exposure 20", |it, changed| {
        asked_for_25(it);
        let body = exposure(if changed { 20.0 } else { 25.0 });
        it.fence(RUN, "a", &body);
        it.update(RUN, "a", &body);
        it.record(RUN, if changed { "False" } else { "True" }, "UpdateIneffective");
    });
}

#[test]
fn a_second_update_of_one_name() {
    broken(
        &[Promise::P1, Promise::P2, Promise::P3],
        "a second update",
        |it, changed| {
            asked_for_25(it);
            it.fence(RUN, "a", &exposure(25.0));
            it.update(RUN, "a", &exposure(25.0));
            if changed {
                it.update(RUN, "a", &exposure(25.0));
            }
            it.record(RUN, "True", "InSync");
        },
    );
}

#[test]
fn an_update_after_the_only_process_was_told_to_end() {
    broken(&[Promise::P1], "when no process might act", |it, changed| {
        asked_for_25(it);
        it.process_is("operator-1", ProcessChange::Terminated);
        it.fence(RUN, "a", &exposure(25.0));
        it.wait(if changed { 4 } else { 2 });
        it.update(RUN, "a", &exposure(25.0));
        it.record(RUN, "True", "InSync");
    });
}

#[test]
fn an_update_after_the_only_process_was_killed() {
    broken(&[Promise::P1], "when no process might act", |it, changed| {
        asked_for_25(it);
        it.fence(RUN, "a", &exposure(25.0));
        it.process_is("operator-1", ProcessChange::Killed);
        it.wait(if changed { 4 } else { 1 });
        it.update_unanswered(RUN, "a", &exposure(25.0));
    });
}

#[test]
fn what_others_send_is_not_judged() {
    broken(&[Promise::P1], "names no pending update", |it, changed| {
        asked_for_25(it);
        it.change(RUN, "a", &exposure(25.0));
        it.update(RUN, "b", &exposure(50.0));
        let agent = if changed {
            "appconfig-experiment-operator/0.1.0"
        } else {
            "Terraform/1.9"
        };
        it.last_request().user_agent = Some(agent.to_owned());
    });
}

/// A ramp has reached 5 % at the beginning of the story.
fn held_for_ten_minutes(it: &mut Recording) {
    let steps = json!([{ "exposurePercentage": 5, "hold": "10m" }]);
    it.ask(RUN, &json!({ "exposurePercentage": 50, "ramp": { "steps": steps } }));
    it.read(RUN);
    it.record(RUN, "True", "RampHolding");
    let reached = json!({ "exposurePercentage": 5, "at": "2026-11-24T12:00:00Z", "hold": "10m" });
    it.write(RUN, &json!({ "ramp": { "reached": reached, "summary": "" } }));
}

#[test]
fn a_raise_before_the_hold_of_a_ramp_is_over() {
    broken(&[Promise::P1], "holds the live exposure", |it, changed| {
        held_for_ten_minutes(it);
        it.wait(if changed { 500 } else { 600 });
        it.read(RUN);
        it.change(RUN, "a", &exposure(50.0));
    });
}

#[test]
fn the_hold_of_a_ramp_is_over_by_the_clock_of_appconfig() {
    broken(&[Promise::P1], "holds the live exposure", |it, changed| {
        held_for_ten_minutes(it);
        it.appconfig_is_ahead_by(600);
        if changed {
            it.appconfig_is_ahead_by(-90);
            it.wait(605);
        }
        it.read(RUN);
        it.change(RUN, "a", &exposure(50.0));
    });
}
