#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;

fn wire() -> Value {
    json!({
        "ApplicationId": "abc1234", "ExperimentDefinitionId": "bsxyd7k", "Run": 1, "Status": "RUNNING",
        "ExposurePercentage": 33.299_999_237_060_55
    })
}

fn region() -> Region {
    "eu-west-1".parse().unwrap()
}

fn parse(change: impl FnOnce(&mut Map<String, Value>)) -> Result<LiveRun, Unusable> {
    let mut wire = wire();
    change(wire.as_object_mut().unwrap());
    live_run(&region(), &serde_json::to_vec(&wire).unwrap())
}

#[test]
fn what_may_be_absent_reads_as_empty() {
    let run = parse(|_| {}).unwrap();
    assert_eq!(run.exposure, Exposure::new(33.3).unwrap());
    assert_eq!(run.description, "");
    assert_eq!(run.overrides, TreatmentOverrides::default());
    assert_eq!(run.result, None);
    assert_eq!(run.definition, ExperimentDefinition::default());
    let null = parse(|run| {
        for member in [
            "Description",
            "TreatmentOverrides",
            "Result",
            "EndedAt",
            "ExperimentDefinitionSnapshot",
        ] {
            run.insert(member.into(), Value::Null);
        }
    });
    assert_eq!(null.unwrap(), run);
    let empty = parse(|run| {
        run.insert("TreatmentOverrides".into(), json!({"__type": "x", "Inline": {}}));
        run.insert("Result".into(), json!({}));
        run.insert("SomethingNew".into(), json!([{"a": 1}]));
    });
    assert_eq!(empty.unwrap(), run);
}

#[test]
fn a_full_answer_is_read_whole() {
    let run = parse(|run| {
        run.insert("Status".into(), json!("DONE"));
        run.insert("Description".into(), json!("New button"));
        run.insert("TreatmentOverrides".into(), json!({"Inline": {"qa-bob": "t1"}}));
        run.insert("StartedAt".into(), json!("2026-06-16T18:01:24Z"));
        run.insert("UpdatedAt".into(), json!("2026-06-16T18:01:24.123456789Z"));
        run.insert("EndedAt".into(), json!("2026-06-16T20:01:24.5+02:00"));
        run.insert(
            "Result".into(),
            json!({"ExecutiveSummary": "good", "ReasonsToLaunch": "yes"}),
        );
        run.insert(
            "ExperimentDefinitionSnapshot".into(),
            json!({
                "Name": "add-to-cart", "FlagKey": "cart", "EnvironmentId": "env1", "ConfigurationProfileId": "prof1",
                "AudienceRule": "(country eq \"DE\")",
                "Treatments": [{"Key": "t1", "Weight": 33.299_999_237_060_55, "FlagValue": {"Enabled": true}}],
                "Control": {"Key": "c", "Weight": 66.7}
            }),
        );
    })
    .unwrap();
    assert_eq!(run.status, RunStatus::Done);
    assert_eq!(run.overrides.inline["qa-bob"], "t1");
    assert!(!format!("{run:?}").contains("qa-bob"));
    assert_eq!(
        run.key,
        RunKey {
            region: region(),
            application_id: "abc1234".to_owned(),
            experiment_definition_id: "bsxyd7k".to_owned(),
            run: 1,
        }
    );
    assert_eq!(run.exposed_at, None, "only events tell");
    assert_eq!(run.started_at.unwrap().to_string(), "2026-06-16T18:01:24Z");
    assert_eq!(run.updated_at.unwrap().to_string(), "2026-06-16T18:01:24Z");
    assert_eq!(run.ended_at.unwrap().to_string(), "2026-06-16T18:01:24Z");
    assert_eq!(run.result.unwrap().executive_summary.as_deref(), Some("good"));
    let treatment = |key: &str, weight| Treatment {
        key: key.to_owned(),
        weight: Some(weight),
    };
    assert_eq!(run.definition.treatments, [treatment("c", 66.7), treatment("t1", 33.3)]);
    assert_eq!(run.definition.environment_id.as_deref(), Some("env1"));
}

