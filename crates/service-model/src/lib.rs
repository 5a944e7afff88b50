//! The APIs of AWS's services as data: which operations there are, what they take and give, how
//! that is written on the wire and where to, and what Step Functions calls it all.
//!
//! Promises: everything is known without a file or a network, from what is embedded at build time;
//! a service is unpacked when it is first asked for, and then stays.
//!
//! Does not: write or read any request; know what an integration does with an answer.
//!
//! Names. A service is named as the part of a task's resource: `dynamodb` in
//! `arn:aws:states:::aws-sdk:dynamodb:putItem`. Operations have their name on the wire (`PutItem`)
//! and that of the action (`putItem`); members have theirs on the wire (`roleArn`, `SSEKMSKeyId`)
//! and that of parameters and results (`RoleArn`, `SsekmsKeyId`).
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/supported-services-awssdk.html>.

mod endpoint;
mod file;
mod names;
mod parameters;
mod results;
mod service;
mod shape;

pub use endpoint::{EndpointVariant, ServiceEndpoint};
pub use file::{partition, service, service_names};
pub use names::{error_class, parameter_name};
pub use parameters::{Parameters, Unfit, UnfitReason};
pub use results::{ResultCheck, ResultMisfit};
pub use service::{ErrorShape, Operation, Protocol, Service, Signature};
pub use shape::{Location, Member, Members, Shape, ShapeId, ShapeKind, TimestampFormat, Wire};
