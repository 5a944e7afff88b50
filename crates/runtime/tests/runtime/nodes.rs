//! Several nodes on one store: each with a runtime of its own, all in one paused time.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use asl::WorkflowType;
use async_trait::async_trait;
use parking_lot::Mutex;
use stairwell_runtime::{
    Clock, Configurations, ExecutionError, ExecutionsOf, ExpressHistory, GetExecutionHistory,
    ListExecutions, Network, NetworkError, NetworkHandle, OperationalError, RedriveExecution,
    Runtime, RuntimeConfig, StopExecution, UpdateStateMachine,
};
use store::cluster::{Answer, BEAT, Node, Question};
use store::encoding::{decode_answer, encode_question};
use store::{FaultyStore, MemoryCluster, MemoryNode, Store};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::map_runs::distributed;
use crate::restarts::nested;
use crate::world::{BEGIN, World, execution_arn, scope, sleep};

const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
const WAIT: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":10,"End":true}}}"#;
const FAIL: &str = r#"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"Broken"}}}"#;

/// A node: its process can be stopped and continued.
struct Process {
    world: World,
    store: Arc<FaultyStore>,
    handle: Arc<MemoryNode>,
    beats: JoinHandle<()>,
}

/// What connects the nodes.
#[derive(Default)]
struct Wires {
    runtimes: Mutex<BTreeMap<Arc<str>, Runtime>>,
    /// The addresses that nothing reaches.
    cut: Mutex<BTreeSet<String>>,
}

#[async_trait]
impl Network for Wires {
    async fn ask(&self, node: &Node, frame: Vec<u8>) -> Result<Vec<u8>, NetworkError> {
        let runtime = self.runtimes.lock().get(&node.address).cloned();
        match runtime.filter(|_| !self.cut.lock().contains(&*node.address)) {
            Some(runtime) => Ok(runtime.answer_node(&frame).await),
            None => Err(NetworkError::NotSent),
        }
    }
}

struct Cluster {
    nodes: Vec<Process>,
    wires: Arc<Wires>,
}

impl Cluster {
    fn open(numbers: Range<u8>) -> Cluster {
        let (store, wires, began) = (MemoryCluster::new(), Arc::<Wires>::default(), Instant::now());
        let open = |number: u8| {
            let address = format!("host-{number}");
            let handle = store.open(&address, Box::new(move || began.elapsed()));
            let faulty = Arc::new(FaultyStore::sound(handle.clone()));
            let mut config = RuntimeConfig::new(Clock::tokio(BEGIN), [number; 32]);
            config.network = Some(NetworkHandle(wires.clone()));
            config.express_history = Some(ExpressHistory {
                age_max: Duration::from_secs(600),
                executions_max: 100,
                bytes_max: 1_000_000,
            });
            let runtime = Runtime::open(faulty.clone(), config);
            wires.runtimes.lock().insert(address.into(), runtime.clone());
            let world = World { runtime, scope: scope("111111111111", "us-east-1") };
            let beats = tokio::spawn(beats(handle.clone(), faulty.clone()));
            Process { world, store: faulty, handle, beats }
        };
        Cluster { nodes: numbers.map(open).collect(), wires }
    }
}

async fn beats(handle: Arc<MemoryNode>, store: Arc<FaultyStore>) {
    loop {
        tokio::time::sleep(BEAT).await;
        // A process that stands still does not beat.
        store.goes_on().await;
        handle.beat();
    }
}

impl Process {
    /// Stops the process, or lets it go on.
    fn stand_still(&self, stands_still: bool) {
        self.store.stand_still(stands_still);
    }
}

fn in_nodes<T>(count: u8, test: impl AsyncFnOnce(Cluster) -> T) -> T {
    let tokio = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    tokio.block_on(async { test(Cluster::open(1..count + 1)).await })
}

impl World {
    async fn try_stop(&self, arn: &str) -> Result<engine::Timestamp, ExecutionError> {
        let request = StopExecution { execution_arn: arn, error: Some("Stopped"), cause: None };
        self.runtime.stop_execution(&self.scope, request).await
    }

    async fn try_redrive(&self, arn: &str) -> Result<engine::Timestamp, ExecutionError> {
        let request = RedriveExecution { execution_arn: arn, client_token: None };
        self.runtime.redrive_execution(&self.scope, request).await
    }
}

