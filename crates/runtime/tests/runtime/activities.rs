//! Activities and task tokens.

use std::time::Duration;

use expect_test::expect;
use stairwell_runtime::{
    ActivityError, ActivityList, CreateActivity, GetActivityTask, ListActivities, TaskError,
};

use crate::world::{BEGIN, Lives, World, alive, execution_arn, scope, sleep};

/// A machine of one Task state that an activity's worker does.
fn definition(rest: &str) -> String {
    let activity = "arn:aws:states:us-east-1:111111111111:activity:a";
    format!(
        r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","Resource":"{activity}"{rest},
            "End":true}}}}}}"#
    )
}

/// A world with an activity and a machine that uses it.
async fn prepare(world: &World, rest: &str) -> (String, String) {
    (world.activity("a").await, world.machine("m", &definition(rest)).await)
}

#[test]
fn a_worker_does_a_task() {
    alive(async |world: World| {
        let (activity, machine) = prepare(&world, "").await;
        let arn = world.start(&machine, "e", r#"{"a": 1}"#).await.unwrap();
        sleep(5).await;
        let task = world.poll(&activity).await.unwrap();
        assert_eq!(task.input.text(), r#"{"a": 1}"#);
        sleep(5).await;
        world.succeed(&task.token.0, r#"{"b": 2}"#).await.unwrap();
        assert_eq!(world.end(&arn).await, r#"SUCCEEDED {"b": 2}"#);
        expect![[r#"
            1<-0 0s ExecutionStarted
            2<-0 0s StateEntered T {"a": 1}
            3<-2 0s ActivityScheduled
            4<-3 5s ActivityStarted
            5<-4 10s ActivitySucceeded {"b": 2}
            6<-5 10s StateExited T
            7<-6 10s ExecutionSucceeded {"b": 2}
        "#]]
        .assert_eq(&world.history(&arn).await);
        let late = world.succeed(&task.token.0, "{}").await;
        assert_eq!(late, Err(TaskError::TaskTimedOut));
    });
}

#[test]
fn a_worker_fails_a_task() {
    alive(async |world: World| {
        let (activity, machine) = prepare(&world, "").await;
        let arn = world.start(&machine, "e", "{}").await.unwrap();
        let task = world.poll(&activity).await.unwrap();
        world.fail(&task.token.0, "Broken", "on purpose").await.unwrap();
        assert_eq!(world.end(&arn).await, "FAILED Broken on purpose");
    });
}

#[test]
fn a_worker_that_waits_gets_the_task_at_once() {
    alive(async |world: World| {
        let (activity, machine) = prepare(&world, "").await;
        let waiting = tokio::spawn({
            let world = world.clone();
            async move { (world.poll(&activity).await, world.seconds()) }
        });
        sleep(10).await;
        world.start(&machine, "e", "{}").await.unwrap();
        let (task, seconds) = waiting.await.unwrap();
        assert!(task.is_some());
        assert_eq!(seconds, 10.0);
    });
}

#[test]
fn a_poll_ends_without_a_task_when_its_time_is_over() {
    alive(async |world: World| {
        let activity = world.activity("a").await;
        assert_eq!(world.poll(&activity).await, None);
        assert_eq!(world.seconds(), 60.0);
    });
}

#[test]
fn a_task_goes_to_one_worker() {
    alive(async |world: World| {
        let (activity, machine) = prepare(&world, "").await;
        for name in ["1", "2"] {
            world.start(&machine, name, &format!("[{name}]")).await.unwrap();
        }
        let first = world.poll(&activity).await.unwrap();
        let second = world.poll(&activity).await.unwrap();
        assert_eq!((first.input.text(), second.input.text()), ("[1]", "[2]"));
        assert_eq!(world.poll(&activity).await, None);
    });
}

#[test]
fn a_task_that_timed_out_in_the_queue_is_passed_over() {
    alive(async |world: World| {
        let (activity, machine) = prepare(&world, r#","TimeoutSeconds":10"#).await;
        let first = world.start(&machine, "1", "[1]").await.unwrap();
        sleep(5).await;
        world.start(&machine, "2", "[2]").await.unwrap();
        assert_eq!(world.end(&first).await, "FAILED States.Timeout");
        assert_eq!(world.poll(&activity).await.unwrap().input.text(), "[2]");
    });
}

#[test]
fn heartbeats_keep_a_task_alive() {
    alive(async |world: World| {
        let (activity, machine) = prepare(&world, r#","HeartbeatSeconds":10"#).await;
        let arn = world.start(&machine, "e", "{}").await.unwrap();
        sleep(100).await;
        let task = world.poll(&activity).await.unwrap();
        for _ in 0..5 {
            sleep(8).await;
            world.heartbeat(&task.token.0).await.unwrap();
        }
        assert_eq!(world.end(&arn).await, "FAILED States.Timeout");
        let stop = world.describe(&arn).await.header.stop;
        assert_eq!(stop, Some(BEGIN.plus_seconds(100 + 5 * 8 + 10)));
        assert_eq!(world.heartbeat(&task.token.0).await, Err(TaskError::TaskTimedOut));
        expect![[r#"
            1<-0 0s ExecutionStarted
            2<-0 0s StateEntered T {}
            3<-2 0s ActivityScheduled
            4<-3 100s ActivityStarted
            5<-4 150s ActivityTimedOut States.Timeout
            6<-5 150s ExecutionFailed States.Timeout
        "#]]
        .assert_eq(&world.history(&arn).await);
    });
}

#[test]
fn a_retry_is_another_task() {
    alive(async |world: World| {
        let rest = r#","Retry":[{"ErrorEquals":["Broken"],"IntervalSeconds":30}]"#;
        let (activity, machine) = prepare(&world, rest).await;
        let arn = world.start(&machine, "e", "{}").await.unwrap();
        let first = world.poll(&activity).await.unwrap();
        world.fail(&first.token.0, "Broken", "").await.unwrap();
        let second = world.poll(&activity).await.unwrap();
        assert_eq!(world.seconds(), 30.0);
        assert_eq!(world.succeed(&first.token.0, "1").await, Err(TaskError::TaskTimedOut));
        world.succeed(&second.token.0, "2").await.unwrap();
        assert_eq!(world.end(&arn).await, "SUCCEEDED 2");
    });
}

#[test]
fn answers_that_are_refused() {
    alive(async |world: World| {
        let (activity, machine) = prepare(&world, "").await;
        world.start(&machine, "e", "{}").await.unwrap();
        let token = world.poll(&activity).await.unwrap().token.0;
        for garbled in ["", "x", &token[1..], &format!("{token}0"), &"x".repeat(88)] {
            assert_eq!(world.succeed(garbled, "{}").await, Err(TaskError::InvalidToken));
        }
        // The right task with the wrong secret.
        let last = if token.ends_with('0') { "1" } else { "0" };
        let guessed = format!("{}{last}", &token[..87]);
        assert_eq!(world.succeed(&guessed, "{}").await, Err(TaskError::TaskTimedOut));
        let unknown = "0".repeat(88);
        assert_eq!(world.heartbeat(&unknown).await, Err(TaskError::TaskDoesNotExist));
        let other = World { scope: scope("222222222222", "us-east-1"), ..world.clone() };
        assert_eq!(other.succeed(&token, "{}").await, Err(TaskError::InvalidToken));

        for (output, message) in [
            ("", "Invalid Output: '"),
            ("not", "Invalid Output: 'Unrecognized token 'not': was expecting"),
            (&*format!("\"{}\"", "x".repeat(262_143)), "Invalid Output: 'Output is longer than"),
        ] {
            let refused = world.succeed(&token, output).await.unwrap_err().to_string();
            assert!(refused.starts_with(message), "{refused}");
        }
        let longest = format!("\"{}\"", "x".repeat(262_142));
        world.succeed(&token, &longest).await.unwrap();
    });
}

#[test]
fn so_many_workers_poll_and_no_more() {
    Lives::with(|config| config.activity_pollers_max = 2).live(async |world: World| {
        let activity = world.activity("a").await;
        let waiting: Vec<_> = (0..2)
            .map(|_| {
                let (world, activity) = (world.clone(), activity.clone());
                tokio::spawn(async move { world.poll(&activity).await })
            })
            .collect();
        sleep(1).await;
        let request = GetActivityTask {
            activity_arn: &activity,
            worker_name: None,
            wait: Duration::from_secs(60),
        };
        let refused = world.runtime.get_activity_task(&world.scope, request).await;
        assert_eq!(refused, Err(ActivityError::WorkerLimitExceeded(activity.clone())));
        // Those who hang up make room.
        waiting[0].abort();
        sleep(1).await;
        assert_eq!(world.poll(&activity).await, None);
    });
}

#[test]
fn a_worker_that_hangs_up_loses_no_task() {
    alive(async |world: World| {
        let (activity, machine) = prepare(&world, "").await;
        let gone = tokio::spawn({
            let (world, activity) = (world.clone(), activity.clone());
            async move { world.poll(&activity).await }
        });
        sleep(1).await;
        gone.abort();
        world.start(&machine, "e", "{}").await.unwrap();
        assert!(world.poll(&activity).await.is_some());
        assert_eq!(world.seconds(), 1.0);
    });
}

#[test]
fn a_long_poll_ends_with_the_runtime() {
    alive(async |world: World| {
        let activity = world.activity("a").await;
        let waiting = tokio::spawn({
            let world = world.clone();
            async move {
                let wait = Duration::from_secs(60);
                let request = GetActivityTask { activity_arn: &activity, worker_name: None, wait };
                world.runtime.get_activity_task(&world.scope, request).await
            }
        });
        sleep(1).await;
        world.runtime.shutdown().await;
        let refused = waiting.await.unwrap().unwrap_err();
        assert_eq!(refused.to_string(), "the runtime is shutting down");
        assert_eq!(world.seconds(), 1.0);
    });
}

#[test]
fn activities_are_made_described_listed_and_deleted() {
    alive(async |world: World| {
        let (runtime, scope) = (&world.runtime, &world.scope);
        let arn = world.activity("b").await;
        assert_eq!(arn, "arn:aws:states:us-east-1:111111111111:activity:b");
        sleep(5).await;
        let request = CreateActivity { name: "b", encryption: None };
        let again = runtime.create_activity(scope, request).await.unwrap();
        assert_eq!(again.creation_date, BEGIN);
        assert_eq!(runtime.describe_activity(scope, &arn).await, Ok(again));

        let encryption = Some(serde_json::json!({"type": "CUSTOMER_MANAGED_KMS_KEY"}));
        let request = CreateActivity { name: "b", encryption };
        let refused = runtime.create_activity(scope, request).await;
        assert_eq!(refused, Err(ActivityError::AlreadyExists(arn.as_str().into())));
        let request = CreateActivity { name: "a b", encryption: None };
        let refused = runtime.create_activity(scope, request).await;
        assert_eq!(refused, Err(ActivityError::InvalidName("a b".to_owned())));

        world.activity("a").await;
        world.activity("c").await;
        let list = async |after| {
            let request = ListActivities { after, limit: 2 };
            let ActivityList { activities, next } =
                runtime.list_activities(scope, request).await.unwrap();
            (activities.iter().map(|activity| &*activity.name).collect::<String>(), next)
        };
        assert_eq!(list(None).await, ("ab".to_owned(), Some("b".into())));
        assert_eq!(list(Some("b")).await, ("c".to_owned(), None));

        runtime.delete_activity(scope, &arn).await.unwrap();
        runtime.delete_activity(scope, &arn).await.unwrap();
        let absent = Err(ActivityError::DoesNotExist(arn.clone()));
        assert_eq!(runtime.describe_activity(scope, &arn).await, absent);
        let wait = Duration::from_secs(1);
        let request = GetActivityTask { activity_arn: &arn, worker_name: None, wait };
        let refused = runtime.get_activity_task(scope, request).await;
        assert_eq!(refused, Err(ActivityError::DoesNotExist(arn)));
    });
}

/// How an execution ends whose first state is for an activity that is not there.
const NO_ACTIVITY: &str = "FAILED States.Runtime An error occurred while executing the state 'T' \
                           (entered at the event id #2). The activity ARN does not exist.";

#[test]
fn a_deleted_activity_fails_the_tasks_that_come_to_it_and_no_others() {
    alive(async |world: World| {
        let (activity, machine) = prepare(&world, "").await;
        let before = world.start(&machine, "before", "{}").await.unwrap();
        world.runtime.delete_activity(&world.scope, &activity).await.unwrap();
        assert_eq!(world.run(&machine, "after", "{}").await, NO_ACTIVITY);
        expect![[r#"
            1<-0 0s ExecutionStarted
            2<-0 0s StateEntered T {}
            3<-2 0s ExecutionFailed States.Runtime An error occurred while executing the state 'T' (entered at the event id #2). The activity ARN does not exist.
        "#]]
        .assert_eq(&world.history(&execution_arn("m", "after")).await);
        assert!(world.history(&before).await.ends_with("ActivityScheduled\n"));
    });
}

#[test]
fn the_activity_of_another_account_gets_no_task() {
    alive(async |world: World| {
        let other = World { scope: scope("222222222222", "us-east-1"), ..world.clone() };
        let activity = other.activity("a").await;
        let definition = definition("").replace("111111111111", "222222222222");
        let machine = world.machine("m", &definition).await;
        let ending = world.run(&machine, "e", "{}").await;
        assert_eq!(ending, NO_ACTIVITY);
        assert_eq!(other.poll(&activity).await, None);
    });
}

#[test]
fn many_results_at_once() {
    alive(async |world: World| {
        let activity = world.activity("a").await;
        let definition = format!(
            r#"{{"StartAt":"Each","States":{{"Each":{{"Type":"Map","MaxConcurrency":500,
                "ItemProcessor":{},"End":true}}}}}}"#,
            definition("")
        );
        let machine = world.machine("m", &definition).await;
        let input = format!("{:?}", (0..300).collect::<Vec<_>>()).replace(' ', "");
        let arn = world.start(&machine, "e", &input).await.unwrap();
        let mut workers = Vec::new();
        for _ in 0..300 {
            let task = world.poll(&activity).await.unwrap();
            let world = world.clone();
            workers.push(tokio::spawn(async move {
                world.succeed(&task.token.0, task.input.text()).await
            }));
        }
        for worker in workers {
            worker.await.unwrap().unwrap();
        }
        assert_eq!(world.end(&arn).await, format!("SUCCEEDED {input}"));
        // Results that came together share a commit: far fewer than one each.
        let revision = world.describe(&execution_arn("m", "e")).await.header.revision;
        assert!(revision.0 < 1 + 300 + 30, "{revision:?}");
    });
}

#[test]
fn tasks_that_timed_out_are_not_on_offer_any_more() {
    let lives = Lives::new();
    let loads = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = loads.clone();
    let store = store::FaultyStore::new(lives.store.clone(), move |operation| {
        if operation == store::Operation::Load {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
        None
    });
    let mut lives = lives;
    lives.live_on(std::sync::Arc::new(store), async |world| {
        let activity = world.activity("a").await;
        let definition = format!(
            r#"{{"StartAt":"A","States":{{"A":{{"Type":"Task","Resource":"{activity}",
                "TimeoutSeconds":5,"End":true}}}}}}"#
        );
        let machine = world.machine("m", &definition).await;
        for number in 0..200 {
            world.start(&machine, &format!("stale-{number}"), "{}").await.unwrap();
        }
        sleep(10).await;
        world.start(&machine, "new", "[7]").await.unwrap();
        let loads_before = loads.load(std::sync::atomic::Ordering::Relaxed);
        let task = world.poll(&activity).await.expect("there is one task");
        assert_eq!(task.input.text(), "[7]");
        // A stale task would have its execution loaded, which has ended.
        assert_eq!(loads.load(std::sync::atomic::Ordering::Relaxed), loads_before);
    });
}
