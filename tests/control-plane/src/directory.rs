//! Where a control plane keeps its files.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{PipeWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::error::Error;

/// A directory that only its owner can read, since tokens are in it.
#[derive(Debug)]
pub(crate) struct Directory {
    path: PathBuf,
    removal: Option<Removal>,
    _lock: File,
}

/// A process that removes the directory once everybody who holds its pipe has ended, this process included: a static is
/// never dropped, and a killed process removes nothing.
#[derive(Debug)]
struct Removal {
    script: Child,
    in_use: Option<PipeWriter>,
}

impl Directory {
    /// A new directory that is removed at the end.
    pub(crate) fn temporary() -> Result<Self, Error> {
        let path = tempfile::Builder::new()
            .prefix("control-plane-")
            .tempdir()
            .map_err(Error::io("create a temporary directory"))?
            .keep();
        let removal = Removal::start(&path)?;
        Ok(Self {
            _lock: lock(&path)?,
            path,
            removal: Some(removal),
        })
    }

    /// A directory that stays, with what is in it.
    pub(crate) fn kept(path: &Path) -> Result<Self, Error> {
        let action = || format!("create the directory {}", path.display());
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(Error::io(action()))?;
        let path = path.canonicalize().map_err(Error::io(action()))?;
        Ok(Self {
            _lock: lock(&path)?,
            path,
            removal: None,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A handle for a process that uses the directory: it isn't removed before that is closed.
    pub(crate) fn in_use(&self) -> Result<Option<PipeWriter>, Error> {
        let pipe = self.removal.as_ref().and_then(|removal| removal.in_use.as_ref());
        pipe.map(|pipe| pipe.try_clone().map_err(Error::io("share the directory's pipe")))
            .transpose()
    }

    /// Writes a file that only its owner can read.
    pub(crate) fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> Result<PathBuf, Error> {
        let path = self.path.join(name);
        let action = || format!("write {}", path.display());
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&path).map_err(Error::io(action()))?;
        file.write_all(contents.as_ref()).map_err(Error::io(action()))?;
        Ok(path)
    }
}

impl Removal {
    fn start(path: &Path) -> Result<Self, Error> {
        let (reader, writer) = std::io::pipe().map_err(Error::io("create a pipe"))?;
        let script = Command::new("sh")
            .args(["-c", r#"read -r _; rm -rf -- "$1""#, "remove"])
            .arg(path)
            .stdin(reader)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(Error::io("start `sh`"))?;
        Ok(Self {
            script,
            in_use: Some(writer),
        })
    }
}

impl Drop for Removal {
    fn drop(&mut self) {
        drop(self.in_use.take());
        // A script that can't be waited for has ended already.
        let _ = self.script.wait();
    }
}

/// Two control planes in one directory would wait for each other's etcd for ever.
fn lock(path: &Path) -> Result<File, Error> {
    let action = || format!("lock the directory {}", path.display());
    let file = File::open(path).map_err(Error::io(action()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::DirectoryInUse { path: path.to_owned() }),
        Err(TryLockError::Error(source)) => Err(Error::io(action())(source)),
    }
}
