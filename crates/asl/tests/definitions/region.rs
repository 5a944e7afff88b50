//! The machine, its branches and processors: their fields, and how their states hang together.

use expect_test::expect;

use crate::{check, check_state};

#[test]
fn a_machine_has_its_fields() {
    check(
        "{}",
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /
            These fields are required: [States, StartAt]"#]],
    );
    check(
        r#"{"StartAt":"A"}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /
            These fields are required: [States]"#]],
    );
    check(
        r#"{"States":{"A":{"Type":"Pass","End":true}}}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /
            These fields are required: [StartAt]"#]],
    );
    check(
        r#"{"StartAt":"A","States":{}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States
                Value cannot be empty
            Error MISSING_TRANSITION_TARGET at /StartAt
                Missing 'Next' target: A
            Error MISSING_END_STATE at no place
                Workflow has no terminal state"#]],
    );
    check(
        r#"{"StartAt":1,"States":[]}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /StartAt
            Expected value of type [STRING]
        Error SCHEMA_VALIDATION_FAILED at /States
            Expected value of type [OBJECT]"#]],
    );
    check(
        r#"{"Comment":"c","Version":"1.0","TimeoutSeconds":0,"QueryLanguage":"JSONPath",
            "StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#,
        expect!["ok"],
    );
    check(
        r#"{"Comment":1,"Version":"2.0","TimeoutSeconds":-1,"QueryLanguage":"XPath",
            "StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /Comment
                Expected value of type [STRING]
            Error SCHEMA_VALIDATION_FAILED at /Version
                Value should be one of the following: [1.0]
            Error SCHEMA_VALIDATION_FAILED at /TimeoutSeconds
                Minimum value is 0
            Error SCHEMA_VALIDATION_FAILED at /QueryLanguage
                Value should be one of the following: [JSONPath, JSONata]"#]],
    );
    check(
        r#"{"TimeoutSeconds":100000000,"StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /TimeoutSeconds
                Maximum value is 99999999"#]],
    );
    check(
        r#"{"TimeoutSeconds":1.0,"Startat":"A","StartAt":"A","States":{"A":{"Type":"Succeed"}}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /
                Field 'Startat' is not supported
            Error SCHEMA_VALIDATION_FAILED at /TimeoutSeconds
                Expected value of type Integer"#]],
    );
}

#[test]
fn a_state_has_a_type() {
    check_state(
        r#""End":true"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S
                The field 'Type' is required
            Error MISSING_END_STATE at no place
                Workflow has no terminal state"#]],
    );
    check_state(
        r#""Type":"TypeThatDoesNotExist","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Type
            The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]"#]],
    );
    check_state(
        r#""Type":1,"End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Type
            The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]"#]],
    );
    check_state(
        r#""Type":"pass","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Type
            The field 'Type' should have one of these values: [Task, Wait, Pass, Succeed, Fail, Choice, Parallel, Map]"#]],
    );
    check(
        r#"{"StartAt":"A","States":{"A":[],"B":null}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/A
                Expected value of type [OBJECT]
            Error SCHEMA_VALIDATION_FAILED at /States/B
                Expected value of type [OBJECT]
            Error MISSING_END_STATE at no place
                Workflow has no terminal state"#]],
    );
}

