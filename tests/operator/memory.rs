//! How much memory the operator needs. It is printed, and judged by a person: see `make memory`.

use crate::harness::{Operator, Scene, is_ready};

const RESOURCES: usize = 1_000;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement, of a release build: make memory"]
async fn memory_with_1000_settled_resources() {
    let scene = Scene::new().await;
    scene.apply_many(RESOURCES).await;
    let flags = scene.flags().with("--read-rate=100").with("--resync-interval=24h");
    let mut first = Operator::start(&flags);
    for number in 0..RESOURCES {
        scene.wait(&Scene::definition(number), "ready", is_ready).await;
    }
    println!("{RESOURCES} resources adopted: {} KiB resident", first.resident());
    assert_eq!(first.stop().await.code(), Some(0));
    let second = Operator::start(&flags);
    second.logged("acts from now on").await;
    println!(
        "{RESOURCES} settled resources after a restart: {} KiB resident",
        second.resident()
    );
}
