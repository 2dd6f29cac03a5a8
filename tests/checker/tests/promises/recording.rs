//! Makes histories: what a recorder would have written down of an operator that does as a test says.

use std::collections::BTreeMap;

use appconfig_emulator::RequestRecord;
use jiff::{SignedDuration, Timestamp};
use promise_checker::{ClockChange, Context, History, OtherChange, ProcessChange, ProcessEvent, Version};
use serde_json::{Value, json};

/// The resource that most stories are of.
pub const RUN: &str = "run";

/// A history in the making. Each step happens a little later than the one before it.
pub struct Recording {
    pub now: Timestamp,
    pub history: History,
    /// The run as `AppConfig` has it.
    pub live: Value,
    /// Which process sends requests, as its `User-Agent` says.
    pub process: &'static str,
    resources: BTreeMap<String, Value>,
    /// What the last good answer to each resource was.
    answers: BTreeMap<String, Value>,
    count: i64,
}

impl Recording {
    /// A process that has just been started, and a run at 5 %.
    pub fn new() -> Self {
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().expect("a time");
        let mut recording = Self {
            now,
            history: History {
                requests: vec![],
                versions: vec![],
                processes: vec![],
                context: Context::default(),
            },
            live: json!({
                "ApplicationId": "abc1234", "ExperimentDefinitionId": "bsxyd7k", "Run": 1, "Status": "RUNNING",
                "ExposurePercentage": 5.0, "StartedAt": "2026-11-24T11:00:00Z", "UpdatedAt": "2026-11-24T11:00:00.25Z",
                "ExperimentDefinitionSnapshot": {
                    "Name": "add-to-cart", "FlagKey": "cart",
                    "Control": { "Key": "c", "Weight": 50.0 }, "Treatments": [{ "Key": "t1", "Weight": 50.0 }]
                }
            }),
            process: "first",
            resources: BTreeMap::new(),
            answers: BTreeMap::new(),
            count: 0,
        };
        recording.process_is("operator-1", ProcessChange::Started);
        recording
    }

    /// The history up to now.
    pub fn finish(mut self) -> History {
        self.history.context.recorded_until = self.now;
        self.history
    }

    pub fn wait(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }

    fn next(&mut self) -> i64 {
        self.count += 1;
        self.now += SignedDuration::from_millis(100);
        self.count
    }

    pub fn process_is(&mut self, process: &str, what: ProcessChange) {
        self.next();
        let (at, process) = (self.now, process.to_owned());
        self.history.processes.push(ProcessEvent { at, process, what });
    }

    /// SIGKILL, and another process.
    pub fn restart(&mut self) {
        self.process_is("operator-1", ProcessChange::Killed);
        self.process_is("operator-1", ProcessChange::Exited { code: None });
        self.process_is("operator-2", ProcessChange::Started);
        self.process = "second";
    }

    /// `AppConfig`'s clock is put ahead of the host's.
    pub fn appconfig_is_ahead_by(&mut self, seconds: i64) {
        self.next();
        let (at, ahead) = (self.now, SignedDuration::from_secs(seconds));
        let changes = &mut self.history.context.clock_changes;
        changes.push(ClockChange { at, ahead });
    }

    /// Somebody changes the run.
    pub fn by_somebody(&mut self, change: &Value) {
        self.next();
        self.change_live(change);
        self.history.context.other_writers.push(OtherChange {
            at: self.now,
            application_id: "abc1234".to_owned(),
            experiment_definition_id: "bsxyd7k".to_owned(),
            run: 1,
            what: "changed the run".to_owned(),
        });
    }

    fn change_live(&mut self, change: &Value) {
        merge(&mut self.live, change);
        self.live["UpdatedAt"] = json!(self.now.to_string());
    }

    /// A user creates a resource, or changes its spec.
    pub fn ask(&mut self, name: &str, spec: &Value) {
        let number = self.next();
        let now = self.now.to_string();
        let resource = self.resources.entry(name.to_owned()).or_insert_with(|| {
            json!({
                "apiVersion": "experiments.appconfig.dev/v1alpha1", "kind": "ExperimentRun",
                "metadata": { "name": name, "namespace": "ns", "uid": format!("uid-{number}"), "creationTimestamp": now, "generation": 0 },
                "spec": { "applicationIdentifier": "shop", "experimentDefinitionIdentifier": "add-to-cart", "run": 1 },
                "status": { "observedGeneration": -1, "conditions": [condition("Ready", "Unknown", "Pending", 0)] }
            })
        });
        merge(&mut resource["spec"], spec);
        let generation = resource["metadata"]["generation"].as_i64().expect("a number");
        resource["metadata"]["generation"] = json!(generation + 1);
        self.version(name, "gitops", "");
    }

    /// A user deletes a resource.
    pub fn delete(&mut self, name: &str) {
        let number = self.next();
        let mut last = self.resources.remove(name).expect("it is there");
        last["metadata"]["resourceVersion"] = json!(number.to_string());
        self.push(&last, true);
    }

