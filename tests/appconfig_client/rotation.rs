//! Credentials that are rotated where they come from: AWS refuses the old ones, and the next request has the new ones.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::future::join_all;

use crate::{
    RUN,
    credentials::{CANARY, agent_answer, assert_passed, child, sts_answer},
    listener::{Listener, Received, answer, json as json_answer},
};

/// What AWS says of a session that has expired, of a key that is not there any more, and of one whose secret has changed.
const REFUSALS: [&str; 3] = [
    "ExpiredTokenException",
    "UnrecognizedClientException",
    "InvalidSignatureException",
];

/// An `AppConfig` that takes the first key once. Then it is rotated, and refused from then on.
async fn appconfig(code: &'static str, rotate: impl Fn() + Send + Sync + 'static) -> Listener {
    Listener::start(move |number, request| {
        let key = request.access_key_id();
        if number > 1 && key == "FIRST" {
            rotate();
            return answer("403 Forbidden", &[("x-amzn-errortype", code)], b"{}");
        }
        let run = RUN.replace("\"Run\":1", &format!(r#""Run":1,"Description":"{key}""#));
        json_answer("200 OK", &run)
    })
    .await
}

/// A volume as Kubernetes mounts it: a rotation makes a new directory, and moves one link.
#[derive(Clone)]
struct Mounted(PathBuf);

impl Mounted {
    fn new(text: &str) -> Self {
        let root = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("mounted-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir(&root).unwrap();
        let mounted = Self(root);
        mounted.rotate(text);
        std::os::unix::fs::symlink("..data/file", mounted.0.join("file")).unwrap();
        mounted
    }

    fn rotate(&self, text: &str) {
        let version = self.0.join(uuid::Uuid::new_v4().to_string());
        std::fs::create_dir(&version).unwrap();
        std::fs::write(version.join("file"), text).unwrap();
        std::os::unix::fs::symlink(&version, self.0.join("..new")).unwrap();
        std::fs::rename(self.0.join("..new"), self.0.join("..data")).unwrap();
    }

    fn path(&self) -> String {
        self.0.join("file").to_str().unwrap().to_owned()
    }

    fn remove(&self) {
        std::fs::remove_dir_all(Path::new(&self.0)).unwrap();
    }
}

async fn assert_rotated(appconfig: &Listener, environment: &[(&str, &str)]) {
    assert_passed(&child("rotation", appconfig, environment).await);
    assert_eq!(appconfig.access_key_ids(), ["FIRST", "FIRST", "SECOND"]);
}

fn profile(key: &str) -> String {
    format!("[default]\naws_access_key_id = {key}\naws_secret_access_key = {CANARY}\n")
}

#[tokio::test]
async fn a_mounted_credentials_file_is_read_anew() {
    join_all(REFUSALS.map(async |code| {
        let file = Mounted::new(&profile("FIRST"));
        let rotated = file.clone();
        let appconfig = appconfig(code, move || rotated.rotate(&profile("SECOND"))).await;
        assert_rotated(&appconfig, &[("AWS_SHARED_CREDENTIALS_FILE", &file.path())]).await;
        file.remove();
    }))
    .await;
}

#[tokio::test]
async fn a_web_identity_s_token_is_read_anew() {
    join_all(REFUSALS.map(async |code| {
        let file = Mounted::new("first-token");
        let rotated = file.clone();
        let sts = Listener::start(|_, request| {
            let first = String::from_utf8_lossy(&request.body).contains("first-token");
            sts_answer(if first { "FIRST" } else { "SECOND" }, 3600)
        })
        .await;
        let appconfig = appconfig(code, move || rotated.rotate("second-token")).await;
        let environment = [
            ("AWS_ENDPOINT_URL_STS", sts.url.as_str()),
            ("AWS_WEB_IDENTITY_TOKEN_FILE", &file.path()),
            ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/operator"),
        ];
        assert_rotated(&appconfig, &environment).await;
        file.remove();
    }))
    .await;
}

#[tokio::test]
async fn pod_identity_is_asked_anew_with_the_token_of_now() {
    join_all(REFUSALS.map(async |code| {
        let file = Mounted::new("first-token");
        let rotated = file.clone();
        let agent = Listener::start(|_, request| {
            let first = request.headers["authorization"] == "first-token";
            agent_answer(if first { "FIRST" } else { "SECOND" }, 3600)
        })
        .await;
        let appconfig = appconfig(code, move || rotated.rotate("second-token")).await;
        let url = format!("{}/v1/credentials", agent.url);
        let environment = [
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", url.as_str()),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &file.path()),
        ];
        assert_rotated(&appconfig, &environment).await;
        file.remove();
    }))
    .await;
}

/// An instance's metadata, as `IMDSv2` tells it.
fn metadata(request: &Received, is_rotated: &AtomicBool) -> crate::listener::Reply {
    let role = "/latest/meta-data/iam/security-credentials/";
    match (request.method.as_str(), request.target.as_str()) {
        ("PUT", "/latest/api/token") => {
            answer("200 OK", &[("x-aws-ec2-metadata-token-ttl-seconds", "21600")], b"token")
        }
        ("GET", target) if target == role => answer("200 OK", &[], b"operator"),
        ("GET", target) if target.starts_with(role) => {
            let key = if is_rotated.load(Ordering::SeqCst) {
                "SECOND"
            } else {
                "FIRST"
            };
            let expiry = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
            let body = format!(
                r#"{{"Code":"Success","LastUpdated":"2026-01-01T00:00:00Z","Type":"AWS-HMAC","AccessKeyId":"{key}",
                "SecretAccessKey":"{CANARY}","Token":"token","Expiration":"{}"}}"#,
                expiry.strftime("%Y-%m-%dT%H:%M:%SZ")
            );
            json_answer("200 OK", &body)
        }
        _ => answer("404 Not Found", &[], b""),
    }
}

#[tokio::test]
async fn the_instance_s_metadata_is_asked_anew() {
    join_all(REFUSALS.map(async |code| {
        let is_rotated = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_rotated);
        let instance = Listener::start(move |_, request| metadata(request, &seen)).await;
        let appconfig = appconfig(code, move || is_rotated.store(true, Ordering::SeqCst)).await;
        let environment = [
            ("AWS_EC2_METADATA_DISABLED", "false"),
            ("AWS_EC2_METADATA_SERVICE_ENDPOINT", instance.url.as_str()),
        ];
        assert_rotated(&appconfig, &environment).await;
    }))
    .await;
}
