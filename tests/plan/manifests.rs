//! Where manifests come from: files with many documents, folders, lists, standard input.

use serde_json::{Value, json};

use crate::{
    cases::spec,
    command::{Folder, command, documents, manifest, plan, run},
};

fn names(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["name"].as_str().unwrap()).collect()
}

fn raising(name: &str) -> Value {
    manifest(name, &spec(json!({"exposurePercentage": 5})))
}

#[test]
fn many_documents_files_and_folders_are_read_in_order_and_other_kinds_skipped() {
    let folder = Folder::new();
    let config_map = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "other"}});
    let namesake = json!({"apiVersion": "example.com/v1", "kind": "ExperimentRun", "metadata": {"name": "other"}});
    folder.write(
        "b/two.yaml",
        &documents(&[raising("b-1"), config_map, namesake, raising("b-2")]),
    );
    folder.write("a/deep/one.json", &raising("a-1").to_string());
    folder.write("c.yml", &format!("---\n# a comment\n---\n{}\n---\n", raising("c-1")));
    folder.write("notes.txt", "no: [manifest");
    let list = json!({"apiVersion": "v1", "kind": "List", "items": [raising("list-1"), raising("list-2")]});
    let other = Folder::new();
    let file = other.write("list", &list.to_string());
    let printed = plan(&["-f", folder.path(), &file, "--from", "0", "-o", "json"]);
    assert_eq!((printed.code, printed.error.as_str()), (2, ""));
    assert_eq!(
        names(&printed.lines()),
        ["a-1", "b-1", "b-2", "c-1", "list-1", "list-2"]
    );
}

#[test]
fn a_dash_is_standard_input() {
    let text = documents(&[raising("one"), raising("two")]);
    let printed = run(command(&["-f", "-", "--from", "0", "-o", "json"], &[]), &text);
    assert_eq!(names(&printed.lines()), ["one", "two"], "{printed:?}");
}

#[test]
fn what_can_be_previewed_is_also_when_something_else_cannot() {
    let folder = Folder::new();
    let bad = manifest("bad", &spec(json!({"run": "one"})));
    let file = folder.write("runs.yaml", &documents(&[raising("one"), bad, raising("two")]));
    let printed = plan(&["-f", &file, "--from", "0", "-o", "json"]);
    assert_eq!(printed.code, 1);
    assert_eq!(names(&printed.lines()), ["one", "two"]);
    assert_eq!(printed.error.lines().count(), 1, "{}", printed.error);
    let place = format!("{file}, document 2, spec.run: ");
    assert!(printed.error.contains(&place), "{}", printed.error);
}

#[test]
fn files_that_are_not_there_or_no_yaml_are_named() {
    let folder = Folder::new();
    let empty = Folder::new();
    let good = "apiVersion: v1\nkind: ConfigMap\n---\n";
    let broken = folder.write("broken.yaml", &format!("{good}qa-bob: [t1\nalice: }}\n"));
    let missing = format!("{}/missing.yaml", folder.path());
    let printed = plan(&["-f", &broken, &missing, empty.path(), "--from", "0"]);
    assert_eq!(printed.code, 1);
    let mut lines: Vec<&str> = printed.error.lines().collect();
    lines.sort_by_key(|line| !line.contains("missing.yaml"));
    assert_eq!(lines.len(), 3, "{}", printed.error);
    assert!(lines[0].contains("can't be read"), "{}", lines[0]);
    assert!(
        printed.error.contains("document 2: it is not YAML"),
        "{}",
        printed.error
    );
    assert!(printed.error.contains("at line 5"), "{}", printed.error);
    assert!(
        printed.error.contains("no .json, .yaml or .yml file"),
        "{}",
        printed.error
    );
    assert!(
        !printed.error.contains("qa-bob") && !printed.error.contains("alice"),
        "{}",
        printed.error
    );
}

#[test]
fn wrong_usage_is_exit_code_1() {
    for arguments in [
        &[][..],
        &["-f", "a", "--from", "101"],
        &["-f", "a", "-o", "yaml"],
        &["--nonsense"],
    ] {
        let printed = plan(arguments);
        assert_eq!(printed.code, 1, "{arguments:?}");
        assert!(
            printed.out.is_empty() && printed.error.lines().count() == 1,
            "{printed:?}"
        );
    }
}
