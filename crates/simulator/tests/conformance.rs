//! The golden cases of `conformance/`: a definition, an input, a script of what happens outside,
//! and the history that must come of it. See `conformance/README.md`.
//!
//! `UPDATE_EXPECT=1` rewrites the histories; read the difference before you keep it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use api::{Accounts, Api};
use engine::Timestamp;
use runtime::{Clock, Runtime, RuntimeConfig};
use serde_json::{Map, Value, json};
use stairwell_simulator::normal_text;
use store::{MemoryStore, Scope};
use uuid::Uuid;

const MACHINE: &str = "golden";
const EXECUTION: &str = "golden-execution";
const ARN_PREFIX: &str = "arn:aws:states:us-east-1:123456789012";
const BEGINNING: i64 = 1_700_000_000_000;
/// In the time of the case, which is not that of the clock.
const CASE_SECONDS_MAX: u64 = 200_000;

#[test]
fn every_case_has_the_history_that_it_must_have() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../conformance");
    let mut cases = Vec::new();
    find_cases(&root, &mut cases);
    cases.sort();
    assert!(cases.len() >= 40, "only {} cases", cases.len());
    let failed: Vec<String> = cases
        .iter()
        .filter_map(|folder| {
            let name = folder.strip_prefix(&root).unwrap_or(folder).display().to_string();
            check(folder).err().map(|error| format!("{name}: {error}"))
        })
        .collect();
    assert!(failed.is_empty(), "{} cases failed\n{}", failed.len(), failed.join("\n"));
}

fn find_cases(folder: &Path, cases: &mut Vec<PathBuf>) {
    if folder.join("definition.asl.json").is_file() {
        cases.push(folder.to_owned());
        return;
    }
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            find_cases(&entry.path(), cases);
        }
    }
}

fn check(folder: &Path) -> Result<(), String> {
    let case = Case::read(folder)?;
    let found = case.run()?;
    let path = folder.join("history.json");
    let text = serde_json::to_string_pretty(&found).map_err(|error| error.to_string())? + "\n";
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        return fs::write(&path, text).map_err(|error| error.to_string());
    }
    let expected = fs::read_to_string(&path).map_err(|error| error.to_string())?;
    let differs = expected.lines().zip(text.lines()).find(|(one, other)| one != other);
    match differs {
        Some((expected, found)) => Err(format!("\n  expected {expected}\n  found    {found}")),
        None if expected == text => Ok(()),
        None => Err("one history is longer".to_owned()),
    }
}

/// What a folder holds.
struct Case {
    definition: String,
    input: Option<String>,
    script: Value,
}

impl Case {
    fn read(folder: &Path) -> Result<Case, String> {
        let read = |name: &str| fs::read_to_string(folder.join(name)).ok();
        let script = read("script.json").unwrap_or("{}".to_owned());
        Ok(Case {
            definition: read("definition.asl.json").ok_or("no definition")?,
            input: read("input.json").map(|text| text.trim_end().to_owned()),
            script: serde_json::from_str(&script).map_err(|error| error.to_string())?,
        })
    }

    /// Runs it in time of its own.
    fn run(&self) -> Result<Value, String> {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let tokio = builder.enable_time().start_paused(true).build();
        tokio.map_err(|error| error.to_string())?.block_on(async {
            let mut config = RuntimeConfig::new(Clock::tokio(Timestamp(BEGINNING)), [1; 32]);
            let mocks = MockFile::write(&self.script)?;
            config.mock_config = mocks.as_ref().map(|file| file.path.clone());
            let runtime = Runtime::open(Arc::new(MemoryStore::new()), config);
            let api = Api::new(runtime, Accounts::default());
            let mut world = World { api, token: String::new() };
            world.prepare(self).await?;
            for step in self.script["steps"].as_array().into_iter().flatten() {
                world.step(step).await.map_err(|error| format!("{step}: {error}"))?;
            }
            world.end().await
        })
    }
}

/// A mock configuration file with the one test case of a script.
struct MockFile {
    path: PathBuf,
}

