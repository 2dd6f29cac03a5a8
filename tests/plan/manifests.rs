//! Where manifests come from: files with many documents, folders, lists, standard input.

use harness::cases::spec;
use serde_json::{Value, json};

use crate::command::{Folder, command, documents, manifest, plan, run};

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
        printed.error.contains("document 2: line 5: it is not YAML"),
        "{}",
        printed.error
    );
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

/// What is said of a file's documents beside its path, line by line.
fn said(text: impl AsRef<[u8]>) -> (i32, Vec<String>) {
    let folder = Folder::new();
    let file = folder.write("runs.yaml", "");
    std::fs::write(&file, text).unwrap();
    let printed = plan(&["-f", &file, "--from", "0", "-o", "json"]);
    let lines = printed
        .error
        .lines()
        .map(|line| line.rsplit_once(&file).unwrap().1.to_owned());
    (printed.code, lines.collect())
}

#[test]
fn a_file_that_cannot_be_read_says_which_document_which_line_and_why() {
    let run = |name: &str| serde_saphyr::to_string(&raising(name)).unwrap();
    let good = run("a");
    let lines = good.lines().count();
    for (rest, document, line, why) in [
        ("a: 1\na: 2\n".to_owned(), 2, 3, "a key that this map already has"),
        ("a: .inf\n".to_owned(), 2, 2, "out of range"),
        ("run: {{ .Values.run }}\n".to_owned(), 2, 2, "template"),
        ("a: [1\n".to_owned(), 2, 2, "not YAML or JSON"),
        (format!("{}--- text\n", run("b")), 2, lines + 2, "begins with ---"),
    ] {
        let (code, said) = said(format!("{good}---\n{rest}"));
        let line = lines + line;
        let place = format!(", document {document}: line {line}: ");
        assert_eq!(code, 1);
        assert!(
            said.len() == 1 && said[0].starts_with(&place) && said[0].contains(why),
            "{place}{why}: {said:?}"
        );
    }
    let (one, two) = (raising("a"), raising("b"));
    let (code, said) = said(format!("{one}\n{two}\ntext\n"));
    assert_eq!((code, said.len()), (1, 1));
    assert!(
        said[0].starts_with(", document 3: line 3: something other than a JSON object follows"),
        "{said:?}"
    );
}

#[test]
fn utf_16_is_read_and_what_is_neither_it_nor_utf_8_is_told_by_its_line() {
    let text = format!("# \u{e4}\r\n{}\r\n", raising("a"));
    let wide: Vec<u8> = std::iter::once(0xfeff)
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    assert_eq!(said(&wide), (2, Vec::new()));
    let (code, said) = said([text.as_bytes(), b"# caf\xe9\n"].concat());
    assert_eq!(code, 1);
    assert!(said[0].contains("line 3: it is neither UTF-8"), "{said:?}");
}

#[test]
fn keys_that_are_numbers_to_kubernetes_are_counted_with_their_lines_and_not_named() {
    let head = "apiVersion: experiments.appconfig.dev/v1alpha1\nkind: ExperimentRun\nmetadata: {name: a}\nspec:\n  \
                applicationIdentifier: shop\n  experimentDefinitionIdentifier: add-to-cart\n  run: 010\n  \
                treatmentOverrides:\n    inline:\n";
    let (code, said) = said(format!(
        "{head}      alice: t1\n      0012345: t1\n      1.2345679876e+22: t1\n      12345: t1\n"
    ));
    assert_eq!((code, said.len()), (1, 1));
    assert!(
        said[0].contains("spec.treatmentOverrides.inline: 2 keys on lines 11 and 12 are numbers"),
        "{said:?}"
    );
    for entity in ["alice", "12345", "1.23", "5349"] {
        assert!(!said[0].contains(entity), "{said:?}");
    }
}

#[test]
fn the_same_resource_twice_is_an_error_wherever_it_stands() {
    let folder = Folder::new();
    let mut elsewhere = raising("one");
    elsewhere["metadata"]["namespace"] = json!("other");
    let first = folder.write("a.json", &documents(&[raising("one"), elsewhere]));
    folder.write("b.json", &raising("one").to_string());
    let printed = plan(&["-f", folder.path(), "--from", "0", "-o", "json"]);
    assert_eq!(printed.code, 1);
    assert_eq!(names(&printed.lines()), ["one", "one"]);
    assert!(
        printed.error.lines().count() == 1 && printed.error.contains(&format!("in {first}, document 1")),
        "{}",
        printed.error
    );
}

#[test]
fn a_resource_that_was_meant_to_be_ours_is_not_passed_over() {
    let mut kind = raising("a");
    kind["kind"] = json!("experimentrun");
    let mut group = raising("b");
    group["apiVersion"] = json!("experiment.appconfig.dev/v1alpha1");
    let list =
        json!({"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "List", "items": []}]});
    let (code, said) = said(documents(&[kind, group, list]));
    assert_eq!((code, said.len()), (1, 3), "{said:?}");
    for (said, field) in said.iter().zip(["kind", "apiVersion", "items[0]"]) {
        assert!(said.contains(&format!(", {field}: ")), "{said}");
    }
}

#[test]
fn a_folder_of_kustomize_is_told_what_to_do_and_so_is_a_file_that_is_no_manifest() {
    let folder = Folder::new();
    folder.write("base/kustomization.yaml", "resources: [run.yaml]\n");
    folder.write("base/run.yaml", &raising("one").to_string());
    folder.write("overlays/production/kustomization.yml", "resources: [../../base]\n");
    folder.write("plain/run.yaml", &raising("two").to_string());
    folder.write("plain/package.json", r#"{"name": "shop"}"#);
    let printed = plan(&["-f", folder.path(), "--from", "0", "-o", "json"]);
    assert_eq!(printed.code, 1);
    assert_eq!(names(&printed.lines()), ["two"]);
    let said: Vec<&str> = printed.error.lines().collect();
    assert_eq!(said.len(), 3, "{said:?}");
    for (said, folder) in said.iter().zip(["base", "overlays/production"]) {
        assert!(
            said.contains("kubectl kustomize") && said.contains("plan -f -"),
            "{said}"
        );
        assert!(said.contains(folder), "{said}");
    }
    assert!(said[2].contains("package.json") && said[2].contains("-f"), "{said:?}");
}

#[test]
fn nothing_at_all_is_an_error() {
    let printed = run(command(&["-f", "-", "--from", "0"], &[]), "");
    assert_eq!(printed.code, 1, "{printed:?}");
    assert!(printed.error.contains("no resource was found"), "{printed:?}");
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
