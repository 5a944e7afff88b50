//! Signature Version 4 of AWS: whether a request was signed by whom it names.
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.
//!
//! Promises: signatures are compared in constant time; nothing in a request makes a panic; the
//! errors are AWS's.
//!
//! Does not: know who has which key, look at a clock, or read the body from anywhere.
//!
//! In reading order: `authorization` reads what a request says of itself, `canonical` is what is
//! signed, `verify` compares.

mod authorization;
mod canonical;
mod error;
#[cfg(test)]
mod tests;
mod verify;

pub use authorization::{Authorization, CredentialScope};
pub use canonical::SignedRequest;
pub use error::SignatureError;
pub use verify::{Service, SigningKeys};
