//! The CRD's rules in CEL, as far as a single manifest can break them: those on changes need the resource of before.

use kube_cel::{ErrorKind, Validator};
use serde_json::{Map, Value};

use super::schema::Fault;

/// What an object of the schema's shape breaks.
pub(super) fn check(schema: &Value, object: &Value) -> Vec<Fault> {
    let Err(broken) = Validator::new().validate_with_defaults(schema, &with_ascii(object), None) else {
        return Vec::new();
    };
    let fault = |error: &kube_cel::ValidationError| {
        let what = match error.kind {
            ErrorKind::ValidationFailure => error.message.clone(),
            // What a rule stumbled over could be shown by its error.
            _ => "a rule of the CRD can't be evaluated for this value: correct it".to_owned(),
        };
        Fault::new(&error.field_path, what)
    };
    broken.iter().map(fault).collect()
}

/// The schema with rules that kube-cel knows. `dyn()` tells a type checker to let its argument be, and is the argument when a
/// rule is evaluated; kube-cel has neither.
pub(super) fn without_dyn(schema: &Value) -> Value {
    match schema {
        Value::Object(members) => members
            .iter()
            .map(|(name, member)| match member {
                Value::String(rule) if name == "rule" => (name.clone(), rule.replace("dyn(", "(").into()),
                member => (name.clone(), without_dyn(member)),
            })
            .collect(),
        Value::Array(items) => items.iter().map(without_dyn).collect(),
        other => other.clone(),
    }
}

/// The same with one byte for each character, since kube-cel counts bytes where the API server counts characters. No rule
/// of the CRD tells these stand-ins from letters outside of ASCII.
fn with_ascii(value: &Value) -> Value {
    match value {
        Value::String(text) => stand_in(text, '~').into(),
        Value::Array(items) => items.iter().map(with_ascii).collect(),
        Value::Object(object) => {
            let mut map = Map::new();
            for (name, value) in object {
                // Two names may be told apart by such a letter only, and neither may get lost.
                let mut names = (' '..='~')
                    .filter(|sign| !sign.is_ascii_alphanumeric() && !['/', '#'].contains(sign))
                    .chain('\u{1}'..='\u{9}')
                    .chain('\u{b}'..='\u{1f}')
                    .map(|sign| stand_in(name, sign));
                let name = names.find(|stand_in| {
                    stand_in == name || !(map.contains_key(stand_in) || object.contains_key(stand_in))
                });
                map.extend(name.map(|name| (name, with_ascii(value))));
            }
            Value::Object(map)
        }
        other => other.clone(),
    }
}

fn stand_in(text: &str, sign: char) -> String {
    text.chars().map(|it| if it.is_ascii() { it } else { sign }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn characters_become_bytes_and_no_entry_gets_lost() {
        let letters: Map<String, Value> = ('à'..)
            .take(50)
            .map(|letter| (letter.to_string(), json!("ä")))
            .collect();
        let ascii = with_ascii(&Value::Object(letters));
        let entries = ascii.as_object().into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(entries.len(), 50);
        assert!(entries.iter().all(|(name, value)| name.len() == 1 && **value == "~"));
        assert_eq!(
            with_ascii(&json!({"ä": 1, " ": 2, "b": [null]})),
            json!({"!": 1, " ": 2, "b": [null]})
        );
    }
}
