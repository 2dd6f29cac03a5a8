//! [`Published`]: what the process that holds the Lease tells of itself, in annotations of the Lease. `kubectl exprun check`
//! reads them.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::ResourceExt as _;

const VERSION: &str = "experiments.appconfig.dev/operator-version";
const NAMESPACES: &str = "experiments.appconfig.dev/watched-namespaces";
const SELECTOR: &str = "experiments.appconfig.dev/selector";
const REGION: &str = "experiments.appconfig.dev/region";
const LAST_READ: &str = "experiments.appconfig.dev/last-good-read";

/// What is published of an operator. The Lease is written every 2 s anyway, so that it costs no write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Published {
    /// The operator's version.
    pub version: Option<String>,
    /// The namespaces that it watches. Empty when it watches all.
    pub namespaces: Vec<String>,
    /// Which resources it watches. `None` when it watches all.
    pub selector: Option<String>,
    /// The region of resources that name none. `None` when each has to name one.
    pub region: Option<String>,
    /// When `AppConfig` last answered a read well, in whole seconds. `None` while it has not.
    pub last_read: Option<Timestamp>,
}

/// Tells what to publish with the next renewal.
pub type Publish = Arc<dyn Fn() -> Published + Send + Sync>;

impl Published {
    /// What a Lease says.
    #[must_use]
    pub fn of(lease: &Lease) -> Self {
        let value = |name: &str| lease.annotations().get(name).cloned().filter(|value| !value.is_empty());
        let namespaces = value(NAMESPACES).unwrap_or_default();
        Self {
            version: value(VERSION),
            namespaces: namespaces
                .split(',')
                .filter(|name| !name.is_empty())
                .map(str::to_owned)
                .collect(),
            selector: value(SELECTOR),
            region: value(REGION),
            last_read: value(LAST_READ).and_then(|time| time.parse().ok()),
        }
    }

    /// Writes it into the annotations of a Lease, and leaves those of others as they are.
    pub(super) fn write(&self, annotations: &mut BTreeMap<String, String>) {
        let last_read = self.last_read.map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        let namespaces = Some(self.namespaces.join(",")).filter(|names| !names.is_empty());
        for (name, value) in [
            (VERSION, self.version.clone()),
            (NAMESPACES, namespaces),
            (SELECTOR, self.selector.clone()),
            (REGION, self.region.clone()),
            (LAST_READ, last_read),
        ] {
            match value {
                Some(value) => annotations.insert(name.to_owned(), value),
                None => annotations.remove(name),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_written_is_read_and_what_is_gone_is_removed() {
        let published = Published {
            version: Some("0.1.0".to_owned()),
            namespaces: vec!["a".to_owned(), "b".to_owned()],
            selector: Some("team=checkout".to_owned()),
            region: Some("eu-west-1".to_owned()),
            last_read: Some("2026-11-25T09:00:00Z".parse().unwrap()),
        };
        let mut lease = Lease::default();
        let annotations = lease
            .metadata
            .annotations
            .insert(BTreeMap::from([("other".to_owned(), "kept".to_owned())]));
        published.write(annotations);
        assert_eq!(Published::of(&lease), published);
        Published::default().write(lease.annotations_mut());
        assert_eq!(Published::of(&lease), Published::default());
        assert_eq!(lease.annotations().len(), 1, "those of others stay");
    }
}
