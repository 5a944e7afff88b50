//! One definition for each kind of mistake: `stairwell validate` tells where it is (line, column and
//! JSON pointer) and how to mend it.

mod common;

use std::fs;

use common::{folder, outcome, stairwell};
use expect_test::{Expect, expect};

fn check(kind: &str, definition: &str, told: Expect) {
    let folder = folder(&format!("mistakes/{kind}"));
    fs::write(folder.join("m.json"), definition).expect("written");
    let validated = outcome(&mut stairwell(&folder, &["validate", "m.json"]));
    told.assert_eq(validated.out.trim_end());
    let is_error = validated.out.contains(": error[");
    assert_eq!(validated.status, i32::from(is_error), "{kind}");
}

/// Text that is not JSON.
#[test]
fn not_json() {
    check(
        "not_json",
        r#"{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "End": true,}
  }
}"#,
        expect![[r#"
            m.json:4:39: error[INVALID_JSON_DESCRIPTION]: Unexpected character ('}' (code 125)): was expecting double-quote to start field name (at line 4, column 39)
                help: a comma stands only between two members or items: add one, or remove it"#]],
    );
}

/// A field that is required.
#[test]
fn no_start() {
    check(
        "no_start",
        r#"{
  "States": {
    "A": {"Type": "Pass", "End": true}
  }
}"#,
        expect![[r#"
            m.json:1:1: error[SCHEMA_VALIDATION_FAILED]: These fields are required: [StartAt] (at /)
                help: add StartAt"#]],
    );
}

/// A type that does not exist.
#[test]
fn unknown_type() {
    check(
        "unknown_type",
        r#"{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Tsk", "End": true}
  }
}"#,
        expect![[r#"
            m.json:4:11: error[SCHEMA_VALIDATION_FAILED]: The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map] (at /States/A/Type)
                help: did you mean 'Task'?"#]],
    );
}

/// A field that does not exist.
#[test]
fn unknown_field() {
    check(
        "unknown_field",
        r#"{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "Paramters": {}, "End": true}
  }
}"#,
        expect![[r#"
            m.json:4:5: error[SCHEMA_VALIDATION_FAILED]: Field 'Paramters' is not supported (at /States/A)
                help: did you mean 'Parameters'?"#]],
    );
}

/// A transition to a state that is not there.
#[test]
fn missing_target() {
    check(
        "missing_target",
        r#"{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "Next": "Wrok"},
    "Work": {"Type": "Succeed"}
  }
}"#,
        expect![[r#"
            m.json:4:27: error[MISSING_TRANSITION_TARGET]: Missing 'Next' target: Wrok (at /States/A/Next)
                help: did you mean 'Work'?
            m.json:5:5: error[MISSING_TRANSITION_TARGET]: State "Work" is not reachable. (at /States/Work)
                help: let "Next", "Default" or "Catch" of another state lead to it, or remove it"#]],
    );
}

/// A state that nothing leads to.
#[test]
fn unreachable() {
    check(
        "unreachable",
        r#"{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Succeed"},
    "B": {"Type": "Succeed"}
  }
}"#,
        expect![[r#"
            m.json:5:5: error[MISSING_TRANSITION_TARGET]: State "B" is not reachable. (at /States/B)
                help: let "Next", "Default" or "Catch" of another state lead to it, or remove it"#]],
    );
}

/// No way to an end.
#[test]
fn no_end() {
    check(
        "no_end",
        r#"{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "Next": "B"},
    "B": {"Type": "Pass", "Next": "A"}
  }
}"#,
        expect![[r#"
            m.json:1:1: error[MISSING_END_STATE]: Workflow has no terminal state (at /)
                help: give a state "End": true, or add a Succeed or Fail state and lead to it"#]],
    );
}

/// Two transitions.
#[test]
fn next_and_end() {
    check(
        "next_and_end",
        r#"{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "Next": "B", "End": true},
    "B": {"Type": "Succeed"}
  }
}"#,
        expect![[r#"
            m.json:4:5: error[SCHEMA_VALIDATION_FAILED]: There should only be one of the following fields: [Next, End] (at /States/A)
                help: remove "End", or remove "Next""#]],
    );
}

/// No transition.
#[test]
fn neither() {
    check(
        "neither",
        r#"{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass"},
    "B": {"Type": "Succeed"}
  }
}"#,
        expect![[r#"
            m.json:4:5: error[SCHEMA_VALIDATION_FAILED]: This object should have only one of the following fields: [Next, End] (at /States/A)
                help: add "Next" with the name of the state that follows, or "End": true"#]],
    );
}