impl MockFile {
    fn write(script: &Value) -> Result<Option<MockFile>, String> {
        let Some(Value::Object(responses)) = script.get("mocks") else { return Ok(None) };
        let states: Map<String, Value> =
            responses.keys().map(|state| (state.clone(), json!(state))).collect();
        let file = json!({
            "StateMachines": {MACHINE: {"TestCases": {"golden": states}}},
            "MockedResponses": responses,
        });
        let path = std::env::temp_dir().join(format!("stairwell-golden-{}.json", Uuid::new_v4()));
        fs::write(&path, file.to_string()).map_err(|error| error.to_string())?;
        Ok(Some(MockFile { path }))
    }
}

impl Drop for MockFile {
    fn drop(&mut self) {
        // What is left in the folder for temporary files does no harm.
        let _ = fs::remove_file(&self.path);
    }
}

/// An API, and the last token that somebody got.
struct World {
    api: Api,
    token: String,
}

impl World {
    async fn call(&self, operation: &str, body: Value) -> Result<Value, String> {
        let scope = Scope { account: "123456789012".into(), region: "us-east-1".into() };
        let answer = self.api.call(operation, scope, body.to_string().as_bytes()).await;
        let answer = answer.map_err(|error| format!("{operation}: {error:?}"))?;
        serde_json::from_slice(&answer).map_err(|error| error.to_string())
    }

    /// Makes what the case needs, and starts it.
    async fn prepare(&self, case: &Case) -> Result<(), String> {
        for name in case.script["activities"].as_array().into_iter().flatten() {
            self.call("CreateActivity", json!({"name": name})).await?;
        }
        for (name, definition) in case.script["machines"].as_object().into_iter().flatten() {
            self.create(name, &definition.to_string()).await?;
        }
        self.create(MACHINE, &case.definition).await?;
        let test_case = case.script.get("mocks").map_or("", |_| "#golden");
        let mut start = json!({"name": EXECUTION,
            "stateMachineArn": format!("{ARN_PREFIX}:stateMachine:{MACHINE}{test_case}")});
        if let Some(input) = &case.input {
            start["input"] = json!(input);
        }
        self.call("StartExecution", start).await.map(drop)
    }

    async fn create(&self, name: &str, definition: &str) -> Result<(), String> {
        let body = json!({"name": name, "definition": definition,
            "roleArn": "arn:aws:iam::123456789012:role/golden"});
        self.call("CreateStateMachine", body).await.map(drop)
    }

    /// Does one thing of the script.
    async fn step(&mut self, step: &Value) -> Result<(), String> {
        if let Some(seconds) = step["wait"].as_u64() {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        } else if let Some(activity) = step["take"].as_str() {
            let mut body = json!({"activityArn": format!("{ARN_PREFIX}:activity:{activity}")});
            if let Some(worker) = step.get("worker") {
                body["workerName"] = worker.clone();
            }
            let task = self.call("GetActivityTask", body).await?;
            self.token = task["taskToken"].as_str().ok_or("there was no task")?.to_owned();
            self.answer(step).await?;
        } else if let Some(machine) = step["callback"].as_str() {
            let arn = self.newest(machine).await?;
            let described = self.call("DescribeExecution", json!({"executionArn": arn})).await?;
            let input = described["input"].as_str().unwrap_or_default();
            let input: Value = serde_json::from_str(input).map_err(|error| error.to_string())?;
            self.token = input["token"].as_str().ok_or("no token in the input")?.to_owned();
            self.answer(step).await?;
        } else if step.get("heartbeat").is_some() {
            self.call("SendTaskHeartbeat", json!({"taskToken": self.token})).await?;
        } else if let Some(whom) = step["stop"].as_str() {
            let arn = match whom {
                "parent" => format!("{ARN_PREFIX}:execution:{MACHINE}:{EXECUTION}"),
                child => self.newest(child).await?,
            };
            let mut body = json!({"executionArn": arn});
            copy(step, &mut body, &["error", "cause"]);
            self.call("StopExecution", body).await?;
        } else {
            return Err("nobody knows how to do that".to_owned());
        }
        Ok(())
    }

