//! AWS Lambda: functions by their ARN, and `lambda:invoke`, over Lambda's Invoke operation.
//! See <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>.
//!
//! Where no endpoint is configured, it is AWS's own.

mod local;

pub use local::{FunctionCommand, LocalFunction, LocalFunctions};

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws::{
    Assume, CallError, Client, CredentialsError, HttpAnswer, HttpError, HttpLimits, escaped,
};
use engine::{Failure, Limits, ServiceTarget};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::{Request, StatusCode};
use json::{Document, Object, Value};
use runtime::{Integration, Permission, ServiceCall};
use service_model::Service;
use store::Scope;

use crate::metadata;

use crate::not_assumed;

/// A function answers 6 MB at most, and runs for 15 minutes at most.
const BODY_BYTES_MAX: usize = 6 * 1_048_576 + 65_536;
const PATIENCE: Duration = Duration::from_secs(16 * 60);

/// What calls Lambda functions.
#[derive(Debug)]
pub struct Lambda {
    client: Client,
    patience: Duration,
    functions: LocalFunctions,
}

/// One invocation.
struct Invocation<'a> {
    /// A name or an ARN.
    function: &'a str,
    payload: String,
    qualifier: Option<&'a str>,
    /// Name and value.
    headers: Vec<(&'static str, &'a str)>,
    /// How AWS names what was called where its result is too large.
    resource: &'a str,
}

impl Lambda {
    /// Calls functions with this client.
    pub fn new(client: Client) -> Lambda {
        Lambda::with_patience(client, PATIENCE)
    }

    /// As [`Lambda::new`], with a shorter or longer wait for an answer.
    pub fn with_patience(client: Client, patience: Duration) -> Lambda {
        Lambda { client, patience, functions: LocalFunctions::default() }
    }

    /// The same, with functions that need no Lambda server.
    pub fn with_functions(self, functions: LocalFunctions) -> Lambda {
        Lambda { functions, ..self }
    }

    /// Sends an event to a URL that stands for a function.
    async fn post(&self, url: &str, invocation: Invocation<'_>) -> Result<HttpAnswer, Failure> {
        let request = Request::post(url)
            .header(CONTENT_TYPE, "application/json")
            .body(Bytes::from(invocation.payload))
            .map_err(|error| client_failure(&error.to_string()))?;
        let limits = HttpLimits { patience: self.patience, answer_bytes_max: BODY_BYTES_MAX };
        match self.client.http().send(request, limits).await {
            Ok(answer) if answer.status.is_success() => Ok(answer),
            Ok(answer) => Err(service_failure(&answer)),
            Err(HttpError::TooLong(_)) => Err(Failure::data_limit_exceeded(invocation.resource)),
            Err(error) => Err(client_failure(&error.to_string())),
        }
    }

    /// Runs the command that stands for a function; none where none does.
    async fn run(&self, invocation: &Invocation<'_>) -> Option<HttpAnswer> {
        let (function, payload) = (invocation.function, &invocation.payload);
        if invocation.is_of_type("Event") && self.functions.has_command(function) {
            let (functions, function) = (self.functions.clone(), function.to_owned());
            let payload = payload.clone();
            tokio::spawn(async move { functions.invoke(&function, &payload).await });
            return Some(answer_of_command(StatusCode::ACCEPTED, None, String::new()));
        }
        let returned = self.functions.invoke(function, payload).await?;
        let error = returned.is_error.then_some("Unhandled");
        Some(answer_of_command(StatusCode::OK, error, returned.payload))
    }

