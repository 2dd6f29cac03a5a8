//! The images: the operator's, as `make image` leaves it, and what holds a Pod's namespaces.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use control_plane::{Registry, Tool};
use serde_json::Value;

use crate::ROOT;

/// Builds what the test pushes later, but for the operator's image, which has to be there.
pub fn build() {
    let image = layout().join("index.json");
    assert!(image.is_file(), "{} is missing: run `make image`", image.display());
    run(Command::new("cc")
        .args(["-static", "-O2", "-o"])
        .arg(pause())
        .arg(Path::new(ROOT).join("tests/pods/pause.c")));
}

/// Images in a registry.
pub struct Images {
    /// The operator's, without a tag.
    pub operator: String,
    /// What holds a Pod's namespaces.
    pub pause: String,
    _registry: Registry,
}

impl Images {
    /// Pushes both to a registry on loopback.
    pub fn push() -> Self {
        let registry = Registry::start().unwrap();
        let images = Self {
            operator: format!("{}/appconfig-experiment-operator", registry.address()),
            pause: format!("{}/pause:1", registry.address()),
            _registry: registry,
        };
        let operator = format!("{}:{}", images.operator, env!("CARGO_PKG_VERSION"));
        crane(&["push", layout().to_str().unwrap(), &operator]);
        let layer = env::temp_dir().join("pause.tar");
        let folder = pause();
        let folder = folder.parent().unwrap().to_str().unwrap();
        let layer = layer.to_str().unwrap();
        run(Command::new("tar").args(["--create", "--file", layer, "--directory", folder, "pause"]));
        let base = format!("{}-base", images.pause);
        crane(&["append", "--new_layer", layer, "--new_tag", &base]);
        crane(&["mutate", &base, "--entrypoint", "/pause", "--tag", &images.pause]);
        images
    }
}

/// The digest of the operator's image, as `make image` prints it.
pub fn digest() -> String {
    let index = fs::read(layout().join("index.json")).unwrap();
    let index: Value = serde_json::from_slice(&index).unwrap();
    index["manifests"][0]["digest"].as_str().unwrap().to_owned()
}

fn layout() -> PathBuf {
    Path::new(ROOT).join("dist/image")
}

fn pause() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pause");
    fs::create_dir_all(&folder).unwrap();
    folder.join("pause")
}

fn crane(arguments: &[&str]) {
    run(Command::new(Tool::Crane.ensure().unwrap()).args(arguments));
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
