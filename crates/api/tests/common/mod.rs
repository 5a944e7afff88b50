//! A server on a free port with a store in memory, and a client that hides nothing of HTTP.

#![allow(dead_code, reason = "each test file uses its part")]

use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::HeaderMap;
use hyper_util::rt::TokioIo;
use runtime::{Clock, Runtime, RuntimeConfig};
use serde_json::{Value, json};
use stairwell_api::{Accounts, Api, Audit, Callers};
use store::{MemoryStore, Store};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/test";

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) runtime: Runtime,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("answers are JSON")
    }

    /// The code after the `#`, and the message.
    pub(crate) fn error(&self) -> String {
        let body = self.json();
        let code = body["__type"].as_str().expect("an error has a type");
        let code = code.rsplit('#').next().expect("rsplit gives at least one");
        assert_eq!(self.header("x-amzn-errortype"), code, "header and body name the same code");
        format!("{} {code}: {}", self.status, body["message"].as_str().expect("a message"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).unwrap_or_else(|| panic!("a header {name}"));
        value.to_str().expect("a printable header")
    }
}

impl Server {
    pub(crate) async fn start() -> Server {
        Server::start_on(Arc::new(MemoryStore::new())).await
    }

    pub(crate) async fn start_on(store: Arc<dyn Store>) -> Server {
        Server::open(store, RuntimeConfig::new(Clock::system(), [7; 32])).await
    }

    pub(crate) async fn start_with(config: RuntimeConfig) -> Server {
        Server::open(Arc::new(MemoryStore::new()), config).await
    }

    pub(crate) async fn open(store: Arc<dyn Store>, config: RuntimeConfig) -> Server {
        let runtime = Runtime::open(store.clone(), config);
        let api = Api::new(runtime.clone(), Accounts::default()).ready_with(store);
        Server::of_api(runtime, api).await
    }

    /// With an audit of all that its callers, who are trusted, and its executions do.
    pub(crate) async fn audited(audit: Audit) -> Server {
        let config = RuntimeConfig::new(Clock::system(), [7; 32]);
        let config = RuntimeConfig { call_audit: audit.of_calls(), ..config };
        let runtime = Runtime::open(Arc::new(MemoryStore::new()), config);
        let api = Api::new(runtime.clone(), Accounts::default());
        Server::of_api(runtime, api.with_callers(Callers::default(), audit)).await
    }

    async fn of_api(runtime: Runtime, api: Api) -> Server {
        let api = Arc::new(api);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound address");
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(stairwell_api::serve(listener, None, api, 1_000, async {
            stopped.await.expect("the test says when");
        }));
        Server { address, runtime, stop, serving }
    }

    /// Asks the server to stop, and gives what is ready when it has.
    pub(crate) fn stop(self) -> JoinHandle<()> {
        self.stop.send(()).expect("the server runs");
        self.serving
    }

    pub(crate) fn request(&self, operation: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
        Request::post("/")
            .header("host", "states.us-east-1.amazonaws.com")
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AWSStepFunctions.{operation}"))
            .body(Full::new(body.into()))
            .expect("a valid request")
    }

    pub(crate) async fn send(&self, request: Request<Full<Bytes>>) -> Answer {
        let stream = TcpStream::connect(self.address).await.expect("the server listens");
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1.1");
        tokio::spawn(connection);
        let response = sender.send_request(request).await.expect("an answer");
        read(response).await
    }

    pub(crate) async fn post(&self, operation: &str, body: &str) -> Answer {
        self.send(self.request(operation, body.to_owned())).await
    }

    /// Calls an operation that must succeed.
    pub(crate) async fn call(&self, operation: &str, body: Value) -> Value {
        let answer = self.post(operation, &body.to_string()).await;
        assert_eq!(answer.status, 200, "{operation} {body}: {}", answer.text);
        answer.json()
    }

    /// Calls an operation that must be refused.
    pub(crate) async fn refusal(&self, operation: &str, body: Value) -> String {
        let answer = self.post(operation, &body.to_string()).await;
        assert_ne!(answer.status, 200, "{operation} {body}: {}", answer.text);
        answer.error()
    }

    /// Sends bytes, ends the sending side, and gives all that comes back.
    pub(crate) async fn send_bytes(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("the server listens");
        stream.write_all(bytes).await.expect("the server reads");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.expect("the server answers and closes");
        String::from_utf8(answer).expect("text")
    }

    /// Returns in a later millisecond, since revisions are told apart by the dates of the API.
    pub(crate) async fn later(&self) {
        let now = self.runtime.now();
        while self.runtime.now() == now {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) async fn create_machine(&self, name: &str, definition: &str) -> String {
        let body = json!({"name": name, "definition": definition, "roleArn": ROLE});
        let created = self.call("CreateStateMachine", body).await;
        created["stateMachineArn"].as_str().expect("an ARN").to_owned()
    }

    pub(crate) async fn start_execution(&self, machine: &str, name: &str, input: &str) -> String {
        let body = json!({"stateMachineArn": machine, "name": name, "input": input});
        let started = self.call("StartExecution", body).await;
        started["executionArn"].as_str().expect("an ARN").to_owned()
    }

    /// The description of an execution as soon as it has ended.
    pub(crate) async fn ended(&self, execution: &str) -> Value {
        loop {
            let body = json!({"executionArn": execution});
            let described = self.call("DescribeExecution", body).await;
            if described["status"] != "RUNNING" {
                return described;
            }
            tokio::task::yield_now().await;
        }
    }
}

pub(crate) async fn read(response: hyper::Response<hyper::body::Incoming>) -> Answer {
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    let text = String::from_utf8(body.to_vec()).expect("text");
    Answer { status, headers, text }
}

/// A machine that is done at once.
pub(crate) const PASS: &str =
    r#"{"StartAt":"P","States":{"P":{"Type":"Pass","Result":{"done":true},"End":true}}}"#;

/// A machine that waits for an hour.
pub(crate) const WAIT: &str =
    r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":3600,"End":true}}}"#;