#[test]
fn a_state_has_only_the_fields_of_its_type() {
    check_state(
        r#""Type":"Pass","End":true,"next":"S","Foo":1"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            Field 'next' is not supported
        Error SCHEMA_VALIDATION_FAILED at /States/S
            Field 'Foo' is not supported"#]],
    );
    check_state(
        r#""Type":"Pass","End":true,"Catch":[],"Retry":[]"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            Field 'Catch' is not supported
        Error SCHEMA_VALIDATION_FAILED at /States/S
            Field 'Retry' is not supported"#]],
    );
    check_state(
        r#""Type":"Succeed","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            Field 'End' is not supported"#]],
    );
    check_state(
        r#""Type":"Fail","InputPath":"$","Next":"S""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            Field 'InputPath' is not supported
        Error SCHEMA_VALIDATION_FAILED at /States/S
            Field 'Next' is not supported"#]],
    );
    check_state(
        r#""Type":"Wait","Seconds":1,"End":true,"ResultPath":null"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            Field 'ResultPath' is not supported"#]],
    );
    check_state(
        r#""Type":"Map","End":true,"TimeoutSeconds":1,
            "ItemProcessor":{"StartAt":"P","States":{"P":{"Type":"Succeed"}}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S
                Field 'TimeoutSeconds' is not supported"#]],
    );
    check_state(
        r#""Type":"Succeed","Comment":["no","text"]"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Comment
            Expected value of type [STRING]"#]],
    );
}

#[test]
fn names_have_one_to_eighty_characters() {
    let named = |name: &str| {
        format!(r#"{{"StartAt":"{name}","States":{{"{name}":{{"Type":"Succeed"}}}}}}"#)
    };
    check(&named(&"é".repeat(80)), expect!["ok"]);
    check(
        &named(&"n".repeat(81)),
        expect![[r#"
        Error INVALID_STATE_NAME at /States/nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn
            Invalid State name: State 'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn' exceeds the 80-character limit allowed by the service"#]],
    );
    check(
        &named(""),
        expect![[r#"
        Error INVALID_STATE_NAME at /States/
            Invalid State name: a state name must not be empty"#]],
    );
    check(&named("a/b [1] ünï {}"), expect!["ok"]);
}

#[test]
fn names_are_unique_in_the_whole_machine() {
    check(
        r#"{"StartAt":"P","States":{"P":{"Type":"Parallel","End":true,"Branches":[
            {"StartAt":"X","States":{"X":{"Type":"Pass","End":true}}},
            {"StartAt":"X","States":{"X":{"Type":"Pass","End":true}}}]}}}"#,
        expect![[r#"
            Error DUPLICATE_STATE_NAME at /States/P/Branches[1]/States/X
                Duplicate State name: X"#]],
    );
    check_state(
        r#""Type":"Map","End":true,
            "ItemProcessor":{"StartAt":"S","States":{"S":{"Type":"Succeed"}}}"#,
        expect![[r#"
            Error DUPLICATE_STATE_NAME at /States/S/ItemProcessor/States/S
                Duplicate State name: S"#]],
    );
}

#[test]
fn every_state_leads_somewhere_or_ends() {
    check_state(
        r#""Type":"Pass""#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S
                This object should have only one of the following fields: [Next, End]
            Error MISSING_END_STATE at no place
                Workflow has no terminal state"#]],
    );
    check_state(
        r#""Type":"Pass","Next":"S","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            There should only be one of the following fields: [Next, End]"#]],
    );
    check_state(
        r#""Type":"Pass","End":false"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S
                This object should have only one of the following fields: [Next, End]
            Error MISSING_END_STATE at no place
                Workflow has no terminal state"#]],
    );
    check_state(
        r#""Type":"Pass","End":"true""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/End
            Expected value of type [BOOLEAN]"#]],
    );
    check_state(
        r#""Type":"Pass","Next":7"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Next
                Expected value of type [STRING]
            Error MISSING_END_STATE at no place
                Workflow has no terminal state"#]],
    );
    check(
        r#"{"StartAt":"A","States":{
            "A":{"Type":"Pass","Next":"B","End":false},"B":{"Type":"Succeed"}}}"#,
        expect!["ok"],
    );
}

#[test]
fn targets_are_in_the_same_region() {
    check(
        r#"{"StartAt":"Not sure","States":{
            "Pass One":{"Type":"Pass","Next":"Success"},"Success":{"Type":"Succeed"}}}"#,
        expect![[r#"
            Error MISSING_TRANSITION_TARGET at /StartAt
                Missing 'Next' target: Not sure
            Error MISSING_TRANSITION_TARGET at /States/Pass One
                State "Pass One" is not reachable."#]],
    );
    check(
        r#"{"StartAt":"pass1","States":{
            "pass1":{"Type":"Pass","Next":"pass3"},"pass2":{"Type":"Pass","End":true}}}"#,
        expect![[r#"
            Error MISSING_TRANSITION_TARGET at /States/pass1/Next
                Missing 'Next' target: pass3
            Error MISSING_TRANSITION_TARGET at /States/pass2
                State "pass2" is not reachable."#]],
    );
    check(
        r#"{"StartAt":"C","States":{
            "C":{"Type":"Choice","Default":"no default","Choices":[
                {"Variable":"$","IsNull":true,"Next":"no rule"},
                {"Variable":"$","IsNull":true,"Next":"T"}]},
            "T":{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a",
                "Catch":[{"ErrorEquals":["States.ALL"],"Next":"no catch"}],"End":true}}}"#,
        expect![[r#"
            Error MISSING_TRANSITION_TARGET at /States/C/Default
                Missing 'Next' target: no default
            Error MISSING_TRANSITION_TARGET at /States/C/Choices[0]/Next
                Missing 'Next' target: no rule
            Error MISSING_TRANSITION_TARGET at /States/T/Catch[0]/Next
                Missing 'Next' target: no catch"#]],
    );
    check(
        r#"{"StartAt":"P","States":{
            "P":{"Type":"Parallel","Next":"Inner","Branches":[
                {"StartAt":"Inner","States":{"Inner":{"Type":"Pass","Next":"After"}}}]},
            "After":{"Type":"Succeed"}}}"#,
        expect![[r#"
            Error MISSING_TRANSITION_TARGET at /States/P/Next
                Missing 'Next' target: Inner
            Error MISSING_TRANSITION_TARGET at /States/P/Branches[0]/States/Inner/Next
                Missing 'Next' target: After
            Error MISSING_END_STATE at /States/P/Branches[0]
                Workflow has no terminal state
            Error MISSING_TRANSITION_TARGET at /States/After
                State "After" is not reachable."#]],
    );
}

#[test]
fn every_state_can_be_reached() {
    check(
        r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"},"B":{"Type":"Pass","Next":"A"}}}"#,
        expect![[r#"
            Error MISSING_TRANSITION_TARGET at /States/B
                State "B" is not reachable."#]],
    );
    // Of a part that is cut off, only its beginning is named.
    check(
        r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"},
            "C":{"Type":"Pass","Next":"A"},"B":{"Type":"Pass","Next":"C"}}}"#,
        expect![[r#"
            Error MISSING_TRANSITION_TARGET at /States/B
                State "B" is not reachable."#]],
    );
    check(
        r#"{"StartAt":"A","States":{"A":{"Type":"Succeed"},
            "B":{"Type":"Pass","Next":"C"},"C":{"Type":"Pass","Next":"B"},
            "D":{"Type":"Pass","Next":"D"}}}"#,
        expect![[r#"
            Error MISSING_TRANSITION_TARGET at /States/B
                State "B" is not reachable.
            Error MISSING_TRANSITION_TARGET at /States/D
                State "D" is not reachable."#]],
    );
    check_state(
        r#""Type":"Parallel","End":true,"Branches":[
            {"StartAt":"A","States":{"A":{"Type":"Succeed"},"B":{"Type":"Succeed"}}}]"#,
        expect![[r#"
            Error MISSING_TRANSITION_TARGET at /States/S/Branches[0]/States/B
                State "B" is not reachable."#]],
    );
    check(
        r#"{"StartAt":"C","States":{
            "C":{"Type":"Choice","Default":"D",
                "Choices":[{"Variable":"$","IsNull":true,"Next":"R"}]},
            "D":{"Type":"Succeed"},
            "R":{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a",
                "Catch":[{"ErrorEquals":["e"],"Next":"K"}],"End":true},
            "K":{"Type":"Succeed"}}}"#,
        expect!["ok"],
    );
}

#[test]
fn every_region_can_end() {
    check(
        r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"A"}}}"#,
        expect![[r#"
            Error MISSING_END_STATE at no place
                Workflow has no terminal state"#]],
    );
    check(
        r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"NOPE"}}}"#,
        expect![[r#"
        Error MISSING_TRANSITION_TARGET at /States/A/Next
            Missing 'Next' target: NOPE
        Error MISSING_END_STATE at no place
            Workflow has no terminal state"#]],
    );
    // With an end that nothing leads to, the mistake is another.
    check(
        r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"A"},
            "C":{"Type":"Pass","End":true}}}"#,
        expect![[r#"
            Error MISSING_TRANSITION_TARGET at /States/C
                State "C" is not reachable."#]],
    );
    check_state(
        r#""Type":"Map","End":true,
            "ItemProcessor":{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"A"}}}"#,
        expect![[r#"
            Error MISSING_END_STATE at /States/S/ItemProcessor
                Workflow has no terminal state"#]],
    );
    check(
        r#"{"StartAt":"C","States":{
            "C":{"Type":"Choice","Default":"C",
                "Choices":[{"Variable":"$","IsNull":true,"Next":"C"}]}}}"#,
        expect![[r#"
            Error MISSING_END_STATE at no place
                Workflow has no terminal state"#]],
    );
}

#[test]
fn where_a_mistake_hides_the_way_nothing_is_guessed() {
    check(
        r#"{"StartAt":"A","States":{"A":{"Type":"Pass"},"B":{"Type":"Pass","End":true}}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/A
                This object should have only one of the following fields: [Next, End]"#]],
    );
    check(
        r#"{"StartAt":"C","States":{
            "C":{"Type":"Choice","Choices":[{"Variable":"$","IsNull":true}]},
            "B":{"Type":"Pass","End":true}}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/C/Choices[0]
                These fields are required: [Next]"#]],
    );
}

#[test]
fn every_mistake_is_reported_in_document_order() {
    check(
        r#"{"StartAt":"A","Foo":1,"States":{
            "B":{"Type":"Pass","Next":"C","Bar":1},
            "A":{"Type":"Wait","Seconds":-1,"Timestamp":"now","Next":"nowhere"},
            "P":{"Type":"Parallel","Branches":[{"StartAt":"x"},7],"Next":"A"},
            "Z":{"Type":"Task","End":true}},
            "Version":"0"}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /
                Field 'Foo' is not supported
            Error SCHEMA_VALIDATION_FAILED at /States/B
                Field 'Bar' is not supported
            Error SCHEMA_VALIDATION_FAILED at /States/A
                There should only be one of the following fields: [SecondsPath, Seconds, TimestampPath, Timestamp]
            Error SCHEMA_VALIDATION_FAILED at /States/A/Seconds
                Minimum value is 0
            Error SCHEMA_VALIDATION_FAILED at /States/A/Timestamp
                String does not match RFC3339 timestamp
            Error SCHEMA_VALIDATION_FAILED at /States/P/Branches[0]
                These fields are required: [States]
            Error SCHEMA_VALIDATION_FAILED at /States/P/Branches[1]
                Expected value of type [OBJECT]
            Error SCHEMA_VALIDATION_FAILED at /States/Z
                These fields are required: [Resource]
            Error SCHEMA_VALIDATION_FAILED at /Version
                Value should be one of the following: [1.0]
            Error MISSING_TRANSITION_TARGET at /States/B
                State "B" is not reachable.
            Error MISSING_TRANSITION_TARGET at /States/B/Next
                Missing 'Next' target: C
            Error MISSING_TRANSITION_TARGET at /States/A/Next
                Missing 'Next' target: nowhere
            Error MISSING_TRANSITION_TARGET at /States/P
                State "P" is not reachable.
            Error MISSING_TRANSITION_TARGET at /States/Z
                State "Z" is not reachable."#]],
    );
}

