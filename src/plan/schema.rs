//! What a structural schema asks of an object: the part of `OpenAPI` that the CRD uses, with fields that it doesn't know
//! refused, as the API server does for kubectl and `GitOps` tools.
//!
//! Rules in CEL are not this file's business, and no value is ever named: it may be an entity ID.

use serde_json::{Map, Value};

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) field: String,
    pub(super) what: String,
}

impl Fault {
    pub(super) fn new(field: &str, what: String) -> Self {
        Self {
            field: field.to_owned(),
            what,
        }
    }
}

/// How many characters of an unknown field's name must be those of a known one for it to be named: then it is a slip, and
/// no entity ID.
const LIKE: usize = 4;

/// Checks an object, and makes of it what the API server would store: nulls of fields that can't be null are dropped.
pub(super) fn check(schema: &Value, object: &mut Value) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Some(object) = object.as_object_mut() {
        // These two are no business of a CRD's schema.
        let outside = ["apiVersion", "kind", "metadata"].map(|field| (field, object.remove(field)));
        fields(schema, object, "", &mut faults);
        for (field, value) in outside {
            object.extend(value.map(|value| (field.to_owned(), value)));
        }
    }
    faults
}

/// The fault of a field that isn't known.
pub(super) fn unknown<'a>(at: &str, name: &str, known: impl Iterator<Item = &'a str>) -> Fault {
    let start = |name: &str| name.chars().take(LIKE).collect::<String>().to_lowercase();
    let known: Vec<_> = known.collect();
    let what = if known.iter().any(|known| start(known) == start(name)) {
        format!("there is no field {name}; the fields here are {}", known.join(", "))
    } else {
        format!(
            "there is a field that isn't known; the fields here are {}",
            known.join(", ")
        )
    };
    Fault::new(if at.is_empty() { "the resource" } else { at }, what)
}

fn fields(schema: &Value, object: &mut Map<String, Value>, at: &str, faults: &mut Vec<Fault>) {
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    object
        .retain(|name, value| !value.is_null() || properties.get(name).is_none_or(|schema| schema["nullable"] == true));
    for name in schema["required"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        if !object.contains_key(name) {
            faults.push(Fault::new(&join(at, name), "it is required".to_owned()));
        }
    }
    let size = object.len() as u64;
    if schema["maxProperties"].as_u64().is_some_and(|most| size > most) {
        faults.push(Fault::new(
            at,
            format!("it has {size} entries, and may have {}", schema["maxProperties"]),
        ));
    }
    if schema["minProperties"].as_u64().is_some_and(|least| size < least) {
        faults.push(Fault::new(
            at,
            format!("it must have {} entries or more", schema["minProperties"]),
        ));
    }
    let others = &schema["additionalProperties"];
    for (name, value) in object {
        match properties.get(name) {
            Some(schema) => self::value(schema, value, &join(at, name), faults),
            // The name of an entry may be an entity ID.
            None if others.is_object() => {
                let mut inside = Vec::new();
                self::value(others, value, at, &mut inside);
                faults.extend(
                    inside
                        .into_iter()
                        .map(|fault| Fault::new(at, format!("of each value: {}", fault.what))),
                );
            }
            None => faults.push(unknown(at, name, properties.keys().map(String::as_str))),
        }
    }
}

fn value(schema: &Value, value: &mut Value, at: &str, faults: &mut Vec<Fault>) {
    let kind = schema["type"].as_str().unwrap_or_default();
    let nullable = schema["nullable"] == true;
    match (kind, &mut *value) {
        (_, Value::Null) if nullable => {}
        ("object", Value::Object(object)) => fields(schema, object, at, faults),
        ("array", Value::Array(items)) => {
            if let Some(most) = schema["maxItems"].as_u64().filter(|most| items.len() as u64 > *most) {
                faults.push(Fault::new(
                    at,
                    format!("it has {} items, and may have {most}", items.len()),
                ));
            }
            for (index, item) in items.iter_mut().enumerate() {
                self::value(&schema["items"], item, &format!("{at}[{index}]"), faults);
            }
        }
        ("string", Value::String(text)) => faults.extend(string(schema, text).map(|what| Fault::new(at, what))),
        ("boolean", Value::Bool(_)) => {}
        ("integer" | "number", Value::Number(number)) => {
            let number = number.as_f64().unwrap_or(f64::NAN);
            if kind == "integer" && value.as_i64().is_none() {
                match whole(number) {
                    Some(whole) => *value = whole.into(),
                    None => faults.push(Fault::new(at, "it must be a whole number".to_owned())),
                }
            }
            faults.extend(bounds(schema, number).map(|what| Fault::new(at, what)));
        }
        _ if kind.is_empty() => {}
        _ => faults.push(Fault::new(at, wrong_type(kind, schema))),
    }
}

/// The whole number that a float is, if it is one: people write 1.0, and the API server stores 1.
fn whole(number: f64) -> Option<i64> {
    let text = (number.fract() == 0.0).then(|| format!("{number:.0}"))?;
    text.parse().ok()
}

fn wrong_type(kind: &str, schema: &Value) -> String {
    match kind {
        "object" if schema["additionalProperties"].is_object() => "it must be a map".to_owned(),
        "array" => "it must be a list".to_owned(),
        "integer" => "it must be a whole number".to_owned(),
        "boolean" => "it must be true or false".to_owned(),
        "string" => "it must be a string: put it in quotes".to_owned(),
        kind => format!("it must be {} {kind}", if kind == "object" { "an" } else { "a" }),
    }
}

fn string(schema: &Value, text: &str) -> Option<String> {
    let length = text.chars().count() as u64;
    let (least, most) = (schema["minLength"].as_u64(), schema["maxLength"].as_u64());
    if least.is_some_and(|least| length < least) || most.is_some_and(|most| length > most) {
        let bounds = [
            least.map(|it| format!("{it} or more")),
            most.map(|it| format!("{it} or fewer")),
        ];
        let bounds: Vec<_> = bounds.into_iter().flatten().collect();
        return Some(format!(
            "it has {length} characters, and must have {}",
            bounds.join(" and ")
        ));
    }
    let words: Vec<_> = schema["enum"].as_array()?.iter().filter_map(Value::as_str).collect();
    (!words.contains(&text)).then(|| format!("it must be {}", words.join(" or ")))
}

fn bounds(schema: &Value, number: f64) -> Option<String> {
    let (least, most) = (schema["minimum"].as_f64(), schema["maximum"].as_f64());
    let out = least.is_some_and(|least| number < least) || most.is_some_and(|most| number > most);
    let bounds = [
        least.map(|it| format!("{it} or more")),
        most.map(|it| format!("{it} or less")),
    ];
    let bounds: Vec<_> = bounds.into_iter().flatten().collect();
    out.then(|| format!("it must be {}", bounds.join(" and ")))
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() {
        name.to_owned()
    } else {
        format!("{at}.{name}")
    }
}
