//! The same files for `plan` and for kubectl with a real API server (`--dry-run=server`): both refuse, or both take and mean
//! the same. Where `plan` is stricter, it is so on purpose, and says why here.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    thread,
};

use appconfig_experiment_operator::{api::ExperimentRunSpec, plan};
use control_plane::ControlPlane;
use harness::cluster::{self, kubectl, text};
use serde_json::Value;

use crate::{command::Folder, shapes, spellings};

/// How many kubectl run at a time.
const AT_A_TIME: usize = 4;

/// One file.
pub struct Case {
    pub bytes: Vec<u8>,
    pub stricter: Stricter,
}

/// Where `plan` refuses what the cluster takes.
pub enum Stricter {
    Never,
    /// Here, and why.
    Because(&'static str),
    /// If this key of an override is another one to the cluster.
    AlteredKey(String),
}

impl Stricter {
    /// Why `plan` has to refuse what means this to the cluster.
    fn reason(&self, meaning: &BTreeMap<String, Value>) -> Option<&'static str> {
        match self {
            Self::Never => None,
            Self::Because(why) => Some(why),
            Self::AlteredKey(key) => {
                let plain = key.starts_with(|it: char| it.is_ascii_alphanumeric() || "+-.".contains(it));
                let kept = |spec: &Value| spec["treatmentOverrides"]["inline"].get(key).is_some();
                (plain && !meaning.values().all(kept)).then_some("the key of an override is read as other text")
            }
        }
    }
}

/// What one side makes of a file; none: it refuses it.
type Meaning = Option<BTreeMap<String, Value>>;

fn control_plane() -> &'static ControlPlane {
    cluster::shared(|control_plane| {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/crds/");
        kubectl(control_plane, &["apply", "-f", directory]);
        kubectl(
            control_plane,
            &["wait", "crd", "--all", "--for=condition=Established", "--timeout=20s"],
        );
        kubectl(control_plane, &["create", "namespace", "checkout"]);
    })
}

/// What kubectl prints of a file or folder, and whether it took all of it.
fn apply(path: &Path, output: &str) -> (bool, String) {
    let path = path.to_str().unwrap();
    let arguments = [
        "apply",
        "--dry-run=server",
        "--namespace=checkout",
        "-o",
        output,
        "-f",
        path,
    ];
    let done = control_plane().kubectl(arguments).unwrap();
    (done.status.success(), text(&done.stdout))
}

/// A spec as the operator reads it, whichever way its numbers were written.
fn spec(spec: ExperimentRunSpec) -> Value {
    serde_json::to_value(spec).unwrap()
}

/// The resources in what kubectl prints as JSON.
fn resources(json: &str) -> BTreeMap<String, Value> {
    let mut printed: Value = serde_json::from_str(json).unwrap_or_default();
    let items = match printed["items"].take() {
        Value::Array(items) => items,
        _ if printed.is_null() => Vec::new(),
        _ => vec![printed],
    };
    let ours = items.into_iter().filter(|item| item["kind"] == "ExperimentRun");
    ours.map(|mut item| {
        let name = item["metadata"]["name"].as_str().unwrap().to_owned();
        (name, spec(serde_json::from_value(item["spec"].take()).unwrap()))
    })
    .collect()
}

fn planned(file: &Path) -> (Meaning, String) {
    let (manifests, problems) = plan::manifests(&[file.to_owned()]);
    let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let taken = manifests
        .into_iter()
        .map(|manifest| (manifest.name, spec(manifest.spec)));
    (problems.is_empty().then(|| taken.collect()), problems.join("; "))
}

/// Does something with each item, a few at a time.
fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let part = items.len().div_ceil(AT_A_TIME).max(1);
    thread::scope(|scope| {
        let work = &work;
        let parts: Vec<_> = items
            .chunks(part)
            .map(|part| scope.spawn(move || part.iter().map(work).collect::<Vec<_>>()))
            .collect();
        parts.into_iter().flat_map(|part| part.join().unwrap()).collect()
    })
}

