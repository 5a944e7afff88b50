//! Whole HTTP requests, and forms, to a server that runs beside the target. A server that panics
//! over a request answers it with the status 500.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::runtime::{Clock, Runtime, RuntimeConfig};
use api::{Accounts, Api, Audit, Callers};
use identity::{Identities, SealingKey};
use store::MemoryStore;
use tokio::net::TcpListener;

/// How long to wait for an answer. What is no whole request has none.
const ANSWER_TIME: Duration = Duration::from_secs(2);
/// The same where it is not known whether it is one.
const EARLY_TIME: Duration = Duration::from_millis(10);
/// So many requests a server is asked, since what they make stays in its memory.
const REQUESTS_MAX: u64 = 20_000;
const CONNECTIONS_MAX: usize = 100;

/// A server, and how often it was asked.
struct Server {
    address: SocketAddr,
    requests: u64,
    _threads: tokio::runtime::Runtime,
}

static SERVER: Mutex<Option<Server>> = Mutex::new(None);

impl Server {
    fn start() -> Server {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let threads = builder.worker_threads(1).enable_all().build().expect("a thread");
        let address = threads.block_on(Server::listen());
        Server { address, requests: 0, _threads: threads }
    }

    async fn listen() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let store = Arc::new(MemoryStore::new());
        let runtime = Runtime::open(store.clone(), RuntimeConfig::new(Clock::system(), [7; 32]));
        let identities = Arc::new(Identities::new(store, SealingKey::random()));
        let callers = Callers::new(identities, BTreeMap::new(), false);
        let api = Api::new(runtime, Accounts::default()).with_callers(callers, Audit::default());
        let never = std::future::pending();
        tokio::spawn(api::serve(listener, None, Arc::new(api), CONNECTIONS_MAX, never));
        address
    }
}

/// No request is answered with the status 500, or by what is not HTTP. Where there is an empty
/// line, what is behind it is the body, and its length is put right; what begins with `!` is sent
/// as it is.
pub fn http(data: &[u8]) {
    match data.strip_prefix(b"!") {
        Some(raw) => check(raw, EARLY_TIME),
        None => match data.windows(4).position(|four| four == b"\r\n\r\n") {
            Some(end) => check(&with_length(&data[..end], &data[end + 4..]), ANSWER_TIME),
            None => check(data, EARLY_TIME),
        },
    }
}

/// The same for a form to IAM or STS.
pub fn form(data: &[u8]) {
    const HEAD: &[u8] =
        b"POST / HTTP/1.1\r\nHost: h\r\nContent-Type: application/x-www-form-urlencoded";
    check(&with_length(HEAD, data), ANSWER_TIME);
}

