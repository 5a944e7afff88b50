//! The commands that need no server: run, validate, version, completions, help.

mod common;

use std::fs;
use std::path::Path;
use std::process::Stdio;

use common::{Outcome, folder, outcome, outcome_with_input, stairwell};

const PASS: &str = r#"{"StartAt":"P","States":{"P":{"Type":"Pass","End":true}}}"#;
const FAIL: &str =
    r#"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"Broken","Cause":"on purpose"}}}"#;
const INVALID: &str =
    "{\n  \"StartAt\": \"P\",\n  \"States\": {\n    \"P\": {\"Type\": \"Pass\"}\n  }\n}\n";

fn run_in(folder: &Path, definition: &str, arguments: &[&str]) -> Outcome {
    fs::write(folder.join("machine.asl.json"), definition).expect("written");
    let arguments = [&["run", "machine.asl.json"], arguments].concat();
    outcome(&mut stairwell(folder, &arguments))
}

#[test]
fn run_prints_the_output_of_a_success() {
    let folder = folder("run_success");
    let ran = run_in(&folder, PASS, &["--input", r#"{"a": [1.10, "ü"]}"#]);
    assert_eq!((ran.status, &*ran.out, &*ran.err), (0, "{\"a\": [1.10, \"ü\"]}\n", ""));
    assert_eq!(run_in(&folder, PASS, &[]).out, "{}\n");
    fs::write(folder.join("input.json"), "[1,\n2]").expect("written");
    assert_eq!(run_in(&folder, PASS, &["--input", "@input.json"]).out, "[1,\n2]\n");
}

#[test]
fn run_reads_the_definition_from_standard_input() {
    let folder = folder("run_stdin");
    let ran = outcome_with_input(&mut stairwell(&folder, &["run", "-", "--input", "7"]), PASS);
    assert_eq!((ran.status, &*ran.out), (0, "7\n"));
}

#[test]
fn run_tells_error_and_cause_of_a_failure() {
    let ran = run_in(&folder("run_failure"), FAIL, &[]);
    assert_eq!((ran.status, &*ran.out), (1, ""));
    assert_eq!(ran.err, "stairwell: the execution ended as FAILED: Broken: on purpose\n");
}

#[test]
fn run_tells_the_history() {
    let ran = run_in(&folder("run_history"), PASS, &["--history", "--input", "1"]);
    assert_eq!((ran.status, &*ran.out), (0, "1\n"));
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(
        lines,
        [
            "   1  ExecutionStarted         gets 1",
            "   2  PassStateEntered         'P' gets 1",
            "   3  PassStateExited          'P' gives 1",
            "   4  ExecutionSucceeded       gives 1",
        ]
    );
}

#[test]
fn run_prints_json_for_programs() {
    let folder = folder("run_json");
    let ran = run_in(&folder, FAIL, &["--json", "--history", "--name", "mine"]);
    assert_eq!(ran.status, 1);
    assert_eq!(ran.err, "");
    let told: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(told["status"], "FAILED");
    assert_eq!(told["error"], "Broken");
    assert_eq!(told["events"].as_array().map(Vec::len), Some(3));
    let arn = "arn:aws:states:us-east-1:123456789012:execution:machine:mine";
    assert_eq!(told["executionArn"], arn);
}

#[test]
fn run_refuses_what_it_cannot_start() {
    let folder = folder("run_refusals");
    let ran = run_in(&folder, INVALID, &[]);
    assert_eq!((ran.status, &*ran.out), (2, ""));
    assert!(
        ran.err.starts_with("machine.asl.json:4:5: error[SCHEMA_VALIDATION_FAILED]: "),
        "{ran:?}"
    );
    for (arguments, expected) in [
        (&["--input", "{'a'"][..], "stairwell: the input is not JSON: Unexpected character"),
        (&["--input", "@absent.json"], "stairwell: absent.json cannot be read: No such file"),
        (&["--name", "a/b"], "stairwell: InvalidName: Invalid Name: 'a/b'"),
        (&["--no-such-flag"], "error: unexpected argument '--no-such-flag'"),
    ] {
        let ran = run_in(&folder, PASS, arguments);
        assert_eq!((ran.status, &*ran.out), (2, ""), "{ran:?}");
        assert!(ran.err.starts_with(expected), "{}", ran.err);
    }
    let ran = outcome(&mut stairwell(&folder, &["run", "absent.asl.json"]));
    assert_eq!(ran.status, 2);
    assert!(ran.err.starts_with("stairwell: absent.asl.json cannot be read: "), "{}", ran.err);
}

#[test]
fn validate_tells_where_the_mistakes_are() {
    let folder = folder("validate");
    fs::write(folder.join("good.asl.json"), PASS).expect("written");
    fs::write(folder.join("bad.asl.json"), INVALID).expect("written");
    fs::write(folder.join("text.asl.json"), "{\n  nonsense").expect("written");
    let validate =
        |files: &[&str]| outcome(&mut stairwell(&folder, &[&["validate"], files].concat()));

    let told = validate(&["good.asl.json"]);
    assert_eq!((told.status, &*told.out, &*told.err), (0, "good.asl.json: valid\n", ""));

    let told = validate(&["good.asl.json", "bad.asl.json"]);
    assert_eq!((told.status, &*told.err), (1, ""));
    let lines: Vec<&str> = told.out.lines().collect();
    assert_eq!(lines[0], "good.asl.json: valid");
    assert!(
        lines[1].starts_with("bad.asl.json:4:5: error[SCHEMA_VALIDATION_FAILED]: "),
        "{told:?}"
    );
    assert!(lines[1].ends_with(" (at /States/P)"), "{told:?}");

    let told = validate(&["text.asl.json"]);
    assert_eq!(told.status, 1);
    assert!(
        told.out.starts_with("text.asl.json:2:3: error[INVALID_JSON_DESCRIPTION]: "),
        "{told:?}"
    );

    let told = validate(&["absent.asl.json", "good.asl.json"]);
    assert_eq!((told.status, &*told.out), (2, "good.asl.json: valid\n"));
    assert!(told.err.starts_with("stairwell: absent.asl.json cannot be read: "), "{told:?}");

    let told = outcome_with_input(&mut stairwell(&folder, &["validate", "-"]), PASS);
    assert_eq!((told.status, &*told.out), (0, "<stdin>: valid\n"));
}

#[test]
fn graph_draws_what_it_can_read() {
    let folder = folder("graph");
    fs::write(folder.join("good.asl.json"), PASS).expect("written");
    fs::write(folder.join("bad.asl.json"), INVALID).expect("written");
    fs::write(folder.join("text.asl.json"), "{\n  nonsense").expect("written");
    let graph = |rest: &[&str]| outcome(&mut stairwell(&folder, &[&["graph"], rest].concat()));
    for file in ["good.asl.json", "bad.asl.json"] {
        let drawn = graph(&[file]);
        assert_eq!((drawn.status, &*drawn.err), (0, ""), "{file}");
        assert!(drawn.out.starts_with("<svg ") && drawn.out.ends_with("</svg>\n"), "{drawn:?}");
    }
    let drawn = graph(&["good.asl.json", "--as", "mermaid", "--direction", "right"]);
    assert!(drawn.out.starts_with("flowchart LR\n"), "{drawn:?}");
    let drawn = graph(&["good.asl.json", "--as", "json"]);
    json::validate(&drawn.out).expect("it is JSON");
    let refused = graph(&["text.asl.json"]);
    assert_eq!((refused.status, &*refused.out), (2, ""));
    assert!(
        refused.err.starts_with("stairwell: the definition is not JSON: ")
            && refused.err.ends_with(" (line 2, column 3)\n"),
        "{refused:?}"
    );
    let refused = graph(&["absent.asl.json"]);
    assert_eq!(refused.status, 2);
    assert!(refused.err.starts_with("stairwell: absent.asl.json cannot be read: "), "{refused:?}");
    let refused = graph(&["good.asl.json", "--as", "dot", "--theme", "dark"]);
    assert_eq!((refused.status, &*refused.err), (2, "stairwell: --theme is of --as svg alone\n"));
    let refused = graph(&["good.asl.json", "--endpoint", "http://127.0.0.1:1"]);
    assert_eq!(refused.status, 2);
    assert!(refused.err.starts_with("stairwell: --endpoint is of ARNs alone"), "{refused:?}");
    let refused = graph(&["arn:aws:states:us-east-1:123456789012:activity:a"]);
    assert_eq!(refused.status, 2);
    assert!(refused.err.contains("the ARN of neither a state machine nor an execution"));
}

#[test]
fn a_reader_that_stops_reading_is_nothing_to_speak_of() {
    let folder = folder("closed_pipe");
    fs::write(folder.join("good.asl.json"), PASS).expect("written");
    let mut command = stairwell(&folder, &["validate", "good.asl.json"]);
    let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("the command starts");
    drop(process.stdout.take());
    let told = Outcome::from(process.wait_with_output().expect("the command ends"));
    assert_eq!((told.status, &*told.err), (0, ""));
}

#[test]
fn the_examples_are_valid() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let told =
        outcome(&mut stairwell(&examples, &["validate", "parent.asl.json", "child.asl.json"]));
    assert_eq!(
        (told.status, &*told.out),
        (0, "parent.asl.json: valid\nchild.asl.json: valid\n"),
        "{told:?}"
    );
}

#[test]
fn the_command_explains_itself() {
    let folder = folder("help");
    let version = outcome(&mut stairwell(&folder, &["version"]));
    assert_eq!(version.out, format!("stairwell {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(outcome(&mut stairwell(&folder, &["--version"])).out, version.out);

    let help = outcome(&mut stairwell(&folder, &["--help"]));
    assert_eq!(help.status, 0);
    for part in ["stairwell demo", "--endpoint-url http://127.0.0.1:8083", "validate"] {
        assert!(help.out.contains(part), "{part}: {}", help.out);
    }
    assert_eq!(outcome(&mut stairwell(&folder, &[])).status, 2);

    let serve = outcome(&mut stairwell(&folder, &["serve", "--help"])).out;
    for option in
        ["HOST", "PORT", "DATA", "IN_MEMORY", "LOG", "ACCOUNT", "REGION", "CONFIG", "ACCESS_KEYS"]
    {
        assert!(serve.contains(&format!("[env: STAIRWELL_{option}]")), "{option}: {serve}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = outcome(&mut stairwell(&folder, &["completions", shell]));
        assert_eq!(script.status, 0);
        assert!(script.out.contains("validate"), "{shell}");
    }
}

/// The policies of AWS's page on nested executions, with the placeholders filled in.
#[test]
fn policy_prints_the_documents_of_the_page() {
    const START: &str = r#"{"Effect":"Allow","Action":["states:StartExecution"],"Resource":
        ["arn:aws:states:us-east-1:123456789012:stateMachine:child"]}"#;
    const WAIT: &str = r#"{"Effect":"Allow","Action":
        ["states:DescribeExecution","states:StopExecution"],"Resource":
        ["arn:aws:states:us-east-1:123456789012:execution:child:*"]},
        {"Effect":"Allow","Action":["events:PutTargets","events:PutRule","events:DescribeRule"],
        "Resource":["arn:aws:events:us-east-1:123456789012:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule"]}"#;
    let folder = folder("policy_page");
    for (pattern, statements) in [
        ("", START.to_owned()),
        (".waitForTaskToken", START.to_owned()),
        (".sync", format!("{START},{WAIT}")),
        (".sync:2", format!("{START},{WAIT}")),
    ] {
        let definition = format!(
            r#"{{"StartAt":"T","States":{{"T":{{"Type":"Task","End":true,
            "Resource":"arn:aws:states:::states:startExecution{pattern}","Parameters":{{
            "StateMachineArn":"arn:aws:states:us-east-1:123456789012:stateMachine:child",
            "Input":{{"token.$":"$$.Execution.Id"}}}}}}}}}}"#
        );
        fs::write(folder.join("machine.asl.json"), definition).expect("written");
        let printed = outcome(&mut stairwell(&folder, &["policy", "machine.asl.json"]));
        assert_eq!((printed.status, &*printed.err), (0, ""), "{pattern}");
        let text = |text: &str| json::parse(text).expect("it is JSON").to_text();
        let expected = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        assert_eq!(text(&printed.out), text(&expected), "{pattern}");
    }
}
