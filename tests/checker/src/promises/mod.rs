//! The promises, one file each. At the top of each stands its law, as far as histories can tell.

pub(crate) mod p10_quiet;
pub(crate) mod p12_converges;
pub(crate) mod p1_authorised;
pub(crate) mod p2_upward_only;
pub(crate) mod p3_minimal;
pub(crate) mod p4_at_most_once;
pub(crate) mod p5_identity;
pub(crate) mod p6_evidence;
pub(crate) mod p7_scope;
pub(crate) mod p8_one_owner;
pub(crate) mod p9_truthful;

use crate::{evidence::Evidence, violation::Violation};

/// Judges them all.
pub(crate) fn judge(evidence: &Evidence<'_>) -> Vec<Violation> {
    let laws = [
        p1_authorised::judge,
        p2_upward_only::judge,
        p3_minimal::judge,
        p4_at_most_once::judge,
        p5_identity::judge,
        p6_evidence::judge,
        p7_scope::judge,
        p8_one_owner::judge,
        p9_truthful::judge,
        p10_quiet::judge,
        p12_converges::judge,
    ];
    laws.iter().flat_map(|law| law(evidence)).collect()
}
