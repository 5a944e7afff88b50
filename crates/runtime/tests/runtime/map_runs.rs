//! Map Runs: a Map state in DISTRIBUTED mode, its children, and the operations on the run.

use expect_test::expect;
use stairwell_runtime::{
    ExecutionsOf, ListExecutions, ListMapRuns, MapRunError, RedriveExecution, UpdateMapRun,
};
use store::{MapRunCounts, MapRunRecord, MapRunStatus};

use crate::world::{Lives, World, alive, masked, persist, sleep};

/// A machine of one Map state in DISTRIBUTED mode; its children run those states from `S` on.
pub(crate) fn distributed(execution_type: &str, states: &str, rest: &str) -> String {
    format!(
        r#"{{"StartAt":"Each","States":{{"Each":{{"Type":"Map","End":true,"Label":"each",
            "ItemProcessor":{{"ProcessorConfig":{{"Mode":"DISTRIBUTED",
                "ExecutionType":"{execution_type}"}},"StartAt":"S","States":{{{states}}}}}{rest}}}}}}}"#
    )
}

const PASS: &str = r#""S":{"Type":"Pass","End":true}"#;
const WAIT: &str = r#""S":{"Type":"Wait","Seconds":5,"End":true}"#;
/// Fails where the item is odd.
const ODD: &str = r#""S":{"Type":"Choice","Default":"P","Choices":[
        {"Variable":"$.odd","BooleanEquals":true,"Next":"F"}]},
    "P":{"Type":"Pass","End":true},"F":{"Type":"Fail","Error":"Odd"}"#;

impl World {
    pub(crate) async fn map_runs(&self, execution_arn: &str) -> Vec<MapRunRecord> {
        let request = ListMapRuns { execution_arn, after: None, limit: 10 };
        self.runtime.list_map_runs(&self.scope, request).await.unwrap().runs
    }

    /// The children of a run, sorted: how each stands, and how many items it has.
    pub(crate) async fn map_children(&self, map_run_arn: &str) -> Vec<String> {
        let of = ExecutionsOf::MapRun(map_run_arn);
        let request = ListExecutions { of, status: None, after: None, limit: 100 };
        let list = async || self.runtime.list_executions(&self.scope, request).await;
        let page = persist(list).await.unwrap();
        let executions = page.executions.iter().zip(&page.item_counts);
        let told = |(header, items): (&store::ExecutionHeader, &u64)| {
            format!("{} {:?} {items}", header.arn, header.status)
        };
        let mut children: Vec<String> = executions.map(told).collect();
        children.sort();
        children
    }
}

pub(crate) fn told(counts: &MapRunCounts) -> String {
    let MapRunCounts { pending, running, succeeded, failed, aborted, results_written, .. } = counts;
    format!(
        "{pending} pending, {running} running, {succeeded} succeeded, {failed} failed, {aborted} \
         aborted, {} in all, {results_written} written",
        counts.total()
    )
}

fn check(definition: &str, input: &str, expected: expect_test::Expect) {
    let text = alive(async |world: World| {
        let machine = world.machine("m", definition).await;
        let arn = world.start(&machine, "e", input).await.unwrap();
        let end = masked(&world.end(&arn).await);
        let mut text = format!("{end}\n");
        for run in world.map_runs(&arn).await {
            text += &format!("{:?}: {}\n", run.status, told(&run.item_counts));
            text += &format!("executions: {}\n", told(&run.execution_counts));
        }
        text
    });
    expected.assert_eq(&text);
}

