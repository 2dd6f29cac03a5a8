//! The image: the same twice, what is in it, and a registry that takes it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use control_plane::{Registry, Tool};
use operator_image::{Architecture, CERTIFICATES, Error, Image, Input, PROGRAM, USER, assemble};
use rustls::pki_types::{CertificateDer, pem::PemObject};
use serde_json::{Value, json};

/// The type of a part that a kernel loads.
const LOAD: u8 = 1;
/// The type of a part that names a loader of shared libraries.
const INTERPRETER: u8 = 3;
const AMD64: u8 = 0x3e;

/// The beginning of a program with one part of that type: as much as the image's assembly looks at.
fn program(machine: u8, part: u8) -> Vec<u8> {
    let mut program = b"\x7fELF\x02\x01\x01".to_vec();
    program.resize(0x40 + 0x38, 0);
    program[0x10] = 3;
    program[0x12] = machine;
    program[0x20] = 0x40;
    program[0x36] = 0x38;
    program[0x38] = 1;
    program[0x40] = part;
    program
}

fn assembled(folder: &Path, program: &[u8]) -> Result<Image, Error> {
    let binary = folder.join("binary");
    fs::write(&binary, program).unwrap();
    let revision = Some("0123456789abcdef0123456789abcdef01234567".to_owned());
    assemble(&Input {
        binary,
        output: folder.join("dist"),
        revision,
    })
}

/// Each file below a folder: its contents, and who may run it.
fn files(folder: &Path) -> BTreeMap<String, (Vec<u8>, u32)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            let below = files(&entry.path()).into_iter();
            found.extend(below.map(|(path, file)| (format!("{name}/{path}"), file)));
        } else {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            found.insert(name, (fs::read(entry.path()).unwrap(), mode));
        }
    }
    found
}

fn crane(arguments: &[&str]) -> Output {
    let output = Command::new(Tool::Crane.ensure().unwrap())
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

fn said(arguments: &[&str]) -> String {
    String::from_utf8(crane(arguments).stdout).unwrap().trim().to_owned()
}

#[test]
fn one_binary_gives_one_digest_and_the_same_bytes_wherever_it_is_assembled() {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let images = folders
        .each_ref()
        .map(|folder| assembled(folder.path(), &program(AMD64, LOAD)).unwrap());
    assert_eq!(images[0], images[1]);
    let [one, other] = folders.each_ref().map(|folder| files(&folder.path().join("dist")));
    assert_eq!(one, other);
    // What was there before leaves nothing behind, and another binary is another image.
    fs::write(folders[0].path().join("dist/rootfs/stray"), "").unwrap();
    fs::write(folders[0].path().join("dist/image/blobs/sha256/stray"), "").unwrap();
    assert_eq!(assembled(folders[0].path(), &program(AMD64, LOAD)).unwrap(), images[0]);
    assert_eq!(files(&folders[0].path().join("dist")), one);
    let another = assembled(folders[0].path(), &program(AMD64, 2)).unwrap();
    assert_ne!(another.digest, images[0].digest);
}

#[test]
fn what_would_not_run_alone_in_the_image_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let attempt = |program: &[u8]| assembled(folder.path(), program).unwrap_err();
    assert!(matches!(attempt(&program(AMD64, INTERPRETER)), Error::NotStatic));
    assert!(matches!(attempt(&program(0x03, LOAD)), Error::UnknownBinary));
    assert!(matches!(attempt(b"#!/bin/sh"), Error::UnknownBinary));
    assert!(matches!(
        attempt(&program(AMD64, LOAD)[..0x50 - 0x10]),
        Error::UnknownBinary
    ));
    assert!(!folder.path().join("dist").exists(), "nothing is written");
    let arm = assembled(folder.path(), &program(0xb7, LOAD)).unwrap();
    assert_eq!(arm.architecture, Architecture::Arm64);
}

#[test]
fn it_holds_the_program_the_certificate_authorities_and_the_licence_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    assembled(folder.path(), &program(AMD64, LOAD)).unwrap();
    let files = files(&folder.path().join("dist/rootfs"));
    let modes: Vec<_> = files.iter().map(|(path, (_, mode))| (path.as_str(), *mode)).collect();
    assert_eq!(modes, [("LICENSE", 0o644), (PROGRAM, 0o755), (CERTIFICATES, 0o644)]);
    assert_eq!(files[PROGRAM].0, program(AMD64, LOAD));
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(&files[CERTIFICATES].0)
        .map(Result::unwrap)
        .collect();
    let mut roots = rustls::RootCertStore::empty();
    let (good, bad) = roots.add_parsable_certificates(certificates);
    assert!(good > 100 && bad == 0, "{good} {bad}");
}

