//! Versions, aliases, tags and synchronous Express executions.

mod common;

use common::{PASS, ROLE, Server, WAIT};
use serde_json::{Value, json};

const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:m";
const ALIAS: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:m:live";
const FAIL: &str =
    r#"{"StartAt":"F","States":{"F":{"Type":"Fail","Error":"E","Cause":"on purpose"}}}"#;

const NOT_THERE: &str = "ResourceNotFound: Request references a resource that does not exist.";
const TAKEN: &str = "ConflictException: Failed to create alias because an alias with the same name \
                     and a different routing configuration already exists.";

fn version(number: u32) -> String {
    format!("{MACHINE}:{number}")
}

fn creation(more: Value) -> Value {
    let mut body = json!({"name": "m", "definition": PASS, "roleArn": ROLE});
    let members = body.as_object_mut().expect("an object");
    members.extend(more.as_object().expect("an object").clone());
    body
}

/// A server with the machine `m`, its versions 1 and 2, and an alias of the first.
async fn server() -> Server {
    let server = Server::start().await;
    server.call("CreateStateMachine", creation(json!({"publish": true}))).await;
    server.later().await;
    let update = json!({"stateMachineArn": MACHINE, "definition": WAIT, "publish": true});
    server.call("UpdateStateMachine", update).await;
    let routes = json!([{"stateMachineVersionArn": version(1), "weight": 100}]);
    let alias = json!({"name": "live", "description": "d", "routingConfiguration": routes});
    server.call("CreateStateMachineAlias", alias).await;
    server
}

async fn check_refused(server: &Server, operation: &str, body: Value, expected: &str) {
    assert_eq!(server.refusal(operation, body).await, format!("400 {expected}"));
}