    /// Answers the last token as the step says, if it does.
    async fn answer(&self, step: &Value) -> Result<(), String> {
        if let Some(output) = step.get("success") {
            let body = json!({"taskToken": self.token, "output": output.to_string()});
            self.call("SendTaskSuccess", body).await?;
        }
        if let Some(failure) = step.get("failure") {
            let mut body = json!({"taskToken": self.token});
            copy(failure, &mut body, &["error", "cause"]);
            self.call("SendTaskFailure", body).await?;
        }
        Ok(())
    }

    /// The newest execution of a machine, as soon as there is one.
    async fn newest(&self, machine: &str) -> Result<String, String> {
        for _ in 0..100 {
            if let Some(newest) = self.executions(machine).await?.first() {
                return Ok(newest["executionArn"].as_str().unwrap_or_default().to_owned());
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Err(format!("no execution of {machine}"))
    }

    async fn executions(&self, machine: &str) -> Result<Vec<Value>, String> {
        let arn = format!("{ARN_PREFIX}:stateMachine:{machine}");
        let listed = self.call("ListExecutions", json!({"stateMachineArn": arn})).await?;
        Ok(listed["executions"].as_array().cloned().unwrap_or_default())
    }

    /// Waits for the end of everything, and tells what came of it.
    async fn end(&self) -> Result<Value, String> {
        let mut machines = self.call("ListStateMachines", json!({})).await?;
        let machines = match machines["stateMachines"].take() {
            Value::Array(machines) => machines,
            other => return Err(format!("machines are {other}")),
        };
        let arn = format!("{ARN_PREFIX}:execution:{MACHINE}:{EXECUTION}");
        let described = self.ended(&json!(arn)).await?;
        let mut children = Vec::new();
        for machine in machines.iter().filter(|machine| machine["name"] != MACHINE) {
            let name = machine["name"].as_str().unwrap_or_default();
            for execution in self.executions(name).await?.iter().rev() {
                children.push(self.ended(&execution["executionArn"]).await?);
            }
        }
        let body = json!({"executionArn": arn, "maxResults": 1000});
        let history = self.call("GetExecutionHistory", body).await?;
        let events = history["events"].as_array().ok_or("no events")?;
        let began = events.first().and_then(|event| event["timestamp"].as_f64()).unwrap_or(0.0);
        let events: Vec<Value> = events.iter().map(|event| normal_event(event, began)).collect();
        Ok(json!({"execution": described, "children": children, "events": events}))
    }

    /// What is told of an execution, once it has ended.
    async fn ended(&self, arn: &Value) -> Result<Value, String> {
        for _ in 0..CASE_SECONDS_MAX / 10 {
            let described = self.call("DescribeExecution", json!({"executionArn": arn})).await?;
            if described["status"] != "RUNNING" {
                let mut told = json!({});
                let members = ["name", "status", "input", "output", "error", "cause"];
                copy(&described, &mut told, &members);
                return Ok(normal(&told));
            }
            tokio::time::sleep(Duration::from_secs(10)).await;
        }
        Err(format!("{arn} does not end"))
    }
}

/// Copies the members that are there.
fn copy(from: &Value, to: &mut Value, names: &[&str]) {
    for name in names {
        if let Some(value) = from.get(name) {
            to[name] = value.clone();
        }
    }
}

/// An event with the seconds since the start in place of its instant.
fn normal_event(event: &Value, began: f64) -> Value {
    let mut event = normal(event);
    let seconds = event["timestamp"].as_f64().unwrap_or(0.0) - began;
    if let Some(members) = event.as_object_mut() {
        members.remove("timestamp");
        members.insert("at".to_owned(), json!((seconds * 1e3).round() / 1e3));
    }
    event
}

/// The value without what was drawn.
fn normal(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(normal_text(text)),
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), normal(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}
