//! `http:invoke` and `apigateway:invoke`: requests to whatever speaks HTTP.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/call-https-apis.html> and
//! <https://docs.aws.amazon.com/step-functions/latest/dg/connect-api-gateway.html>.
//!
//! Promises: a redirect is never followed; what a connection holds is never part of an error or of
//! the log.
//!
//! Does not: keep tokens of OAuth; each call asks for one.

mod connection;
mod request;

use std::time::Duration;

use async_trait::async_trait;
use aws::{Client, HttpAnswer, HttpError, HttpLimits};
use engine::Failure;
use json::{Document, Object, Value};
use runtime::{HttpResponseTrace, Integration, Permission, ServiceCall};

use crate::metadata;
pub use connection::{Authorization, Connection, Connections, HttpParameters, Owners};
use request::Prepared;

/// AWS's limit for a whole request.
const PATIENCE: Duration = Duration::from_secs(60);

/// A result has 256 KiB at most.
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// What calls HTTPS APIs for tasks.
pub struct Https {
    client: Client,
    connections: Connections,
}

impl Https {
    /// Sends by that client, which also asks for connections and their secrets.
    pub fn new(client: Client) -> Https {
        Https { client, connections: Connections::default() }
    }

    /// With these connections, about which nobody is asked.
    pub fn with_connections(self, connections: Connections) -> Https {
        Https { connections, ..self }
    }
}

#[async_trait]
impl Integration for Https {
    fn permissions(&self, call: &ServiceCall) -> Vec<Permission> {
        let parameters = call.request.parameters.value();
        let text = |name: &str| parameters.get(name).and_then(Value::as_str).unwrap_or_default();
        let invoke = Permission {
            action: "states:InvokeHTTPEndpoint".to_owned(),
            resource: Some(state_machine_of(&call.execution_arn)),
            context: vec![
                ("states:httpmethod", text("Method").to_owned()),
                ("states:httpendpoint", text("ApiEndpoint").to_owned()),
            ],
        };
        let connection = request::connection_arn(parameters).map(|arn| {
            Permission::new("events:RetrieveConnectionCredentials", Some(arn.to_owned()))
        });
        [invoke].into_iter().chain(connection).collect()
    }

    async fn call(&self, call: ServiceCall) -> Result<Document, Failure> {
        let parameters = call.request.parameters.value();
        let unusable = |reason: String| unusable(&call.request.parameters, &reason);
        let mut prepared = Prepared::of_http(parameters, &call.scope.region).map_err(unusable)?;
        let trace = call.http_trace.as_deref();
        if let Some(trace) = trace.filter(|trace| !trace.reveals_secrets) {
            trace.sent(prepared.traced());
        }
        if let Some(arn) = request::connection_arn(parameters) {
            connection::add(&self.client, &self.connections, &call, arn, &mut prepared).await?;
        }
        if let Some(trace) = trace.filter(|trace| trace.reveals_secrets) {
            trace.sent(prepared.traced());
        }
        let request = prepared.request().map_err(unusable)?;
        let limits = HttpLimits { patience: PATIENCE, answer_bytes_max: ANSWER_BYTES_MAX };
        let answer = self.client.urls().send(request, limits).await;
        let answer = answer.map_err(|error| unanswered(error, "States.Http.Socket", "http"))?;
        if let Some(trace) = trace {
            trace.got(traced(&answer, prepared.protocol()));
        }
        result(&answer, "States.Http.StatusCode")
    }
}

/// What calls the APIs of API Gateway for tasks.
pub struct ApiGateway {
    client: Client,
}

impl ApiGateway {
    /// Sends by that client, which also signs.
    pub fn new(client: Client) -> ApiGateway {
        ApiGateway { client }
    }
}

