//! The exit codes, as `docs/exprun.md` lists them.

/// All was done that was asked for, and nothing needs a person.
pub(crate) const OK: u8 = 0;
/// Something failed: the cluster refused, the resource is not there, or `check` found something to do.
pub(crate) const FAILED: u8 = 1;
/// An argument is wrong. Of `plan` it is [`FAILED`], as in the operator's own program.
pub(crate) const USAGE: u8 = 2;
/// Of `brake` and `release`: it is done, and another tool may undo it. That tool is named.
pub(crate) const MAY_BE_UNDONE: u8 = 3;
/// Of `brake` and `release`: nothing was changed, since the answer to the question was no.
pub(crate) const DECLINED: u8 = 4;

/// Each code, for the documentation's test.
#[cfg(test)]
pub(crate) const ALL: [u8; 5] = [OK, FAILED, USAGE, MAY_BE_UNDONE, DECLINED];
