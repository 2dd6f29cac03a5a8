//! Where the build has put what tests need. Cargo tells it to tests while they are compiled. A crate that they share is told
//! nothing, and finds it when it runs.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

/// The root of the workspace.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

const PROGRAM: &str = "appconfig-experiment-operator";

/// The operator that tests start: the one that `OPERATOR_BINARY` names (`make memory` measures a release build), else the
/// one that was built with the tests.
pub fn program() -> OsString {
    let of_cargo = || env::var_os(format!("CARGO_BIN_EXE_{PROGRAM}"));
    let chosen = env::var_os("OPERATOR_BINARY").or_else(of_cargo);
    chosen.unwrap_or_else(|| profile().join(PROGRAM).into())
}

/// The folder for what a test leaves behind: the `CARGO_TARGET_TMPDIR` of the tests.
pub fn folder() -> PathBuf {
    let folder = profile()
        .parent()
        .expect("a profile is in the target folder")
        .join("tmp");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// The folder of the profile that the running test was built with, such as `target/debug`: tests are in `deps` in it.
fn profile() -> PathBuf {
    let test = env::current_exe().expect("the path of the running test");
    let profile = test.parent().and_then(Path::parent);
    profile.expect("a test is in the target folder").to_owned()
}
