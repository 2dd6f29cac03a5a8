//! One control plane for the tests of a binary, and a namespace for each.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use control_plane::{ControlPlane, Options, User};
use kube::{
    Api, Client, Config,
    api::{ApiResource, DynamicObject, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::Value;

/// The control plane that all tests of a binary share, after `prepare` has run on it once.
pub fn shared(prepare: fn(&ControlPlane)) -> &'static ControlPlane {
    static SHARED: OnceLock<ControlPlane> = OnceLock::new();
    SHARED.get_or_init(|| {
        let control_plane = ControlPlane::start(Options::default()).unwrap();
        prepare(&control_plane);
        control_plane
    })
}

/// Runs kubectl as the administrator and hands it `stdin`. Panics when it fails, with what it said.
pub fn kubectl(control_plane: &ControlPlane, arguments: &[&str]) -> String {
    let output = control_plane.kubectl(arguments).unwrap();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(
        output.status.success(),
        "kubectl {}: {stderr}{stdout}",
        arguments.join(" ")
    );
    stdout
}

/// What a program printed.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A client of a user.
pub async fn client(control_plane: &ControlPlane, user: User) -> Client {
    let kubeconfig = Kubeconfig::read_from(control_plane.kubeconfig_of(user)).unwrap();
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .unwrap();
    Client::try_from(config).unwrap()
}

/// A fresh namespace, with these annotations.
pub async fn namespace(client: &Client, metadata: Value) -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let name = format!("test-{}", COUNT.fetch_add(1, Ordering::Relaxed));
    let mut namespace = serde_json::json!({"metadata": {"name": name}});
    if let (Some(target), Value::Object(metadata)) = (namespace["metadata"].as_object_mut(), metadata) {
        target.extend(metadata);
    }
    let namespaces: Api<k8s_openapi::api::core::v1::Namespace> = Api::all(client.clone());
    let namespace = serde_json::from_value(namespace).unwrap();
    namespaces.create(&PostParams::default(), &namespace).await.unwrap();
    name
}

/// The `ExperimentRun`s of a namespace, as bare JSON: also such that no type could hold.
#[must_use]
pub fn runs(client: &Client, namespace: &str) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<appconfig_experiment_operator::api::ExperimentRun>(&());
    Api::namespaced_with(client.clone(), namespace, &resource)
}

/// A resource as the API takes it.
#[must_use]
pub fn object(resource: Value) -> DynamicObject {
    serde_json::from_value(resource).unwrap()
}

/// Looks until there is something to see.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(Instant::now() < deadline, "not within 20 s: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
