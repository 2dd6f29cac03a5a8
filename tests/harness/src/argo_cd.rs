//! Argo CD's health check, run by the Lua that Argo CD runs.

use mlua::{Lua, LuaSerdeExt, Table};
use serde_json::Value;

const HEALTH: &str = include_str!("../../../deploy/argo-cd/health.lua");

/// What Argo CD shows of an object: health and message.
#[must_use]
pub fn health(object: &Value) -> (String, String) {
    let lua = Lua::new();
    lua.globals().set("obj", lua.to_value(object).unwrap()).unwrap();
    let health: Table = lua.load(HEALTH).eval().unwrap();
    (health.get("status").unwrap(), health.get("message").unwrap())
}
