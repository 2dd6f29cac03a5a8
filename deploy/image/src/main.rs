//! What `make image` runs after the build.

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
};

use clap::Parser;
use operator_image::{Error, Input, PROGRAM, Sources, assemble, describe};

/// Assembles the operator's image from a static binary
#[derive(Parser)]
struct Arguments {
    /// The binary
    #[arg(long)]
    binary: PathBuf,
    /// The target for which cargo has built it
    #[arg(long)]
    target: String,
    /// The folder to write
    #[arg(long)]
    output: PathBuf,
    /// The commit that it was built from
    #[arg(long)]
    revision: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(told) => {
            println!("{told}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("image: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<String, Error> {
    let output = &arguments.output;
    let image = assemble(&Input {
        binary: arguments.binary.clone(),
        output: output.clone(),
        revision: arguments.revision.clone().filter(|revision| !revision.is_empty()),
    })?;
    describe(output, &sources(&arguments.target)?)?;
    let (folder, version) = (output.join("image"), env!("CARGO_PKG_VERSION"));
    Ok(format!(
        "{} linux/{}\npush it: crane push {} REGISTRY/{PROGRAM}:{version}",
        image.digest,
        image.architecture.name(),
        folder.display(),
    ))
}

/// What cargo and the compiler tell of the binary.
fn sources(target: &str) -> Result<Sources, Error> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let only = [
        "--locked",
        "--edges",
        "normal",
        "--target",
        target,
        "--package",
        PROGRAM,
    ];
    let tree =
        said(
            Command::new(cargo)
                .arg("tree")
                .args(only)
                .args(["--prefix", "none", "--format", Sources::FORMAT]),
        )?;
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let lock = std::fs::read_to_string(format!("{root}/Cargo.lock")).map_err(|error| Error::Sbom(error.to_string()))?;
    let mut sources = Sources::new(&tree, &lock)?;
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let compiler = said(Command::new(rustc).arg("--version"))?;
    let version = compiler.split(' ').nth(1).unwrap_or_default();
    sources = sources.with("rust-std", version, "MIT OR Apache-2.0");
    if target.ends_with("-gnu") {
        let library = said(Command::new("getconf").arg("GNU_LIBC_VERSION"))?;
        let version = library.trim().split(' ').nth(1).unwrap_or_default().to_owned();
        sources = sources.with("glibc", &version, "LGPL-2.1-or-later");
    }
    Ok(sources)
}

fn said(command: &mut Command) -> Result<String, Error> {
    let output = command
        .output()
        .map_err(|error| Error::Sbom(format!("{command:?}: {error}")))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(Error::Sbom(String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}
