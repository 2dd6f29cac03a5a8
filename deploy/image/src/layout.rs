//! The image as an OCI layout: blobs by their digest, and an index that names the one image.

use std::{io::Write, path::Path};

use flate2::{Compression, GzBuilder};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::{Architecture, Error, PROGRAM, USER, write as write_file};

const DESCRIPTION: &str = "Brings AWS AppConfig experiment runs to what ExperimentRun resources ask for";

/// Writes the layout and gives the digest of the image.
pub(crate) fn write(
    folder: &Path,
    layer: &[u8],
    architecture: Architecture,
    revision: Option<&str>,
) -> Result<String, Error> {
    let packed = gzip(layer).map_err(Error::io("compress into", folder))?;
    let kind = |name: &str| format!("application/vnd.oci.image.{name}");
    let blob = |name: &str, contents: &[u8]| -> Result<Value, Error> {
        let digest = digest(contents);
        let (algorithm, hash) = digest.split_at(digest.find(':').unwrap_or_default());
        write_file(&folder.join("blobs").join(algorithm).join(&hash[1..]), contents)?;
        Ok(json!({ "mediaType": kind(name), "digest": digest, "size": contents.len() }))
    };
    let layers = blob("layer.v1.tar+gzip", &packed)?;
    let config = config(&digest(layer), architecture, &labels(revision));
    let config = blob("config.v1+json", config.to_string().as_bytes())?;
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": kind("manifest.v1+json"),
        "config": config,
        "layers": [layers],
        "annotations": labels(revision),
    });
    let mut image = blob("manifest.v1+json", manifest.to_string().as_bytes())?;
    image["platform"] = json!({ "architecture": architecture.name(), "os": "linux" });
    image["annotations"] = json!({ "org.opencontainers.image.ref.name": env!("CARGO_PKG_VERSION") });
    let index = json!({ "schemaVersion": 2, "mediaType": kind("index.v1+json"), "manifests": [image] });
    write_file(&folder.join("index.json"), index.to_string().as_bytes())?;
    write_file(
        &folder.join("oci-layout"),
        json!({ "imageLayoutVersion": "1.0.0" }).to_string().as_bytes(),
    )?;
    Ok(image["digest"].as_str().unwrap_or_default().to_owned())
}

fn config(layer: &str, architecture: Architecture, labels: &Value) -> Value {
    json!({
        "architecture": architecture.name(),
        "os": "linux",
        "config": {
            "User": USER,
            "Entrypoint": [format!("/{PROGRAM}")],
            "Cmd": ["run"],
            "WorkingDir": "/",
            "Labels": labels,
        },
        "rootfs": { "type": "layers", "diff_ids": [layer] },
        "history": [{ "created_by": "make image" }],
    })
}

/// OCI's own annotations, which are the labels too.
fn labels(revision: Option<&str>) -> Value {
    let mut labels = json!({
        "org.opencontainers.image.title": PROGRAM,
        "org.opencontainers.image.description": DESCRIPTION,
        "org.opencontainers.image.version": env!("CARGO_PKG_VERSION"),
        "org.opencontainers.image.licenses": env!("CARGO_PKG_LICENSE"),
    });
    if let Some(revision) = revision {
        labels["org.opencontainers.image.revision"] = json!(revision);
    }
    labels
}

/// A header without a time or a name.
fn gzip(contents: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::best());
    encoder.write_all(contents)?;
    encoder.finish()
}

fn digest(contents: &[u8]) -> String {
    let hash = Sha256::digest(contents);
    hash.iter()
        .fold("sha256:".to_owned(), |digest, byte| format!("{digest}{byte:02x}"))
}
