//! Step Functions itself, `aws-sdk:sfn`: its own API, in the same process.
//!
//! The API's members are `camelCase`, those of tasks `PascalCase`; its instants are numbers of
//! seconds, those of tasks texts.

use async_trait::async_trait;
use engine::{Failure, ServiceTarget};
use json::{Document, Number, Object, Value};
use runtime::{Integration, Runtime, ServiceCall};
use store::Scope;

/// A call of the API.
#[derive(Clone)]
pub struct ApiCall {
    /// What to call it on.
    pub runtime: Runtime,
    /// Who calls.
    pub scope: Scope,
    /// `StartExecution`, …
    pub operation: String,
    /// The JSON body.
    pub body: Vec<u8>,
}

/// What the API answers where it refuses.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The error's code.
    pub code: String,
    /// Whether the service model has it.
    pub is_modelled: bool,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong.
    pub message: String,
}

/// What calls the API for tasks.
#[derive(Debug)]
pub struct StepFunctions<C> {
    api: C,
}

impl<C> StepFunctions<C> {
    /// Calls the API by this function.
    pub fn new(api: C) -> StepFunctions<C> {
        StepFunctions { api }
    }
}

#[async_trait]
impl<C, F> Integration for StepFunctions<C>
where
    C: Fn(ApiCall) -> F + Send + Sync,
    F: Future<Output = Result<Vec<u8>, Refusal>> + Send,
{
    async fn call(&self, call: ServiceCall) -> Result<Document, Failure> {
        let ServiceTarget::Action(resource) = &call.request.target else {
            unreachable!("a function is not an action of Step Functions");
        };
        let action = resource.resource.split('.').next().unwrap_or_default();
        let body = request(call.request.parameters.value()).to_text().into_bytes();
        let operation = with_first(action, char::to_ascii_uppercase);
        let ServiceCall { runtime, scope, .. } = call;
        match (self.api)(ApiCall { runtime, scope, operation, body }).await {
            Ok(answer) => {
                let answer = std::str::from_utf8(&answer).ok().and_then(|it| json::parse(it).ok());
                let answer = answer.expect("the API answers JSON");
                Ok(Document::from(response(&answer)))
            }
            Err(refusal) => Err(failure(&refusal, &call.request_id)),
        }
    }
}

fn failure(refusal: &Refusal, request_id: &str) -> Failure {
    let Refusal { code, is_modelled, status, message } = refusal;
    let code = if *is_modelled { code.strip_suffix("Exception").unwrap_or(code) } else { "Sfn" };
    let cause = format!(
        "{message} (Service: Sfn, Status Code: {status}, Request ID: {request_id}) \
         (SDK Attempt Count: 1)"
    );
    Failure::new(format!("Sfn.{code}Exception"), cause)
}

/// The members of requests that are not texts. Whatever else is given as another value is meant as
/// its JSON text.
const NOT_TEXTS: &[&str] = &[
    "encryptionConfiguration",
    "includeExecutionData",
    "loggingConfiguration",
    "maxConcurrency",
    "maxResults",
    "mock",
    "publish",
    "revealSecrets",
    "reverseOrder",
    "routingConfiguration",
    "stateConfiguration",
    "tagKeys",
    "tags",
    "toleratedFailureCount",
    "toleratedFailurePercentage",
    "tracingConfiguration",
];

/// The request that parameters stand for.
fn request(parameters: &Value) -> Value {
    let mut request = Object::new();
    for (name, value) in parameters.as_object().into_iter().flat_map(Object::iter) {
        let name = with_first(name, char::to_ascii_lowercase);
        let value = match value {
            Value::Null => continue,
            Value::String(_) => value.clone(),
            value if NOT_TEXTS.contains(&&*name) => lowered(value),
            value => Value::from(value.to_text()),
        };
        request.insert(name, value);
    }
    request.into()
}

fn lowered(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut lowered_object = Object::new();
            for (name, value) in object.iter() {
                lowered_object.insert(with_first(name, char::to_ascii_lowercase), lowered(value));
            }
            lowered_object.into()
        }
        Value::Array(items) => Value::from(items.iter().map(lowered).collect::<Vec<_>>()),
        other => other.clone(),
    }
}

