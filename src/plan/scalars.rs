//! What a scalar without quotes means to Kubernetes: YAML 1.1 as Go's `yaml.v2` resolves it, and as `sigs.k8s.io/yaml`, which
//! kubectl and `GitOps` tools share, then makes JSON of it. `010` is eight, `yes` is true, `8e28785` is text.

use serde_json::{Number, Value};

/// A scalar's meaning.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Integer(i64),
    /// A whole number above those.
    Large(u64),
    Float(f64),
    Text(String),
}

impl Scalar {
    /// What it is in JSON; none: a number that JSON doesn't have.
    pub(super) fn value(self) -> Option<Value> {
        Some(match self {
            Self::Null => Value::Null,
            Self::Bool(is) => is.into(),
            Self::Integer(number) => number.into(),
            Self::Large(number) => number.into(),
            Self::Float(number) => Value::Number(Number::from_f64(number)?),
            Self::Text(text) => text.into(),
        })
    }

    /// What it is as the name of an entry; none: it can't be one.
    pub(super) fn key(self) -> Option<String> {
        match self {
            Self::Null | Self::Large(_) => None,
            Self::Bool(is) => Some(is.to_string()),
            Self::Integer(number) => Some(number.to_string()),
            Self::Float(number) => Some(float_key(number)),
            Self::Text(text) => Some(text),
        }
    }
}

/// A scalar that is written plain and has no tag.
pub(super) fn plain(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => return Scalar::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        _ => {}
    }
    let number = match text.as_bytes().first() {
        // Here underscores stand between digits only.
        Some(b'.') if digits_around_underscores(text) => float(&text.replace('_', "")),
        Some(b'+' | b'-' | b'0'..=b'9') => {
            let text = text.replace('_', "");
            integer(&text).or_else(|| float(&text)).or_else(|| binary(&text))
        }
        _ => None,
    };
    number.unwrap_or_else(|| Scalar::Text(text.to_owned()))
}

/// A scalar with one of YAML's own tags, such as the `int` of `!!int`. None: its text is of another kind, or the tag is one
/// that manifests have no use for.
pub(super) fn tagged(tag: &str, text: &str) -> Option<Scalar> {
    let scalar = match tag {
        "bool" | "int" | "float" | "null" => plain(text),
        "binary" | "timestamp" => return None,
        _ => return Some(Scalar::Text(text.to_owned())),
    };
    match (tag, scalar) {
        ("bool", scalar @ Scalar::Bool(_))
        | ("int", scalar @ (Scalar::Integer(_) | Scalar::Large(_)))
        | ("float", scalar @ Scalar::Float(_))
        | ("null", scalar @ Scalar::Null) => Some(scalar),
        #[allow(clippy::cast_precision_loss, reason = "as Go's float64(int)")]
        ("float", Scalar::Integer(number)) => Some(Scalar::Float(number as f64)),
        _ => None,
    }
}

/// As Go's `strconv.ParseInt` and `ParseUint` with base 0.
fn integer(text: &str) -> Option<Scalar> {
    let (sign, digits) = match text.split_at_checked(1) {
        Some((sign @ ("+" | "-"), digits)) => (sign, digits),
        _ => ("", text),
    };
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'b' | b'B', _, ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &digits[2..]),
        [b'0', b'x' | b'X', _, ..] => (16, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if !digits.chars().all(|digit| digit.is_digit(base)) {
        return None;
    }
    if let Ok(number) = i64::from_str_radix(&format!("{sign}{digits}"), base) {
        return Some(Scalar::Integer(number));
    }
    let large = u64::from_str_radix(digits, base).ok().filter(|_| sign.is_empty());
    large.map(Scalar::Large)
}

/// What Go takes on top: a sign within.
fn binary(text: &str) -> Option<Scalar> {
    i64::from_str_radix(text.strip_prefix("0b")?, 2)
        .ok()
        .map(Scalar::Integer)
}

/// A decimal number; one beyond the range of floats is text.
fn float(text: &str) -> Option<Scalar> {
    let unsigned = |text: &str| text.strip_prefix(['+', '-']).unwrap_or(text).to_owned();
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let mantissa = unsigned(mantissa).replacen('.', "", 1);
    let legal = [mantissa, unsigned(exponent)]
        .iter()
        .all(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()));
    let number: f64 = legal.then(|| text.parse().ok())??;
    number.is_finite().then_some(Scalar::Float(number))
}

fn digits_around_underscores(text: &str) -> bool {
    let digit = |at: Option<&u8>| at.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    (0..bytes.len()).all(|at| {
        bytes[at] != b'_' || {
            let before = bytes[..at].iter().rev().find(|byte| **byte != b'_');
            digit(before) && at > 0 && bytes[at - 1] != b'_' && digit(bytes.get(at + 1))
        }
    })
}

/// As Go's `strconv.FormatFloat(…, 'g', -1, 32)`: the number's shortest name among those of 32 bits.
fn float_key(number: f64) -> String {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "this is what gives the entry another name"
    )]
    let number = number as f32;
    if number.is_nan() {
        return ".nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { ".inf" } else { "-.inf" }.to_owned();
    }
    let text = format!("{number:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A few of those that `tests/plan/kubernetes.rs` holds against the real thing.
    #[test]
    fn numbers_are_those_of_go() {
        for (text, meaning) in [
            ("010", Scalar::Integer(8)),
            ("0o10", Scalar::Integer(8)),
            ("0", Scalar::Integer(0)),
            ("-0x1F", Scalar::Integer(-31)),
            ("1_000", Scalar::Integer(1000)),
            ("0b-1", Scalar::Integer(-1)),
            ("08", Scalar::Float(8.0)),
            ("5.", Scalar::Float(5.0)),
            (".5_0", Scalar::Float(0.5)),
            ("18446744073709551615", Scalar::Large(u64::MAX)),
            ("-9223372036854775809", Scalar::Float(-9_223_372_036_854_775_808.0)),
        ] {
            assert_eq!(plain(text), meaning, "{text}");
        }
        for text in [
            "8e28785",
            "0x",
            "+",
            ".",
            "._5",
            ".5__0",
            "1e",
            "12:30:45",
            "2026-01-01",
            "_1",
            "0x1p4",
            "1 0",
        ] {
            assert_eq!(plain(text), Scalar::Text(text.to_owned()));
        }
    }

    #[test]
    fn the_names_of_entries_are_those_of_go() {
        for (text, name) in [
            ("0012345", "5349"),
            ("1.23456789e+22", "1.2345679e+22"),
            ("1.50", "1.5"),
            ("1e6", "1e+06"),
            ("123456.0", "123456"),
            ("0.00001", "1e-05"),
            ("1e300", ".inf"),
            ("-0.0", "-0"),
            ("on", "true"),
        ] {
            assert_eq!(plain(text).key().as_deref(), Some(name), "{text}");
        }
        assert_eq!(plain("~").key(), None);
    }
}
