//! Functions without a Lambda server: a name stands for a URL, or for a command that is started on
//! demand and speaks Lambda's runtime API.
//! See <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>.
//!
//! Promises: as many processes of a command run at a time as its concurrency says, each with one
//! invocation; one that dies, or takes longer than its time, is a function error as Lambda words
//! it; a process that nothing asks for ends after a while, and all end with the server; a process
//! sees nothing of the server's environment but what `environment` lists and what is configured.
//!
//! Does not: limit what a command may do.

mod environment;

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use json::Object;
use json::Value;
use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

/// Lambda's limit for a response.
const RESPONSE_BYTES_MAX: usize = 6 * 1_048_576 + 65_536;

/// A function that is configured.
#[derive(Clone, Debug, PartialEq)]
pub enum LocalFunction {
    /// Whatever answers a POST of the event there.
    Url(String),
    /// A command that speaks the runtime API.
    Command(FunctionCommand),
}

/// A command that speaks the runtime API.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionCommand {
    /// The program and its arguments.
    pub command: Vec<String>,
    /// How many of it run at a time.
    pub concurrency: usize,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// How long a process waits for its next invocation.
    pub idle: Duration,
    /// Variables of its environment, beside those that Lambda sets.
    pub environment: BTreeMap<String, String>,
}

/// The functions that are configured, by name or ARN.
#[derive(Clone, Debug, Default)]
pub struct LocalFunctions(Arc<BTreeMap<String, (LocalFunction, Pool)>>);

/// The processes of a command.
#[derive(Clone, Debug)]
struct Pool {
    places: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Worker>>>,
}

/// What a function gave.
pub(super) struct Returned {
    /// The response, or the account of the error.
    pub(super) payload: String,
    /// Whether it is an error.
    pub(super) is_error: bool,
}

impl LocalFunctions {
    /// These, by name or ARN.
    pub fn new(functions: BTreeMap<String, LocalFunction>) -> LocalFunctions {
        let with_pool = |(name, function): (String, LocalFunction)| {
            let places = match &function {
                LocalFunction::Url(_) => Semaphore::MAX_PERMITS,
                LocalFunction::Command(command) => command.concurrency,
            };
            let pool = Pool { places: Arc::new(Semaphore::new(places)), idle: Arc::default() };
            (name, (function, pool))
        };
        LocalFunctions(Arc::new(functions.into_iter().map(with_pool).collect()))
    }

    /// The URL of a function; none where it has none.
    pub(super) fn url(&self, function: &str) -> Option<&str> {
        match self.find(function)? {
            (LocalFunction::Url(url), _) => Some(url),
            (LocalFunction::Command(_), _) => None,
        }
    }

    /// Invokes the command of a function; none where it has none.
    pub(super) async fn invoke(&self, function: &str, payload: &str) -> Option<Returned> {
        let (LocalFunction::Command(command), pool) = self.find(function)? else { return None };
        Some(pool.invoke(command, function, payload).await)
    }

    /// Whether a command stands for the function.
    pub(super) fn has_command(&self, function: &str) -> bool {
        matches!(self.find(function), Some((LocalFunction::Command(_), _)))
    }

    /// Whether anything stands for the function.
    pub(super) fn is_local(&self, function: &str) -> bool {
        self.find(function).is_some()
    }

    /// By the ARN, qualified or not, or by the name.
    fn find(&self, function: &str) -> Option<&(LocalFunction, Pool)> {
        let parts: Vec<&str> = function.split(':').collect();
        let name = match parts.as_slice() {
            ["arn", _, "lambda", _, _, "function", name, ..] => *name,
            [name, ..] => *name,
            [] => function,
        };
        let unqualified = parts.get(..7).map(|parts| parts.join(":")).unwrap_or_default();
        [function, &unqualified, name].into_iter().find_map(|name| self.0.get(name))
    }
}

impl Pool {
    async fn invoke(&self, command: &FunctionCommand, function: &str, payload: &str) -> Returned {
        let _place = self.places.acquire().await.expect("the semaphore is never closed");
        let request_id = uuid::Uuid::new_v4().to_string();
        let found = self.idle.lock().pop();
        let worker = match found {
            Some(worker) => Ok(worker),
            None => Worker::start(command, function).await,
        };
        let mut worker = match worker {
            Ok(worker) => worker,
            Err(error) => {
                let program = command.command.first().map_or("", String::as_str);
                let message = format!("RequestId: {request_id} Error: {program}: {error}");
                return failed("Runtime.InvalidEntrypoint", &message);
            }
        };
        let (reply, replied) = oneshot::channel();
        let event = Event { request_id: request_id.clone(), payload: payload.to_owned(), reply };
        // Where the process is gone, the reply is gone too.
        let _ = worker.events.send(event);
        let outcome = tokio::select! {
            returned = replied => returned.ok(),
            status = worker.process.wait() => {
                let status = status.map_or_else(|error| error.to_string(), |it| it.to_string());
                let message =
                    format!("RequestId: {request_id} Error: Runtime exited with error: {status}");
                return failed("Runtime.ExitError", &message);
            }
            () = tokio::time::sleep(command.timeout) => {
                let seconds = command.timeout.as_secs_f64();
                let message = format!(
                    "RequestId: {request_id} Error: Task timed out after {seconds:.2} seconds"
                );
                return failed("Sandbox.Timedout", &message);
            }
        };
        let Some(returned) = outcome else {
            let message =
                format!("RequestId: {request_id} Error: Runtime exited without providing a reason");
            return failed("Runtime.ExitError", &message);
        };
        if !returned.ends_process {
            self.park(worker, command.idle);
        }
        Returned { payload: returned.payload, is_error: returned.is_error }
    }

