//! The table as a whole, held against the service models.

use json::{Object, Value};
use stairwell_permissions::{Names, Needed, Place, needed, operations, unreferenced};

const PLACE: Place<'static> =
    Place { partition: "aws", region: "us-east-1", account: "123456789012" };

fn ask(service: &str, operation: &str, request: &str) -> Vec<(String, Option<String>)> {
    let request = json::parse(request).expect("the test says JSON");
    let needed = needed(service, operation, &request, Names::Parameters, &PLACE);
    let needed = needed.unwrap_or_else(|| panic!("{service}:{operation} has no row"));
    needed
        .into_iter()
        .map(|Needed { action, resource, .. }| (action.to_owned(), resource))
        .collect()
}

fn check(service: &str, operation: &str, request: &str, expected: &[(&str, &str)]) {
    let asked = ask(service, operation, request);
    let asked: Vec<(&str, &str)> = asked
        .iter()
        .map(|(action, resource)| (&**action, resource.as_deref().unwrap_or("?")))
        .collect();
    assert_eq!(asked, expected, "{service}:{operation} of {request}");
}

#[test]
fn every_operation_of_every_service_has_its_actions() {
    let (mut total, mut lacking) = (0, 0);
    for name in service_model::service_names() {
        let service = service_model::service(name).expect("it is in the list");
        let mut known: Vec<&str> = operations(name).expect("the service has rows").collect();
        let mut modelled: Vec<&str> = service.operations().map(|it| &*it.name).collect();
        known.sort_unstable();
        modelled.sort_unstable();
        assert_eq!(known, modelled, "{name}");
        total += known.len();
        for operation in known {
            for (action, resource) in ask(name, operation, "{}") {
                let (prefix, verb) = action.split_once(':').expect("a prefix and a name");
                let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
                assert!(prefix.bytes().all(is_name), "{name}: {action}");
                assert!(!verb.is_empty() && verb.bytes().all(is_name), "{name}: {action}");
                let is_arn = resource.as_deref().is_none_or(|it| it == "*" || it.contains(':'));
                assert!(is_arn, "{name}: {action} on {resource:?}");
            }
        }
        if let Some(these) = unreferenced(name) {
            assert!(!these.reason.is_empty() && !these.operations.is_empty(), "{name}");
            lacking += these.operations.len();
        }
    }
    // Those that AWS's reference lacks are listed with reasons in rules.py.
    assert_eq!((total, lacking), (18_370, 229));
}

