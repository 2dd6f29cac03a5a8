//! [`Claims`]: which resources stand for the same run, and which of them acts (P8).

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use jiff::Timestamp;
use tokio::sync::{Mutex as AsyncMutex, mpsc};

use crate::{
    appconfig::{EndpointKey, Endpoints},
    decide::{Owner, memory::Pending, schedule::SETTLING_TIME},
    pass::resource::ObjectKey,
    run::RunKey,
};

/// How old a resource is, compared to others: creation time, then namespace, then name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Age {
    pub(super) created: Option<Timestamp>,
    pub(super) key: ObjectKey,
}

/// A run, as it is claimed: by the endpoint that was asked, since one that stands for several regions answers with the same
/// run in each.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct RunAtEndpoint {
    endpoint: EndpointKey,
    application_id: String,
    experiment_definition_id: String,
    run: i32,
}

/// All claims of this process. Its lock is held for moments only.
pub(super) struct Claims {
    endpoints: Endpoints,
    state: Mutex<State>,
    wake: mpsc::UnboundedSender<ObjectKey>,
}

#[derive(Default)]
struct State {
    runs: HashMap<RunAtEndpoint, Run>,
    claimed: HashMap<String, RunAtEndpoint>,
}

/// One run that somebody claims, or whose last update is not settled.
#[derive(Default)]
struct Run {
    /// By age, then uid: one that was deleted and its namesake can be of the same second.
    claimants: BTreeSet<(Age, String)>,
    unsettled: Option<(String, Pending)>,
    passes: Arc<AsyncMutex<()>>,
}

/// What comes of a claim.
pub(super) struct ClaimOutcome {
    /// Who acts for the run.
    pub(super) owner: Owner,
    /// An update of the run that another resource sent and that is not settled.
    pub(super) unsettled: Option<Pending>,
    /// Held during a pass: passes of one run are serial, whichever resource they are of.
    pub(super) passes: Arc<AsyncMutex<()>>,
}

impl Claims {
    /// No claims. Whoever has to look again because of another's claim is sent to `wake`.
    pub(super) fn new(endpoints: Endpoints, wake: mpsc::UnboundedSender<ObjectKey>) -> Self {
        Self {
            endpoints,
            state: Mutex::default(),
            wake,
        }
    }

    /// A resource was found to stand for a run. `now` is since the start of the process.
    pub(super) fn claim(&self, run: &RunKey, uid: &str, age: &Age, now: Duration) -> ClaimOutcome {
        let claimed = self.at_endpoint(run);
        let mut state = self.state();
        if state.claimed.get(uid).is_some_and(|before| *before != claimed) {
            self.remove(&mut state, uid);
        }
        state.claimed.insert(uid.to_owned(), claimed.clone());
        let run = state.runs.entry(claimed).or_default();
        let first = run.claimants.first().map(|(first, _)| first.clone());
        run.claimants.insert((age.clone(), uid.to_owned()));
        if let Some(displaced) = first.filter(|first| age < first) {
            self.wake(displaced.key);
        }
        let owner = match run.claimants.first() {
            Some((oldest, other)) if other != uid => {
                let neighbour = oldest.key.namespace == age.key.namespace;
                Owner::Other {
                    name: neighbour.then(|| oldest.key.name.clone()),
                }
            }
            _ => Owner::Itself,
        };
        run.unsettled
            .take_if(|(_, pending)| now.saturating_sub(pending.first_seen) > SETTLING_TIME.saturating_mul(2));
        let unsettled = run
            .unsettled
            .as_ref()
            .filter(|(by, _)| by != uid)
            .map(|(_, pending)| pending.clone());
        ClaimOutcome {
            owner,
            unsettled,
            passes: Arc::clone(&run.passes),
        }
    }

    /// What a pass over a run leaves behind: an update that is not settled, or none. Its resource may be gone by now.
    pub(super) fn leave(&self, key: &RunKey, uid: &str, pending: Option<&Pending>) {
        let key = self.at_endpoint(key);
        let mut state = self.state();
        let Some(run) = state.runs.get_mut(&key) else { return };
        let acts = run.claimants.first().is_some_and(|(_, first)| first == uid);
        match pending {
            Some(pending) => match &mut run.unsettled {
                // Whoever took it over may come to stand for another run, and then for this one again.
                Some((_, left)) if left.record.id == pending.record.id => *left = pending.clone(),
                unsettled => *unsettled = Some((uid.to_owned(), pending.clone())),
            },
            // One that only waits has not looked for another's update.
            None => drop(run.unsettled.take_if(|(by, _)| acts || by == uid)),
        }
        if run.claimants.is_empty() && run.unsettled.is_none() {
            state.runs.remove(&key);
        }
    }

    /// A resource is gone, or stands for another run: who waited for it looks again. Its unsettled update stays with the run.
    pub(super) fn release(&self, uid: &str) {
        let mut state = self.state();
        self.remove(&mut state, uid);
    }

    fn remove(&self, state: &mut State, uid: &str) {
        let Some(key) = state.claimed.remove(uid) else { return };
        let Some(run) = state.runs.get_mut(&key) else { return };
        let acted = run.claimants.first().is_some_and(|(_, first)| first == uid);
        run.claimants.retain(|(_, claimant)| claimant != uid);
        if let Some((next, _)) = run.claimants.first().filter(|_| acted) {
            self.wake(next.key.clone());
        }
        // A pass of it that is under way may yet leave an update unsettled, and no other may overtake it.
        let under_way = Arc::strong_count(&run.passes) > 1;
        if run.claimants.is_empty() && run.unsettled.is_none() && !under_way {
            state.runs.remove(&key);
        }
    }

