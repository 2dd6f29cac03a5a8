//! Named scenarios: faults at the worst moment, each on the real binary through a real API server, with the emulator in
//! the place of `AppConfig`. A test's name begins with the number of its scenario, and each is judged by the checker too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod burst;
mod crowd;
mod due_raises;
mod edited_status;
mod expired_watch;
mod fleet;
mod lagging_reads;
mod late_commit;
mod late_fence;
mod lost_answer;
mod namesake;
mod one_owner;
mod outage;
mod paused_leader;
mod quick_edits;
mod renew_deadline;
mod retry_after;
mod rolling_restart;
mod stale_high;
mod status_rights;
mod termination;
mod updates;