    async fn invoke(
        &self,
        call: &ServiceCall,
        invocation: Invocation<'_>,
    ) -> Result<HttpAnswer, Failure> {
        if invocation.is_of_type("DryRun") && self.functions.is_local(invocation.function) {
            return Err(client_failure("a function of stairwell.toml knows no DryRun"));
        }
        if let Some(url) = self.functions.url(invocation.function) {
            return self.post(url, invocation).await;
        }
        if let Some(answer) = self.run(&invocation).await {
            return Ok(answer);
        }
        let service = service();
        let place = self.client.endpoints().place(service, None, &call.scope.region);
        let place = place.map_err(|error| client_failure(&error.to_string()))?;
        let function = escaped(invocation.function);
        let mut path = format!("/2015-03-31/functions/{function}/invocations");
        if let Some(qualifier) = invocation.qualifier {
            path.push_str(&format!("?Qualifier={}", escaped(qualifier)));
        }
        let mut request =
            Request::post(format!("{}{path}", place.url)).header(CONTENT_TYPE, "application/json");
        for (name, value) in invocation.headers {
            request = request.header(name, value);
        }
        let trace_header = call.trace_header.as_deref().map(HeaderValue::from_str);
        if let Some(Ok(trace_header)) = trace_header {
            request = request.header("x-amzn-trace-id", trace_header);
        }
        let request = request.body(Bytes::from(invocation.payload));
        let mut request = request.map_err(|error| client_failure(&error.to_string()))?;
        let role = call.request.role_arn.as_deref();
        let role = role.map(|role_arn| Assume { role_arn, external_id: None });
        let place = (&*call.scope.account, &*place.region);
        let signed = self.client.sign(&mut request, service, place, role.as_ref()).await;
        signed.map_err(|error| self.unsigned(call, &error))?;
        let limits = HttpLimits { patience: self.patience, answer_bytes_max: BODY_BYTES_MAX };
        match self.client.http().send(request, limits).await {
            Ok(answer) if answer.status.is_success() => Ok(answer),
            Ok(answer) => Err(service_failure(&answer)),
            Err(HttpError::TooLong(_)) => Err(Failure::data_limit_exceeded(invocation.resource)),
            Err(error) => Err(client_failure(&error.to_string())),
        }
    }

    /// Why a request cannot be signed. Who has neither credentials nor an endpoint most likely
    /// lacks the latter.
    fn unsigned(&self, call: &ServiceCall, error: &CallError) -> Failure {
        let is_missing = matches!(error, CallError::Credentials(CredentialsError::Missing));
        if is_missing && self.client.endpoints().of_service(service()).is_none() {
            return client_failure(
                "no endpoint of Lambda is configured (--lambda-endpoint, AWS_ENDPOINT_URL_LAMBDA), \
                 and there are no credentials for AWS's own",
            );
        }
        if let CallError::Credentials(CredentialsError::NotAssumed { .. }) = error {
            return not_assumed(call);
        }
        Failure::new("Lambda.SdkClientException", error.to_string())
    }

    /// A function by its ARN: the event is the task's input, the result what the function returns.
    async fn call_function(&self, call: &ServiceCall, arn: &str) -> Result<Document, Failure> {
        let invocation = Invocation {
            function: arn,
            payload: call.request.parameters.text().to_owned(),
            qualifier: None,
            headers: Vec::new(),
            resource: arn,
        };
        let answer = self.invoke(call, invocation).await?;
        let text = payload_text(&answer)?;
        if answer.header(FUNCTION_ERROR).is_some() {
            return Err(function_failure(text, text.to_owned()));
        }
        Document::from_text(text).map_err(|_| unreadable(text, arn))
    }

