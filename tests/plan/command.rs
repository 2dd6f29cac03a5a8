//! Runs the program, with files of one test's own.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

use serde_json::{Value, json};

/// What a run printed, and its exit code.
#[derive(Debug)]
pub struct Printed {
    pub code: i32,
    pub out: String,
    pub error: String,
}

impl Printed {
    /// The objects of the JSON output.
    pub fn lines(&self) -> Vec<Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.out.lines().map(parse).collect()
    }
}

/// A folder of one test's own.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("plan-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file, and gives its path.
    pub fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays behind is in the way of nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The command, with no other environment than this.
pub fn command(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_appconfig-experiment-operator"));
    command
        .arg("plan")
        .args(arguments)
        .env_clear()
        .envs(environment.iter().copied())
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// Runs it.
pub fn plan(arguments: &[&str]) -> Printed {
    run(command(arguments, &[]), "")
}

/// Runs it with something on standard input.
pub fn run(mut command: Command, input: &str) -> Printed {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    if !input.is_empty() {
        stdin.write_all(input.as_bytes()).unwrap();
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    Printed {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        error: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A manifest with that spec.
pub fn manifest(name: &str, spec: &Value) -> Value {
    let mut manifest = harness::cases::resource(name, spec);
    manifest["metadata"]["namespace"] = json!("checkout");
    manifest
}

/// Documents of one file: JSON objects in a row.
pub fn documents(manifests: &[Value]) -> String {
    let texts: Vec<String> = manifests.iter().map(Value::to_string).collect();
    texts.join("\n")
}
