//! What the operator makes of the environment that it is started in.

use harness::{Operator, Scene, is_ready};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn an_https_proxy_is_for_aws_and_not_for_the_api_server() {
    let scene = Scene::new().await;
    let _operator = Operator::start(&scene.flags().env("HTTPS_PROXY", "http://127.0.0.1:1"));
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("run", "ready", is_ready).await;
}