#[test]
fn every_node_stops_and_redrives_every_execution() {
    in_nodes(2, async |cluster: Cluster| {
        let [one, other] = [&cluster.nodes[0].world, &cluster.nodes[1].world];
        let machine = one.machine("m", WAIT).await;
        let arn = one.start(&machine, "e", "{}").await.unwrap();
        sleep(1).await;
        let stopped = other.try_stop(&arn).await.unwrap();
        assert_eq!(one.describe(&arn).await.header.stop, Some(stopped));
        assert_eq!(one.try_stop(&arn).await, Ok(stopped), "that of its end");
        assert_eq!(other.try_stop(&arn).await, Ok(stopped), "that of its end");
        let redriven = other.try_redrive(&arn).await.unwrap();
        assert_eq!(one.describe(&arn).await.header.redrive_date, Some(redriven));
        let why = "Execution is RUNNING and cannot be redriven";
        assert_eq!(other.try_redrive(&arn).await, Err(ExecutionError::NotRedrivable(why)));
        assert!(other.end(&arn).await.starts_with("SUCCEEDED"));
    });
}

#[test]
fn a_start_goes_on_where_the_node_is_not_sure_of_its_homes() {
    // More states than are run at a time.
    let long = r#"{"QueryLanguage":"JSONata","StartAt":"Count","States":{
        "Count":{"Type":"Pass","Output":"{% {'n': $states.input.n + 1} %}","Next":"Enough"},
        "Enough":{"Type":"Choice","Default":"Count",
            "Choices":[{"Condition":"{% $states.input.n >= 3000 %}","Next":"Done"}]},
        "Done":{"Type":"Succeed"}}}"#;
    let pass = r#""S":{"Type":"Pass","End":true}"#;
    let map_run = distributed("STANDARD", pass, r#","ItemsPath":"$.items""#);
    let nested = nested(".sync:2", "passes", "");
    for (definition, end) in
        [(long, r#"SUCCEEDED {"n":3000}"#), (&map_run, "SUCCEEDED [1,2]"), (&nested, "SUCCEEDED {")]
    {
        in_nodes(1, async |cluster: Cluster| {
            let node = &cluster.nodes[0];
            node.world.machine("passes", PASS).await;
            let machine = node.world.machine("m", definition).await;
            node.beats.abort();
            sleep(10).await;
            let arn = node.world.start(&machine, "e", r#"{"n":0,"items":[1,2]}"#).await.unwrap();
            let ended = node.world.end(&arn).await;
            assert!(ended.starts_with(end), "{ended}");
        });
    }
}

#[test]
fn a_worker_reports_to_any_node() {
    in_nodes(2, async |cluster: Cluster| {
        let [one, other] = [&cluster.nodes[0].world, &cluster.nodes[1].world];
        let activity = one.activity("a").await;
        let machine = one.machine("m", &activity_machine(&activity, 0)).await;
        for succeeds in [true, false] {
            let name = format!("e-{succeeds}");
            let arn = one.start(&machine, &name, "{}").await.unwrap();
            let task = one.poll(&activity).await.expect("there is a task");
            let token = &*task.token.0;
            other.heartbeat(token).await.unwrap();
            let (reported, end) = match succeeds {
                true => (other.succeed(token, r#"{"a":1}"#).await, r#"SUCCEEDED {"a":1}"#),
                false => (other.fail(token, "Wrong", "by hand").await, "FAILED Wrong"),
            };
            reported.unwrap();
            let ended = one.end(&arn).await;
            assert!(ended.starts_with(end), "{ended}");
            let again = other.succeed(token, "{}").await;
            assert_eq!(again, Err(stairwell_runtime::TaskError::TaskTimedOut));
        }
    });
}

#[test]
fn a_worker_gets_the_tasks_of_every_node() {
    in_nodes(3, async |cluster: Cluster| {
        let worlds: Vec<&World> = cluster.nodes.iter().map(|node| &node.world).collect();
        let activity = worlds[0].activity("a").await;
        let machine = worlds[0].machine("m", &activity_machine(&activity, 0)).await;
        sleep(1).await;
        // Before a worker is there, and after; every task comes to it in a second or so.
        for waits in [true, false] {
            let mut arns = Vec::new();
            let start = async |arns: &mut Vec<String>| {
                for (number, world) in worlds.iter().enumerate() {
                    let name = format!("{waits}-{number}");
                    arns.push(world.start(&machine, &name, "{}").await.unwrap());
                }
            };
            if !waits {
                start(&mut arns).await;
            }
            let began = Instant::now();
            let poll = async || worlds[1].poll(&activity).await.expect("there is a task");
            let mut tasks = Vec::new();
            if waits {
                let (first, ()) = tokio::join!(poll(), async {
                    sleep(3).await;
                    start(&mut arns).await;
                });
                tasks.push(first);
            }
            while tasks.len() < worlds.len() {
                tasks.push(poll().await);
            }
            assert!(began.elapsed().as_secs() < 8, "{:?}", began.elapsed());
            let tokens: BTreeSet<_> = tasks.iter().map(|task| task.token.0.clone()).collect();
            assert_eq!(tokens.len(), worlds.len(), "each task once");
            for token in tokens {
                worlds[2].succeed(&token, "{}").await.unwrap();
            }
            for arn in &arns {
                assert!(worlds[0].end(arn).await.starts_with("SUCCEEDED"));
            }
        }
    });
}

#[test]
fn a_task_whose_worker_is_cut_off_is_given_to_another() {
    in_nodes(2, async |cluster: Cluster| {
        let one = &cluster.nodes[0];
        let activity = one.world.activity("a").await;
        let machine = one.world.machine("m", &activity_machine(&activity, 0)).await;
        let arn = one.world.start(&machine, "e", "{}").await.unwrap();
        sleep(1).await;
        // The node of a worker asks for it, and is not heard of again.
        let question = Question::Poll { activity_arn: activity.as_str().into() };
        let answer = one.world.runtime.answer_node(&encode_question(&question)).await;
        assert!(matches!(decode_answer(&answer), Ok(Answer::Offered { .. })));
        let began = Instant::now();
        let task = one.world.poll(&activity).await.expect("it comes back");
        assert_eq!(began.elapsed().as_secs(), 5);
        one.world.succeed(&task.token.0, "{}").await.unwrap();
        assert!(one.world.end(&arn).await.starts_with("SUCCEEDED"));
    });
}

fn activity_machine(activity: &str, attempts: u8) -> String {
    format!(
        r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","Resource":"{activity}",
            "TimeoutSeconds":60,"End":true,
            "Retry":[{{"ErrorEquals":["States.ALL"],"IntervalSeconds":1,"MaxAttempts":{attempts}}}]}}}}}}"#
    )
}

