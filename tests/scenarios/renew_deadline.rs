//! Scenario 12, second half: the Lease can't be renewed, while all else goes on. The worst case: fences succeed, so that
//! nothing but the Lease stops the old leader.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use control_plane::proxy::{Effect, Proxy, Rule};
use harness::{HOLDING, Operator, Scene, proxy};
use jiff::Timestamp;

use crate::{
    fleet::{all_ready, wait_for_all},
    rolling_restart::{busy_replica, is_at, make_those_that_rise, raise_while},
};

/// How long a leader acts after the start of its last renewal.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// How long a request lives at most.
const REQUEST: Duration = Duration::from_secs(3);

/// When the last renewal came that succeeded.
fn last_renewal(proxy: &Proxy) -> Option<Timestamp> {
    let requests = proxy.requests();
    let renewal = requests
        .iter()
        .rfind(|it| it.verb == "update" && it.resource == "leases" && it.status == Some(200));
    Some(Timestamp::now() - renewal?.at.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn s12_a_leader_that_cannot_renew_has_stopped_acting_before_its_lease_runs_out() {
    let (scene, proxy) = (Scene::with_lease().await, proxy());
    make_those_that_rise(&scene).await;
    let mut first = Operator::start(&busy_replica(&scene).through(&proxy));
    first.logged(HOLDING).await;
    let second = Operator::start(&busy_replica(&scene));
    all_ready(&scene).await;
    scene
        .eventually("renewed", async || last_renewal(&proxy).is_some())
        .await;
    let of_first = scene.updates()[0].user_agent.clone().unwrap();
    let process = |agent: &str| agent.split_whitespace().nth(1).map(str::to_owned);

    let going_on = AtomicBool::new(true);
    let replaced = async {
        proxy.add(Rule::new("*", "leases", Effect::Hang));
        let code = first.ended().await.code();
        second.logged(HOLDING).await;
        let so_far = scene.updates().len();
        scene
            .eventually("gone on with", async || scene.updates().len() > so_far)
            .await;
        going_on.store(false, Ordering::Relaxed);
        code
    };
    let (hundredths, code) = tokio::join!(raise_while(&scene, &going_on), replaced);
    assert_eq!(code, Some(3), "{}", first.log());
    wait_for_all(&scene, "at the last exposure", is_at(hundredths)).await;

    let renewed = last_renewal(&proxy).unwrap();
    let updates = scene.updates();
    let (before, after): (Vec<_>, Vec<_>) = updates
        .iter()
        .partition(|update| process(update.user_agent.as_deref().unwrap()) == process(&of_first));
    let last = before.iter().map(|update| update.arrived_at).max().unwrap();
    let taken_over = after.iter().map(|update| update.arrived_at).min().unwrap();
    let acted = last.duration_since(renewed);
    println!(
        "s12: the last update arrived {acted:#} after the last renewal, the next leader's {:#}",
        taken_over.duration_since(renewed)
    );
    assert!(
        acted > Duration::from_secs(2).try_into().unwrap(),
        "it goes on for as long as it may: {acted:#}"
    );
    assert!(last <= renewed + RENEW_DEADLINE + REQUEST, "{acted:#}");
    assert!(taken_over > last, "both acted at one time");
    scene.judge();
}
