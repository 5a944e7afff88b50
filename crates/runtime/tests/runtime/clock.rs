//! Wall clocks that are set to anything: timers run on, nothing is removed, no history goes back.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use engine::Status;
use stairwell_runtime::ExecutionError;
use store::Store;

use crate::world::{BEGIN, Lives, World, execution_arn, sleep};

const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
/// A wait, a retry after a failure, a heartbeat and an answer that do not come, and a wait.
const WAITS: &str = r#"{"StartAt":"First","States":{
    "First":{"Type":"Wait","Seconds":100,"Next":"Refused"},
    "Refused":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution",
        "Parameters":{"StateMachineArn":"arn:aws:states:us-east-1:111111111111:stateMachine:none"},
        "Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":50,"MaxAttempts":1}],
        "Catch":[{"ErrorEquals":["States.ALL"],"Next":"Silent"}],"Next":"Silent"},
    "Silent":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.waitForTaskToken",
        "Parameters":{
            "StateMachineArn":"arn:aws:states:us-east-1:111111111111:stateMachine:ended"},
        "HeartbeatSeconds":20,"TimeoutSeconds":500,
        "Catch":[{"ErrorEquals":["States.HeartbeatTimeout"],"Next":"Late"}],"Next":"Late"},
    "Late":{"Type":"Task","Resource":"arn:aws:states:::states:startExecution.waitForTaskToken",
        "Parameters":{
            "StateMachineArn":"arn:aws:states:us-east-1:111111111111:stateMachine:ended"},
        "TimeoutSeconds":30,
        "Catch":[{"ErrorEquals":["States.Timeout"],"Next":"Last"}],"Next":"Last"},
    "Last":{"Type":"Wait","Seconds":200,"End":true}}}"#;
const WAITS_SECONDS: i64 = 100 + 50 + 20 + 30 + 200;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const JUMPS: [i64; 4] = [MINUTE, HOUR, DAY, 3_652 * DAY];

/// How long what has ended is kept, in seconds.
const KEPT_SECONDS: u64 = 1_000;

fn lives() -> (Lives, Arc<AtomicI64>) {
    Lives::with_wall_clock(|config| config.retention.default_seconds = Some(KEPT_SECONDS))
}

/// Something that has ended, and something that waits.
async fn begin(world: &World) -> String {
    let machine = world.machine("ended", PASS).await;
    assert_eq!(world.run(&machine, "it", "1").await, "SUCCEEDED 1");
    let machine = world.machine("waits", WAITS).await;
    world.start(&machine, "it", "{}").await.unwrap()
}