/// One name for two states.
#[test]
fn duplicate_name() {
    check(
        "duplicate_name",
        r#"{
  "StartAt": "P",
  "States": {
    "P": {"Type": "Parallel", "End": true, "Branches": [
      {"StartAt": "P", "States": {"P": {"Type": "Succeed"}}}
    ]}
  }
}"#,
        expect![[r#"
            m.json:5:35: error[DUPLICATE_STATE_NAME]: Duplicate State name: P (at /States/P/Branches[0]/States/P)
                help: rename one of the two: names are unique in the whole definition, branches and item processors included"#]],
    );
}

/// A retrier after States.ALL.
#[test]
fn after_all() {
    check(
        "after_all",
        r#"{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Task", "Resource": "arn:aws:states:us-east-1:123456789012:activity:a",
      "Retry": [
        {"ErrorEquals": ["States.ALL"]},
        {"ErrorEquals": ["Other"]}
      ], "End": true}
  }
}"#,
        expect![[r#"
            m.json:6:26: error[SCHEMA_VALIDATION_FAILED]: States.ALL must appear alone and at end of list (at /States/A/Retry[0]/ErrorEquals[0])
                help: put it into an entry of its own, the last one: "ErrorEquals": ["States.ALL"]"#]],
    );
}

/// A field of the other query language.
#[test]
fn other_language() {
    check(
        "other_language",
        r#"{
  "QueryLanguage": "JSONata",
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "InputPath": "$.a", "End": true}
  }
}"#,
        expect![[r#"
            m.json:5:5: error[SCHEMA_VALIDATION_FAILED]: The QueryLanguage is set to 'JSONata', but field 'InputPath' is only supported for the 'JSONPath' QueryLanguage (at /States/A)
                help: in JSONata, use '$states.input' in the fields that need it"#]],
    );
}

/// JSONPath in a machine of JSONata.
#[test]
fn downgrade() {
    check(
        "downgrade",
        r#"{
  "QueryLanguage": "JSONata",
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "QueryLanguage": "JSONPath", "End": true}
  }
}"#,
        expect![[r#"
            m.json:5:5: error[SCHEMA_VALIDATION_FAILED]: 'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine (at /States/A)
                help: remove it, or set "QueryLanguage": "JSONata" on single states and not on the state machine"#]],
    );
}

/// What is no path.
#[test]
fn bad_path() {
    check(
        "bad_path",
        r#"{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "InputPath": "a.b", "End": true}
  }
}"#,
        expect![[r#"
            m.json:4:27: error[SCHEMA_VALIDATION_FAILED]: Value must be a valid JSONPath. (at /States/A/InputPath)
                help: a path begins with $, such as $.order.id or $.items[0]"#]],
    );
}

/// What is no intrinsic function.
#[test]
fn bad_template() {
    check(
        "bad_template",
        r#"{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "Parameters": {"x.$": "States.Nope($)"}, "End": true}
  }
}"#,
        expect![[r#"
            m.json:4:27: error[SCHEMA_VALIDATION_FAILED]: The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call (at /States/A/Parameters)
                help: write a path such as $.name or a call such as States.Format('{}', $.name), or take '.$' off the name to pass the value as it is"#]],
    );
}

/// What is no JSONata.
#[test]
fn bad_jsonata() {
    check(
        "bad_jsonata",
        r#"{
  "QueryLanguage": "JSONata",
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "Output": {"x": "{% $states.input. %}"}, "End": true}
  }
}"#,
        expect![[r#"
            m.json:5:38: error[INVALID_JSONATA_EXPRESSION]: Unexpected end of expression (at /States/A/Output/x)
                help: see character 14 of the expression between {% and %}"#]],
    );
}

/// A bare name in JSONata.
#[test]
fn bare_field() {
    check(
        "bare_field",
        r#"{
  "QueryLanguage": "JSONata",
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "Output": {"x": "{% phone %}"}, "End": true}
  }
}"#,
        expect![[r#"
            m.json:5:38: error[UNSUPPORTED_JSONATA_EXPRESSION]: Reference to 'phone' at the top level is not supported. (at /States/A/Output/x)
                help: write $states.input.phone, or $phone for a variable"#]],
    );
}

/// A result where there is none.
#[test]
fn no_result() {
    check(
        "no_result",
        r#"{
  "QueryLanguage": "JSONata",
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "Output": "{% $states.result %}", "End": true}
  }
}"#,
        expect![[r#"
            m.json:5:27: error[UNSUPPORTED_JSONATA_EXPRESSION]: Field '$states.result' does not exist. (at /States/A/Output)
                help: there is a result in 'Output' and 'Assign' of Task, Parallel and Map states"#]],
    );
}

/// A variable that nobody assigns.
#[test]
fn undefined_variable() {
    check(
        "undefined_variable",
        r#"{
  "QueryLanguage": "JSONata",
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "Output": "{% $totl %}", "End": true}
  }
}"#,
        expect![[r#"
            m.json:5:5: warning[UNDEFINED_VARIABLE]: The variable '$totl' is read here, and no state whose variables are seen here assigns it (at /States/A)
                help: have an earlier state assign it with "Assign"
            m.json: valid"#]],
    );
}

