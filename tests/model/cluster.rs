//! What is around the operator: the API server, which keeps the resource, `AppConfig`, which keeps the runs, the people who
//! change both, and time.

use appconfig_experiment_operator::{api::ExperimentRunStatus, api::Exposure};

use crate::{
    bounds::{LATEST, LONG, REQUEST},
    kept::Kept,
    passes::{definition_id, new_status},
    state::{Asked, At, Object, Request, Shown, State, Work},
};

/// How many versions of the resource a watch may lag behind.
const BEHIND: usize = 2;

impl State {
    /// A user changes the spec.
    pub fn edit(&mut self, exposure: Exposure) {
        let newest = self.newest().clone();
        self.withdraw();
        self.ask(newest.uid, exposure);
        self.store(Object {
            generation: newest.generation + 1,
            exposure,
            ..newest
        });
    }

    /// A user deletes the resource and creates it anew, with the same spec.
    pub fn recreate(&mut self) {
        let newest = self.newest().clone();
        self.withdraw();
        self.ask(newest.uid + 1, newest.exposure);
        self.pinned = None;
        self.store(Object {
            uid: newest.uid + 1,
            generation: 1,
            status: new_status(),
            ..newest
        });
    }

    /// A status write. `versioned`: it is refused unless it rests on the newest object. Gives the object that it leads to;
    /// the same one where there is nothing to write; none when it is refused.
    pub fn write_status(
        &mut self,
        onto: &Object,
        status: &Kept<ExperimentRunStatus>,
        versioned: bool,
    ) -> Option<Object> {
        if onto.status == *status {
            return Some(onto.clone());
        }
        let newest = self.newest().clone();
        if newest.uid != onto.uid || (versioned && newest.version != onto.version) {
            return None;
        }
        if self.pinned.is_none() {
            let id = status.experiment_definition_id.as_ref();
            self.pinned = (0..self.runs.len()).find(|run| id == Some(&definition_id(*run)));
        }
        let status = status.clone();
        self.store(Object { status, ..newest });
        Some(self.newest().clone())
    }

    fn store(&mut self, object: Object) {
        let version = self.newest().version + 1;
        self.objects.push(Object { version, ..object });
        let surplus = self.objects.len().saturating_sub(BEHIND + 1);
        self.objects.drain(..surplus);
    }

    fn ask(&mut self, uid: u8, exposure: Exposure) {
        self.asked.push(Asked {
            uid,
            exposure,
            withdrawn: None,
        });
    }

    fn withdraw(&mut self) {
        for asked in &mut self.asked {
            asked.withdrawn = asked.withdrawn.or(Some(self.clock));
        }
    }

    /// What a read of the run that the spec names answers, now or from the version before.
    pub fn read(&self, stale: bool) -> Option<Shown> {
        let run = self.runs[self.named];
        let (exposure, updated) = if stale {
            run.before?
        } else {
            (run.exposure, run.updated)
        };
        Some(Shown {
            run: self.named,
            exposure,
            updated,
        })
    }

    /// `AppConfig` does an update, or refuses it.
    pub fn commit(&mut self, request: &Request) -> Option<Shown> {
        let run = &mut self.runs[request.run];
        if request.to <= run.exposure {
            return None;
        }
        run.before = Some((run.exposure, run.updated));
        (run.exposure, run.updated) = (request.to, self.clock);
        Some(Shown {
            run: request.run,
            exposure: request.to,
            updated: self.clock,
        })
    }

    /// Whether so much time may pass: nobody waits longer for a request than its bound, and none is done later than
    /// [`LATEST`]. Where time makes no difference, it need not pass.
    pub fn may_wait(&self, seconds: u16) -> bool {
        let then = self.clock + seconds;
        let pending = |work: &Work| work.memory().pending.is_some();
        let fenced = |work: &Work| matches!(work.at, At::Fenced(..));
        let mut works = self.replicas.iter().filter_map(|replica| replica.work.as_ref());
        let elections = self.replicas.iter().any(|replica| replica.candidate.is_some());
        let matters = if seconds >= LONG {
            works.any(pending)
        } else {
            elections || self.asked.len() > 1 || works.any(fenced)
        };
        if !matters {
            return false;
        }
        self.requests.iter().all(|request| then <= request.sent + LATEST)
            && self.replicas.iter().all(|replica| {
                let sent = match replica.work.as_ref().map(|work| &work.at) {
                    Some(At::Sent(_, request)) => Some(request.sent),
                    _ => None,
                };
                let writing = replica
                    .candidate
                    .as_ref()
                    .and_then(|candidate| candidate.writing.as_ref());
                let started = writing.map(|(_, started)| *started);
                sent.into_iter().chain(started).all(|since| then <= since + REQUEST)
            })
    }

    /// Time passes.
    pub fn wait(&mut self, seconds: u16) {
        self.clock += seconds;
        let clock = self.clock;
        // What was withdrawn longer ago than any send window is of no account any more.
        self.asked
            .retain(|asked| asked.withdrawn.is_none_or(|withdrawn| clock - withdrawn < 3));
        if seconds >= LONG {
            for run in &mut self.runs {
                run.before = None;
            }
        }
    }
}
