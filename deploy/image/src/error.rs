//! What can go wrong, as sentences for the person who has to put it right.

use std::path::{Path, PathBuf};

/// Why there is no image.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file refused.
    #[error("can't {action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// With which file or folder.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// The binary is no program that Linux runs.
    #[error("the binary is no ELF program of 64 bits for x86-64 or arm64")]
    UnknownBinary,
    /// The binary loads others when it runs, and the image holds none.
    #[error(
        "the binary is not static, and nothing else is in the image: build it with RUSTFLAGS='-C target-feature=+crt-static' \
         and with --target, as `make image` does"
    )]
    NotStatic,
    /// What the binary was made of can't be told.
    #[error("can't tell what the binary is made of: {0}")]
    Sbom(String),
}

impl Error {
    /// Turns an I/O error into a sentence: "can't {action} {path}: …".
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { action, path, source }
    }
}