#[test]
fn operations_that_are_named_otherwise_ask_for_what_there_is() {
    let queue = r#"{"QueueUrl":"https://sqs.us-east-1.amazonaws.com/123456789012/q"}"#;
    let arn = "arn:aws:sqs:us-east-1:123456789012:q";
    check("sqs", "SendMessageBatch", queue, &[("sqs:SendMessage", arn)]);
    check("sns", "PublishBatch", r#"{"TopicArn":"arn:t"}"#, &[("sns:Publish", "arn:t")]);
    check("sns", "Publish", r#"{"PhoneNumber":"+1"}"#, &[("sns:Publish", "*")]);
    check(
        "lambda",
        "Invoke",
        r#"{"FunctionName":"f"}"#,
        &[("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:123456789012:function:f")],
    );
    check(
        "apigateway",
        "GetRestApi",
        r#"{"RestApiId":"x"}"#,
        &[("apigateway:GET", "arn:aws:apigateway:us-east-1::/restapis/x")],
    );
    check(
        "bedrockruntime",
        "Converse",
        r#"{"ModelId":"arn:m"}"#,
        &[("bedrock:InvokeModel", "arn:m")],
    );
    check("resourcegroupstaggingapi", "GetResources", "{}", &[("tag:GetResources", "*")]);
    check("sts", "GetCallerIdentity", "{}", &[]);
}

#[test]
fn objects_of_copies_and_of_lists_are_all_asked_for() {
    let copy = r#"{"Bucket":"b","Key":"k","CopySource":"/secret/a%2Fb?versionId=1"}"#;
    check(
        "s3",
        "CopyObject",
        copy,
        &[("s3:PutObject", "arn:aws:s3:::b/k"), ("s3:GetObjectVersion", "arn:aws:s3:::secret/a/b")],
    );
    let delete = r#"{"Bucket":"b","Delete":{"Objects":[{"Key":"x"},{"Key":"y","VersionId":"1"}]}}"#;
    check(
        "s3",
        "DeleteObjects",
        delete,
        &[("s3:DeleteObject", "arn:aws:s3:::b/x"), ("s3:DeleteObjectVersion", "arn:aws:s3:::b/y")],
    );
    let events = r#"{"Entries":[{"EventBusName":"a"},{},{"EventBusName":"a"}]}"#;
    let bus = "arn:aws:events:us-east-1:123456789012:event-bus";
    check(
        "eventbridge",
        "PutEvents",
        events,
        &[
            ("events:PutEvents", &format!("{bus}/a")),
            ("events:PutEvents", &format!("{bus}/default")),
        ],
    );
    let items = r#"{"TransactItems":[{"Put":{"TableName":"t"}},{"Delete":{"TableName":"u"}}]}"#;
    let table = "arn:aws:dynamodb:us-east-1:123456789012:table";
    check(
        "dynamodb",
        "TransactWriteItems",
        items,
        &[
            ("dynamodb:PutItem", &format!("{table}/t")),
            ("dynamodb:DeleteItem", &format!("{table}/u")),
        ],
    );
    check(
        "dynamodb",
        "BatchGetItem",
        r#"{"RequestItems":{"t":{},"u":{}}}"#,
        &[
            ("dynamodb:BatchGetItem", &format!("{table}/t")),
            ("dynamodb:BatchGetItem", &format!("{table}/u")),
        ],
    );
}

#[test]
fn what_a_statement_does_is_asked_for_and_everything_where_it_does_not_say() {
    let all =
        ["Select", "Insert", "Update", "Delete"].map(|verb| format!("dynamodb:PartiQL{verb}"));
    let asked = |request: &str| -> Vec<String> {
        ask("dynamodb", "BatchExecuteStatement", request).into_iter().map(|(it, _)| it).collect()
    };
    let two = r#"{"Statements":[{"Statement":"select 1"},{"Statement":"/**/delete from t"}]}"#;
    assert_eq!(asked(two), ["dynamodb:PartiQLSelect", "dynamodb:PartiQLDelete"]);
    let unknown = asked(r#"{"Statements":[{"Statement":"what"}]}"#);
    assert!(all.iter().all(|action| unknown.contains(action)), "{unknown:?}");
}

/// The value with its members named as tasks name them.
fn as_parameters(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut renamed = Object::new();
            for (name, value) in object.iter() {
                renamed.insert(service_model::parameter_name(name), as_parameters(value));
            }
            Value::from(renamed)
        }
        Value::Array(items) => Value::from(items.iter().map(as_parameters).collect::<Vec<_>>()),
        other => other.clone(),
    }
}

#[test]
fn a_task_must_be_allowed_what_a_caller_must_be() {
    const MEMBERS: [(&str, &str); 11] = [
        ("executionArn", r#""arn:aws:states:r:1:execution:m:e""#),
        ("stateMachineArn", r#""arn:aws:states:r:1:stateMachine:m:PROD""#),
        ("stateMachineAliasArn", r#""arn:aws:states:r:1:stateMachine:m:LIVE""#),
        ("activityArn", r#""arn:aws:states:r:1:activity:a""#),
        ("mapRunArn", r#""arn:aws:states:r:1:mapRun:m/l:r""#),
        ("resourceArn", r#""arn:aws:states:r:1:stateMachine:t""#),
        ("roleArn", r#""arn:aws:iam::1:role/r""#),
        (
            "routingConfiguration",
            r#"[{"stateMachineVersionArn":"arn:aws:states:r:1:stateMachine:m:1","weight":100}]"#,
        ),
        ("tags", r#"[{"key":"k","value":"v"}]"#),
        ("publish", "true"),
        ("name", r#""n""#),
    ];
    let mut tried = 0;
    for operation in operations("sfn").expect("Step Functions has rows") {
        // All of them, and each with each other.
        for chosen in 0..1_usize << MEMBERS.len() {
            if ![0, 1, 2, 11].contains(&chosen.count_ones()) {
                continue;
            }
            let mut request = Object::new();
            let members = MEMBERS.iter().enumerate();
            for (_, (name, value)) in members.filter(|(place, _)| chosen & 1 << place != 0) {
                request.insert(*name, json::parse(value).expect("the test says JSON"));
            }
            let request = Value::from(request);
            let by = |names, request: &Value| -> Vec<(&str, Option<String>)> {
                let needed = needed("sfn", operation, request, names, &PLACE);
                let needed = needed.expect("the operation has a row").into_iter();
                needed.map(|needed| (needed.action, needed.resource)).collect()
            };
            let called = by(Names::Wire, &request);
            let in_task = by(Names::Parameters, &as_parameters(&request));
            assert_eq!(called, in_task, "{operation} of {request:?}");
            tried += 1;
        }
    }
    assert_eq!(tried, 37 * 68);
}
