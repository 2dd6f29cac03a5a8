//! The tester's side door: `/_emulator/…`. No signature, no faults, no log.

use http::Method;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    answer::Answer,
    faults::Fault,
    handle::{Shared, State},
    operations::end_run,
    seed::EndedBy,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EndRun {
    application: String,
    definition: String,
    run: u32,
    triggered_by: EndedBy,
}

pub(crate) fn answer(shared: &Shared, method: &Method, path: &str, body: &[u8]) -> Answer {
    let outcome = match (method.as_str(), path) {
        ("GET", "/_emulator/requests") => Ok(json!(shared.log.records())),
        ("DELETE", "/_emulator/requests") => {
            shared.log.clear();
            Ok(json!([]))
        }
        ("GET", "/_emulator/faults") => Ok(json!(shared.lock().faults.list())),
        ("PUT", "/_emulator/faults") => parse(body).and_then(|faults| put_faults(&mut shared.lock(), faults)),
        ("GET", "/_emulator/settings") => Ok(json!(shared.lock().settings)),
        ("PUT", "/_emulator/settings") => parse(body).and_then(|change| put_settings(&mut shared.lock(), &change)),
        ("POST", "/_emulator/end-run") => parse(body).and_then(|end| post_end_run(&mut shared.lock(), &end)),
        _ => return Answer::json(404, &json!({"error": format!("nothing is at {method} {path}")})),
    };
    match outcome {
        Ok(body) => Answer::json(200, &body),
        Err(error) => Answer::json(400, &json!({"error": error})),
    }
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn put_faults(state: &mut State, faults: Vec<Fault>) -> Result<Value, String> {
    state.faults.replace(faults).map_err(|error| error.to_string())?;
    Ok(json!(state.faults.list()))
}

fn put_settings(state: &mut State, change: &Value) -> Result<Value, String> {
    let settings = state.settings.changed(change).map_err(|error| error.to_string())?;
    state.set_settings(settings).map_err(|error| error.to_string())?;
    Ok(json!(state.settings))
}

fn post_end_run(state: &mut State, end: &EndRun) -> Result<Value, String> {
    let (now, precedence) = (state.now(), state.settings.identifier_precedence);
    state
        .world
        .place(&end.application, &end.definition, precedence)
        .and_then(|place| end_run(&mut state.world, place, end.run, end.triggered_by, now))
        .map_err(|refusal| refusal.message)?;
    Ok(json!({}))
}
