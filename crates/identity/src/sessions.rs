//! Sessions: who has assumed a role, and for how long.
//!
//! A session is kept nowhere: its token holds what it is, signed with a key of the server.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use engine::Timestamp;
use policy::{Context, DocumentType, Policy};
use ring::hmac;
use serde::{Deserialize, Serialize};
use store::StoreError;

use crate::identities::{new_id, random_bytes, session_key_key};
use crate::keys::Credentials;
use crate::record::PrincipalType;
use crate::sealing::SessionKeyRow;
use crate::subject::Caller;
use crate::{Identities, IdentityError};

/// AssumeRole.
#[derive(Clone, Debug)]
pub struct AssumeRole {
    /// `RoleArn`
    pub role_arn: String,
    /// `RoleSessionName`
    pub session_name: String,
    /// `DurationSeconds`: 3,600 where none is given.
    pub seconds: u32,
    /// `Policy`, `PolicyArns`: what the session may do at most.
    pub policies: Vec<String>,
    /// `ExternalId`
    pub external_id: Option<String>,
    /// What is known of the request beside.
    pub facts: Context<'static>,
}

/// What AssumeRole gives.
#[derive(Clone, Debug)]
pub struct Assumed {
    /// To sign with.
    pub credentials: Credentials,
    /// Milliseconds since 1970.
    pub expiration: i64,
    /// `arn:aws:sts::123456789012:assumed-role/name/session`
    pub arn: String,
    /// `AROA…:session`
    pub id: String,
}

/// What a token holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sealed {
    access_key: String,
    role: String,
    /// The id of the role: one that is made again under the same name is another one.
    #[serde(default)]
    role_id: String,
    session: String,
    /// Milliseconds since 1970.
    #[serde(default)]
    issued: i64,
    expiration: i64,
    #[serde(default)]
    policies: Vec<String>,
}

/// A session that calls, and the secret that it must have signed with.
#[derive(Clone, Debug)]
pub struct Session {
    /// Who it is.
    pub caller: Caller,
    /// The secret.
    pub secret: String,
}

/// Whose access key it is.
#[derive(Clone, Debug)]
pub enum KeyOwner {
    /// That user's; with the secret.
    User(Caller, String),
    /// Nobody may use it: it is not active, or its user is gone.
    Inactive,
}

/// Why a token of this server is good for nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionEnd {
    /// Its time is over.
    Expired,
    /// Its role is gone.
    Revoked,
}

const SEAL_BYTES: usize = 32;

impl Identities {
    /// AssumeRole.
    ///
    /// # Errors
    /// `AccessDenied`, `ValidationError`, `MalformedPolicyDocument`.
    pub async fn assume_role(
        &self,
        caller: &Caller,
        request: AssumeRole,
        now: Timestamp,
    ) -> Result<Assumed, IdentityError> {
        let AssumeRole { role_arn, session_name, seconds, policies, external_id, facts } = request;
        check_session_name(&session_name)?;
        if matches!(caller, Caller::Root { .. }) {
            let message = "Roles may not be assumed by root accounts.".to_owned();
            return Err(IdentityError::AccessDenied(message));
        }
        for document in &policies {
            Policy::parse(document, DocumentType::Identity)?;
        }
        let denied = || {
            IdentityError::AccessDenied(format!(
                "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
                caller.arn()
            ))
        };
        let role = self.subject(&role_arn).await?.ok_or_else(denied)?;
        let Some(trust) = &role.trust else { return Err(denied()) };
        let mut facts: Context<'_> = facts;
        role.describe_resource(&mut facts);
        if let Some(external_id) = &external_id {
            facts.insert("sts:externalid", external_id.as_str());
        }
        facts.insert("sts:rolesessionname", &*session_name);
        let is_cross_account = role.account != *caller.account();
        let decision =
            caller.decide("sts:AssumeRole", &role_arn, facts, Some((trust, is_cross_account)));
        decision.map_err(|_| denied())?;
        if seconds < 900 || seconds > role.max_session_seconds {
            let message = if seconds < 900 {
                format!(
                    "1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to \
                     satisfy constraint: Member must have value greater than or equal to 900"
                )
            } else {
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
                    .to_owned()
            };
            return Err(IdentityError::Validation(message));
        }
        let sealed = Sealed {
            access_key: new_id("ASIA")[..20].to_owned(),
            role: role_arn,
            role_id: role.id.to_string(),
            session: session_name,
            issued: now.0,
            expiration: now.0 + i64::from(seconds) * 1_000,
            policies,
        };
        let (token, secret) = self.seal(&sealed).await?;
        Ok(Assumed {
            expiration: sealed.expiration,
            arn: role.session_arn(&sealed.session),
            id: format!("{}:{}", role.id, sealed.session),
            credentials: Credentials {
                access_key: sealed.access_key,
                secret,
                session_token: Some(token),
            },
        })
    }

