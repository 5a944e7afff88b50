//! What a crash run asks of the server, and what it remembers of the answers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::json;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::shapes::{ACTIVITY, INPUT, Shape, arn, children, shapes};
use crate::client::Client;

/// Connections that start executions.
const STARTERS: usize = 8;
/// Workers of the activity.
const WORKERS: usize = 4;
/// How long everything may take to end once the faults have stopped.
const END_WITHIN: Duration = Duration::from_secs(120);

/// The executions that were asked for.
pub(crate) struct Load {
    /// How many are to be in flight.
    in_flight: usize,
    /// What is started.
    pub(crate) shapes: Vec<Shape>,
    ledger: Arc<Mutex<Ledger>>,
}

/// Which executions were asked for, by number. Number n has shape n modulo the number of shapes.
#[derive(Default)]
struct Ledger {
    /// How many were ever asked for.
    started: usize,
    /// Asked for, and perhaps there: to be asked for again.
    unanswered: BTreeSet<usize>,
    /// How many more to ask for in this round.
    wanted: usize,
    /// Starts that were answered otherwise than they may be.
    refused: Vec<String>,
    /// What workers did, by the tokens that they answered with, and whether the answer was taken.
    work: BTreeMap<String, Answered>,
}

/// What became of the answer of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// The server died before it said.
    Unknown,
    /// It was taken.
    Taken,
    /// It was too late.
    Refused,
}

impl Load {
    /// Nothing yet.
    pub(crate) fn new(in_flight: usize) -> Load {
        Load { in_flight, shapes: shapes(), ledger: Arc::default() }
    }

    /// How many executions were asked for.
    pub(crate) fn started(&self) -> usize {
        self.ledger().started
    }

    /// Starts that were refused.
    pub(crate) fn refused(&self) -> Vec<String> {
        self.ledger().refused.clone()
    }

    /// What workers did, by the tokens that they answered with.
    pub(crate) fn work(&self) -> BTreeMap<String, Answered> {
        self.ledger().work.clone()
    }

    /// The name of an execution.
    pub(crate) fn execution_name(number: usize) -> String {
        format!("n{number}")
    }

    /// The shape of an execution.
    pub(crate) fn shape(&self, number: usize) -> &Shape {
        &self.shapes[number % self.shapes.len()]
    }

