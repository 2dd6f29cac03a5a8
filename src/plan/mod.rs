//! `plan`: what manifests would have sent now, and when their ramps raise exposure. It sends nothing.
//!
//! On the map this room stands beside the controller: it takes manifests in place of resources, checks them as the API
//! server would, and drives the controller's own passes against a simulated run in place of a real one. It knows the
//! manifest and the run, and no cluster: what only a resource's status remembers is not in it.
//!
//! | question | where |
//! |---|---|
//! | which documents are there? | `documents`, `unreadable` |
//! | what does kubectl make of their text? | `yaml`, `nodes`, `scalars`, `dialect` |
//! | would the API server take it? | `manifest`, `names`, `metadata`, `schema`, `rules` |
//! | what happens? | `preview`, and there [`crate::pass::timeline`] |
//! | how is it printed? | `text`, `json`, `markdown` |
//!
//! Nothing of a manifest's overrides and parameters but their number comes out of here, nor of a field whose name may be an
//! entity ID.

mod dialect;
mod documents;
mod json;
mod manifest;
mod markdown;
mod metadata;
mod names;
mod nodes;
mod preview;
mod rules;
mod scalars;
mod schema;
mod text;
mod unreadable;
mod yaml;

use std::{collections::HashMap, fmt, fmt::Write as _, path::PathBuf};

use crate::cli::{self, Output};

pub use manifest::Manifest;
use preview::{Preview, Source};

/// What is printed, and the exit code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    /// For standard output.
    pub out: String,
    /// For standard error: one line for each problem.
    pub error: String,
    /// 0: nothing is sent, now or later. 2: something is. 1: there is a problem.
    pub code: u8,
}

/// Why there is no preview: one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    file: PathBuf,
    /// Which document of the file, from 1.
    document: Option<usize>,
    /// Which field of it.
    field: Option<String>,
    what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.file.display())?;
        if let Some(document) = self.document {
            write!(formatter, ", document {document}")?;
        }
        if let Some(field) = &self.field {
            write!(formatter, ", {field}")?;
        }
        write!(formatter, ": {}", self.what)
    }
}

/// The manifests of `ExperimentRun`s in files, in folders and, for `-`, in standard input, as the API server would take them;
/// and why it, or kubectl, would not take the others.
#[must_use]
pub fn manifests(files: &[PathBuf]) -> (Vec<Manifest>, Vec<Problem>) {
    let (documents, mut problems) = documents::read(files, &mut std::io::stdin());
    let mut manifests: Vec<Manifest> = Vec::new();
    let mut places = HashMap::new();
    let mut others = 0;
    for document in &documents {
        let parsed = manifest::parse(document);
        problems.extend(parsed.problems);
        others += parsed.others;
        for manifest in parsed.manifests {
            let resource = (manifest.namespace.clone(), manifest.name.clone());
            if let Some(first) = places.insert(resource, document) {
                let what = format!(
                    "the same resource is in {}, document {}: the later one would replace the earlier one",
                    first.file.display(),
                    first.number
                );
                problems.push(document.problem(Some("metadata.name"), what));
            } else {
                manifests.push(manifest);
            }
        }
    }
    // An empty pipe, say: what should have filled it has failed.
    if let (Some(file), true) = (
        files.first(),
        manifests.is_empty() && problems.is_empty() && others == 0,
    ) {
        problems.push(Problem {
            file: file.clone(),
            document: None,
            field: None,
            what: "no resource was found".to_owned(),
        });
    }
    (manifests, problems)
}

/// Previews what the files hold. What can be previewed is, also when something else can't.
#[must_use]
pub fn run(settings: &cli::Plan) -> Printed {
    let (manifests, mut problems) = manifests(&settings.files);
    let mut previews = Vec::new();
    match Source::new(settings) {
        Ok(source) => {
            for manifest in manifests {
                match source.preview(&manifest) {
                    Ok(preview) => previews.push(preview),
                    Err(problem) => problems.push(problem),
                }
            }
        }
        Err(what) => problems.push(Problem {
            file: PathBuf::from(cli::PLAN),
            document: None,
            field: None,
            what,
        }),
    }
    printed(&previews, &problems, settings)
}

fn printed(previews: &[Preview], problems: &[Problem], settings: &cli::Plan) -> Printed {
    let (program, output) = (settings.program, settings.output);
    let print = match output {
        Output::Text => text::print,
        Output::Json => json::print,
        Output::Markdown => markdown::print,
    };
    let tables: Vec<String> = previews.iter().map(print).collect();
    let error = problems.iter().fold(String::new(), |mut lines, problem| {
        let _ = writeln!(lines, "{program}: {problem}");
        lines
    });
    Printed {
        out: tables.join(if output == Output::Json { "" } else { "\n" }),
        error,
        code: if !problems.is_empty() {
            cli::EXIT_FAILED
        } else if previews.iter().any(Preview::sends_something) {
            cli::EXIT_SENDS
        } else {
            0
        },
    }
}
