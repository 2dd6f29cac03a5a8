//! A table for each resource, for people: local times are those of the ramp's first window.

use std::fmt::Write as _;

use jiff::{Timestamp, tz::TimeZone};

use crate::{
    api::{Member, WaitingFor},
    decide::ramp::remarks::{Remark, What},
    pass::timeline::Raised,
};

use super::{
    Manifest,
    preview::{Preview, field},
};

/// The table of one resource.
pub(super) fn print(preview: &Preview) -> String {
    let manifest = &preview.manifest;
    let mut text = format!("{} ({})\n", name(manifest), manifest.file.display());
    for (head, what) in facts(preview) {
        let _ = writeln!(text, "  {head:<12}{what}");
    }
    if !preview.timeline.raises.is_empty() {
        text.push('\n');
        text.push_str(&table(&preview.timeline.raises, &preview.zone));
    }
    text
}

/// Which resource it is.
pub(super) fn name(manifest: &Manifest) -> String {
    match &manifest.namespace {
        Some(namespace) => format!("{namespace}/{}", manifest.name),
        None => manifest.name.clone(),
    }
}

/// What is said of a resource beside its raises, each with what it is about.
pub(super) fn facts(preview: &Preview) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let since = preview
        .since
        .map(|since| format!(", since {since}"))
        .unwrap_or_default();
    let mut line = |head, what| facts.push((head, what));
    line("begins", local(preview.at, &preview.zone));
    line("live", format!("{} %{since}", preview.live));
    if let Some(edition) = preview.time_zones() {
        line("time zones", format!("IANA {edition}"));
    }
    line("sent now", members(preview, &preview.timeline.sends));
    if !preview.unknown.is_empty() {
        line(
            "not known",
            format!("whether these match: {}", members(preview, &preview.unknown)),
        );
    }
    match preview.timeline.completes_at {
        Some(at) => line("complete", local(at, &preview.zone)),
        None if preview.timeline.raises.is_empty() => line("exposure", preview.timeline.message.clone()),
        None => line("after that", preview.timeline.message.clone()),
    }
    for remark in &preview.remarks {
        line("note", note(remark));
    }
    facts
}

/// What is to be said of a window: where clocks are changed, by both of them.
fn note(remark: &Remark) -> String {
    let (zone, from) = (&remark.zone, local(remark.from, &remark.zone));
    let what = match remark.what {
        What::RunsOn(Some(until)) => format!(
            "its openings run into each other: it is open from {from} to {}",
            local(until, zone)
        ),
        What::RunsOn(None) => format!("its openings run into each other: from {from} on it is always open"),
        What::ClocksChange(until) => format!(
            "clocks change while it is open: from {from} to {}, which is {}",
            local(until, zone),
            by_the_clock_of(remark.from, until, zone)
        ),
    };
    format!("{} {} for {}: {what}", remark.kind, remark.schedule, remark.duration)
}

/// An instant by the clock that was in force at another one.
fn by_the_clock_of(other: Timestamp, at: Timestamp, zone: &TimeZone) -> String {
    let clock = zone.to_offset_info(other);
    let shown = clock.offset().to_datetime(at);
    format!("{} {}", shown.strftime("%a %Y-%m-%d %H:%M:%S"), clock.abbreviation())
}

/// The names of members, with what can be said of what they carry.
fn members(preview: &Preview, members: &[Member]) -> String {
    let spec = &preview.manifest.spec;
    let parameters = spec.deployment_parameters.as_ref();
    let count = |count: usize, one: &str, many: &str| format!("{count} {}", if count == 1 { one } else { many });
    let mut words: Vec<String> = members.iter().map(|member| field(*member).to_owned()).collect();
    for (word, member) in words.iter_mut().zip(members) {
        if let (Member::TreatmentOverrides, Some(overrides)) = (member, &spec.treatment_overrides) {
            let _ = write!(word, " ({})", count(overrides.inline.len(), "entity", "entities"));
        }
    }
    if let Some(parameters) = parameters.filter(|_| members.iter().any(|member| *member != Member::Description)) {
        words.push(format!(
            "with {} and {}",
            count(parameters.dynamic_extension_parameters.len(), "parameter", "parameters"),
            count(parameters.tags.len(), "tag", "tags")
        ));
    }
    if words.is_empty() {
        "nothing".to_owned()
    } else {
        words.join(", ")
    }
}

/// The heads and the raises. Without windows there is no zone of their own, and UTC is enough.
pub(super) fn rows(raises: &[Raised], zone: &TimeZone) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let heads = [zone.iana_name().unwrap_or("UTC"), "UTC", "from", "to", "why then"];
    rows.push(heads.map(str::to_owned).into());
    rows.extend(raises.iter().map(|raise| {
        let why = raise
            .waits_for
            .map_or("nothing keeps it waiting", WaitingFor::opens_when);
        vec![
            local(raise.at, zone),
            raise.at.to_string(),
            format!("{} %", raise.from),
            format!("{} %", raise.to),
            why.to_owned(),
        ]
    }));
    if *zone == TimeZone::UTC {
        for row in &mut rows {
            row.remove(1);
        }
    }
    rows
}

fn table(raises: &[Raised], zone: &TimeZone) -> String {
    let rows = rows(raises, zone);
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..rows[0].len()).map(width).collect();
    let times = widths.len() - 3;
    let mut text = String::new();
    for row in &rows {
        for (column, cell) in row.iter().enumerate() {
            let width = widths[column];
            let _ = if column >= times && column < times + 2 {
                write!(text, "  {cell:>width$}")
            } else {
                write!(text, "  {cell:<width$}")
            };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn local(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone())
        .strftime("%a %Y-%m-%d %H:%M:%S %Z")
        .to_string()
}