/// The result that an answer stands for: members by name.
fn response(answer: &Value) -> Value {
    match answer {
        Value::Object(object) => {
            let mut members: Vec<(String, Value)> = Vec::new();
            for (name, value) in object.iter() {
                let value = match value {
                    Value::Number(number) if is_instant(name) => instant(number),
                    // The names in these maps are the user's.
                    value if MAPS.contains(&&**name) => value.clone(),
                    value => response(value),
                };
                members.push((with_first(name, char::to_ascii_uppercase), value));
            }
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            let mut sorted = Object::new();
            members.into_iter().for_each(|(name, value)| sorted.insert(name, value));
            sorted.into()
        }
        Value::Array(items) => Value::from(items.iter().map(response).collect::<Vec<_>>()),
        other => other.clone(),
    }
}

const MAPS: &[&str] = &["assignedVariables", "variableReferences"];

fn is_instant(name: &str) -> bool {
    name == "timestamp" || name.ends_with("Date")
}

/// ISO 8601, with milliseconds where there are any.
fn instant(seconds: &Number) -> Value {
    let milliseconds = (seconds.as_f64() * 1_000.0).round() as i64;
    let Ok(instant) = jiff::Timestamp::from_millisecond(milliseconds) else {
        return Value::Number(seconds.clone());
    };
    let form =
        if milliseconds % 1_000 == 0 { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S%.3fZ" };
    Value::from(instant.strftime(form).to_string())
}

fn with_first(name: &str, change: fn(&char) -> char) -> String {
    let mut characters = name.chars();
    characters.next().map_or_else(String::new, |first| {
        let mut changed = String::with_capacity(name.len());
        changed.push(change(&first));
        changed.push_str(characters.as_str());
        changed
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: fn(&Value) -> Value, from: &str, expected: &str) {
        let value = json::parse(from).expect("the test says JSON");
        assert_eq!(change(&value).to_text(), expected);
    }

    #[test]
    fn parameters_become_a_request() {
        check(
            request,
            r#"{"StateMachineArn":"a","Input":{"Key":"value"},"Name":null}"#,
            r#"{"stateMachineArn":"a","input":"{\"Key\":\"value\"}"}"#,
        );
        check(
            request,
            r#"{"MaxResults":5,"ReverseOrder":true,"Output":1,"Cause":"text"}"#,
            r#"{"maxResults":5,"reverseOrder":true,"output":"1","cause":"text"}"#,
        );
        check(
            request,
            r#"{"Tags":[{"Key":"K","Value":"V"}],"LoggingConfiguration":{"Level":"ALL"}}"#,
            r#"{"tags":[{"key":"K","value":"V"}],"loggingConfiguration":{"level":"ALL"}}"#,
        );
    }

    #[test]
    fn an_answer_becomes_a_result() {
        check(
            response,
            r#"{"startDate":1700000000.120,"executionArn":"a","stopDate":1700000001.000}"#,
            r#"{"ExecutionArn":"a","StartDate":"2023-11-14T22:13:20.120Z","StopDate":"2023-11-14T22:13:21Z"}"#,
        );
        check(
            response,
            r#"{"events":[{"id":1,"timestamp":0.000,"stateExitedEventDetails":{"assignedVariables":{"theName":"1"}}}]}"#,
            r#"{"Events":[{"Id":1,"StateExitedEventDetails":{"AssignedVariables":{"theName":"1"}},"Timestamp":"1970-01-01T00:00:00Z"}]}"#,
        );
        check(response, "{}", "{}");
    }

    #[test]
    fn errors_bear_the_names_of_the_sdk() {
        for (code, is_modelled, error) in [
            ("InvalidToken", true, "Sfn.InvalidTokenException"),
            ("ValidationException", true, "Sfn.ValidationException"),
            ("InternalFailure", false, "Sfn.SfnException"),
        ] {
            let message = "Wrong".to_owned();
            let refusal = Refusal { code: code.to_owned(), is_modelled, status: 400, message };
            let cause =
                "Wrong (Service: Sfn, Status Code: 400, Request ID: id) (SDK Attempt Count: 1)";
            assert_eq!(failure(&refusal, "id"), Failure::new(error, cause));
        }
    }
}
