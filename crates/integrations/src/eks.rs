//! `eks:call` and `eks:runJob`: the Kubernetes API of a cluster of EKS, whose own API is an
//! optimised integration like others.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/connect-eks.html>.
//!
//! Promises: no certificate is trusted but those of `CertificateAuthority`; a redirect is never
//! followed.
//!
//! Does not: hold calls against a role; what Kubernetes allows is its own to say.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use aws::{
    Assume, CallError, Client, CredentialsError, HttpClient, HttpError, HttpLimits, escaped,
};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use engine::{Failure, ServiceTarget};
use hyper::Request;
use hyper::body::Bytes;
use json::{Document, Object, Value};
use parking_lot::Mutex;
use runtime::{Integration, Permission, ServiceCall};

use crate::task_url::{TaskUrl, has_dot_segments};
use crate::{Optimised, not_assumed};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A result has 256 KiB at most; logs and lists of pods may need more on the way.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// How often a job is asked for: at first, and at last.
const POLL_FIRST: Duration = Duration::from_millis(250);
const POLL_LAST: Duration = Duration::from_secs(15);

/// How many certificates clients are kept for; then all are forgotten.
const CLIENTS_MAX: usize = 100;

/// What calls EKS, and the clusters themselves.
pub struct Eks {
    api: Optimised,
    client: Client,
    by_authority: Mutex<BTreeMap<String, HttpClient>>,
}

/// Whether an action is one of Kubernetes, and not of EKS.
pub(crate) fn is_of_kubernetes(service: &str, action: &str) -> bool {
    service == "eks" && matches!(action, "call" | "runJob")
}

impl Eks {
    /// Calls with this client.
    pub fn new(client: &Client) -> Eks {
        let mut all = Optimised::all(client);
        let (_, api) = all.find(|(name, _)| *name == "eks").expect("EKS is in the table");
        Eks { api, client: client.clone(), by_authority: Mutex::default() }
    }
}

#[async_trait]
impl Integration for Eks {
    fn permissions(&self, call: &ServiceCall) -> Vec<Permission> {
        match action_of(call) {
            "call" | "runJob" => Vec::new(),
            _ => self.api.permissions(call),
        }
    }

    fn denied(&self, call: &ServiceCall, message: &str) -> Failure {
        self.api.denied(call, message)
    }

    async fn call(&self, call: ServiceCall) -> Result<Document, Failure> {
        let parameters = call.request.parameters.value().clone();
        match action_of(&call) {
            "call" => {
                let request = KubernetesRequest::of_call(&parameters);
                let request = request.map_err(|reason| unusable(&call, &reason))?;
                self.result(&call, request).await
            }
            "runJob" => {
                let (path, body) = (jobs(namespace(&parameters)), parameters.get("Job").cloned());
                let request =
                    KubernetesRequest { method: "POST", path, query: String::new(), body };
                self.result(&call, request).await
            }
            _ => self.api.call(call).await,
        }
    }

