//! What a crash interrupts goes on after it, and ends as if there had been none.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use engine::{ExecutionId, Position, Status, Timestamp};
use expect_test::{Expect, expect};
use parking_lot::Mutex;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use stairwell_runtime::{
    Clock, ExecutionError, ExecutionsOf, GetActivityTask, ListExecutions, Runtime, RuntimeConfig,
    StartError, StartExecution, StopExecution, TaskError,
};
use store::{
    Claim, Commit, Ended, ExecutionHeader, ExecutionQuery, Fault, FaultyStore, HistoryCursor,
    HistoryPage, ListCursor, Loaded, Operation, Resource, ResourceKey, ResourceKind, Scope, Store,
    StoreError,
};
use tokio::sync::watch;

use crate::world::{
    BEGIN, Lives, World, ending, execution_arn, machine_arn, masked, persist, sleep,
};

const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
const WAIT: &str = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":10,"End":true}}}"#;
const FAIL: &str = r#"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"Broken"}}}"#;
const ACTIVITY: &str = "arn:aws:states:us-east-1:111111111111:activity:a";

#[test]
fn a_wait_ends_after_a_restart() {
    let mut lives = Lives::new();
    let arn = lives.live(async |world: World| {
        let machine = world.machine("m", WAIT).await;
        world.start(&machine, "e", "{}").await.unwrap()
    });
    lives.live(async |world: World| {
        world.end(&arn).await;
        let stop = world.describe(&arn).await.header.stop;
        assert_eq!(stop, Some(BEGIN.plus_seconds(10)));
    });
}

#[test]
fn a_wait_that_is_long_over_ends_at_once() {
    let mut lives = Lives::new();
    let arn = lives.live(async |world: World| {
        let machine = world.machine("m", WAIT).await;
        world.start(&machine, "e", "{}").await.unwrap()
    });
    lives.sleep(1_000);
    lives.live(async |world: World| {
        world.end(&arn).await;
        expect![[r#"
            1<-0 0s ExecutionStarted
            2<-0 0s StateEntered W {}
            3<-2 1000s StateExited W
            4<-3 1000s ExecutionSucceeded {}
        "#]]
        .assert_eq(&world.history(&arn).await);
    });
}

#[test]
fn an_activity_offers_its_task_again_and_an_old_token_is_good() {
    let mut lives = Lives::new();
    let (first, second, token) = lives.live(async |world: World| {
        let activity = world.activity("a").await;
        let definition = format!(
            r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","Resource":"{activity}",
                "HeartbeatSeconds":100,"End":true}}}}}}"#
        );
        let machine = world.machine("m", &definition).await;
        let first = world.start(&machine, "1", "[1]").await.unwrap();
        let second = world.start(&machine, "2", "[2]").await.unwrap();
        let task = world.poll(&activity).await.unwrap();
        assert_eq!(task.input.text(), "[1]");
        sleep(60).await;
        world.heartbeat(&task.token.0).await.unwrap();
        (first, second, task.token.0)
    });
    // The heartbeat counts after the restart, too.
    lives.sleep(60);
    lives.live(async |world: World| {
        let task = world.poll(ACTIVITY).await.unwrap();
        assert_eq!(task.input.text(), "[2]");
        world.succeed(&task.token.0, "2").await.unwrap();
        world.succeed(&token, "1").await.unwrap();
        assert_eq!(world.end(&first).await, "SUCCEEDED 1");
        assert_eq!(world.end(&second).await, "SUCCEEDED 2");
    });
}

#[test]
fn a_child_that_ended_while_nobody_looked_is_noticed() {
    let mut lives = Lives::new();
    let arn = lives.live(async |world: World| {
        world.machine("child", WAIT).await;
        let machine = world.machine("parent", &nested(".sync:2", "child", "")).await;
        world.start(&machine, "p", "{}").await.unwrap()
    });
    lives.sleep(100);
    lives.live(async |world: World| {
        let ending = world.end(&arn).await;
        assert!(ending.starts_with("SUCCEEDED"), "{ending}");
        assert_eq!(world.seconds().floor(), 100.0);
    });
}

#[test]
fn a_child_that_is_shared_is_noticed_by_both_parents() {
    let mut lives = Lives::new();
    let arns = lives.live(async |world: World| {
        world.machine("child", WAIT).await;
        let machine = world.machine("parent", &nested(".sync", "child", "")).await;
        let first = world.start(&machine, "1", "{}").await.unwrap();
        sleep(1).await;
        let second = world.start(&machine, "2", "{}").await.unwrap();
        sleep(1).await;
        [first, second]
    });
    lives.live(async |world: World| {
        for arn in &arns {
            let ending = world.end(arn).await;
            assert!(ending.starts_with("SUCCEEDED"), "{ending}");
            let stop = world.describe(arn).await.header.stop;
            assert_eq!(stop, Some(BEGIN.plus_seconds(10)));
        }
    });
}

/// A machine of one Task state that starts the execution `c` of another.
fn nested(suffix: &str, child: &str, rest: &str) -> String {
    let child = machine_arn(child);
    format!(
        r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task",
            "Resource":"arn:aws:states:::states:startExecution{suffix}",
            "Parameters":{{"StateMachineArn":"{child}","Name":"c"}}{rest},"End":true}}}}}}"#
    )
}

