//! From an HTTP request to an operation, and from its result to an HTTP response.

use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use identity::{Actor, Facts};
use json::Value;
use permissions::Needed;
use runtime::Reserved;
use store::Scope;

use crate::Api;
use crate::audit::Attempt;
use crate::authorization::{self, Asking};
use crate::browser;
use crate::constraint::Member;
use crate::error::{ApiError, ErrorCode};
use crate::facts;
use crate::health;
use crate::operations::Operation;
use crate::own::{self, Asker, OwnOperation};
use crate::query;
use crate::request::Request;
use crate::request_log::Cause;
use crate::throttle::START_EXPRESS;

pub(crate) type Response = hyper::Response<Full<Bytes>>;

/// What a request takes in memory besides its body, in bytes, about.
const REQUEST_BYTES: usize = 1_024;
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
const TARGET_PREFIX: &str = "AWSStepFunctions.";

/// What a request asks for.
#[derive(Clone, Copy)]
enum Called {
    /// One of AWS's operations.
    Aws(Operation),
    /// One of Stairwell's own.
    Own(OwnOperation),
}

impl Called {
    fn name(&self) -> &'static str {
        match self {
            Called::Aws(operation) => operation.name,
            Called::Own(operation) => operation.name,
        }
    }

    fn members(&self) -> &'static [Member] {
        match self {
            Called::Aws(operation) => operation.members,
            Called::Own(operation) => operation.members,
        }
    }

    /// The operations of AWS that are counted and must be allowed for it.
    fn needs<'a>(&'a self, request: &Request) -> &'a [&'static str] {
        match self {
            Called::Aws(operation) => std::slice::from_ref(&operation.name),
            Called::Own(operation) => operation.needs(request),
        }
    }
}

