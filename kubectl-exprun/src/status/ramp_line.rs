//! The ramp as a line: where it has been, where it stands, and where it goes.

use std::fmt::Write as _;

use appconfig_experiment_operator::api::Exposure;

use crate::{run::Run, terminal::Paint};

/// More places than this are cut in the middle of what is far away.
const PLACES: usize = 9;

/// `0.5 % ── [10 %] ·· 50 % ·· 100 %`. `None` without a ramp or a target.
pub(super) fn ramp_line(run: &Run, paint: Paint) -> Option<String> {
    let (ramp, target) = (run.resource.spec.ramp.as_ref()?, run.target()?);
    let live = run.status.exposure_percentage;
    let steps = ramp.steps.iter().flatten().map(|step| step.exposure_percentage);
    let mut places: Vec<Exposure> = steps
        .filter(|step| *step < target)
        .chain([target])
        .chain(live)
        .collect();
    places.sort();
    places.dedup();
    let here = live.and_then(|live| places.iter().position(|place| *place == live));
    let (from, to) = shown(places.len(), here.unwrap_or(0));
    let mut text = String::new();
    if from > 0 {
        text.push_str("… ");
    }
    for (index, place) in places.iter().enumerate().take(to).skip(from) {
        let travelled = here.is_some_and(|here| index <= here);
        if index > from {
            let way = if travelled { " ── " } else { " ·· " };
            text.push_str(&paint.dim(way));
        }
        let word = format!("{place} %");
        text.push_str(&match (Some(index) == here, travelled) {
            (true, _) => paint.bold(&format!("[{word}]")),
            (false, true) => paint.good(&word),
            (false, false) => word,
        });
    }
    if to < places.len() {
        text.push_str(" ·· …");
        let _ = write!(text, " ·· {target} %");
    }
    Some(text)
}

/// Which places are shown: all, or those around the live one.
fn shown(places: usize, here: usize) -> (usize, usize) {
    if places <= PLACES {
        return (0, places);
    }
    let from = here.saturating_sub(2).min(places - PLACES);
    (from, from + PLACES - usize::from(from + PLACES < places))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use serde_json::json;

    use super::*;

    fn line(live: f64, target: f64, steps: &[f64]) -> String {
        let steps: Vec<_> = steps
            .iter()
            .map(|step| json!({"exposurePercentage": step, "hold": "1h"}))
            .collect();
        let run = json!({
            "apiVersion": "experiments.appconfig.dev/v1alpha1", "kind": "ExperimentRun", "metadata": {"name": "run"},
            "spec": {"applicationIdentifier": "a", "experimentDefinitionIdentifier": "d", "run": 1,
                "exposurePercentage": target, "ramp": {"steps": steps}},
            "status": {"exposurePercentage": live, "conditions": []}
        });
        ramp_line(&Run::of(serde_json::from_value(run).unwrap()), Paint::PLAIN).unwrap()
    }

    #[test]
    fn it_shows_where_it_has_been_stands_and_goes() {
        assert_eq!(
            line(10.0, 100.0, &[0.5, 10.0, 50.0]),
            "0.5 % ── [10 %] ·· 50 % ·· 100 %"
        );
        assert_eq!(line(0.0, 100.0, &[0.5, 10.0]), "[0 %] ·· 0.5 % ·· 10 % ·· 100 %");
        assert_eq!(line(7.0, 20.0, &[5.0, 10.0, 50.0]), "5 % ── [7 %] ·· 10 % ·· 20 %");
        assert_eq!(line(20.0, 20.0, &[5.0]), "5 % ── [20 %]");
    }

    #[test]
    fn a_long_ramp_is_cut_where_it_is_far_away() {
        let steps: Vec<f64> = (1..=50).map(f64::from).collect();
        assert_eq!(
            line(20.0, 100.0, &steps),
            "… 18 % ── 19 % ── [20 %] ·· 21 % ·· 22 % ·· 23 % ·· 24 % ·· 25 % ·· … ·· 100 %"
        );
        assert!(line(100.0, 100.0, &steps).ends_with("50 % ── [100 %]"));
    }
}
