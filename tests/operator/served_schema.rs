//! P6: while the operator has not read which fields the API server serves, nothing is sent and nothing is written.

use control_plane::proxy::{Effect, Proxy, Rule};
use harness::{ACTS, Operator, Scene, bodies, is_ready, proxy};
use serde_json::json;

/// Every read of the schema, and of nothing else that the operator reads.
fn refused() -> Rule {
    let refuse = Effect::Refuse {
        status: 503,
        retry_after_seconds: None,
    };
    Rule::new("get", "", refuse)
}

fn count(proxy: &Proxy, verb: &str, resource: &str) -> usize {
    let requests = proxy.requests().into_iter();
    requests
        .filter(|it| it.verb == verb && it.full_resource() == resource)
        .count()
}

fn reads(proxy: &Proxy) -> usize {
    let requests = proxy.requests().into_iter();
    requests.filter(|it| it.path.starts_with("/openapi/v3/")).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_an_operator_that_cannot_read_the_schema_at_its_start_does_nothing_until_it_can() {
    let (scene, proxy) = (Scene::with_lease().await, proxy());
    let rule = proxy.add(refused());
    let operator = Operator::start(&scene.replica().through(&proxy));
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    scene.eventually("refused", async || reads(&proxy) >= 3).await;
    assert_eq!(count(&proxy, "list", "experimentruns"), 1, "it has seen the resource");
    let (code, waiting) = operator.get("/readyz").await;
    assert!(
        code == 503 && waiting.contains("the schema of ExperimentRuns"),
        "{waiting}"
    );
    assert_eq!(count(&proxy, "patch", "experimentruns/status"), 0);
    assert_eq!(count(&proxy, "update", "leases"), 0, "the Lease is not taken");
    assert_eq!((scene.updates(), scene.reads()), (vec![], vec![]));

    proxy.remove(rule);
    scene.wait("run", "ready", is_ready).await;
    assert_eq!(operator.get("/readyz").await.0, 200);
    assert_eq!(bodies(&scene.updates()), [json!({ "ExposurePercentage": 25.0 })]);
    scene.judge();
}

#[tokio::test(flavor = "multi_thread")]
async fn p6_what_a_watch_tells_that_begins_anew_waits_until_the_schema_is_read_again() {
    let (scene, proxy) = (Scene::new().await, proxy());
    let operator = Operator::start(&scene.flags().through(&proxy));
    operator.logged(ACTS).await;
    scene.apply("run", &json!({ "exposurePercentage": 5 })).await;
    scene.wait("run", "ready", is_ready).await;
    let (rule, read, watched) = (
        proxy.add(refused()),
        reads(&proxy),
        count(&proxy, "watch", "experimentruns"),
    );
    proxy.add(Rule::new("watch", "experimentruns", Effect::Cut).times(1));
    let begun = async || count(&proxy, "watch", "experimentruns") > watched && reads(&proxy) > read;
    scene.eventually("begun anew", begun).await;
    let written = count(&proxy, "patch", "experimentruns/status");
    scene.apply("run", &json!({ "exposurePercentage": 25 })).await;
    // It goes on asking.
    let (read, aws) = (reads(&proxy), scene.reads().len());
    scene.eventually("refused", async || reads(&proxy) >= read + 2).await;
    assert_eq!(count(&proxy, "patch", "experimentruns/status"), written);
    assert_eq!((scene.updates().len(), scene.reads().len()), (1, aws));

    proxy.remove(rule);
    let sent = async || bodies(&scene.updates()).last() == Some(&json!({ "ExposurePercentage": 25.0 }));
    scene.eventually("sent", sent).await;
    scene.pass("run").await;
    scene.judge();
}