    async fn await_job(&self, call: ServiceCall, submitted: Document) -> Result<Document, Failure> {
        if action_of(&call) != "runJob" {
            return self.api.await_job(call, submitted).await;
        }
        let path = job_path(&call, &submitted)?;
        let mut pause = POLL_FIRST;
        loop {
            match self.send(&call, KubernetesRequest::get(&path, "")).await {
                Ok(answer) if answer.may_pass() => {}
                Ok(answer) if answer.status >= 400 => return Err(answer.failure()),
                Ok(answer) => {
                    if let Some(succeeded) = ended(&answer.body) {
                        let job = self.with_logs(&call, answer.body).await;
                        return match succeeded {
                            true => Ok(Document::from(job)),
                            false => Err(Failure::new("States.TaskFailed", job.to_text())),
                        };
                    }
                }
                Err(Unanswered::Late(_)) => {}
                Err(Unanswered::Failed(failure)) => return Err(failure),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(POLL_LAST);
        }
    }

    async fn stop_job(&self, call: ServiceCall, submitted: Document) -> Result<(), Failure> {
        if action_of(&call) != "runJob" {
            return self.api.stop_job(call, submitted).await;
        }
        let path = job_path(&call, &submitted)?;
        // Its pods go with it.
        let query = "propagationPolicy=Background".to_owned();
        let request = KubernetesRequest { method: "DELETE", path, query, body: None };
        let answer = self.send(&call, request).await.map_err(Unanswered::failure)?;
        if answer.status >= 400 && answer.status != 404 { Err(answer.failure()) } else { Ok(()) }
    }
}

fn action_of(call: &ServiceCall) -> &str {
    let ServiceTarget::Action(resource) = &call.request.target else {
        unreachable!("a function is not an action of EKS");
    };
    resource.resource.split('.').next().unwrap_or_default()
}

fn unusable(call: &ServiceCall, reason: &str) -> Failure {
    let parameters = call.request.parameters.text();
    let cause =
        format!("The Parameters '{parameters}' could not be used to start the Task: [{reason}]");
    Failure::new("States.Runtime", cause)
}

fn invalid(field: &str) -> String {
    format!("The value of the field '{field}' has an invalid format")
}

fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

fn namespace(parameters: &Value) -> &str {
    text(parameters, "Namespace").unwrap_or("default")
}

fn jobs(namespace: &str) -> String {
    format!("/apis/batch/v1/namespaces/{}/jobs", escaped(namespace))
}

/// Where the job is that was submitted.
fn job_path(call: &ServiceCall, submitted: &Document) -> Result<String, Failure> {
    let name = submitted.value().get("ResponseBody").and_then(|it| it.get("metadata"));
    let name = name.and_then(|metadata| text(metadata, "name"));
    let name = name.ok_or_else(|| Failure::new("States.TaskFailed", submitted.text()))?;
    let parameters = call.request.parameters.value();
    Ok(format!("{}/{}", jobs(namespace(parameters)), escaped(name)))
}

/// Whether a job has succeeded, or failed; none where it goes on.
fn ended(job: &Value) -> Option<bool> {
    let conditions = job.get("status").and_then(|it| it.get("conditions"));
    let conditions = conditions.and_then(Value::as_array).unwrap_or_default();
    let mut true_ones = conditions.iter().filter(|it| text(it, "status") == Some("True"));
    true_ones.find_map(|condition| match text(condition, "type") {
        Some("Complete") => Some(true),
        Some("Failed") => Some(false),
        _ => None,
    })
}

/// A request to the Kubernetes API.
struct KubernetesRequest {
    method: &'static str,
    path: String,
    query: String,
    body: Option<Value>,
}

impl KubernetesRequest {
    fn get(path: &str, query: &str) -> KubernetesRequest {
        KubernetesRequest {
            method: "GET",
            path: path.to_owned(),
            query: query.to_owned(),
            body: None,
        }
    }

    /// That of `eks:call`.
    fn of_call(parameters: &Value) -> Result<KubernetesRequest, String> {
        const METHODS: [&str; 6] = ["GET", "POST", "PUT", "DELETE", "HEAD", "PATCH"];
        let method = text(parameters, "Method");
        let method = METHODS.into_iter().find(|known| method == Some(known));
        let is_path = |path: &&str| path.starts_with('/') && !has_dot_segments(path);
        let path = text(parameters, "Path").filter(is_path);
        Ok(KubernetesRequest {
            method: method.ok_or_else(|| invalid("Method"))?,
            path: path.ok_or_else(|| invalid("Path"))?.to_owned(),
            query: query(parameters.get("QueryParameters"), "QueryParameters")?,
            body: parameters.get("RequestBody").filter(|body| !body.is_null()).cloned(),
        })
    }
}

/// A map of names to lists of texts, as a query.
fn query(given: Option<&Value>, field: &str) -> Result<String, String> {
    let Some(given) = given.filter(|given| !given.is_null()) else { return Ok(String::new()) };
    let mut pairs = Vec::new();
    for (name, values) in given.as_object().ok_or_else(|| invalid(field))?.iter() {
        for value in values.as_array().ok_or_else(|| invalid(field))? {
            let value = value.as_str().ok_or_else(|| invalid(field))?;
            pairs.push(format!("{}={}", escaped(name), escaped(value)));
        }
    }
    Ok(pairs.join("&"))
}

/// An answer of the Kubernetes API.
struct KubernetesAnswer {
    status: u16,
    status_text: String,
    /// What is JSON is given as that.
    body: Value,
    /// As it came.
    text: String,
}

impl KubernetesAnswer {
    fn result(&self) -> Value {
        let mut result = Object::new();
        result.insert("ResponseBody", self.body.clone());
        result.insert("StatusCode", i64::from(self.status));
        result.insert("StatusText", self.status_text.as_str());
        result.into()
    }

