//! The load generator: the same request over and over, on so many connections.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::{Value, json};
use tokio::task::LocalSet;

use crate::client::Client;
use crate::server::Server;

/// Connections of the busy workloads.
pub(super) const CLIENTS: usize = 32;
/// Requests before the measured ones.
const WARM_UPS: usize = 20;

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
    let mut warm = Client::new(server.address);
    for _ in 0..WARM_UPS {
        work(&mut warm).await?;
    }
    let cpu = server.cpu_milliseconds()?;
    let began = Instant::now();
    let goes_on = move || began.elapsed().as_secs_f64() < seconds;
    let times = on_connections(server, clients, goes_on, work).await?;
    let elapsed = began.elapsed().as_secs_f64();
    let cpu = server.cpu_milliseconds()? - cpu;
    let count = times.len() as f64;
    Ok(Drive { rate: count / elapsed, cpu_milliseconds: cpu / count, times })
}

/// Does the same so often, and returns how often in a second.
pub(super) async fn drive_count<Work>(
    server: &Server,
    clients: usize,
    count: usize,
    work: Work,
) -> anyhow::Result<f64>
where
    Work: AsyncFn(&mut Client) -> anyhow::Result<()> + 'static,
{
    let began = Instant::now();
    let left = Cell::new(count);
    let goes_on = move || {
        let now = left.get();
        left.set(now.saturating_sub(1));
        now > 0
    };
    let times = on_connections(server, clients, goes_on, work).await?;
    Ok(times.len() as f64 / began.elapsed().as_secs_f64())
}

/// Does the same at a rate, whatever the server answers and when, and returns how long each took
/// from the moment at which it was due.
pub(super) async fn paced<Work>(
    server: &Server,
    rate: f64,
    seconds: f64,
    work: Work,
) -> anyhow::Result<Vec<Duration>>
where
    Work: AsyncFn(&mut Client) -> anyhow::Result<()> + 'static,
{
    let began = Instant::now();
    let count = Cell::new(0_u32);
    let late = Rc::new(RefCell::new(Vec::new()));
    let lateness = late.clone();
    let goes_on = move || began.elapsed().as_secs_f64() < seconds;
    on_connections(server, CLIENTS, goes_on, async move |client: &mut Client| {
        let number = count.get();
        count.set(number + 1);
        let due = began + Duration::from_secs_f64(f64::from(number) / rate);
        tokio::time::sleep_until(due.into()).await;
        work(client).await?;
        lateness.borrow_mut().push(due.elapsed());
        Ok(())
    })
    .await?;
    Ok(late.take())
}

/// Does the same on so many connections for as long as it goes on, and returns how long each took.
async fn on_connections<Work>(
    server: &Server,
    clients: usize,
    goes_on: impl Fn() -> bool + 'static,
    work: Work,
) -> anyhow::Result<Vec<Duration>>
where
    Work: AsyncFn(&mut Client) -> anyhow::Result<()> + 'static,
{
    let address = server.address;
    let shared = Rc::new((goes_on, work));
    let tasks = LocalSet::new();
    let handles: Vec<_> = (0..clients)
        .map(|_| {
            let shared = shared.clone();
            tasks.spawn_local(async move {
                let (goes_on, work) = &*shared;
                let mut client = Client::new(address);
                let mut times = Vec::new();
                while goes_on() {
                    let began = Instant::now();
                    work(&mut client).await?;
                    times.push(began.elapsed());
                }
                anyhow::Ok(times)
            })
        })
        .collect();
    tasks.await;
    let mut times = Vec::new();
    for handle in handles {
        times.extend(handle.await??);
    }
    Ok(times)
}

/// The middle one, in milliseconds.
pub(super) fn median_milliseconds(times: &mut [Duration]) -> f64 {
    percentile_milliseconds(times, 0.5)
}

/// The one that this share of them does not exceed, in milliseconds.
pub(super) fn percentile_milliseconds(times: &mut [Duration], share: f64) -> f64 {
    times.sort_unstable();
    let index = (times.len() as f64 * share) as usize;
    times.get(index).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

/// Makes a state machine, and returns its ARN.
pub(super) async fn create(
    server: &Server,
    name: &str,
    express: bool,
    definition: &Value,
) -> anyhow::Result<String> {
    let body = json!({
        "name": name,
        "type": if express { "EXPRESS" } else { "STANDARD" },
        "definition": definition.to_string(),
        "roleArn": "arn:aws:iam::123456789012:role/bench",
    });
    let created = Client::new(server.address).expect("CreateStateMachine", &body).await?;
    Ok(created["stateMachineArn"].as_str().unwrap_or_default().to_owned())
}

/// Starts an execution of the machine, and asks for it until it is seen to have succeeded, with a
/// pause between two questions.
pub(super) fn run_to_its_end(
    machine: &str,
    pause: Duration,
) -> impl AsyncFn(&mut Client) -> anyhow::Result<()> + Clone + use<> {
    let start = json!({"stateMachineArn": machine, "input": r#"{"from":"bench"}"#}).to_string();
    run_until_seen(move || start.clone(), pause)
}

/// The same for a server that gives executions no names of its own.
pub(super) fn run_named_to_its_end(
    machine: &str,
    pause: Duration,
) -> impl AsyncFn(&mut Client) -> anyhow::Result<()> + Clone + use<> {
    let machine = machine.to_owned();
    let count = Rc::new(Cell::new(0));
    let start = move || {
        count.set(count.get() + 1);
        let name = format!("bench-{}", count.get());
        json!({"stateMachineArn": machine, "input": r#"{"from":"bench"}"#, "name": name})
            .to_string()
    };
    run_until_seen(start, pause)
}

fn run_until_seen<Start>(
    start: Start,
    pause: Duration,
) -> impl AsyncFn(&mut Client) -> anyhow::Result<()> + Clone + use<Start>
where
    Start: Fn() -> String + Clone,
{
    async move |client: &mut Client| {
        let started = client.call("StartExecution", &start()).await?;
        let text = String::from_utf8_lossy(&started.body);
        // Read by hand, since the load generator shares the machine with what it measures.
        let Some(arn) = text.split('"').find(|part| part.starts_with("arn:")) else {
            bail!("StartExecution was answered with {text}");
        };
        let describe = format!(r#"{{"executionArn":"{arn}"}}"#);
        loop {
            let described = client.call("DescribeExecution", &describe).await?;
            if contains(&described.body, br#""SUCCEEDED""#) {
                return Ok(());
            }
            if !contains(&described.body, br#""RUNNING""#) {
                bail!("an execution ended with {}", String::from_utf8_lossy(&described.body));
            }
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
    }
}

/// Runs an Express execution of the machine, in one request.
pub(super) fn run_synchronously(
    machine: &str,
) -> impl AsyncFn(&mut Client) -> anyhow::Result<()> + Clone + use<> {
    let start = json!({"stateMachineArn": machine, "input": r#"{"from":"bench"}"#}).to_string();
    async move |client: &mut Client| {
        let answer = client.call("StartSyncExecution", &start).await?;
        if !contains(&answer.body, br#""SUCCEEDED""#) {
            bail!("an execution ended with {}", String::from_utf8_lossy(&answer.body));
        }
        Ok(())
    }
}

/// Posts an empty object to a path, and takes any success.
pub(super) fn post(
    path: &'static str,
) -> impl AsyncFn(&mut Client) -> anyhow::Result<()> + Clone + use<> {
    async move |client: &mut Client| {
        let answer = client.post(path, "{}").await?;
        if answer.status != 200 {
            bail!("{path} was answered with {}", String::from_utf8_lossy(&answer.body));
        }
        Ok(())
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
