//! State machines: create, update, describe, list, delete, validate.

mod common;

use common::{PASS, ROLE, Server, WAIT};
use expect_test::{Expect, expect};
use serde_json::{Value, json};

const ARN: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:m";

fn creation(more: Value) -> Value {
    let mut body = json!({"name": "m", "definition": PASS, "roleArn": ROLE});
    let members = body.as_object_mut().expect("an object");
    members.extend(more.as_object().expect("an object").clone());
    body
}

async fn check_refused(body: Value, expected: Expect) {
    let server = Server::start().await;
    expected.assert_eq(&server.refusal("CreateStateMachine", body).await);
    let listed = server.call("ListStateMachines", json!({})).await;
    assert_eq!(listed, json!({"stateMachines": []}), "what is refused is not made");
}

#[tokio::test]
async fn a_machine_is_described_as_it_was_created() {
    let server = Server::start().await;
    let created = server.post("CreateStateMachine", &creation(json!({})).to_string()).await;
    assert!(created.text.contains(r#""creationDate":1"#), "{}", created.text);
    let created = created.json();
    assert_eq!(created["stateMachineArn"], ARN);
    let described = server.call("DescribeStateMachine", json!({"stateMachineArn": ARN})).await;
    assert_eq!(
        described,
        json!({
            "stateMachineArn": ARN,
            "name": "m",
            "status": "ACTIVE",
            "definition": PASS,
            "roleArn": ROLE,
            "type": "STANDARD",
            "creationDate": created["creationDate"],
            "loggingConfiguration": {"includeExecutionData": false, "level": "OFF"},
            "tracingConfiguration": {"enabled": false},
            "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
        })
    );
    let body = json!({"stateMachineArn": ARN, "includedData": "METADATA_ONLY"});
    assert_eq!(server.call("DescribeStateMachine", body).await["definition"], "{}");
}

#[tokio::test]
async fn descriptions_name_the_variables_that_states_read() {
    let definition = r#"{"StartAt":"A","States":{
        "A":{"Type":"Pass","Assign":{"x":1,"y":2},"Next":"B"},
        "B":{"Type":"Pass","QueryLanguage":"JSONata","Output":"{% $sum([$y, $x]) %}","Next":"C"},
        "C":{"Type":"Pass","InputPath":"$x","End":true}}}"#;
    let server = Server::start().await;
    server.call("CreateStateMachine", creation(json!({"definition": definition}))).await;
    let references = json!({"B": ["x", "y"], "C": ["x"]});
    let described = server.call("DescribeStateMachine", json!({"stateMachineArn": ARN})).await;
    assert_eq!(described["variableReferences"], references);
    let started = server.call("StartExecution", json!({"stateMachineArn": ARN})).await;
    let body = json!({"executionArn": started["executionArn"]});
    let described = server.call("DescribeStateMachineForExecution", body).await;
    assert_eq!(described["variableReferences"], references);
}

#[tokio::test]
async fn creating_is_idempotent() {
    let server = Server::start().await;
    let first = server.call("CreateStateMachine", creation(json!({}))).await;
    for same in [
        json!({}),
        json!({"roleArn": "arn:aws:iam::123456789012:role/other"}),
        json!({"tags": [], "publish": false, "type": "STANDARD"}),
        json!({"loggingConfiguration": {}, "tracingConfiguration": {"enabled": false}}),
        json!({"encryptionConfiguration": {"type": "AWS_OWNED_KEY"}}),
    ] {
        assert_eq!(server.call("CreateStateMachine", creation(same)).await, first);
    }
    for other in [
        json!({"definition": format!(" {PASS}")}),
        json!({"loggingConfiguration": {"destinations": []}}),
    ] {
        assert_eq!(
            server.refusal("CreateStateMachine", creation(other)).await,
            format!("400 StateMachineAlreadyExists: State Machine Already Exists: '{ARN}'")
        );
    }
}