    /// Loads the server until it dies, or for ever: to be given up by its caller. Says when there
    /// is enough in flight for a kill.
    pub(crate) async fn run(&self, address: SocketAddr, ready: &Notify) -> anyhow::Result<()> {
        let mut client = Client::new(address);
        self.create(&mut client).await?;
        let mut workers = JoinSet::new();
        self.spawn_workers(&mut workers, address);
        // Twice as many as are asked for, since they end all the time; a few in any case, so that
        // every kill meets starts.
        loop {
            let running = self.running(&mut client).await?;
            self.ledger().wanted = (self.in_flight * 2).saturating_sub(running).max(20);
            let mut starters = JoinSet::new();
            self.spawn_starters(&mut starters, address);
            while starters.join_next().await.is_some() {}
            ready.notify_one();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Repeats what was not answered, and waits until everything has ended.
    pub(crate) async fn finish(&self, address: SocketAddr) -> anyhow::Result<()> {
        let mut client = Client::new(address);
        self.create(&mut client).await?;
        self.ledger().wanted = 0;
        let mut workers = JoinSet::new();
        self.spawn_workers(&mut workers, address);
        let mut starters = JoinSet::new();
        self.spawn_starters(&mut starters, address);
        while starters.join_next().await.is_some() {}
        if !self.ledger().unanswered.is_empty() {
            bail!("the server failed although nothing disturbed it");
        }
        let began = Instant::now();
        loop {
            let running = self.running(&mut client).await?;
            if running == 0 {
                return Ok(());
            }
            if began.elapsed() > END_WITHIN {
                bail!("{running} executions have not ended {END_WITHIN:?} after the last fault");
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Makes the machines and the activity; harmless where they are there.
    async fn create(&self, client: &mut Client) -> anyhow::Result<()> {
        client.expect("CreateActivity", &json!({"name": ACTIVITY})).await?;
        for shape in children().iter().chain(&self.shapes) {
            let body = json!({
                "name": shape.name,
                "definition": shape.definition.to_string(),
                "roleArn": "arn:aws:iam::123456789012:role/crash",
            });
            let created = client.expect("CreateStateMachine", &body).await?;
            if created["stateMachineArn"] != arn("stateMachine", shape.name) {
                bail!("the server runs in another account or region: {created}");
            }
        }
        Ok(())
    }

    /// How many executions are open, children left out; at most a thousand of each shape.
    async fn running(&self, client: &mut Client) -> anyhow::Result<usize> {
        let mut running = 0;
        for shape in &self.shapes {
            let machine = arn("stateMachine", shape.name);
            let body =
                json!({"stateMachineArn": machine, "statusFilter": "RUNNING", "maxResults": 1000});
            let listed = client.expect("ListExecutions", &body).await?;
            running += listed["executions"].as_array().context("no executions")?.len();
        }
        Ok(running)
    }

    fn spawn_workers(&self, tasks: &mut JoinSet<()>, address: SocketAddr) {
        for _ in 0..WORKERS {
            let ledger = self.ledger.clone();
            tasks.spawn(async move {
                let mut client = Client::new(address);
                while work(&mut client, &ledger).await.is_ok() {}
            });
        }
    }

    fn spawn_starters(&self, tasks: &mut JoinSet<()>, address: SocketAddr) {
        for _ in 0..STARTERS {
            let names: Vec<&'static str> = self.shapes.iter().map(|shape| shape.name).collect();
            let ledger = self.ledger.clone();
            tasks.spawn(async move {
                let mut client = Client::new(address);
                while let Some(number) = Ledger::next(&ledger) {
                    let name = names[number % names.len()];
                    if start(&mut client, name, number, &ledger).await.is_err() {
                        return;
                    }
                }
            });
        }
    }

    fn ledger(&self) -> std::sync::MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("nobody panics while holding the ledger")
    }
}

impl Ledger {
    /// The next execution to start: first those of which nobody knows whether they are there.
    fn next(ledger: &Mutex<Ledger>) -> Option<usize> {
        let mut ledger = ledger.lock().expect("nobody panics while holding the ledger");
        if let Some(number) = ledger.unanswered.pop_first() {
            return Some(number);
        }
        ledger.wanted = ledger.wanted.checked_sub(1)?;
        ledger.started += 1;
        Some(ledger.started - 1)
    }
}

/// Puts an execution back where no answer came, also where the caller is given up meanwhile.
struct Unanswered<'a> {
    ledger: &'a Mutex<Ledger>,
    number: Option<usize>,
}

impl Drop for Unanswered<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let mut ledger = self.ledger.lock().expect("nobody panics while holding the ledger");
            ledger.unanswered.insert(number);
        }
    }
}

/// Starts an execution. A repeated start is answered as the first, or, when the execution has
/// ended, with an error that says that it is there.
async fn start(
    client: &mut Client,
    machine: &str,
    number: usize,
    ledger: &Mutex<Ledger>,
) -> anyhow::Result<()> {
    let mut unanswered = Unanswered { ledger, number: Some(number) };
    let body = json!({
        "stateMachineArn": arn("stateMachine", machine),
        "name": Load::execution_name(number),
        "input": INPUT,
    });
    let answer = client.call("StartExecution", &body.to_string()).await?;
    unanswered.number = None;
    let code = answer.error_code();
    if answer.status != 200 && code.as_deref() != Some("ExecutionAlreadyExists") {
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let mut ledger = ledger.lock().expect("nobody panics while holding the ledger");
        ledger.refused.push(format!("{machine} n{number}: {text}"));
    }
    Ok(())
}

/// Takes one task of the activity, and answers it with a token that nobody else has.
async fn work(client: &mut Client, ledger: &Mutex<Ledger>) -> anyhow::Result<()> {
    let body = json!({"activityArn": arn("activity", ACTIVITY), "workerName": "crash"});
    let task = client.expect("GetActivityTask", &body).await?;
    let Some(task_token) = task["taskToken"].as_str() else {
        return Ok(());
    };
    let token = {
        let work = &mut ledger.lock().expect("nobody panics while holding the ledger").work;
        let token = format!("work-{}", work.len());
        work.insert(token.clone(), Answered::Unknown);
        token
    };
    let output = json!({"worked": token}).to_string();
    let body = json!({"taskToken": task_token, "output": output});
    // A task that has timed out meanwhile is refused, and comes again.
    let answer = client.call("SendTaskSuccess", &body.to_string()).await?;
    let answered = if answer.status == 200 { Answered::Taken } else { Answered::Refused };
    ledger.lock().expect("nobody panics while holding the ledger").work.insert(token, answered);
    Ok(())
}
