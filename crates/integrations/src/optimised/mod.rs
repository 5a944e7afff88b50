//! The optimised integrations that are calls of AWS's services: tables, and one way to call.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/integrate-optimized.html>.
//!
//! Promises: results have the members and errors the names that these integrations have, which are
//! those of the AWS SDK for Java 1; a job is asked for until it has ended, however long the service
//! is away meanwhile.
//!
//! Does not: try a refused call again (the task's `Retry` does).

mod action;
#[cfg(test)]
mod job_tests;
mod jobs;
mod model_objects;
mod named;
mod needs;
mod table;

pub use needs::{TaskPermissions, task_permissions};

use std::time::Duration;

use async_trait::async_trait;
use aws::{Answer, Assume, Call, CallError, Client, CredentialsError, Names, Refusal};
use engine::{Failure, ServiceTarget};
use json::{Document, Object, Value};
use runtime::{Integration, Permission, ServiceCall};
use service_model::UnfitReason;

use crate::{metadata, not_assumed, permission};
use jobs::{JobKind, Output, Source};
use model_objects::ModelObjects;
use named::ByName;
use table::{OptimisedService, SERVICES};

/// How long an answer may take: as long as the AWS SDK for Java waits, and a little more.
const PATIENCE: Duration = Duration::from_secs(65);

/// A result has 256 KiB at most; the wire may need more for the same.
const ANSWER_BYTES_MAX: usize = 6 << 20;

/// How often a job is asked for: at first, and at last.
const POLL_FIRST: Duration = Duration::from_millis(250);
const POLL_LAST: Duration = Duration::from_secs(15);

/// What calls one of these services for tasks.
#[derive(Clone)]
pub struct Optimised {
    service: &'static OptimisedService,
    client: Client,
}

impl Optimised {
    /// One for each service, by the name of the service.
    pub fn all(client: &Client) -> impl Iterator<Item = (&'static str, Optimised)> {
        SERVICES.iter().map(|service| (service.name, Optimised { service, client: client.clone() }))
    }

    async fn ask(
        &self,
        call: &ServiceCall,
        operation: &str,
        parameters: &Value,
    ) -> Result<Answer, CallError> {
        let model = action::model(self.service.name, operation).unwrap_or(self.service.model);
        let service = service_model::service(model).expect("the tables name models");
        let operation = service.operation(operation).expect("the tables name operations");
        let role = call.request.role_arn.as_deref();
        let role = role.map(|role_arn| Assume { role_arn, external_id: None });
        let asked = Call {
            service,
            operation,
            parameters,
            account: &call.scope.account,
            region: &call.scope.region,
            role: role.as_ref(),
            names: Names::Optimised,
            idempotency_token: &call.idempotency_token,
            patience: PATIENCE,
            answer_bytes_max: ANSWER_BYTES_MAX,
        };
        self.client.call(asked).await
    }

    /// Refuses as the service does what whoever calls may not do.
    async fn check(
        &self,
        call: &ServiceCall,
        operation: &str,
        parameters: &Value,
    ) -> Result<(), Failure> {
        let Some(access) = call.access().await else { return Err(not_assumed(call)) };
        let permissions = self.service.permissions(operation, parameters, &call.scope);
        for permission in &permissions {
            let checked = access.check(permission).await;
            checked.map_err(|message| self.denied(call, &message))?;
        }
        Ok(())
    }

