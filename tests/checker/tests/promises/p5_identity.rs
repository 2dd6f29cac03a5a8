//! P5: pins that change, and updates that go elsewhere or come from the grave.

use promise_checker::Promise;
use serde_json::json;

use crate::{
    broken,
    recording::{RUN, exposure},
};

#[test]
fn a_pin_that_changes() {
    broken(&[Promise::P5, Promise::P6], "have changed", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        let id = if changed { "zzz9999" } else { "abc1234" };
        it.write(RUN, &json!({ "applicationId": id, "lastHandledReconcileAt": "now" }));
    });
}

#[test]
fn a_pin_that_goes() {
    broken(&[Promise::P5], "are gone", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        let id = if changed { json!(null) } else { json!("bsxyd7k") };
        it.write(
            RUN,
            &json!({ "experimentDefinitionId": id, "lastHandledReconcileAt": "now" }),
        );
    });
}

#[test]
fn a_region_that_changes() {
    broken(&[Promise::P5, Promise::P6], "have changed", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        let region = if changed { "us-east-1" } else { "eu-west-1" };
        it.write(RUN, &json!({ "region": region, "lastHandledReconcileAt": "now" }));
    });
}

#[test]
fn a_pin_of_a_run_that_the_spec_does_not_name() {
    broken(&[Promise::P5, Promise::P6], "than the spec names", |it, changed| {
        it.ask(RUN, &json!({ "exposurePercentage": 5 }));
        it.read(RUN);
        it.resource(RUN)["status"]["run"] = json!(if changed { 11 } else { 1 });
        it.record(RUN, "True", "InSync");
    });
}

/// What was read by names that were corrected tells nothing of the run that the new ones mean.
#[test]
fn an_answer_to_names_that_were_corrected() {
    let promises = [Promise::P2, Promise::P4, Promise::P6];
    broken(&promises, "not above the live 50", |it, changed| {
        it.ask(RUN, &json!({ "exposurePercentage": 25, "run": 11 }));
        it.read_shows(RUN, &json!({ "ExposurePercentage": 50 }));
        if !changed {
            it.last_request().run = Some(11);
        }
        it.ask(RUN, &json!({ "run": 1 }));
        it.read(RUN);
        it.change(RUN, "a", &exposure(25.0));
    });
}

#[test]
fn an_update_to_another_run_than_the_pinned_one() {
    broken(&[Promise::P5], "went to another run", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        it.read(RUN);
        it.fence(RUN, "a", &exposure(25.0));
        it.update(RUN, "a", &exposure(25.0));
        if changed {
            it.last_request().application = Some("zzz9999".to_owned());
        }
        it.record(RUN, "True", "InSync");
    });
}

#[test]
fn an_update_by_the_names_of_the_spec() {
    broken(&[Promise::P5], "went to another run", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        it.read(RUN);
        it.fence(RUN, "a", &exposure(25.0));
        it.update(RUN, "a", &exposure(25.0));
        if changed {
            let request = it.last_request();
            request.application = Some("shop".to_owned());
            request.definition = Some("add-to-cart".to_owned());
        }
        it.record(RUN, "True", "InSync");
    });
}

#[test]
fn an_update_of_a_deleted_resource() {
    broken(&[Promise::P5, Promise::P1], "long been deleted", |it, changed| {
        it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        it.read(RUN);
        it.fence(RUN, "a", &exposure(25.0));
        it.delete(RUN);
        it.wait(if changed { 9 } else { 2 });
        // Answered for the request's sake: nobody records it any more.
        let body = exposure(25.0);
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        it.update(RUN, "a", &body);
    });
}

#[test]
fn a_pending_update_that_a_namesake_takes_over() {
    broken(
        &[Promise::P5],
        "which another resource recorded first",
        |it, changed| {
            it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
            it.ask(RUN, &json!({ "exposurePercentage": 25 }));
            it.read(RUN);
            it.fence(RUN, "a", &exposure(25.0));
            it.delete(RUN);
            it.ask(RUN, &json!({ "exposurePercentage": 25 }));
            it.read(RUN);
            it.fence(RUN, "a", &exposure(25.0));
            if !changed {
                let status = it.last_version().run.status.as_mut().unwrap();
                status.pending_update.as_mut().unwrap().generation = -1;
            }
        },
    );
}

#[test]
fn an_update_before_a_run_is_pinned() {
    broken(&[Promise::P5], "before the resource had pinned a run", |it, changed| {
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        it.read(RUN);
        it.fence(RUN, "a", &exposure(25.0));
        if changed {
            it.last_version().run.status.as_mut().unwrap().region = None;
        }
        it.update(RUN, "a", &exposure(25.0));
        it.record(RUN, "True", "InSync");
    });
}