#[test]
fn a_great_many_executions_are_taken_up_again() {
    let mut lives = Lives::new();
    lives.live(async |world: World| {
        let activity = world.activity("a").await;
        let definition = format!(
            r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","Resource":"{activity}",
                "End":true}}}}}}"#
        );
        let machine = world.machine("m", &definition).await;
        for name in 0..600 {
            world.start(&machine, &name.to_string(), "{}").await.unwrap();
        }
    });
    lives.live(async |world: World| {
        for _ in 0..600 {
            let task = world.poll(ACTIVITY).await.expect("each offers its task again");
            world.succeed(&task.token.0, "{}").await.unwrap();
        }
        assert_eq!(world.poll(ACTIVITY).await, None);
    });
}

#[test]
fn what_another_process_committed_is_noticed() {
    let mut lives = Lives::new();
    let store = lives.store.clone();
    lives.live(async |world: World| {
        let config = RuntimeConfig::new(Clock::tokio(BEGIN), [99; 32]);
        let other = World { runtime: Runtime::open(store, config), ..world.clone() };
        let machine = world.machine("m", WAIT).await;
        let arn = world.start(&machine, "e", "{}").await.unwrap();
        sleep(1).await;
        let stop = other.stop(&arn).await;
        sleep(1).await;
        assert_eq!(world.stop(&arn).await, stop, "this one believed that it still ran");
        assert_eq!(world.history(&arn).await.lines().count(), 3);
    });
}

#[test]
fn a_long_history_gets_checkpoints_and_is_loaded_quickly() {
    let mut lives = Lives::new();
    let store = lives.store.clone();
    let definition = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1,"Next":"C"},
        "C":{"Type":"Choice","Default":"W","Choices":[
            {"Variable":"$","IsNull":true,"Next":"End"}]},"End":{"Type":"Succeed"}}}"#;
    let id = lives.live(async |world: World| {
        let machine = world.machine("m", definition).await;
        let input = format!("\"{}\"", "x".repeat(200));
        let arn = world.start(&machine, "e", &input).await.unwrap();
        tokio::time::sleep(Duration::from_millis(500_500)).await;
        let header = world.describe(&arn).await.header;
        assert_eq!(header.last_event.0, 2 + 500 * 4);
        let loaded = store.load(header.id).await.unwrap().unwrap();
        assert!(loaded.record_bytes <= 8_192, "{}", loaded.record_bytes);
        header.id
    });
    lives.live(async |_| {
        sleep(100).await;
        let loaded = store.load(id).await.unwrap().unwrap();
        assert_eq!(loaded.header.last_event.0, 2 + 600 * 4);
        assert!(loaded.record_bytes <= 8_192, "{}", loaded.record_bytes);
    });
}

// What follows runs a workload without faults, and then with a fault at each commit. The clients of
// the workload do what real ones do: they try again.

impl World {
    async fn ensure_machine(&self, name: &str, definition: &str) {
        let request = || stairwell_runtime::CreateStateMachine {
            name,
            definition,
            role_arn: crate::world::ROLE,
            workflow_type: asl::WorkflowType::Standard,
            configurations: Default::default(),
        };
        let create = async || self.runtime.create_state_machine(&self.scope, request()).await;
        persist(create).await.unwrap();
    }

    async fn ensure_started(&self, machine: &str, name: &str) -> String {
        let request = StartExecution {
            state_machine_arn: &machine_arn(machine),
            name: Some(name),
            input: Some("{}"),
            trace_header: None,
        };
        let start = async || self.runtime.start_execution(&self.scope, request).await;
        match persist(start).await {
            Ok(_) | Err(StartError::AlreadyExists(_)) => execution_arn(machine, name),
            Err(error) => panic!("{error}"),
        }
    }

    async fn ensure_stopped(&self, arn: &str) {
        let request = StopExecution { execution_arn: arn, error: None, cause: Some("by hand") };
        let stop = async || self.runtime.stop_execution(&self.scope, request).await;
        persist(stop).await.unwrap();
    }

    /// How the execution ended, once it has; none where it is not there.
    async fn ensure_ended(&self, arn: &str) -> Option<String> {
        for _ in 0..1_000 {
            let describe = async || self.runtime.describe_execution(&self.scope, arn).await;
            match persist(describe).await {
                Ok(told) if told.header.status != Status::Running => {
                    return Some(masked(&ending(&told)));
                }
                Ok(_) => sleep(1).await,
                Err(ExecutionError::DoesNotExist(_)) => return None,
                Err(error) => panic!("{error}"),
            }
        }
        panic!("{arn} does not end:\n{}", self.history(arn).await);
    }

    /// Answers every task of the activity, until it is cut off.
    async fn work(&self) {
        loop {
            let wait = Duration::from_secs(60);
            let request = GetActivityTask { activity_arn: ACTIVITY, worker_name: None, wait };
            match self.runtime.get_activity_task(&self.scope, request).await {
                Ok(Some(task)) => self.answer(&task.token.0).await,
                Ok(None) => {}
                Err(_) => sleep(1).await,
            }
        }
    }

