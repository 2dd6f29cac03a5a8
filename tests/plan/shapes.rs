//! Files as people and tools write them: streams of documents in several encodings, Lists, and all that metadata can hold.

use harness::cases::{resource, spec};
use serde_json::{Value, json};

use crate::{
    kubernetes::{Case, Stricter},
    metadata,
};

/// A resource with that name, and that of its metadata.
fn with(name: &str, metadata: Value) -> Value {
    let mut run = resource(name, &spec(json!({"exposurePercentage": 5})));
    if let (Some(target), Value::Object(metadata)) = (run["metadata"].as_object_mut(), metadata) {
        target.extend(metadata);
    }
    run
}

fn run(name: &str) -> Value {
    with(name, json!({}))
}

/// A resource with that at its top.
fn top(name: &str, more: Value) -> Value {
    let mut run = run(name);
    if let (Some(target), Value::Object(more)) = (run.as_object_mut(), more) {
        target.extend(more);
    }
    run
}

fn file(bytes: impl Into<Vec<u8>>) -> Case {
    Case {
        bytes: bytes.into(),
        stricter: Stricter::Never,
    }
}

fn stricter(why: &'static str, text: impl Into<Vec<u8>>) -> Case {
    Case {
        stricter: Stricter::Because(why),
        ..file(text)
    }
}

/// A resource as block YAML.
fn yaml(name: &str) -> String {
    format!(
        "apiVersion: experiments.appconfig.dev/v1alpha1\nkind: ExperimentRun\nmetadata:\n  name: {name}\nspec:\n  \
         applicationIdentifier: shop\n  experimentDefinitionIdentifier: add-to-cart\n  run: 1\n"
    )
}

fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    std::iter::once(0xfeff)
        .chain(text.encode_utf16())
        .flat_map(bytes)
        .collect()
}

pub fn cases() -> Vec<Case> {
    let mut cases = streams();
    cases.extend(json_streams());
    cases.extend(structures());
    cases.extend(on_purpose());
    cases.extend(
        metadata::cases()
            .into_iter()
            .map(|metadata| file(with("run", metadata).to_string())),
    );
    cases.extend(resources().iter().map(|resource| file(resource.to_string())));
    cases
}

/// Two documents, with all that may stand before, between and after them, and in each encoding.
fn streams() -> Vec<Case> {
    let (a, b) = (yaml("a"), yaml("b"));
    let mut cases = Vec::new();
    for separator in [
        "---",
        "--- ",
        "--- # two",
        "---\t# two",
        "---#two",
        "---- ",
        "--- two",
        "---\n---\n# none\n---",
        " ---",
        "...\n---",
    ] {
        cases.push(file(format!("{a}{separator}\n{b}")));
        cases.push(file(format!("{separator}\n{a}")));
        cases.push(file(format!("{a}{separator}\n")));
        cases.push(file(format!("{a}{separator}")));
    }
    let both = format!("# one\n{a}---\n{b}");
    cases.push(file(format!("\u{feff}{both}")));
    cases.push(file(both.replace('\n', "\r\n")));
    cases.push(file(both.trim_end()));
    cases.push(file(format!("\n\n{both}\n\n")));
    cases.push(file(utf16(&both, u16::to_le_bytes)));
    cases.push(file(utf16(&both, u16::to_be_bytes)));
    cases.push(file(utf16(&both.replace('\n', "\r\n"), u16::to_le_bytes)));
    cases.push(file(format!("{a}---\n{{{{ broken }}}}\n")));
    cases.push(file(format!("{a}---\na: [b\n")));
    cases.push(file(format!(
        "{a}---\n{}",
        b.replace("run: 1", "run: {{ .Values.run }}")
    )));
    cases.push(file(format!("%YAML 1.1\n---\n{a}")));
    cases.push(file(""));
    cases.push(file("# nothing\n"));
    cases.push(file("text\n"));
    cases.push(file("- a\n- b\n"));
    cases
}

