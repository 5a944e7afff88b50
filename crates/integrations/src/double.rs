//! A double of any service that speaks JSON, made from its model: it finds the operation of a
//! request, notes down what was asked, and answers a sample of the operation's output, or what the
//! test says.

use std::collections::VecDeque;
use std::sync::Arc;

use aws::{Client, Endpoint, Endpoints, Settings};
use engine::{ServiceRequest, ServiceTarget, TaskResource};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use json::{Document, Object, Value};
use parking_lot::Mutex;
use runtime::{Clock, Runtime, RuntimeConfig, ServiceCall};
use service_model::{Member, Operation, Protocol, Service, ShapeId, ShapeKind};
use store::{MemoryStore, Scope};
use tokio::net::TcpListener;

/// How deep samples go: shapes may hold themselves.
const DEPTH_MAX: usize = 7;

/// What a double answers to one request.
#[derive(Clone, Debug)]
pub(crate) enum Answering {
    /// That value, by the names of the wire.
    Result(Value),
    /// That status and error code.
    Refusal(u16, &'static str),
    /// Nothing: the connection is closed.
    Nothing,
}

/// What was asked of a double.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asked {
    pub(crate) action: String,
    /// Path, query and body.
    pub(crate) text: String,
}

/// A double of one service.
pub(crate) struct Double {
    pub(crate) client: Client,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Double {
    /// A double that answers to an action as the script says, the last for ever; samples to all
    /// other actions.
    pub(crate) async fn start(
        service: &'static Service,
        action: &str,
        script: Vec<Answering>,
    ) -> Double {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let url = format!("http://{}", listener.local_addr().expect("it is bound"));
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (action, seen) = (action.to_owned(), asked.clone());
        let script = Arc::new(Mutex::new(VecDeque::from(script)));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (action, seen, script) = (action.clone(), seen.clone(), script.clone());
                let answer = service_fn(move |request: Request<Incoming>| {
                    let (action, seen, script) = (action.clone(), seen.clone(), script.clone());
                    async move {
                        let (operation, text) = understood(service, request).await;
                        seen.lock().push(Asked { action: operation.action.clone(), text });
                        let answering = match operation.action == action {
                            true => next(&script),
                            false => None,
                        };
                        answered(answering.unwrap_or_else(|| {
                            let output = operation.output.map(|it| sample(service, it, "", 0));
                            Answering::Result(output.unwrap_or_else(|| Object::new().into()))
                        }))
                    }
                });
                tokio::spawn(async move {
                    // A connection that is closed in place of an answer ends in an error.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), answer)
                        .await;
                });
            }
        });
        let variables = [("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned())];
        let settings = Settings::of(&variables.into()).expect("there are no URLs in it");
        let endpoint = Endpoint::parse(&url).expect("it is a URL");
        let endpoints = Endpoints::default().with(&service.id, endpoint);
        Double { client: Client::new(Settings { endpoints, ..settings }), asked }
    }

    /// What was asked of it so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().clone()
    }
}

fn next(script: &Mutex<VecDeque<Answering>>) -> Option<Answering> {
    let mut script = script.lock();
    if script.len() > 1 { script.pop_front() } else { script.front().cloned() }
}

type HttpOutcome = Result<Response<Full<Bytes>>, std::io::Error>;

