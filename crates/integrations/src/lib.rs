//! What calls services for Task states: one file per service.
//!
//! Promises: whatever a service does, the call ends in a result or in a failure in AWS's words;
//! dropping a call closes its connection.
//!
//! Does not: sign requests, speak TLS, try a call again, or know the API's types (the caller hands
//! in what calls it).

mod http;
mod lambda;
mod step_functions;

pub use http::{Endpoint, EndpointError};
pub use lambda::Lambda;
pub use step_functions::{ApiCall, Refusal, StepFunctions};
