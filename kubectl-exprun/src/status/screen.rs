//! Everything that matters of one run, on one screen.

use std::fmt::Write as _;

use appconfig_experiment_operator::api::{Member, PendingUpdate, RunStatus, WaitingFor};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{advice::advice, raises::Raises, ramp_line::ramp_line};
use crate::{
    run::Run,
    terminal::{Paint, harmless},
    times::Clock,
};

/// The lines of one run.
pub(crate) fn screen(run: &Run, raises: &Raises, clock: &Clock, paint: Paint) -> String {
    let mut lines = Lines {
        text: String::new(),
        paint,
    };
    lines.text = format!("{}: {}\n\n", paint.bold(&run.key()), what_it_is(run));
    lines.put("exposure", &exposure(run, clock));
    if let Some(line) = ramp_line(run, paint) {
        lines.put("ramp", &line);
    }
    lines.put("waits for", &waits_for(run, clock));
    if let Some(at) = run.status.ramp.as_ref().and_then(|ramp| ramp.completes_at.as_ref()) {
        lines.put("complete", &format!("{} at the earliest", clock.at(at.0)));
    }
    if run.is_braked() {
        let why = run
            .brake_reason()
            .map_or_else(|| "nobody said why".to_owned(), |reason| format!("{reason:?}"));
        lines.put("brake", &paint.bad(&format!("pulled: {why}")));
    }
    if let Some(pending) = &run.status.pending_update {
        lines.put("pending", &describe_pending(pending, clock));
    }
    lines.text.push('\n');
    for condition in &run.status.conditions {
        lines.put(&condition.type_, &in_words(condition, clock, paint));
        if condition.type_ == "Ready" || Some(&condition.message) != run.ready().map(|ready| &ready.message) {
            lines.put("", &harmless(&condition.message));
        }
    }
    if !run.is_seen() {
        lines.put(
            "",
            &paint.careful("the operator has not seen the latest spec: this is of an earlier one"),
        );
    }
    lines.text.push('\n');
    put_raises(&mut lines, raises, clock);
    put_error(&mut lines, run, clock);
    if let Some(what) = run.reason().and_then(advice) {
        lines.put("to do", what);
    }
    lines.text
}

struct Lines {
    text: String,
    paint: Paint,
}

impl Lines {
    fn put(&mut self, head: &str, what: &str) {
        let head = self.paint.dim(&format!("{head:<15}"));
        let _ = writeln!(self.text, "  {head}{what}");
    }
}

fn what_it_is(run: &Run) -> String {
    let spec = &run.resource.spec;
    let region = spec.region.as_ref().or(run.status.region.as_ref());
    let region = region.map(|region| format!(" ({region})")).unwrap_or_default();
    let state = match run.status.status {
        Some(RunStatus::Running) => ", RUNNING",
        Some(RunStatus::Done) => ", DONE",
        None => "",
    };
    format!(
        "run {} of {} in {}{region}{state}",
        spec.run, spec.experiment_definition_identifier, spec.application_identifier
    )
}

fn exposure(run: &Run, clock: &Clock) -> String {
    let live = run
        .status
        .exposure_percentage
        .map_or_else(|| "not known yet".to_owned(), |live| format!("{live} % live"));
    let since = run.status.ramp.as_ref().map(|ramp| &ramp.reached);
    let since = since.filter(|reached| Some(reached.exposure_percentage) == run.status.exposure_percentage);
    let since = since
        .map(|reached| format!(" since {}", clock.at(reached.at.0)))
        .unwrap_or_default();
    let target = run
        .target()
        .map_or_else(|| "not managed".to_owned(), |target| format!("target {target} %"));
    format!("{live}{since}; {target}")
}

fn waits_for(run: &Run, clock: &Clock) -> String {
    if run.is_braked() {
        return "the release of the brake".to_owned();
    }
    let ramp = run.status.ramp.as_ref();
    let Some((ramp, next)) = ramp.and_then(|ramp| Some((ramp, ramp.next.as_ref()?))) else {
        return "nothing".to_owned();
    };
    let what = match ramp.waiting_for {
        Some(WaitingFor::Hold) => ramp.reached.hold.as_ref().map_or_else(
            || "the hold".to_owned(),
            |hold| format!("the hold of {hold} at {} %", ramp.reached.exposure_percentage),
        ),
        Some(WaitingFor::Window) => "a window".to_owned(),
        None => return format!("the next pass; then {} %", next.exposure_percentage),
    };
    match &next.not_before {
        Some(at) => format!(
            "{what}, until {}, {}; then {} %",
            clock.at(at.0),
            clock.distance(at.0),
            next.exposure_percentage
        ),
        None => format!(
            "{what}, and no window was found to open; then {} %",
            next.exposure_percentage
        ),
    }
}

/// The recorded update, and what can be said of it.
pub(crate) fn describe_pending(pending: &PendingUpdate, clock: &Clock) -> String {
    let to = pending
        .exposure_percentage
        .map(|exposure| format!(" to {exposure} %"))
        .unwrap_or_default();
    format!(
        "an update of the {}{to}, recorded {}: it is about to be sent, or was sent and is not settled",
        member(pending.member),
        clock.at(pending.recorded_at.0)
    )
}

/// A member in words.
pub(crate) const fn member(member: Member) -> &'static str {
    match member {
        Member::Description => "description",
        Member::TreatmentOverrides => "overrides",
        Member::ExposurePercentage => "exposure",
    }
}

fn in_words(condition: &Condition, clock: &Clock, paint: Paint) -> String {
    let bad_when_true = ["Stalled", "Reconciling"].contains(&condition.type_.as_str());
    let word = match (condition.status.as_str(), bad_when_true) {
        ("True", false) => paint.good("yes"),
        ("True", true) => paint.careful("yes"),
        ("False", _) => paint.bad("no"),
        _ => paint.careful("not known"),
    };
    let since = condition.last_transition_time.0;
    // The default of a status, which nobody has written yet, has no time.
    let since = if since.as_second() == 0 {
        String::new()
    } else {
        format!(", since {}", clock.at(since))
    };
    format!("{word}, {}{since}", condition.reason)
}

fn put_raises(lines: &mut Lines, raises: &Raises, clock: &Clock) {
    match raises {
        Ok(raises) if raises.is_empty() => lines.put("raises", "none in the Events, which are kept for about an hour"),
        Ok(raises) => {
            for (index, raise) in raises.iter().enumerate() {
                let head = if index == 0 { "raises" } else { "" };
                lines.put(head, &format!("{}: {}", clock.at(raise.at), raise.note));
            }
        }
        Err(why) => lines.put("raises", &format!("not known: {why}")),
    }
}

fn put_error(lines: &mut Lines, run: &Run, clock: &Clock) {
    let Some(error) = &run.status.last_error else {
        return lines.put("last error", "none");
    };
    let status = error.status_code.map(|status| format!(" {status}")).unwrap_or_default();
    let code = error.code.as_ref().map(|code| format!(" {code}")).unwrap_or_default();
    let message = error
        .message
        .as_ref()
        .map(|message| format!(": {message}"))
        .unwrap_or_default();
    let request = error
        .request_id
        .as_ref()
        .map(|id| format!(" (request {id})"))
        .unwrap_or_default();
    let since = clock.at(error.at.0);
    let words = format!("since {since}, {}{status}{code}{message}{request}", error.operation);
    let words = lines.paint.bad(&harmless(&words));
    lines.put("last error", &words);
}
