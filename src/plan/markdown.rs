//! A section for each resource, for a pull request: a table, and a timeline that code hosts draw with Mermaid.

use std::fmt::Write as _;

use jiff::{Timestamp, tz::TimeZone};

use crate::{api::WaitingFor, pass::timeline::Raised};

use super::{preview::Preview, text};

/// The section of one resource.
pub(super) fn print(preview: &Preview) -> String {
    let mut page = format!("### {}\n\n", text::name(&preview.manifest));
    for (head, what) in text::facts(preview) {
        let _ = writeln!(page, "- {head}: {}", harmless(&what));
    }
    let raises = &preview.timeline.raises;
    if raises.is_empty() {
        return page;
    }
    page.push('\n');
    let rows = text::rows(raises, &preview.zone);
    for (index, row) in rows.iter().enumerate() {
        let _ = writeln!(page, "| {} |", row.join(" | "));
        if index == 0 {
            let _ = writeln!(page, "|{}", "---|".repeat(row.len()));
        }
    }
    let _ = write!(
        page,
        "\n```mermaid\ntimeline\n    title {}\n",
        text::name(&preview.manifest)
    );
    let _ = writeln!(
        page,
        "    {} : {} % live",
        moment(preview.at, &preview.zone),
        preview.live
    );
    for raise in raises {
        let _ = writeln!(page, "    {}", event(raise, &preview.zone));
    }
    page.push_str("```\n");
    page
}

fn event(raise: &Raised, zone: &TimeZone) -> String {
    let why = raise
        .waits_for
        .map(WaitingFor::opens_when)
        .map(|why| format!(" ({why})"));
    let at = moment(raise.at, zone);
    format!("{at} : {} % to {} %{}", raise.from, raise.to, why.unwrap_or_default())
}

/// Without a colon, which ends a word in Mermaid.
fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned(zone.clone()).strftime("%a %Y-%m-%d %H.%M %Z").to_string()
}

/// What a message quotes may be anything: here it is words, and no markup.
fn harmless(text: &str) -> String {
    let marks = ['\\', '`', '*', '_', '[', ']', '<', '>', '|', '#'];
    text.chars().fold(String::new(), |mut words, character| {
        if marks.contains(&character) {
            words.push('\\');
        }
        words.push(character);
        words
    })
}