/// A variable of an outer state assigned within.
#[test]
fn shadowed() {
    check(
        "shadowed",
        r#"{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "Assign": {"x": 1}, "Next": "P"},
    "P": {"Type": "Parallel", "End": true, "Branches": [
      {"StartAt": "B", "States": {
        "B": {"Type": "Pass", "Assign": {"x": 2}, "End": true}}}
    ]}
  }
}"#,
        expect![[r#"
            m.json:7:42: error[SCHEMA_VALIDATION_FAILED]: The variable name 'x' was already defined in a parent scope. (at /States/P/Branches[0]/States/B/Assign/x)
                help: choose another name: states within a Parallel or Map state read the variables outside, and assign others"#]],
    );
}

/// A value of the wrong type.
#[test]
fn wrong_type() {
    check(
        "wrong_type",
        r#"{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Wait", "Seconds": "$.seconds", "End": true}
  }
}"#,
        expect![[r#"
            m.json:4:27: error[SCHEMA_VALIDATION_FAILED]: Expected value of type Integer (at /States/A/Seconds)
                help: to read it from the input, use 'SecondsPath'"#]],
    );
}

/// What is no timestamp.
#[test]
fn timestamp() {
    check(
        "timestamp",
        r#"{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Wait", "Timestamp": "tomorrow", "End": true}
  }
}"#,
        expect![[r#"
            m.json:4:27: error[SCHEMA_VALIDATION_FAILED]: String does not match RFC3339 timestamp (at /States/A/Timestamp)
                help: write such as 2024-01-02T03:04:05Z"#]],
    );
}

/// A number out of range.
#[test]
fn out_of_range() {
    check(
        "out_of_range",
        r#"{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Wait", "Seconds": -1, "End": true}
  }
}"#,
        expect![
            "m.json:4:27: error[SCHEMA_VALIDATION_FAILED]: Minimum value is 0 (at /States/A/Seconds)"
        ],
    );
}

/// Two operators in a rule.
#[test]
fn two_operators() {
    check(
        "two_operators",
        r#"{
  "StartAt": "C",
  "States": {
    "C": {"Type": "Choice", "Choices": [
      {"Variable": "$.a", "IsNull": true, "IsString": true, "Next": "E"}
    ]},
    "E": {"Type": "Succeed"}
  }
}"#,
        expect![[r#"
            m.json:5:7: error[SCHEMA_VALIDATION_FAILED]: There should only be one of the following fields: [StringEquals, IsBoolean, StringLessThan, IsNumeric, BooleanEquals, StringLessThanEqualsPath, NumericLessThan, NumericGreaterThan, NumericLessThanPath, StringMatches, TimestampLessThanEqualsPath, NumericEquals, TimestampGreaterThan, StringGreaterThanEqualsPath, TimestampGreaterThanEqualsPath, TimestampLessThanEquals, NumericLessThanEqualsPath, TimestampEquals, BooleanEqualsPath, IsTimestamp, StringLessThanEquals, NumericLessThanEquals, StringLessThanPath, TimestampGreaterThanPath, StringGreaterThan, StringGreaterThanPath, IsString, StringEqualsPath, TimestampEqualsPath, TimestampLessThan, StringGreaterThanEquals, NumericGreaterThanPath, NumericGreaterThanEquals, NumericEqualsPath, TimestampLessThanPath, IsNull, IsPresent, TimestampGreaterThanEquals, NumericGreaterThanEqualsPath] (at /States/C/Choices[0])
                help: keep one of IsString, IsNull"#]],
    );
}

/// A resource that does not exist.
#[test]
fn resource() {
    check(
        "resource",
        r#"{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Task", "Resource": "arn:aws:states:::lambda:invok", "End": true}
  }
}"#,
        expect![[r#"
            m.json:4:27: error[SCHEMA_VALIDATION_FAILED]: The resource provided arn:aws:states:::lambda:invok is not recognized. The value is not a valid resource ARN, or the resource is not available in this region. (at /States/A/Resource)
                help: did you mean 'arn:aws:states:::lambda:invoke'?"#]],
    );
}

/// A member that stands twice.
#[test]
fn repeated_member() {
    check(
        "repeated_member",
        r#"{
  "StartAt": "A",
  "States": {
    "A": {"Type": "Pass", "Comment": "a", "Comment": "b", "End": true}
  }
}"#,
        expect![[r#"
            m.json:4:43: error[INVALID_JSON_DESCRIPTION]: Duplicate field 'Comment' (at /States/A/Comment)
                help: remove one of the two"#]],
    );
}
