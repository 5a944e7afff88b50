//! What calls services for Task states: one file per service.
//!
//! Promises: whatever a service does, the call ends in a result or in a failure in AWS's words;
//! dropping a call closes its connection.
//!
//! Does not: sign requests or speak TLS (`aws` does), try a call again, or know the API's types
//! (the caller hands in what calls it).

mod aws_sdk;
#[cfg(test)]
mod call_tests;
#[cfg(test)]
mod double;
mod eks;
mod lambda;
mod metadata;
mod optimised;
mod permission;
mod rest;
mod step_functions;
mod task_url;

pub use aws_sdk::AwsSdk;
pub use eks::Eks;
pub use lambda::{FunctionCommand, Lambda, LocalFunction, LocalFunctions};
pub use optimised::{Optimised, TaskPermissions, task_permissions};
pub use rest::{ApiGateway, Authorization, Connection, Connections, HttpParameters, Https, Owners};
pub use step_functions::{ApiCall, Refusal, StepFunctions};

/// What a task fails with whose `Credentials` name a role that cannot be assumed.
fn not_assumed(call: &runtime::ServiceCall) -> engine::Failure {
    let wanted = call.request.role_arn.as_deref().unwrap_or_default();
    runtime::not_assumed(&call.role_arn, wanted)
}