    /// What a call that brought no result means to the task.
    fn failure(&self, error: CallError, call: &ServiceCall) -> Failure {
        let OptimisedService { prefix, .. } = self.service;
        match error {
            CallError::Credentials(CredentialsError::NotAssumed { .. }) => not_assumed(call),
            CallError::Refused(refusal) => self.refused(&refusal),
            CallError::Client(_) | CallError::Credentials(_) | CallError::Nowhere(_) => {
                Failure::new(format!("{prefix}.SdkClientException"), error.to_string())
            }
            CallError::TooLong(_) => Failure::data_limit_exceeded(self.service.name),
            CallError::Unsupported(reason) => Failure::new("States.Runtime", reason),
            CallError::Unfit(unfit) => match unfit.first().map(|unfit| &unfit.reason) {
                // The service would say so itself, in the words that all of them share.
                Some(UnfitReason::Missing(name)) => self.refused(&Refusal {
                    shape: None,
                    code: "ValidationException".to_owned(),
                    message: format!(
                        "1 validation error detected: Value null at '{}' failed to satisfy \
                         constraint: Member must not be null",
                        with_small_first(name)
                    ),
                    status: 400,
                    request_id: None,
                    extended_request_id: None,
                }),
                _ => {
                    let reasons: Vec<String> =
                        unfit.iter().map(|unfit| unfit.reason.to_string()).collect();
                    unusable(call, &reasons.join(", "))
                }
            },
        }
    }

    fn refused(&self, refusal: &Refusal) -> Failure {
        let OptimisedService { prefix, client, base_error, .. } = self.service;
        let error = refusal.shape.map_or(*base_error, |shape| &shape.class);
        let Refusal { code, message, status, request_id, .. } = refusal;
        let request_id = request_id.as_deref().unwrap_or("null");
        let cause = format!(
            "{message} (Service: {client}; Status Code: {status}; Error Code: {code}; Request ID: \
             {request_id}; Proxy: null)"
        );
        Failure::new(format!("{prefix}.{error}"), cause)
    }

    fn result(&self, action: &str, answer: Answer) -> Result<Document, Failure> {
        let Answer { result, status, headers, request_id } = answer;
        let result = action::result(self.service.name, action, result);
        let failed = result.get("FailedEntryCount").and_then(Value::as_i64).unwrap_or_default();
        if self.service.name == "events" && failed > 0 {
            return Err(Failure::new("EventBridge.FailedEntry", result.to_text()));
        }
        if !self.service.has_metadata {
            return Ok(Document::from(result));
        }
        let mut members: Vec<(String, Value)> = Vec::new();
        for (name, value) in result.as_object().into_iter().flat_map(Object::iter) {
            members.push((name.to_string(), value.clone()));
        }
        members.push(("SdkHttpMetadata".to_owned(), metadata::http(status, &headers).into()));
        members.push(("SdkResponseMetadata".to_owned(), metadata::response(&request_id).into()));
        members.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut sorted = Object::new();
        members.into_iter().for_each(|(name, value)| sorted.insert(name, value));
        Ok(Document::from(Value::from(sorted)))
    }

    /// The parameters of a call, with the id of what they name.
    async fn with_id(&self, by_name: &ByName, call: &ServiceCall) -> Result<Value, Failure> {
        let parameters = call.request.parameters.value();
        let mut marker: Option<String> = None;
        loop {
            let asked = by_name.list_parameters(parameters, marker.as_deref());
            self.check(call, by_name.list, &asked).await?;
            let page = self.ask(call, by_name.list, &asked).await;
            let page = page.map_err(|error| self.failure(error, call))?.result;
            if let Some(id) = by_name.id(parameters, &page) {
                return Ok(by_name.parameters(parameters, id));
            }
            let next = page.get("Marker").and_then(Value::as_str).map(str::to_owned);
            if next.is_none() || next == marker {
                return Err(self.refused(&Refusal {
                    shape: None,
                    code: "ValidationException".to_owned(),
                    message: by_name.not_found(parameters),
                    status: 400,
                    request_id: None,
                    extended_request_id: None,
                }));
            }
            marker = next;
        }
    }

