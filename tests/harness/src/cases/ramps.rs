//! Ramps that must be refused, by the API server or, where a rule can't see it, as `InvalidSpec`: with what to do.

use serde_json::{Value, json};

use super::{Refused, rule, server, spec};

const RAMP: &str = "spec.ramp";
const HOLD: &str = "hold must be from 1s to 8784h, in whole hours, minutes and seconds";
const DURATION: &str = "duration must be from 1m to 8784h, in whole hours, minutes and seconds";
const SCHEDULE: &str = "schedule must have five fields separated by spaces";
const ZONE: &str = "timeZone must be the name of an IANA time zone, such as Europe/Berlin or UTC";
const RISING: &str = "steps must rise strictly: sort them by exposurePercentage and give each exposure once";

fn ramp(ramp: Value) -> Value {
    spec(json!({"exposurePercentage": 100, "ramp": ramp}))
}

fn without_target(more: Value) -> Value {
    let mut spec = spec(more);
    spec["ramp"] = json!({"steps": [{"exposurePercentage": 10, "hold": "1h"}]});
    spec
}

fn steps(steps: &[(f64, &str)]) -> Value {
    let step = |(exposure, hold): &(f64, &str)| json!({"exposurePercentage": exposure, "hold": hold});
    ramp(json!({ "steps": steps.iter().map(step).collect::<Vec<_>>() }))
}

/// A window, with one member that is something else; null: absent.
fn window(member: &str, value: Value) -> Value {
    let mut window = json!({"kind": "Allow", "schedule": "0 9 * * 1-4", "duration": "7h", "timeZone": "Europe/Berlin"});
    match value {
        Value::Null => drop(window.as_object_mut().and_then(|window| window.remove(member))),
        value => window[member] = value,
    }
    ramp(json!({ "windows": [window] }))
}

fn windows_of(member: &str, values: &[&str]) -> Vec<Value> {
    values.iter().map(|value| window(member, json!(value))).collect()
}

/// What the schema and its rules refuse.
pub fn refused_ramps() -> impl Iterator<Item = Refused> {
    let none = ["to go to the target at once, set ramp: {steps: []}"; 2];
    let holds = [
        "2d",
        "0s",
        "8785h",
        "527041m",
        "31622401s",
        "1.5h",
        "1h 30m",
        "-1h",
        "30",
    ]
    .map(|hold| steps(&[(10.0, hold)]));
    let durations = ["59s", "14d", "8785h", "0m", "9999h999999m", "31622401s"];
    let schedules = [
        "0 9 * *",
        "0 0 9 * * *",
        "@daily",
        "0 9 L * *",
        "0 9 * * 5#3",
        "0 9 ? * *",
        "every day at 9",
    ];
    rule(RAMP, none[0], vec![ramp(json!({})), ramp(json!({"windows": []}))])
        .chain(rule(
            "exposurePercentage",
            "a ramp needs a target: set exposurePercentage beside ramp",
            vec![without_target(json!({})), without_target(json!({"suspend": false}))],
        ))
        .chain(rule(
            "spec.ramp.steps",
            RISING,
            vec![
                steps(&[(10.0, "1h"), (5.0, "1h")]),
                steps(&[(10.0, "1h"), (10.0, "2h")]),
            ],
        ))
        .chain(rule("spec.ramp.steps[0].hold", HOLD, holds.into()))
        .chain(rule(
            "spec.ramp.windows[0].duration",
            DURATION,
            windows_of("duration", &durations),
        ))
        .chain(rule(
            "spec.ramp.windows[0].schedule",
            SCHEDULE,
            windows_of("schedule", &schedules),
        ))
        .chain(rule(
            "spec.ramp.windows[0].timeZone",
            ZONE,
            windows_of("timeZone", &["+02:00", "Europe/", "Europe Berlin", "/Berlin"]),
        ))
        .chain(refused_by_schema())
}