#[test]
fn children_that_may_fail_are_described_in_the_result() {
    for execution_type in ["STANDARD", "EXPRESS"] {
        let text = alive(async |world: World| {
            let rest = r#","ToleratedFailureCount":1"#;
            let machine = world.machine("m", &distributed(execution_type, ODD, rest)).await;
            let arn = world.start(&machine, "e", r#"[{"odd":false},{"odd":true}]"#).await.unwrap();
            world.end(&arn).await
        });
        let output = text.strip_prefix("SUCCEEDED ").expect("it succeeds");
        let output = json::parse(output).expect("an output is JSON");
        let [even, odd] = output.as_array().expect("an array") else {
            panic!("two results: {text}");
        };
        assert_eq!(even.to_text(), r#"{"odd":false}"#);
        let told = |name: &str| odd.get(name).and_then(json::Value::as_str);
        assert_eq!((told("Status"), told("Error")), (Some("FAILED"), Some("Odd")), "{text}");
        assert_eq!(told("Input"), Some(r#"{"odd":true}"#), "{text}");
        assert!(told("ExecutionArn").is_some_and(|arn| arn.contains(":m/each:")), "{text}");
    }
}

#[test]
fn members_of_an_object_are_selected_by_name_and_value() {
    let selector = r#","ItemSelector":{"name.$":"$$.Map.Item.Key","no.$":"$$.Map.Item.Index",
        "item.$":"$$.Map.Item.Value"}"#;
    check(
        &distributed("STANDARD", PASS, selector),
        r#"{"granite":{"kg":5},"slate":2}"#,
        expect![[r#"
            SUCCEEDED [{"name":"granite","no":0,"item":{"kg":5}},{"name":"slate","no":1,"item":2}]
            Succeeded: 0 pending, 0 running, 2 succeeded, 0 failed, 0 aborted, 2 in all, 2 written
            executions: 0 pending, 0 running, 2 succeeded, 0 failed, 0 aborted, 2 in all, 2 written
        "#]],
    );
}

#[test]
fn a_reader_whose_limit_is_not_positive_fails_its_run() {
    for value in ["-1", "0"] {
        let reader = r#","ItemReader":{"Resource":"arn:aws:states:::s3:getObject",
            "ReaderConfig":{"InputType":"CSV","CSVHeaderLocation":"FIRST_ROW",
                "MaxItemsPath":"$.max"},"Parameters":{"Bucket":"b","Key":"k"}}"#;
        let text = alive(async |world: World| {
            let machine = world.machine("m", &distributed("STANDARD", PASS, reader)).await;
            let input = format!(r#"{{"max":{value}}}"#);
            let arn = world.start(&machine, "e", &input).await.unwrap();
            let end = world.end(&arn).await;
            let runs = world.map_runs(&arn).await;
            assert_eq!(runs.len(), 1);
            assert_eq!(runs[0].status, MapRunStatus::Failed);
            end
        });
        assert_eq!(text, "FAILED States.ItemReaderFailed field MaxItems must be positive");
    }
}

#[test]
fn items_are_selected_and_batched() {
    let both = ["STANDARD", "EXPRESS"];
    for execution_type in both {
        check(
            &distributed(execution_type, PASS, ""),
            "[1,2,3]",
            expect![[r#"
                SUCCEEDED [1,2,3]
                Succeeded: 0 pending, 0 running, 3 succeeded, 0 failed, 0 aborted, 3 in all, 3 written
                executions: 0 pending, 0 running, 3 succeeded, 0 failed, 0 aborted, 3 in all, 3 written
            "#]],
        );
        check(
            &distributed(
                execution_type,
                PASS,
                r#","ItemsPath":"$.of","ItemSelector":{"at.$":"$$.Map.Item.Index",
                    "is.$":"$$.Map.Item.Value","from.$":"$$.Map.Item.Source","all.$":"$.all"},
                    "ItemBatcher":{"MaxItemsPerBatch":2,"BatchInput":{"b.$":"$.all"}}"#,
            ),
            r#"{"of":["x","y","z"],"all":7}"#,
            expect![[r#"
                SUCCEEDED [{"BatchInput":{"b":7},"Items":[{"at":0,"is":"x","from":"STATE_DATA","all":7},{"at":1,"is":"y","from":"STATE_DATA","all":7}]},{"BatchInput":{"b":7},"Items":[{"at":2,"is":"z","from":"STATE_DATA","all":7}]}]
                Succeeded: 0 pending, 0 running, 3 succeeded, 0 failed, 0 aborted, 3 in all, 3 written
                executions: 0 pending, 0 running, 2 succeeded, 0 failed, 0 aborted, 2 in all, 2 written
            "#]],
        );
    }
    check(
        &distributed("STANDARD", PASS, r#","ItemBatcher":{"MaxInputBytesPerBatch":20}"#),
        r#"["aaa","bbb","c"]"#,
        expect![[r#"
            SUCCEEDED [{"Items":["aaa"]},{"Items":["bbb"]},{"Items":["c"]}]
            Succeeded: 0 pending, 0 running, 3 succeeded, 0 failed, 0 aborted, 3 in all, 3 written
            executions: 0 pending, 0 running, 3 succeeded, 0 failed, 0 aborted, 3 in all, 3 written
        "#]],
    );
    check(
        &distributed("EXPRESS", PASS, ""),
        r#"{"a":1,"b":[2]}"#,
        expect![[r#"
            SUCCEEDED [{"Key":"a","Value":1},{"Key":"b","Value":[2]}]
            Succeeded: 0 pending, 0 running, 2 succeeded, 0 failed, 0 aborted, 2 in all, 2 written
            executions: 0 pending, 0 running, 2 succeeded, 0 failed, 0 aborted, 2 in all, 2 written
        "#]],
    );
    check(
        &distributed("STANDARD", PASS, ""),
        "[]",
        expect![[r#"
            SUCCEEDED []
            Succeeded: 0 pending, 0 running, 0 succeeded, 0 failed, 0 aborted, 0 in all, 0 written
            executions: 0 pending, 0 running, 0 succeeded, 0 failed, 0 aborted, 0 in all, 0 written
        "#]],
    );
}

#[test]
fn some_failures_are_tolerated() {
    let items = r#"[{"odd":true},{"odd":false},{"odd":true},{"odd":false}]"#;
    check(
        &distributed("STANDARD", ODD, r#","ToleratedFailureCount":2"#),
        items,
        expect![[r#"
            SUCCEEDED [{"Error":"Odd","ExecutionArn":"execution:m/each:?","Input":"{\"odd\":true}","InputDetails":{"Included":true},"Name":"?","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"REDRIVABLE_BY_MAP_RUN","StartDate":"2023-11-14T22:13:20Z","StateMachineArn":"stateMachine:m/each","Status":"FAILED","StopDate":"2023-11-14T22:13:20Z"},{"odd":false},{"Error":"Odd","ExecutionArn":"execution:m/each:?","Input":"{\"odd\":true}","InputDetails":{"Included":true},"Name":"?","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"REDRIVABLE_BY_MAP_RUN","StartDate":"2023-11-14T22:13:20Z","StateMachineArn":"stateMachine:m/each","Status":"FAILED","StopDate":"2023-11-14T22:13:20Z"},{"odd":false}]
            Succeeded: 0 pending, 0 running, 2 succeeded, 2 failed, 0 aborted, 4 in all, 2 written
            executions: 0 pending, 0 running, 2 succeeded, 2 failed, 0 aborted, 4 in all, 2 written
        "#]],
    );
    check(
        &distributed("EXPRESS", ODD, r#","ToleratedFailurePercentage":50"#),
        items,
        expect![[r#"
            SUCCEEDED [{"Error":"Odd","ExecutionArn":"express:m/each:?:?","Input":"{\"odd\":true}","InputDetails":{"Included":true},"Name":"?","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"REDRIVABLE_BY_MAP_RUN","StartDate":"2023-11-14T22:13:20Z","StateMachineArn":"stateMachine:m/each","Status":"FAILED","StopDate":"2023-11-14T22:13:20Z"},{"odd":false},{"Error":"Odd","ExecutionArn":"express:m/each:?:?","Input":"{\"odd\":true}","InputDetails":{"Included":true},"Name":"?","OutputDetails":{"Included":true},"RedriveCount":0,"RedriveStatus":"REDRIVABLE_BY_MAP_RUN","StartDate":"2023-11-14T22:13:20Z","StateMachineArn":"stateMachine:m/each","Status":"FAILED","StopDate":"2023-11-14T22:13:20Z"},{"odd":false}]
            Succeeded: 0 pending, 0 running, 2 succeeded, 2 failed, 0 aborted, 4 in all, 2 written
            executions: 0 pending, 0 running, 2 succeeded, 2 failed, 0 aborted, 4 in all, 2 written
        "#]],
    );
    for rest in [
        "",
        r#","ToleratedFailureCount":1"#,
        r#","ToleratedFailurePercentage":49.9"#,
        r#","ToleratedFailurePercentage":90,"ToleratedFailureCount":1"#,
    ] {
        let definition = distributed("STANDARD", ODD, rest);
        let end = alive(async |world: World| {
            let machine = world.machine("m", &definition).await;
            world.run(&machine, "e", items).await
        });
        let expected = "FAILED States.ExceedToleratedFailureThreshold The specified tolerated \
                        failure threshold was exceeded";
        assert_eq!(end, expected, "{rest}");
    }
}

#[test]
fn a_stop_of_the_parent_stops_the_run_and_its_children() {
    for execution_type in ["STANDARD", "EXPRESS"] {
        let definition = distributed(execution_type, WAIT, r#","MaxConcurrency":2"#);
        alive(async |world: World| {
            let machine = world.machine("m", &definition).await;
            let arn = world.start(&machine, "e", "[1,2,3]").await.unwrap();
            sleep(1).await;
            let [run] = world.map_runs(&arn).await.try_into().unwrap();
            assert_eq!(run.status, MapRunStatus::Running);
            let expected = "1 pending, 2 running, 0 succeeded, 0 failed, 0 aborted, 3 in all, 0 \
                            written";
            assert_eq!(told(&run.item_counts), expected);
            world.stop(&arn).await;
            sleep(1).await;
            let [run] = world.map_runs(&arn).await.try_into().unwrap();
            assert_eq!(run.status, MapRunStatus::Aborted);
            assert_eq!((run.item_counts.aborted, run.item_counts.succeeded), (2, 0));
            let children = world.map_children(&run.arn).await;
            assert_eq!(children.len(), 2);
            assert!(children.iter().all(|child| child.contains("Aborted")), "{children:?}");
            let events = world.history(&arn).await;
            assert!(events.contains("MapRunAborted"), "{events}");
        });
    }
}

#[test]
fn a_stop_after_a_restart_stops_and_counts_every_child() {
    let definition = distributed("STANDARD", WAIT, "");
    let mut lives = Lives::new();
    let arn = lives.live(async |world: World| {
        let machine = world.machine("m", &definition).await;
        let arn = world.start(&machine, "e", "[1,2,3,4,5]").await.unwrap();
        sleep(1).await;
        let [run] = world.map_runs(&arn).await.try_into().unwrap();
        assert_eq!(run.execution_counts.running, 5);
        // After the restart, one at a time is come to.
        let update = UpdateMapRun {
            map_run_arn: &run.arn,
            max_concurrency: Some(1),
            tolerated_failure_count: None,
            tolerated_failure_percentage: None,
        };
        world.runtime.update_map_run(&world.scope, update).await.unwrap();
        arn
    });
    lives.live(async |world: World| {
        sleep(1).await;
        world.stop(&arn).await;
        sleep(1).await;
        let [run] = world.map_runs(&arn).await.try_into().unwrap();
        assert_eq!(run.status, MapRunStatus::Aborted);
        let expected =
            "0 pending, 0 running, 0 succeeded, 0 failed, 5 aborted, 5 in all, 0 written";
        assert_eq!(told(&run.execution_counts), expected);
        let children = world.map_children(&run.arn).await;
        assert_eq!(children.len(), 5);
        assert!(children.iter().all(|child| child.contains("Aborted")), "{children:?}");
    });
}

#[test]
fn settings_change_while_it_runs() {
    let definition = distributed("STANDARD", WAIT, r#","MaxConcurrency":1"#);
    alive(async |world: World| {
        let machine = world.machine("m", &definition).await;
        let arn = world.start(&machine, "e", "[1,2,3,4,5,6,7]").await.unwrap();
        sleep(6).await;
        let [run] = world.map_runs(&arn).await.try_into().unwrap();
        assert_eq!((run.item_counts.succeeded, run.item_counts.running), (1, 1));
        let update = UpdateMapRun {
            map_run_arn: &run.arn,
            max_concurrency: Some(5),
            tolerated_failure_count: None,
            tolerated_failure_percentage: Some(12.5),
        };
        world.runtime.update_map_run(&world.scope, update).await.unwrap();
        sleep(1).await;
        let run = world.runtime.describe_map_run(&world.scope, &run.arn).await.unwrap();
        assert_eq!((run.max_concurrency, run.item_counts.running), (5, 5));
        assert!((run.tolerated_failure_percentage - 12.5).abs() < f64::EPSILON);
        world.end(&arn).await;
        let refused = world.runtime.update_map_run(&world.scope, update).await;
        assert_eq!(refused, Err(MapRunError::NotRunning(run.arn.to_string())));
        assert!(world.seconds() < 17.0, "{}", world.seconds());
    });
}

#[test]
fn a_child_is_an_execution_of_its_run() {
    let definition = distributed("STANDARD", PASS, "");
    alive(async |world: World| {
        let machine = world.machine("m", &definition).await;
        let arn = world.start(&machine, "e", r#"["one"]"#).await.unwrap();
        world.end(&arn).await;
        let [run] = world.map_runs(&arn).await.try_into().unwrap();
        let [child] = world.map_children(&run.arn).await.try_into().unwrap();
        let child = child.split_once(' ').unwrap().0;
        let header = world.describe(child).await.header;
        assert_eq!(header.map_run_arn(), Some(run.arn.to_string()));
        let head = "arn:aws:states:us-east-1:111111111111:execution:m/each:";
        assert!(child.starts_with(head), "{child}");
        let expected = expect![[r#"
            1<-0 0s ExecutionStarted
            2<-0 0s StateEntered S "one"
            3<-2 0s StateExited S
            4<-3 0s ExecutionSucceeded "one"
        "#]];
        expected.assert_eq(&world.history(child).await);
        // The children of a run are not executions of the machine itself.
        let of = ExecutionsOf::StateMachine(&machine);
        let request = ListExecutions { of, status: None, after: None, limit: 100 };
        let page = world.runtime.list_executions(&world.scope, request).await.unwrap();
        assert_eq!(page.executions.len(), 1);
    });
}

#[test]
fn a_run_within_a_child_is_a_run_of_the_child() {
    let inner = distributed("EXPRESS", PASS, "");
    let inner = inner.split_once(r#""Each":"#).unwrap().1.strip_suffix("}}").unwrap();
    let inner = inner.replace(r#""Label":"each""#, r#""Label":"inner""#).replace("\"S\"", "\"T\"");
    let definition = distributed("STANDARD", &format!(r#""S":{inner}"#), "");
    check(
        &definition,
        "[[1,2],[3]]",
        expect![[r#"
            SUCCEEDED [[1,2],[3]]
            Succeeded: 0 pending, 0 running, 2 succeeded, 0 failed, 0 aborted, 2 in all, 2 written
            executions: 0 pending, 0 running, 2 succeeded, 0 failed, 0 aborted, 2 in all, 2 written
        "#]],
    );
}

#[test]
fn a_redriven_run_runs_what_did_not_succeed() {
    // A child waits for a worker; the one that gets "b" fails at first.
    let activity = "arn:aws:states:us-east-1:111111111111:activity:a";
    let states = format!(r#""S":{{"Type":"Task","Resource":"{activity}","End":true}}"#);
    let definition = distributed("STANDARD", &states, r#","MaxConcurrency":1"#);
    let mut lives = Lives::new();
    let arn = lives.live(async |world: World| {
        world.activity("a").await;
        let machine = world.machine("m", &definition).await;
        let arn = world.start(&machine, "e", r#"["a","b","c"]"#).await.unwrap();
        let task = world.poll(activity).await.unwrap();
        world.succeed(&task.token.0, "1").await.unwrap();
        let task = world.poll(activity).await.unwrap();
        world.fail(&task.token.0, "Bad", "luck").await.unwrap();
        assert!(world.end(&arn).await.starts_with("FAILED States.ExceedToleratedFailure"));
        let request = RedriveExecution { execution_arn: &arn, client_token: None };
        world.runtime.redrive_execution(&world.scope, request).await.unwrap();
        arn
    });
    lives.live(async |world: World| {
        for (input, output) in [("\"b\"", "2"), ("\"c\"", "3")] {
            let Some(task) = world.poll(activity).await else {
                let [run] = world.map_runs(&arn).await.try_into().unwrap();
                for child in world.map_children(&run.arn).await {
                    println!("{child}:\n{}", world.history(child.split(' ').next().unwrap()).await);
                }
                panic!("no task for {input}:\n{}{run:?}", world.history(&arn).await);
            };
            assert_eq!(task.input.text(), input);
            world.succeed(&task.token.0, output).await.unwrap();
        }
        assert_eq!(world.end(&arn).await, "SUCCEEDED [1,2,3]");
        let [run] = world.map_runs(&arn).await.try_into().unwrap();
        assert_eq!((run.status, run.redrive_count), (MapRunStatus::Succeeded, 1));
        let expected =
            "0 pending, 0 running, 3 succeeded, 0 failed, 0 aborted, 3 in all, 3 written";
        assert_eq!(told(&run.item_counts), expected);
        let events = world.history(&arn).await;
        assert!(events.contains("MapRunRedriven"), "{events}");
    });
}
