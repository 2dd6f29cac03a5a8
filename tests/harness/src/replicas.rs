//! Replicas of one operator, of which one acts: a Lease of the scene's own, so that tests can elect leaders side by side.

use k8s_openapi::api::{
    coordination::v1::Lease,
    rbac::v1::{Role, RoleBinding},
};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{Flags, Operator, Scene};

/// The Lease and the service account have this name in `deploy/`, and so has the account's namespace.
pub const NAME: &str = "appconfig-experiment-operator";
/// What a replica logs when it has the Lease.
pub const HOLDING: &str = "holding the Lease";
/// What a replica logs when it begins to act.
pub const ACTS: &str = "this process acts from now on";

impl Scene {
    /// A scene with a Lease, which the operator's service account may use as `deploy/` lets it use its own.
    pub async fn with_lease() -> Self {
        let scene = Self::new().await;
        let metadata = json!({ "name": "lease" });
        let rights = json!({
            "apiGroups": ["coordination.k8s.io"],
            "resources": ["leases"],
            "resourceNames": [NAME],
            "verbs": ["get", "create", "update"]
        });
        let role: Role = from(json!({ "metadata": metadata, "rules": [rights] }));
        let binding: RoleBinding = from(json!({
            "metadata": metadata,
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "lease" },
            "subjects": [{ "kind": "ServiceAccount", "name": NAME, "namespace": NAME }]
        }));
        let roles = Api::namespaced(scene.client.clone(), &scene.namespace);
        roles.create(&PostParams::default(), &role).await.expect("a Role");
        let bindings = Api::namespaced(scene.client.clone(), &scene.namespace);
        bindings
            .create(&PostParams::default(), &binding)
            .await
            .expect("a RoleBinding");
        scene
    }

    /// The flags of one of several replicas.
    pub fn replica(&self) -> Flags {
        let mut flags = self.flags();
        flags.arguments.retain(|argument| argument != "--leader-elect=false");
        flags
            .with("--leader-elect=true")
            .with(&format!("--lease-namespace={}", self.namespace))
            .with(&format!("--lease-name={NAME}"))
    }

    /// The process that the Lease names.
    pub async fn holder(&self) -> Option<String> {
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), &self.namespace);
        let lease = leases.get(NAME).await.expect("the Lease is there");
        lease.spec?.holder_identity.filter(|holder| !holder.is_empty())
    }

    /// Makes somebody else the holder, whoever is.
    pub async fn take_lease(&self, holder: &str) {
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), &self.namespace);
        let taken = Patch::Merge(json!({ "spec": { "holderIdentity": holder } }));
        let taken = leases.patch(NAME, &PatchParams::default(), &taken).await;
        taken.expect("the Lease is there");
    }

    /// Two replicas, the first of which holds the Lease.
    pub async fn two(&self) -> (Operator, Operator) {
        self.two_of(&self.replica()).await
    }

    /// The same, with flags for the first.
    pub async fn two_of(&self, first: &Flags) -> (Operator, Operator) {
        let first = Operator::start(first);
        first.logged(ACTS).await;
        let second = Operator::start(&self.replica());
        second.logged("seeking the Lease").await;
        (first, second)
    }
}

fn from<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).expect("an object")
}
