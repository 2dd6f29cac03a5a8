//! What can go wrong, as sentences for the person who has to put it right.

use std::path::PathBuf;
use std::time::Duration;

/// Why a control plane, one of its programs or its proxy isn't there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No Go toolchain, and no binaries either.
    #[error(
        "can't build {program}: no `go` command was found; install Go 1.26 or newer from https://go.dev/dl, \
         or set KUBEBUILDER_ASSETS to a folder that holds etcd, kube-apiserver and kubectl"
    )]
    GoMissing {
        /// The program that was to be built.
        program: &'static str,
    },
    /// `go build` ran and failed; its own output is on stderr.
    #[error("`go build` of {program} ended with {status}: its output above says why")]
    GoFailed {
        /// The program that was to be built.
        program: &'static str,
        /// How `go build` ended.
        status: std::process::ExitStatus,
    },
    /// `KUBEBUILDER_ASSETS` is set and holds no such program.
    #[error("KUBEBUILDER_ASSETS is set but {} doesn't exist: unset it to build the program, or put it there", path.display())]
    AssetMissing {
        /// Where the program should have been.
        path: PathBuf,
    },
    /// Neither `XDG_CACHE_HOME` nor `HOME` says where to keep what was built.
    #[error("can't tell where to keep the built programs: set XDG_CACHE_HOME or HOME")]
    NoCacheDirectory,
    /// The directory belongs to a control plane that is running.
    #[error("a control plane is already running in {}: stop it, or use another directory", path.display())]
    DirectoryInUse {
        /// The directory that was asked for.
        path: PathBuf,
    },
    /// A file or a process refused.
    #[error("can't {action}: {source}")]
    Io {
        /// What was tried, to what.
        action: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A server ended when it should have served.
    #[error("{program} ended by itself ({status}); the end of its log:\n{log}")]
    Ended {
        /// Which server.
        program: &'static str,
        /// How it ended.
        status: std::process::ExitStatus,
        /// The last lines that it logged.
        log: String,
    },
    /// A server didn't get ready.
    #[error("{program} wasn't ready after {waited:?} ({last}); the end of its log:\n{log}")]
    NotReady {
        /// Which server.
        program: &'static str,
        /// How long was waited.
        waited: Duration,
        /// What the last look at it said.
        last: String,
        /// The last lines that it logged.
        log: String,
    },
    /// A key or a certificate couldn't be made or used.
    #[error("can't {action}: {reason}")]
    Certificate {
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        reason: String,
    },
}

impl Error {
    /// Turns an I/O error into a sentence: "can't {action}: …".
    pub(crate) fn io(action: impl Into<String>) -> impl FnOnce(std::io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }

    pub(crate) fn certificate<E: std::fmt::Display>(action: &'static str) -> impl FnOnce(E) -> Self {
        move |reason| Self::Certificate {
            action,
            reason: reason.to_string(),
        }
    }
}