fn json_streams() -> Vec<Case> {
    let (a, b, c) = (run("a").to_string(), run("b").to_string(), run("c").to_string());
    let pretty = serde_json::to_string_pretty(&run("a")).unwrap();
    let mut cases = Vec::new();
    cases.push(file(format!("{a}\n# two\n{b}")));
    for between in ["", "\n", "  ", "\n\n", "\n---\n", "\n--- # two\n", ",\n"] {
        cases.push(file(format!("{a}{between}{b}")));
        cases.push(file(format!("{a}{between}{b}{between}{c}")));
        cases.push(file(format!("{}{between}{b}", yaml("a"))));
    }
    cases.push(file(format!("{a}\n{b}\n---\n{c}")));
    cases.push(file(format!("{a}---")));
    cases.push(file(pretty.replace("  ", "\t")));
    cases.push(file(format!("\u{feff}{a}")));
    cases.push(file(a.replace("shop", "\\u0073h\\/op\\ud83d\\ude00")));
    cases.push(file(a.replace(":5", ":5e0")));
    cases.push(file(a.replace(":5", ":1e400")));
    cases.push(file(a.replace(":5", ":05")));
    cases.push(file(a.replace(":1}", ":1,}")));
    cases.push(file(a.replace("\"run\"", "run")));
    cases.push(file(format!("{a} // done")));
    cases
}

/// Anchors, aliases, merges, and how text is written.
fn structures() -> Vec<Case> {
    let with = |more: &str| format!("{}{more}", yaml("run"));
    [
        "  description: &d text\n  treatmentOverrides: {inline: {alice: *d}}\n",
        "  description: &d t1\n  treatmentOverrides: {inline: {alice: *d}}\n",
        "  description: *d\n",
        "  treatmentOverrides: &o {inline: {alice: t1}}\n  deploymentParameters:\n    tags: {<<: {alice: t1}}\n",
        "  <<: {description: merged}\n",
        "  <<: [{description: first}, {description: second, suspend: true}]\n",
        "  description: own\n  <<: {description: merged}\n",
        "  <<: {description: merged}\n  description: own\n",
        "  <<: text\n",
        "  <<: [text]\n",
        "  \"<<\": {description: merged}\n",
        "  description: |\n    two\n    lines\n",
        "  description: |+\n    kept\n\n\n",
        "  description: >-\n    folded\n    to one\n",
        "  description: plain\n    goes on\n",
        "  description: \"quoted\n    goes on\"\n",
        "  ? description\n  : asked\n",
        "  {description: inside}\n",
        "  description: a\n description: b\n",
        "\tdescription: tab\n",
        "  description:\ttab\n",
        "  [a]: b\n",
        "  {a: b}: c\n",
        "  ~: nothing\n",
        "  18446744073709551615: large\n",
        "  description: a\u{7}b\n",
        "  description: a\u{7f}b\n",
        "  ramp: {steps: [{exposurePercentage: 1, hold: 1h}]}\n  exposurePercentage: 5\n",
        "  ramp:\n    steps:\n    - exposurePercentage: 1\n      hold: 1h\n  exposurePercentage: 5\n",
        "  ramp:\n    steps:\n      -\texposurePercentage: 1\n",
        "status: {}\n",
        "...\n",
        "...\n...\n",
    ]
    .into_iter()
    .map(|more| file(with(more)))
    .collect()
}

