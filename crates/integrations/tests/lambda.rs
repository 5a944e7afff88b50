//! Lambda over HTTP, against a server that answers one request as it is told.

#![allow(clippy::unwrap_used)] // a test that cannot go on may panic

use std::sync::Arc;
use std::time::Duration;

use aws::{Client, Endpoint, Endpoints, Settings};
use engine::{Failure, ServiceRequest, ServiceTarget, TaskResource};
use expect_test::{Expect, expect};
use json::Document;
use runtime::{Clock, Integration, Runtime, RuntimeConfig, ServiceCall};
use stairwell_integrations::Lambda;
use store::{MemoryStore, Scope};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:f:live";

/// A server that takes one request and sends that answer, byte by byte as it is given; then it
/// closes, or holds the connection.
async fn server(answer: Vec<u8>, holds: bool) -> (Endpoint, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        let mut buffer = [0; 4_096];
        while !is_whole(&request) {
            let count = stream.read(&mut buffer).await.unwrap();
            assert_ne!(count, 0, "the request was cut off");
            request.extend_from_slice(&buffer[..count]);
        }
        // The client may have gone away from an answer that is too long.
        let _ = stream.write_all(&answer).await;
        if holds {
            // Until the client hangs up.
            while stream.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
        }
        String::from_utf8(request).unwrap()
    });
    (Endpoint::parse(&endpoint).unwrap(), served)
}