    /// `lambda:invoke`
    async fn call_invoke(&self, call: &ServiceCall) -> Result<Document, Failure> {
        let parameters = call.request.parameters.value();
        let text = |name: &str| parameters.get(name).and_then(Value::as_str);
        let payload = match parameters.get("Payload") {
            // What a function gets that is called with nothing.
            None | Some(Value::Null) => "{}".to_owned(),
            // A text is the event itself, in JSON.
            Some(Value::String(text)) => text.to_string(),
            Some(value) => value.to_text(),
        };
        let headers = [
            ("x-amz-invocation-type", text("InvocationType")),
            ("x-amz-log-type", text("LogType")),
            ("x-amz-client-context", text("ClientContext")),
        ];
        let invocation = Invocation {
            function: text("FunctionName").unwrap_or_default(),
            payload,
            qualifier: text("Qualifier"),
            headers: headers.into_iter().filter_map(|(name, value)| Some((name, value?))).collect(),
            resource: "lambda",
        };
        let answer = self.invoke(call, invocation).await?;
        let text = payload_text(&answer)?;
        let payload = match json::parse(text) {
            Ok(payload) => payload,
            Err(_) if text.is_empty() => Value::from(""),
            Err(_) => return Err(unreadable(text, "lambda")),
        };
        if answer.header(FUNCTION_ERROR).is_some() {
            return Err(function_failure(text, payload.to_text()));
        }
        Ok(Document::from(result(&answer, payload)))
    }
}

#[async_trait]
impl Integration for Lambda {
    fn permissions(&self, call: &ServiceCall) -> Vec<Permission> {
        let named = match &call.request.target {
            ServiceTarget::Function(arn) => &**arn,
            ServiceTarget::Action(_) => {
                let name = call.request.parameters.value().get("FunctionName");
                name.and_then(Value::as_str).unwrap_or_default()
            }
        };
        let Scope { account, region } = &call.scope;
        let qualifier = call.request.parameters.value().get("Qualifier").and_then(Value::as_str);
        let qualifier =
            qualifier.filter(|_| matches!(call.request.target, ServiceTarget::Action(_)));
        let mut resource = match named.strip_prefix("arn:") {
            Some(_) => named.to_owned(),
            None => format!("arn:aws:lambda:{region}:{account}:function:{named}"),
        };
        if let Some(qualifier) = qualifier {
            resource.push_str(&format!(":{qualifier}"));
        }
        vec![Permission::new("lambda:InvokeFunction", Some(resource))]
    }

    fn denied(&self, call: &ServiceCall, message: &str) -> Failure {
        let cause = format!(
            "{message} (Service: AWSLambda; Status Code: 403; Error Code: AccessDeniedException; \
             Request ID: {}; Proxy: null)",
            call.request_id
        );
        Failure::new("Lambda.AWSLambdaException", cause)
    }

    async fn call(&self, call: ServiceCall) -> Result<Document, Failure> {
        match &call.request.target {
            ServiceTarget::Function(arn) => self.call_function(&call, arn).await,
            ServiceTarget::Action(_) => self.call_invoke(&call).await,
        }
    }
}

impl Invocation<'_> {
    fn is_of_type(&self, invocation_type: &str) -> bool {
        self.headers.contains(&("x-amz-invocation-type", invocation_type))
    }
}

/// What Lambda would answer for a command.
fn answer_of_command(status: StatusCode, error: Option<&str>, payload: String) -> HttpAnswer {
    let mut headers = HeaderMap::new();
    let request_id = uuid::Uuid::new_v4().to_string();
    let named = [
        ("content-type", Some("application/json")),
        ("x-amz-executed-version", Some("$LATEST")),
        ("x-amzn-requestid", Some(&*request_id)),
        (FUNCTION_ERROR, error),
    ];
    for (name, value) in named {
        if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
            headers.insert(name, value);
        }
    }
    HttpAnswer { status, headers, body: Bytes::from(payload) }
}

fn service() -> &'static Service {
    service_model::service("lambda").expect("there is a model of Lambda")
}

const FUNCTION_ERROR: &str = "x-amz-function-error";

fn payload_text(answer: &HttpAnswer) -> Result<&str, Failure> {
    std::str::from_utf8(&answer.body).map_err(|_| unknown("<not UTF-8>"))
}

