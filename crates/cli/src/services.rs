//! What calls services in this process.

use std::env;
use std::sync::Arc;

use anyhow::Context;
use api::{Accounts, Api};
use integrations::{ApiCall, Endpoint, EndpointError, Lambda, Refusal, StepFunctions};
use runtime::Integrations;

/// Everything that can call something.
pub(crate) fn integrations(lambda: Option<Endpoint>) -> Integrations {
    Integrations::default()
        .with("lambda", Arc::new(Lambda::new(lambda)))
        .with("aws-sdk:sfn", Arc::new(StepFunctions::new(call_api)))
}

async fn call_api(call: ApiCall) -> Result<Vec<u8>, Refusal> {
    let ApiCall { runtime, scope, operation, body } = call;
    let api = Api::new(runtime, Accounts::default());
    api.call(&operation, scope, &body).await.map_err(|error| Refusal {
        code: error.code.name().to_owned(),
        is_modelled: error.code.is_modelled(),
        status: error.code.status().as_u16(),
        message: error.message,
    })
}

/// The endpoint of Lambda: as given, else from the variables of the AWS SDKs and of Step Functions
/// Local.
///
/// # Errors
/// Where it is none that can be called.
pub(crate) fn lambda_endpoint(given: Option<&str>) -> anyhow::Result<Option<Endpoint>> {
    let variable = |name: &'static str| {
        env::var(name).ok().filter(|text| !text.is_empty()).map(|text| (name, text))
    };
    let given = given.map(|text| ("--lambda-endpoint", text.to_owned()));
    let named = given
        .or_else(|| variable("AWS_ENDPOINT_URL_LAMBDA"))
        .or_else(|| variable("LAMBDA_ENDPOINT"));
    if let Some((name, text)) = named {
        return Endpoint::parse(&text).map(Some).with_context(|| name.to_owned());
    }
    let Some((name, text)) = variable("AWS_ENDPOINT_URL") else { return Ok(None) };
    match Endpoint::parse(&text) {
        // It is for every service, and need not have been meant for Lambda.
        Err(EndpointError::Https(_)) => Ok(None),
        parsed => parsed.map(Some).with_context(|| name.to_owned()),
    }
}
