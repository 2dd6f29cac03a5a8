//! The rules of the room, over any order in which waiters come, are served and go.
#![allow(clippy::unwrap_used, reason = "tests: what is not as expected ends them")]

mod demand;
mod fair_queue;
mod queue;

use super::{Class, Lane};

fn lane(class: Class, namespace: &str, region: &str) -> Lane {
    Lane {
        class,
        namespace: namespace.to_owned(),
        region: Some(region.parse().unwrap()),
    }
}