/// A client that knows of nothing but this endpoint of Lambda.
fn client(lambda: Option<Endpoint>) -> Client {
    let variables = [("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned())];
    let settings = Settings::of(&variables.into()).unwrap();
    let endpoints = Endpoints::default();
    let endpoints = match lambda {
        Some(endpoint) => endpoints.with("Lambda", endpoint),
        None => endpoints,
    };
    Client::new(Settings { endpoints, ..settings })
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

fn answer(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n{headers}\r\n{body}").into_bytes()
}

fn ok(body: &str) -> Vec<u8> {
    answer("200 OK", "X-Amz-Executed-Version: $LATEST\r\nx-amzn-RequestId: id\r\n", body)
}

fn function(event: &str) -> ServiceRequest {
    let parameters = Document::from_text(event).unwrap();
    ServiceRequest { target: ServiceTarget::Function(ARN.into()), parameters, role_arn: None }
}

fn invoke(parameters: &str) -> ServiceRequest {
    let resource = TaskResource { resource_type: "lambda".into(), resource: "invoke".into() };
    let parameters = Document::from_text(parameters).unwrap();
    ServiceRequest { target: ServiceTarget::Action(resource), parameters, role_arn: None }
}

async fn call(lambda: &Lambda, request: ServiceRequest) -> Result<Document, Failure> {
    let config = RuntimeConfig::new(Clock::system(), [0; 32]);
    let call = ServiceCall {
        runtime: Runtime::open(Arc::new(MemoryStore::new()), config),
        scope: Scope { account: "123456789012".into(), region: "us-east-1".into() },
        execution_arn: "arn".into(),
        role_arn: "role".into(),
        trace_header: None,
        request,
        request_id: "id".into(),
        idempotency_token: "token".into(),
        http_trace: None,
    };
    lambda.call(call).await
}

fn told(outcome: Result<Document, Failure>) -> String {
    match outcome {
        Ok(output) => output.text().to_owned(),
        Err(Failure { error, cause }) => {
            format!("{}: {}", error.unwrap_or_default(), cause.unwrap_or_default())
        }
    }
}

async fn outcome(answer: Vec<u8>, request: ServiceRequest) -> String {
    let (endpoint, _served) = server(answer, false).await;
    told(call(&Lambda::new(client(Some(endpoint))), request).await)
}

async fn check(answer: Vec<u8>, request: ServiceRequest, expected: Expect) {
    expected.assert_eq(&outcome(answer, request).await);
}

/// What was sent: the line, the headers that matter, and the body.
async fn sent(request: ServiceRequest) -> String {
    let (endpoint, served) = server(ok("null"), false).await;
    let _ = call(&Lambda::new(client(Some(endpoint))), request).await;
    let sent = served.await.unwrap();
    let (head, body) = sent.split_once("\r\n\r\n").unwrap();
    let untold = ["host", "content", "x-amz-date"];
    let told = |line: &&str| !untold.iter().any(|name| line.starts_with(name));
    // The signature changes with the time.
    let head: Vec<&str> =
        head.lines().filter(told).map(|line| line.split(" Credential").next().unwrap()).collect();
    format!("{}\n{body}", head.join("\n"))
}

#[tokio::test]
async fn a_function_gets_the_input_and_its_json_is_the_result() {
    expect![[r#"
        POST /2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3Af%3Alive/invocations HTTP/1.1
        authorization: AWS4-HMAC-SHA256
        {"a": 1}"#]].assert_eq(&sent(function(r#"{"a": 1}"#)).await);
    check(ok("[1, 2]"), function("{}"), expect!["[1, 2]"]).await;
    check(ok("\"text\""), function("{}"), expect![[r#""text""#]]).await;
}

#[tokio::test]
async fn an_invocation_has_its_parameters() {
    let parameters = r#"{"FunctionName":"f","Qualifier":"1","LogType":"Tail",
        "InvocationType":"RequestResponse","ClientContext":"e30=","Payload":{"a":1}}"#;
    expect![[r#"
        POST /2015-03-31/functions/f/invocations?Qualifier=1 HTTP/1.1
        x-amz-invocation-type: RequestResponse
        x-amz-log-type: Tail
        x-amz-client-context: e30=
        authorization: AWS4-HMAC-SHA256
        {"a":1}"#]]
    .assert_eq(&sent(invoke(parameters)).await);
    for (payload, body) in [
        ("null", "{}"),
        (r#""0.0""#, "0.0"),
        (r#""\"x\"""#, "\"x\""),
        ("[1]", "[1]"),
        ("true", "true"),
    ] {
        let sent = sent(invoke(&format!(r#"{{"FunctionName":"f","Payload":{payload}}}"#))).await;
        assert_eq!(sent.lines().last(), Some(body), "{payload}");
    }
}

#[tokio::test]
async fn an_invocation_gives_the_answer_with_its_metadata() {
    check(ok(r#"{"b":[1.0]}"#), invoke(r#"{"FunctionName":"f"}"#), expect![[r#"{"ExecutedVersion":"$LATEST","Payload":{"b":[1.0]},"SdkHttpMetadata":{"AllHttpHeaders":{"Content-Length":["11"],"X-Amz-Executed-Version":["$LATEST"],"x-amzn-RequestId":["id"]},"HttpHeaders":{"Content-Length":"11","X-Amz-Executed-Version":"$LATEST","x-amzn-RequestId":"id"},"HttpStatusCode":200},"SdkResponseMetadata":{"RequestId":"id"},"StatusCode":200}"#]]).await;
    let accepted = answer("202 Accepted", "", "");
    check(accepted, invoke(r#"{"FunctionName":"f"}"#), expect![[r#"{"Payload":"","SdkHttpMetadata":{"AllHttpHeaders":{"Content-Length":["0"]},"HttpHeaders":{"Content-Length":"0"},"HttpStatusCode":202},"SdkResponseMetadata":{"RequestId":""},"StatusCode":202}"#]]).await;
}

#[tokio::test]
async fn an_error_of_the_function_has_its_type_and_its_account() {
    let failed = |body| answer("200 OK", "X-Amz-Function-Error: Unhandled\r\n", body);
    let raised = r#"{"errorMessage": "no", "errorType": "Own"}"#;
    check(
        failed(raised),
        function("{}"),
        expect![[r#"Own: {"errorMessage": "no", "errorType": "Own"}"#]],
    )
    .await;
    check(
        failed(raised),
        invoke(r#"{"FunctionName":"f"}"#),
        expect![[r#"Own: {"errorMessage":"no","errorType":"Own"}"#]],
    )
    .await;
    check(failed(r#"{"errorMessage":"late"}"#), function("{}"), expect![[r#"Lambda.Unknown: The cause could not be determined because Lambda did not return an error type. Returned payload: {"errorMessage":"late"}"#]]).await;
}

#[tokio::test]
async fn an_error_of_the_service_has_the_name_of_the_sdk() {
    let refused = |code: &str, body: &str| {
        let headers = format!("x-amzn-ErrorType: {code}\r\nx-amzn-RequestId: id\r\n");
        answer("404 Not Found", &headers, body)
    };
    let body = r#"{"Type":"User","Message":"Function not found: f"}"#;
    check(refused("ResourceNotFoundException", body), function("{}"), expect!["Lambda.ResourceNotFoundException: Function not found: f (Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: id; Proxy: null)"]).await;
    let code = "TooManyRequestsException:http://internal.amazon.com/";
    check(refused(code, r#"{"message":"Slower"}"#), function("{}"), expect!["Lambda.TooManyRequestsException: Slower (Service: AWSLambda; Status Code: 404; Error Code: TooManyRequestsException; Request ID: id; Proxy: null)"]).await;
    check(refused("AccessDeniedException", body), function("{}"), expect!["Lambda.AWSLambdaException: Function not found: f (Service: AWSLambda; Status Code: 404; Error Code: AccessDeniedException; Request ID: id; Proxy: null)"]).await;
    check(answer("502 Bad Gateway", "", "<html>"), function("{}"), expect!["Lambda.AWSLambdaException: null (Service: AWSLambda; Status Code: 502; Error Code: ; Request ID: null; Proxy: null)"]).await;
    check(answer("302 Found", "location: /x\r\n", ""), function("{}"), expect!["Lambda.AWSLambdaException: null (Service: AWSLambda; Status Code: 302; Error Code: ; Request ID: null; Proxy: null)"]).await;
}

#[tokio::test]
async fn what_is_no_answer_is_a_failure_of_the_client() {
    check(
        b"not HTTP at all\r\n\r\n".to_vec(),
        function("{}"),
        expect![
            "Lambda.SdkClientException: Unable to execute HTTP request: invalid HTTP version parsed"
        ],
    )
    .await;
    check(Vec::new(), function("{}"), expect!["Lambda.SdkClientException: Unable to execute HTTP request: connection closed before message completed"]).await;
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"a\"".to_vec();
    check(cut, function("{}"), expect!["Lambda.SdkClientException: Unable to execute HTTP request: end of file before message length reached"]).await;
    check(ok("not JSON"), function("{}"), expect!["Lambda.Unknown: The cause could not be determined because Lambda did not return an error type. Returned payload: not JSON"]).await;
    check(ok("not JSON"), invoke(r#"{"FunctionName":"f"}"#), expect!["Lambda.Unknown: The cause could not be determined because Lambda did not return an error type. Returned payload: not JSON"]).await;
    check([ok(""), vec![]].concat(), function("{}"), expect!["Lambda.Unknown: The cause could not be determined because Lambda did not return an error type. Returned payload: "]).await;
}

#[tokio::test]
async fn nobody_listens_or_nobody_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let lambda = Lambda::new(client(Some(Endpoint::parse(&endpoint).unwrap())));
    let refused = told(call(&lambda, function("{}")).await);
    assert!(
        refused.starts_with("Lambda.SdkClientException: Unable to execute HTTP request: "),
        "{refused}"
    );
    expect!["Lambda.SdkClientException: Unable to execute HTTP request: no endpoint of Lambda is configured (--lambda-endpoint, AWS_ENDPOINT_URL_LAMBDA), and there are no credentials for AWS's own"].assert_eq(&told(call(&Lambda::new(client(None)), function("{}")).await));
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_not_kept() {
    let large = format!("\"{}\"", "x".repeat(7 * 1_048_576));
    let expected = "returned a result with a size exceeding";
    let direct = outcome(ok(&large), function("{}")).await;
    assert!(direct.starts_with("States.DataLimitExceeded"), "{direct}");
    assert!(direct.contains(&format!("'{ARN}' {expected}")), "{direct}");
    // Neither JSON nor small enough: its size counts.
    let text = "a".repeat(263_168);
    let invoked = outcome(ok(&text), invoke(r#"{"FunctionName":"f"}"#)).await;
    assert!(invoked.contains(&format!("'lambda' {expected}")), "{invoked}");
    // What is JSON and too large for a state is for the engine to refuse.
    let json = format!("\"{}\"", "x".repeat(263_168));
    assert_eq!(outcome(ok(&json), function("{}")).await, json);
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up() {
    for answer in [Vec::new(), b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n1".to_vec()] {
        let (endpoint, served) = server(answer, true).await;
        let lambda = Lambda::with_patience(client(Some(endpoint)), Duration::from_millis(50));
        let late = told(call(&lambda, function("{}")).await);
        assert_eq!(
            late,
            "Lambda.SdkClientException: Unable to execute HTTP request: Read timed out"
        );
        // The connection is closed, or the server would still hold it.
        served.await.unwrap();
    }
}
