//! What is printed of a ramp, offline: exit codes, the shape of the JSON, the table.

use appconfig_experiment_operator::decide::ramp::schedule::time_zone_data;
use harness::cases::{CANARY, spec};
use serde_json::{Value, json};

use crate::command::{Folder, manifest, plan};

/// A Friday evening in Berlin.
const FRIDAY: &str = "2026-11-20T18:00:00Z";

fn ramp() -> Value {
    json!({
        "steps": [{"exposurePercentage": 0.5, "hold": "1h"}, {"exposurePercentage": 10, "hold": "24h"}],
        "windows": [{"kind": "Allow", "schedule": "0 9 * * MON-THU", "duration": "7h", "timeZone": "Europe/Berlin"}],
    })
}

#[test]
fn a_ramp_is_one_line_of_json_with_all_its_raises() {
    let folder = Folder::new();
    let spec = spec(json!({"exposurePercentage": 100, "ramp": ramp()}));
    let file = folder.write("run.yaml", &manifest("add-to-cart-1", &spec).to_string());
    let printed = plan(&["-f", &file, "--from", "0", "--at", FRIDAY, "-o", "json"]);
    let expected = format!(
        r#"{{"file":"{file}","namespace":"checkout","name":"add-to-cart-1","send":[],"timeline":[{}],"completesAt":"2026-11-24T09:00:00Z","timeZones":"{}"}}
"#,
        [
            r#"{"at":"2026-11-23T08:00:00Z","from":0,"to":0.5,"because":"Window"}"#,
            r#"{"at":"2026-11-23T09:00:00Z","from":0.5,"to":10,"because":"Hold"}"#,
            r#"{"at":"2026-11-24T09:00:00Z","from":10,"to":100,"because":"Hold"}"#,
        ]
        .join(","),
        time_zone_data()
    );
    assert_eq!((printed.out, printed.error), (expected, String::new()));
    assert_eq!(printed.code, 2);
}

#[test]
fn what_is_sent_at_once_is_told_as_such() {
    let folder = Folder::new();
    let spec = spec(json!({"exposurePercentage": 100, "ramp": ramp()}));
    let file = folder.write("run.yaml", &manifest("run", &spec).to_string());
    let monday = "2026-11-23T08:00:00Z";
    let printed = plan(&["-f", &file, "--from", "0", "--at", monday, "-o", "json"]);
    let line = &printed.lines()[0];
    assert_eq!(line["send"], json!(["exposurePercentage"]));
    assert_eq!(
        line["timeline"][0],
        json!({"at": monday, "from": 0, "to": 0.5, "because": "Now"})
    );
}

#[test]
fn the_exposure_counts_as_reached_at_the_beginning_or_since_it_is_said_to_be() {
    let folder = Folder::new();
    let steps = json!({"steps": [{"exposurePercentage": 10, "hold": "24h"}]});
    let spec = spec(json!({"exposurePercentage": 100, "ramp": steps}));
    let file = folder.write("run.yaml", &manifest("run", &spec).to_string());
    let first = |more: &[&str]| {
        let arguments = [&["-f", &file, "--from", "10", "--at", FRIDAY, "-o", "json"], more].concat();
        plan(&arguments).lines()[0]["timeline"][0].clone()
    };
    assert_eq!(first(&[])["at"], "2026-11-21T18:00:00Z");
    assert_eq!(
        first(&["--since", "2026-11-20T08:00:00+01:00"])["at"],
        "2026-11-21T07:00:00Z"
    );
    assert_eq!(
        first(&["--since", "2026-11-01T00:00:00Z"]),
        json!({"at": FRIDAY, "from": 10, "to": 100, "because": "Now"}),
        "one raise after a long time, and no catching up"
    );
}

