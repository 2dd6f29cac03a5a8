//! The resource as people write and read it: spec, status, conditions. No behaviour.
//!
//! Every other room reads these types; none of them adds to them. The CRD in `crds/` is generated from here.

mod condition;
mod definition;
mod exposure;
mod ramp;
mod region;
mod spec;
mod status;

pub use condition::{ConditionType, PENDING};
pub use definition::{
    SCHEMA_REVISION, SCHEMA_REVISION_LINE, custom_resource_definition, custom_resource_definition_yaml,
};
pub use exposure::{Exposure, ExposureOutOfRange};
pub use ramp::{Ramp, RampNext, RampReached, RampStatus, RampStep, RampWindow, WaitingFor, WindowKind};
pub use region::{InvalidRegion, Region};
pub use spec::{DeploymentParameters, ExperimentRun, ExperimentRunSpec, TreatmentOverrides};
pub use status::{
    ExperimentDefinition, ExperimentRunStatus, HeldUpdate, LastError, Member, PendingUpdate, RunResult, RunStatus,
    Treatment,
};

/// The API group of the resource.
pub const GROUP: &str = "experiments.appconfig.dev";

/// A new value of this annotation makes a pass now; the value handled last is echoed in
/// `status.lastHandledReconcileAt`.
pub const RECONCILE_REQUESTED_AT: &str = "experiments.appconfig.dev/reconcile-requested-at";

/// Why the brake was pulled (`spec.suspend`), in the words of whoever did: up to 253 bytes. `kubectl exprun brake` sets it with
/// the brake, and `release` removes it.
pub const BRAKE_REASON: &str = "experiments.appconfig.dev/brake-reason";
