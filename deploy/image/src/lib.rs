//! Assembles the operator's image from a static binary, without a container engine.
//!
//! [`assemble`] writes a folder with
//!
//! - `rootfs/`: all that is in the image
//! - `image/`: the same as an [OCI image layout](https://github.com/opencontainers/image-spec/blob/main/image-layout.md), which
//!   `crane push`, `skopeo copy` and `podman load` take
//! - `sbom.cdx.json`: what the binary was made of, as `CycloneDX`
//!
//! The same input gives the same bytes, so the same digest: no time and no name of this machine is written.

mod binary;
mod certificates;
mod error;
mod layer;
mod layout;
mod sbom;

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

pub use binary::Architecture;
pub use error::Error;
pub use sbom::Sources;

/// The program, which is also its name in the image and the image's title.
pub const PROGRAM: &str = "appconfig-experiment-operator";
/// The user and group that it runs as. It is a number, so that a kubelet can tell that it is not root.
pub const USER: &str = "65532:65532";
/// Where the certificate authorities are in the image. The operator finds them there by itself.
pub const CERTIFICATES: &str = "etc/ssl/certs/ca-certificates.crt";

/// What an image is made of.
#[derive(Clone, Debug)]
pub struct Input {
    /// The operator's binary. It must be static: nothing else is in the image.
    pub binary: PathBuf,
    /// The folder to write. What an earlier call left there is replaced.
    pub output: PathBuf,
    /// The commit that the binary was built from. `None` when that is not known.
    pub revision: Option<String>,
}

/// An image that was assembled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The digest of its manifest, as in `sha256:…`.
    pub digest: String,
    /// What it runs on.
    pub architecture: Architecture,
}

/// Writes root file system and layout.
///
/// # Errors
/// When the binary is no static program of an architecture that is known, or a file can't be read or written.
pub fn assemble(input: &Input) -> Result<Image, Error> {
    let binary = fs::read(&input.binary).map_err(Error::io("read", &input.binary))?;
    let architecture = binary::architecture(&binary)?;
    let files = [
        layer::File {
            path: PROGRAM,
            contents: binary,
            executable: true,
        },
        layer::File {
            path: CERTIFICATES,
            contents: certificates::pem().into_bytes(),
            executable: false,
        },
        layer::File {
            path: "LICENSE",
            contents: include_bytes!("../../../LICENSE").to_vec(),
            executable: false,
        },
    ];
    let rootfs = input.output.join("rootfs");
    empty(&rootfs)?;
    for file in &files {
        write(&rootfs.join(file.path), &file.contents)?;
        if file.executable {
            let path = rootfs.join(file.path);
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755))
                .map_err(Error::io("make executable", &path))?;
        }
    }
    let layout = input.output.join("image");
    empty(&layout)?;
    let digest = layout::write(&layout, &layer::tar(&files), architecture, input.revision.as_deref())?;
    Ok(Image { digest, architecture })
}

/// Writes the bill of materials beside the image.
///
/// # Errors
/// When the file can't be written.
pub fn describe(output: &Path, sources: &Sources) -> Result<(), Error> {
    let text = serde_json::to_vec_pretty(&sbom::cyclone_dx(sources)).map_err(|error| Error::Sbom(error.to_string()))?;
    write(&output.join("sbom.cdx.json"), &text)
}

fn empty(folder: &Path) -> Result<(), Error> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io("empty", folder)(error)),
        _ => Ok(()),
    }
}

fn write(path: &Path, contents: &[u8]) -> Result<(), Error> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    fs::write(path, contents).map_err(Error::io("write", path))
}
