//! The credentials that requests are signed with.
//! See <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>.
//!
//! Looked for in the environment, in the shared files, by a web identity, from a container's
//! endpoint and from the instance's, in that order. What expires is fetched again five minutes
//! before.
//!
//! What is found here is where they come from, a [`Source`]; the client asks AWS's services for
//! what they give.

mod chain;
mod process;
mod profile;
mod source;
mod sso;

use std::path::Path;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use json::Value;

use crate::timestamp;

pub(crate) use chain::ProfileSettings;
pub use chain::{CredentialChain, Environment};
pub(crate) use process::run as run_process;
pub(crate) use source::{RoleSource, SESSION_NAME, Source, SsoSource};
pub(crate) use sso::TokenFile;

/// Why there are no credentials.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CredentialsError {
    /// None were found anywhere.
    #[error(
        "Unable to load credentials from any of the providers in the chain: the environment, the \
         shared credentials file, a web identity, the container, the instance"
    )]
    Missing,
    /// The source that is configured failed.
    #[error("Unable to load credentials from {source_name}: {reason}")]
    Failed {
        /// `the shared credentials file`, …
        source_name: &'static str,
        /// Why. No secret is in it.
        reason: String,
    },
    /// The role may not be assumed, or not by us.
    #[error("the role {role_arn} cannot be assumed: {reason}")]
    NotAssumed {
        /// Its ARN.
        role_arn: String,
        /// What STS said.
        reason: String,
    },
}

/// Where credentials come to be too old in less than this, new ones are fetched.
const EXPIRES_SOON: Duration = Duration::from_secs(5 * 60);

/// Credentials that were fetched, kept until they are too old.
#[derive(Debug, Default)]
pub(crate) struct Assumed {
    kept: tokio::sync::Mutex<Option<Credentials>>,
}

impl Assumed {
    /// The credentials, fetched where there are none that last. Whoever comes meanwhile waits.
    /// Where none can be fetched, those that are kept are given until they have expired.
    pub(crate) async fn get<F, E>(&self, fetch: F) -> Result<Credentials, E>
    where
        F: Future<Output = Result<Credentials, E>>,
    {
        let mut kept = self.kept.lock().await;
        if let Some(credentials) = kept.as_ref().filter(|it| lasts(it, EXPIRES_SOON)) {
            return Ok(credentials.clone());
        }
        match fetch.await {
            Ok(credentials) => {
                *kept = Some(credentials.clone());
                Ok(credentials)
            }
            Err(error) => kept.clone().filter(|it| lasts(it, Duration::ZERO)).ok_or(error),
        }
    }
}

/// The credentials in a JSON document, whose session token has that name. They do not expire, as
/// far as this knows.
pub(crate) fn of_members(
    document: &Value,
    token: &str,
    source_name: &'static str,
) -> Option<Credentials> {
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    let (key, secret) = (text("AccessKeyId")?, text("SecretAccessKey")?);
    let token = text(token).map(str::to_owned);
    Some(Credentials::new(key, secret, token, None, source_name))
}

/// As [`of_members`], with the instant in `Expiration`, where there is one.
pub(crate) fn of_members_with_expiry(
    document: &Value,
    token: &str,
    source_name: &'static str,
) -> Option<Credentials> {
    let mut credentials = of_members(document, token, source_name)?;
    let expiration = document.get("Expiration").and_then(Value::as_str);
    *credentials.expiry_mut() = expiration.and_then(timestamp::of_answer).map(SystemTime::from);
    Some(credentials)
}

/// Whether credentials last for that long yet.
fn lasts(credentials: &Credentials, time: Duration) -> bool {
    credentials.expiry().is_none_or(|expiry| expiry > SystemTime::now() + time)
}

/// The text of a file, which is read on a thread that may wait.
pub(crate) async fn read_file(path: impl AsRef<Path>) -> Result<String, String> {
    let path = path.as_ref().to_owned();
    let shown = path.display().to_string();
    let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(path)).await;
    let text = read.map_err(|error| format!("{shown}: {error}"))?;
    text.map_err(|error| format!("{shown}: {error}"))
}