#[tokio::test]
async fn configurations_that_ask_for_nothing_are_kept_and_shown() {
    let destination = json!({"cloudWatchLogsLogGroup": {
        "logGroupArn": "arn:aws:logs:us-east-1:123456789012:log-group:g:*"
    }});
    for (given, shown) in [
        (json!({}), json!({"includeExecutionData": false, "level": "OFF"})),
        (
            json!({"destinations": []}),
            json!({"destinations": [], "includeExecutionData": false, "level": "OFF"}),
        ),
        (
            json!({"level": "OFF", "includeExecutionData": true, "destinations": [destination]}),
            json!({"destinations": [destination], "includeExecutionData": true, "level": "OFF"}),
        ),
    ] {
        let server = Server::start().await;
        let body = creation(json!({"loggingConfiguration": given}));
        server.call("CreateStateMachine", body).await;
        let described = server.call("DescribeStateMachine", json!({"stateMachineArn": ARN})).await;
        assert_eq!(described["loggingConfiguration"], shown);
    }
}

#[tokio::test]
async fn executions_of_a_machine_with_tracing_bear_a_trace_header() {
    let server = Server::start().await;
    let tracing = json!({"tracingConfiguration": {"enabled": true}});
    server.call("CreateStateMachine", creation(tracing)).await;
    let described = server.call("DescribeStateMachine", json!({"stateMachineArn": ARN})).await;
    assert_eq!(described["tracingConfiguration"], json!({"enabled": true}));
    let header = async |start: Value| {
        let started = server.call("StartExecution", start).await;
        let body = json!({"executionArn": started["executionArn"]});
        let described = server.call("DescribeExecution", body).await;
        described["traceHeader"].as_str().expect("a trace header").to_owned()
    };
    let given = "Root=1-67891233-abcdef012345678912345678";
    let start = json!({"stateMachineArn": ARN, "traceHeader": given});
    assert_eq!(header(start).await, given);
    let own = header(json!({"stateMachineArn": ARN})).await;
    let root = own.strip_prefix("Root=1-").and_then(|rest| rest.strip_suffix(";Sampled=1"));
    let (seconds, chance) = root.and_then(|root| root.split_once('-')).expect("two parts");
    assert_eq!((seconds.len(), chance.len()), (8, 24), "{own}");
}

