//! `check`: after the install, and before the end of one. Each line is ok, or says what to do.

mod install;
mod resources;
mod uninstall;

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;

use crate::{
    cluster::{Cluster, Connection},
    exit,
    failure::Failure,
    operator::Place,
    status::Output,
    terminal::{Paint, out},
    times::Clock,
};

const AFTER_HELP: &str = "\
Examples:
  kubectl exprun check -n checkout   after the install, for a namespace with runs
  kubectl exprun check --uninstall   before the end: which runs go on, and cost";

/// The flags of `check`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Flags {
    /// List the runs that are RUNNING: they go on without the operator, and cost
    #[arg(long)]
    uninstall: bool,
    #[command(flatten)]
    place: Place,
    /// Print lines to read, or one JSON object a line
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "text")]
    output: Output,
}

/// What one line tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line {
    /// What was looked at.
    check: &'static str,
    /// Whether it is as it should be. Null when that can't be seen.
    ok: Option<bool>,
    /// What was found.
    found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    to_do: Option<String>,
}

impl Line {
    fn ok(check: &'static str, found: impl Into<String>) -> Self {
        Self {
            check,
            ok: Some(true),
            found: found.into(),
            to_do: None,
        }
    }

    fn lacking(check: &'static str, found: impl Into<String>, to_do: impl Into<String>) -> Self {
        Self {
            check,
            ok: Some(false),
            found: found.into(),
            to_do: Some(to_do.into()),
        }
    }

    /// It can't be seen, which is no fault of the install.
    fn unseen(check: &'static str, failure: &Failure) -> Self {
        Self {
            check,
            ok: None,
            found: format!("can't be seen: {failure}"),
            to_do: None,
        }
    }

    fn text(&self, paint: Paint) -> String {
        let mark = match self.ok {
            Some(true) => paint.good("ok"),
            Some(false) => paint.bad("!!"),
            None => paint.careful("??"),
        };
        let mut text = format!("{mark}  {:<10} {}\n", self.check, self.found);
        if let Some(to_do) = &self.to_do {
            let _ = writeln!(text, "{:15}{to_do}", "");
        }
        text
    }

    fn json(&self) -> String {
        format!("{}\n", serde_json::to_string(self).unwrap_or_default())
    }
}

/// Checks, and prints each line.
///
/// # Errors
/// When there is no usable kubeconfig, or the list of runs can't be read for `--uninstall`.
pub(crate) async fn run(flags: &Flags, connection: &Connection, paint: Paint) -> Result<u8, Failure> {
    let cluster = Cluster::new(connection).await?;
    let clock = Clock::system();
    let lines = if flags.uninstall {
        uninstall::lines(&cluster, connection.namespace.is_some()).await?
    } else {
        let mut lines = install::lines(&cluster, &flags.place, &clock).await;
        lines.extend(resources::lines(&cluster).await);
        lines
    };
    let shown = |line: &Line| match flags.output {
        Output::Json => line.json(),
        Output::Text => line.text(paint),
    };
    out(&lines.iter().map(shown).collect::<String>());
    let lacking = lines.iter().any(|line| line.ok == Some(false));
    Ok(if lacking { exit::FAILED } else { exit::OK })
}
