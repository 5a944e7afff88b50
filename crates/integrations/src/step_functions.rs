//! Step Functions itself, `aws-sdk:sfn`: its own API, in the same process.
//!
//! The API's members are `camelCase`, those of tasks `PascalCase`; its instants are numbers of
//! seconds, those of tasks texts. The API itself asks what the role may do.

use std::sync::Arc;

use async_trait::async_trait;
use aws::Names;
use engine::{Failure, ServiceTarget};
use json::Document;
use runtime::{Integration, Runtime, ServiceCall};
use store::Scope;

/// A call of the API.
#[derive(Clone)]
pub struct ApiCall {
    /// What to call it on.
    pub runtime: Runtime,
    /// The account and the region that it is called in.
    pub scope: Scope,
    /// The role that calls.
    pub role_arn: Arc<str>,
    /// The execution whose task calls.
    pub execution_arn: Arc<str>,
    /// The id of the request.
    pub request_id: String,
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
        let service = service_model::service("sfn").expect("there is a model of Step Functions");
        let action = resource.resource.split('.').next().unwrap_or_default();
        let operation = service.operation(action).expect("a program calls what is in the model");
        let body = aws::json_request(service, operation, call.request.parameters.value());
        let body = body.map_err(|error| Failure::new("States.Runtime", error.to_string()))?;
        let ServiceCall { runtime, mut scope, execution_arn, request_id, .. } = call;
        // Who calls as a role calls in the role's account: the fifth part of its ARN.
        let role_arn = call.request.role_arn.clone().unwrap_or(call.role_arn);
        let account = call.request.role_arn.as_deref().and_then(|arn| arn.split(':').nth(4));
        if let Some(account) = account.filter(|account| !account.is_empty()) {
            scope.account = account.into();
        }
        let api_call = ApiCall {
            runtime,
            scope,
            role_arn,
            execution_arn,
            request_id: request_id.clone(),
            operation: operation.name.clone(),
            body: body.to_text().into_bytes(),
        };
        match (self.api)(api_call).await {
            Ok(answer) => {
                let answer = std::str::from_utf8(&answer).ok().and_then(|it| json::parse(it).ok());
                let answer = answer.expect("the API answers JSON");
                let result = aws::json_result(service, operation, Names::Sdk, &answer);
                Ok(Document::from(result))
            }
            Err(refusal) => Err(failure(&refusal, &request_id)),
        }
    }

    fn is_in_process(&self) -> bool {
        true
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

#[cfg(test)]
mod tests {
    use super::*;

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