    /// The session of a token: none where the token is none of ours or of another access key.
    /// One that has ended is told apart.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn session(
        &self,
        access_key: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Result<Session, SessionEnd>>, StoreError> {
        let Some(sealed) = self.unseal(token).await? else { return Ok(None) };
        if sealed.access_key != access_key {
            return Ok(None);
        }
        if sealed.expiration <= now.0 {
            return Ok(Some(Err(SessionEnd::Expired)));
        }
        // A role that is gone takes its sessions with it.
        let role = self.subject(&sealed.role).await?;
        let Some(role) = role.filter(|role| *role.id == *sealed.role_id) else {
            return Ok(Some(Err(SessionEnd::Revoked)));
        };
        let parse = |text: &String| Policy::parse(text, DocumentType::Identity).map(Arc::new);
        let Ok(policies) = sealed.policies.iter().map(parse).collect::<Result<Vec<_>, _>>() else {
            return Ok(Some(Err(SessionEnd::Revoked)));
        };
        let policies = (!policies.is_empty()).then(|| Arc::from(policies));
        let session_name = sealed.session.as_str().into();
        let issued = Timestamp(sealed.issued);
        let caller = Caller::Session { role, session_name, policies, issued };
        let secret = secret_of(&self.session_key().await?, token);
        Ok(Some(Ok(Session { caller, secret })))
    }

    /// Whose access key it is; none where this server never gave it out.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn user_of_key(&self, access_key: &str) -> Result<Option<KeyOwner>, StoreError> {
        let Some((_, row)) = self.access_key_row(access_key).await? else { return Ok(None) };
        let user = match self.principal(&row.account, PrincipalType::User, &row.user).await {
            Ok(user) => user,
            Err(IdentityError::Store(error)) => return Err(error),
            Err(_) => return Ok(Some(KeyOwner::Inactive)),
        };
        let is_active = user.access_keys.iter().any(|key| key.id == access_key && key.is_active);
        if !is_active {
            return Ok(Some(KeyOwner::Inactive));
        }
        let subject = self.subject(&user.arn(&row.account)).await?;
        let secret = self.secret_of_row(access_key, row)?;
        Ok(Some(match (subject, secret) {
            (Some(subject), Some(secret)) => KeyOwner::User(Caller::User(subject), secret),
            (None, _) | (_, None) => KeyOwner::Inactive,
        }))
    }

    async fn seal(&self, sealed: &Sealed) -> Result<(String, String), StoreError> {
        let key = self.session_key().await?;
        let text = serde_json::to_vec(sealed).expect("it has only text names");
        let seal = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &text);
        let token = URL_SAFE_NO_PAD.encode([seal.as_ref(), &text].concat());
        let secret = secret_of(&key, &token);
        Ok((token, secret))
    }

    async fn unseal(&self, token: &str) -> Result<Option<Sealed>, StoreError> {
        let Ok(bytes) = URL_SAFE_NO_PAD.decode(token) else { return Ok(None) };
        let Some((seal, text)) = bytes.split_at_checked(SEAL_BYTES) else { return Ok(None) };
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.session_key().await?);
        if hmac::verify(&key, text, seal).is_err() {
            return Ok(None);
        }
        Ok(serde_json::from_slice(text).ok())
    }

    /// The key that signs tokens: made once for a store.
    async fn session_key(&self) -> Result<Arc<[u8]>, StoreError> {
        if let Some(key) = &*self.session_key.lock() {
            return Ok(key.clone());
        }
        let name = session_key_key();
        let row = match self.read::<SessionKeyRow>(&name).await? {
            Some((_, row)) => row,
            None => {
                let new = random_bytes::<32>();
                let row = SessionKeyRow::Sealed { sealed: self.key.seal(&name, &new) };
                match self.write(&name, None, Some(&row)).await {
                    Ok(()) => row,
                    Err(StoreError::Conflict) => {
                        let made = self.read(&name).await?;
                        made.map(|(_, row)| row).ok_or(StoreError::Conflict)?
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        let key: Arc<[u8]> = match row {
            SessionKeyRow::Plain(key) => key,
            SessionKeyRow::Sealed { sealed } => self.key.open(&name, &sealed)?,
        }
        .into();
        *self.session_key.lock() = Some(key.clone());
        Ok(key)
    }
}

/// The secret access key of the session with that token.
fn secret_of(key: &[u8], token: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let secret = hmac::sign(&key, format!("secret {token}").as_bytes());
    STANDARD_NO_PAD.encode(&secret.as_ref()[..30])
}

fn check_session_name(name: &str) -> Result<(), IdentityError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    if (2..=64).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(IdentityError::Validation(format!(
        "1 validation error detected: Value '{}' at 'roleSessionName' failed to satisfy \
         constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
        name.chars().take(64).collect::<String>()
    )))
}