    /// The operator writes a status: merged into the one that is there.
    pub fn write(&mut self, name: &str, status: &Value) {
        self.next();
        merge(&mut self.resource(name)["status"], status);
        self.version(name, "operator", "status");
    }

    pub fn resource(&mut self, name: &str) -> &mut Value {
        self.resources.get_mut(name).expect("it is there")
    }

    fn version(&mut self, name: &str, manager: &str, subresource: &str) {
        let (number, now) = (self.count.to_string(), self.now.strftime("%FT%TZ").to_string());
        let metadata = &mut self.resource(name)["metadata"];
        metadata["resourceVersion"] = json!(number);
        metadata["managedFields"] = json!([
            { "manager": manager, "operation": "Update", "apiVersion": "v1", "time": now, "subresource": subresource }
        ]);
        let version = self.resource(name).clone();
        self.push(&version, false);
    }

    fn push(&mut self, version: &Value, deleted: bool) {
        let run = serde_json::from_value(version.clone()).expect("an ExperimentRun");
        let seen_at = self.now;
        self.history.versions.push(Version { seen_at, deleted, run });
    }

    /// Changes the version that was recorded last, as the history shows it.
    pub fn last_version(&mut self) -> &mut Version {
        self.history.versions.last_mut().expect("a version")
    }

    /// The request that arrived last.
    pub fn last_request(&mut self) -> &mut RequestRecord {
        self.history.requests.last_mut().expect("a request")
    }

    /// A read on behalf of a resource, with a good answer.
    pub fn read(&mut self, name: &str) {
        self.request(name, "GetExperimentRun", &Value::Null, None);
    }

    /// A read on behalf of a resource whose answer shows another state than the run's.
    pub fn read_shows(&mut self, name: &str, run: &Value) {
        self.read(name);
        let answer = &mut self.last_request().answer;
        merge(answer, run);
        let answer = answer.clone();
        self.answers.insert(name.to_owned(), answer);
    }

    /// A read of who ended the run.
    pub fn events(&mut self, name: &str) {
        self.request(name, "ListExperimentRunEvents", &Value::Null, None);
        self.last_request().answer = json!({ "Items": [] });
    }

    /// The operator goes on from the good answer before the last: the run as it is.
    pub fn forget_answer(&mut self, name: &str) {
        self.answers.insert(name.to_owned(), self.live.clone());
    }

    /// A read without an answer.
    pub fn read_fails(&mut self, name: &str) {
        let known = self.answers.get(name).cloned();
        self.read(name);
        self.last_request().answered_at = None;
        self.answers.extend(known.map(|known| (name.to_owned(), known)));
    }

    /// The fence: what is about to be sent is recorded under an ID, and Ready is no longer True.
    pub fn fence(&mut self, name: &str, id: &str, body: &Value) {
        let (member, value) = body.as_object().expect("an object").iter().next().expect("a member");
        let exposure = (member == "ExposurePercentage").then_some(value);
        let generation = self.generation(name);
        let pending = json!({
            "id": id, "generation": generation, "member": member, "exposurePercentage": exposure,
            "recordedAt": self.now.to_string()
        });
        let mut status = self.copy(name);
        merge(
            &mut status,
            &conditions("False", "Progressing", Some("Reconciling"), generation),
        );
        status["pendingUpdate"] = pending;
        self.write(name, &status);
    }

    /// The update, which is carried out and answered.
    pub fn update(&mut self, name: &str, id: &str, body: &Value) {
        self.next();
        let change: serde_json::Map<_, _> = body.as_object().expect("an object").clone();
        let change = change
            .into_iter()
            .filter(|(member, _)| member != "DeploymentParameters")
            .collect();
        self.change_live(&Value::Object(change));
        self.request(name, "UpdateExperimentRun", body, Some(id));
    }

    /// The same, and no answer arrives.
    pub fn update_unanswered(&mut self, name: &str, id: &str, body: &Value) {
        let known = self.answers.get(name).cloned();
        self.update(name, id, body);
        self.last_request().answered_at = None;
        self.answers.extend(known.map(|known| (name.to_owned(), known)));
    }

    /// The same, and it is refused.
    pub fn update_refused(&mut self, name: &str, id: &str, body: &Value) {
        let (live, known) = (self.live.clone(), self.answers.get(name).cloned());
        self.update(name, id, body);
        self.live = live;
        let request = self.last_request();
        (request.status, request.committed, request.changed) = (Some(400), false, false);
        request.code = Some("BadRequestException".to_owned());
        request.answer = json!({ "Message": "no" });
        self.answers.extend(known.map(|known| (name.to_owned(), known)));
    }

