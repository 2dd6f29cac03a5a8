//! `status`: one line a run, or everything that matters of one.

mod advice;
pub(crate) mod json;
pub(crate) mod raises;
mod ramp_line;
pub(crate) mod screen;
mod table;

use std::{collections::HashMap, pin::pin};

use clap::{Args, ValueEnum};
use futures::TryStreamExt as _;
use jiff::Timestamp;
use kube::{
    Api, ResourceExt as _,
    api::DynamicObject,
    runtime::{WatchStreamExt as _, watcher},
};

use crate::{
    cluster::{Cluster, Connection, list},
    exit,
    failure::{Failure, call, describe},
    run::Run,
    terminal::{Paint, complain, out},
    times::Clock,
};
use table::Table;

const AFTER_HELP: &str = "\
Examples:
  kubectl exprun status -n checkout                   one line a run
  kubectl exprun status add-to-cart-1 -n checkout -w  one run on one screen, followed";

/// How it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    /// Lines to read.
    Text,
    /// One JSON object a line and run.
    Json,
}

/// The flags of `status`.
#[derive(Clone, Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Status {
    /// The run to show whole [default: a line for each run of the namespace]
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// The runs of all namespaces
    #[arg(short = 'A', long, conflicts_with = "name")]
    all_namespaces: bool,
    /// Only runs with these labels, such as team=checkout
    #[arg(short = 'l', long, conflicts_with = "name")]
    selector: Option<String>,
    /// Go on: print again what changes, until Ctrl-C
    #[arg(short, long)]
    watch: bool,
    /// Print lines to read, or one JSON object a line and run
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "text")]
    output: Output,
}

/// Prints, and follows if that is asked for.
///
/// # Errors
/// When the cluster refuses, or the run is not there.
pub(crate) async fn run(flags: &Status, connection: &Connection, paint: Paint) -> Result<u8, Failure> {
    let cluster = Cluster::new(connection).await?;
    match &flags.name {
        Some(name) => one(flags, &cluster, name, paint).await,
        None => many(flags, &cluster, paint).await,
    }
}

async fn one(flags: &Status, cluster: &Cluster, name: &str, paint: Paint) -> Result<u8, Failure> {
    let api = cluster.runs(&cluster.namespace);
    let object = call(api.get(name)).await?;
    let shown = Shown::of(std::slice::from_ref(&object));
    out(&whole(flags.output, cluster, object, paint).await?);
    if flags.watch {
        let only = watcher::Config::default().fields(&format!("metadata.name={name}"));
        follow(api, only, shown, async |object| {
            let text = whole(flags.output, cluster, object, paint).await?;
            let gap = if flags.output == Output::Text { "\n" } else { "" };
            Ok(out(&format!("{gap}{text}")))
        })
        .await?;
    }
    Ok(exit::OK)
}

/// All of one run.
async fn whole(output: Output, cluster: &Cluster, object: DynamicObject, paint: Paint) -> Result<String, Failure> {
    let run = Run::read(object).ok_or_else(unreadable)?;
    let raises = raises::raises(cluster, &run).await;
    Ok(match output {
        Output::Json => json::line(&run, Some(&raises)),
        Output::Text => screen::screen(&run, &raises, &Clock::system(), paint),
    })
}

/// What is said of a resource that this version can't read. What stands in it is not.
pub(crate) fn unreadable() -> Failure {
    Failure::new("the resource can't be read by this version of the plugin: `kubectl get -o yaml` shows it")
}

async fn many(flags: &Status, cluster: &Cluster, paint: Paint) -> Result<u8, Failure> {
    let api = if flags.all_namespaces {
        cluster.all_runs()
    } else {
        cluster.runs(&cluster.namespace)
    };
    let objects = list(&api, flags.selector.as_deref()).await?;
    let shown = Shown::of(&objects);
    let mut table = Table::new(flags.all_namespaces, paint);
    let mut lines = |objects: &[DynamicObject], heads: bool| match flags.output {
        Output::Text => table.lines(objects, heads, Timestamp::now()),
        Output::Json => {
            let runs = objects.iter().filter_map(|object| Run::read(object.clone()));
            runs.map(|run| json::line(&run, None)).collect()
        }
    };
    if objects.is_empty() && flags.output == Output::Text && !flags.watch {
        let place = if flags.all_namespaces {
            "any namespace".to_owned()
        } else {
            format!("namespace {}", cluster.namespace)
        };
        complain(&format!("there are no ExperimentRuns in {place}"));
    } else {
        out(&lines(&objects, true));
    }
    if flags.watch {
        let mut only = watcher::Config::default();
        only.label_selector.clone_from(&flags.selector);
        follow(api, only, shown, async |object| Ok(out(&lines(&[object], false)))).await?;
    }
    Ok(exit::OK)
}

/// Which version of each object was shown last, by uid.
#[derive(Default)]
struct Shown(HashMap<String, String>);

impl Shown {
    fn of(objects: &[DynamicObject]) -> Self {
        let mut shown = Self::default();
        for object in objects {
            shown.is_new(object);
        }
        shown
    }

    /// Whether this version was not shown yet. It counts as shown from now on.
    fn is_new(&mut self, object: &DynamicObject) -> bool {
        let version = object.resource_version().unwrap_or_default();
        let before = self.0.insert(object.uid().unwrap_or_default(), version.clone());
        before.as_ref() != Some(&version)
    }
}

/// Shows each object that changes, until nobody reads any more or the cluster refuses.
async fn follow(
    api: Api<DynamicObject>,
    only: watcher::Config,
    mut shown: Shown,
    mut show: impl AsyncFnMut(DynamicObject) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let mut events = pin!(watcher(api, only).default_backoff());
    let mut complaint = None;
    loop {
        match events.try_next().await {
            // The watch begins with a list, and again after a break: of that, only what has changed is new.
            Ok(Some(watcher::Event::Apply(object) | watcher::Event::InitApply(object))) => {
                if shown.is_new(&object) && !show(object).await? {
                    return Ok(());
                }
            }
            Ok(Some(watcher::Event::Delete(object))) => {
                complain(&format!("{} was deleted", object.name_any()));
            }
            Ok(Some(_)) => complaint = None,
            Ok(None) => return Ok(()),
            Err(error) => {
                let what = of_watch(&error)?;
                if complaint.as_ref() != Some(&what) {
                    complain(&format!("{what}; trying again"));
                    complaint = Some(what);
                }
            }
        }
    }
}

/// What is said of a watch that broke.
///
/// # Errors
/// When another try would break too.
fn of_watch(error: &watcher::Error) -> Result<String, Failure> {
    let what = match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => {
            if matches!(error, kube::Error::Api(status) if matches!(status.code, 401 | 403 | 404)) {
                return Err(Failure::new(describe(error)));
            }
            describe(error)
        }
        other => crate::failure::chain(other),
    };
    Ok(what)
}