/// Waits until the node drives the execution.
async fn until_here(process: &Process, id: engine::ExecutionId) {
    for _ in 0..100 {
        if matches!(process.store.locate(id).await, Ok(store::cluster::Place::Here)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nobody took it over");
}

#[test]
fn what_a_node_leaves_goes_on_elsewhere() {
    in_nodes(3, async |cluster: Cluster| {
        let [first, .., last] = &cluster.nodes[..] else { unreachable!("there are three") };
        let child = first.world.machine("child", WAIT).await;
        let definition = format!(
            r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","End":true,
                "Resource":"arn:aws:states:::states:startExecution.sync:2",
                "Parameters":{{"StateMachineArn":"{child}","Input":{{"a":1}}}}}}}}}}"#
        );
        let machine = first.world.machine("parent", &definition).await;
        let mut arns = Vec::new();
        for number in 0..20 {
            arns.push(first.world.start(&machine, &number.to_string(), "{}").await.unwrap());
        }
        sleep(1).await;
        first.stand_still(true);
        for arn in &arns {
            let end = last.world.end(arn).await;
            assert!(end.starts_with("SUCCEEDED"), "{end}");
        }
        let began = BEGIN.plus_seconds(10);
        let stops = arns.iter().map(async |arn| last.world.describe(arn).await.header.stop);
        for stop in stops {
            let late = stop.await.unwrap().0 - began.0;
            assert!((0..1_000).contains(&late), "timers fire in time: {late} ms late");
        }
    });
}

