//! The kinds of execution that a crash run starts, and what each must have done in the end.

use serde_json::{Value, json};

/// A state machine, and what a whole execution of it looks like.
pub(crate) struct Shape {
    /// Its name, also that of its state machine.
    pub(crate) name: &'static str,
    /// Its definition.
    pub(crate) definition: Value,
    /// The output that it must end with, but for the token; none where it is a child that may fail.
    pub(crate) output: Option<Value>,
    /// The member of the output that holds the token of an effect.
    pub(crate) token: Option<&'static str>,
    /// How often each state must have been entered.
    pub(crate) entered: Vec<(&'static str, u64)>,
    /// How often each other type of event must be there.
    pub(crate) events: Vec<(&'static str, u64)>,
}

/// The ARN of what the load makes.
pub(crate) fn arn(kind: &str, name: &str) -> String {
    format!("arn:aws:states:us-east-1:123456789012:{kind}:{name}")
}

/// The activity whose workers the load runs.
pub(crate) const ACTIVITY: &str = "crash-work";

/// The input of every execution that the load starts.
pub(crate) const INPUT: &str = r#"{"items":[1,2,3,4]}"#;

/// The machines that others start; before those that start them.
pub(crate) fn children() -> Vec<Shape> {
    vec![
        Shape {
            name: "crash-child",
            definition: json!({"StartAt": "Rest", "States": {
                "Rest": {"Type": "Wait", "Seconds": 2, "Next": "Answer"},
                "Answer": {
                    "Type": "Pass",
                    "Parameters": {"answer": 42, "child.$": "States.UUID()"},
                    "End": true,
                },
            }}),
            output: Some(json!({"answer": 42})),
            token: Some("child"),
            entered: vec![("Rest", 1), ("Answer", 1)],
            events: vec![],
        },
        Shape {
            name: "crash-flaky-child",
            definition: json!({"StartAt": "Third", "States": {
                "Third": {"Type": "Choice", "Default": "Break", "Choices": [
                    {"Variable": "$.attempt", "NumericGreaterThanEquals": 2, "Next": "Answer"},
                ]},
                "Break": {"Type": "Fail", "Error": "Flaky", "Cause": "on purpose"},
                "Answer": {"Type": "Pass", "Result": "at last", "End": true},
            }}),
            output: None,
            token: None,
            entered: vec![("Third", 1)],
            events: vec![],
        },
    ]
}

/// The machines that the load starts.
pub(crate) fn shapes() -> Vec<Shape> {
    vec![chain(), wait(), parent(), worker(), retry(), fan_out()]
}

fn chain() -> Shape {
    let mut states = serde_json::Map::new();
    for index in 0..6 {
        let mut state = json!({"Type": "Pass", "Result": {"step": index}});
        match index {
            5 => state["End"] = json!(true),
            _ => state["Next"] = json!(format!("S{}", index + 1)),
        }
        states.insert(format!("S{index}"), state);
    }
    Shape {
        name: "crash-chain",
        definition: json!({"StartAt": "S0", "States": states}),
        output: Some(json!({"step": 5})),
        token: None,
        entered: vec![("S0", 1), ("S1", 1), ("S2", 1), ("S3", 1), ("S4", 1), ("S5", 1)],
        events: vec![],
    }
}

fn wait() -> Shape {
    Shape {
        name: "crash-wait",
        definition: json!({"StartAt": "Before", "States": {
            "Before": {"Type": "Pass", "Next": "Rest"},
            "Rest": {"Type": "Wait", "Seconds": 4, "Next": "After"},
            "After": {"Type": "Pass", "Result": "rested", "End": true},
        }}),
        output: Some(json!("rested")),
        token: None,
        entered: vec![("Before", 1), ("Rest", 1), ("After", 1)],
        events: vec![],
    }
}

fn parent() -> Shape {
    Shape {
        name: "crash-parent",
        definition: json!({"StartAt": "Ask", "States": {
            "Ask": {
                "Type": "Task",
                "Resource": "arn:aws:states:::states:startExecution.sync:2",
                "Parameters": {
                    "StateMachineArn": arn("stateMachine", "crash-child"),
                    "Input": {"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id"},
                },
                "OutputPath": "$.Output",
                "Next": "Tell",
            },
            "Tell": {"Type": "Pass", "End": true},
        }}),
        output: Some(json!({"answer": 42})),
        token: Some("child"),
        entered: vec![("Ask", 1), ("Tell", 1)],
        events: vec![
            ("TaskScheduled", 1),
            ("TaskStarted", 1),
            ("TaskSubmitted", 1),
            ("TaskSucceeded", 1),
        ],
    }
}

/// A worker that took the task may have died with the server, or its answer may be lost: only the
/// time limit and a retry bring such a task back.
fn worker() -> Shape {
    Shape {
        name: "crash-worker",
        definition: json!({"StartAt": "Work", "States": {
            "Work": {
                "Type": "Task",
                "Resource": arn("activity", ACTIVITY),
                "TimeoutSeconds": 3,
                "Retry": [{
                    "ErrorEquals": ["States.Timeout"],
                    "IntervalSeconds": 1,
                    "BackoffRate": 1.0,
                    "MaxAttempts": 1000,
                }],
                "Next": "Tell",
            },
            "Tell": {"Type": "Pass", "End": true},
        }}),
        output: Some(json!({})),
        token: Some("worked"),
        entered: vec![("Work", 1), ("Tell", 1)],
        events: vec![("ActivitySucceeded", 1), ("ActivityFailed", 0)],
    }
}

fn retry() -> Shape {
    Shape {
        name: "crash-retry",
        definition: json!({"StartAt": "Insist", "States": {
            "Insist": {
                "Type": "Task",
                "Resource": "arn:aws:states:::states:startExecution.sync:2",
                "Parameters": {
                    "StateMachineArn": arn("stateMachine", "crash-flaky-child"),
                    "Input": {"attempt.$": "$$.State.RetryCount"},
                },
                "OutputPath": "$.Output",
                "Retry": [{
                    "ErrorEquals": ["States.TaskFailed"],
                    "IntervalSeconds": 1,
                    "BackoffRate": 1.0,
                    "MaxAttempts": 5,
                }],
                "End": true,
            },
        }}),
        output: Some(json!("at last")),
        token: None,
        entered: vec![("Insist", 1)],
        events: vec![
            ("TaskScheduled", 3),
            ("TaskStarted", 3),
            ("TaskSubmitted", 3),
            ("TaskFailed", 2),
            ("TaskSucceeded", 1),
        ],
    }
}

fn fan_out() -> Shape {
    Shape {
        name: "crash-fan-out",
        definition: json!({"StartAt": "Both", "States": {
            "Both": {
                "Type": "Parallel",
                "Branches": [
                    {"StartAt": "Rest", "States": {
                        "Rest": {"Type": "Wait", "Seconds": 4, "Next": "Rested"},
                        "Rested": {"Type": "Pass", "Result": "rested", "End": true},
                    }},
                    {"StartAt": "Each", "States": {"Each": {
                        "Type": "Map",
                        "ItemsPath": "$.items",
                        "MaxConcurrency": 2,
                        "ItemProcessor": {"StartAt": "Item", "States": {
                            "Item": {"Type": "Wait", "Seconds": 2, "Next": "Done"},
                            "Done": {"Type": "Pass", "End": true},
                        }},
                        "End": true,
                    }}},
                ],
                "End": true,
            },
        }}),
        output: Some(json!(["rested", [1, 2, 3, 4]])),
        token: None,
        entered: vec![
            ("Both", 1),
            ("Rest", 1),
            ("Rested", 1),
            ("Each", 1),
            ("Item", 4),
            ("Done", 4),
        ],
        events: vec![
            ("ParallelStateStarted", 1),
            ("ParallelStateSucceeded", 1),
            ("MapStateStarted", 1),
            ("MapIterationStarted", 4),
            ("MapIterationSucceeded", 4),
            ("MapStateSucceeded", 1),
        ],
    }
}
