//! What a crash interrupts goes on after it, and ends as if there had been none.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use engine::{ExecutionId, Status, Timestamp};
use expect_test::expect;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use stairwell_runtime::{
    ExecutionError, GetActivityTask, StartError, StartExecution, StopExecution, TaskError,
};
use store::{
    Claim, Commit, ExecutionHeader, ExecutionQuery, Fault, FaultyStore, HistoryCursor, HistoryPage,
    ListCursor, Loaded, Operation, Resource, ResourceKey, ResourceKind, Scope, Store, StoreError,
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

async fn endings(world: &World, executions: &[&str]) -> String {
    let mut endings = String::new();
    for execution in executions {
        let (machine, name) = execution.split_once(':').unwrap();
        let ending = world.ensure_ended(&execution_arn(machine, name)).await;
        endings += &format!("{execution} {}\n", ending.as_deref().unwrap_or("is not there"));
    }
    endings
}

/// A store whose process dies at a commit: before it, or after it and before its answer.
struct MortalStore {
    inner: Arc<dyn Store>,
    /// Commits until then, the last one included; nothing is answered afterwards.
    commits_left: AtomicUsize,
    fault: Fault,
    died: watch::Sender<bool>,
}

impl MortalStore {
    fn new(inner: Arc<dyn Store>, commits: usize, fault: Fault) -> MortalStore {
        let commits_left = AtomicUsize::new(commits);
        MortalStore { inner, commits_left, fault, died: watch::Sender::new(false) }
    }

    async fn alive(&self) {
        if *self.died.borrow() {
            pending().await
        }
    }
}

#[async_trait]
impl Store for MortalStore {
    async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        self.alive().await;
        if self.commits_left.fetch_sub(1, Ordering::Relaxed) > 1 {
            return self.inner.commit(commit).await;
        }
        if self.fault == Fault::After {
            self.inner.commit(commit).await.ok();
        }
        self.died.send_replace(true);
        pending().await
    }

    async fn load(&self, id: ExecutionId) -> Result<Option<Loaded>, StoreError> {
        self.alive().await;
        self.inner.load(id).await
    }

    async fn find_execution(&self, arn: &str) -> Result<Option<ExecutionId>, StoreError> {
        self.alive().await;
        self.inner.find_execution(arn).await
    }

    async fn header(&self, id: ExecutionId) -> Result<Option<ExecutionHeader>, StoreError> {
        self.alive().await;
        self.inner.header(id).await
    }

    async fn history(
        &self,
        id: ExecutionId,
        from: Option<HistoryCursor>,
        limit: usize,
        reverse: bool,
    ) -> Result<HistoryPage, StoreError> {
        self.alive().await;
        self.inner.history(id, from, limit, reverse).await
    }

    async fn list_executions(
        &self,
        query: &ExecutionQuery,
        status: Option<Status>,
        after: Option<ListCursor>,
        limit: usize,
    ) -> Result<Vec<ExecutionHeader>, StoreError> {
        self.alive().await;
        self.inner.list_executions(query, status, after, limit).await
    }

    async fn claim_due(&self, now: Timestamp, limit: usize) -> Result<Claim, StoreError> {
        self.alive().await;
        self.inner.claim_due(now, limit).await
    }

    async fn open_count(&self, scope: &Scope) -> Result<u64, StoreError> {
        self.alive().await;
        self.inner.open_count(scope).await
    }

    async fn read_resource(&self, key: &ResourceKey) -> Result<Option<Resource>, StoreError> {
        self.alive().await;
        self.inner.read_resource(key).await
    }

    async fn write_resource(
        &self,
        key: &ResourceKey,
        expected: Option<u64>,
        value: Option<Vec<u8>>,
    ) -> Result<u64, StoreError> {
        self.alive().await;
        self.inner.write_resource(key, expected, value).await
    }

    async fn list_resources(
        &self,
        kind: ResourceKind,
        scope: &Scope,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(ResourceKey, Resource)>, StoreError> {
        self.alive().await;
        self.inner.list_resources(kind, scope, after, limit).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.inner.close().await
    }
}

/// Counts the commits of a run without faults, and gives its result.
fn sound<T>(workload: impl AsyncFn(World) -> T) -> (T, usize) {
    let mut lives = Lives::new();
    let inner = lives.store.clone();
    let commits = Arc::new(AtomicUsize::new(0));
    let counted = commits.clone();
    let store = FaultyStore::new(inner, move |operation| {
        counted.fetch_add(usize::from(operation == Operation::Commit), Ordering::Relaxed);
        None
    });
    let result = lives.live_on(Arc::new(store), &workload);
    (result, commits.load(Ordering::Relaxed))
}

fn check_crashes(workload: impl AsyncFn(World) -> String) {
    let (expected, commits) = sound(&workload);
    assert!(commits > 5, "{commits} commits");
    for fault in [Fault::Before, Fault::After] {
        for commit in 1..=commits {
            let mut lives = Lives::new();
            let inner = lives.store.clone();
            let store = Arc::new(MortalStore::new(inner, commit, fault));
            let mut died = store.died.subscribe();
            lives.live_on(store, async |world: World| {
                tokio::select! {
                    _ = workload(world) => {}
                    _ = died.wait_for(|died| *died) => {}
                }
            });
            let result = lives.live(&workload);
            assert_eq!(result, expected, "with a crash at commit {commit}, {fault:?} it");
        }
    }
}

fn check_faults(workload: impl AsyncFn(World) -> String) {
    let (expected, commits) = sound(&workload);
    for fault in [Fault::Before, Fault::After] {
        for commit in 0..commits {
            let mut lives = Lives::new();
            let inner = lives.store.clone();
            let store = FaultyStore::after_commits(inner, commit, fault);
            let result = lives.live_on(Arc::new(store), &workload);
            assert_eq!(result, expected, "with a fault {fault:?} commit {commit}");
        }
    }
    for seed in 0..20 {
        let mut lives = Lives::new();
        let inner = lives.store.clone();
        let mut random = ChaCha8Rng::from_seed([seed; 32]);
        let store = FaultyStore::new(inner, move |_| match random.next_u32() % 10 {
            0 => Some(Fault::Before),
            1 => Some(Fault::After),
            _ => None,
        });
        let result = lives.live_on(Arc::new(store), &workload);
        assert_eq!(result, expected, "with the faults of seed {seed}");
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
fn a_stop_crashes_at_each_commit() {
    check_crashes(stopped);
}

#[test]
fn a_stop_with_faults() {
    check_faults(stopped);
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
fn workers_crash_at_each_commit() {
    check_crashes(workers);
}

#[test]
fn workers_with_faults() {
    check_faults(workers);
}
