//! Which resources are ours by apiVersion and kind, and which were meant to be: those a cluster would not know.

use kube::Resource as _;
use strsim::damerau_levenshtein;

use crate::api::{ExperimentRun, GROUP};

/// How many letters a slip of the pen changes.
const SLIP: usize = 3;
/// What only groups of this trade have in their name.
const TRADE: &str = "appconfig";

/// Whose a resource is, by its kind and apiVersion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KindMatch {
    Ours,
    Other,
    /// Which of the two is wrong, and what it must be.
    Wrong(&'static str, String),
}

/// Whose the resource of that kind and version is.
pub(super) fn of(kind: &str, api_version: &str) -> KindMatch {
    let (known_kind, known) = (ExperimentRun::kind(&()), ExperimentRun::api_version(&()));
    if (kind, api_version) == (&known_kind, &known) {
        return KindMatch::Ours;
    }
    let (group, _) = api_version.split_once('/').unwrap_or(("", api_version));
    if group == GROUP {
        let field = if kind == known_kind { "apiVersion" } else { "kind" };
        return KindMatch::Wrong(field, format!("there is only {known_kind} in {known}"));
    }
    let near = |text: &str, known: &str| damerau_levenshtein(&text.to_lowercase(), known) <= SLIP;
    let near_kind = near(kind, &known_kind.to_lowercase());
    let near_group = near(group, GROUP) || near(api_version, GROUP);
    if near_group || near_kind && (group.is_empty() || group.to_lowercase().contains(TRADE)) {
        KindMatch::Wrong("apiVersion", format!("for an {known_kind} it must be {known}"))
    } else {
        KindMatch::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_told_from_the_kinds_of_others() {
        let field = |kind, version| match of(kind, version) {
            KindMatch::Ours => "ours",
            KindMatch::Other => "other",
            KindMatch::Wrong(field, _) => field,
        };
        let ours = "experiments.appconfig.dev/v1alpha1";
        for (kind, version, expected) in [
            ("ExperimentRun", ours, "ours"),
            ("experimentrun", ours, "kind"),
            ("ExperimentRuns", ours, "kind"),
            ("Experiment", ours, "kind"),
            ("ExperimentRun", "experiments.appconfig.dev/v1", "apiVersion"),
            ("ExperimentRun", "experiments.appconfig.dev/", "apiVersion"),
            ("ExperimentRun", "experiments.appconfig.dev", "apiVersion"),
            ("ExperimentRun", "Experiments.AppConfig.dev/v1alpha1", "apiVersion"),
            ("ExperimentRun", "experiment.appconfig.dev/v1alpha1", "apiVersion"),
            ("experimentRun", "experiment.apconfig.dev/v1alpha1", "apiVersion"),
            ("ExperimentRun", "appconfig.aws/v1alpha1", "apiVersion"),
            ("ExperimentRun", "v1alpha1", "apiVersion"),
            ("ExperimentRun", "example.com/v1", "other"),
            ("ConfigMap", "v1", "other"),
            ("Application", "appconfig.services.k8s.aws/v1alpha1", "other"),
        ] {
            assert_eq!(field(kind, version), expected, "{kind} {version}");
        }
    }
}