    fn failure(&self) -> Failure {
        Failure::new(format!("EKS.{}", self.status), self.result().to_text())
    }

    /// Whether it may be otherwise the next time.
    fn may_pass(&self) -> bool {
        self.status >= 500 || self.status == 429
    }
}

/// Why there is no answer.
enum Unanswered {
    /// It may come the next time.
    Late(Failure),
    /// It will not.
    Failed(Failure),
}

impl Unanswered {
    fn failure(self) -> Failure {
        match self {
            Unanswered::Late(failure) | Unanswered::Failed(failure) => failure,
        }
    }
}

impl Eks {
    async fn result(
        &self,
        call: &ServiceCall,
        request: KubernetesRequest,
    ) -> Result<Document, Failure> {
        let answer = self.send(call, request).await.map_err(Unanswered::failure)?;
        match answer.status {
            400.. => Err(answer.failure()),
            _ => Ok(Document::from(answer.result())),
        }
    }

    async fn send(
        &self,
        call: &ServiceCall,
        request: KubernetesRequest,
    ) -> Result<KubernetesAnswer, Unanswered> {
        let failed = |reason: &str| Unanswered::Failed(unusable(call, reason));
        let parameters = call.request.parameters.value();
        let endpoint = text(parameters, "Endpoint").unwrap_or_default();
        let endpoint = TaskUrl::parse(endpoint, "Endpoint").map_err(|reason| failed(&reason))?;
        let is_plain = endpoint.is_plain();
        let endpoint = endpoint.as_str().trim_end_matches('/');
        // A namespace may be one, too.
        if endpoint.contains('?') || has_dot_segments(&request.path) {
            return Err(failed("The request has an invalid format"));
        }
        let client = match is_plain {
            true => self.client.urls().clone(),
            false => {
                let client = self.trusting(text(parameters, "CertificateAuthority"));
                client.ok_or_else(|| failed(&invalid("CertificateAuthority")))?
            }
        };
        let token = self.token(call, is_plain).await.map_err(Unanswered::Failed)?;
        let KubernetesRequest { method, path, query, body } = request;
        let separator = if query.is_empty() { "" } else { "?" };
        let content_type = match (method, &body) {
            ("PATCH", Some(Value::Array(_))) => "application/json-patch+json",
            ("PATCH", _) => "application/merge-patch+json",
            _ => "application/json",
        };
        let body = match body {
            None => String::new(),
            Some(Value::String(text)) => text.to_string(),
            Some(body) => body.to_text(),
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("{endpoint}{path}{separator}{query}"))
            .header("accept", "application/json")
            .header("authorization", format!("Bearer {token}"))
            .header("content-type", content_type)
            .body(Bytes::from(body))
            .map_err(|_| failed("The request has an invalid format"))?;
        let limits = HttpLimits { patience: PATIENCE, answer_bytes_max: ANSWER_BYTES_MAX };
        let answer = client.send(request, limits).await.map_err(|error| match error {
            HttpError::TooLong(_) => Unanswered::Failed(Failure::data_limit_exceeded("eks")),
            HttpError::Broken(_) | HttpError::Late => {
                let cause = format!("Unable to execute HTTP request: {error}");
                Unanswered::Late(Failure::new("EKS.SdkClientException", cause))
            }
        })?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        Ok(KubernetesAnswer {
            status: answer.status.as_u16(),
            status_text: answer.status.canonical_reason().unwrap_or_default().to_owned(),
            body: json::parse(&text).unwrap_or_else(|_| Value::from(text.as_str())),
            text,
        })
    }

    /// A client that trusts that authority alone: certificates in PEM, in base64.
    fn trusting(&self, authority: Option<&str>) -> Option<HttpClient> {
        let authority = authority?;
        if let Some(client) = self.by_authority.lock().get(authority) {
            return Some(client.clone());
        }
        let certificates = BASE64_STANDARD.decode(authority.trim()).ok()?;
        let client = self.client.urls().trusting_only(&certificates)?;
        let mut by_authority = self.by_authority.lock();
        if by_authority.len() >= CLIENTS_MAX {
            by_authority.clear();
        }
        by_authority.insert(authority.to_owned(), client.clone());
        Some(client)
    }

