//! What holds for every request: HTTP, headers, errors of the protocol.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::{PASS, Server, WAIT, read};
use expect_test::{Expect, expect};
use http_body_util::Full;
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::{TokioExecutor, TokioIo};
use runtime::RuntimeConfig;
use serde_json::json;
use store::{Fault, FaultyStore, MemoryStore, Operation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn check(server: &Server, request: Request<Full<Bytes>>, expected: Expect) {
    let answer = server.send(request).await;
    assert_eq!(answer.header("content-type"), "application/x-amz-json-1.0");
    let id = answer.header("x-amzn-requestid");
    assert!(uuid::Uuid::parse_str(id).is_ok(), "{id}");
    expected.assert_eq(&answer.error());
}

fn changed(
    server: &Server,
    change: impl FnOnce(hyper::http::request::Builder) -> hyper::http::request::Builder,
) -> Request<Full<Bytes>> {
    let request = server.request("ListStateMachines", "{}");
    let mut builder = Request::builder().method("POST").uri("/");
    *builder.headers_mut().expect("valid") = request.headers().clone();
    change(builder).body(Full::new(Bytes::from("{}"))).expect("valid")
}

#[tokio::test]
async fn health_is_told() {
    let server = Server::start().await;
    let request = Request::get("/health").body(Full::default()).expect("valid");
    let answer = server.send(request).await;
    assert_eq!((answer.status, &*answer.text), (200, r#"{"status":"ok"}"#));
}

#[tokio::test]
async fn a_server_is_ready_while_its_store_can_be_written() {
    let refuses = Arc::new(AtomicBool::new(false));
    let decides = refuses.clone();
    let store = FaultyStore::new(Arc::new(MemoryStore::new()), move |operation| {
        let is_write = operation == Operation::WriteResource;
        (is_write && decides.load(Ordering::Relaxed)).then_some(Fault::Before)
    });
    let server = Server::start_on(Arc::new(store)).await;
    let health = async |path: &str| {
        let answer = server.send(changed(&server, |it| it.method("GET").uri(path))).await;
        (answer.status, answer.text)
    };
    let ok = (200, r#"{"status":"ok"}"#.to_owned());
    assert_eq!(health("/health/ready").await, ok);
    refuses.store(true, Ordering::Relaxed);
    // An answer holds for a second.
    while health("/health/ready").await == ok {
        tokio::task::yield_now().await;
    }
    let unavailable = (503, r#"{"status":"unavailable"}"#.to_owned());
    assert_eq!(health("/health/ready").await, unavailable);
    assert_eq!((health("/health").await, health("/health/live").await), (ok.clone(), ok.clone()));
    refuses.store(false, Ordering::Relaxed);
    while health("/health/ready").await == unavailable {
        tokio::task::yield_now().await;
    }
    assert_eq!(health("/health/ready").await, ok);
}

#[tokio::test]
async fn wrong_addresses_are_refused() {
    let server = Server::start().await;
    check(
        &server,
        changed(&server, |request| request.uri("/elsewhere")),
        expect!["404 UnknownOperationException: There is nothing at /elsewhere: the API is at /."],
    )
    .await;
    for method in ["GET", "PUT", "DELETE", "PATCH"] {
        let answer = server.send(changed(&server, |request| request.method(method))).await;
        assert_eq!(answer.status, 405, "{method}");
        assert_eq!(answer.header("allow"), "POST", "{method}");
    }
    let answer = server.send(changed(&server, |request| request.uri("/health"))).await;
    assert_eq!((answer.status, answer.header("allow")), (405, "GET"));
}

#[tokio::test]
async fn other_content_types_are_refused() {
    let server = Server::start().await;
    for content_type in ["application/json", "text/plain", "application/x-amz-json-1.1"] {
        let request = changed(&server, |mut request| {
            let headers = request.headers_mut().expect("valid");
            headers.insert("content-type", content_type.parse().expect("valid"));
            request
        });
        let expected = format!(
            "415 UnsupportedMediaTypeException: The content type must be \
             application/x-amz-json-1.0, not '{content_type}'."
        );
        assert_eq!(server.send(request).await.error(), expected);
    }
    for content_type in ["application/x-amz-json-1.0; charset=utf-8", "Application/X-Amz-Json-1.0"]
    {
        let request = changed(&server, |mut request| {
            let headers = request.headers_mut().expect("valid");
            headers.insert("content-type", content_type.parse().expect("valid"));
            request
        });
        assert_eq!(server.send(request).await.status, 200, "{content_type}");
    }
}

#[tokio::test]
async fn unknown_operations_are_refused() {
    let server = Server::start().await;
    check(
        &server,
        server.request("Dance", "{}"),
        expect!["400 UnknownOperationException: The header X-Amz-Target must be AWSStepFunctions. and the name of an operation, not 'AWSStepFunctions.Dance'."],
    )
    .await;
    for target in ["ListStateMachines", "AWSStepFunctions_20161123.ListStateMachines", ""] {
        let request = changed(&server, |mut request| {
            let headers = request.headers_mut().expect("valid");
            headers.insert("x-amz-target", target.parse().expect("valid"));
            request
        });
        let error = server.send(request).await.error();
        assert!(error.starts_with("400 UnknownOperationException"), "{target}: {error}");
    }
}

#[tokio::test]
async fn bodies_that_are_no_json_objects_are_refused() {
    let server = Server::start().await;
    let request = |body: &'static [u8]| server.request("ListStateMachines", body);
    for body in [&b""[..], b"{", b"{}{}", b"{'a':1}", b"\xFF\xFE", b"[]", b"1", b"null", b"\"{}\""]
    {
        let error = server.send(request(body)).await.error();
        assert!(error.starts_with("400 SerializationException: "), "{body:?}: {error}");
    }
    check(
        &server,
        request(b"[]"),
        expect!["400 SerializationException: The request body is not a JSON object."],
    )
    .await;
    check(
        &server,
        request(b"\xFF"),
        expect!["400 SerializationException: The request body is not UTF-8."],
    )
    .await;
}

#[tokio::test]
async fn nesting_without_end_is_refused() {
    let server = Server::start().await;
    let body = "[".repeat(1_000_000);
    let error = server.send(server.request("ListStateMachines", body)).await.error();
    assert!(error.starts_with("400 SerializationException: "), "{error}");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let server = Server::start().await;
    let body = format!(r#"{{"x":"{}"}}"#, "x".repeat(2 * 1_048_576));
    check(
        &server,
        server.request("ListStateMachines", body),
        expect![
            "413 RequestEntityTooLargeException: The request body is longer than 2097152 bytes."
        ],
    )
    .await;
}

/// A store that cannot write is no fault of the client, which tries again.
#[tokio::test]
async fn a_store_that_is_not_available_is_a_5xx() {
    let store = FaultyStore::new(Arc::new(MemoryStore::new()), |operation| {
        (operation == Operation::WriteResource).then_some(Fault::Before)
    });
    let server = Server::start_on(Arc::new(store)).await;
    let body = json!({"name": "m", "definition": PASS, "roleArn": common::ROLE});
    for (operation, body) in
        [("CreateStateMachine", body), ("CreateActivity", json!({"name": "a"}))]
    {
        let error = server.refusal(operation, body).await;
        assert!(
            error.starts_with("503 ServiceUnavailable: the store is not available: "),
            "{error}"
        );
    }
    assert_eq!(server.call("ListActivities", json!({})).await, json!({"activities": []}));
}

#[tokio::test]
async fn too_much_under_way_is_a_throttling_exception() {
    let clock = runtime::Clock::system();
    let config = RuntimeConfig { memory_bytes_max: 2_000, ..RuntimeConfig::new(clock, [7; 32]) };
    let server = Server::start_with(config).await;
    server.call("ListStateMachines", json!({})).await;
    let large = json!({"nextToken": "x".repeat(1_000)});
    let error = server.refusal("ListStateMachines", large).await;
    assert_eq!(error, "400 ThrottlingException: Rate exceeded");
    // What it took is free again.
    server.call("ListStateMachines", json!({})).await;
}

#[tokio::test]
async fn members_that_the_model_does_not_have_are_passed_over() {
    let server = Server::start().await;
    server.call("ListStateMachines", json!({"unheardOf": {"of": []}})).await;
}

#[tokio::test]
async fn requests_in_one_go_are_answered_in_order() {
    let server = Server::start().await;
    let request = |operation: &str, more: &str| {
        format!(
            "POST / HTTP/1.1\r\nhost: sync-localhost\r\n{more}content-length: 2\r\n\
             content-type: application/x-amz-json-1.0\r\n\
             x-amz-target: AWSStepFunctions.{operation}\r\n\r\n{{}}"
        )
    };
    let bytes = [
        request("ListStateMachines", ""),
        request("ListActivities", ""),
        request("DescribeActivity", "connection: close\r\n"),
    ];
    let answers = server.send_bytes(bytes.concat().as_bytes()).await;
    let places = [r#"{"stateMachines":[]}"#, r#"{"activities":[]}"#, "Value null at 'activityArn'"]
        .map(|part| answers.find(part).unwrap_or_else(|| panic!("{part} in {answers}")));
    assert!(places.is_sorted(), "{answers}");
    assert_eq!(answers.matches("HTTP/1.1 ").count(), 3);
}

#[tokio::test]
async fn http_2_works_without_negotiation() {
    let server = Server::start().await;
    let stream = TcpStream::connect(server.address).await.expect("the server listens");
    let executor = TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, TokioIo::new(stream))
            .await
            .expect("HTTP/2");
    tokio::spawn(connection);
    let mut request = server.request("ListStateMachines", "{}");
    *request.uri_mut() = "http://localhost/".parse().expect("valid");
    request.headers_mut().remove("host");
    let answer = read(sender.send_request(request).await.expect("an answer")).await;
    assert_eq!((answer.status, &*answer.text), (200, r#"{"stateMachines":[]}"#));
}

#[tokio::test]
async fn accounts_and_regions_do_not_see_each_other() {
    let server = Server::start().await;
    let signed = |key: &str, region: &str, operation: &str, body: String| {
        let mut request = server.request(operation, body);
        let header = format!(
            "AWS4-HMAC-SHA256 Credential={key}/20260101/{region}/states/aws4_request, \
             SignedHeaders=host, Signature=0"
        );
        request.headers_mut().insert("authorization", header.parse().expect("valid"));
        request
    };
    let body = json!({"name": "m", "definition": PASS, "roleArn": common::ROLE}).to_string();
    let created = server.send(signed("test", "eu-west-1", "CreateStateMachine", body)).await.json();
    assert_eq!(created["stateMachineArn"], "arn:aws:states:eu-west-1:123456789012:stateMachine:m");
    for (key, region, count) in
        [("test", "eu-west-1", 1), ("test", "us-east-1", 0), ("111111111111", "eu-west-1", 0)]
    {
        let request = signed(key, region, "ListStateMachines", "{}".to_owned());
        let listed = server.send(request).await.json();
        let listed = listed["stateMachines"].as_array().expect("a list").len();
        assert_eq!(listed, count, "{key} {region}");
    }
}

#[tokio::test]
async fn a_stop_ends_long_polls_and_takes_no_more_connections() {
    let server = Server::start().await;
    let activity = server.call("CreateActivity", json!({"name": "a"})).await;
    let poll = json!({"activityArn": activity["activityArn"]}).to_string();
    let address = server.address;
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let request = |operation: &str, body: &str| {
        format!(
            "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\
             content-type: application/x-amz-json-1.0\r\n\
             x-amz-target: AWSStepFunctions.{operation}\r\n\r\n{body}",
            body.len()
        )
    };
    // The first answer tells that the server has read what came with it: the poll is under way.
    let both = request("ListStateMachines", "{}") + &request("GetActivityTask", &poll);
    stream.write_all(both.as_bytes()).await.expect("the server reads");
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.expect("the first answer");
    let stopped = server.stop();
    let mut rest = String::new();
    stream.read_to_string(&mut rest).await.expect("the server answers and closes");
    assert!(rest.ends_with("\r\n\r\n{}"), "{rest}");
    stopped.await.expect("the server ends well");
    assert!(TcpStream::connect(address).await.is_err(), "the port is free");
}

#[tokio::test]
async fn idle_connections_do_not_hold_up_a_stop() {
    let server = Server::start().await;
    server.create_machine("m", WAIT).await;
    let idle = TcpStream::connect(server.address).await.expect("the server listens");
    let mut used = TcpStream::connect(server.address).await.expect("the server listens");
    used.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("the server reads");
    let mut answer = [0; 12];
    used.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 200");
    server.stop().await.expect("the server ends well");
    drop((idle, used));
}

/// Whether a request is served that has these headers, by `Origin`, `Host`, content type and
/// whether it is signed: a web page of another origin is refused before anything else is looked
/// at, and everybody else is not affected.
#[tokio::test]
async fn web_pages_of_other_origins_are_refused() {
    let server = Server::start().await;
    let own = ["", "http://127.0.0.1:8083", "http://localhost:8083"];
    let foreign = ["null", "https://evil.example", "http://rebind.example:8083"];
    for host in ["127.0.0.1:8083", "localhost:8083", "rebind.example:8083"] {
        for origin in own.iter().chain(&foreign) {
            for content_type in ["application/x-amz-json-1.0", "application/x-www-form-urlencoded"]
            {
                for is_signed in [true, false] {
                    let request = from_a_page(&server, host, origin, content_type, is_signed);
                    let answer = server.send(request).await;
                    let is_own = origin.is_empty()
                        || (own.contains(origin) && *origin == format!("http://{host}"));
                    let case = format!("{host} {origin} {content_type} {is_signed}");
                    let refused = answer.status == 403;
                    assert_eq!(refused, !is_own, "{case}: {}", answer.text);
                    if refused {
                        assert_eq!(answer.header("x-amzn-errortype"), "AccessDeniedException");
                    }
                }
            }
        }
    }
}

fn from_a_page(
    server: &Server,
    host: &str,
    origin: &str,
    content_type: &str,
    is_signed: bool,
) -> Request<Full<Bytes>> {
    let form = content_type.ends_with("urlencoded");
    let body = if form { "Action=ListUsers&Version=2010-05-08" } else { "{}" };
    let mut request = server.request("ListStateMachines", "{}").map(|_| Full::from(body));
    let headers = request.headers_mut();
    headers.insert("host", host.parse().expect("valid"));
    headers.insert("content-type", content_type.parse().expect("valid"));
    if !origin.is_empty() {
        headers.insert("origin", origin.parse().expect("valid"));
    }
    if is_signed {
        let signature = "AWS4-HMAC-SHA256 Credential=123456789012/20260101/us-east-1/states/\
                         aws4_request, SignedHeaders=host, Signature=0";
        headers.insert("authorization", signature.parse().expect("valid"));
    }
    request
}

#[tokio::test]
async fn every_answer_tells_browsers_not_to_use_it() {
    let server = Server::start().await;
    let health = Request::get("/health").body(Full::default()).expect("valid");
    let elsewhere = Request::get("/elsewhere").body(Full::default()).expect("valid");
    for request in [health, elsewhere, server.request("ListStateMachines", "{}")] {
        let answer = server.send(request).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cross-origin-resource-policy"), "same-origin");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}