    /// Asks once how a job stands: its outcome, where it has ended.
    async fn look(
        &self,
        job: &JobKind,
        call: &ServiceCall,
        submitted: &Document,
    ) -> Result<Option<Result<Document, Failure>>, CallError> {
        let asked = gathered(job.asked, call, submitted);
        if let Err(denied) = self.check(call, job.describe, &asked).await {
            return Ok(Some(Err(denied)));
        }
        let answer = match self.ask(call, job.describe, &asked).await {
            Ok(answer) => answer.result,
            Err(CallError::Refused(refusal)) if job.done_when_gone && is_absent(&refusal) => {
                return Ok(Some(Ok(submitted.clone())));
            }
            Err(error) => return Err(error),
        };
        let Some(found) = action::at(&answer, job.found) else { return Ok(None) };
        let state = action::at(found, job.state).and_then(Value::as_str).unwrap_or_default();
        let is_done = job.done.contains(&state);
        if !is_done && !job.failed.contains(&state) {
            return Ok(None);
        }
        let has_failed = !is_done || has_failed_container(self.service.name, found);
        let output = output(job.output, found, &answer);
        Ok(Some(match has_failed {
            false => Ok(Document::from(output)),
            true => Err(Failure::new("States.TaskFailed", output.to_text())),
        }))
    }
}

#[async_trait]
impl Integration for Optimised {
    fn permissions(&self, call: &ServiceCall) -> Vec<Permission> {
        let action = action_of(call);
        let parameters = call.request.parameters.value();
        self.service.permissions_to_call(action, parameters, &call.scope)
    }

    fn denied(&self, call: &ServiceCall, message: &str) -> Failure {
        let service = service_model::service(self.service.model).expect("the tables name models");
        self.refused(&permission::refusal(service, message, &call.request_id))
    }

    async fn call(&self, call: ServiceCall) -> Result<Document, Failure> {
        let action = action_of(&call);
        let parameters = call.request.parameters.value();
        if self.service.name == "sqs" {
            check_queue_url(parameters).await?;
        }
        let with_id = match named::find(self.service.name, action) {
            Some(by_name) => Some(self.with_id(by_name, &call).await?),
            None => None,
        };
        let parameters = with_id.as_ref().unwrap_or(parameters);
        let (operation, asked) =
            action::request(self.service.name, action, parameters, &call.execution_arn);
        let operation = if operation.is_empty() { action } else { operation };
        let objects = ModelObjects::of(self.service.name, action, &asked)
            .map_err(|reason| unusable(&call, &reason))?;
        let asked = objects.with_body(self, &call, asked).await?;
        match self.ask(&call, operation, &asked).await {
            Ok(mut answer) => {
                answer.result = objects.without_body(self, &call, answer.result).await?;
                if let Some(failure) = not_placed(self.service.name, &answer.result) {
                    return Err(failure);
                }
                self.result(action, answer)
            }
            Err(error) => Err(self.failure(error, &call)),
        }
    }

