//! Times up to both ends of the calendar: `plan` says what happens, or that it can't, and always ends.

use std::{ffi::OsString, sync::mpsc, time::Duration};

use appconfig_experiment_operator::{cli, plan};
use harness::cases::spec;
use serde_json::json;

use crate::command::{Folder, manifest};

/// What `plan` comes to, in this process.
fn code(arguments: Vec<OsString>) -> (u8, String) {
    let (done, is_done) = mpsc::channel();
    let ended = std::thread::spawn(move || {
        let printed = match cli::parse(arguments) {
            Ok(cli::Command::Plan(settings)) => {
                let printed = plan::run(&settings);
                (printed.code, printed.error)
            }
            Ok(other) => panic!("{other:?}"),
            Err(cli::Ended::Wrong(code, line)) => (code, line),
            Err(cli::Ended::Shown(text)) => panic!("{text}"),
        };
        let _ = done.send(printed);
    });
    let printed = is_done.recv_timeout(Duration::from_mins(1));
    printed.unwrap_or_else(|_| panic!("it did not end: {:?}", ended.is_finished()))
}

#[test]
fn at_and_since_may_be_any_time_and_what_cannot_be_planned_is_refused_in_a_sentence() {
    let folder = Folder::new();
    let window = |kind: &str, schedule: &str, zone: &str| json!({"kind": kind, "schedule": schedule, "duration": "7h", "timeZone": zone});
    let ramp = json!({
        "steps": [{"exposurePercentage": 5, "hold": "24h"}, {"exposurePercentage": 50, "hold": "8784h"}],
        "windows": [window("Allow", "0 9 * * 1-5", "Europe/Berlin"), window("Deny", "0 0 29 2 *", "Pacific/Apia")],
    });
    let plain = spec(json!({"exposurePercentage": 100}));
    let files = [plain, spec(json!({"exposurePercentage": 100, "ramp": ramp}))].map(|spec| {
        folder.write(
            &format!("{}.yaml", spec.to_string().len()),
            &manifest("run", &spec).to_string(),
        )
    });
    let years = [
        0, 1, 1582, 1969, 1970, 2026, 2262, 8998, 8999, 9000, 9994, 9995, 9996, 9997, 9998, 9999,
    ];
    let ends = [
        "01-01T00:00:00Z",
        "02-29T23:59:59.999999999Z",
        "12-30T21:59:59Z",
        "12-31T23:59:59Z",
        "12-31T23:59:59-23:59",
    ];
    let mut times: Vec<String> = years
        .iter()
        .flat_map(|year| ends.map(|end| format!("{year:04}-{end}")))
        .collect();
    let odd = [
        "-009999-01-02T01:59:59Z",
        "-009999-01-01T00:00:00Z",
        "+010000-01-01T00:00:00Z",
        "99999-01-01T00:00:00Z",
        "",
    ];
    times.extend(odd.map(str::to_owned));
    let (mut cases, mut planned) = (0, 0);
    for file in &files {
        for time in &times {
            for flags in [
                vec![format!("--at={time}")],
                vec![format!("--since={time}"), "--at=2026-11-20T18:00:00Z".to_owned()],
                vec![format!("--at={time}"), format!("--since={time}")],
            ] {
                let given = ["operator", "plan", "-f", file, "--from=5"].map(str::to_owned);
                let arguments: Vec<OsString> = given.into_iter().chain(flags.clone()).map(OsString::from).collect();
                let (code, said) = code(arguments);
                cases += 1;
                match code {
                    1 => assert!(
                        said.contains("a time is") && said.lines().count() == 1,
                        "{flags:?}: {said}"
                    ),
                    // Near its end no window is found to open.
                    0 | 2 => planned += 1,
                    other => panic!("{flags:?}: {other} {said}"),
                }
            }
        }
    }
    println!("{cases} cases, of which {planned} were planned");
    assert_eq!(cases, 2 * (16 * 5 + 5) * 3);
    assert!(planned > cases / 6, "{planned}");
}