/// What `lambda:invoke` gives.
fn result(answer: &HttpAnswer, payload: Value) -> Value {
    let mut result = Object::new();
    if let Some(version) = answer.header("x-amz-executed-version") {
        result.insert("ExecutedVersion", version);
    }
    if let Some(log) = answer.header("x-amz-log-result") {
        result.insert("LogResult", log);
    }
    result.insert("Payload", payload);
    result.insert("SdkHttpMetadata", metadata::http(answer.status.as_u16(), &answer.headers));
    let request_id = answer.header("x-amzn-requestid").unwrap_or_default();
    result.insert("SdkResponseMetadata", metadata::response(request_id));
    result.insert("StatusCode", i64::from(answer.status.as_u16()));
    result.into()
}

/// A function that raised an error. `cause` is its account of it.
fn function_failure(text: &str, cause: String) -> Failure {
    let payload = json::parse(text).unwrap_or(Value::Null);
    match payload.get("errorType") {
        Some(Value::String(error)) if !error.is_empty() => Failure::new(error.clone(), cause),
        _ => unknown(text),
    }
}

fn unknown(payload: &str) -> Failure {
    let cause = format!(
        "The cause could not be determined because Lambda did not return an error type. Returned \
         payload: {payload}"
    );
    Failure::new("Lambda.Unknown", cause)
}

/// A result that is not JSON.
fn unreadable(text: &str, resource: &str) -> Failure {
    if text.len() > Limits::AWS.payload_bytes_max {
        return Failure::data_limit_exceeded(resource);
    }
    unknown(text)
}

/// The request did not get through, or the answer did not.
fn client_failure(reason: &str) -> Failure {
    Failure::new("Lambda.SdkClientException", format!("Unable to execute HTTP request: {reason}"))
}

/// What Lambda itself refused.
fn service_failure(answer: &HttpAnswer) -> Failure {
    let body = std::str::from_utf8(&answer.body).ok().and_then(|text| json::parse(text).ok());
    let member = |names: &[&str]| {
        names.iter().find_map(|name| match body.as_ref()?.get(name)? {
            Value::String(text) => Some(text.clone()),
            _ => None,
        })
    };
    // As in `ResourceNotFoundException:http://…` and `com.amazon#ResourceNotFoundException`.
    let code = answer.header("x-amzn-errortype").map(Arc::from).or_else(|| member(&["__type"]));
    let code = code.as_deref().unwrap_or_default();
    let code = code.split(':').next().unwrap_or_default();
    let code = code.rsplit('#').next().unwrap_or_default();
    let message = member(&["Message", "message"]);
    let message = message.as_deref().unwrap_or("null");
    let error = if ERRORS.contains(&code) { code } else { "AWSLambdaException" };
    let cause = format!(
        "{message} (Service: AWSLambda; Status Code: {}; Error Code: {code}; Request ID: {}; \
         Proxy: null)",
        answer.status.as_u16(),
        answer.header("x-amzn-requestid").unwrap_or("null")
    );
    Failure::new(format!("Lambda.{error}"), cause)
}

/// The errors that the service model gives Invoke; any other is an `AWSLambdaException`.
const ERRORS: &[&str] = &[
    "EC2AccessDeniedException",
    "EC2ThrottledException",
    "EC2UnexpectedException",
    "EFSIOException",
    "EFSMountConnectivityException",
    "EFSMountFailureException",
    "EFSMountTimeoutException",
    "ENILimitReachedException",
    "InvalidParameterValueException",
    "InvalidRequestContentException",
    "InvalidRuntimeException",
    "InvalidSecurityGroupIDException",
    "InvalidSubnetIDException",
    "InvalidZipFileException",
    "KMSAccessDeniedException",
    "KMSDisabledException",
    "KMSInvalidStateException",
    "KMSNotFoundException",
    "RecursiveInvocationException",
    "RequestTooLargeException",
    "ResourceConflictException",
    "ResourceNotFoundException",
    "ResourceNotReadyException",
    "SerializedRequestEntityTooLargeException",
    "ServiceException",
    "SnapStartException",
    "SnapStartNotReadyException",
    "SnapStartTimeoutException",
    "SubnetIPAddressLimitReachedException",
    "TooManyRequestsException",
    "UnsupportedMediaTypeException",
];
