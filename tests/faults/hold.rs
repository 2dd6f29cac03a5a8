//! A request of a pass, held on its way, whether it goes to the API server or to `AppConfig`.

use appconfig_emulator as emulator;
use appconfig_emulator::{Operation, RefuseWith};
use control_plane::proxy::{self, Effect, Proxy, Rule};
use harness::{DEADLINE, Scene};

use crate::{
    plan::Reached,
    reference_run::{Request, Step},
};

/// A place where a request of a pass is held.
pub enum Hold {
    ApiServer(proxy::Gate),
    AppConfig(emulator::Gate),
}

impl Hold {
    /// Holds a request of the pass that comes next.
    pub fn set(scene: &Scene, proxy: &Proxy, step: Step, reached: Reached) -> Self {
        let operation = match step.request {
            Request::Get => Operation::GetExperimentRun,
            Request::Events => Operation::ListExperimentRunEvents,
            Request::Update => Operation::UpdateExperimentRun,
            Request::Fence | Request::Status => {
                let gate = proxy::Gate::new(match reached {
                    Reached::Sent => proxy::Stage::Request,
                    Reached::ActedUpon | Reached::Answered => proxy::Stage::Answer,
                });
                let rule = Rule::new("patch", "experimentruns/status", Effect::Hold(gate.clone()));
                proxy.add(rule.skip(step.alike_before).times(1));
                return Self::ApiServer(gate);
            }
        };
        let stage = match reached {
            Reached::Sent => emulator::Stage::BeforeCommit,
            Reached::ActedUpon | Reached::Answered => emulator::Stage::AfterCommit,
        };
        Self::AppConfig(scene.emulator.hold(operation, step.alike_before, stage))
    }

    /// Waits until the request is there.
    pub async fn reached(&self, what: &str) {
        let reached = async {
            match self {
                Self::ApiServer(gate) => drop(gate.reached().await),
                Self::AppConfig(gate) => gate.reached().await,
            }
        };
        let reached = tokio::time::timeout(DEADLINE, reached).await;
        reached.unwrap_or_else(|_| panic!("the operator did not come to {what}"));
    }

    /// Lets it go on as if nothing had happened.
    pub fn go_on(&self) {
        match self {
            Self::ApiServer(gate) => gate.release(proxy::Release::GoOn),
            Self::AppConfig(gate) => gate.release(emulator::Release::GoOn),
        }
    }

    /// Closes its connection.
    pub fn close(&self) {
        match self {
            Self::ApiServer(gate) => gate.release(proxy::Release::Close),
            Self::AppConfig(gate) => gate.release(emulator::Release::Close),
        }
    }

    /// Answers it with an error that says nothing about what became of it.
    pub fn answer_with_an_error(&self) {
        match self {
            Self::ApiServer(gate) => gate.release(proxy::Release::Refuse {
                status: 500,
                retry_after_seconds: None,
            }),
            Self::AppConfig(gate) => gate.release(emulator::Release::Refuse(RefuseWith {
                status: 500,
                code: Some("InternalServerException".to_owned()),
                message: "oops".to_owned(),
            })),
        }
    }
}
