//! One line a run.

use appconfig_experiment_operator::api::Exposure;
use jiff::Timestamp;
use kube::{ResourceExt as _, api::DynamicObject};

use crate::{run::Run, terminal::Paint, times};

/// The heads of the columns. The first is there only with several namespaces.
const HEADS: [&str; 10] = [
    "NAMESPACE",
    "NAME",
    "RUN",
    "STATUS",
    "LIVE",
    "TARGET",
    "READY",
    "REASON",
    "NEXT",
    "AGE",
];
/// Where READY is.
const READY: usize = 6;

/// The columns' widths, which only grow: lines that follow later stay below each other.
pub(super) struct Table {
    widths: [usize; HEADS.len()],
    namespaces: bool,
    paint: Paint,
}

impl Table {
    pub(super) fn new(namespaces: bool, paint: Paint) -> Self {
        Self {
            widths: HEADS.map(str::len),
            namespaces,
            paint,
        }
    }

    /// The lines of some resources, below the heads if these are wanted.
    pub(super) fn lines(&mut self, objects: &[DynamicObject], heads: bool, now: Timestamp) -> String {
        let rows: Vec<_> = objects.iter().map(|object| row(object, now)).collect();
        for row in &rows {
            for (width, cell) in self.widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut text = String::new();
        if heads {
            text.push_str(&self.line(&HEADS.map(str::to_owned)));
        }
        for row in &rows {
            text.push_str(&self.line(row));
        }
        text
    }

    fn line(&self, row: &[String; HEADS.len()]) -> String {
        let skipped = usize::from(!self.namespaces);
        let cells = row.iter().enumerate().skip(skipped).map(|(column, cell)| {
            let padded = format!("{cell:<width$}", width = self.widths[column]);
            match (column, cell.as_str()) {
                (READY, "True") => self.paint.good(&padded),
                (READY, "False") => self.paint.bad(&padded),
                (READY, "Unknown") => self.paint.careful(&padded),
                _ => padded,
            }
        });
        let line = cells.collect::<Vec<_>>().join("   ");
        format!("{}\n", line.trim_end())
    }
}

fn row(object: &DynamicObject, now: Timestamp) -> [String; HEADS.len()] {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let age = object.metadata.creation_timestamp.as_ref();
    let age = age.map_or_else(String::new, |created| age_of(now, created.0));
    let Some(run) = Run::read(object.clone()) else {
        let blank = String::new;
        return [
            namespace,
            name,
            blank(),
            blank(),
            blank(),
            blank(),
            blank(),
            "can't be read".to_owned(),
            blank(),
            age,
        ];
    };
    let exposure = |exposure: Option<Exposure>| exposure.map_or_else(String::new, |exposure| exposure.to_string());
    let ready = run.ready();
    let reason = ready.map(|ready| ready.reason.clone()).unwrap_or_default();
    let next = run.status.ramp.as_ref().filter(|_| !run.is_braked());
    [
        namespace,
        name,
        run.resource.spec.run.to_string(),
        run.status
            .status
            .map_or_else(String::new, |status| format!("{status:?}").to_uppercase()),
        exposure(run.status.exposure_percentage),
        exposure(run.target()),
        ready.map(|ready| ready.status.clone()).unwrap_or_default(),
        if run.is_seen() {
            reason
        } else {
            format!("{reason} (spec not seen yet)")
        },
        next.map(|ramp| ramp.summary.clone()).unwrap_or_default(),
        age,
    ]
}

/// The largest unit alone, as kubectl shows ages.
fn age_of(now: Timestamp, created: Timestamp) -> String {
    let words = times::length(now.duration_since(created).max(jiff::SignedDuration::ZERO));
    words.split(' ').next().unwrap_or_default().to_owned()
}
