//! Values as people may spell them, in each kind of field.

use crate::kubernetes::{Case, Stricter};

/// Stands for the resource's name.
pub const NAME: &str = "NAME";

/// Whole numbers, made of signs, prefixes, digits and underscores.
fn numbers() -> Vec<String> {
    let digits = ["0", "5", "08", "10", "1_0", "100", "1F", "4_"];
    let mut numbers = Vec::new();
    for sign in ["", "+", "-"] {
        for prefix in ["", "0", "0o", "0x", "0X", "0b"] {
            numbers.extend(digits.iter().map(|digits| format!("{sign}{prefix}{digits}")));
        }
    }
    numbers
}

/// Fractions and exponents.
fn fractions() -> Vec<String> {
    let mut numbers = Vec::new();
    for mantissa in [
        "1",
        "12.5",
        "0.1",
        ".5",
        "5.",
        "08.0",
        "1_2.5",
        "._5",
        ".5_0",
        ".5__0",
        "1.2345679",
    ] {
        for exponent in ["", "e0", "e1", "E+1", "e-2", "e", "e+22", "e28785", "e-400"] {
            numbers.push(format!("{mantissa}{exponent}"));
        }
    }
    numbers
}

/// All that isn't a number, or is one only with its tag.
const WORDS: &[&str] = &[
    "y",
    "Y",
    "yes",
    "Yes",
    "YES",
    "yEs",
    "n",
    "N",
    "no",
    "No",
    "NO",
    "on",
    "On",
    "ON",
    "off",
    "Off",
    "OFF",
    "true",
    "True",
    "TRUE",
    "tRUE",
    "false",
    "False",
    "FALSE",
    "~",
    "null",
    "Null",
    "NULL",
    "nULL",
    "",
    "# nothing",
    ".inf",
    "+.Inf",
    "-.INF",
    ".nan",
    ".NaN",
    "nan",
    "inf",
    "Infinity",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "-9223372036854775809",
    "2147483648",
    "2026-11-23",
    "2026-11-23T08:00:00Z",
    "12:30",
    "12:30:45",
    "0.1.2",
    "1,000",
    "1 000",
    "0x1p4",
    "0b-1",
    "-0b-1",
    "<<",
    "=",
    "?",
    "-",
    "--",
    "- 1",
    "'5'",
    "\"5\"",
    "'it''s'",
    "\"\\x35\"",
    "\"\\u0035\"",
    "\"\\U00000035\"",
    "\"\\/\"",
    "\"\\ud83d\\ude00\"",
    "\"\\t\"",
    "\"\\q\"",
    "\"a\" # b",
    "\"a\"b",
    "a #b",
    "a#b",
    "a: b",
    "a:b",
    "a b",
    "  5  ",
    "!!str 5",
    "!!str",
    "!!int 5",
    "!!int '5'",
    "!!int 5.0",
    "!!int x",
    "!!float 5",
    "!!float '5'",
    "!!float x",
    "!!bool yes",
    "!!bool 'no'",
    "!!bool 1",
    "!!null ''",
    "!!null x",
    "! 5",
    "! '5'",
    "!own 5",
    "&a 5",
    "*nowhere",
    "[5]",
    "{5}",
    "{a: 5}",
    "[",
    "{",
    "{{ value }}",
    "@a",
    "`a`",
    "%a",
    "|",
    "|-\n    5",
    ">-\n    5\n    6",
    "|\n    a\n",
    "\t5",
    "5\t",
    "\u{e4}",
    "\u{1f600}",
];

/// A document whose spec has these lines.
fn document(spec: &str) -> String {
    format!(
        "apiVersion: experiments.appconfig.dev/v1alpha1\nkind: ExperimentRun\nmetadata: {{name: {NAME}}}\nspec:\n  \
         applicationIdentifier: shop\n  experimentDefinitionIdentifier: add-to-cart\n{spec}"
    )
}

fn case(spec: &str) -> Case {
    Case {
        bytes: document(spec).into_bytes(),
        stricter: Stricter::Never,
    }
}

/// What a key says without its tag, and then without its quotes.
fn text(key: &str) -> &str {
    match key.strip_prefix("!!").and_then(|key| key.split_once(' ')) {
        Some((_, key)) => key.trim_matches('\''),
        None => key.trim(),
    }
}

/// About a thousand files.
pub fn cases() -> Vec<Case> {
    let (numbers, fractions) = (numbers(), fractions());
    let words = |step: usize| WORDS.iter().step_by(step).map(|word| (*word).to_owned());
    let few = |all: &[String], step: usize| all.iter().step_by(step).cloned().collect::<Vec<_>>();
    let mut cases = Vec::new();
    for value in numbers.iter().chain(&fractions).cloned().chain(words(1)) {
        cases.push(case(&format!("  run: 1\n  exposurePercentage: {value}\n")));
    }
    for value in few(&numbers, 2).into_iter().chain(few(&fractions, 8)).chain(words(1)) {
        cases.push(case(&format!("  run: {value}\n")));
    }
    for value in few(&numbers, 17).into_iter().chain(few(&fractions, 17)).chain(words(1)) {
        cases.push(case(&format!("  run: 1\n  description: {value}\n")));
        cases.push(case(&format!("  run: 1\n  suspend: {value}\n")));
    }
    for value in words(2) {
        for spec in [
            format!("  run: 1\n  treatmentOverrides:\n    inline: {{alice: {value}}}\n"),
            format!("  run: 1\n  deploymentParameters:\n    tags:\n      team: {value}\n"),
        ] {
            let null = ["~", "Null", "# nothing"].contains(&&*value);
            let why = "a null in a map, which kubectl apply drops and other tools don't";
            cases.push(Case {
                stricter: if null { Stricter::Because(why) } else { Stricter::Never },
                ..case(&spec)
            });
        }
    }
    for key in few(&numbers, 3).into_iter().chain(few(&fractions, 3)).chain(words(1)) {
        cases.push(Case {
            stricter: Stricter::AlteredKey(text(&key).to_owned()),
            ..case(&format!(
                "  run: 1\n  treatmentOverrides:\n    inline:\n      {key}: t1\n"
            ))
        });
    }
    cases
}
