//! P8: two resources for one run.

use promise_checker::Promise;
use serde_json::json;

use crate::{
    broken,
    recording::{RUN, Recording, exposure},
};

/// An older resource, seen and Ready, and a younger one.
fn two(it: &mut Recording) {
    it.adopt("older", &json!({ "exposurePercentage": 5 }));
    it.ask(RUN, &json!({ "exposurePercentage": 5 }));
    it.read(RUN);
}

#[test]
fn the_younger_one_sends() {
    broken(&[Promise::P8], "ns/older is older", |it, changed| {
        two(it);
        it.record(RUN, "False", "RunAlreadyManaged");
        it.ask(RUN, &json!({ "exposurePercentage": 25 }));
        if !changed {
            it.delete("older");
        }
        it.read(RUN);
        it.fence(RUN, "a", &exposure(25.0));
        it.update(RUN, "a", &exposure(25.0));
    });
}

#[test]
fn the_one_with_the_later_name_of_one_second_sends() {
    broken(&[Promise::P8], "ns/older is older", |it, changed| {
        two(it);
        it.record(RUN, "False", "RunAlreadyManaged");
        let created = json!("2026-11-24T12:00:00Z");
        it.resource("older")["metadata"]["creationTimestamp"] = created.clone();
        it.resource(RUN)["metadata"]["creationTimestamp"] = created;
        for version in &mut it.history.versions {
            let metadata = &mut version.run.metadata;
            let created = serde_json::from_value(json!("2026-11-24T12:00:00Z")).unwrap();
            metadata.creation_timestamp = Some(created);
        }
        let sender = if changed { RUN } else { "older" };
        it.ask(sender, &json!({ "exposurePercentage": 25 }));
        it.read(sender);
        it.fence(sender, "a", &exposure(25.0));
        it.update(sender, "a", &exposure(25.0));
    });
}

#[test]
fn the_younger_one_says_that_it_is_ready() {
    broken(&[Promise::P8], "says Ready=True", |it, changed| {
        two(it);
        if changed {
            it.record(RUN, "True", "InSync");
        } else {
            it.record(RUN, "False", "RunAlreadyManaged");
        }
    });
}

#[test]
fn the_younger_one_ends_with_another_reason() {
    broken(&[Promise::P8], "ends with the reason Suspended", |it, changed| {
        two(it);
        it.record(RUN, "False", if changed { "Suspended" } else { "RunAlreadyManaged" });
        it.history.context.is_final = true;
    });
}

#[test]
fn the_last_one_does_not_take_over() {
    broken(
        &[Promise::P8],
        "no older resource stands for the same run",
        |it, changed| {
            two(it);
            it.record(RUN, "False", "RunAlreadyManaged");
            it.delete("older");
            if !changed {
                it.read(RUN);
                it.record(RUN, "True", "InSync");
            }
            it.history.context.is_final = true;
        },
    );
}