async fn is_kept(world: &World) -> bool {
    let arn = execution_arn("ended", "it");
    match world.runtime.describe_execution(&world.scope, &arn).await {
        Ok(_) => true,
        Err(ExecutionError::DoesNotExist(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

/// Waits for the end, looking four times a second, for a while at most; returns how long that took,
/// in milliseconds by the clock that runs.
async fn ended_after(world: &World, arn: &str, seconds_max: u64) -> i64 {
    let began = tokio::time::Instant::now();
    while world.describe(arn).await.header.status == Status::Running {
        assert!(began.elapsed().as_secs() < seconds_max, "{}", world.history(arn).await);
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    i64::try_from(began.elapsed().as_millis()).unwrap()
}

fn assert_in_time(jump: i64, milliseconds: i64) {
    let late = milliseconds - WAITS_SECONDS * 1_000;
    assert!((0..1_000).contains(&late), "with {jump} ms: ended {late} ms late");
}

async fn assert_never_goes_back(world: &World, arn: &str) {
    let events = world.events(arn).await;
    assert!(events.is_sorted_by_key(|event| event.timestamp), "{}", world.history(arn).await);
}

#[test]
fn a_clock_that_is_set_while_executions_wait_moves_no_timer() {
    for jump in JUMPS.into_iter().flat_map(|jump| [jump, -jump]) {
        let (mut lives, set_by) = lives();
        lives.live(async |world| {
            let arn = begin(&world).await;
            sleep(10).await;
            let before = world.runtime.now();
            set_by.store(jump, Ordering::Relaxed);
            sleep(50).await;
            // A jump of a minute is believed at once; larger ones are not yet.
            let shown = world.runtime.now().0 - before.0;
            let (least, most) = match jump {
                MINUTE => (110_000, 110_000),
                1.. => (50_000, 50_000),
                _ => (24_000, 27_000),
            };
            assert!((least..=most).contains(&shown), "{jump}: {shown}");
            assert!(is_kept(&world).await, "removed by a jump of {jump} ms that nothing confirmed");
            assert_in_time(jump, 60_000 + ended_after(&world, &arn, 1_000).await);
            assert_never_goes_back(&world, &arn).await;
            // By now the jump has stayed, and the day is believed.
            assert_eq!(is_kept(&world).await, jump <= MINUTE, "{jump}");
        });
    }
}

#[test]
fn a_clock_that_is_set_between_two_lives_moves_no_timer() {
    for jump in JUMPS.into_iter().flat_map(|jump| [jump, -jump]) {
        let (mut lives, set_by) = lives();
        let arn = lives.live(async |world| {
            let arn = begin(&world).await;
            sleep(110).await;
            arn
        });
        let mut passed = lives.running().0 - BEGIN.0;
        set_by.store(jump, Ordering::Relaxed);
        // Nobody drives it for a while; then it goes on, and once more.
        lives.sleep(10);
        passed += 10_000;
        lives.live(async |world| {
            sleep(40).await;
            assert!(is_kept(&world).await, "removed by a jump of {jump} ms that nothing confirmed");
        });
        passed += 40_000;
        lives.live(async |world| {
            assert_in_time(jump, passed + ended_after(&world, &arn, 1_000).await);
            assert_never_goes_back(&world, &arn).await;
            let start = world.describe(&arn).await.header.start;
            assert!(world.describe(&arn).await.header.stop.unwrap() > start);
        });
    }
}

#[test]
fn a_jump_that_is_taken_back_within_a_minute_has_never_been() {
    for jump in [HOUR, DAY, 3_652 * DAY] {
        let (mut lives, set_by) = lives();
        lives.live(async |world| {
            let arn = begin(&world).await;
            sleep(10).await;
            for _ in 0..5 {
                set_by.store(jump, Ordering::Relaxed);
                sleep(45).await;
                set_by.store(0, Ordering::Relaxed);
                sleep(5).await;
            }
            assert_in_time(jump, 260_000 + ended_after(&world, &arn, 1_000).await);
            assert_eq!(world.runtime.now(), world.runtime.instant().timers);
            sleep(500).await;
            assert!(is_kept(&world).await, "removed by a jump of {jump} ms that was taken back");
            assert_never_goes_back(&world, &arn).await;
        });
    }
}

#[test]
fn a_day_that_is_wrong_at_the_start_removes_nothing() {
    // The row of the clocks is gone, as in a folder of a release that had none.
    let (mut lives, set_by) = lives();
    let store = lives.store.clone();
    lives.live(async |world| {
        begin(&world).await;
        sleep(1).await;
    });
    lives.live(async |_| {
        let key = clock_key();
        let version = store.read_resource(&key).await.unwrap().unwrap().version;
        store.write_resource(&key, Some(version), None).await.unwrap();
    });
    set_by.store(DAY, Ordering::Relaxed);
    lives.live(async |world| {
        sleep(30).await;
        assert!(is_kept(&world).await);
        set_by.store(0, Ordering::Relaxed);
        sleep(500).await;
        assert!(is_kept(&world).await);
    });
}

#[test]
fn a_wait_for_a_time_of_day_ends_at_that_time() {
    let (mut lives, set_by) = lives();
    lives.live(async |world| {
        // Long after the clock was set back, timers are ahead of the day.
        set_by.store(-HOUR, Ordering::Relaxed);
        sleep(3 * 3_600).await;
        assert_eq!(world.runtime.instant().timers.0 - world.runtime.now().0, HOUR);
        let until = jiff::Timestamp::from_millisecond(world.runtime.now().0 + 100_000).unwrap();
        let definition = format!(
            r#"{{"StartAt":"W","States":{{"W":{{"Type":"Wait","Timestamp":"{until}","End":true}}}}}}"#
        );
        let machine = world.machine("until", &definition).await;
        let arn = world.start(&machine, "it", "{}").await.unwrap();
        let took = ended_after(&world, &arn, 1_000).await;
        assert!((100_000..101_000).contains(&took), "{took}");
    });
}

fn clock_key() -> store::ResourceKey {
    let scope = crate::world::scope("", "");
    store::ResourceKey { kind: store::ResourceKind::Clock, scope, name: "clock".into() }
}
