//! P3: requests that carry too much, or what is there already.

use promise_checker::Promise;
use serde_json::json;

use crate::{
    broken,
    recording::{RUN, Recording, exposure},
};

#[test]
fn two_members_in_one_request() {
    broken(&[Promise::P3], "instead of one member", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25, "description": "new" }));
        it.read(RUN);
        it.fence(RUN, "a", &json!({ "Description": "new" }));
        let mut body = json!({ "Description": "new" });
        if changed {
            body["TreatmentOverrides"] = json!({ "Inline": {} });
        }
        it.update(RUN, "a", &body);
        it.record_unsettled(RUN, "Progressing");
    });
}

#[test]
fn a_request_without_a_member() {
    broken(&[Promise::P3], "instead of one member", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "description": "new" }));
        it.read(RUN);
        it.fence(RUN, "a", &json!({ "Description": "new" }));
        it.update(
            RUN,
            "a",
            &if changed {
                json!({})
            } else {
                json!({ "Description": "new" })
            },
        );
        it.record_unsettled(RUN, "Progressing");
    });
}

#[test]
fn a_member_that_the_api_does_not_have() {
    broken(&[Promise::P3], "instead of one member", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "description": "new" }));
        it.read(RUN);
        it.fence(RUN, "a", &json!({ "Description": "new" }));
        it.update(
            RUN,
            "a",
            &json!({ if changed { "Name" } else { "Description" }: "new" }),
        );
        it.record_unsettled(RUN, "Progressing");
    });
}

#[test]
fn a_description_with_the_parameters_of_a_deployment() {
    broken(&[Promise::P3, Promise::P1], "which deploys nothing", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(
            RUN,
            &json!({ "description": "new", "deploymentParameters": { "tags": { "team": "checkout" } } }),
        );
        it.read(RUN);
        it.fence(RUN, "a", &json!({ "Description": "new" }));
        let mut body = json!({ "Description": "new" });
        if changed {
            body["DeploymentParameters"] = json!({ "Tags": { "team": "checkout" } });
        }
        it.update(RUN, "a", &body);
        it.record(RUN, "True", "InSync");
    });
}

fn sent_although_live(it: &mut Recording, changed: bool, spec: &serde_json::Value, body: &serde_json::Value) {
    it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
    if changed {
        it.by_somebody(body);
    }
    it.ask(RUN, spec);
    it.read(RUN);
    it.change(RUN, "a", body);
}

#[test]
fn a_description_that_is_live_already() {
    broken(&[Promise::P3], "what AppConfig had answered last", |it, changed| {
        let (spec, body) = (json!({ "description": "new" }), json!({ "Description": "new" }));
        sent_although_live(it, changed, &spec, &body);
    });
}

#[test]
fn overrides_that_are_live_already() {
    broken(&[Promise::P3], "what AppConfig had answered last", |it, changed| {
        let inline = json!({ "qa-bob": "t1" });
        let spec = json!({ "treatmentOverrides": { "inline": inline } });
        let body = json!({ "TreatmentOverrides": { "Inline": inline } });
        sent_although_live(it, changed, &spec, &body);
    });
}

#[test]
fn an_exposure_that_is_live_as_a_32_bit_float() {
    broken(
        &[Promise::P3, Promise::P2],
        "what AppConfig had answered last",
        |it, changed| {
            it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
            it.by_somebody(&exposure(if changed { 33.299_999_237_060_55 } else { 33.0 }));
            it.ask(RUN, &json!({ "exposurePercentage": 33.3 }));
            it.read(RUN);
            it.change(RUN, "a", &exposure(33.3));
        },
    );
}
