//! What is asked of the server.

use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::{Value, json};
use tokio::task::LocalSet;

use super::Bench;
use super::report::{Key, Measure};
use crate::client::Client;
use crate::server::Server;

/// Connections of the busy workloads.
pub(super) const CLIENTS: usize = 32;

/// What a drive measured.
pub(super) struct Drive {
    /// Per second.
    pub(super) rate: f64,
    /// Of the server's processor time, for each.
    pub(super) cpu_milliseconds: f64,
    /// How long each took, as its client saw it.
    pub(super) times: Vec<Duration>,
}

/// Does the same over and over on so many connections.
pub(super) async fn drive<Work>(
    server: &Server,
    clients: usize,
    seconds: f64,
    work: Work,
) -> anyhow::Result<Drive>
where
    Work: AsyncFn(&mut Client) -> anyhow::Result<()> + 'static,
{
    let address = server.address;
    let mut warm = Client::new(address);
    for _ in 0..20 {
        work(&mut warm).await?;
    }
    let cpu = server.cpu_milliseconds()?;
    let began = Instant::now();
    let work = Rc::new(work);
    let tasks = LocalSet::new();
    let handles: Vec<_> = (0..clients)
        .map(|_| {
            let work = work.clone();
            tasks.spawn_local(async move {
                let mut client = Client::new(address);
                let mut times = Vec::new();
                while began.elapsed().as_secs_f64() < seconds {
                    let began = Instant::now();
                    work(&mut client).await?;
                    times.push(began.elapsed());
                }
                anyhow::Ok(times)
            })
        })
        .collect();
    tasks.await;
    let elapsed = began.elapsed().as_secs_f64();
    let cpu = server.cpu_milliseconds()? - cpu;
    let mut times = Vec::new();
    for handle in handles {
        times.extend(handle.await??);
    }
    let count = times.len() as f64;
    Ok(Drive { rate: count / elapsed, cpu_milliseconds: cpu / count, times })
}

/// The middle one, in milliseconds.
pub(super) fn median_milliseconds(times: &mut [Duration]) -> f64 {
    times.sort_unstable();
    times.get(times.len() / 2).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

/// An empty store: how long until the first answer, and how much memory is held when nothing
/// happens.
pub(super) async fn start_up(bench: &Bench) -> anyhow::Result<Vec<Measure>> {
    let began = Instant::now();
    let server = Server::start(&bench.binary, &bench.fresh_folder()?)?;
    Client::new(server.address).expect("ListStateMachines", &json!({})).await?;
    let start_up = began.elapsed();
    tokio::time::sleep(Duration::from_millis(500)).await;
    Ok(vec![
        Measure::new(Key::StartUp, start_up.as_secs_f64() * 1e3),
        Measure::new(Key::IdleMemory, server.resident_bytes()? as f64 / 1e6),
    ])
}

/// Ten Pass states, each with a small result.
pub(super) async fn chain(bench: &Bench) -> anyhow::Result<Vec<Measure>> {
    let mut states = serde_json::Map::new();
    for index in 0..10 {
        let mut state = json!({"Type": "Pass", "Result": {"step": index, "of": 10}});
        match index {
            9 => state["End"] = json!(true),
            _ => state["Next"] = json!(format!("S{}", index + 1)),
        }
        states.insert(format!("S{index}"), state);
    }
    let server = Server::start(&bench.binary, &bench.fresh_folder()?)?;
    let definition = json!({"StartAt": "S0", "States": states});
    let run = run_to_its_end(&create(&server, "bench-chain", &definition).await?);
    let many = drive(&server, CLIENTS, bench.seconds, run.clone()).await?;
    let memory = server.resident_bytes()? as f64 / 1e6;
    let mut one = drive(&server, 1, bench.seconds / 2.0, run).await?;
    Ok(vec![
        Measure::new(Key::ChainRate, many.rate),
        Measure::new(Key::ChainCpu, many.cpu_milliseconds),
        Measure::new(Key::ChainLatency, median_milliseconds(&mut one.times)),
        Measure::new(Key::BusyMemory, memory),
    ])
}

/// A parent that waits for a child of one Pass state.
pub(super) async fn nested(bench: &Bench) -> anyhow::Result<Vec<Measure>> {
    let server = Server::start(&bench.binary, &bench.fresh_folder()?)?;
    let pass = json!({"Type": "Pass", "End": true});
    let child = json!({"StartAt": "Only", "States": {"Only": pass}});
    let child = create(&server, "bench-child", &child).await?;
    let task = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Parameters": {"StateMachineArn": child, "Input": {"from": "parent"}},
        "End": true,
    });
    let parent = json!({"StartAt": "Ask", "States": {"Ask": task}});
    let run = run_to_its_end(&create(&server, "bench-parent", &parent).await?);
    let many = drive(&server, CLIENTS, bench.seconds, run.clone()).await?;
    let mut one = drive(&server, 1, bench.seconds / 2.0, run).await?;
    Ok(vec![
        Measure::new(Key::NestedRate, many.rate),
        Measure::new(Key::NestedCpu, many.cpu_milliseconds),
        Measure::new(Key::NestedLatency, median_milliseconds(&mut one.times)),
    ])
}

/// Makes a state machine, and returns its ARN.
async fn create(server: &Server, name: &str, definition: &Value) -> anyhow::Result<String> {
    let body = json!({
        "name": name,
        "definition": definition.to_string(),
        "roleArn": "arn:aws:iam::123456789012:role/bench",
    });
    let created = Client::new(server.address).expect("CreateStateMachine", &body).await?;
    Ok(created["stateMachineArn"].as_str().unwrap_or_default().to_owned())
}

/// Starts an execution of the machine, and asks for it until it is seen to have succeeded.
fn run_to_its_end(
    machine: &str,
) -> impl AsyncFn(&mut Client) -> anyhow::Result<()> + Clone + use<> {
    let start = json!({"stateMachineArn": machine, "input": r#"{"from":"bench"}"#}).to_string();
    async move |client: &mut Client| {
        let started = client.call("StartExecution", &start).await?;
        let text = String::from_utf8_lossy(&started.body);
        // Read by hand, since the load generator shares the machine with what it measures.
        let Some(arn) = text.split('"').find(|part| part.starts_with("arn:")) else {
            bail!("StartExecution was answered with {text}");
        };
        let describe = format!(r#"{{"executionArn":"{arn}"}}"#);
        loop {
            let described = client.call("DescribeExecution", &describe).await?;
            if contains(&described.body, br#""status":"SUCCEEDED""#) {
                return Ok(());
            }
            if !contains(&described.body, br#""status":"RUNNING""#) {
                bail!("an execution ended with {}", String::from_utf8_lossy(&described.body));
            }
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