fn answered(answering: Answering) -> HttpOutcome {
    let (status, body) = match answering {
        Answering::Result(value) => (200, value.to_text()),
        Answering::Refusal(status, code) => {
            (status, format!(r#"{{"__type":"{code}","message":"on purpose"}}"#))
        }
        Answering::Nothing => return Err(std::io::Error::other("on purpose")),
    };
    let response = Response::builder().status(status).header("x-amzn-requestid", "r");
    Ok(response.body(Full::new(Bytes::from(body))).expect("it is an answer"))
}

/// The operation of a request, and all that it says.
async fn understood(
    service: &'static Service,
    request: Request<Incoming>,
) -> (&'static Operation, String) {
    let target = request.headers().get("x-amz-target").and_then(|it| it.to_str().ok());
    let target = target.and_then(|it| it.rsplit('.').next()).map(str::to_owned);
    let (method, uri) = (request.method().to_string(), request.uri().clone());
    let operation = match service.protocol {
        Protocol::Json => {
            let target = target.expect("the json protocol names the operation");
            service.operations().find(|operation| operation.name == target)
        }
        _ => service
            .operations()
            .filter(|operation| operation.http_method == method)
            .filter_map(|operation| {
                Some((literals(&operation.request_uri, uri.path())?, operation))
            })
            .max_by_key(|(literals, _)| *literals)
            .map(|(_, operation)| operation),
    };
    let operation = operation.unwrap_or_else(|| panic!("no operation is {method} {uri}"));
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let text = format!("{uri} {}", String::from_utf8_lossy(&body));
    (operation, text.replace("%2F", "/").replace("%3A", ":"))
}

/// How many parts of a path are those of the template; none where the path is another.
fn literals(template: &str, path: &str) -> Option<usize> {
    let template = template.split('?').next().unwrap_or_default();
    let parts = |text: &str| text.split('/').map(str::to_owned).collect::<Vec<_>>();
    let (template, path) = (parts(template), parts(path));
    if template.len() != path.len() {
        return None;
    }
    let mut literals = 0;
    for (template, part) in template.iter().zip(&path) {
        match template.starts_with('{') {
            true => {}
            false if template == part => literals += 1,
            false => return None,
        }
    }
    Some(literals)
}

/// A value of a shape, by the names of the wire, with every member that there is. Texts say which
/// member they are.
pub(crate) fn sample(service: &Service, shape: ShapeId, name: &str, depth: usize) -> Value {
    value(service, shape, name, depth, &|_| true, &|member| member.wire_name())
}

/// Parameters for an operation: what must be there, and what is named.
pub(crate) fn parameters(service: &Service, operation: &Operation, named: &[&str]) -> Value {
    let Some(input) = operation.input else { return Object::new().into() };
    let is_wanted = |member: &Member| member.is_required || named.contains(&&*member.parameter);
    value(service, input, "", 0, &is_wanted, &|member| &member.parameter)
}

fn value<'m>(
    service: &'m Service,
    shape: ShapeId,
    name: &str,
    depth: usize,
    is_wanted: &dyn Fn(&Member) -> bool,
    named: &dyn Fn(&'m Member) -> &'m str,
) -> Value {
    let deeper = |shape, name: &str| value(service, shape, name, depth + 1, is_wanted, named);
    match &service.shape(shape).kind {
        ShapeKind::Structure(members) => {
            let mut object = Object::new();
            for member in members.members.iter().filter(|member| is_wanted(member)) {
                if depth < DEPTH_MAX {
                    object.insert(named(member), deeper(member.shape, &member.parameter));
                }
            }
            object.into()
        }
        ShapeKind::List { item, .. } => Value::from(vec![deeper(*item, name)]),
        ShapeKind::Map { value: item, .. } => {
            let mut map = Object::new();
            map.insert("key", deeper(*item, name));
            map.into()
        }
        ShapeKind::Text { allowed } => Value::from(allowed.last().map_or(name, |it| it)),
        ShapeKind::Blob => Value::from("eA=="),
        ShapeKind::Boolean => Value::from(false),
        ShapeKind::Integer | ShapeKind::Long | ShapeKind::Float | ShapeKind::Double => {
            Value::from(0)
        }
        ShapeKind::Timestamp { .. } => Value::from(1_420_167_845),
        ShapeKind::Document => Object::new().into(),
    }
}

/// A call of an action, as a task makes it.
pub(crate) fn service_call(service: &str, resource: &str, parameters: Value) -> ServiceCall {
    let config = RuntimeConfig::new(Clock::system(), [0; 32]);
    let target = TaskResource { resource_type: service.into(), resource: resource.into() };
    ServiceCall {
        runtime: Runtime::open(Arc::new(MemoryStore::new()), config),
        scope: Scope { account: "123456789012".into(), region: "us-east-1".into() },
        execution_arn: "arn:aws:states:us-east-1:123456789012:execution:m:e".into(),
        role_arn: "arn:aws:iam::123456789012:role/r".into(),
        trace_header: None,
        request: ServiceRequest {
            target: ServiceTarget::Action(target),
            parameters: Document::from(parameters),
            role_arn: None,
        },
        request_id: "id".into(),
        idempotency_token: "token".into(),
        http_trace: None,
    }
}