#[test]
fn the_query_language_is_json_path() {
    check(
        r#"{"StartAt":"A","QueryLanguage":"JSONata","States":{
            "A":{"Type":"Pass","Output":"{% 1 %}","Assign":{"x":"{% 1 %}"},"Next":"B"},
            "B":{"Type":"Wait","Seconds":"{% 1 %}","Next":"C"},
            "C":{"Type":"Choice","Choices":[{"Condition":"{% true %}","Next":"D"}],"Default":"D"},
            "D":{"Type":"Pass","InputPath":"$.x","End":true}}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/D
                The QueryLanguage is set to 'JSONata', but field 'InputPath' is only supported for the 'JSONPath' QueryLanguage"#]],
    );
    check_state(
        r#""Type":"Task","QueryLanguage":"JSONata","End":true,"Arguments":"{% 1 %}",
            "TimeoutSeconds":"{% 1 %}",
            "Resource":"arn:aws:states:us-east-1:123456789012:activity:a""#,
        expect!["ok"],
    );
    check(
        r#"{"StartAt":"A","QueryLanguage":"JSONata","States":{
            "A":{"Type":"Pass","QueryLanguage":"JSONPath","End":true}}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/A
                'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine"#]],
    );
    check_state(
        r#""Type":"Succeed","QueryLanguage":"jsonata""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/QueryLanguage
            Value should be one of the following: [JSONPath, JSONata]"#]],
    );
    check_state(
        r#""Type":"Pass","Output":"{% 1 %}","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' QueryLanguage"#]],
    );
    check_state(r#""Type":"Pass","Assign":{"x":1},"End":true"#, expect!["ok"]);
}