#[test]
fn nothing_to_send_now_or_later_is_exit_code_0() {
    let folder = Folder::new();
    let reached = spec(json!({"exposurePercentage": 25, "ramp": ramp()}));
    let file = folder.write("run.yaml", &manifest("run", &reached).to_string());
    let printed = plan(&["-f", &file, "--from", "25", "-o", "json"]);
    assert_eq!(printed.code, 0, "{printed:?}");
    assert_eq!(printed.lines()[0]["timeline"], json!([]));
    assert_eq!(printed.lines()[0].get("stays"), None);

    let above = plan(&["-f", &file, "--from", "40", "-o", "json"]);
    assert_eq!(above.code, 0, "{above:?}");
    assert_eq!(above.lines()[0]["stays"]["reason"], "ExposureAboveDesired");

    let suspended = spec(json!({"exposurePercentage": 25, "ramp": ramp(), "suspend": true}));
    let file = folder.write("suspended.yaml", &manifest("run", &suspended).to_string());
    let printed = plan(&["-f", &file, "--from", "0", "-o", "json"]);
    assert_eq!(printed.code, 0, "{printed:?}");
    assert_eq!(printed.lines()[0]["stays"]["reason"], "Suspended");
}

#[test]
fn offline_other_members_are_unknown_and_hold_nothing() {
    let folder = Folder::new();
    let members = json!({"exposurePercentage": 5, "description": "Button", "treatmentOverrides": {"inline": {"qa-bob": "t1"}},
        "deploymentParameters": {"tags": {"team": "checkout"}}});
    let file = folder.write("run.yaml", &manifest("run", &spec(members)).to_string());
    let printed = plan(&["-f", &file, "--from", "0", "--at", FRIDAY, "-o", "json"]);
    let line = &printed.lines()[0];
    assert_eq!(line["unknown"], json!(["description", "treatmentOverrides"]));
    assert_eq!(line["send"], json!(["exposurePercentage"]));
    let text = plan(&["-f", &file, "--from", "0", "--at", FRIDAY]).out;
    assert!(
        text.contains("treatmentOverrides (1 entity)") && text.contains("1 tag"),
        "{text}"
    );
    for secret in ["qa-bob", "checkout\"", "Button"] {
        assert!(
            !text.contains(secret) && !printed.out.contains("qa-bob"),
            "{secret}: {text}"
        );
    }
}

#[test]
fn the_table_has_local_and_utc_times() {
    let folder = Folder::new();
    let spec = spec(json!({"exposurePercentage": 100, "ramp": ramp()}));
    let file = folder.write("run.yaml", &manifest("add-to-cart-1", &spec).to_string());
    let printed = plan(&["-f", &file, "--from", "0", "--at", FRIDAY]);
    let edition = format!("  time zones  IANA {}\n", time_zone_data());
    assert!(printed.out.contains(&edition), "{}", printed.out);
    let lines: Vec<Vec<&str>> = printed
        .out
        .lines()
        .map(|line| line.split_whitespace().collect())
        .collect();
    let table: Vec<String> = lines
        .iter()
        .skip_while(|line| line.first() != Some(&"Europe/Berlin"))
        .map(|line| line.join(" "))
        .collect();
    assert_eq!(
        table,
        [
            "Europe/Berlin UTC from to why then",
            "Mon 2026-11-23 09:00:00 CET 2026-11-23T08:00:00Z 0 % 0.5 % a window opens",
            "Mon 2026-11-23 10:00:00 CET 2026-11-23T09:00:00Z 0.5 % 10 % the hold is over",
            "Tue 2026-11-24 10:00:00 CET 2026-11-24T09:00:00Z 10 % 100 % the hold is over",
        ],
        "{}",
        printed.out
    );
}

/// The lines of the table that begin with `note`, for a ramp with these windows.
fn notes(windows: &Value, at: &str) -> Vec<String> {
    let folder = Folder::new();
    let ramp = json!({"steps": [{"exposurePercentage": 10, "hold": "30h"}], "windows": windows});
    let file = folder.write(
        "run.yaml",
        &manifest("run", &spec(json!({"exposurePercentage": 100, "ramp": ramp}))).to_string(),
    );
    let printed = plan(&["-f", &file, "--from", "0", "--at", at]);
    let notes = printed.out.lines().filter_map(|line| line.trim().strip_prefix("note"));
    notes.map(|note| note.trim().to_owned()).collect()
}

fn window(kind: &str, schedule: &str, duration: &str) -> Value {
    json!({"kind": kind, "schedule": schedule, "duration": duration, "timeZone": "Europe/Berlin"})
}

