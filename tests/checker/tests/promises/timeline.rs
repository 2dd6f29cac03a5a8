//! What a violation looks like.

use promise_checker::check;
use serde_json::json;

use crate::recording::{RUN, Recording};

#[test]
fn a_violation_is_a_sentence_and_a_timeline_without_entity_ids() {
    let mut it = Recording::new();
    it.adopt(RUN, &json!({ "exposurePercentage": 5 }));
    it.ask(RUN, &json!({ "treatmentOverrides": { "inline": { "qa-bob": "t1" } } }));
    it.read(RUN);
    let body = json!({ "TreatmentOverrides": { "Inline": { "qa-eve": "t1" } } });
    it.fence(RUN, "0f5c1a52-77aa", &body);
    it.update(RUN, "0f5c1a52-77aa", &body);
    it.record(RUN, "False", "UpdateIneffective");
    let told: Vec<String> = check(&it.finish()).iter().map(ToString::to_string).collect();
    let expected = "\
P1 (authorised) ns/run: the update 0f5c1a52 was not authorised: its spec does not ask for 1 overrides
    12:00:00.100 process    operator-1 Started
    12:00:00.200 asked      generation 1, exposure 5
    12:00:00.200 recorded   version 2 of generation 1; Ready Unknown Pending for generation 0
    12:00:00.300 sent       GetExperimentRun by process first; answered 12:00:00.350 200: RUNNING, exposure 5, 0 overrides, updated 11:00:00.000
    12:00:00.450 recorded   version 4 of generation 1; Ready True InSync for generation 1; RUNNING; live exposure 5
    12:00:00.550 asked      generation 2, exposure 5, 1 overrides
    12:00:00.650 sent       GetExperimentRun by process first; answered 12:00:00.700 200: RUNNING, exposure 5, 0 overrides, updated 11:00:00.000
    12:00:00.800 recorded   version 7 of generation 2; Ready False Progressing for generation 2; Reconciling; RUNNING; live exposure 5; pending update 0f5c1a52 of generation 2: TreatmentOverrides
    12:00:01.000 sent       UpdateExperimentRun of 1 overrides as 0f5c1a52 by process first; committed 12:00:01.000; answered 12:00:01.050 200: RUNNING, exposure 5, 1 overrides, updated 12:00:00.000
    12:00:01.150 recorded   version 10 of generation 2; Ready False UpdateIneffective for generation 2; Stalled; RUNNING; live exposure 5";
    assert_eq!(told, [expected]);
}

#[test]
fn nothing_recorded_breaks_nothing() {
    assert_eq!(check(&Recording::new().finish()), []);
}