fn with_length(head: &[u8], body: &[u8]) -> Vec<u8> {
    let is_framing = |line: &[u8]| {
        let names: [&[u8]; 3] = [b"content-length", b"transfer-encoding", b"connection"];
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        names.iter().any(|framing| name.eq_ignore_ascii_case(framing))
    };
    let mut request = Vec::with_capacity(head.len() + body.len() + 64);
    for line in
        head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
    {
        if !is_framing(line) {
            request.extend_from_slice(line);
            request.extend_from_slice(b"\r\n");
        }
    }
    let framing = format!("Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    request.extend_from_slice(framing.as_bytes());
    request.extend_from_slice(body);
    request
}

fn check(request: &[u8], patience: Duration) {
    let mut stream = TcpStream::connect(address()).expect("the server listens");
    stream.set_read_timeout(Some(patience)).expect("it can be set");
    // The server may have answered and closed before all was sent.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    // What is no whole request is waited for by the server.
    let _ = stream.read_to_end(&mut answer);
    if !answer.is_empty() {
        let status = answer.strip_prefix(b"HTTP/1.1 ").or(answer.strip_prefix(b"HTTP/1.0 "));
        let is_http_2 = answer.get(3..6).is_some_and(|about| about[0] <= 9);
        assert!(status.is_some() || is_http_2, "{}", String::from_utf8_lossy(&answer));
        let has_failed = status.is_some_and(|status| status.starts_with(b"500"));
        assert!(!has_failed, "{}", String::from_utf8_lossy(&answer));
    }
}

/// Where the server is. A new one takes the place of one that was asked often.
fn address() -> SocketAddr {
    let mut server = SERVER.lock().unwrap_or_else(PoisonError::into_inner);
    if server.as_ref().is_some_and(|server| server.requests >= REQUESTS_MAX) {
        *server = None;
    }
    let server = server.get_or_insert_with(Server::start);
    server.requests += 1;
    server.address
}

/// Requests of each protocol.
pub(crate) fn requests() -> Vec<Vec<u8>> {
    let json = |operation: &str, body: &str| {
        format!(
            "POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: AWSStepFunctions.{operation}\r\n\
             Content-Type: application/x-amz-json-1.0\r\n\r\n{body}"
        )
    };
    let arn = "arn:aws:states:us-east-1:123456789012:stateMachine:m";
    let execution = "arn:aws:states:us-east-1:123456789012:execution:m:e";
    let pass = r#"{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"End\":true}}}"#;
    let role = "arn:aws:iam::123456789012:role/r";
    let requests = [
        json(
            "CreateStateMachine",
            &format!(r#"{{"name":"m","definition":"{pass}","roleArn":"{role}","tags":[]}}"#),
        ),
        json(
            "StartExecution",
            &format!(r#"{{"stateMachineArn":"{arn}","name":"e","input":"{{\"a\":1}}"}}"#),
        ),
        json("DescribeExecution", &format!(r#"{{"executionArn":"{execution}"}}"#)),
        json(
            "GetExecutionHistory",
            &format!(r#"{{"executionArn":"{execution}","maxResults":5,"reverseOrder":true}}"#),
        ),
        json("ListExecutions", &format!(r#"{{"stateMachineArn":"{arn}","nextToken":"AAAA"}}"#)),
        json("TestState", r#"{"definition":"{\"Type\":\"Pass\",\"End\":true}","input":"{}"}"#),
        json("ValidateStateMachineDefinition", &format!(r#"{{"definition":"{pass}"}}"#)),
        json("SendTaskSuccess", r#"{"taskToken":"AAAA","output":"1"}"#),
        json("TagResource", &format!(r#"{{"resourceArn":"{arn}","tags":[{{"key":"k"}}]}}"#)),
        "GET /health HTTP/1.1\r\nHost: h\r\n\r\n".to_owned(),
        "POST / HTTP/1.1\r\nHost: h\r\nOrigin: null\r\nSec-Fetch-Site: cross-site\r\n\r\n"
            .to_owned(),
        "!POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n\
         2;x=y\r\n{}\r\n0\r\nTrailer: t\r\n\r\n"
            .to_owned(),
        "!PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0".to_owned(),
        "GET /?Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Signature=00&X-Amz-Expires=60&\
         X-Amz-Credential=AKID%2F20150830%2Fus-east-1%2Fsts%2Faws4_request HTTP/1.1\r\n\
         Host: h\r\n\r\n"
            .to_owned(),
    ];
    requests.into_iter().map(String::into_bytes).collect()
}

/// Forms of IAM and STS.
pub(crate) fn forms() -> Vec<Vec<u8>> {
    const FORMS: [&str; 9] = [
        "Action=CreateUser&Version=2010-05-08&UserName=ann&Path=%2Fteam%2F&Tags.member.1.Key=k&\
         Tags.member.1.Value=v",
        "Action=CreateAccessKey&Version=2010-05-08&UserName=ann",
        "Action=CreateRole&Version=2010-05-08&RoleName=r&MaxSessionDuration=3600&\
         AssumeRolePolicyDocument=%7B%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C\
         %22Principal%22%3A%22*%22%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%7D",
        "Action=PutRolePolicy&Version=2010-05-08&RoleName=r&PolicyName=p&PolicyDocument=%7B\
         %22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D",
        "Action=AttachRolePolicy&RoleName=R&\
         PolicyArn=arn%3Aaws%3Aiam%3A%3Aaws%3Apolicy%2FReadOnlyAccess",
        "Action=ListUsers&Version=2010-05-08&MaxItems=1&Marker=AAAA&PathPrefix=/",
        "Action=UntagUser&UserName=ann&TagKeys.member.1=k&TagKeys.member.2=",
        "Action=AssumeRole&Version=2011-06-15&RoleArn=arn:aws:iam::123456789012:role/r&\
         RoleSessionName=s&DurationSeconds=900&ExternalId=x",
        "Action=GetCallerIdentity&Version=2011-06-15",
    ];
    FORMS.iter().map(|form| form.as_bytes().to_vec()).collect()
}
