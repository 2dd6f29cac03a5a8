//! `plan`: the operator's own preview of manifests. It needs no cluster.

use appconfig_experiment_operator::{
    cli::{self, Ended, PlanFlags},
    plan,
};

use crate::{
    arguments::PROGRAM,
    exit,
    terminal::{complain, out},
};

/// Previews manifests, and gives the exit code: that of the operator's `plan`.
pub(crate) fn run(flags: &PlanFlags) -> u8 {
    match flags.clone().settings(PROGRAM) {
        Ok(settings) => {
            let printed = plan::run(&settings);
            out(&printed.out);
            if !printed.error.is_empty() {
                complain(printed.error.trim_end());
            }
            printed.code
        }
        Err(Ended::Shown(text) | Ended::Wrong(_, text)) => {
            let own = text.strip_prefix(cli::PROGRAM).map(|text| format!("{PROGRAM}{text}"));
            complain(&own.unwrap_or(text));
            exit::FAILED
        }
    }
}
