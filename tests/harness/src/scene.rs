//! One journey's stage: a namespace, an emulator with a run at 0 %, and the history of every resource in it.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use appconfig_emulator::{Emulator, Experiment, Options, RequestRecord, Seed};
use appconfig_experiment_operator::api::ExperimentRun;
use k8s_openapi::api::{core::v1::Namespace, events::v1::Event};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    core::ApiResource,
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    Flags, Operator, administrator, built, control_plane,
    history::{Circumstances, Processes, Recorder},
    kubectl,
};

/// How long anything may take that should happen.
pub const DEADLINE: Duration = Duration::from_mins(2);

/// An entity ID. It must not be found anywhere but in the spec and in `AppConfig`.
pub const CANARY: &str = "canary-entity-4711";

/// One journey's stage.
pub struct Scene {
    /// The namespace, of a name of its own.
    pub namespace: String,
    /// A client of the administrator.
    pub client: Client,
    /// The resources of the namespace.
    pub runs: Api<ExperimentRun>,
    /// The `AppConfig` of this scene.
    pub emulator: Emulator,
    /// What the emulator has of `shop`'s `add-to-cart`.
    pub experiment: Experiment,
    pub(crate) recorder: Recorder,
    pub(crate) processes: Processes,
    pub(crate) circumstances: Circumstances,
}

impl Scene {
    /// A namespace that may name any application, and `shop`'s `add-to-cart` with run 1 at 0 %.
    pub async fn new() -> Self {
        Self::with(Options {
            require_signature: true,
            ..Options::default()
        })
        .await
    }

    /// The same with an emulator of other options.
    pub async fn with(options: Options) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let client = administrator().await;
        let namespace = format!("scene-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let annotations = json!({ "experiments.appconfig.dev/applications": "*" });
        let body = json!({ "metadata": { "name": namespace, "annotations": annotations } });
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let body = serde_json::from_value(body).expect("a namespace");
        namespaces
            .create(&PostParams::default(), &body)
            .await
            .expect("a namespace");
        let emulator = Emulator::start(options).await.expect("an emulator");
        let experiment = emulator.seed(&Seed::default()).expect("an experiment");
        emulator.start_run(&experiment, 0.0).expect("a run");
        let runs = Api::namespaced(client.clone(), &namespace);
        let recorder = Recorder::start(Api::namespaced(client.clone(), &namespace)).await;
        Self {
            namespace,
            client,
            runs,
            emulator,
            experiment,
            recorder,
            processes: Processes::default(),
            circumstances: Circumstances::default(),
        }
    }

    /// The flags of an operator of this scene's own.
    pub fn flags(&self) -> Flags {
        let flags = Flags {
            namespace: self.namespace.clone(),
            endpoint: self.emulator.endpoint(),
            kubeconfig: control_plane().operator_kubeconfig(),
            arguments: vec![],
            environment: vec![],
            processes: self.processes.clone(),
        };
        flags.with("--leader-elect=false")
    }

    /// Starts an operator of this scene's own.
    pub fn operator(&self) -> Operator {
        Operator::start(&self.flags())
    }

    /// A manifest of run 1 with some more in its spec.
    pub fn manifest(&self, name: &str, more: &Value) -> Value {
        let mut spec = json!({
            "applicationIdentifier": "shop",
            "experimentDefinitionIdentifier": "add-to-cart",
            "run": 1,
            "region": "eu-west-1"
        });
        if let (Some(spec), Some(more)) = (spec.as_object_mut(), more.as_object()) {
            spec.extend(more.clone());
        }
        json!({
            "apiVersion": "experiments.appconfig.dev/v1alpha1",
            "kind": "ExperimentRun",
            "metadata": { "name": name, "namespace": self.namespace },
            "spec": spec
        })
    }

    /// Applies a manifest of run 1 server-side, as `kubectl apply --server-side` would.
    pub async fn apply(&self, name: &str, more: &Value) -> ExperimentRun {
        self.try_apply(&self.manifest(name, more))
            .await
            .expect("the manifest is accepted")
    }

    /// The definition, and resource, of that number.
    #[must_use]
    pub fn definition(number: usize) -> String {
        format!("experiment-{number}")
    }

    /// Applies so many resources, each of a run of its own that is what the resource asks for already.
    pub async fn apply_many(&self, count: usize) {
        let mut manifests = String::new();
        for definition in (0..count).map(Self::definition) {
            let seed = Seed {
                definition: definition.clone(),
                ..Seed::default()
            };
            let experiment = self.emulator.seed(&seed).expect("an experiment");
            self.emulator.start_run(&experiment, 5.0).expect("a run");
            let spec = json!({ "experimentDefinitionIdentifier": definition, "exposurePercentage": 5 });
            writeln!(manifests, "---\n{}", self.manifest(&definition, &spec)).expect("a string takes it");
        }
        let file = built::folder().join(format!("{}.yaml", self.namespace));
        std::fs::write(&file, manifests).expect("a file");
        let applied = kubectl(&["apply", "--server-side", "-f", file.to_str().expect("a path")]).await;
        assert!(applied.status.success(), "{}", String::from_utf8_lossy(&applied.stderr));
    }

