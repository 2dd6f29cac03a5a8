//! Which words can stand where the cursor is, in the form in which kubectl asks for them.

use std::{ffi::OsString, fmt::Write as _, time::Duration};

use clap::{Arg, Command, CommandFactory as _};
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, ResourceExt, api::ListParams, config::Kubeconfig};
use tokio::time::timeout;

use crate::{
    arguments::Arguments,
    cluster::{Cluster, Connection, list},
    failure::{Failure, call},
};

/// How long a cluster is asked: whoever presses the tab key waits.
const PATIENCE: Duration = Duration::from_secs(2);
/// What is below the words: the shell adds no file names, or it does.
const NO_FILES: u8 = 4;
const FILES: u8 = 0;
/// The commands whose words are names of resources.
const OF_RUNS: [&str; 3] = ["status", "brake", "release"];

/// What stands where the cursor is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// One of these, each with what it means.
    Words(Vec<(String, String)>),
    /// The name of a resource, of a namespace, or of a context.
    Runs,
    Namespaces,
    Contexts,
    /// A file.
    Files,
}

/// The lines for the words after the plugin's name, the last of which is being typed.
pub(crate) async fn complete(typed: &[OsString]) -> String {
    let typed: Vec<String> = typed.iter().map(|word| word.to_string_lossy().into_owned()).collect();
    let (before, last) = match typed.split_last() {
        Some((last, before)) => (before, last.as_str()),
        None => (&[][..], ""),
    };
    let place = place(before, last);
    let files = place == Place::Files;
    let words = match place {
        Place::Words(words) => words,
        Place::Files => Vec::new(),
        Place::Contexts => contexts(before),
        Place::Runs => named(timeout(PATIENCE, runs(before)).await),
        Place::Namespaces => named(timeout(PATIENCE, namespaces(before)).await),
    };
    let mut text = String::new();
    for (word, meaning) in words.iter().filter(|(word, _)| word.starts_with(last)) {
        let _ = if meaning.is_empty() {
            writeln!(text, "{word}")
        } else {
            writeln!(text, "{word}\t{meaning}")
        };
    }
    let _ = writeln!(text, ":{}", if files { FILES } else { NO_FILES });
    text
}

/// What may stand after these words.
fn place(before: &[String], last: &str) -> Place {
    let mut root = Arguments::command();
    // Only then do commands know the flags that all have.
    root.build();
    let command = before
        .iter()
        .find_map(|word| root.find_subcommand(word))
        .unwrap_or(&root);
    if let Some(flag) = before
        .last()
        .and_then(|word| flag(command, word))
        .filter(|flag| takes_a_value(flag))
    {
        return value_of(flag);
    }
    if last.starts_with('-') {
        let flags = command.get_arguments().filter(|argument| !argument.is_hide_set());
        let long = flags.filter_map(|flag| Some((format!("--{}", flag.get_long()?), meaning(flag.get_help()))));
        return Place::Words(long.collect());
    }
    match command.get_name() {
        name if name == root.get_name() => {
            let commands = root.get_subcommands().filter(|command| !command.is_hide_set());
            Place::Words(
                commands
                    .map(|command| (command.get_name().to_owned(), meaning(command.get_about())))
                    .collect(),
            )
        }
        name if OF_RUNS.contains(&name) => Place::Runs,
        _ => match command.get_positionals().next() {
            Some(positional) => value_of(positional),
            None => Place::Words(Vec::new()),
        },
    }
}

fn flag<'a>(command: &'a Command, word: &str) -> Option<&'a Arg> {
    let is_named = |flag: &&Arg| {
        let long = flag.get_long().is_some_and(|long| word == format!("--{long}"));
        long || flag.get_short().is_some_and(|short| word == format!("-{short}"))
    };
    command.get_arguments().find(is_named)
}

fn takes_a_value(flag: &Arg) -> bool {
    flag.get_action().takes_values()
}