#[tokio::test]
async fn versions_are_published_described_listed_and_deleted() {
    let server = Server::start().await;
    let creation = creation(json!({"publish": true, "versionDescription": "first"}));
    let created = server.call("CreateStateMachine", creation).await;
    assert_eq!(created["stateMachineVersionArn"], version(1));
    let described =
        server.call("DescribeStateMachine", json!({"stateMachineArn": version(1)})).await;
    assert_eq!(
        described,
        json!({
            "stateMachineArn": version(1),
            "name": "m",
            "status": "ACTIVE",
            "definition": PASS,
            "roleArn": ROLE,
            "type": "STANDARD",
            "creationDate": created["creationDate"],
            "loggingConfiguration": {"includeExecutionData": false, "level": "OFF"},
            "tracingConfiguration": {"enabled": false},
            "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
            "description": "first",
        })
    );
    server.later().await;
    let update = json!({"stateMachineArn": MACHINE, "definition": WAIT});
    let updated = server.call("UpdateStateMachine", update).await;
    assert_eq!(updated.get("stateMachineVersionArn"), None);
    let publication = json!({"stateMachineArn": MACHINE, "revisionId": updated["revisionId"]});
    let second = server.call("PublishStateMachineVersion", publication.clone()).await;
    assert_eq!(second["stateMachineVersionArn"], version(2));
    assert_eq!(server.call("PublishStateMachineVersion", publication).await, second);
    let update =
        json!({"stateMachineArn": MACHINE, "roleArn": format!("{ROLE}2"), "publish": true});
    let third = server.call("UpdateStateMachine", update).await;
    assert_eq!(third["stateMachineVersionArn"], version(3));

    let update = json!({"stateMachineArn": MACHINE, "definition": WAIT, "publish": true,
        "versionDescription": "said later"});
    let again = server.call("UpdateStateMachine", update).await;
    assert_eq!(again["stateMachineVersionArn"], version(3));
    let described =
        server.call("DescribeStateMachine", json!({"stateMachineArn": version(3)})).await;
    assert_eq!(described["description"], "said later");

    let page = json!({"stateMachineArn": MACHINE, "maxResults": 2});
    let mut page = server.call("ListStateMachineVersions", page).await;
    let token = page["nextToken"].take();
    let arns = |page: &Value| {
        let listed = page["stateMachineVersions"].as_array().expect("a list").clone();
        listed.iter().map(|version| version["stateMachineVersionArn"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(arns(&page), [version(3), version(2)]);
    let rest = json!({"stateMachineArn": MACHINE, "nextToken": token});
    let rest = server.call("ListStateMachineVersions", rest).await;
    let first = json!([{
        "stateMachineVersionArn": version(1), "creationDate": created["creationDate"],
    }]);
    assert_eq!(rest, json!({"stateMachineVersions": first}));
    for _ in 0..2 {
        let deletion = json!({"stateMachineVersionArn": version(3)});
        assert_eq!(server.call("DeleteStateMachineVersion", deletion).await, json!({}));
    }
    let page = json!({"stateMachineArn": MACHINE});
    let page = server.call("ListStateMachineVersions", page).await;
    assert_eq!(arns(&page), [version(2), version(1)]);
}

#[tokio::test]
async fn bad_requests_about_versions_are_refused() {
    let server = server().await;
    let absent = format!("{MACHINE}x");
    for (operation, body, expected) in [
        (
            "PublishStateMachineVersion",
            json!({"stateMachineArn": absent}),
            format!("StateMachineDoesNotExist: State Machine Does Not Exist: '{absent}'"),
        ),
        (
            "PublishStateMachineVersion",
            json!({"stateMachineArn": version(1)}),
            format!("StateMachineDoesNotExist: State Machine Does Not Exist: '{}'", version(1)),
        ),
        (
            "ListStateMachineVersions",
            json!({"stateMachineArn": absent}),
            format!("InvalidArn: Invalid Arn: '{absent}'"),
        ),
        (
            "DeleteStateMachineVersion",
            json!({"stateMachineVersionArn": MACHINE}),
            format!("InvalidArn: Invalid Arn: '{MACHINE}'"),
        ),
        (
            "DeleteStateMachineVersion",
            json!({"stateMachineVersionArn": version(1)}),
            "ConflictException: Version to be deleted must not be referenced by an alias. Current \
             list of aliases referencing this version: [live]"
                .to_owned(),
        ),
        (
            "UpdateStateMachine",
            json!({"stateMachineArn": version(2), "definition": PASS, "publish": true}),
            format!("StateMachineDoesNotExist: State Machine Does Not Exist: '{}'", version(2)),
        ),
        (
            "UpdateStateMachine",
            json!({"stateMachineArn": MACHINE, "definition": PASS, "versionDescription": "d"}),
            "ValidationException: Version description can only be set when publish is true"
                .to_owned(),
        ),
        (
            "DescribeStateMachine",
            json!({"stateMachineArn": version(9)}),
            format!("StateMachineDoesNotExist: State Machine Does Not Exist: '{}'", version(9)),
        ),
    ] {
        check_refused(&server, operation, body, &expected).await;
    }
    let publication = json!({"stateMachineArn": MACHINE, "revisionId": "INITIAL"});
    let error = server.refusal("PublishStateMachineVersion", publication).await;
    let expected = "400 ConflictException: Failed to publish the State Machine version for \
                    revision INITIAL. The current State Machine revision is ";
    assert!(error.starts_with(expected), "{error}");
}

#[tokio::test]
async fn executions_tell_what_they_were_started_through() {
    let server = server().await;
    for (name, arn) in [("v", version(1)), ("a", ALIAS.to_owned())] {
        let execution = server.start_execution(&arn, name, "{}").await;
        let described = server.ended(&execution).await;
        assert_eq!(described["stateMachineArn"], MACHINE);
        assert_eq!(described["stateMachineVersionArn"], version(1));
        let alias = (name == "a").then(|| json!(ALIAS));
        assert_eq!(described.get("stateMachineAliasArn"), alias.as_ref());
        let history = server.call("GetExecutionHistory", json!({"executionArn": execution})).await;
        let started = &history["events"][0]["executionStartedEventDetails"];
        assert_eq!(started["stateMachineVersionArn"], version(1));
        assert_eq!(started.get("stateMachineAliasArn"), alias.as_ref());
        let page = server.call("ListExecutions", json!({"stateMachineArn": arn})).await;
        assert_eq!(page["executions"][0]["executionArn"], execution);
        assert_eq!(page["executions"][0]["stateMachineVersionArn"], version(1));
    }
    let page = server.call("ListExecutions", json!({"stateMachineArn": version(2)})).await;
    assert_eq!(page, json!({"executions": []}));
}

#[tokio::test]
async fn aliases_are_described_updated_listed_and_deleted() {
    let server = server().await;
    let described = async || {
        server.call("DescribeStateMachineAlias", json!({"stateMachineAliasArn": ALIAS})).await
    };
    let first = described().await;
    let routes = json!([{"stateMachineVersionArn": version(1), "weight": 100}]);
    assert_eq!(
        first,
        json!({
            "stateMachineAliasArn": ALIAS,
            "name": "live",
            "description": "d",
            "routingConfiguration": routes,
            "creationDate": first["creationDate"],
            "updateDate": first["creationDate"],
        })
    );
    let same = json!({"name": "live", "description": "d", "routingConfiguration": routes});
    assert_eq!(
        server.call("CreateStateMachineAlias", same).await,
        json!({"stateMachineAliasArn": ALIAS, "creationDate": first["creationDate"]})
    );
    server.later().await;
    let routes = json!([
        {"stateMachineVersionArn": version(1), "weight": 50},
        {"stateMachineVersionArn": version(2), "weight": 50},
    ]);
    let update = json!({"stateMachineAliasArn": ALIAS, "routingConfiguration": routes});
    let updated = server.call("UpdateStateMachineAlias", update).await;
    let second = described().await;
    assert_eq!(second["routingConfiguration"], routes);
    assert_eq!(second["description"], "d");
    assert_eq!(second["updateDate"], updated["updateDate"]);
    assert_ne!(second["updateDate"], second["creationDate"]);

    let other = json!({"name": "a-2", "routingConfiguration": [
        {"stateMachineVersionArn": version(2), "weight": 100},
    ]});
    server.call("CreateStateMachineAlias", other).await;
    let list = async |body: Value| server.call("ListStateMachineAliases", body).await;
    let mut page = list(json!({"stateMachineArn": MACHINE, "maxResults": 1})).await;
    let token = page["nextToken"].take();
    assert_eq!(page["stateMachineAliases"][0]["stateMachineAliasArn"], ALIAS);
    let page = list(json!({"stateMachineArn": MACHINE, "nextToken": token})).await;
    let second = format!("{MACHINE}:a-2");
    assert_eq!(page["stateMachineAliases"][0]["stateMachineAliasArn"], second);
    assert_eq!(page.get("nextToken"), None);
    let page = list(json!({"stateMachineArn": version(1)})).await;
    assert_eq!(page["stateMachineAliases"].as_array().map(Vec::len), Some(1));

    let deletion = json!({"stateMachineAliasArn": ALIAS});
    assert_eq!(server.call("DeleteStateMachineAlias", deletion.clone()).await, json!({}));
    assert_eq!(server.call("DeleteStateMachineAlias", deletion.clone()).await, json!({}));
    let elsewhere = json!({"stateMachineAliasArn": format!("{MACHINE}x:live")});
    assert_eq!(server.call("DeleteStateMachineAlias", elsewhere).await, json!({}));
    check_refused(&server, "DescribeStateMachineAlias", deletion.clone(), NOT_THERE).await;
    let update = json!({"stateMachineAliasArn": ALIAS, "description": "d"});
    check_refused(&server, "UpdateStateMachineAlias", update, NOT_THERE).await;
}

#[tokio::test]
async fn bad_requests_about_aliases_are_refused() {
    let server = server().await;
    let route =
        |number, weight| json!({"stateMachineVersionArn": version(number), "weight": weight});
    let create = |name: &str, routes: Value| json!({"name": name, "routingConfiguration": routes});
    for (operation, body, expected) in [
        (
            "CreateStateMachineAlias",
            create("123", json!([route(1, 100)])),
            r"ValidationException: 1 validation error detected: Value '123' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$".to_owned(),
        ),
        (
            "CreateStateMachineAlias",
            create("a", json!([route(1, 101)])),
            "ValidationException: 1 validation error detected: Value '101' at \
             'routingConfiguration.1.member.weight' failed to satisfy constraint: Member must \
             have value less than or equal to 100"
                .to_owned(),
        ),
        (
            "CreateStateMachineAlias",
            create("a", json!([route(1, 70), route(2, 29)])),
            "ValidationException: Sum of routing configuration weights must equal 100. Received: \
             [70, 29]"
                .to_owned(),
        ),
        (
            "CreateStateMachineAlias",
            create("a", json!([route(9, 100)])),
            NOT_THERE.to_owned(),
        ),
        (
            "CreateStateMachineAlias",
            create("live", json!([route(2, 100)])),
            TAKEN.to_owned(),
        ),
        (
            "CreateStateMachineAlias",
            json!({
                "name": "live", "description": "another", "routingConfiguration": [route(1, 100)],
            }),
            TAKEN.to_owned(),
        ),
        (
            "UpdateStateMachineAlias",
            json!({"stateMachineAliasArn": ALIAS}),
            "ValidationException: Either the description or the routing configuration must be \
             specified"
                .to_owned(),
        ),
        (
            "DescribeStateMachineAlias",
            json!({"stateMachineAliasArn": MACHINE}),
            format!("InvalidArn: Invalid Arn: '{MACHINE}'"),
        ),
        (
            "ListStateMachineAliases",
            json!({"stateMachineArn": format!("{MACHINE}x")}),
            format!("StateMachineDoesNotExist: State Machine Does Not Exist: '{MACHINE}x'"),
        ),
        (
            "ListStateMachineAliases",
            json!({"stateMachineArn": MACHINE, "nextToken": "x"}),
            "InvalidToken: Invalid Token: 'Invalid token'".to_owned(),
        ),
    ] {
        check_refused(&server, operation, body, &expected).await;
    }
    let name = |at: u32| create(&format!("a{at}"), json!([route(1, 100)]));
    for at in 1..100 {
        server.call("CreateStateMachineAlias", name(at)).await;
    }
    let expected = format!(
        "ServiceQuotaExceededException: A state machine has at most 100 aliases: '{MACHINE}'"
    );
    check_refused(&server, "CreateStateMachineAlias", name(100), &expected).await;
}

#[tokio::test]
async fn what_is_refused_tells_the_reason_of_the_model() {
    let server = server().await;
    let route = |weight| json!([{"stateMachineVersionArn": version(1), "weight": weight}]);
    for (operation, body, reason) in [
        (
            "StartExecution",
            json!({"stateMachineArn": format!("{MACHINE}/label")}),
            json!("API_DOES_NOT_SUPPORT_LABELED_ARNS"),
        ),
        (
            "CreateStateMachineAlias",
            json!({"name": "a", "routingConfiguration": route(99)}),
            json!("INVALID_ROUTING_CONFIGURATION"),
        ),
        (
            "UpdateStateMachineAlias",
            json!({"stateMachineAliasArn": ALIAS}),
            json!("MISSING_REQUIRED_PARAMETER"),
        ),
        ("ListExecutions", json!({}), json!("MISSING_REQUIRED_PARAMETER")),
        (
            "UpdateMapRun",
            json!({"mapRunArn": format!("{MACHINE}/l:u").replace("stateMachine", "mapRun")}),
            json!("MISSING_REQUIRED_PARAMETER"),
        ),
        // What breaks a constraint of the model has none.
        ("ListExecutions", json!({"stateMachineArn": MACHINE, "maxResults": 1_001}), Value::Null),
        ("DescribeStateMachineAlias", json!({"stateMachineAliasArn": MACHINE}), Value::Null),
    ] {
        let answer = server.post(operation, &body.to_string()).await;
        assert_eq!((answer.status, &answer.json()["reason"]), (400, &reason), "{operation} {body}");
    }
}

#[tokio::test]
async fn tags_come_with_the_creation_or_later() {
    let server = Server::start().await;
    let tags = json!([{"key": "a", "value": "1"}, {"key": "b"}]);
    let shown = json!([{"key": "a", "value": "1"}, {"key": "b", "value": ""}]);
    let machine = server.call("CreateStateMachine", creation(json!({"tags": tags}))).await;
    let activity = server.call("CreateActivity", json!({"name": "a", "tags": tags})).await;
    let again = server.call("CreateActivity", json!({"name": "a", "tags": []})).await;
    assert_eq!(again, activity, "other tags are overlooked");
    for arn in [&machine["stateMachineArn"], &activity["activityArn"]] {
        let list = async || server.call("ListTagsForResource", json!({"resourceArn": arn})).await;
        assert_eq!(list().await, json!({"tags": shown}));
        let tagging = json!({"resourceArn": arn, "tags": [{"key": "a", "value": "2"}]});
        assert_eq!(server.call("TagResource", tagging).await, json!({}));
        let untagging = json!({"resourceArn": arn, "tagKeys": ["b", "b", "c"]});
        assert_eq!(server.call("UntagResource", untagging).await, json!({}));
        assert_eq!(list().await, json!({"tags": [{"key": "a", "value": "2"}]}));
    }
}

#[tokio::test]
async fn bad_tags_are_refused() {
    let server = server().await;
    let many: Vec<_> = (0..51).map(|at| json!({"key": at.to_string(), "value": ""})).collect();
    let tag = |tags: Value| json!({"resourceArn": MACHINE, "tags": tags});
    for (operation, body, expected) in [
        ("TagResource", tag(json!(many)), "TooManyTags: A resource has at most 50 tags"),
        (
            "TagResource",
            tag(json!([{"key": "aws:x"}])),
            "ValidationException: Tag keys must not begin with 'aws:': 'aws:x'",
        ),
        (
            "TagResource",
            tag(json!([{"key": "a", "value": "{}"}])),
            "ValidationException: Tag keys and values may contain letters, digits, white space \
             and _ . : / = + - @ only: '{}'",
        ),
        ("TagResource", tag(json!([{}])), "ValidationException: Every tag needs a key"),
        (
            "TagResource",
            json!({"resourceArn": MACHINE}),
            "ValidationException: 1 validation error detected: Value null at 'tags' failed to \
             satisfy constraint: Member must not be null",
        ),
        (
            "UntagResource",
            json!({"resourceArn": ALIAS, "tagKeys": []}),
            "ResourceNotFound: Resource not found: \
             'arn:aws:states:us-east-1:123456789012:stateMachine:m:live'",
        ),
        (
            "CreateActivity",
            json!({"name": "a", "tags": many}),
            "TooManyTags: A resource has at most 50 tags",
        ),
    ] {
        check_refused(&server, operation, body, expected).await;
    }
}

async fn express(definition: &str) -> Server {
    let server = Server::start().await;
    let more = json!({"type": "EXPRESS", "definition": definition});
    server.call("CreateStateMachine", creation(more)).await;
    server
}

#[tokio::test]
async fn a_synchronous_execution_is_answered_when_it_has_ended() {
    let server = express(PASS).await;
    let body = json!({
        "stateMachineArn": MACHINE, "name": "e", "input": r#"{"a": 1}"#, "traceHeader": "Root=1",
    });
    let ended = server.call("StartSyncExecution", body.clone()).await;
    let arn = ended["executionArn"].as_str().expect("an ARN");
    assert!(arn.starts_with("arn:aws:states:us-east-1:123456789012:express:m:e:"), "{arn}");
    assert_eq!(
        ended,
        json!({
            "executionArn": arn,
            "stateMachineArn": MACHINE,
            "name": "e",
            "startDate": ended["startDate"],
            "stopDate": ended["stopDate"],
            "status": "SUCCEEDED",
            "input": r#"{"a": 1}"#,
            "inputDetails": {"included": true},
            "output": r#"{"done":true}"#,
            "outputDetails": {"included": true},
            "traceHeader": "Root=1",
            "billingDetails": ended["billingDetails"],
        })
    );
    let billing = &ended["billingDetails"];
    assert_eq!(billing["billedMemoryUsedInMB"], 64);
    let billed = billing["billedDurationInMilliseconds"].as_u64().expect("a duration");
    assert!(billed >= 100 && billed % 100 == 0, "{billed}");

    let mut metadata = body;
    metadata["includedData"] = json!("METADATA_ONLY");
    let ended = server.call("StartSyncExecution", metadata).await;
    for member in ["input", "inputDetails", "output", "outputDetails"] {
        assert_eq!(ended.get(member), None, "{member}");
    }
    assert_eq!(ended["status"], "SUCCEEDED");
}

#[tokio::test]
async fn a_synchronous_failure_is_an_answer() {
    let server = express(FAIL).await;
    let ended = server.call("StartSyncExecution", json!({"stateMachineArn": MACHINE})).await;
    assert_eq!(ended["status"], "FAILED");
    assert_eq!((&ended["error"], &ended["cause"]), (&json!("E"), &json!("on purpose")));
    assert_eq!(ended.get("output"), None);
    assert_eq!(ended["outputDetails"], json!({"included": true}));
    assert_eq!(ended["name"].as_str().map(str::len), Some(36));
}

#[tokio::test]
async fn standard_machines_are_not_run_synchronously() {
    let server = server().await;
    check_refused(
        &server,
        "StartSyncExecution",
        json!({"stateMachineArn": MACHINE}),
        "StateMachineTypeNotSupported: This operation is not supported by this type of state \
         machine",
    )
    .await;
}
