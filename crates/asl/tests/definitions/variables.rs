//! Workflow variables.

use std::fmt::Write;

use asl::{WorkflowType, compile};
use expect_test::{Expect, expect};

use crate::{check, check_state};

/// The names that each state reads, a state to a line.
fn check_references(definition: &str, expect: Expect) {
    let analysis = compile(definition, WorkflowType::Standard);
    let program = analysis.program.unwrap_or_else(|| panic!("{:?}", analysis.diagnostics));
    let mut text = String::new();
    for (state, names) in program.variable_references() {
        writeln!(text, "{state}: {}", names.join(" ")).expect("a text takes anything");
    }
    expect.assert_eq(&text);
}

#[test]
fn names_are_identifiers() {
    for name in ["x", "X1", "_x", "größe", "名前", "x.$", &"a".repeat(80)] {
        let fields = format!(r#""Type":"Pass","Assign":{{"{name}":"$"}},"End":true"#);
        check_state(&fields, expect![["ok"]]);
    }
}

#[test]
fn other_names_are_refused() {
    for name in ["", "1x", "a b", "a.b", "a-b", "$x", "states", "x[0]"] {
        let fields = format!(r#""Type":"Pass","Assign":{{"{name}":1}},"End":true"#);
        let analysis = compile(&crate::machine(&fields), WorkflowType::Standard);
        assert!(analysis.program.is_none(), "{name}");
    }
    check_state(
        &format!(
            r#""Type":"Pass","Assign":{{"states":1,"a.b":2,"{}":3}},"End":true"#,
            "n".repeat(81)
        ),
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Assign/states
                The variable name 'states' is reserved
            Error SCHEMA_VALIDATION_FAILED at /States/S/Assign/a.b
                The variable name 'a.b' is invalid: it must begin with a letter or an underscore, and have only letters, digits and underscores
            Error SCHEMA_VALIDATION_FAILED at /States/S/Assign/nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn
                The variable name 'nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn' is invalid: it exceeds the 80-character limit"#]],
    );
}

#[test]
fn an_outer_variable_cannot_be_assigned_within() {
    check(
        r#"{"StartAt":"A","States":{
            "A":{"Type":"Pass","Assign":{"x":1},"Next":"P"},
            "P":{"Type":"Parallel","Assign":{"y":1},"End":true,"Branches":[
                {"StartAt":"B","States":{"B":{"Type":"Pass","Assign":{"x.$":"$","own":1},"Next":"M"},
                    "M":{"Type":"Map","End":true,"ItemProcessor":{"StartAt":"C","States":{
                        "C":{"Type":"Pass","Assign":{"own":1,"y":2,"z":3},"End":true}}}}}},
                {"StartAt":"D","States":{"D":{"Type":"Pass","Assign":{"own":1,"z":2},"End":true}}}]}}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/P/Branches[0]/States/B/Assign/x.$
                The variable name 'x' was already defined in a parent scope.
            Error SCHEMA_VALIDATION_FAILED at /States/P/Branches[0]/States/M/ItemProcessor/States/C/Assign/own
                The variable name 'own' was already defined in a parent scope.
            Error SCHEMA_VALIDATION_FAILED at /States/P/Branches[0]/States/M/ItemProcessor/States/C/Assign/y
                The variable name 'y' was already defined in a parent scope."#]],
    );
}

#[test]
fn assignments_of_rules_and_catchers_are_checked() {
    check(
        r#"{"StartAt":"A","States":{
            "A":{"Type":"Choice","Choices":[{"Variable":"$.a","IsNull":true,"Next":"T",
                "Assign":{"1":1}}],"Default":"T","Assign":{"2":1}},
            "T":{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a",
                "Catch":[{"ErrorEquals":["States.ALL"],"Assign":{"3":1},"Next":"A"}],
                "Assign":{"4":1},"End":true}}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/A/Choices[0]/Assign/1
                The variable name '1' is invalid: it must begin with a letter or an underscore, and have only letters, digits and underscores
            Error SCHEMA_VALIDATION_FAILED at /States/A/Assign/2
                The variable name '2' is invalid: it must begin with a letter or an underscore, and have only letters, digits and underscores
            Error SCHEMA_VALIDATION_FAILED at /States/T/Catch[0]/Assign/3
                The variable name '3' is invalid: it must begin with a letter or an underscore, and have only letters, digits and underscores
            Error SCHEMA_VALIDATION_FAILED at /States/T/Assign/4
                The variable name '4' is invalid: it must begin with a letter or an underscore, and have only letters, digits and underscores"#]],
    );
}

#[test]
fn references_are_found_wherever_they_stand() {
    check_references(
        r#"{"StartAt":"A","States":{
            "A":{"Type":"Pass","InputPath":"$a","OutputPath":"$b.c","Parameters":{"x.$":"$c[0]",
                "y.$":"States.Format('{}', States.Array($d))"},"Assign":{"q.$":"$e","r":"$no"},"Next":"B"},
            "B":{"Type":"Choice","Choices":[{"And":[{"Variable":"$f","StringEqualsPath":"$g"},
                {"Not":{"Variable":"$h","IsNull":true}}],"Assign":{"q.$":"$i"},"Next":"C"}],"Default":"C"},
            "C":{"Type":"Map","ItemsPath":"$j","ItemSelector":{"x.$":"$k"},"MaxConcurrencyPath":"$l",
                "ToleratedFailureCountPath":"$m","ItemProcessor":{"StartAt":"D","States":{
                "D":{"Type":"Wait","SecondsPath":"$n","End":true}}},"ResultSelector":{"x.$":"$o"},"Next":"E"},
            "E":{"Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:activity:a",
                "TimeoutSecondsPath":"$p","HeartbeatSecondsPath":"$q",
                "Catch":[{"ErrorEquals":["States.ALL"],"Assign":{"z.$":"$r"},"Next":"F"}],"Next":"F"},
            "F":{"Type":"Fail","ErrorPath":"$s","CausePath":"States.Format('{}', $t)"}}}"#,
        expect![[r#"
            A: a b c d e
            B: f g h i
            C: j k l m o
            D: n
            E: p q r
            F: s t
        "#]],
    );
    check_references(
        r#"{"QueryLanguage":"JSONata","StartAt":"A","States":{
            "A":{"Type":"Pass","Output":{"x":"{% $a + $sum($states.input) %}"},
                "Assign":{"count":"{% ($own := 1; $own + $b) %}"},"Next":"B"},
            "B":{"Type":"Pass","Output":"{% $count %}","End":true}}}"#,
        expect![[r#"
            A: a b
            B: count
        "#]],
    );
    check_references(
        r#"{"StartAt":"A","States":{"A":{"Type":"Pass","Assign":{"a":1},"End":true}}}"#,
        expect![[""]],
    );
}