#[test]
fn a_run_that_is_running_has_no_end() {
    let ended = |status: &str| {
        let run = parse(|run| {
            run.insert("Status".into(), json!(status));
            run.insert("EndedAt".into(), json!("2026-06-16T18:01:24Z"));
        });
        run.unwrap().ended_at.is_some()
    };
    assert!(ended("DONE") && !ended("RUNNING"));
}

#[test]
fn an_incomplete_or_unknown_answer_is_never_a_value() {
    for member in [
        "ApplicationId",
        "ExperimentDefinitionId",
        "Run",
        "Status",
        "ExposurePercentage",
    ] {
        let expected = Unusable(format!("the answer has no {member}"));
        assert_eq!(parse(|run| drop(run.remove(member))), Err(expected.clone()), "{member}");
        assert_eq!(
            parse(|run| drop(run.insert(member.into(), Value::Null))),
            Err(expected),
            "{member}"
        );
    }
    let unusable = [
        ("Status", json!("PAUSED")),
        ("Run", json!(0)),
        ("Run", json!(1.5)),
        ("ApplicationId", json!("..")),
        ("ExposurePercentage", json!(100.001)),
        ("ExposurePercentage", json!(-1)),
        ("ExposurePercentage", json!("ten")),
        ("UpdatedAt", json!("yesterday")),
        ("UpdatedAt", json!(1_781_632_884)),
        ("TreatmentOverrides", json!({})),
        ("TreatmentOverrides", json!({"Segment": {"id": "canary"}})),
        ("TreatmentOverrides", json!({"Inline": {}, "Segment": {"id": "canary"}})),
        ("TreatmentOverrides", json!({"Inline": {"canary": 1}})),
        ("TreatmentOverrides", json!({"Inline": null})),
        ("TreatmentOverrides", json!("canary")),
        ("Description", json!({"canary": 1})),
    ];
    for (member, value) in unusable {
        let Unusable(why) = parse(|run| drop(run.insert(member.into(), value))).unwrap_err();
        assert!(!why.contains("canary"), "{why}");
    }
    for body in ["", "{", "[]", "null", "<html>", "\u{0}", "{\"Run\":1", "{}{}"] {
        assert!(live_run(&region(), body.as_bytes()).is_err(), "{body}");
    }
    assert!(live_run(&region(), &[0xff, 0xfe]).is_err());
}

#[test]
fn times_up_to_both_ends_of_the_calendar_are_read_or_refused() {
    let years = (0..=9999_u32)
        .step_by(101)
        .chain([1, 1969, 1970, 2262, 9995, 9996, 9998]);
    let ends = [
        "01-01T00:00:00Z",
        "02-29T12:00:00+23:59",
        "12-30T21:59:59.999999999Z",
        "12-31T23:59:59Z",
        "12-31T23:59:60Z",
    ];
    let mut times: Vec<String> = years
        .flat_map(|year| ends.map(|end| format!("{year:04}-{end}")))
        .collect();
    let beyond = [
        "-009999-01-02T01:59:59Z",
        "-000001-12-31T23:59:59Z",
        "+010000-01-01T00:00:00Z",
        "99999-01-01T00:00:00Z",
        "",
    ];
    times.extend(beyond.map(str::to_owned));
    let (mut cases, mut read) = (0, 0);
    for member in ["StartedAt", "UpdatedAt", "EndedAt"] {
        for time in &times {
            let parsed = parse(|run| {
                run.insert("Status".into(), json!("DONE"));
                run.insert(member.into(), json!(time));
            });
            cases += 1;
            match parsed {
                Ok(run) => {
                    let time = [run.started_at, run.updated_at, run.ended_at]
                        .into_iter()
                        .flatten()
                        .next();
                    assert!(time.unwrap() >= YEAR_0, "no status can hold it: {time:?}");
                    read += 1;
                }
                Err(unusable) => assert_eq!(unusable, Unusable::invalid(member), "{time}"),
            }
        }
    }
    println!("{cases} cases, of which {read} were read");
    assert!(beyond.iter().all(|time| timestamp("UpdatedAt", Some(time)).is_err()));
    assert!(cases > 1_500 && read > cases / 2);
}