    async fn answer(&self, task_token: &str) {
        match persist(async || self.succeed(task_token, r#"{"worker":"was here"}"#).await).await {
            Ok(()) | Err(TaskError::TaskTimedOut) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// The history without times.
    async fn story(&self, arn: &str) -> String {
        let history = self.history(arn).await;
        let lines = history.lines().map(|line| {
            let mut words = line.splitn(3, ' ');
            let (ids, _, rest) = (words.next(), words.next(), words.next());
            format!("{} {}\n", ids.unwrap_or_default(), rest.unwrap_or_default())
        });
        lines.collect()
    }
}

/// One after the other, all that an execution may wait for and that no worker has a part in.
async fn sequence(world: World) -> String {
    world.ensure_machine("wait", WAIT).await;
    world.ensure_machine("pass", PASS).await;
    world.ensure_machine("fail", FAIL).await;
    world.ensure_machine("middle", &nested(".sync", "wait", "")).await;
    let start = |suffix: &str, child: &str, input: &str, next: &str| {
        format!(
            r#"{{"Type":"Task","Resource":"arn:aws:states:::states:startExecution{suffix}",
                "Parameters":{{"StateMachineArn":"{}"{input}}},"ResultPath":null,{next}}}"#,
            machine_arn(child)
        )
    };
    let retry = r#""Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":2}],
        "Catch":[{"ErrorEquals":["States.TaskFailed"],"Next":"Awaited"}],"Next":"Awaited""#;
    let definition = format!(
        r#"{{"StartAt":"Wait","States":{{
            "Wait":{{"Type":"Wait","Seconds":3,"Next":"Started"}},
            "Started":{},
            "Failing":{},
            "Awaited":{},
            "Nested":{},
            "Pause":{{"Type":"Wait","Seconds":1,"Next":"Last"}},
            "Last":{{"Type":"Succeed"}}}}}}"#,
        start("", "wait", r#","Name":"started""#, r#""Next":"Failing""#),
        start(".sync", "fail", "", retry),
        start(".sync:2", "wait", r#","Input":{"a":1},"Name":"awaited""#, r#""Next":"Nested""#),
        start(".sync", "middle", r#","Name":"nested""#, r#""Next":"Pause""#),
    );
    world.ensure_machine("m", &definition).await;
    let arn = world.ensure_started("m", "e").await;
    world.ensure_ended(&arn).await;
    let mut stories = world.story(&arn).await;
    for (machine, name) in [("wait", "started"), ("wait", "awaited"), ("middle", "nested")] {
        let arn = execution_arn(machine, name);
        world.ensure_ended(&arn).await;
        stories += &world.story(&arn).await;
    }
    stories
}

/// A parent that is stopped takes its children with it, and nobody else's.
async fn stopped(world: World) -> String {
    world.ensure_machine("wait", WAIT).await;
    world.ensure_machine("middle", &nested(".sync:2", "wait", "")).await;
    let start = |suffix: &str, child: &str, name: &str| {
        format!(
            r#"{{"StartAt":"{name}","States":{{"{name}":{{"Type":"Task","End":true,
                "Resource":"arn:aws:states:::states:startExecution{suffix}",
                "Parameters":{{"StateMachineArn":"{}","Name":"{name}"}}}}}}}}"#,
            machine_arn(child)
        )
    };
    let definition = format!(
        r#"{{"StartAt":"All","States":{{"All":{{"Type":"Parallel","Next":"Wait",
            "Branches":[{},{},{}]}},"Wait":{{"Type":"Wait","Seconds":10,"End":true}}}}}}"#,
        start("", "wait", "free"),
        start(".sync", "middle", "two"),
        start(".sync", "wait", "three"),
    );
    world.ensure_machine("m", &definition).await;
    let arn = world.ensure_started("m", "e").await;
    let due = BEGIN.plus_seconds(4);
    let wait = u64::try_from(due.0 - world.runtime.now().0).unwrap_or_default();
    tokio::time::sleep(Duration::from_millis(wait)).await;
    world.ensure_stopped(&arn).await;
    endings(&world, &["m:e", "wait:free", "middle:two", "wait:c", "wait:three"]).await
}

/// A task that times out stops its child, and its parent goes on.
async fn timed_out(world: World) -> String {
    world.ensure_machine("wait", WAIT).await;
    let rest = r#","TimeoutSeconds":3,"Catch":[{"ErrorEquals":["States.Timeout"],"Next":"W"}]"#;
    let definition = nested(".sync", "wait", rest)
        .replace(r#""End":true}}"#, r#""End":true},"W":{"Type":"Wait","Seconds":20,"End":true}}"#);
    world.ensure_machine("m", &definition).await;
    world.ensure_started("m", "e").await;
    endings(&world, &["m:e", "wait:c"]).await
}

/// Workers, tokens and a Map.
async fn workers(world: World) -> String {
    let create = async || {
        let request = stairwell_runtime::CreateActivity { name: "a", encryption: None };
        world.runtime.create_activity(&world.scope, request).await
    };
    persist(create).await.unwrap();
    world.ensure_machine("wait", WAIT).await;
    // A worker that dies with the task in its hands is noticed by its silence alone.
    let retry = r#""Retry":[{"ErrorEquals":["States.Timeout"],"MaxAttempts":9}]"#;
    let definition = format!(
        r#"{{"StartAt":"Each","States":{{"Each":{{"Type":"Map","End":true,
            "ItemsPath":"$.items","MaxConcurrency":2,"ItemProcessor":{{"StartAt":"Work","States":{{
                "Work":{{"Type":"Task","Resource":"{ACTIVITY}","TimeoutSeconds":100,{retry},
                    "ResultPath":"$.work","Next":"Child"}},
                "Child":{{"Type":"Task","ResultSelector":{{"Name.$":"$.Output"}},
                    "Resource":"arn:aws:states:::states:startExecution.sync:2",
                    "Parameters":{{"StateMachineArn":"{}","Input.$":"$"}},
                    "ResultPath":"$.child","End":true}}}}}}}}}}}}"#,
        machine_arn("wait")
    )
    .replacen(
        "\"Each\",\"States\":{",
        r#""Items","States":{"Items":{"Type":"Pass",
        "Result":{"items":[{"i":0},{"i":1},{"i":2}]},"Next":"Each"},"#,
        1,
    );
    world.ensure_machine("m", &definition).await;
    world.ensure_started("m", "e").await;
    tokio::select! {
        () = world.work() => unreachable!("workers work until they are cut off"),
        endings = endings(&world, &["m:e"]) => endings,
    }
}

