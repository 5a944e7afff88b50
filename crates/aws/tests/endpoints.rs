//! Calls of endpoints that misbehave, over real connections.

#![allow(clippy::unwrap_used)] // a test that cannot go on may panic

use std::time::Duration;

use expect_test::{Expect, expect};
use json::Value;
use stairwell_aws::{Call, CallError, Client, Endpoint, Names, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// A server that answers one request with these bytes, and then closes or holds the connection.
async fn server(answer: Vec<u8>, holds: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 8_192];
        let _ = stream.read(&mut buffer).await;
        // The client may have gone away from an answer that is too long.
        let _ = stream.write_all(&answer).await;
        if holds {
            while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
        }
    });
    address.to_string()
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

async fn call(url: &str, service: &str, action: &str, parameters: &str) -> String {
    let variables = [
        ("AWS_ACCESS_KEY_ID".to_owned(), "key".to_owned()),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), "the-secret".to_owned()),
    ];
    called(url, &variables, service, action, parameters).await
}

async fn called(
    url: &str,
    variables: &[(String, String)],
    service: &str,
    action: &str,
    parameters: &str,
) -> String {
    let settings = Settings::of(&variables.iter().cloned().collect()).unwrap();
    let service = service_model::service(service).unwrap();
    let endpoints = settings.endpoints.with(&service.id, Endpoint::parse(url).unwrap());
    let client = Client::new(Settings { endpoints, ..settings });
    let parameters: Value = json::parse(parameters).unwrap();
    let outcome = client.call(Call {
        service,
        operation: service.operation(action).unwrap(),
        parameters: &parameters,
        account: "123456789012",
        region: "us-east-1",
        role: None,
        names: Names::Sdk,
        idempotency_token: "token",
        patience: Duration::from_millis(500),
        answer_bytes_max: 64 * 1024,
    });
    let told = match outcome.await {
        Ok(answer) => answer.result.to_text(),
        Err(error @ CallError::Refused(_)) => format!("refused: {error}"),
        Err(error) => error.to_string(),
    };
    assert!(!told.contains("the-secret"), "{told}");
    told
}

async fn check(answer: Vec<u8>, service: &str, action: &str, parameters: &str, expected: Expect) {
    let address = server(answer, false).await;
    expected.assert_eq(&call(&format!("http://{address}"), service, action, parameters).await);
}

#[tokio::test]
async fn who_has_no_credentials_signs_with_the_account_as_key() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut buffer = [0; 8_192];
        let length = stream.read(&mut buffer).await.unwrap();
        stream.write_all(&answer("200 OK", "", "{}")).await.unwrap();
        String::from_utf8_lossy(&buffer[..length]).into_owned()
    });
    let variables = [
        ("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned()),
        ("AWS_SHARED_CREDENTIALS_FILE".to_owned(), "/does/not/exist".to_owned()),
        ("AWS_CONFIG_FILE".to_owned(), "/does/not/exist".to_owned()),
    ];
    called(&url, &variables, "dynamodb", "listTables", "{}").await;
    let asked = asked.await.unwrap();
    assert!(asked.contains("Credential=123456789012/"), "{asked}");
}