#[async_trait]
impl Integration for ApiGateway {
    fn permissions(&self, call: &ServiceCall) -> Vec<Permission> {
        let parameters = call.request.parameters.value();
        let text = |name: &str| parameters.get(name).and_then(Value::as_str).unwrap_or_default();
        if text("AuthType") != "IAM_ROLE" {
            // The API itself decides about whoever does not sign.
            return Vec::new();
        }
        // <id>.execute-api.<region>.amazonaws.com
        let mut parts = text("ApiEndpoint").split('.');
        let (id, region) = (parts.next().unwrap_or_default(), parts.nth(1).unwrap_or_default());
        let stage = match text("Stage").trim_matches('/') {
            "" => "$default",
            stage => stage,
        };
        let (method, path) = (text("Method"), text("Path").trim_matches('/'));
        let account = &call.scope.account;
        let resource =
            format!("arn:aws:execute-api:{region}:{account}:{id}/{stage}/{method}/{path}");
        vec![Permission::new("execute-api:Invoke", Some(resource))]
    }

    async fn call(&self, call: ServiceCall) -> Result<Document, Failure> {
        let parameters = call.request.parameters.value();
        let unusable = |reason: String| unusable(&call.request.parameters, &reason);
        let prepared = Prepared::of_api_gateway(parameters).map_err(unusable)?;
        let mut request = prepared.request().map_err(unusable)?;
        if parameters.get("AuthType").and_then(Value::as_str) == Some("IAM_ROLE") {
            let model = "apigatewaymanagementapi";
            let service = service_model::service(model).expect("there is a model of it");
            let place = (&*call.scope.account, &*call.scope.region);
            let signed = self.client.sign(&mut request, service, place, None).await;
            signed.map_err(|error| {
                Failure::new("ApiGateway.SdkClientException", error.to_string())
            })?;
        }
        let limits = HttpLimits { patience: PATIENCE, answer_bytes_max: ANSWER_BYTES_MAX };
        let answer = self.client.urls().send(request, limits).await;
        let error = "ApiGateway.SdkClientException";
        result(&answer.map_err(|found| unanswered(found, error, "apigateway"))?, "ApiGateway")
    }
}

/// An answer, as TestState shows it.
fn traced(answer: &HttpAnswer, protocol: &str) -> HttpResponseTrace {
    let headers = answer.headers.iter();
    let headers = headers.map(|(name, value)| {
        (metadata::spelled(name.as_str()), value.to_str().unwrap_or_default())
    });
    HttpResponseTrace {
        protocol: protocol.to_owned(),
        status_code: answer.status.as_u16().to_string(),
        status_message: answer.status.canonical_reason().unwrap_or_default().to_owned(),
        headers: request::listed(headers),
        body: String::from_utf8_lossy(&answer.body).into_owned(),
    }
}

/// The state machine of an execution, by the execution's ARN.
fn state_machine_of(execution_arn: &str) -> String {
    let mut parts: Vec<&str> = execution_arn.split(':').take(7).collect();
    if let Some(kind) = parts.get_mut(5) {
        *kind = "stateMachine";
    }
    parts.join(":")
}

fn unusable(parameters: &Document, reason: &str) -> Failure {
    let parameters = parameters.text();
    let cause =
        format!("The Parameters '{parameters}' could not be used to start the Task: [{reason}]");
    Failure::new("States.Runtime", cause)
}

fn unanswered(error: HttpError, name: &str, service: &str) -> Failure {
    match error {
        HttpError::TooLong(_) => Failure::data_limit_exceeded(service),
        HttpError::Broken(_) | HttpError::Late => {
            Failure::new(name, format!("Unable to execute HTTP request: {error}"))
        }
    }
}

/// The result of an answer; a status from 400 on is a failure of that name with the status.
fn result(answer: &HttpAnswer, error: &str) -> Result<Document, Failure> {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    let status = answer.status.as_u16();
    if status >= 400 {
        return Err(Failure::new(format!("{error}.{status}"), text));
    }
    let mut headers = Object::new();
    for name in answer.headers.keys() {
        let values = metadata::texts(&answer.headers, name.as_str());
        headers.insert(metadata::spelled(name.as_str()), values);
    }
    let body = json::parse(&text).unwrap_or_else(|_| Value::from(text));
    let mut result = Object::new();
    result.insert("Headers", headers);
    result.insert("ResponseBody", body);
    result.insert("StatusCode", i64::from(status));
    result.insert("StatusText", answer.status.canonical_reason().unwrap_or_default());
    Ok(Document::from(Value::from(result)))
}