/// Holds both sides against each other, and prints how often they agree.
fn compare(what: &str, cases: &[Case], files: &[PathBuf], cluster: &[Meaning]) {
    let (mut same, mut refused, mut wrong) = (0, 0, Vec::new());
    let mut stricter: BTreeMap<&str, usize> = BTreeMap::new();
    for ((case, file), theirs) in cases.iter().zip(files).zip(cluster) {
        let (ours, problems) = planned(file);
        let shown = || format!("{:.600?}: {problems}", String::from_utf8_lossy(&case.bytes));
        let why = theirs.as_ref().and_then(|theirs| case.stricter.reason(theirs));
        match (&ours, theirs, why) {
            (None, None, _) => refused += 1,
            (Some(ours), Some(theirs), None) if ours == theirs => same += 1,
            (None, Some(_), Some(why)) => *stricter.entry(why).or_default() += 1,
            (None, Some(_), None) => wrong.push(format!("only plan refuses {}", shown())),
            (Some(_), None, _) => wrong.push(format!("only the cluster refuses {}", shown())),
            (Some(_), Some(_), Some(why)) => wrong.push(format!("plan is no stricter though {why}: {}", shown())),
            (Some(ours), Some(theirs), None) => wrong.push(format!("{ours:?} is not {theirs:?} in {}", shown())),
        }
    }
    println!(
        "{what}: {} files, {same} mean the same to both, both refuse {refused}, plan alone {}",
        cases.len(),
        stricter.values().sum::<usize>()
    );
    for (why, count) in &stricter {
        println!("  {count:3} stricter on purpose: {why}");
    }
    assert!(wrong.is_empty(), "{} of {what}:\n{}", wrong.len(), wrong.join("\n"));
    for case in cases {
        if let Stricter::Because(why) = case.stricter {
            assert!(stricter.contains_key(why), "no file shows that {why}");
        }
    }
}

/// Each value of each field as people may spell it.
#[test]
fn values_mean_what_they_mean_to_the_cluster() {
    let cases = spellings::cases();
    assert!(cases.len() >= 500, "{}", cases.len());
    let folder = Folder::new();
    let name = |number: usize| format!("s-{number}");
    let files: Vec<PathBuf> = (0..cases.len())
        .map(|number| {
            let text = String::from_utf8(cases[number].bytes.clone()).unwrap();
            let file = format!("{}/{}.yaml", number % AT_A_TIME, name(number));
            folder
                .write(&file, &text.replace(spellings::NAME, &name(number)))
                .into()
        })
        .collect();
    let folders: Vec<PathBuf> = (0..AT_A_TIME)
        .map(|it| Path::new(folder.path()).join(it.to_string()))
        .collect();
    // kubectl prints JSON only if it refuses nothing.
    let taken = each(&folders, |folder| apply(folder, "name").1).concat();
    let taken: BTreeSet<&str> = taken.lines().filter_map(|line| line.rsplit('/').next()).collect();
    let good = Folder::new();
    for (number, file) in files
        .iter()
        .enumerate()
        .filter(|(number, _)| taken.contains(&*name(*number)))
    {
        good.write(
            &format!("{}/{}.yaml", number % AT_A_TIME, name(number)),
            &fs::read_to_string(file).unwrap(),
        );
    }
    let folders: Vec<PathBuf> = (0..AT_A_TIME)
        .map(|it| Path::new(good.path()).join(it.to_string()))
        .collect();
    let mut meanings = BTreeMap::new();
    for (all, json) in each(&folders, |folder| apply(folder, "json")) {
        assert!(all, "{json}");
        meanings.extend(resources(&json));
    }
    assert_eq!(meanings.len(), taken.len());
    let cluster: Vec<Meaning> = (0..cases.len())
        .map(|number| {
            meanings
                .remove_entry(&name(number))
                .map(|entry| BTreeMap::from([entry]))
        })
        .collect();
    compare("spellings of values", &cases, &files, &cluster);
}

/// Streams of documents, and metadata.
#[test]
fn streams_and_metadata_are_taken_as_the_cluster_takes_them() {
    let cases = shapes::cases();
    assert!(cases.len() >= 100, "{}", cases.len());
    let folder = Folder::new();
    let files: Vec<PathBuf> = (0..cases.len())
        .map(|number| {
            let file = folder.write(&format!("{number}.yaml"), "");
            fs::write(&file, &cases[number].bytes).unwrap();
            file.into()
        })
        .collect();
    let cluster = each(&files, |file| {
        let (all, json) = apply(file, "json");
        all.then(|| resources(&json))
    });
    compare("streams and metadata", &cases, &files, &cluster);
}
