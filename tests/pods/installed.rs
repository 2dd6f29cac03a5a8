//! What stands in the cluster: `deploy/`, by an overlay as a user writes one.

use std::{collections::BTreeSet, env, fs, net::Ipv4Addr, path::PathBuf, time::Duration};

use control_plane::OPERATOR_NAMESPACE;
use harness::{DEADLINE, NAME, kubectl};
use serde_json::json;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};

use crate::ROOT;

/// The Deployment in the cluster.
pub struct Installed;

impl Installed {
    /// Applies `deploy/` with this image, and `AppConfig` at this address.
    pub async fn apply(image: &str, emulator: &str) -> Self {
        let folder = env::temp_dir().canonicalize().unwrap().join("overlay");
        fs::create_dir(&folder).unwrap();
        // Kustomize takes a base by its relative path only.
        let up: PathBuf = folder.components().skip(1).map(|_| "..").collect();
        let root = fs::canonicalize(ROOT).unwrap();
        let base = up.join(root.strip_prefix("/").unwrap()).join("deploy");
        let container = "/spec/template/spec/containers/0";
        let add = |list: &str, value| json!({"op": "add", "path": format!("{container}/{list}/-"), "value": value});
        let patch = json!([
            add("args", json!("--region=eu-west-1")),
            add("args", json!(format!("--endpoint-url={emulator}"))),
            add("args", json!("--allow-insecure-endpoint")),
            add("env", json!({"name": "AWS_ACCESS_KEY_ID", "value": "AKIDEXAMPLE"})),
            add(
                "env",
                json!({"name": "AWS_SECRET_ACCESS_KEY", "value": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"})
            ),
        ]);
        let overlay = json!({
            "resources": [base],
            "images": [{"name": NAME, "newName": image}],
            "patches": [{"target": {"kind": "Deployment"}, "patch": patch.to_string()}],
        });
        fs::write(folder.join("kustomization.yaml"), overlay.to_string()).unwrap();
        Self.kubectl(&["apply", "-k", folder.to_str().unwrap()]).await;
        let label = "-o=jsonpath={.metadata.labels.pod-security\\.kubernetes\\.io/enforce}";
        let namespace = Self.kubectl(&["get", "namespace", OPERATOR_NAMESPACE, label]).await;
        assert_eq!(namespace, "restricted");
        Self
    }

    /// Runs kubectl in the operator's namespace and gives what it prints.
    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        let output = kubectl(&[&["--namespace", OPERATOR_NAMESPACE], arguments].concat()).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "kubectl {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Waits until both replicas are Ready as the manifest has them now, and no other one is there.
    pub async fn rolled_out(&self) {
        let deployment = format!("deployment/{NAME}");
        self.kubectl(&["rollout", "status", &deployment, "--timeout=120s"])
            .await;
        // One that was told to stop may still be stopping.
        let deadline = Instant::now() + DEADLINE;
        while self.pods().await.len() != 2 {
            assert!(Instant::now() < deadline, "two Pods, and no more");
            sleep(Duration::from_millis(200)).await;
        }
        let ready = self.list("{.items[*].status.containerStatuses[*].ready}").await;
        assert_eq!(ready, ["true", "true"]);
    }

    /// The names of the Pods that are there.
    pub async fn pods(&self) -> BTreeSet<String> {
        self.list("{.items[*].metadata.name}").await.into_iter().collect()
    }

    /// How often a container was started again.
    pub async fn restarts(&self) -> u32 {
        let restarts = self.list("{.items[*].status.containerStatuses[*].restartCount}").await;
        restarts.iter().map(|count| count.parse::<u32>().unwrap()).sum()
    }

    /// The digests of the images that the containers were started from.
    pub async fn digests(&self) -> BTreeSet<String> {
        let images = self.list("{.items[*].status.containerStatuses[*].imageID}").await;
        let digest = |image: String| image.rsplit_once('@').unwrap().1.to_owned();
        images.into_iter().map(digest).collect()
    }

    async fn list(&self, path: &str) -> Vec<String> {
        let output = format!("-o=jsonpath={path}");
        let said = self.kubectl(&["get", "pods", &output]).await;
        said.split_whitespace().map(str::to_owned).collect()
    }

    /// The Pod that has the Lease.
    pub async fn leader(&self) -> String {
        self.leader_other_than("").await
    }

    /// Waits until another Pod than this one has the Lease.
    pub async fn leader_other_than(&self, pod: &str) -> String {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let path = "-o=jsonpath={.spec.holderIdentity}";
            let holder = self.kubectl(&["get", "lease", NAME, "--ignore-not-found", path]).await;
            // A random part follows.
            let holder = holder.rsplit_once('_').map_or("", |(host, _)| host);
            if !holder.is_empty() && holder != pod {
                return holder.to_owned();
            }
            assert!(Instant::now() < deadline, "nobody else takes the Lease");
            sleep(Duration::from_millis(100)).await;
        }
    }

    /// Deletes the Deployment, and waits until its containers have ended.
    pub async fn delete(self) {
        let deployment = format!("deployment/{NAME}");
        self.kubectl(&["delete", &deployment, "--cascade=foreground", "--timeout=120s"])
            .await;
    }
}

/// Passes connections on, from an address that Pods reach to a server on loopback; gives the address as `http://HOST:PORT`.
pub async fn forward(from: (Ipv4Addr, u16), to: &str) -> String {
    let listener = TcpListener::bind(from).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (_, to) = to.split_once("://").unwrap();
    let to = to.trim_end_matches('/').to_owned();
    tokio::spawn(async move {
        while let Ok((mut here, _)) = listener.accept().await {
            let to = to.clone();
            tokio::spawn(async move {
                // A server that is away is one that refuses.
                if let Ok(mut there) = TcpStream::connect(to).await {
                    let _ = copy_bidirectional(&mut here, &mut there).await;
                }
            });
        }
    });
    format!("http://{address}")
}
