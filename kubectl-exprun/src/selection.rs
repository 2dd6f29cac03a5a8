//! Which resources `brake` and `release` are about.

use std::{collections::BTreeMap, time::Duration};

use clap::Args;
use futures::{StreamExt as _, stream};
use kube::{ResourceExt as _, api::DynamicObject};
use tokio::time::timeout;

use crate::{
    cluster::{Cluster, list},
    failure::{Failure, call},
};

/// How many calls go on side by side. What is selected is patched at once: the API server answers each in milliseconds.
pub(crate) const AT_ONCE: usize = 64;
/// How long a look at a resource may take that nothing depends on: a brake is pulled unseen, and a wait looks again.
pub(crate) const LOOK: Duration = Duration::from_secs(2);
/// With more resources than this, one list costs less than a read of each.
const SINGLE_READS: usize = 10;

/// Which resources of the namespace: names, those with some labels, or all.
#[derive(Clone, Debug, Args)]
#[group(required = true)]
pub(crate) struct Selection {
    /// The runs
    #[arg(value_name = "NAME", conflicts_with_all = ["selector", "all"])]
    pub(crate) names: Vec<String>,
    /// All runs of the namespace with these labels, such as team=checkout
    #[arg(short = 'l', long, conflicts_with = "all")]
    pub(crate) selector: Option<String>,
    /// All runs of the namespace
    #[arg(long)]
    pub(crate) all: bool,
}

/// A resource by its name, and as it was read before anything was done to it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) name: String,
    /// Why it could not be read, when it could not.
    pub(crate) before: Result<DynamicObject, Failure>,
}

impl Selection {
    /// The resources that are selected now, by name. One that is named is a target also when it can't be read: whoever may
    /// pull a brake need not be allowed to look.
    ///
    /// # Errors
    /// When the list can't be read.
    pub(crate) async fn targets(&self, cluster: &Cluster, limit: Duration) -> Result<Vec<Target>, Failure> {
        if self.names.is_empty() {
            return self.listed(cluster).await;
        }
        let mut names = self.names.clone();
        names.sort();
        names.dedup();
        Ok(read(cluster, names, limit).await)
    }

    /// The resources that a selector or `--all` selects now. None with names.
    ///
    /// # Errors
    /// When the list can't be read.
    pub(crate) async fn listed(&self, cluster: &Cluster) -> Result<Vec<Target>, Failure> {
        if !self.names.is_empty() {
            return Ok(Vec::new());
        }
        let objects = list(&cluster.runs(&cluster.namespace), self.selector.as_deref()).await?;
        let targets = objects.into_iter().map(|object| Target {
            name: object.name_any(),
            before: Ok(object),
        });
        Ok(targets.collect())
    }
}

/// Reads the resources of these names, each within this time.
pub(crate) async fn read(cluster: &Cluster, names: Vec<String>, limit: Duration) -> Vec<Target> {
    let api = cluster.runs(&cluster.namespace);
    if names.len() > SINGLE_READS
        && let Ok(Ok(objects)) = timeout(limit, list(&api, None)).await
    {
        let mut found: BTreeMap<_, _> = objects.into_iter().map(|object| (object.name_any(), object)).collect();
        let not_found = |name: &str| Failure::new(format!("there is no ExperimentRun {name}"));
        return names
            .into_iter()
            .map(|name| Target {
                before: found.remove(&name).ok_or_else(|| not_found(&name)),
                name,
            })
            .collect();
    }
    let reads = names.into_iter().map(|name| {
        let api = api.clone();
        async move {
            let late = |_| Err(Failure::new("the API server did not answer in time"));
            let before = timeout(limit, call(api.get(&name))).await.unwrap_or_else(late);
            Target { name, before }
        }
    });
    stream::iter(reads).buffered(AT_ONCE).collect().await
}
