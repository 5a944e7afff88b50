//! A call of an operation, and what comes of it.

use std::time::Duration;

use hyper::HeaderMap;
use json::Value;
use service_model::{ErrorShape, Operation, Service, Unfit};

use crate::{CredentialsError, NoPlace};

/// A call of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The service.
    pub service: &'static Service,
    /// One of its operations.
    pub operation: &'static Operation,
    /// The parameters, by the names that tasks give them.
    pub parameters: &'a Value,
    /// The account that is meant: that of the execution; empty where there is none. Stand-ins of
    /// AWS that are spoken to without TLS know it by the access key, where there is no other.
    pub account: &'a str,
    /// The region that is meant: that of the execution.
    pub region: &'a str,
    /// The role that calls; none for the process's own credentials.
    pub role: Option<&'a Assume<'a>>,
    /// What members are called in the result.
    pub names: Names,
    /// What is given where the operation wants a token against being carried out twice, and the
    /// parameters have none.
    pub idempotency_token: &'a str,
    /// How long the answer may take.
    pub patience: Duration,
    /// How many bytes the body of the answer may have.
    pub answer_bytes_max: usize,
}

#[cfg(test)]
impl<'a> Call<'a> {
    /// A call by the process's own credentials.
    pub(crate) fn of_test(service: &str, operation: &str, parameters: &'a Value) -> Call<'a> {
        let service = service_model::service(service).expect("the test names a service");
        Call {
            service,
            operation: service.operation(operation).expect("the test names an operation"),
            parameters,
            account: "123456789012",
            region: "us-east-1",
            role: None,
            names: Names::Sdk,
            idempotency_token: "t",
            patience: Duration::from_secs(1),
            answer_bytes_max: 1,
        }
    }
}

/// A role to be assumed for a call.
/// See <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assume<'a> {
    /// Its ARN.
    pub role_arn: &'a str,
    /// `ExternalId`, by which its trust policy can tell for whom it is assumed.
    pub external_id: Option<&'a str>,
}

/// What the members of results are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// As in `aws-sdk` integrations: `Md5OfMessageBody`, `Bool`.
    Sdk,
    /// The model's, with a capital: `MD5OfMessageBody`, `BOOL`.
    Model,
    /// As in optimised integrations: the model's, with a capital; instants are numbers of
    /// milliseconds, as the AWS SDK for Java 1 has them.
    Optimised,
}

/// What a service answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The result: members by name, in alphabetical order, those that are read as a stream last.
    pub result: Value,
    /// The HTTP status.
    pub status: u16,
    /// The HTTP headers.
    pub headers: HeaderMap,
    /// The service's name of the request; the empty text where it gave none.
    pub request_id: String,
}

/// Why a call brought no result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    /// The parameters do not fit the operation. Nothing was sent.
    #[error("{}", reasons(.0))]
    Unfit(Vec<Unfit>),
    /// The service refused.
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// The request did not get through, or the answer did not.
    #[error("Unable to execute HTTP request: {0}")]
    Client(String),
    /// The answer is longer than it may be.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// There are no credentials to sign with, or the role cannot be assumed. Nothing was sent.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The service has no endpoint of the kind that is asked for. Nothing was sent.
    #[error(transparent)]
    Nowhere(#[from] NoPlace),
    /// What the service speaks is not spoken here.
    #[error("{0}")]
    Unsupported(String),
}

/// What a service says where it refuses.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{code}: {message} ({status})")]
pub struct Refusal {
    /// The error of the model that it is; none where the model does not have it.
    pub shape: Option<&'static ErrorShape>,
    /// The code on the wire; the empty text where there was none.
    pub code: String,
    /// What it says; the empty text where it said nothing.
    pub message: String,
    /// The HTTP status.
    pub status: u16,
    /// The service's name of the request.
    pub request_id: Option<String>,
    /// S3's second name of the request.
    pub extended_request_id: Option<String>,
}

fn reasons(unfit: &[Unfit]) -> String {
    let reasons: Vec<String> = unfit.iter().map(|unfit| unfit.reason.to_string()).collect();
    reasons.join(", ")
}