#[test]
fn a_registry_takes_it_and_it_keeps_its_digest_on_the_way_to_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let image = assembled(folder.path(), &program(AMD64, LOAD)).unwrap();
    let registries = [Registry::start().unwrap(), Registry::start().unwrap()];
    let [one, other] = registries
        .each_ref()
        .map(|registry| format!("{}/{PROGRAM}", registry.address()));
    let version = env!("CARGO_PKG_VERSION");
    let tagged = format!("{one}:{version}");
    crane(&["push", folder.path().join("dist/image").to_str().unwrap(), &tagged]);
    crane(&["validate", "--remote", &tagged]);
    assert_eq!(said(&["digest", &tagged]), image.digest);
    // As for a cluster that reaches one registry only.
    let by_digest = format!("{other}@{}", image.digest);
    crane(&[
        "copy",
        &format!("{one}@{}", image.digest),
        &format!("{other}:{version}"),
    ]);
    assert_eq!(said(&["digest", &by_digest]), image.digest);

    let config: Value = serde_json::from_str(&said(&["config", &by_digest])).unwrap();
    assert_eq!(
        (&config["os"], &config["architecture"]),
        (&json!("linux"), &json!("amd64"))
    );
    let run = &config["config"];
    assert_eq!(run["User"], USER);
    let mut numbers = USER.split(':').map(|number| number.parse::<u32>().unwrap());
    assert!(numbers.all(|number| number > 0), "a kubelet sees that it is not root");
    let command = [&run["Entrypoint"], &run["Cmd"]];
    assert_eq!(command, [&json!([format!("/{PROGRAM}")]), &json!(["run"])]);
    let labels = &run["Labels"];
    assert_eq!(labels["org.opencontainers.image.version"], version);
    assert_eq!(labels["org.opencontainers.image.licenses"], "Apache-2.0");
    assert_eq!(labels["org.opencontainers.image.revision"].as_str().unwrap().len(), 40);

    // What comes out is what went in.
    let (archive, out) = (folder.path().join("out.tar"), folder.path().join("out"));
    crane(&["export", &by_digest, archive.to_str().unwrap()]);
    fs::create_dir(&out).unwrap();
    let unpacked = Command::new("tar")
        .arg("-xpf")
        .arg(&archive)
        .arg("-C")
        .arg(&out)
        .status()
        .unwrap();
    assert!(unpacked.success());
    assert_eq!(files(&out), files(&folder.path().join("dist/rootfs")));
}

/// The Dockerfile makes the same of the same files, for those who have a container engine.
#[test]
fn the_dockerfile_makes_the_same_image() {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let text = fs::read_to_string(format!("{root}/deploy/Dockerfile")).unwrap();
    let lines: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let expected = [
        "FROM scratch".to_owned(),
        "COPY dist/rootfs/ /".to_owned(),
        format!("USER {USER}"),
        format!("ENTRYPOINT [\"/{PROGRAM}\"]"),
        "CMD [\"run\"]".to_owned(),
    ];
    assert_eq!(lines, expected);
}

#[test]
fn the_bill_of_materials_has_each_crate_of_the_binary_with_checksum_and_licence() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("binary");
    fs::write(&binary, program(AMD64, LOAD)).unwrap();
    let output = folder.path().join("dist");
    let run = Command::new(env!("CARGO_BIN_EXE_operator-image"))
        .arg("--binary")
        .arg(&binary)
        .arg("--output")
        .arg(&output)
        .args(["--target", "x86_64-unknown-linux-gnu", "--revision", ""])
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    assert!(String::from_utf8(run.stdout).unwrap().starts_with("sha256:"));
    let bill: Value = serde_json::from_slice(&fs::read(output.join("sbom.cdx.json")).unwrap()).unwrap();
    assert_eq!(
        (&bill["bomFormat"], &bill["specVersion"]),
        (&json!("CycloneDX"), &json!("1.5"))
    );
    let operator = &bill["metadata"]["component"];
    assert_eq!(
        (&operator["name"], &operator["type"]),
        (&json!(PROGRAM), &json!("application"))
    );
    let components = bill["components"].as_array().unwrap();
    let (crates, linked): (Vec<_>, Vec<_>) = components.iter().partition(|it| it.get("purl").is_some());
    assert!(crates.len() > 150, "{}", crates.len());
    for component in &crates {
        assert_eq!(
            component["hashes"][0]["content"].as_str().map(str::len),
            Some(64),
            "{component}"
        );
    }
    for component in components {
        let license = component["licenses"][0]["expression"].as_str().unwrap();
        let is_spdx = !license.is_empty() && !license.contains('/') && !license.contains("  ");
        assert!(is_spdx, "{component}");
        assert!(!component["version"].as_str().unwrap().is_empty(), "{component}");
    }
    let is_there = |name: &str| components.iter().any(|component| component["name"] == name);
    assert!(is_there("kube") && is_there("rustls") && !is_there("proptest") && !is_there("stateright"));
    assert_eq!(linked.len(), 2, "the standard library and the C library: {linked:?}");
}