#[tokio::test]
async fn what_is_not_supported_yet_is_refused_by_name() {
    for (more, expected) in [
        (
            json!({"versionDescription": "first"}),
            expect![
                "400 ValidationException: Version description can only be set when publish is true"
            ],
        ),
        (
            json!({"loggingConfiguration": {"level": "FATAL"}}),
            expect![
                "400 InvalidLoggingConfiguration: Invalid Logging Configuration: Must specify exactly one Log Destination."
            ],
        ),
        (
            json!({"encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "k"}}),
            expect![
                "400 InvalidEncryptionConfiguration: Invalid Encryption Configuration: Stairwell does not support type CUSTOMER_MANAGED_KMS_KEY"
            ],
        ),
        (
            json!({"encryptionConfiguration": {"type": "CUSTOMER_MANAGED_KMS_KEY"}}),
            expect![
                "400 InvalidEncryptionConfiguration: Invalid Encryption Configuration: kmsKeyId must be specified with type CUSTOMER_MANAGED_KMS_KEY"
            ],
        ),
        (
            json!({"encryptionConfiguration": {"type": "AWS_OWNED_KEY", "kmsKeyId": "k"}}),
            expect![
                "400 InvalidEncryptionConfiguration: Invalid Encryption Configuration: kmsKeyId must not be specified with type AWS_OWNED_KEY"
            ],
        ),
    ] {
        check_refused(creation(more), expected).await;
    }
}

#[tokio::test]
async fn bad_names_and_definitions_are_refused() {
    check_refused(
        creation(json!({"name": "a b"})),
        expect!["400 InvalidName: Invalid Name: 'a b'"],
    )
    .await;
    check_refused(
        creation(json!({"name": "a".repeat(81)})),
        expect!["400 ValidationException: 1 validation error detected: Value 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' at 'name' failed to satisfy constraint: Member must have length less than or equal to 80"],
    )
    .await;
    check_refused(
        creation(json!({"definition": r#"{"StartAt":"P"}"#})),
        expect!["400 InvalidDefinition: Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: These fields are required: [States] at /'"],
    )
    .await;
    check_refused(
        json!({"type": "SLOW", "definition": ""}),
        expect!["400 ValidationException: 4 validation errors detected: Value null at 'name' failed to satisfy constraint: Member must not be null; Value at 'definition' failed to satisfy constraint: Member must have length greater than or equal to 1; Value null at 'roleArn' failed to satisfy constraint: Member must not be null; Value 'SLOW' at 'type' failed to satisfy constraint: Member must satisfy enum value set: [STANDARD, EXPRESS]"],
    )
    .await;
}

#[tokio::test]
async fn updates_make_revisions() {
    let server = Server::start().await;
    server.create_machine("m", PASS).await;
    assert_eq!(
        server.refusal("UpdateStateMachine", json!({"stateMachineArn": ARN})).await,
        "400 MissingRequiredParameter: Either the definition, the role ARN, the \
         LoggingConfiguration, or the TracingConfiguration must be specified"
    );
    let update = json!({"stateMachineArn": ARN, "definition": PASS});
    let unchanged = server.call("UpdateStateMachine", update).await;
    assert!(unchanged["updateDate"].is_f64(), "{unchanged}");
    assert_eq!(unchanged.get("revisionId"), None, "nothing was ever changed");

    let mut revisions = Vec::new();
    for definition in [WAIT, PASS] {
        let update = json!({"stateMachineArn": ARN, "definition": definition});
        let updated = server.call("UpdateStateMachine", update).await;
        let described = server.call("DescribeStateMachine", json!({"stateMachineArn": ARN})).await;
        assert_eq!(described["definition"], definition);
        assert_eq!(described["revisionId"], updated["revisionId"]);
        revisions.push(updated["revisionId"].clone());
    }
    assert_ne!(revisions[0], revisions[1]);
    for configuration in [
        json!({"loggingConfiguration": {"level": "OFF"}}),
        json!({"tracingConfiguration": {"enabled": false}}),
    ] {
        let mut update = configuration;
        update["stateMachineArn"] = ARN.into();
        let updated = server.call("UpdateStateMachine", update).await;
        assert_eq!(updated["revisionId"], revisions[1], "what was the default already");
    }
}

#[tokio::test]
async fn what_is_no_arn_of_a_role_is_refused() {
    let server = Server::start().await;
    for role in [
        "r",
        "arn:aws:iam::1234:role/r",
        "arn:aws:iam::12345678901x:role/r",
        "arn:aws:iam::123456789012:role/",
        "arn:aws:iam::123456789012:role/path/",
        "arn:aws:iam::123456789012:user/r",
        "arn:aws:iam:us-east-1:123456789012:role/r",
        "arn::iam::123456789012:role/r",
    ] {
        let body = json!({"name": "m", "definition": PASS, "roleArn": role});
        let expected = format!("400 InvalidArn: Invalid Role Arn: '{role}'");
        assert_eq!(server.refusal("CreateStateMachine", body).await, expected);
    }
    for role in ["arn:aws-cn:iam::123456789012:role/r", "arn:aws:iam::123456789012:role/a/b/r"] {
        server
            .call("CreateStateMachine", json!({"name": "m", "definition": PASS, "roleArn": role}))
            .await;
    }
}

#[tokio::test]
async fn arns_are_checked() {
    let server = Server::start().await;
    for (arn, expected) in [
        ("m", "400 InvalidArn: Invalid Arn: 'Invalid ARN prefix: m'"),
        (
            "arn:aws:states:us-east-1:123456789012:express:m:e:u",
            "400 InvalidArn: Invalid Arn: 'Resource type not valid in this context: express'",
        ),
        (ARN, "400 StateMachineDoesNotExist: State Machine Does Not Exist: '"),
    ] {
        let body = json!({"stateMachineArn": arn});
        let error = server.refusal("DescribeStateMachine", body).await;
        assert!(error.starts_with(expected), "{arn}: {error}");
    }
}

#[tokio::test]
async fn machines_are_listed_by_name_page_by_page() {
    let server = Server::start().await;
    for name in ["b", "a", "ü", "B", "c"] {
        server.create_machine(name, PASS).await;
    }
    let mut names = Vec::new();
    let mut sizes = Vec::new();
    let mut body = json!({"maxResults": 2});
    loop {
        let page = server.call("ListStateMachines", body.clone()).await;
        let machines = page["stateMachines"].as_array().expect("a list");
        sizes.push(machines.len());
        for machine in machines {
            assert_eq!(machine["type"], "STANDARD");
            names.push(machine["name"].as_str().expect("a name").to_owned());
        }
        let Some(token) = page.get("nextToken") else { break };
        body["nextToken"] = token.clone();
        // What comes meanwhile does not shift the pages.
        server.create_machine(&format!("A{}", sizes.len()), PASS).await;
    }
    assert_eq!(names, ["B", "a", "b", "c", "ü"]);
    assert_eq!(sizes, [2, 2, 1]);
    for (body, expected) in [
        (json!({"nextToken": "x"}), "400 InvalidToken: Invalid Token: 'Invalid token'"),
        (
            json!({"maxResults": 1001}),
            "400 ValidationException: 1 validation error detected: Value '1001' at 'maxResults' \
             failed to satisfy constraint: Member must have value less than or equal to 1000",
        ),
    ] {
        assert_eq!(server.refusal("ListStateMachines", body).await, expected);
    }
    let token = json!({"nextToken": body["nextToken"]});
    assert_eq!(
        server.refusal("ListActivities", token).await,
        "400 InvalidToken: Invalid Token: 'Invalid token'"
    );
}

#[tokio::test]
async fn deleting_needs_nothing_to_delete() {
    let server = Server::start().await;
    server.create_machine("m", PASS).await;
    for _ in 0..2 {
        let answer = server.call("DeleteStateMachine", json!({"stateMachineArn": ARN})).await;
        assert_eq!(answer, json!({}));
    }
    assert_eq!(
        server.refusal("DescribeStateMachine", json!({"stateMachineArn": ARN})).await,
        format!("400 StateMachineDoesNotExist: State Machine Does Not Exist: '{ARN}'")
    );
}

#[tokio::test]
async fn definitions_are_validated_without_being_refused() {
    let server = Server::start().await;
    let valid = json!({"definition": PASS, "type": "STANDARD"});
    assert_eq!(
        server.call("ValidateStateMachineDefinition", valid).await,
        json!({"result": "OK", "diagnostics": [], "truncated": false})
    );
    assert_eq!(
        server.call("ValidateStateMachineDefinition", json!({"definition": "{}"})).await,
        json!({
            "result": "FAIL",
            "diagnostics": [{
                "severity": "ERROR",
                "code": "SCHEMA_VALIDATION_FAILED",
                "message": "These fields are required: [States, StartAt]",
                "location": "/",
            }],
            "truncated": false,
        })
    );
    let two = r#"{"StartAt":"P","States":{"P":{"Type":"Pass"},"Q":{"Type":"Pass"}}}"#;
    let body = json!({"definition": two, "maxResults": 1});
    let cut = server.call("ValidateStateMachineDefinition", body).await;
    assert_eq!(cut["diagnostics"].as_array().map(Vec::len), Some(1));
    assert_eq!(cut["truncated"], true);
}

/// What Terraform asks whenever it reads a state machine or an activity.
#[tokio::test]
async fn where_there_are_no_versions_and_no_tags_none_are_listed() {
    let server = Server::start().await;
    server.create_machine("m", PASS).await;
    let activity = server.call("CreateActivity", json!({"name": "a"})).await;
    assert_eq!(
        server.call("ListStateMachineVersions", json!({"stateMachineArn": ARN})).await,
        json!({"stateMachineVersions": []})
    );
    for arn in [&json!(ARN), &activity["activityArn"]] {
        let tags = server.call("ListTagsForResource", json!({"resourceArn": arn})).await;
        assert_eq!(tags, json!({"tags": []}));
    }
    for (operation, body, expected) in [
        (
            "ListTagsForResource",
            json!({"resourceArn": "m"}),
            "InvalidArn: Invalid Arn: 'Invalid ARN",
        ),
        ("ListTagsForResource", json!({"resourceArn": format!("{ARN}x")}), "ResourceNotFound: "),
        ("ListStateMachineVersions", json!({"stateMachineArn": "m"}), "InvalidArn: "),
        (
            "ListStateMachineVersions",
            json!({"stateMachineArn": ARN, "nextToken": "x"}),
            "InvalidToken: ",
        ),
    ] {
        let error = server.refusal(operation, body).await;
        assert!(error.starts_with(&format!("400 {expected}")), "{error}");
    }
}