    /// What proves to the cluster who calls.
    async fn token(&self, call: &ServiceCall, is_plain: bool) -> Result<String, Failure> {
        let parameters = call.request.parameters.value();
        let cluster = text(parameters, "ClusterName").unwrap_or_default();
        let role = call.request.role_arn.as_deref();
        let role = role.map(|role_arn| Assume { role_arn, external_id: None });
        let place = (&*call.scope.account, &*call.scope.region);
        let token = self.client.kubernetes_token(cluster, place, role.as_ref(), is_plain).await;
        token.map_err(|error| match error {
            CallError::Credentials(CredentialsError::NotAssumed { .. }) => not_assumed(call),
            error => Failure::new("EKS.SdkClientException", error.to_string()),
        })
    }

    /// The job, with the logs of its containers where `LogOptions` asks for them.
    async fn with_logs(&self, call: &ServiceCall, job: Value) -> Value {
        let options = call.request.parameters.value().get("LogOptions");
        let asked = |name: &str| options.and_then(|it| it.get(name)).and_then(Value::as_bool);
        let Value::Object(members) = &job else { return job };
        if asked("RetrieveLogs") != Some(true) {
            return job;
        }
        let is_raw = asked("RawLogs") == Some(true);
        let parameters = options.and_then(|it| it.get("LogParameters"));
        let query = query(parameters, "LogParameters").unwrap_or_default();
        let mut logs = Object::new();
        logs.insert("pods", self.logs_of_pods(call, &job, &query, is_raw).await);
        let mut members = Object::clone(members);
        members.insert("logs", logs);
        members.into()
    }

    async fn logs_of_pods(
        &self,
        call: &ServiceCall,
        job: &Value,
        query: &str,
        is_raw: bool,
    ) -> Object {
        let namespace = escaped(namespace(call.request.parameters.value()));
        let pods = format!("/api/v1/namespaces/{namespace}/pods");
        let name = job.get("metadata").and_then(|it| text(it, "name")).unwrap_or_default();
        let selector = format!("labelSelector={}", escaped(&format!("job-name={name}")));
        let found = self.send(call, KubernetesRequest::get(&pods, &selector)).await.ok();
        let items = found.as_ref().and_then(|found| found.body.get("items"));
        let mut logs = Object::new();
        for pod in items.and_then(Value::as_array).unwrap_or_default() {
            let name = pod.get("metadata").and_then(|it| text(it, "name")).unwrap_or_default();
            let containers = pod.get("spec").and_then(|it| it.get("containers"));
            let containers = containers.and_then(Value::as_array).unwrap_or_default();
            let mut of_pod = Object::new();
            for container in containers.iter().filter_map(|it| text(it, "name")) {
                let path = format!("{pods}/{}/log", escaped(name));
                let container_query = format!("container={}", escaped(container));
                let queries = [container_query.as_str(), query];
                let queries = queries.into_iter().filter(|it| !it.is_empty());
                let query = queries.collect::<Vec<_>>().join("&");
                of_pod.insert(container, self.log(call, &path, &query, is_raw).await);
            }
            let mut containers = Object::new();
            containers.insert("containers", of_pod);
            logs.insert(name, containers);
        }
        logs
    }

    /// The log of a container; `error` and `cause` in place of it where it is not to be had.
    async fn log(&self, call: &ServiceCall, path: &str, query: &str, is_raw: bool) -> Object {
        let mut found = Object::new();
        let failure = match self.send(call, KubernetesRequest::get(path, query)).await {
            Ok(answer) if answer.status < 400 => {
                let log = if is_raw { Value::from(answer.text) } else { answer.body };
                found.insert("log", log);
                return found;
            }
            Ok(answer) => answer.failure(),
            Err(unanswered) => unanswered.failure(),
        };
        found.insert("error", &*failure.error.unwrap_or_default());
        found.insert("cause", &*failure.cause.unwrap_or_default());
        found
    }
}