/// Map Runs, whose children are executions of the store, or live in memory.
async fn map_runs(world: World) -> String {
    let wait = r#""S":{"Type":"Wait","Seconds":1,"Next":"Q"},"Q":{"Type":"Pass","End":true}"#;
    let mut text = String::new();
    for execution_type in ["STANDARD", "EXPRESS"] {
        let machine = execution_type.to_lowercase();
        let rest = r#","MaxConcurrency":2"#;
        let definition = crate::map_runs::distributed(execution_type, wait, rest).replace(
            r#""StartAt":"Each","States":{"#,
            r#""StartAt":"Items","States":{"Items":{"Type":"Pass","Result":[1,2,3,4,5],
            "Next":"Each"},"#,
        );
        world.ensure_machine(&machine, &definition).await;
        let arn = world.ensure_started(&machine, "e").await;
        let end = world.ensure_ended(&arn).await;
        text += &format!("{end:?}\n{}", world.story(&arn).await);
        let list = async || {
            let request =
                stairwell_runtime::ListMapRuns { execution_arn: &arn, after: None, limit: 9 };
            world.runtime.list_map_runs(&world.scope, request).await
        };
        for run in persist(list).await.unwrap().runs {
            text += &format!("{}\n", crate::map_runs::told(&run.item_counts));
            if execution_type == "STANDARD" {
                let children = world.map_children(&run.arn).await;
                let statuses = children.iter().filter_map(|child| child.split_once(' '));
                text += &statuses.map(|(_, status)| status).collect::<Vec<_>>().join(", ");
            }
        }
    }
    text
}

#[test]
fn map_runs_survive_crashes_and_faults() {
    check_crashes(map_runs);
    check_faults(map_runs);
    check_orders(map_runs, 3);
}

async fn endings(world: &World, executions: &[&str]) -> String {
    let mut endings = String::new();
    for execution in executions {
        let (machine, name) = execution.split_once(':').unwrap();
        let ending = world.ensure_ended(&execution_arn(machine, name)).await;
        endings += &format!("{execution} {}\n", ending.as_deref().unwrap_or("is not there"));
    }
    endings
}

/// A store that takes its time, or whose process dies at a commit: before it, or after it and
/// before its answer.
pub(crate) struct UnrulyStore {
    inner: Arc<dyn Store>,
    /// Commits until it dies, that one included; nothing is answered afterwards.
    commits_left: AtomicUsize,
    fault: Fault,
    died: watch::Sender<bool>,
    delays: Option<Mutex<ChaCha8Rng>>,
    /// What is done to executions that are loaded.
    mangle: fn(&mut Loaded) -> Result<(), StoreError>,
}

impl UnrulyStore {
    fn mortal(inner: Arc<dyn Store>, commits: usize, fault: Fault) -> UnrulyStore {
        let commits_left = AtomicUsize::new(commits);
        let died = watch::Sender::new(false);
        UnrulyStore { inner, commits_left, fault, died, delays: None, mangle: |_| Ok(()) }
    }

    pub(crate) fn slow(inner: Arc<dyn Store>, seed: u8) -> UnrulyStore {
        let delays = Some(Mutex::new(ChaCha8Rng::from_seed([seed; 32])));
        UnrulyStore { delays, ..UnrulyStore::mortal(inner, usize::MAX, Fault::Before) }
    }

    async fn pause(&self) {
        if *self.died.borrow() {
            return pending().await;
        }
        let draw = |delays: &Mutex<ChaCha8Rng>| delays.lock().next_u32() % 8;
        if let Some(milliseconds) = self.delays.as_ref().map(draw) {
            tokio::time::sleep(Duration::from_millis(milliseconds.into())).await;
        }
    }

    async fn paused<T>(&self, call: impl Future<Output = T>) -> T {
        self.pause().await;
        let answer = call.await;
        self.pause().await;
        answer
    }
}

