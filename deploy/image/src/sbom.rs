//! The bill of materials, as `CycloneDX` 1.5.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{Error, PROGRAM};

/// A crate: its name and its version.
type Name = (String, String);

/// What the binary was made of, as cargo and the compiler tell it.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    crates: BTreeMap<Name, String>,
    checksums: BTreeMap<Name, String>,
    /// What is linked in beside crates, with its version and its licence.
    linked: Vec<[String; 3]>,
}

impl Sources {
    /// The format in which [`Sources::new`] takes the crates: `cargo tree --prefix none --format` of this.
    pub const FORMAT: &str = "{p}|{l}";

    /// The crates of `cargo tree` with the checksums of a `Cargo.lock`.
    ///
    /// # Errors
    /// When a line has another form.
    pub fn new(tree: &str, lock: &str) -> Result<Self, Error> {
        let lines: BTreeSet<_> = tree.lines().map(|line| line.trim_end_matches(" (*)")).collect();
        let mut crates = BTreeMap::new();
        for line in lines.into_iter().filter(|line| !line.is_empty()) {
            let parsed = line.split_once('|').and_then(|(package, license)| {
                let mut words = package.split(' ');
                let name = words.next()?.to_owned();
                let version = words.next()?.strip_prefix('v')?.to_owned();
                // Crates of before SPDX write a slash.
                let licenses: Vec<_> = license.split('/').map(str::trim).collect();
                Some(((name, version), licenses.join(" OR ")))
            });
            crates.extend([parsed.ok_or_else(|| Error::Sbom(format!("cargo tree said {line:?}")))?]);
        }
        Ok(Self {
            crates,
            checksums: checksums(lock),
            linked: Vec::new(),
        })
    }

    /// Adds what the compiler links in beside the crates, such as the C library.
    #[must_use]
    pub fn with(mut self, name: &str, version: &str, license: &str) -> Self {
        self.linked.push([name, version, license].map(str::to_owned));
        self
    }
}

fn checksums(lock: &str) -> BTreeMap<Name, String> {
    let value = |package: &str, key: &str| {
        let start = format!("{key} = \"");
        let line = package.lines().find_map(|line| line.strip_prefix(&start))?;
        Some(line.trim_end_matches('"').to_owned())
    };
    let packages = lock.split("[[package]]").skip(1);
    let checksum = |package: &str| {
        let name = (value(package, "name")?, value(package, "version")?);
        Some((name, value(package, "checksum")?))
    };
    packages.filter_map(checksum).collect()
}

/// The document. It has no time and no serial number, so that the same sources give the same bytes.
pub(crate) fn cyclone_dx(sources: &Sources) -> Value {
    let component = |(name, version): &Name, license: &str| {
        let purl = format!("pkg:cargo/{name}@{version}");
        let mut component = json!({
            "type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl,
            "licenses": [{ "expression": license }],
        });
        if let Some(checksum) = sources.checksums.get(&(name.clone(), version.clone())) {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        component
    };
    let is_operator = |name: &Name| name.0 == PROGRAM;
    let crates = sources.crates.iter().filter(|(name, _)| !is_operator(name));
    let mut components: Vec<_> = crates.map(|(name, license)| component(name, license)).collect();
    for [name, version, license] in &sources.linked {
        components.push(json!({
            "type": "library", "bom-ref": format!("{name}@{version}"), "name": name, "version": version,
            "licenses": [{ "expression": license }],
        }));
    }
    let operator = sources.crates.iter().find(|(name, _)| is_operator(name));
    let mut operator = operator.map_or(Value::Null, |(name, license)| component(name, license));
    operator["type"] = json!("application");
    json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": { "component": operator },
        "components": components,
    })
}