    /// Applies a manifest, which may be refused.
    ///
    /// # Errors
    ///
    /// What the API server answers when it refuses it.
    pub async fn try_apply(&self, manifest: &Value) -> kube::Result<ExperimentRun> {
        let name = manifest["metadata"]["name"].as_str().expect("a name");
        let parameters = PatchParams::apply("gitops").force();
        let kind = ApiResource::erase::<ExperimentRun>(&());
        let api: Api<DynamicObject> = Api::namespaced_with(self.client.clone(), &self.namespace, &kind);
        let object = api.patch(name, &parameters, &Patch::Apply(manifest)).await?;
        Ok(self.caught_up(object.try_parse().expect("an ExperimentRun")).await)
    }

    /// Merges into an object, spec or metadata.
    pub async fn patch(&self, name: &str, patch: &Value) -> ExperimentRun {
        let patched = self
            .runs
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await;
        self.caught_up(patched.expect("the patch is accepted")).await
    }

    /// Merges into a status, as somebody with too many rights would.
    pub async fn patch_status(&self, name: &str, status: &Value) -> ExperimentRun {
        let patch = json!({ "status": status });
        let patched = self
            .runs
            .patch_status(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .expect("the patch is accepted");
        self.circumstances(|context| context.edited_statuses.extend(patched.resource_version()));
        self.caught_up(patched).await
    }

    /// Waits until the watch has told of a write, so that what is waited for next isn't found in an older version.
    pub async fn caught_up(&self, written: ExperimentRun) -> ExperimentRun {
        let version = |run: &ExperimentRun| run.resource_version().and_then(|version| version.parse::<u64>().ok());
        let told = |run: &ExperimentRun| run.uid() == written.uid() && version(run) >= version(&written);
        self.wait(&written.name_any(), "as it was written", told).await;
        written
    }

    /// Deletes a resource, and waits until the watch has told of it: what is judged next is what the watch has told.
    pub async fn delete(&self, name: &str) {
        self.runs
            .delete(name, &DeleteParams::default())
            .await
            .expect("it can be deleted");
        let mut changed = self.recorder.changed();
        let told = async {
            while !self.recorder.is_gone(name) {
                changed.changed().await.expect("the watch goes on");
            }
        };
        timeout(DEADLINE, told).await.expect("the watch tells of the deletion");
    }

    /// Waits until a resource's newest version is as asked, and gives it.
    pub async fn wait(&self, name: &str, what: &str, is: impl Fn(&ExperimentRun) -> bool) -> ExperimentRun {
        let mut changed = self.recorder.changed();
        let search = async {
            loop {
                if let Some(run) = self.newest(name).filter(|run| is(run)) {
                    return run;
                }
                changed.changed().await.expect("the watch goes on");
            }
        };
        timeout(DEADLINE, search).await.unwrap_or_else(|_| {
            let newest = self
                .newest(name)
                .map(|run| serde_json::to_string_pretty(&run.status).unwrap_or_default());
            panic!(
                "{name} in {} did not come to be {what}; it is {}",
                self.namespace,
                newest.unwrap_or_default()
            )
        })
    }

    /// The newest version that the watch has told of.
    pub fn newest(&self, name: &str) -> Option<ExperimentRun> {
        self.recorder.newest(name)
    }

    /// Every version of a resource, in order: each spec and status that it ever had.
    pub fn versions(&self, name: &str) -> Vec<ExperimentRun> {
        let versions = self.recorder.versions().into_iter();
        let of_resource = versions.filter(|version| !version.deleted && version.run.name_any() == name);
        of_resource.map(|version| version.run).collect()
    }

    /// Every `UpdateExperimentRun` that arrived.
    pub fn updates(&self) -> Vec<RequestRecord> {
        self.requests("UpdateExperimentRun")
    }

    /// Every `GetExperimentRun` that arrived.
    pub fn reads(&self) -> Vec<RequestRecord> {
        self.requests("GetExperimentRun")
    }

    fn requests(&self, operation: &str) -> Vec<RequestRecord> {
        let of_operation =
            |request: &RequestRecord| serde_json::to_value(request.operation).is_ok_and(|name| name == operation);
        self.emulator.requests().into_iter().filter(of_operation).collect()
    }

    /// The run as `AppConfig` has it.
    pub fn live(&self) -> Value {
        self.emulator.run(&self.experiment, 1).expect("the run is there")
    }

    /// Changes the run as somebody else would.
    pub fn change_from_outside(&self, body: &Value) {
        let members = body.as_object().into_iter().flat_map(|members| members.keys());
        self.other_change(&members.cloned().collect::<Vec<_>>().join(", "));
        self.emulator
            .update_run(&self.experiment, 1, body)
            .expect("AppConfig accepts it");
    }

    /// The Events of a resource, in no order.
    pub async fn events(&self, name: &str) -> Vec<Event> {
        let api: Api<Event> = Api::namespaced(self.client.clone(), &self.namespace);
        let events = api.list(&ListParams::default()).await.expect("a list").items;
        let of_resource = |event: &Event| event.regarding.as_ref().and_then(|it| it.name.as_deref()) == Some(name);
        events.into_iter().filter(of_resource).collect()
    }

    /// Waits until something that no watch tells of is so.
    pub async fn eventually(&self, what: &str, is: impl AsyncFn() -> bool) {
        let search = async {
            while !is().await {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(DEADLINE, search)
            .await
            .unwrap_or_else(|_| panic!("it did not come to be {what}"));
    }
}