#[test]
fn an_end_that_clocks_have_moved_is_told_by_both_of_them() {
    let weekend = |at| notes(&json!([window("Deny", "0 0 * * SAT", "48h")]), at);
    assert_eq!(
        weekend("2026-10-24T10:00:00Z"),
        [
            "Deny 0 0 * * SAT for 48h: clocks change while it is open: from Sat 2026-10-24 00:00:00 CEST to Sun \
             2026-10-25 23:00:00 CET, which is Mon 2026-10-26 00:00:00 CEST"
        ]
    );
    assert_eq!(
        weekend("2026-03-28T10:00:00Z"),
        [
            "Deny 0 0 * * SAT for 48h: clocks change while it is open: from Sat 2026-03-28 00:00:00 CET to Mon \
             2026-03-30 01:00:00 CEST, which is Mon 2026-03-30 00:00:00 CET"
        ]
    );
    assert_eq!(weekend("2026-11-07T10:00:00Z"), [""; 0]);
    // What ends within the night is told by a clock that has been changed; what ends before it is not.
    let night = |duration| {
        notes(
            &json!([window("Allow", "0 22 * * *", duration)]),
            "2026-10-24T10:00:00Z",
        )
        .len()
    };
    assert_eq!((night("4h"), night("6h")), (0, 1));
}

#[test]
fn openings_of_one_window_that_run_into_each_other_are_told() {
    let of = |schedule, duration| notes(&json!([window("Allow", schedule, duration)]), "2026-11-20T18:00:00Z");
    assert_eq!(
        of("0 8-17 * * 1-5", "9h"),
        [
            "Allow 0 8-17 * * 1-5 for 9h: its openings run into each other: it is open from Fri 2026-11-20 08:00:00 CET to \
             Sat 2026-11-21 02:00:00 CET"
        ]
    );
    assert_eq!(
        of("0 0 * * *", "36h")
            .iter()
            .filter(|note| note.contains("always open"))
            .count(),
        1
    );
    // One that ends when the next begins is how people write a day in hours.
    assert_eq!(of("0 9-16 * * 1-5", "1h"), [""; 0]);
    assert_eq!(of("0 9 * * 1-4", "7h"), [""; 0]);
}

#[test]
fn markdown_has_a_table_and_a_timeline() {
    let folder = Folder::new();
    let spec =
        spec(json!({"exposurePercentage": 100, "ramp": ramp(), "treatmentOverrides": {"inline": {CANARY: "t1"}}}));
    let file = folder.write("run.yaml", &manifest("add-to-cart-1", &spec).to_string());
    let printed = plan(&["-f", &file, "--from", "0", "--at", FRIDAY, "-o", "markdown"]);
    let page = format!(
        "\
### checkout/add-to-cart-1

- begins: Fri 2026-11-20 19:00:00 CET
- live: 0 %, since 2026-11-20T18:00:00Z
- time zones: IANA {}
- sent now: nothing
- not known: whether these match: treatmentOverrides (1 entity)
- complete: Tue 2026-11-24 10:00:00 CET

| Europe/Berlin | UTC | from | to | why then |
|---|---|---|---|---|
| Mon 2026-11-23 09:00:00 CET | 2026-11-23T08:00:00Z | 0 % | 0.5 % | a window opens |
| Mon 2026-11-23 10:00:00 CET | 2026-11-23T09:00:00Z | 0.5 % | 10 % | the hold is over |
| Tue 2026-11-24 10:00:00 CET | 2026-11-24T09:00:00Z | 10 % | 100 % | the hold is over |

```mermaid
timeline
    title checkout/add-to-cart-1
    Fri 2026-11-20 19.00 CET : 0 % live
    Mon 2026-11-23 09.00 CET : 0 % to 0.5 % (a window opens)
    Mon 2026-11-23 10.00 CET : 0.5 % to 10 % (the hold is over)
    Tue 2026-11-24 10.00 CET : 10 % to 100 % (the hold is over)
```
",
        time_zone_data()
    );
    assert_eq!((printed.out, printed.code), (page, 2));
}
