//! `aws-sdk:<service>:<action>`: every operation of every service of AWS.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html>.
//!
//! A call is tried once: what tries again is the state's `Retry`, which the history shows.

use std::time::Duration;

use async_trait::async_trait;
use aws::{Assume, Call, CallError, Client, CredentialsError, Names, Refusal};
use engine::{Failure, ServiceTarget};
use json::{Document, Object, Value};
use runtime::{Integration, Permission, ServiceCall};
use service_model::{Operation, Service, ShapeKind};

use crate::{not_assumed, permission};

/// How long an answer may take. A long poll of SQS takes 20 seconds.
const PATIENCE: Duration = Duration::from_secs(70);

/// How long the body of an answer may be, XML and what the model does not have included. What of it
/// is the result may have 256 KiB.
const ANSWER_BYTES_MAX: usize = 4 * 1_048_576;

/// What calls the services of AWS for tasks.
#[derive(Debug)]
pub struct AwsSdk {
    client: Client,
}

impl AwsSdk {
    /// Calls with this client.
    pub fn new(client: Client) -> AwsSdk {
        AwsSdk { client }
    }
}

#[async_trait]
impl Integration for AwsSdk {
    fn permissions(&self, call: &ServiceCall) -> Vec<Permission> {
        let ServiceTarget::Action(resource) = &call.request.target else { return Vec::new() };
        let name = resource.resource_type.strip_prefix("aws-sdk:").unwrap_or_default();
        let action = resource.resource.split('.').next().unwrap_or_default();
        let service = service_model::service(name);
        let operation = service.and_then(|service| Some((service, service.operation(action)?)));
        // What there is not fails by itself.
        let parameters = call.request.parameters.value();
        let permissions = operation.map(|(service, operation)| {
            permission::permissions(service, &operation.name, parameters, &call.scope)
        });
        permissions.unwrap_or_default()
    }

    fn denied(&self, call: &ServiceCall, message: &str) -> Failure {
        let ServiceTarget::Action(resource) = &call.request.target else {
            unreachable!("a function by its ARN is called by Lambda");
        };
        let name = resource.resource_type.strip_prefix("aws-sdk:").unwrap_or_default();
        let service = service_model::service(name).expect("it needed a permission");
        refused(service, &permission::refusal(service, message, &call.request_id))
    }

    async fn call(&self, call: ServiceCall) -> Result<Document, Failure> {
        let ServiceTarget::Action(resource) = &call.request.target else {
            unreachable!("a function by its ARN is called by Lambda");
        };
        let name = resource.resource_type.strip_prefix("aws-sdk:").unwrap_or_default();
        let action = resource.resource.split('.').next().unwrap_or_default();
        let found = service_model::service(name)
            .and_then(|service| Some((service, service.operation(action)?)));
        let Some((service, operation)) = found else {
            let cause = format!("this version of Stairwell does not know {name}:{action}");
            return Err(Failure::new("States.Runtime", cause));
        };
        let role = call.request.role_arn.as_deref();
        let role = role.map(|role_arn| Assume { role_arn, external_id: None });
        let parameters = with_stream(service, operation, call.request.parameters.value());
        let answer = self.client.call(Call {
            service,
            operation,
            parameters: &parameters,
            account: &call.scope.account,
            region: &call.scope.region,
            role: role.as_ref(),
            names: Names::Sdk,
            idempotency_token: &call.idempotency_token,
            patience: PATIENCE,
            answer_bytes_max: ANSWER_BYTES_MAX,
        });
        match answer.await {
            Ok(answer) => Ok(Document::from(answer.result)),
            Err(error) => Err(failure(service, &call, error)),
        }
    }
}