#[async_trait]
impl Store for UnrulyStore {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        if self.commits_left.fetch_sub(1, Ordering::Relaxed) > 1 {
            return self.paused(self.inner.commit(commit)).await;
        }
        self.pause().await;
        if self.fault == Fault::After {
            self.inner.commit(commit).await.ok();
        }
        self.died.send_replace(true);
        pending().await
    }

    async fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        let mut loaded = self.paused(self.inner.load(id)).await?;
        if let Some(loaded) = &mut loaded {
            (self.mangle)(loaded)?;
        }
        Ok(loaded)
    }

    async fn find_execution(&self, arn: &str) -> Result<Option<ExecutionId>, StoreError> {
        self.paused(self.inner.find_execution(arn)).await
    }

    async fn header(&self, id: ExecutionId) -> Result<Option<ExecutionHeader>, StoreError> {
        self.paused(self.inner.header(id)).await
    }

    async fn history(
        &self,
        id: ExecutionId,
        from: Option<HistoryCursor>,
        limit: usize,
        reverse: bool,
    ) -> Result<HistoryPage, StoreError> {
        self.paused(self.inner.history(id, from, limit, reverse)).await
    }

    async fn list_executions(
        &self,
        query: &ExecutionQuery,
        status: Option<Status>,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ExecutionHeader>, StoreError> {
        self.paused(self.inner.list_executions(query, status, after, limit)).await
    }

    async fn ended_before(
        &self,
        instant: Timestamp,
        after: Option<ExecutionId>,
        limit: usize,
    ) -> Result<Ended, StoreError> {
        self.inner.ended_before(instant, after, limit).await
    }

    async fn remove(&self, headers: &[ExecutionHeader]) -> Result<(), StoreError> {
        self.inner.remove(headers).await
    }

    async fn claim_due(&self, now: Timestamp, limit: usize) -> Result<Claim, StoreError> {
        self.paused(self.inner.claim_due(now, limit)).await
    }

    async fn open_count(&self, scope: &Scope) -> Result<u64, StoreError> {
        self.paused(self.inner.open_count(scope)).await
    }

    async fn read_resource(&self, key: &ResourceKey) -> Result<Option<Resource>, StoreError> {
        self.paused(self.inner.read_resource(key)).await
    }

    async fn write_resource(
        &self,
        key: &ResourceKey,
        expected: Option<u64>,
        value: Option<Vec<u8>>,
    ) -> Result<u64, StoreError> {
        self.paused(self.inner.write_resource(key, expected, value)).await
    }

    async fn list_resources(
        &self,
        kind: ResourceKind,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(ResourceKey, Resource)>, StoreError> {
        self.paused(self.inner.list_resources(kind, scope, after, limit)).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
}

/// One life of a workload until everything has ended. Then nothing is left to do.
fn finish(
    lives: &mut Lives,
    store: Arc<dyn Store>,
    workload: impl AsyncFn(World) -> String,
) -> String {
    let result = lives.live_on(store, async |world: World| {
        let result = workload(world).await;
        sleep(1_000).await;
        result
    });
    let store = lives.store.clone();
    store.restart();
    let claim = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(store.claim_due(Timestamp(i64::MAX), 1))
        .unwrap();
    assert_eq!(claim, Claim::default(), "something is left on the agenda");
    result
}

/// Counts the commits of a run without faults, and gives its result.
fn sound(workload: impl AsyncFn(World) -> String) -> (String, usize) {
    let mut lives = Lives::new();
    let inner = lives.store.clone();
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = commits.clone();
    let store = FaultyStore::new(inner, move |operation| {
        counted.fetch_add(usize::from(operation == Operation::Commit), Ordering::Relaxed);
        None
    });
    let result = finish(&mut lives, Arc::new(store), workload);
    (result, commits.load(Ordering::Relaxed))
}

type Configure = fn(&mut RuntimeConfig);

fn usual(_: &mut RuntimeConfig) {}

/// Nothing stays in memory.
fn forgetful(config: &mut RuntimeConfig) {
    config.live_executions_max = 0;
}

fn in_small_steps(config: &mut RuntimeConfig) {
    config.limits.work_per_step = 1;
}

/// The process dies at each commit in turn.
fn check_crashes(workload: impl AsyncFn(World) -> String) {
    let (expected, commits) = sound(&workload);
    assert!(commits > 5, "{commits} commits");
    let configurations: [(Fault, Configure); 3] =
        [(Fault::Before, usual), (Fault::After, usual), (Fault::After, forgetful)];
    for (fault, configure) in configurations {
        for commit in 1..=commits {
            let mut lives = Lives::with(configure);
            let store = Arc::new(UnrulyStore::mortal(lives.store.clone(), commit, fault));
            let mut died = store.died.subscribe();
            lives.live_on(store, async |world: World| {
                tokio::select! {
                    _ = workload(world) => {}
                    _ = died.wait_for(|died| *died) => {}
                }
            });
            let store = lives.store.clone();
            let result = finish(&mut lives, store, &workload);
            check_same(&result, &expected, &format!("a crash {fault:?} commit {commit}"));
        }
    }
}

/// The store fails at each commit in turn, and then at random.
fn check_faults(workload: impl AsyncFn(World) -> String) {
    let (expected, commits) = sound(&workload);
    for fault in [Fault::Before, Fault::After] {
        for commit in 0..commits {
            let mut lives = Lives::new();
            let store = FaultyStore::after_commits(lives.store.clone(), commit, fault);
            let result = finish(&mut lives, Arc::new(store), &workload);
            check_same(&result, &expected, &format!("a fault {fault:?} commit {}", commit + 1));
        }
    }
    for seed in 0..20 {
        let mut lives = Lives::new();
        let mut random = ChaCha8Rng::from_seed([seed; 32]);
        let store = FaultyStore::new(lives.store.clone(), move |_| match random.next_u32() % 10 {
            0 => Some(Fault::Before),
            1 => Some(Fault::After),
            _ => None,
        });
        let result = finish(&mut lives, Arc::new(store), &workload);
        check_same(&result, &expected, &format!("the faults of seed {seed}"));
    }
}

/// Things happen in other orders, with nothing kept in memory, and in small steps.
fn check_orders(workload: impl AsyncFn(World) -> String, seeds: u8) {
    let (expected, _) = sound(&workload);
    for seed in 0..seeds {
        let mut lives = Lives::new();
        let store = Arc::new(UnrulyStore::slow(lives.store.clone(), seed));
        let result = finish(&mut lives, store, &workload);
        check_same(&result, &expected, &format!("the delays of seed {seed}"));
    }
    let configurations: [Configure; 2] = [forgetful, in_small_steps];
    for configure in configurations {
        let mut lives = Lives::with(configure);
        let store = lives.store.clone();
        let result = finish(&mut lives, store, &workload);
        check_same(&result, &expected, "another configuration");
    }
}

fn check_same(result: &str, expected: &str, with: &str) {
    if result != expected {
        let differs = result.lines().zip(expected.lines()).find(|(is, should)| is != should);
        panic!("with {with}, {differs:?} in\n{result}");
    }
}

/// An execution that meets a fault of ours is left alone, and the others go on.
fn check_quarantine(mangle: fn(&mut Loaded) -> Result<(), StoreError>) {
    let mut lives = Lives::new();
    let (good, bad) = lives.live(async |world: World| {
        let machine = world.machine("m", WAIT).await;
        let good = world.start(&machine, "good", "{}").await.unwrap();
        (good, world.start(&machine, "bad", "{}").await.unwrap())
    });
    let mut store = UnrulyStore::mortal(lives.store.clone(), usize::MAX, Fault::Before);
    store.mangle = mangle;
    lives.live_on(Arc::new(store), async |world: World| {
        assert_eq!(world.end(&good).await, "SUCCEEDED {}");
        for _ in 0..2 {
            let request = StopExecution { execution_arn: &bad, error: None, cause: None };
            let refused = world.runtime.stop_execution(&world.scope, request).await.unwrap_err();
            assert_eq!(refused.to_string(), "the execution is quarantined");
        }
        assert_eq!(world.describe(&bad).await.header.status, Status::Running);
        world.runtime.shutdown().await;
    });
    lives.live(async |world: World| assert_eq!(world.end(&bad).await, "SUCCEEDED {}"));
}

#[test]
fn a_step_that_panics_quarantines_its_execution() {
    check_quarantine(|loaded| {
        for frame in loaded.execution.frames.values_mut() {
            if let Position::In { state, .. } = &mut frame.position
                && &*loaded.header.name == "bad"
            {
                state.0 = 1_000;
            }
        }
        Ok(())
    });
}

#[test]
fn a_record_that_is_corrupt_quarantines_its_execution() {
    check_quarantine(|loaded| match &*loaded.header.name {
        "bad" => Err(StoreError::Corrupt("it is".to_owned())),
        _ => Ok(()),
    });
}

/// Two parents of one child; the second comes when the child is about to end.
async fn shared(world: World) -> String {
    let wait = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":1,"End":true}}}"#;
    world.ensure_machine("wait", wait).await;
    let rest = r#","ResultPath":null,"Retry":[{"ErrorEquals":["States.ALL"]}],
        "Catch":[{"ErrorEquals":["States.ALL"],"ResultPath":null,"Next":"End"}]"#;
    let definition = nested(".sync", "wait", rest)
        .replace(r#""End":true}}"#, r#""End":true},"End":{"Type":"Pass","End":true}}"#);
    world.ensure_machine("m", &definition).await;
    world.ensure_started("m", "first").await;
    tokio::time::sleep(Duration::from_millis(960)).await;
    world.ensure_started("m", "second").await;
    endings(&world, &["m:first", "m:second", "wait:c"]).await
}

fn check_sound(workload: impl AsyncFn(World) -> String, expected: Expect) {
    expected.assert_eq(&sound(workload).0);
}

#[test]
fn without_any_fault() {
    check_sound(
        sequence,
        expect![[r#"
        1<-0 ExecutionStarted
        2<-0 StateEntered Wait {}
        3<-2 StateExited Wait
        4<-3 StateEntered Started {}
        5<-4 TaskScheduled
        6<-5 TaskStarted
        7<-6 TaskSucceeded {"ExecutionArn":"execution:wait:started","Sdk":…,"StartDate":?}
        8<-7 StateExited Started
        9<-8 StateEntered Failing {}
        10<-9 TaskScheduled
        11<-10 TaskStarted
        12<-11 TaskSubmitted {"ExecutionArn":"execution:fail:?","Sdk":…,"StartDate":?}
        13<-12 TaskFailed States.TaskFailed {"Error":"Broken","ExecutionArn":"execution:fail:?","Input":"{}","InputDetails":{"Included":true},"Name":"?","RedriveCount":0,"RedriveStatus":"REDRIVABLE","StartDate":?,"StateMachineArn":"stateMachine:fail","Status":"FAILED","StopDate":?}
        14<-13 TaskScheduled
        15<-14 TaskStarted
        16<-15 TaskSubmitted {"ExecutionArn":"execution:fail:?","Sdk":…,"StartDate":?}
        17<-16 TaskFailed States.TaskFailed {"Error":"Broken","ExecutionArn":"execution:fail:?","Input":"{}","InputDetails":{"Included":true},"Name":"?","RedriveCount":0,"RedriveStatus":"REDRIVABLE","StartDate":?,"StateMachineArn":"stateMachine:fail","Status":"FAILED","StopDate":?}
        18<-17 TaskScheduled
        19<-18 TaskStarted
        20<-19 TaskSubmitted {"ExecutionArn":"execution:fail:?","Sdk":…,"StartDate":?}
        21<-20 TaskFailed States.TaskFailed {"Error":"Broken","ExecutionArn":"execution:fail:?","Input":"{}","InputDetails":{"Included":true},"Name":"?","RedriveCount":0,"RedriveStatus":"REDRIVABLE","StartDate":?,"StateMachineArn":"stateMachine:fail","Status":"FAILED","StopDate":?}
        22<-21 StateExited Failing
        23<-22 StateEntered Awaited {"Error":"States.TaskFailed","Cause":"{\"Error\":\"Broken\",\"ExecutionArn\":\"execution:fail:?\",\"Input\":\"{}\",\"InputDetails\":{\"Included\":true},\"Name\":\"?\",\"RedriveCount\":0,\"RedriveStatus\":\"REDRIVABLE\",\"StartDate\":?,\"StateMachineArn\":\"stateMachine:fail\",\"Status\":\"FAILED\",\"StopDate\":?}"}
        24<-23 TaskScheduled
        25<-24 TaskStarted
        26<-25 TaskSubmitted {"ExecutionArn":"execution:wait:awaited","Sdk":…,"StartDate":?}
        27<-26 TaskSucceeded {"ExecutionArn":"execution:wait:awaited","Input":{"a":1},"InputDetails":{"Included":true},"Name":"awaited","Output":{"a":1},"OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":?,"StateMachineArn":"stateMachine:wait","Status":"SUCCEEDED","StopDate":?}
        28<-27 StateExited Awaited
        29<-28 StateEntered Nested {"Error":"States.TaskFailed","Cause":"{\"Error\":\"Broken\",\"ExecutionArn\":\"execution:fail:?\",\"Input\":\"{}\",\"InputDetails\":{\"Included\":true},\"Name\":\"?\",\"RedriveCount\":0,\"RedriveStatus\":\"REDRIVABLE\",\"StartDate\":?,\"StateMachineArn\":\"stateMachine:fail\",\"Status\":\"FAILED\",\"StopDate\":?}"}
        30<-29 TaskScheduled
        31<-30 TaskStarted
        32<-31 TaskSubmitted {"ExecutionArn":"execution:middle:nested","Sdk":…,"StartDate":?}
        33<-32 TaskSucceeded {"ExecutionArn":"execution:middle:nested","Input":"{}","InputDetails":{"Included":true},"Name":"nested","Output":"{\"ExecutionArn\":\"execution:wait:c\",\"Input\":\"{}\",\"InputDetails\":{\"Included\":true},\"Name\":\"c\",\"Output\":\"{}\",\"OutputDetails\":{\"Included\":true},\"RedriveCount\":0,\"RedriveStatus\":\"NOT_REDRIVABLE\",\"RedriveStatusReason\":\"Execution is SUCCEEDED and cannot be redriven\",\"StartDate\":?,\"StateMachineArn\":\"stateMachine:wait\",\"Status\":\"SUCCEEDED\",\"StopDate\":?}","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":?,"StateMachineArn":"stateMachine:middle","Status":"SUCCEEDED","StopDate":?}
        34<-33 StateExited Nested
        35<-34 StateEntered Pause {"Error":"States.TaskFailed","Cause":"{\"Error\":\"Broken\",\"ExecutionArn\":\"execution:fail:?\",\"Input\":\"{}\",\"InputDetails\":{\"Included\":true},\"Name\":\"?\",\"RedriveCount\":0,\"RedriveStatus\":\"REDRIVABLE\",\"StartDate\":?,\"StateMachineArn\":\"stateMachine:fail\",\"Status\":\"FAILED\",\"StopDate\":?}"}
        36<-35 StateExited Pause
        37<-36 StateEntered Last {"Error":"States.TaskFailed","Cause":"{\"Error\":\"Broken\",\"ExecutionArn\":\"execution:fail:?\",\"Input\":\"{}\",\"InputDetails\":{\"Included\":true},\"Name\":\"?\",\"RedriveCount\":0,\"RedriveStatus\":\"REDRIVABLE\",\"StartDate\":?,\"StateMachineArn\":\"stateMachine:fail\",\"Status\":\"FAILED\",\"StopDate\":?}"}
        38<-37 StateExited Last
        39<-38 ExecutionSucceeded {"Error":"States.TaskFailed","Cause":"{\"Error\":\"Broken\",\"ExecutionArn\":\"execution:fail:?\",\"Input\":\"{}\",\"InputDetails\":{\"Included\":true},\"Name\":\"?\",\"RedriveCount\":0,\"RedriveStatus\":\"REDRIVABLE\",\"StartDate\":?,\"StateMachineArn\":\"stateMachine:fail\",\"Status\":\"FAILED\",\"StopDate\":?}"}
        1<-0 ExecutionStarted
        2<-0 StateEntered W {}
        3<-2 StateExited W
        4<-3 ExecutionSucceeded {}
        1<-0 ExecutionStarted
        2<-0 StateEntered W {"a":1}
        3<-2 StateExited W
        4<-3 ExecutionSucceeded {"a":1}
        1<-0 ExecutionStarted
        2<-0 StateEntered T {}
        3<-2 TaskScheduled
        4<-3 TaskStarted
        5<-4 TaskSubmitted {"ExecutionArn":"execution:wait:c","Sdk":…,"StartDate":?}
        6<-5 TaskSucceeded {"ExecutionArn":"execution:wait:c","Input":"{}","InputDetails":{"Included":true},"Name":"c","Output":"{}","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":?,"StateMachineArn":"stateMachine:wait","Status":"SUCCEEDED","StopDate":?}
        7<-6 StateExited T
        8<-7 ExecutionSucceeded {"ExecutionArn":"execution:wait:c","Input":"{}","InputDetails":{"Included":true},"Name":"c","Output":"{}","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"NOT_REDRIVABLE","RedriveStatusReason":"Execution is SUCCEEDED and cannot be redriven","StartDate":?,"StateMachineArn":"stateMachine:wait","Status":"SUCCEEDED","StopDate":?}
    "#]],
    );
    check_sound(
        stopped,
        expect![[r#"
        m:e ABORTED by hand
        wait:free SUCCEEDED {}
        middle:two ABORTED The Task state in AWS Step Functions execution [execution:m:e] which was managing this resource was aborted
        wait:c ABORTED The Task state in AWS Step Functions execution [execution:middle:two] which was managing this resource was aborted
        wait:three ABORTED The Task state in AWS Step Functions execution [execution:m:e] which was managing this resource was aborted
    "#]],
    );
    check_sound(
        timed_out,
        expect![[r#"
        m:e SUCCEEDED {"Error":"States.Timeout","Cause":""}
        wait:c ABORTED The Task state in AWS Step Functions execution [execution:m:e] which was managing this resource was aborted
    "#]],
    );
    check_sound(
        workers,
        expect![[r#"
        m:e SUCCEEDED [{"i":0,"work":{"worker":"was here"},"child":{"Name":{"i":0,"work":{"worker":"was here"}}}},{"i":1,"work":{"worker":"was here"},"child":{"Name":{"i":1,"work":{"worker":"was here"}}}},{"i":2,"work":{"worker":"was here"},"child":{"Name":{"i":2,"work":{"worker":"was here"}}}}]
    "#]],
    );
    check_sound(
        shared,
        expect![[r#"
        m:first SUCCEEDED {}
        m:second SUCCEEDED {}
        wait:c SUCCEEDED {}
    "#]],
    );
}

/// Every event of a run, with all that is random and all times.
fn bytes(workload: impl AsyncFn(World) -> String) -> String {
    Lives::new().live(async |world: World| {
        workload(world.clone()).await;
        let mut events = Vec::new();
        for machine in ["m", "wait", "fail", "pass", "middle"] {
            let arn = machine_arn(machine);
            let of = ExecutionsOf::StateMachine(&arn);
            let request = ListExecutions { of, status: None, after: None, limit: 100 };
            let list = world.runtime.list_executions(&world.scope, request).await;
            for header in list.map(|list| list.executions).unwrap_or_default() {
                events.extend(world.events(&header.arn).await);
            }
        }
        format!("{events:#?}")
    })
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    for _ in 0..3 {
        assert_eq!(bytes(sequence), bytes(sequence));
        assert_eq!(bytes(stopped), bytes(stopped));
        assert_eq!(bytes(workers), bytes(workers));
    }
}

#[test]
fn a_sequence_crashes_at_each_commit() {
    check_crashes(sequence);
}

#[test]
fn a_sequence_with_faults() {
    check_faults(sequence);
}

#[test]
fn a_sequence_in_other_orders() {
    check_orders(sequence, 30);
}

#[test]
fn a_stop_crashes_at_each_commit() {
    check_crashes(stopped);
}

#[test]
fn a_stop_with_faults() {
    check_faults(stopped);
}

#[test]
fn a_stop_in_other_orders() {
    check_orders(stopped, 30);
}

#[test]
fn a_timeout_crashes_at_each_commit() {
    check_crashes(timed_out);
}

#[test]
fn a_timeout_with_faults() {
    check_faults(timed_out);
}

#[test]
fn a_timeout_in_other_orders() {
    check_orders(timed_out, 30);
}

#[test]
fn workers_crash_at_each_commit() {
    check_crashes(workers);
}

#[test]
fn workers_with_faults() {
    check_faults(workers);
}

#[test]
fn workers_in_other_orders() {
    check_orders(workers, 30);
}

#[test]
fn a_shared_child_in_other_orders() {
    // Few of them meet the moment between a look at the child and the wait for it.
    check_orders(shared, 200);
}