    async fn await_job(&self, call: ServiceCall, submitted: Document) -> Result<Document, Failure> {
        let job =
            jobs::find(self.service.name, action_of(&call)).expect("every job is in the table");
        let mut pause = POLL_FIRST;
        loop {
            match self.look(job, &call, &submitted).await {
                Ok(Some(outcome)) => return outcome,
                Ok(None) => {}
                Err(error) if may_pass(&error) => {
                    tracing::debug!(service = self.service.name, "a job was asked for in vain");
                }
                Err(error) => return Err(self.failure(error, &call)),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(POLL_LAST);
        }
    }

    async fn stop_job(&self, call: ServiceCall, submitted: Document) -> Result<(), Failure> {
        let job =
            jobs::find(self.service.name, action_of(&call)).expect("every job is in the table");
        let Some((operation, asked)) = job.stop else { return Ok(()) };
        let asked = gathered(asked, &call, &submitted);
        self.check(&call, operation, &asked).await?;
        let answer = self.ask(&call, operation, &asked).await;
        answer.map(drop).map_err(|error| self.failure(error, &call))
    }
}

/// What AWS says of parameters that do not do.
fn unusable(call: &ServiceCall, reason: &str) -> Failure {
    let parameters = call.request.parameters.text();
    let cause =
        format!("The Parameters '{parameters}' could not be used to start the Task: [{reason}]");
    Failure::new("States.Runtime", cause)
}

fn action_of(call: &ServiceCall) -> &str {
    let ServiceTarget::Action(resource) = &call.request.target else {
        unreachable!("a function is not an action of a service");
    };
    resource.resource.split('.').next().unwrap_or_default()
}

/// The parameters of a question about a job.
fn gathered(asked: &[(&'static str, Source)], call: &ServiceCall, submitted: &Document) -> Value {
    let submitted = |pointer: &str| action::at(submitted.value(), pointer).cloned();
    let mut parameters = Object::new();
    for (name, source) in asked {
        let value = match source {
            Source::Parameter(name) => call.request.parameters.value().get(name).cloned(),
            Source::Submitted(pointer) => submitted(pointer),
            Source::SubmittedList(pointer) => submitted(pointer).map(|it| Value::from(vec![it])),
            Source::Text(text) => Some(Value::from(*text)),
        };
        if let Some(value) = value {
            parameters.insert(*name, value);
        }
    }
    parameters.into()
}

fn output(output: Output, found: &Value, answer: &Value) -> Value {
    let mut named = Object::new();
    match output {
        Output::Found => return found.clone(),
        Output::Answer => return answer.clone(),
        Output::Named(name) => named.insert(name, found.clone()),
        Output::Cluster => {
            named.insert("Cluster", found.clone());
            named.insert("ClusterId", found.get("Id").cloned().unwrap_or(Value::Null));
        }
    }
    named.into()
}

/// Whether a task of ECS ended with a container that did not end well, or never started.
fn has_failed_container(service: &str, task: &Value) -> bool {
    let containers = task.get("Containers").and_then(Value::as_array).unwrap_or_default();
    let failed = |container: &Value| {
        container.get("ExitCode").and_then(Value::as_i64).is_some_and(|code| code != 0)
    };
    let stop_code = task.get("StopCode").and_then(Value::as_str);
    service == "ecs" && (containers.iter().any(failed) || stop_code == Some("TaskFailedToStart"))
}

/// What RunTask answers where it found no place for the task, although its status is 200.
fn not_placed(service: &str, answer: &Value) -> Option<Failure> {
    let length = |name: &str| answer.get(name).and_then(Value::as_array).map_or(0, <[Value]>::len);
    (service == "ecs" && length("Tasks") == 0 && length("Failures") > 0)
        .then(|| Failure::new("AmazonECS.Unknown", answer.to_text()))
}

/// The AWS SDK for Java sends a message to the host that the queue's URL names, so that there must
/// be such a host. Those of AWS are there, also where something else stands in for them.
async fn check_queue_url(parameters: &Value) -> Result<(), Failure> {
    let Some(url) = parameters.get("QueueUrl").and_then(Value::as_str) else { return Ok(()) };
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let host = authority.split(':').next().unwrap_or_default();
    if host.is_empty() || host.contains(".amazonaws.com") {
        return Ok(());
    }
    let found = tokio::net::lookup_host((host, 80)).await;
    if found.is_ok_and(|mut addresses| addresses.next().is_some()) {
        return Ok(());
    }
    let cause = format!("Unable to execute HTTP request: {host}: Name or service not known");
    Err(Failure::new("SQS.SdkClientException", cause))
}

/// Whether a service refused because it does not know what it was asked for.
fn is_absent(refusal: &Refusal) -> bool {
    refusal.status == 404 || refusal.code.contains("NotFound")
}

/// Whether what a service did may be otherwise the next time.
fn may_pass(error: &CallError) -> bool {
    match error {
        CallError::Client(_) => true,
        CallError::Refused(refusal) => {
            ["Throttl", "TooManyRequests"].iter().any(|it| refusal.code.contains(it))
                || refusal.status >= 500
        }
        CallError::Unfit(_)
        | CallError::TooLong(_)
        | CallError::Credentials(_)
        | CallError::Nowhere(_)
        | CallError::Unsupported(_) => false,
    }
}

fn with_small_first(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().map(|first| first.to_ascii_lowercase());
    first.into_iter().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_name_in_the_tables_is_one_of_the_models() {
        for job in jobs::JOBS {
            let row = SERVICES.iter().find(|row| row.name == job.service).expect(job.service);
            let model = service_model::service(row.model).expect(row.model);
            let stop = job.stop.into_iter();
            for (action, asked) in stop.chain([(job.describe, job.asked)]) {
                let operation = model.operation(action).expect(action);
                let mut parameters = Object::new();
                for (name, source) in asked {
                    let value = match source {
                        Source::SubmittedList(_) => Value::from(vec![Value::from("x")]),
                        _ => Value::from("x"),
                    };
                    parameters.insert(*name, value);
                }
                let known = service_model::Parameters::KNOWN;
                let unfit = known.check(model, operation, &parameters.into());
                assert!(unfit.is_empty(), "{}:{action}: {unfit:?}", job.service);
            }
        }
    }

    #[test]
    fn every_action_has_what_calls_it() {
        let mut services = BTreeSet::new();
        for found in asl::integrations() {
            let Some(row) = SERVICES.iter().find(|row| row.name == found.service) else { continue };
            services.insert(found.service);
            if crate::eks::is_of_kubernetes(found.service, found.action) {
                continue;
            }
            let none = Value::from(Object::new());
            let (operation, _) = action::request(found.service, found.action, &none, "");
            let operation = if operation.is_empty() { found.action } else { operation };
            let model = action::model(found.service, operation).unwrap_or(row.model);
            let model = service_model::service(model).expect(row.model);
            assert!(model.operation(operation).is_some(), "{found:?}");
            let waits = found.patterns.contains(&asl::IntegrationPattern::Sync);
            assert_eq!(waits, jobs::find(found.service, found.action).is_some(), "{found:?}");
        }
        assert_eq!(services.len(), SERVICES.len());
    }

    #[test]
    fn a_plain_text_is_an_attribute_of_dynamodb() {
        for (given, expected) in [
            (
                r#"{"TableName":"t","Item":{"parcel":"P-17","l":{"L":["a",{"N":"1"}]},
                    "m":{"M":{"x":"y"}}}}"#,
                r#"{"TableName":"t","Item":{"parcel":{"S":"P-17"},"l":{"L":[{"S":"a"},{"N":"1"}]},"m":{"M":{"x":{"S":"y"}}}}}"#,
            ),
            (
                r#"{"TableName":"t","Item":{"s":{"S":"x"},"z":{"NULL":true}}}"#,
                r#"{"TableName":"t","Item":{"s":{"S":"x"},"z":{"NULL":true}}}"#,
            ),
        ] {
            let given = json::parse(given).expect("the test says JSON");
            let (_, asked) = action::request("dynamodb", "putItem", &given, "");
            assert_eq!(asked.to_text(), expected);
        }
        let update = r#"{"TableName":"t","Key":{"id":"k"},
            "ExpressionAttributeValues":{":v":"x"},"UpdateExpression":"SET a = :v"}"#;
        let update = json::parse(update).expect("the test says JSON");
        let (_, asked) = action::request("dynamodb", "updateItem", &update, "");
        assert_eq!(
            asked.to_text(),
            r#"{"TableName":"t","Key":{"id":{"S":"k"}},"ExpressionAttributeValues":{":v":{"S":"x"}},"UpdateExpression":"SET a = :v"}"#
        );
    }

    #[test]
    fn events_name_the_execution_and_its_machine() {
        let parameters = json::parse(r#"{"Entries":[{"Source":"s","Resources":["r"]},{}]}"#);
        let parameters = parameters.expect("the test says JSON");
        let machine = "arn:aws:states:eu-west-1:1:stateMachine:m";
        for arn in [
            "arn:aws:states:eu-west-1:1:execution:m:e",
            "arn:aws:states:eu-west-1:1:express:m:e:0a-1b",
        ] {
            let (_, asked) = action::request("events", "putEvents", &parameters, arn);
            let both = format!(r#""{machine}","{arn}""#);
            let expected = format!(
                r#"{{"Entries":[{{"Source":"s","Resources":["r",{both}]}},{{"Resources":[{both}]}}]}}"#
            );
            assert_eq!(asked.to_text(), expected);
        }
    }
}
