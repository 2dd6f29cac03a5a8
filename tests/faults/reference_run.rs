//! A run in which nothing goes wrong: it lists every request of a pass in the order in which the operator made them.

use std::{fmt, time::Instant};

use appconfig_emulator::Operation;
use control_plane::proxy::Proxy;
use harness::{Operator, Scene, proxy};
use jiff::{SignedDuration, Timestamp};

use crate::{
    play,
    workload::{End, Workload},
};

/// A request of a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// `GetExperimentRun`.
    Get,
    /// `ListExperimentRunEvents`: since when a ramp is where it is.
    Events,
    /// A write of the status that announces an update.
    Fence,
    /// `UpdateExperimentRun`.
    Update,
    /// Any other write of the status.
    Status,
}

/// A request in its place.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    pub request: Request,
    /// How many of the same request the pass has made before.
    pub before: u32,
    /// How many requests that look the same on their way the pass has made before: a fence is a write of the status.
    pub alike_before: u32,
}

impl Request {
    /// Whether the request can't be told from another on its way.
    fn is_like(self, other: Self) -> bool {
        self.is_status_write() == other.is_status_write() && (self == other || self.is_status_write())
    }

    pub fn is_status_write(self) -> bool {
        matches!(self, Self::Fence | Self::Status)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self.request {
            Request::Get => "get",
            Request::Events => "events",
            Request::Fence => "fence",
            Request::Update => "update",
            Request::Status => "status",
        };
        match self.before {
            0 => formatter.write_str(name),
            before => write!(formatter, "{name}-{}", before + 1),
        }
    }
}

/// The requests in words.
pub fn listed(steps: &[Step]) -> String {
    let names: Vec<_> = steps.iter().map(Step::to_string).collect();
    names.join(", ")
}

/// Lets the operator bring an adopted run to what is asked for, and gives the requests of the pass that does it.
pub async fn requests(workload: &Workload) -> Vec<Step> {
    let (scene, proxy) = (Scene::new().await, proxy());
    let operator = Operator::start(&play::flags(&scene, &proxy));
    play::adopt(&scene, workload).await;
    let (before, passes) = (seen(&scene, &proxy).len(), operator.passes().await);
    play::begin(&scene, workload).await;
    let end = End::after(workload, 0, Some(&workload.asked));
    scene
        .wait(play::NAME, "at rest", |run| play::has_come_to(&end, run))
        .await;
    scene
        .eventually("at the end of the pass", async || operator.passes().await > passes)
        .await;
    let mut requests = seen(&scene, &proxy).split_off(before);
    // What is written down just before an update announces it.
    for next in 1..requests.len() {
        if requests[next] == Request::Update {
            assert_eq!(requests[next - 1], Request::Status, "no update without a fence");
            requests[next - 1] = Request::Fence;
        }
    }
    let place = |at: usize| {
        let count = |like: &dyn Fn(Request) -> bool| {
            let before = requests[..at].iter().filter(|&&request| like(request));
            u32::try_from(before.count()).expect("a pass is short")
        };
        let request = requests[at];
        Step {
            request,
            before: count(&|other| other == request),
            alike_before: count(&|other| other.is_like(request)),
        }
    };
    (0..requests.len()).map(place).collect()
}

/// The requests so far that are a pass's own, in order. Events are sent and the schema is read (which is no resource) beside
/// the pass, and can't fail it.
fn seen(scene: &Scene, proxy: &Proxy) -> Vec<Request> {
    let (now, instant) = (Timestamp::now(), Instant::now());
    let wall = |at: Instant| now - SignedDuration::try_from(instant - at).expect("a short time");
    let mut seen = Vec::new();
    for request in proxy.requests() {
        match (request.verb, request.full_resource().as_str()) {
            ("patch", "experimentruns/status") => seen.push((wall(request.at), Request::Status)),
            ("list" | "watch", _) | ("create", "events") | ("get", "") => {}
            (verb, resource) => panic!("the plans have no name for {verb} {resource}"),
        }
    }
    for request in scene.emulator.requests() {
        let name = match request.operation {
            Some(Operation::GetExperimentRun) => Request::Get,
            Some(Operation::ListExperimentRunEvents) => Request::Events,
            Some(Operation::UpdateExperimentRun) => Request::Update,
            other => panic!("the plans have no name for {other:?}"),
        };
        seen.push((request.arrived_at, name));
    }
    seen.sort_by_key(|(at, _)| *at);
    seen.into_iter().map(|(_, request)| request).collect()
}