/// What would pass in silence.
fn on_purpose() -> Vec<Case> {
    let with = |more: &str| format!("{}{more}", yaml("run"));
    let (a, b) = (run("a").to_string(), run("b").to_string());
    let long = |length: usize| {
        let overrides = json!({"inline": {"x".repeat(length): "t1"}});
        resource("run", &spec(json!({"treatmentOverrides": overrides}))).to_string()
    };
    let latin = [with("  description: caf").into_bytes(), vec![0xe9, b'\n']].concat();
    let nested = format!("  description: {}x{}\n", "[".repeat(150), "]".repeat(150));
    vec![
        stricter("a key stands there twice", with("  description: a\n  description: b\n")),
        stricter(
            "a key stands there twice",
            a.replace(":5", ":5,\"exposurePercentage\":6"),
        ),
        stricter(
            "a resource stands there twice",
            format!("{}---\n{}", yaml("run"), yaml("run")),
        ),
        stricter(
            "what follows ... is passed over",
            format!("{}...\n{}", yaml("a"), yaml("b")),
        ),
        stricter("what follows ... is passed over", with("...\ntext: [\n")),
        stricter("what isn't UTF-8 becomes other text", latin),
        stricter("a line may end there or not", with("  description: \"a\u{2028}b\"\n")),
        stricter("a line may end there or not", with("  description: \"a\u{85}b\"\n")),
        stricter("a tag that no manifest needs", with("  description: !!binary aGk=\n")),
        stricter(
            "a tag that no manifest needs",
            with("  description: !!timestamp 2026-11-23\n"),
        ),
        stricter("server-side apply can't carry the key", long(1023)),
        file(long(1022)),
        stricter(
            "a field that isn't known, though null",
            top("run", json!({"approval": null})).to_string(),
        ),
        stricter(
            "a status of another shape",
            top("run", json!({"status": {"observedGeneration": "x"}})).to_string(),
        ),
        file(with(&nested)),
        stricter(
            "what follows the first is passed over",
            format!("{a}\n# two\n{b}\n# two\n{a}"),
        ),
        file(format!("{a}{b}text")),
    ]
}

/// Resources and Lists that are wrong, or look so.
fn resources() -> Vec<Value> {
    let ours = "experiments.appconfig.dev/v1alpha1";
    let list = |items: Value| json!({"apiVersion": "v1", "kind": "List", "items": items});
    let own_list = |items: Value| json!({"apiVersion": ours, "kind": "ExperimentRunList", "items": items});
    let bare = json!({"metadata": {"name": "bare"}, "spec": spec(json!({}))});
    let mut half = bare.clone();
    half["kind"] = json!("ExperimentRun");
    let mut nameless = run("a");
    nameless["metadata"] = Value::Null;
    let mut text = run("a");
    text["metadata"] = json!("a");
    vec![
        nameless,
        text,
        list(json!([run("a"), run("b")])),
        list(json!([])),
        list(json!([list(json!([run("a")]))])),
        list(json!([run("a"), with("b", json!({"labels": {"a": 5}}))])),
        list(json!([null])),
        list(json!(null)),
        list(json!({})),
        list(json!(["text"])),
        list(json!([bare.clone()])),
        json!({"apiVersion": "v1", "kind": "List"}),
        json!({"kind": "List", "items": [run("a")]}),
        own_list(json!([run("a")])),
        own_list(json!([bare.clone()])),
        own_list(json!([half])),
        bare,
        top("a", json!({"kind": "experimentrun"})),
        top("a", json!({"kind": "ExperimentRuns"})),
        top("a", json!({"kind": 5})),
        top("a", json!({"kind": null})),
        top("a", json!({"apiVersion": "experiments.appconfig.dev/v1"})),
        top("a", json!({"apiVersion": "experiments.appconfig.dev/"})),
        top("a", json!({"apiVersion": "experiments.appconfig.dev"})),
        top("a", json!({"apiVersion": "experiment.appconfig.dev/v1alpha1"})),
        top("a", json!({"apiVersion": "Experiments.appconfig.dev/v1alpha1"})),
        top("a", json!({"apiVersion": "v1alpha1"})),
        top("a", json!({"apiVersion": 5})),
        top("a", json!({"data": {}})),
        top("a", json!({"status": null})),
        top("a", json!({"status": {"observedGeneration": 3}})),
        top("a", json!({"status": {"nobody": 3}})),
        top("a", json!({"spec": null})),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"a": "b"}}),
    ]
}
