//! The generated CRD, and its schema and rules without a server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{env, fs, path::Path};

use appconfig_experiment_operator::api::{GROUP, custom_resource_definition, custom_resource_definition_yaml};

#[test]
fn the_crd_file_is_what_the_types_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds/experiments.appconfig.dev_experimentruns.yaml");
    let generated = custom_resource_definition_yaml().unwrap();
    if env::var_os("UPDATE").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "{} is stale. Bring it up to date: UPDATE=1 cargo test --test api_schema",
        path.display()
    );
}

#[test]
fn the_group_is_one_constant() {
    let definition = custom_resource_definition();
    assert_eq!(definition.spec.group, GROUP);
    assert_eq!(definition.metadata.name.unwrap(), format!("experimentruns.{GROUP}"));
}