/// What is sent as a stream is JSON text, also of a text: S3 keeps `"a"` of the `Body` `"a"`, with
/// the quotes.
fn with_stream(service: &Service, operation: &Operation, parameters: &Value) -> Value {
    let input = operation.input.map(|input| &service.shape(input).kind);
    let Some(ShapeKind::Structure(members)) = input else { return parameters.clone() };
    let stream = members.payload().filter(|payload| payload.is_streaming);
    let given = stream.and_then(|stream| parameters.get(&stream.parameter));
    let (Some(stream), Some(Value::String(_)), Value::Object(given_all)) =
        (stream, given, parameters)
    else {
        return parameters.clone();
    };
    let mut changed = Object::clone(given_all);
    changed.insert(stream.parameter.as_str(), given.map(Value::to_text).unwrap_or_default());
    changed.into()
}

/// What a task fails with.
fn failure(service: &Service, call: &ServiceCall, error: CallError) -> Failure {
    let class = &service.class;
    let of_client = |cause: String| Failure::new(format!("{class}.SdkClientException"), cause);
    match error {
        CallError::Refused(refusal) => refused(service, &refusal),
        CallError::TooLong(_) => Failure::data_limit_exceeded(&service.resource_type),
        CallError::Unfit(_) => {
            let parameters = call.request.parameters.text();
            let cause = format!(
                "The Parameters '{parameters}' could not be used to start the Task: [{error}]"
            );
            Failure::new("States.Runtime", cause)
        }
        CallError::Credentials(CredentialsError::NotAssumed { .. }) => not_assumed(call),
        CallError::Client(_)
        | CallError::Credentials(_)
        | CallError::Nowhere(_)
        | CallError::Unsupported(_) => of_client(error.to_string()),
    }
}

/// As the AWS SDK for Java 2 words it: the class of the exception, its message, and what it knows
/// of the request.
fn refused(service: &Service, refusal: &Refusal) -> Failure {
    let class = &service.class;
    let error = match refusal.shape {
        Some(shape) => format!("{class}.{}", shape.class),
        None => format!("{class}.{class}Exception"),
    };
    let message = if refusal.message.is_empty() { "null" } else { &refusal.message };
    let request_id = refusal.request_id.as_deref().unwrap_or("null");
    let mut cause = format!(
        "{message} (Service: {class}, Status Code: {}, Request ID: {request_id}",
        refusal.status
    );
    if let Some(id) = &refusal.extended_request_id {
        cause.push_str(&format!(", Extended Request ID: {id}"));
    }
    cause.push(')');
    Failure::new(error, cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_sent_as_a_stream_keeps_its_quotes() {
        let service = service_model::service("s3").expect("there is S3");
        let operation = service.operation("putObject").expect("S3 puts objects");
        for (given, sent) in [
            (r#"{"Bucket":"b","Body":"a"}"#, r#"{"Bucket":"b","Body":"\"a\""}"#),
            (r#"{"Bucket":"b","Body":{"a":1}}"#, r#"{"Bucket":"b","Body":{"a":1}}"#),
            (r#"{"Bucket":"b"}"#, r#"{"Bucket":"b"}"#),
        ] {
            let parameters = json::parse(given).expect("the test says JSON");
            assert_eq!(with_stream(service, operation, &parameters).to_text(), sent);
        }
    }

    #[test]
    fn refusals_are_exceptions_of_the_sdk() {
        for (service, code, extended, error, cause) in [
            (
                "s3",
                "NoSuchBucket",
                Some("e"),
                "S3.NoSuchBucketException",
                "No (Service: S3, Status Code: 400, Request ID: r, Extended Request ID: e)",
            ),
            (
                "dynamodb",
                "ConditionalCheckFailedException",
                None,
                "DynamoDb.ConditionalCheckFailedException",
                "No (Service: DynamoDb, Status Code: 400, Request ID: r)",
            ),
            (
                "costexplorer",
                "Throttled",
                None,
                "CostExplorer.CostExplorerException",
                "No (Service: CostExplorer, Status Code: 400, Request ID: r)",
            ),
        ] {
            let service = service_model::service(service).expect("the test names a service");
            let refusal = Refusal {
                shape: service.error(code),
                code: code.to_owned(),
                message: "No".to_owned(),
                status: 400,
                request_id: Some("r".to_owned()),
                extended_request_id: extended.map(str::to_owned),
            };
            assert_eq!(refused(service, &refusal), Failure::new(error, cause));
        }
    }
}