    /// Keeps a process for the next invocation, for a while.
    fn park(&self, worker: Worker, patience: Duration) {
        let (id, idle) = (worker.process.id(), self.idle.clone());
        let invocations = worker.invocations.clone();
        let before = *invocations.lock();
        idle.lock().push(worker);
        tokio::spawn(async move {
            tokio::time::sleep(patience).await;
            if *invocations.lock() == before {
                idle.lock().retain(|worker| worker.process.id() != id);
            }
        });
    }
}

fn failed(error_type: &str, message: &str) -> Returned {
    let mut payload = Object::new();
    payload.insert("errorType", error_type);
    payload.insert("errorMessage", message);
    Returned { payload: Value::from(payload).to_text(), is_error: true }
}

/// A process, and the runtime API that it speaks to. Both end with it.
#[derive(Debug)]
struct Worker {
    process: Child,
    events: mpsc::UnboundedSender<Event>,
    /// How many invocations it took.
    invocations: Arc<Mutex<u64>>,
    _api: JoinSet<()>,
}

/// An invocation on its way to a process.
#[derive(Debug)]
struct Event {
    request_id: String,
    payload: String,
    reply: oneshot::Sender<Reply>,
}

#[derive(Debug)]
struct Reply {
    payload: String,
    is_error: bool,
    /// Whether the process could not begin.
    ends_process: bool,
}

/// What the runtime API of one process knows.
struct RuntimeApi {
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<Event>>,
    under_way: Mutex<Option<(String, oneshot::Sender<Reply>)>>,
    invocations: Arc<Mutex<u64>>,
    function: String,
    timeout: Duration,
}

impl Worker {
    async fn start(command: &FunctionCommand, function: &str) -> std::io::Result<Worker> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let (program, arguments) = command
            .command
            .split_first()
            .ok_or_else(|| std::io::Error::other("the command is empty"))?;
        let environment = environment::of_process(
            std::env::vars_os(),
            function,
            &address.to_string(),
            &command.environment,
        );
        let process = Command::new(program)
            .args(arguments)
            .env_clear()
            .envs(environment)
            .stdin(Stdio::null())
            // What a server prints is one line, which others read.
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let (events, received) = mpsc::unbounded_channel();
        let invocations = Arc::new(Mutex::new(0));
        let api = Arc::new(RuntimeApi {
            events: tokio::sync::Mutex::new(received),
            under_way: Mutex::new(None),
            invocations: invocations.clone(),
            function: function.to_owned(),
            timeout: command.timeout,
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, api));
        Ok(Worker { process, events, invocations, _api: tasks })
    }
}

async fn serve(listener: TcpListener, api: Arc<RuntimeApi>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let api = api.clone();
        connections.spawn(async move {
            let answer = service_fn(move |request| {
                let api = api.clone();
                async move { api.answer(request).await }
            });
            // A process that breaks off is seen by its end.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

impl RuntimeApi {
    async fn answer(
        &self,
        request: Request<Incoming>,
    ) -> hyper::http::Result<Response<Full<Bytes>>> {
        let path = request.uri().path().to_owned();
        let Some(path) = path.strip_prefix("/2018-06-01/runtime/") else {
            return status(StatusCode::NOT_FOUND);
        };
        if request.method() == Method::GET && path == "invocation/next" {
            return self.next().await;
        }
        let body = Limited::new(request.into_body(), RESPONSE_BYTES_MAX).collect().await;
        let Ok(body) = body else { return status(StatusCode::PAYLOAD_TOO_LARGE) };
        let payload = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        if path == "init/error" {
            // The first invocation gets to know.
            let event = self.events.lock().await.recv().await;
            let reply = Reply { payload, is_error: true, ends_process: true };
            event.map(|event| event.reply.send(reply));
            return status(StatusCode::ACCEPTED);
        }
        let Some((request_id, what)) =
            path.strip_prefix("invocation/").and_then(|rest| rest.split_once('/'))
        else {
            return status(StatusCode::NOT_FOUND);
        };
        let is_error = what == "error";
        if !is_error && what != "response" {
            return status(StatusCode::NOT_FOUND);
        }
        let mut under_way = self.under_way.lock();
        match under_way.take() {
            Some((id, reply)) if id == request_id => {
                // Who does not wait any more does not want to know.
                let _ = reply.send(Reply { payload, is_error, ends_process: false });
                status(StatusCode::ACCEPTED)
            }
            other => {
                *under_way = other;
                status(StatusCode::BAD_REQUEST)
            }
        }
    }

    async fn next(&self) -> hyper::http::Result<Response<Full<Bytes>>> {
        let Some(event) = self.events.lock().await.recv().await else {
            return status(StatusCode::GONE);
        };
        *self.invocations.lock() += 1;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let deadline = (now + self.timeout).as_millis();
        let response = Response::builder()
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", &event.request_id)
            .header("lambda-runtime-deadline-ms", deadline.to_string())
            .header("lambda-runtime-invoked-function-arn", &self.function)
            .body(Full::new(Bytes::from(event.payload)));
        *self.under_way.lock() = Some((event.request_id, event.reply));
        response
    }
}

fn status(status: StatusCode) -> hyper::http::Result<Response<Full<Bytes>>> {
    Response::builder().status(status).body(Full::new(Bytes::from_static(b"{}")))
}
