//! The credentials that requests are signed with.
//! See <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>.
//!
//! Looked for in the environment, in the shared files, by a web identity, from a container's
//! endpoint and from the instance's, in that order. What expires is fetched again five minutes
//! before.

mod chain;
mod profile;

use std::time::SystemTime;

use aws_credential_types::Credentials;

pub(crate) use chain::Found;
pub use chain::{CredentialChain, Environment};

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
const EXPIRES_SOON_SECONDS: u64 = 5 * 60;

/// Credentials of a role, kept until they are too old.
#[derive(Debug, Default)]
pub(crate) struct Assumed {
    kept: tokio::sync::Mutex<Option<Credentials>>,
}

impl Assumed {
    /// The credentials, fetched where there are none that last. Whoever comes meanwhile waits.
    pub(crate) async fn get<F, E>(&self, fetch: F) -> Result<Credentials, E>
    where
        F: Future<Output = Result<Credentials, E>>,
    {
        let mut kept = self.kept.lock().await;
        if let Some(credentials) = kept.as_ref().filter(|credentials| is_fresh(credentials)) {
            return Ok(credentials.clone());
        }
        let credentials = fetch.await?;
        *kept = Some(credentials.clone());
        Ok(credentials)
    }
}

/// Whether credentials last for a while yet.
fn is_fresh(credentials: &Credentials) -> bool {
    let soon = SystemTime::now() + std::time::Duration::from_secs(EXPIRES_SOON_SECONDS);
    credentials.expiry().is_none_or(|expiry| expiry > soon)
}