#[test]
fn a_node_that_wakes_too_late_changes_nothing() {
    in_nodes(2, async |cluster: Cluster| {
        let [first, second] = &cluster.nodes[..] else { unreachable!("there are two") };
        let activity = first.world.activity("a").await;
        let machine = first.world.machine("m", &activity_machine(&activity, 1)).await;
        let arn = first.world.start(&machine, "e", "{}").await.unwrap();
        let old = first.world.poll(&activity).await.expect("there is a task");
        let number = first.handle.number();
        let id = first.world.describe(&arn).await.header.id;
        first.stand_still(true);
        until_here(second, id).await;
        // The second node goes on: the task fails, and is tried again with another token.
        second.world.fail(&old.token.0, "Wrong", "by hand").await.unwrap();
        sleep(2).await;
        let new = second.world.poll(&activity).await.expect("it is tried again");
        assert_ne!(new.token, old.token);
        first.stand_still(false);
        // What is in the memory of the first one is of the past: it knows nothing of the token.
        assert_eq!(first.world.heartbeat(&new.token.0).await, Ok(()));
        first.world.succeed(&new.token.0, "{}").await.unwrap();
        assert!(second.world.end(&arn).await.starts_with("SUCCEEDED"));
        sleep(2).await;
        assert_ne!(first.handle.number(), number, "it has joined anew");
        let machine = first.world.machine("pass", PASS).await;
        assert!(first.world.run(&machine, "p", "{}").await.starts_with("SUCCEEDED"));
    });
}

#[test]
fn a_task_awaits_an_execution_that_another_node_drives() {
    in_nodes(3, async |cluster: Cluster| {
        let [one, other, third] = &cluster.nodes[..] else { unreachable!("there are three") };
        let child = one.world.machine("child", WAIT).await;
        one.world.start(&child, "c", "{}").await.unwrap();
        let definition = format!(
            r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","End":true,
                "Resource":"arn:aws:states:::states:startExecution.sync",
                "Parameters":{{"StateMachineArn":"{child}","Name":"c","Input":{{}}}}}}}}}}"#
        );
        let machine = other.world.machine("parent", &definition).await;
        let parent = other.world.start(&machine, "p", "{}").await.unwrap();
        // The node that drives the child is another one by its end.
        sleep(1).await;
        one.stand_still(true);
        let end = third.world.end(&parent).await;
        assert!(end.starts_with("SUCCEEDED"), "{end}");
        let ends = [execution_arn("child", "c"), parent];
        let stops = [third.world.describe(&ends[0]).await, third.world.describe(&ends[1]).await];
        let [child, parent] = stops.map(|description| description.header.stop.unwrap().0);
        assert!((0..100).contains(&(parent - child)), "told at once: {}", parent - child);
    });
}

#[test]
fn what_cannot_cross_is_refused_in_two_seconds() {
    in_nodes(2, async |cluster: Cluster| {
        let [one, other] = [&cluster.nodes[0].world, &cluster.nodes[1].world];
        let machine = one.machine("m", WAIT).await;
        let arn = one.start(&machine, "e", "{}").await.unwrap();
        cluster.wires.cut.lock().insert("host-1".to_owned());
        let began = Instant::now();
        let refused = other.try_stop(&arn).await;
        let is_passing = matches!(
            &refused,
            Err(ExecutionError::Operational(OperationalError::Store(error))) if error.is_passing()
        );
        assert!(is_passing, "{refused:?}");
        assert!((2..5).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
        assert!(one.end(&arn).await.starts_with("SUCCEEDED"), "each goes on with its own");
        cluster.wires.cut.lock().clear();
        let stop = other.describe(&arn).await.header.stop.unwrap();
        assert_eq!(other.try_stop(&arn).await, Ok(stop));
    });
}

#[test]
fn a_machine_that_is_updated_by_one_node_is_new_to_all() {
    in_nodes(2, async |cluster: Cluster| {
        let [one, other] = [&cluster.nodes[0].world, &cluster.nodes[1].world];
        sleep(1).await;
        let machine = one.machine("m", PASS).await;
        assert!(other.run(&machine, "before", "{}").await.starts_with("SUCCEEDED"));
        let request = UpdateStateMachine {
            arn: &machine,
            definition: Some(FAIL),
            role_arn: None,
            configurations: Configurations::default(),
        };
        one.runtime.update_state_machine(&one.scope, request).await.unwrap();
        assert!(other.run(&machine, "after", "{}").await.starts_with("FAILED"), "at once");
        // One that is not reached hears of it from the store.
        cluster.wires.cut.lock().insert("host-2".to_owned());
        let request = UpdateStateMachine {
            arn: &machine,
            definition: Some(PASS),
            role_arn: None,
            configurations: Configurations::default(),
        };
        one.runtime.update_state_machine(&one.scope, request).await.unwrap();
        tokio::time::sleep(BEAT * 2).await;
        assert!(other.run(&machine, "later", "{}").await.starts_with("SUCCEEDED"));
    });
}

/// The names of the Express executions of a machine, read in pages of that size.
async fn listed(world: &World, machine: &str, limit: usize) -> Result<Vec<String>, ExecutionError> {
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let of = ExecutionsOf::StateMachine(machine);
        let request = ListExecutions { of, status: None, after, limit };
        let page = world.runtime.list_executions(&world.scope, request).await?;
        assert!(page.executions.len() <= limit);
        names.extend(page.executions.iter().map(|header| header.name.to_string()));
        after = page.next;
        if after.is_none() {
            return Ok(names);
        }
    }
}

