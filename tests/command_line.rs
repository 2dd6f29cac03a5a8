//! The program as a shell or a Pod starts it: arguments, environment, exit codes. Settings that are wrong end it before
//! it talks to anybody.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::process::{Command, Output};

/// Runs the operator with these arguments and with no other environment than this.
fn operator(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_appconfig-experiment-operator"));
    command
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .output()
        .unwrap()
}

/// The one line on standard error with which a wrong setting is answered.
fn refusal(arguments: &[&str], environment: &[(&str, &str)]) -> String {
    let output = operator(arguments, environment);
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{line}");
    assert!(output.stdout.is_empty() && line.lines().count() == 1, "{line}");
    line
}

#[test]
fn a_wrong_value_is_one_line_that_says_where_it_came_from() {
    let line = refusal(&["--concurrency=0"], &[]);
    assert!(line.contains("--concurrency") && !line.contains("(from"), "{line}");
    let line = refusal(&["run"], &[("APPCONFIG_OPERATOR_CONCURRENCY", "0")]);
    assert!(line.contains("(from APPCONFIG_OPERATOR_CONCURRENCY)"), "{line}");
    let line = refusal(&[], &[("AWS_DEFAULT_REGION", "EU")]);
    assert!(line.contains("(from AWS_DEFAULT_REGION)"), "{line}");
}

#[test]
fn what_would_end_the_process_later_is_refused_by_the_command_line() {
    for rate in ["5000", "1e-9", "NaN", "inf"] {
        for flag in ["--read-rate", "--write-rate"] {
            let line = refusal(&[&format!("{flag}={rate}")], &[]);
            assert!(line.contains(flag) && line.contains("between 0.001 and 1000"), "{line}");
        }
    }
    let line = refusal(&[], &[("APPCONFIG_OPERATOR_WRITE_RATE", "5000")]);
    assert!(line.contains("(from APPCONFIG_OPERATOR_WRITE_RATE)"), "{line}");
    let line = refusal(&["--endpoint-url=https://appconfig.example:65536"], &[]);
    assert!(line.contains("--endpoint-url"), "{line}");
    for variable in ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"] {
        let line = refusal(&["--endpoint-url=https://appconfig.example"], &[(variable, "true")]);
        assert!(line.contains(variable), "{line}");
    }
    let line = refusal(&[], &[("HTTPS_PROXY", "http://user:canary@:3128:1")]);
    assert!(line.contains("HTTPS_PROXY") && !line.contains("canary"), "{line}");
}

#[test]
fn an_empty_variable_is_absent_and_a_namespace_list_has_commas() {
    // The endpoint is looked at after all else was accepted.
    let environment = [("AWS_REGION", ""), ("APPCONFIG_OPERATOR_RESYNC_INTERVAL", "")];
    let line = refusal(&["--endpoint-url=http://example.com"], &environment);
    assert!(line.contains("--allow-insecure-endpoint"), "{line}");
    let line = refusal(&[], &[("APPCONFIG_OPERATOR_NAMESPACE", "shop,Cart")]);
    assert!(line.contains("'Cart'"), "{line}");
}

#[test]
fn help_version_and_the_definition_go_to_standard_output() {
    for arguments in [["--help"], ["--version"], ["crds"]] {
        let output = operator(&arguments, &[]);
        assert!(
            output.status.success() && output.stderr.is_empty() && !output.stdout.is_empty(),
            "{arguments:?}"
        );
    }
}