fn value_of(flag: &Arg) -> Place {
    match flag.get_id().as_str() {
        "namespace" | "operator_namespace" => Place::Namespaces,
        "context" => Place::Contexts,
        "kubeconfig" | "filename" => Place::Files,
        _ => {
            let values = flag.get_possible_values().into_iter();
            Place::Words(
                values
                    .map(|value| (value.get_name().to_owned(), meaning(value.get_help())))
                    .collect(),
            )
        }
    }
}

fn meaning(text: Option<&clap::builder::StyledStr>) -> String {
    let text = text.map(ToString::to_string).unwrap_or_default();
    text.lines().next().unwrap_or_default().trim_end_matches('.').to_owned()
}

/// Whatever went wrong: there is nothing to offer.
fn named<E, F>(names: Result<Result<Vec<String>, F>, E>) -> Vec<(String, String)> {
    let names = names.ok().and_then(Result::ok).unwrap_or_default();
    names.into_iter().map(|name| (name, String::new())).collect()
}

async fn runs(before: &[String]) -> Result<Vec<String>, Failure> {
    let cluster = Cluster::new(&connection(before)).await?;
    let objects = list(&cluster.runs(&cluster.namespace), None).await?;
    let taken = |name: &String| before.contains(name);
    Ok(objects
        .iter()
        .map(ResourceExt::name_any)
        .filter(|name| !taken(name))
        .collect())
}

async fn namespaces(before: &[String]) -> Result<Vec<String>, Failure> {
    let cluster = Cluster::new(&connection(before)).await?;
    let namespaces: Api<Namespace> = Api::all(cluster.client);
    let found = call(namespaces.list(&ListParams::default())).await?;
    Ok(found.items.iter().map(ResourceExt::name_any).collect())
}

fn contexts(before: &[String]) -> Vec<(String, String)> {
    let read = match connection(before).kubeconfig {
        Some(file) => Kubeconfig::read_from(file),
        None => Kubeconfig::read(),
    };
    let contexts = read.map(|kubeconfig| kubeconfig.contexts).unwrap_or_default();
    contexts
        .into_iter()
        .map(|context| (context.name, String::new()))
        .collect()
}

/// The flags of the connection among words that may not be whole yet.
fn connection(before: &[String]) -> Connection {
    let value = |names: &[&str]| {
        let after = |name: &&str| {
            let assigned = before
                .iter()
                .find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            let next = before
                .iter()
                .position(|word| word == name)
                .and_then(|at| before.get(at + 1));
            assigned.or(next.map(String::as_str)).map(str::to_owned)
        };
        names.iter().find_map(after)
    };
    Connection {
        namespace: value(&["-n", "--namespace"]),
        context: value(&["--context"]),
        kubeconfig: value(&["--kubeconfig"]).map(Into::into),
        impersonate: value(&["--as"]),
        impersonate_groups: value(&["--as-group"]).into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "tests")]
    use super::*;

    fn at(words: &[&str]) -> Place {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        place(&words[..words.len() - 1], &words[words.len() - 1])
    }

    #[test]
    fn every_place_has_its_words() {
        let Place::Words(commands) = at(&[""]) else {
            panic!("no commands")
        };
        assert!(
            commands
                .iter()
                .any(|(name, meaning)| name == "brake" && meaning.starts_with("Pull the brake"))
        );
        assert!(commands.iter().all(|(name, _)| name != "__complete"));
        assert_eq!(at(&["brake", ""]), Place::Runs);
        assert_eq!(at(&["-n", "checkout", "brake", "one", "tw"]), Place::Runs);
        assert_eq!(at(&["status", "-n", ""]), Place::Namespaces);
        assert_eq!(at(&["--context", ""]), Place::Contexts);
        let Place::Words(flags) = at(&["brake", "--"]) else {
            panic!("no flags")
        };
        assert!(
            ["--reason", "--all", "--namespace"]
                .iter()
                .all(|flag| flags.iter().any(|(name, _)| name == flag))
        );
        let Place::Words(values) = at(&["status", "-o", ""]) else {
            panic!("no values")
        };
        assert_eq!(
            values.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(),
            ["text", "json"]
        );
        assert!(matches!(at(&["completion", ""]), Place::Words(shells) if shells.len() == 4));
    }
}