fn refused_by_schema() -> impl Iterator<Item = Refused> {
    let rising: Vec<(f64, &str)> = (0..51_u8).map(|step| (f64::from(step), "1h")).collect();
    let one = json!({"kind": "Deny", "schedule": "0 0 * * *", "duration": "1h", "timeZone": "UTC"});
    let step = |step: Value| ramp(json!({ "steps": [step] }));
    server("spec.ramp.steps", "Too many: 51", vec![steps(&rising)])
        .chain(server(
            "spec.ramp.windows",
            "Too many: 21",
            vec![ramp(json!({ "windows": vec![one; 21] }))],
        ))
        .chain(server(
            "spec.ramp.windows[0].kind",
            "supported values: \\\"Allow\\\", \\\"Deny\\\"",
            windows_of("kind", &["allow", "Block"]),
        ))
        .chain(server(
            "spec.ramp.windows[0]",
            "Required value",
            ["kind", "schedule", "duration", "timeZone"]
                .map(|member| window(member, Value::Null))
                .into(),
        ))
        .chain(server(
            "spec.ramp.windows[0].timeZone",
            "at least 1 chars",
            windows_of("timeZone", &[""]),
        ))
        .chain(server(
            "spec.ramp.steps[0].hold",
            "Required value",
            vec![step(json!({"exposurePercentage": 10}))],
        ))
        .chain(server(
            "spec.ramp.steps[0].hold",
            "must be of type string",
            vec![step(json!({"exposurePercentage": 10, "hold": 3600}))],
        ))
        .chain(server(
            "spec.ramp.steps[0].exposurePercentage",
            "Required value",
            vec![step(json!({"hold": "1h"}))],
        ))
        .chain(server(
            "spec.ramp.steps[0].exposurePercentage",
            "Required value",
            vec![step(json!({"exposurePercentage": null, "hold": "1h"}))],
        ))
        .chain(server(
            "spec.ramp.steps[0]",
            "must be of type object: \\\"null\\\"",
            vec![step(Value::Null)],
        ))
        .chain(server(
            "spec.ramp.windows[0]",
            "must be of type object: \\\"null\\\"",
            vec![ramp(json!({ "windows": [null] }))],
        ))
        .chain(server(
            "spec.ramp.steps[0].exposurePercentage",
            "less than or equal to 100",
            vec![steps(&[(101.0, "1h")])],
        ))
}

/// What passes the rules and is told as `InvalidSpec`: what to do.
#[must_use]
pub fn unusable_ramps() -> Vec<(Value, &'static str)> {
    let schedule = |text: &str| window("schedule", json!(text));
    vec![
        (without_target(json!({"suspend": true})), "a ramp needs a target"),
        (
            steps(&[(33.3, "1h"), (33.300_000_1, "1h")]),
            "give each exposure once (as a 32-bit float)",
        ),
        (schedule("0 0 30 2 *"), "correct its day of month and month"),
        (schedule("0 0 31 4,6,9,11 *"), "correct its day of month and month"),
        (schedule("60 9 * * *"), "minute 0-59"),
        (schedule("0 24 * * *"), "hour 0-23"),
        (schedule("0 9 0 * *"), "day of month 1-31"),
        (schedule("0 9 * JANUARY *"), "JAN-DEC"),
        (schedule("0 9 * * 8"), "day of week 0-7"),
        (
            schedule("0 9 * * FRI-MON"),
            "runs backwards: write it as FRI-SAT,SUN-MON",
        ),
        (schedule("0 22-6 * * *"), "runs backwards: write it as 22-23,0-6"),
        (schedule("0 9 * * SAT-SUN"), "runs backwards: write it as SAT,SUN"),
        (schedule("*/0 9 * * *"), "write it as 0 9 * * MON-THU"),
        (schedule("0 9 * * 5L"), "write it as 0 9 * * MON-THU"),
        (
            window("timeZone", json!("Europe/Atlantis")),
            "write it as Europe/Berlin or UTC",
        ),
    ]
}

/// The outermost of what is legal.
pub fn accepted_ramps() -> Vec<Value> {
    let rising: Vec<(f64, &str)> = (0..50_u8).map(|step| (f64::from(step), "9h59m59s")).collect();
    let mut whole = steps(&rising);
    let long = json!({
        "kind": "Deny", "schedule": format!("{} * * * *", ["0"; 60].join(",")), "duration": "8783h59m60s",
        "timeZone": "America/Argentina/ComodRivadavia", "description": "ä".repeat(256),
    });
    whole["ramp"]["windows"] = json!(vec![long; 20]);
    vec![
        whole,
        ramp(json!({"steps": []})),
        ramp(json!({"steps": [], "windows": []})),
        steps(&[(0.0, "1s"), (0.1, "90s"), (100.0, "8784h")]),
        window("timeZone", json!("UTC")),
        window("timeZone", json!("Etc/GMT+12")),
        window("schedule", json!("*/5 0-23/2 1,15 JAN-MAR,12 sun,1-5")),
        window("schedule", json!("*/60 */24 */32 */13 FRI-SAT,SUN-MON")),
        window("duration", json!("1m")),
        window("duration", json!("604800s")),
        window("duration", json!("10080m")),
        window("duration", json!("31622400s")),
        steps(&[(0.0, "259200s"), (0.1, "527040m"), (100.0, "8783h59m60s")]),
    ]
}