#[test]
fn express_executions_are_found_wherever_they_ran() {
    in_nodes(3, async |cluster: Cluster| {
        let worlds: Vec<&World> = cluster.nodes.iter().map(|node| &node.world).collect();
        let machine = worlds[0].machine_of_type("m", WAIT, WorkflowType::Express).await;
        sleep(1).await;
        let mut arns = Vec::new();
        for number in 0..9 {
            let world = worlds[number % 3];
            arns.push(world.start(&machine, &number.to_string(), "{}").await.unwrap());
            sleep(1).await;
        }
        let expected: Vec<String> = (0..9).rev().map(|number| number.to_string()).collect();
        for world in &worlds {
            for limit in [1, 2, 4, 100] {
                assert_eq!(listed(world, &machine, limit).await.unwrap(), expected, "{limit}");
            }
        }
        // The last one was started a second ago, and is stopped from another node.
        let stopped = worlds[0].try_stop(&arns[8]).await.unwrap();
        for world in &worlds {
            assert_eq!(world.describe(&arns[8]).await.header.stop, Some(stopped));
            assert_eq!(world.try_stop(&arns[8]).await, Ok(stopped));
        }
        sleep(10).await;
        for (arn, world) in arns[..8].iter().zip(worlds.iter().cycle().skip(1)) {
            assert_eq!(world.describe(arn).await.header.status, engine::Status::Succeeded);
            let events = async |from, limit| {
                let request =
                    GetExecutionHistory { execution_arn: arn, from, limit, reverse: false };
                world.runtime.get_execution_history(&world.scope, request).await.unwrap()
            };
            let whole = events(None, 100).await;
            assert_eq!(whole.events.len(), 4, "started, entered, exited, succeeded");
            let first = events(None, 3).await;
            let rest = events(first.next, 3).await;
            assert_eq!([first.events, rest.events].concat(), whole.events);
        }
        let nothing = arns[0].replace(":0:", ":none:");
        assert!(matches!(worlds[1].try_stop(&nothing).await, Err(ExecutionError::DoesNotExist(_))));
        // What one does not answer is not told to be nothing.
        cluster.wires.cut.lock().insert("host-3".to_owned());
        let unknown = worlds[0].try_stop(&nothing).await;
        assert!(matches!(unknown, Err(ExecutionError::Operational(_))), "{unknown:?}");
        assert!(listed(worlds[0], &machine, 100).await.is_err());
    });
}

#[test]
fn a_runtime_knows_how_many_nodes_live() {
    in_nodes(3, async |cluster: Cluster| {
        sleep(1).await;
        for node in &cluster.nodes {
            assert_eq!(node.world.runtime.living_nodes(), 3);
        }
        cluster.nodes[0].stand_still(true);
        sleep(5).await;
        assert_eq!(cluster.nodes[1].world.runtime.living_nodes(), 2);
    });
}
