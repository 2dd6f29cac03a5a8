//! What can't be used, though the schema may not see it: each message says what to do.

use serde_json::{Value, json};

use super::{parse, steps};

fn window(member: &str, value: &str) -> Value {
    let mut window = json!({"kind": "Allow", "schedule": "0 9 * * 1-4", "duration": "7h", "timeZone": "Europe/Berlin"});
    window[member] = json!(value);
    json!({ "windows": [window] })
}

/// So many windows.
fn windows(count: usize) -> Value {
    let one = window("kind", "Deny")["windows"][0].clone();
    json!({ "windows": vec![one; count] })
}

#[test]
fn as_many_windows_as_there_may_be_can_be_used() {
    assert!(parse(windows(20)).is_ok());
}

#[test]
fn every_ramp_that_cannot_be_used_is_refused_with_what_to_do() {
    let many: Vec<(f32, &str)> = (0..51_u8).map(|step| (f32::from(step), "1h")).collect();
    let cases = [
        (json!({}), "set ramp: {steps: []}"),
        (json!({"windows": []}), "set ramp: {steps: []}"),
        (steps(&many), "remove some"),
        (windows(21), "remove some"),
        (windows(22), "remove some"),
        (steps(&[(10.0, "1h"), (10.0, "1h")]), "give each exposure once"),
        (steps(&[(10.0, "1h"), (5.0, "1h")]), "sort the steps"),
        (
            json!({"steps": [
                {"exposurePercentage": 33.3, "hold": "1h"}, {"exposurePercentage": 33.299_999_237_060_55, "hold": "1h"}
            ]}),
            "33.3 % in spec.ramp.steps is not above",
        ),
        (steps(&[(10.0, "2d")]), "the hold \"2d\" in spec.ramp.steps"),
        (steps(&[(10.0, "2d")]), "such as 90s, 30m or 48h"),
        (steps(&[(10.0, "0s")]), "from 1s to 8784h"),
        (steps(&[(10.0, "8785h")]), "from 1s to 8784h"),
        (steps(&[(10.0, "-1h")]), "from 1s to 8784h"),
        (window("duration", "59s"), "from 1m to 8784h"),
        (window("duration", "14d"), "such as 30m, 7h or 336h"),
        (
            window("timeZone", "Europe/Atlantis"),
            "write it as Europe/Berlin or UTC",
        ),
        (window("timeZone", "+02:00"), "write it as Europe/Berlin or UTC"),
        (window("timeZone", ""), "write it as Europe/Berlin or UTC"),
        (window("schedule", "0 0 30 2 *"), "never occurs"),
        (
            window("schedule", "0 0 31 4,6,9,11 *"),
            "correct its day of month and month",
        ),
        (window("schedule", "60 9 * * *"), "minute 0-59"),
        (window("schedule", "0 24 * * *"), "hour 0-23"),
        (window("schedule", "0 9 0 * *"), "day of month 1-31"),
        (window("schedule", "0 9 * 13 *"), "month 1-12"),
        (window("schedule", "0 9 * * 8"), "day of week 0-7"),
        (
            window("schedule", "0 9 * * FRI-MON"),
            "runs backwards: write it as FRI-SAT,SUN-MON",
        ),
        (
            window("schedule", "0 9 * * sat-SUN"),
            "the range sat-SUN of the schedule",
        ),
        (window("schedule", "0 9 * * sat-SUN"), "write it as SAT,SUN"),
        (window("schedule", "0 9 * * 5-1"), "write it as 5-6,0-1"),
        (window("schedule", "0 22-6 * * *"), "write it as 22-23,0-6"),
        (window("schedule", "0 9 25-5 * *"), "write it as 25-31,1-5"),
        (window("schedule", "0 9 * NOV-FEB *"), "write it as NOV-DEC,JAN-FEB"),
        (window("schedule", "0 9 * DEC-1 *"), "write it as DEC,JAN"),
        (window("schedule", "0 22-6/4 * * *"), "write it as 22,2,6"),
        (window("schedule", "0 22-24 * * *"), "hour 0-23"),
        (window("schedule", "0 9-*/2 * * *"), "five fields"),
        (window("schedule", "0 9,, * * *"), "five fields"),
        (window("schedule", "0 9/ * * *"), "five fields"),
        (window("schedule", "0 9/1/2 * * *"), "five fields"),
        (window("schedule", "0 MON * * *"), "five fields"),
        (window("schedule", "0 9 * MON *"), "five fields"),
        (window("schedule", "0 9 * *"), "five fields"),
        (window("schedule", "0 0 9 * * *"), "five fields"),
        (window("schedule", "0 9 * * * UTC"), "five fields"),
        (window("schedule", "@daily"), "five fields"),
        (window("schedule", "0 9 L * *"), "five fields"),
        (window("schedule", "0 9 15W * *"), "five fields"),
        (window("schedule", "0 9 * * 5#3"), "five fields"),
        (window("schedule", "0 9 * * 5L"), "five fields"),
        (window("schedule", "H 9 * * *"), "five fields"),
        (window("schedule", "*/0 9 * * *"), "five fields"),
        (window("schedule", "0 9 ? * *"), "five fields"),
    ];
    for (spec, what_to_do) in cases {
        let message = parse(spec.clone()).unwrap_err().to_string();
        assert!(message.contains(what_to_do), "{spec}: {message}");
        assert!(message.len() < 400, "{message}");
    }
}

#[test]
fn the_outermost_of_what_is_legal_can_be_used() {
    let many: Vec<(f32, &str)> = (0..50_u8).map(|step| (f32::from(step), "8784h")).collect();
    let specs = [
        json!({"steps": []}),
        json!({"steps": [], "windows": []}),
        steps(&many),
        steps(&[(0.0, "1s"), (100.0, "1h1m1s")]),
        window("duration", "1m"),
        window("duration", "604800s"),
        window("duration", "10080m"),
        window("duration", "31622400s"),
        steps(&[(1.0, "259200s"), (2.0, "527040m")]),
        window("timeZone", "UTC"),
        window("timeZone", "America/Argentina/ComodRivadavia"),
        window("schedule", "*/5 0-23/2 1,15 JAN-MAR,12 sun,1-5"),
        window("schedule", " 0  9 * * 7 "),
        window("schedule", "0 0 29 2 *"),
        window("schedule", "*/60 */24 * * *"),
        window("schedule", "0 22-23,0-6 * * FRI-SAT,SUN-MON"),
    ];
    for spec in specs {
        parse(spec.clone()).unwrap_or_else(|error| unreachable!("{spec}: {error}"));
    }
}

#[test]
fn windows_are_the_same_when_schedule_and_zone_are() {
    let ramp = |member: &str, value: &str| parse(window(member, value)).unwrap();
    let nine = ramp("schedule", "0 9 * * 1-4");
    assert_eq!(nine, ramp("timeZone", "Europe/Berlin"));
    assert_ne!(nine, ramp("schedule", "0 10 * * 1-4"));
    assert_ne!(nine, ramp("timeZone", "UTC"));
}