#[tokio::test]
async fn lists_are_read_whatever_their_items_are_called() {
    for item in ["member", "item", "Topic"] {
        let body = format!(
            "<R><ListTopicsResult><Topics><{item}><TopicArn>a</TopicArn></{item}></Topics>\
             </ListTopicsResult></R>"
        );
        check(
            answer("200 OK", "", &body),
            "sns",
            "listTopics",
            "{}",
            expect![[r#"{"Topics":[{"TopicArn":"a"}]}"#]],
        )
        .await;
    }
}

#[tokio::test]
async fn answers_are_results_by_the_model() {
    check(
        answer(
            "200 OK",
            "",
            r#"{"Item":{"a":{"SS":["x"]},"b":{"BOOL":true},"c":{"NULL":true}},"More":1}"#,
        ),
        "dynamodb",
        "getItem",
        r#"{"TableName":"t","Key":{"a":{"S":"1"}}}"#,
        expect![[r#"{"Item":{"a":{"Ss":["x"]},"b":{"Bool":true},"c":{"Nul":true}}}"#]],
    )
    .await;
    check(
        answer("200 OK", "", r#"{"item":[{"id":"a","createdDate":1420167845}]}"#),
        "apigateway",
        "getRestApis",
        "{}",
        expect![[r#"{"Items":[{"CreatedDate":"2015-01-02T03:04:05Z","Id":"a"}]}"#]],
    )
    .await;
    check(
        answer("200 OK", "ETag: \"e\"\r\nx-amz-meta-Owner: me\r\nLast-Modified: Fri, 02 Jan 2015 03:04:05 GMT\r\n", "text"),
        "s3",
        "getObject",
        r#"{"Bucket":"b","Key":"k"}"#,
        expect![[r#"{"ContentLength":4,"ETag":"\"e\"","LastModified":"2015-01-02T03:04:05Z","Metadata":{"owner":"me"},"Body":"text"}"#]],
    )
    .await;
    check(
        answer("200 OK", "", "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a&amp;b</Key><Size>5</Size></Contents><Contents><Key>c</Key></Contents></ListBucketResult>"),
        "s3",
        "listObjectsV2",
        r#"{"Bucket":"b"}"#,
        expect![[r#"{"Contents":[{"Key":"a&b","Size":5},{"Key":"c"}],"IsTruncated":false}"#]],
    )
    .await;
    check(
        answer("200 OK", "", "<R><GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></R>"),
        "sts",
        "getCallerIdentity",
        "{}",
        expect![[r#"{"Account":"1"}"#]],
    )
    .await;
    check(
        answer("200 OK", "", "<DescribeVpcsResponse><requestId>r</requestId><vpcSet><item><vpcId>v</vpcId><isDefault>true</isDefault></item></vpcSet></DescribeVpcsResponse>"),
        "ec2",
        "describeVpcs",
        "{}",
        expect![[r#"{"Vpcs":[{"IsDefault":true,"VpcId":"v"}]}"#]],
    )
    .await;
}

#[tokio::test]
async fn refusals_are_read_in_every_protocol() {
    for (service, action, parameters, status, body, expected) in [
        (
            "dynamodb",
            "getItem",
            r#"{"TableName":"t","Key":{}}"#,
            "400 Bad Request",
            r#"{"__type":"com.amazonaws.dynamodb#ResourceNotFoundException","message":"None"}"#,
            expect!["refused: ResourceNotFoundException: None (400)"],
        ),
        (
            "s3",
            "getObject",
            r#"{"Bucket":"b","Key":"k"}"#,
            "404 Not Found",
            "<Error><Code>NoSuchKey</Code><Message>No key</Message></Error>",
            expect!["refused: NoSuchKey: No key (404)"],
        ),
        (
            "s3",
            "copyObject",
            r#"{"Bucket":"b","Key":"k","CopySource":"a/b"}"#,
            "200 OK",
            "<Error><Code>InternalError</Code><Message>Again</Message></Error>",
            expect!["refused: InternalError: Again (200)"],
        ),
        (
            "sns",
            "publish",
            r#"{"TopicArn":"t","Message":"m"}"#,
            "404 Not Found",
            "<ErrorResponse><Error><Code>NotFound</Code><Message>No topic</Message></Error></ErrorResponse>",
            expect!["refused: NotFound: No topic (404)"],
        ),
        (
            "ec2",
            "describeVpcs",
            "{}",
            "400 Bad Request",
            "<Response><Errors><Error><Code>InvalidVpcID.NotFound</Code><Message>No</Message></Error></Errors></Response>",
            expect!["refused: InvalidVpcID.NotFound: No (400)"],
        ),
    ] {
        check(answer(status, "", body), service, action, parameters, expected).await;
    }
}

#[tokio::test]
async fn what_misbehaves_is_a_clear_error() {
    let long = "x".repeat(10 * 1_048_576);
    for (bytes, expected) in [
        (
            b"nonsense\r\n\r\n".to_vec(),
            expect!["Unable to execute HTTP request: invalid HTTP version parsed"],
        ),
        (
            b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{".to_vec(),
            expect!["Unable to execute HTTP request: end of file before message length reached"],
        ),
        (
            Vec::new(),
            expect!["Unable to execute HTTP request: connection closed before message completed"],
        ),
        (
            answer("200 OK", "", "<html>"),
            expect![
                "Unable to execute HTTP request: the answer is not what the service's model says: it is no JSON: Unexpected character ('<' (code 60)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
            ],
        ),
        (
            answer("200 OK", "", "\u{fffd}"),
            expect![
                "Unable to execute HTTP request: the answer is not what the service's model says: it is no JSON: Unexpected character ('�' (code 65533 / 0xfffd)): expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
            ],
        ),
        (answer("200 OK", "", &long), expect!["the answer is longer than 65536 bytes"]),
        (
            answer("301 Moved", "Location: http://127.0.0.1:1/\r\n", ""),
            expect![
                "refused: : The service answered with a redirect to http://127.0.0.1:1/, which is not followed (301)"
            ],
        ),
        (answer("503 Busy", "", "<html>busy</html>"), expect!["refused: :  (503)"]),
    ] {
        check(bytes, "sfn", "listActivities", "{}", expected).await;
    }
    // It answers nothing, and holds the connection.
    let address = server(Vec::new(), true).await;
    expect!["Unable to execute HTTP request: Read timed out"]
        .assert_eq(&call(&format!("http://{address}"), "sfn", "listActivities", "{}").await);
    // It does not speak TLS.
    let address = server(b"HTTP/1.1 200 OK\r\n\r\n".to_vec(), false).await;
    expect!["Unable to execute HTTP request: received corrupt message of type InvalidContentType"]
        .assert_eq(&call(&format!("https://{address}"), "sfn", "listActivities", "{}").await);
    // What does not fit is not sent.
    expect![[r#"The field "A" is not supported by Step Functions"#]]
        .assert_eq(&call("http://127.0.0.1:1", "sfn", "listActivities", r#"{"A":1}"#).await);
}