/// Answers any request.
pub(crate) async fn answer(api: &Api, request: hyper::Request<Incoming>) -> Response {
    let (parts, body) = request.into_parts();
    if let Err(message) = browser::check(&parts) {
        let mut response = respond(Err(ApiError::new(ErrorCode::AccessDeniedException, message)));
        *response.status_mut() = StatusCode::FORBIDDEN;
        return response;
    }
    match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/health" | "/health/live") => health::live(),
        (&Method::GET, "/health/ready") => health::ready(&api.readiness, &api.audit).await,
        (&Method::POST, "/") if query::speaks(&parts) => match read(api, body).await {
            Ok((body, _reserved)) => query::answer(api, &parts, &body).await,
            Err(error) => respond(Err(error)),
        },
        (&Method::POST, "/") => respond(call(api, &parts, body).await),
        (&Method::GET, "/") if query::is_presigned(&parts) => query::answer(api, &parts, &[]).await,
        (_, "/" | "/health" | "/health/live" | "/health/ready") => {
            let message = format!("{} is not allowed here.", parts.method);
            let error = ApiError::new(ErrorCode::UnknownOperationException, message);
            let mut response = respond(Err(error));
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            let allowed = if parts.uri.path() == "/" { "POST" } else { "GET" };
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
            response
        }
        (_, path) => {
            let message = format!("There is nothing at {path}: the API is at /.");
            let error = ApiError::new(ErrorCode::UnknownOperationException, message);
            let mut response = respond(Err(error));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}

async fn call(api: &Api, parts: &Parts, body: Incoming) -> Result<Vec<u8>, ApiError> {
    let operation = operation(parts)?;
    let mut attempt = Attempt::of_request(&api.audit, "states", operation.name(), parts);
    let result = match read(api, body).await {
        Ok((body, _reserved)) => attempted(api, parts, body, operation, &mut attempt).await,
        Err(error) => Err(error),
    };
    attempt.end((&result).into()).await;
    result
}

/// Does what is asked for, and notes down who asks for what.
async fn attempted(
    api: &Api,
    parts: &Parts,
    body: Bytes,
    operation: Called,
    attempt: &mut Attempt<'_>,
) -> Result<Vec<u8>, ApiError> {
    let trace_header = parts.headers.get("x-amzn-trace-id");
    let trace_header = trace_header.and_then(|value| value.to_str().ok());
    // Often added by what lies between, so that one that is too long is no mistake of the caller.
    let trace_header = trace_header.filter(|text| text.len() <= 256).map(Arc::from);
    let authenticated = api.callers.authenticate(&api.accounts, parts, &body, "states").await;
    if let (Called::Own(own), Err(why)) = (operation, &authenticated)
        && own.is_for_anybody()
        && why.is_unsigned()
    {
        return Ok(Value::from(own::open_answer(api)).to_text().into_bytes());
    }
    let (caller, scope) = authenticated.inspect_err(|why| attempt.is_refused_by(why))?;
    attempt.is_by(&caller, &scope);
    if let Called::Aws(operation) = operation {
        throttle(api, operation.name, &scope, &body).await?;
    }
    let request = Request::read(scope, trace_header, &body, operation.members())?;
    if let Called::Own(operation) = operation {
        for name in operation.needs(&request) {
            throttle(api, name, &request.scope, &body).await?;
        }
    }
    drop(body);
    let asking = Asking::Caller(&caller);
    let known = match asking.is_bound(api) || request.text("roleArn").is_some() {
        true => facts::of(parts, &request.scope.region, api.runtime.now()),
        false => Facts::default(),
    };
    allowed(api, asking, operation, &request, &known, attempt).await
}

/// Does what is asked for, where the one who asks may.
async fn allowed(
    api: &Api,
    asking: Asking<'_>,
    operation: Called,
    request: &Request,
    known: &Facts<'_>,
    attempt: &mut Attempt<'_>,
) -> Result<Vec<u8>, ApiError> {
    // Only for those who are asked for it or told it: it costs more than the rest of a small call.
    let needed: Vec<Vec<Needed>> = match asking.is_bound(api) || attempt.is_recorded() {
        true => {
            operation.needs(request).iter().map(|it| authorization::needed(it, request)).collect()
        }
        false => Vec::new(),
    };
    let needed: Vec<Needed> = needed.into_iter().flatten().collect();
    if attempt.is_recorded() {
        attempt.needs(&needed);
    }
    authorization::check(api, asking, operation.name(), request, &needed, known).await?;
    attempt.begin().await?;
    match operation {
        Called::Aws(operation) => operation.call(api, request).await,
        Called::Own(operation) => operation.call(api, request, &Asker { asking, known }).await,
    }
}

/// Takes a token of the operation's bucket. A start of an Express machine takes it from another
/// one, so the machine is looked up where it matters.
async fn throttle(
    api: &Api,
    mut name: &'static str,
    scope: &Scope,
    body: &[u8],
) -> Result<(), ApiError> {
    if !api.buckets.is_on() {
        return Ok(());
    }
    if name == "StartExecution" {
        let body = serde_json::from_slice::<serde_json::Value>(body).unwrap_or_default();
        let arn = body["stateMachineArn"].as_str().unwrap_or_default();
        if api.runtime.is_express(scope, arn).await {
            name = START_EXPRESS;
        }
    }
    let nodes = api.runtime.living_nodes();
    api.buckets.take(scope, name, api.runtime.now(), nodes)
}

impl Api {
    /// Does what a request for the operation with that body would do, and gives the body of the
    /// answer: the API for callers in the same process.
    ///
    /// # Errors
    /// What would be answered instead.
    pub async fn call(
        &self,
        operation: &str,
        scope: Scope,
        body: &[u8],
    ) -> Result<Vec<u8>, ApiError> {
        let operation = named(operation)?;
        let request = Request::read(scope, None, body, operation.members)?;
        operation.call(self, &request).await
    }

    /// As [`Api::call`], for a task that acts with a role: what its policies allow, what is
    /// throttled and what the audit tells is as for those who call over HTTP. The audit has this
    /// `request_id`.
    ///
    /// # Errors
    /// What would be answered instead.
    pub async fn call_as(
        &self,
        actor: &Actor<'_>,
        operation: &str,
        scope: Scope,
        body: &[u8],
        request_id: &str,
    ) -> Result<Vec<u8>, ApiError> {
        let operation = named(operation)?;
        let mut attempt = Attempt::of_task(&self.audit, operation.name, actor, &scope, request_id);
        let result = self.acted(actor, operation, scope, body, &mut attempt).await;
        attempt.end((&result).into()).await;
        result
    }

    async fn acted(
        &self,
        actor: &Actor<'_>,
        operation: Operation,
        scope: Scope,
        body: &[u8],
        attempt: &mut Attempt<'_>,
    ) -> Result<Vec<u8>, ApiError> {
        throttle(self, operation.name, &scope, body).await?;
        let request = Request::read(scope, None, body, operation.members)?;
        let (asking, known) = (Asking::Task(actor), Facts::default());
        allowed(self, asking, Called::Aws(operation), &request, &known, attempt).await
    }
}

fn named(operation: &str) -> Result<Operation, ApiError> {
    Operation::by_name(operation).ok_or_else(|| {
        let message = format!("There is no operation {operation}.");
        ApiError::new(ErrorCode::UnknownOperationException, message)
    })
}

/// The operation that `X-Amz-Target` names. The content type is checked first: a web page of
/// another origin cannot send this one without asking the server (a CORS preflight request).
fn operation(parts: &Parts) -> Result<Called, ApiError> {
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let content_type = content_type.unwrap_or_default();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case(CONTENT_TYPE) {
        let message = format!("The content type must be {CONTENT_TYPE}, not '{content_type}'.");
        return Err(ApiError::new(ErrorCode::UnsupportedMediaTypeException, message));
    }
    let target = parts.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let target = target.unwrap_or_default();
    let aws = target.strip_prefix(TARGET_PREFIX).and_then(Operation::by_name).map(Called::Aws);
    let own = || target.strip_prefix(own::TARGET_PREFIX).and_then(OwnOperation::by_name);
    aws.or_else(|| own().map(Called::Own)).ok_or_else(|| {
        let message = format!(
            "The header X-Amz-Target must be {TARGET_PREFIX} and the name of an operation, \
             not '{target}'."
        );
        ApiError::new(ErrorCode::UnknownOperationException, message)
    })
}

/// Reads a body, and counts the memory of the request until it is answered: the body, what is made
/// of it, and something for the rest.
async fn read(api: &Api, body: Incoming) -> Result<(Bytes, Reserved), ApiError> {
    let (body, _room) = api.bodies.read(body).await?;
    let reserved = api.runtime.reserve(REQUEST_BYTES + 2 * body.len())?;
    Ok((body, reserved))
}

/// The response to a request that came to this result.
pub(crate) fn respond(result: Result<Vec<u8>, ApiError>) -> Response {
    let (status, body, code, cause) = match result {
        Ok(body) => (StatusCode::OK, body, None, None),
        Err(error) => {
            let (status, code) = (error.code.status(), Some(error.code.name()));
            let body = error.body();
            (status, body, code, status.is_server_error().then_some(Cause(error.message)))
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    if let Some(cause) = cause {
        response.extensions_mut().insert(cause);
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
    if status == StatusCode::SERVICE_UNAVAILABLE {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if let Some(code) = code {
        headers.insert("x-amzn-errortype", HeaderValue::from_static(code));
    }
    response
}