    fn request(&mut self, name: &str, operation: &str, body: &Value, id: Option<&str>) {
        let number = self.next();
        let is_update = id.is_some();
        let (application, definition) = if is_update {
            ("abc1234", "bsxyd7k")
        } else {
            ("shop", "add-to-cart")
        };
        let named = id.map_or_else(String::new, |id| format!(" update/{id}"));
        let process = self.process;
        let arrived_at = self.now.to_string();
        self.now += SignedDuration::from_millis(50);
        let committed_at = is_update.then(|| arrived_at.clone());
        let record = json!({
            "arrivedAt": arrived_at, "committedAt": committed_at, "answeredAt": self.now.to_string(), "operation": operation,
            "application": application, "definition": definition, "run": 1, "method": "GET", "path": "/", "body": body,
            "status": 200, "code": null, "answer": self.live, "committed": is_update, "changed": is_update,
            "accessKeyId": null, "region": "eu-west-1", "requestId": number.to_string(),
            "userAgent": format!("appconfig-experiment-operator/0.1.0 process/{process}{named}")
        });
        self.answers.insert(name.to_owned(), self.live.clone());
        self.history
            .requests
            .push(serde_json::from_value(record).expect("a record"));
    }

    fn generation(&mut self, name: &str) -> i64 {
        self.resource(name)["metadata"]["generation"]
            .as_i64()
            .expect("a number")
    }

    /// What a status copies of the last good answer.
    fn copy(&self, name: &str) -> Value {
        let Some(run) = self.answers.get(name) else {
            return json!({});
        };
        let overrides = run["TreatmentOverrides"]["Inline"]
            .as_object()
            .map_or(0, serde_json::Map::len);
        let snapshot = &run["ExperimentDefinitionSnapshot"];
        json!({
            "region": "eu-west-1", "applicationId": run["ApplicationId"], "experimentDefinitionId": run["ExperimentDefinitionId"],
            "status": run["Status"], "exposurePercentage": run["ExposurePercentage"], "description": run["Description"],
            "treatmentOverrideCount": overrides, "startedAt": run["StartedAt"], "updatedAt": seconds(&run["UpdatedAt"]),
            "endedAt": seconds(&run["EndedAt"]),
            "experimentDefinition": {
                "name": snapshot["Name"], "flagKey": snapshot["FlagKey"],
                "treatments": [{ "key": "c", "weight": 50.0 }, { "key": "t1", "weight": 50.0 }]
            }
        })
    }

    /// The operator records what the last good answer said, and a condition with its reason. Nothing is pending.
    pub fn record(&mut self, name: &str, ready: &str, reason: &str) {
        let generation = self.generation(name);
        let kind = match ready {
            "True" => None,
            "False" => Some("Stalled"),
            _ => Some("Reconciling"),
        };
        let mut status = self.copy(name);
        merge(&mut status, &conditions(ready, reason, kind, generation));
        status["pendingUpdate"] = Value::Null;
        self.write(name, &status);
    }

    /// The same while an update stays unsettled.
    pub fn record_unsettled(&mut self, name: &str, reason: &str) {
        let generation = self.generation(name);
        let mut status = self.copy(name);
        merge(
            &mut status,
            &conditions("Unknown", reason, Some("Reconciling"), generation),
        );
        self.write(name, &status);
    }

    /// The operator copies nothing of the last answer, and says that it is old.
    pub fn record_stale(&mut self, name: &str) {
        let generation = self.generation(name);
        self.write(name, &conditions("True", "StaleRead", Some("Reconciling"), generation));
    }

    /// A resource that asks for what the run is already, seen and Ready.
    pub fn adopt(&mut self, name: &str, spec: &Value) {
        self.ask(name, spec);
        self.read(name);
        self.record(name, "True", "InSync");
    }

    /// Fence, update and record: one member, as it should be.
    pub fn change(&mut self, name: &str, id: &str, body: &Value) {
        self.fence(name, id, body);
        self.update(name, id, body);
        self.record(name, "True", "InSync");
    }
}

/// An exposure as an update carries it.
pub fn exposure(percentage: f64) -> Value {
    json!({ "ExposurePercentage": percentage })
}

fn conditions(ready: &str, reason: &str, third: Option<&str>, generation: i64) -> Value {
    let mut conditions = vec![condition("Ready", ready, reason, generation)];
    conditions.extend(third.map(|kind| condition(kind, "True", reason, generation)));
    json!({ "observedGeneration": generation, "conditions": conditions })
}

fn condition(kind: &str, status: &str, reason: &str, generation: i64) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": "", "observedGeneration": generation,
        "lastTransitionTime": "2026-11-24T12:00:00Z"
    })
}

fn seconds(at: &Value) -> Value {
    let at: Option<Timestamp> = at.as_str().map(|at| at.parse().expect("a time"));
    at.map_or(Value::Null, |at| json!(at.strftime("%FT%TZ").to_string()))
}

/// Merges as RFC 7386 says.
fn merge(into: &mut Value, change: &Value) {
    let Some(change) = change.as_object() else {
        *into = change.clone();
        return;
    };
    if !into.is_object() {
        *into = json!({});
    }
    let Some(members) = into.as_object_mut() else { return };
    for (name, value) in change {
        if value.is_null() {
            members.remove(name);
        } else {
            merge(members.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}
