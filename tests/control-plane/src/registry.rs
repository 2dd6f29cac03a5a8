//! A registry of images and charts on loopback.

use std::{fs, process::Command};

use crate::binaries::Tool;
use crate::directory::Directory;
use crate::error::Error;
use crate::process::Server;

/// A registry that speaks HTTP and forgets all when it is dropped, or when the process ends.
#[derive(Debug)]
pub struct Registry {
    _server: Server,
    _directory: Directory,
    address: String,
}

impl Registry {
    /// Starts a registry and waits until it serves. Builds crane first where it is missing.
    ///
    /// # Errors
    /// When crane can't be built, or the registry doesn't start; the message holds the end of its log.
    pub fn start() -> Result<Self, Error> {
        let directory = Directory::temporary()?;
        let log = directory.path().join("registry.log");
        let mut command = Command::new(Tool::Crane.ensure()?);
        command.args(["registry", "serve", "--address", "127.0.0.1:0"]);
        let mut server = Server::start("registry", &command, log.clone(), directory.in_use()?)?;
        let mut address = String::new();
        server.wait_until(|| {
            let text = fs::read_to_string(&log).map_err(|error| error.to_string())?;
            let mut lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            let port = lines.find_map(|line| line.split_once("serving on port "));
            let (_, port) = port.ok_or("it has not told its port")?;
            address = format!("127.0.0.1:{port}");
            Ok(())
        })?;
        Ok(Self {
            _server: server,
            _directory: directory,
            address,
        })
    }

    /// Where it serves, as in `127.0.0.1:34567`.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }
}
