//! Calls of the plugin.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use control_plane::User;
use harness::{Scene, control_plane};
use serde_json::Value;
use tokio::task::spawn_blocking;

/// What a call printed, and its exit code.
#[derive(Debug)]
pub struct Called {
    pub out: String,
    pub error: String,
    pub code: i32,
}

impl Called {
    pub fn of(output: &Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        let called = Self {
            out: text(&output.stdout),
            error: text(&output.stderr),
            code: output.status.code().expect("it ends by itself"),
        };
        assert!(!called.error.contains("panicked"), "{called:?}");
        called
    }

    /// The objects that it printed, one a line.
    pub fn lines(&self) -> Vec<Value> {
        let lines = self.out.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{self:?}")))
            .collect()
    }
}

/// `kubectl exprun` with the plugin in `PATH`, for a user.
pub fn command(user: User) -> Command {
    let folder = Path::new(env!("CARGO_BIN_EXE_kubectl-exprun")).parent().unwrap();
    let mut command = control_plane().kubectl_command(user);
    command
        .arg("exprun")
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
        .env("TZ", "Europe/Berlin")
        .stdin(Stdio::null());
    command
}

/// Calls the plugin as the administrator, in no namespace of its own.
pub async fn exprun(arguments: &[&str]) -> Called {
    let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
    let run = move || {
        command(User::Administrator)
            .args(arguments)
            .output()
            .expect("kubectl runs")
    };
    Called::of(&spawn_blocking(run).await.expect("kubectl ends"))
}

/// Calls the plugin as the administrator, in a scene's namespace.
pub async fn in_scene(scene: &Scene, arguments: &[&str]) -> Called {
    exprun(&[arguments, &["-n", &scene.namespace]].concat()).await
}
