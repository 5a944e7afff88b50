//! A client of AWS's services: any operation of any service, by its model.
//!
//! Promises: a call is one HTTP request, signed where there are credentials; it ends within its
//! patience; an answer is read as far as it may be long and no further; a redirect is never
//! followed; no secret is ever logged or part of an error's text; what tasks ask for goes to
//! addresses that [`Reach`] lets them, judged after names were resolved.
//!
//! Does not: try a second time (the task's `Retry` does, and is seen in the history); know what a
//! task is.
//!
//! Read [`Client::call`] first. [`HttpClient`] is what everything here sends with, and serves
//! whoever calls something that is no service of AWS; [`S3`] reads and writes objects piece by
//! piece.

mod call;
mod checksum;
mod client;
mod codec;
mod credentials;
mod endpoint;
mod http;
mod s3;
mod sign;
mod timestamp;

pub use call::{Answer, Assume, Call, CallError, Names, Refusal};
pub use client::{Client, Settings, SettingsError};
pub use codec::{json_request, json_result};
pub use credentials::{CredentialChain, CredentialsError, Environment};
pub use endpoint::{Endpoint, EndpointError, Endpoints, NoPlace, Place};
pub use http::{
    HttpAnswer, HttpBody, HttpClient, HttpError, HttpLimits, Proxies, ProxyError, Reach, escaped,
    form, names_own_machine,
};
pub use s3::{Listed, ObjectBody, ObjectPart, ObjectReference, S3, S3Error};
pub use timestamp::instant;