    fn at_endpoint(&self, run: &RunKey) -> RunAtEndpoint {
        RunAtEndpoint {
            endpoint: self.endpoints.key(&run.region),
            application_id: run.application_id.clone(),
            experiment_definition_id: run.experiment_definition_id.clone(),
            run: run.run,
        }
    }

    fn wake(&self, key: ObjectKey) {
        // The loop that listens ends only with the process.
        let _ = self.wake.send(key);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;
    use crate::api::{Member, PendingUpdate};

    fn aws() -> Endpoints {
        Endpoints::parse(None, false, false, false).unwrap()
    }

    fn run() -> RunKey {
        RunKey {
            region: "eu-west-1".parse().unwrap(),
            application_id: "abc1234".to_owned(),
            experiment_definition_id: "bsxyd7k".to_owned(),
            run: 1,
        }
    }

    fn age(second: i64, name: &str) -> Age {
        let key = ObjectKey {
            namespace: "ns".to_owned(),
            name: name.to_owned(),
        };
        Age {
            created: Timestamp::from_second(second).ok(),
            key,
        }
    }

    #[test]
    fn p8_the_oldest_acts_and_its_end_wakes_the_next() {
        let (sender, mut woken) = mpsc::unbounded_channel();
        let claims = Claims::new(aws(), sender);
        let now = Duration::ZERO;
        assert_eq!(claims.claim(&run(), "b", &age(2, "b"), now).owner, Owner::Itself);
        assert_eq!(claims.claim(&run(), "a", &age(1, "a"), now).owner, Owner::Itself);
        assert_eq!(woken.try_recv().unwrap().name, "b");
        let other = Owner::Other {
            name: Some("a".to_owned()),
        };
        assert_eq!(claims.claim(&run(), "b", &age(2, "b"), now).owner, other);
        claims.release("a");
        assert_eq!(woken.try_recv().unwrap().name, "b");
        assert_eq!(claims.claim(&run(), "b", &age(2, "b"), now).owner, Owner::Itself);
        assert!(woken.try_recv().is_err());
    }

    #[test]
    fn p8_regions_have_runs_of_their_own_unless_one_endpoint_stands_for_them() {
        let elsewhere = RunKey {
            region: "us-east-1".parse().unwrap(),
            ..run()
        };
        let now = Duration::ZERO;
        let one = Endpoints::parse(Some("https://appconfig.example"), false, false, false).unwrap();
        for (endpoints, is_same) in [(aws(), false), (one, true)] {
            let claims = Claims::new(endpoints, mpsc::unbounded_channel().0);
            let older = claims.claim(&run(), "a", &age(1, "a"), now);
            let younger = claims.claim(&elsewhere, "b", &age(2, "b"), now);
            assert_eq!(younger.owner != Owner::Itself, is_same);
            assert_eq!(Arc::ptr_eq(&older.passes, &younger.passes), is_same);
        }
    }

    #[test]
    fn p8_a_namesake_of_the_same_second_takes_over_from_the_deleted_resource() {
        let (sender, mut woken) = mpsc::unbounded_channel();
        let claims = Claims::new(aws(), sender);
        let now = Duration::ZERO;
        let _ = claims.claim(&run(), "deleted", &age(1, "a"), now);
        let _ = claims.claim(&run(), "namesake", &age(1, "a"), now);
        // Its last pass was still under way.
        let _ = claims.claim(&run(), "deleted", &age(1, "a"), now);
        claims.release("deleted");
        assert_eq!(woken.try_recv().unwrap().name, "a");
        assert_eq!(claims.claim(&run(), "namesake", &age(1, "a"), now).owner, Owner::Itself);
    }

    #[test]
    fn p4_a_namesake_waits_for_the_pass_of_the_deleted_resource_and_has_its_unsettled_update() {
        let claims = Claims::new(aws(), mpsc::unbounded_channel().0);
        let now = Duration::ZERO;
        let passes = claims.claim(&run(), "deleted", &age(1, "a"), now).passes;
        let under_way = passes.try_lock_owned().unwrap();
        claims.release("deleted");
        let namesake = claims.claim(&run(), "namesake", &age(2, "a"), now);
        assert_eq!(namesake.owner, Owner::Itself);
        assert!(namesake.passes.try_lock_owned().is_err());
        let pending = pending(now);
        claims.leave(&run(), "deleted", Some(&pending));
        drop(under_way);
        let namesake = claims.claim(&run(), "namesake", &age(2, "a"), now);
        assert!(namesake.passes.try_lock_owned().is_ok());
        assert_eq!(namesake.unsettled, Some(pending));
    }

    #[test]
    fn p4_whoever_took_an_unsettled_update_over_has_it_again_after_standing_for_another_run() {
        let claims = Claims::new(aws(), mpsc::unbounded_channel().0);
        let now = Duration::ZERO;
        let pending = pending(now);
        let _ = claims.claim(&run(), "deleted", &age(1, "a"), now);
        claims.leave(&run(), "deleted", Some(&pending));
        claims.release("deleted");
        let taken_over = claims.claim(&run(), "heir", &age(2, "b"), now).unsettled;
        assert_eq!(taken_over, Some(pending.clone()));
        claims.leave(&run(), "heir", taken_over.as_ref());
        let another = RunKey { run: 2, ..run() };
        assert_eq!(claims.claim(&another, "heir", &age(2, "b"), now).unsettled, None);
        assert_eq!(claims.claim(&run(), "heir", &age(2, "b"), now).unsettled, Some(pending));
    }

    fn pending(now: Duration) -> Pending {
        let record = PendingUpdate {
            id: "sent".to_owned(),
            generation: 1,
            member: Member::ExposurePercentage,
            exposure_percentage: None,
            recorded_at: Time(Timestamp::UNIX_EPOCH),
        };
        Pending {
            record,
            first_seen: now,
        }
    }
}
