//! Who calls: signatures are verified, and policies asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::Timestamp;
use hyper::http::request::Parts;
use identity::{Actor, Caller, Facts, Guard, Identities, KeyOwner, SessionEnd};
use signature::{
    Authorization, CredentialScope, Service, SignatureError, SignedRequest, SigningKeys,
};
use store::{Scope, StoreError};

use crate::Accounts;
use crate::client_certificate::{CertificatePrincipal, CertificateSubject, ClientCertificate};
use crate::error::{ApiError, ErrorCode};

/// Who may call.
#[derive(Default)]
pub struct Callers {
    identities: Option<Arc<Identities>>,
    /// Access keys of the configuration, with their secrets: the root users of their accounts.
    root_keys: BTreeMap<String, RootKey>,
    /// Whether everybody must be known. Else unsigned requests, and those of access keys that
    /// nobody knows, are taken for what they say.
    must_be_known: bool,
    /// Knows which roles Step Functions may assume.
    guard: Option<Arc<Guard>>,
    signing_keys: SigningKeys,
    certificates: Certificates,
}

/// Whom clients are that show a certificate and do not sign.
pub type Certificates = BTreeMap<CertificateSubject, CertificatePrincipal>;

/// An access key of the configuration.
#[derive(Clone)]
pub struct RootKey {
    /// Whose root user it is.
    pub account: Arc<str>,
    /// Its secret.
    pub secret: String,
}

impl std::fmt::Debug for RootKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RootKey").field("account", &self.account).finish_non_exhaustive()
    }
}

/// What became of asking who calls.
pub(crate) enum Unauthenticated {
    Signature(SignatureError),
    Store(StoreError),
}

impl Unauthenticated {
    /// Whether nobody was named at all.
    pub(crate) fn is_unsigned(&self) -> bool {
        matches!(self, Unauthenticated::Signature(SignatureError::Missing))
    }
}

impl From<SignatureError> for Unauthenticated {
    fn from(error: SignatureError) -> Self {
        Unauthenticated::Signature(error)
    }
}

impl From<StoreError> for Unauthenticated {
    fn from(error: StoreError) -> Self {
        Unauthenticated::Store(error)
    }
}

impl From<Unauthenticated> for ApiError {
    fn from(error: Unauthenticated) -> ApiError {
        let error = match error {
            Unauthenticated::Signature(error) => error,
            Unauthenticated::Store(error) => {
                return runtime::OperationalError::from(error).into();
            }
        };
        let code = match error {
            SignatureError::Missing => ErrorCode::MissingAuthenticationTokenException,
            SignatureError::Incomplete(_) => ErrorCode::IncompleteSignatureException,
            SignatureError::UnknownKey => ErrorCode::UnrecognizedClientException,
            SignatureError::ExpiredToken => ErrorCode::ExpiredTokenException,
            SignatureError::Invalid(_) => ErrorCode::InvalidSignatureException,
        };
        ApiError::new(code, error.to_string())
    }
}

impl Callers {
    /// Those in that store, and those of the configuration.
    pub fn new(
        identities: Arc<Identities>,
        root_keys: BTreeMap<String, RootKey>,
        must_be_known: bool,
    ) -> Callers {
        Callers {
            identities: Some(identities),
            root_keys,
            must_be_known,
            guard: None,
            signing_keys: SigningKeys::default(),
            certificates: Certificates::new(),
        }
    }

    /// With clients that are known by their certificates.
    pub fn with_certificates(self, certificates: Certificates) -> Callers {
        Callers { certificates, ..self }
    }

    /// With what knows which roles Step Functions may assume.
    pub fn with_guard(self, guard: Arc<Guard>) -> Callers {
        Callers { guard: Some(guard), ..self }
    }

    /// Whether it is known whose requests these are.
    pub(crate) fn must_be_known(&self) -> bool {
        self.must_be_known
    }

    pub(crate) fn guard(&self) -> Option<&Guard> {
        self.guard.as_deref()
    }

    /// Checks that Step Functions may assume the role for a state machine of that account.
    ///
    /// # Errors
    /// `AccessDeniedException`
    pub(crate) async fn check_trust(
        &self,
        role_arn: &str,
        account: &str,
        facts: Facts<'_>,
    ) -> Result<(), ApiError> {
        let Some(guard) = &self.guard else { return Ok(()) };
        let checked = guard.check_trust(role_arn, account, facts).await;
        let checked = checked.map_err(runtime::OperationalError::from)?;
        checked.map_err(|denied| ApiError::new(ErrorCode::AccessDeniedException, denied.0))
    }

    /// Checks that the role may have logs delivered, where there are any.
    ///
    /// # Errors
    /// `AccessDeniedException`
    pub(crate) async fn check_log_delivery(
        &self,
        scope: &Scope,
        role_arn: &str,
        logging: Option<&serde_json::Value>,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let Some(guard) = &self.guard else { return Ok(()) };
        if logging.is_none_or(|logging| logging["level"] == "OFF") {
            return Ok(());
        }
        let Scope { account, region } = scope;
        let actor = Actor { role_arn, execution_arn: "", account, region, now };
        let checked = guard.check_log_delivery(&actor).await;
        let checked = checked.map_err(runtime::OperationalError::from)?;
        checked.map_err(|denied| ApiError::new(ErrorCode::AccessDeniedException, denied.0))
    }

    pub(crate) fn identities(&self) -> Option<&Identities> {
        self.identities.as_deref()
    }

    /// Who calls, and in which account and region.
    pub(crate) async fn authenticate(
        &self,
        accounts: &Accounts,
        parts: &Parts,
        body: &[u8],
        service: &str,
    ) -> Result<(Caller, Scope), Unauthenticated> {
        let scope = CredentialScope::of(parts);
        let authorization = Authorization::of(parts);
        let token = authorization.as_ref().ok().and_then(|it| it.session_token.as_deref());
        let known = match &scope {
            Some(scope) => self.find(scope, token).await?,
            None => None,
        };
        let Some((caller, secret)) = known else {
            let is_unsigned = matches!(authorization, Err(SignatureError::Missing));
            if let Some(caller) = self.of_certificate(parts).await?.filter(|_| is_unsigned) {
                let (account, region) = (caller.account().clone(), &accounts.default_region);
                return Ok((caller, Scope { account, region: region.clone() }));
            }
            if self.must_be_known {
                authorization?;
                return Err(SignatureError::UnknownKey.into());
            }
            let scope = accounts.scope(scope.as_ref());
            return Ok((Caller::Trusted { account: scope.account.clone() }, scope));
        };
        let authorization = authorization?;
        let now = jiff::Timestamp::now();
        let request = SignedRequest { parts, body };
        let service = Service { names: &[service], region: None };
        self.signing_keys.verify(request, &authorization, &secret, service, now)?;
        let region = &authorization.scope.region;
        if !crate::is_region(region) {
            let message = "Credential should be scoped to a valid region.".to_owned();
            return Err(SignatureError::Invalid(message).into());
        }
        let scope = Scope { account: caller.account().clone(), region: region.as_str().into() };
        Ok((caller, scope))
    }

    /// Whom the certificate of the connection stands for, where it was shown and is known.
    async fn of_certificate(&self, parts: &Parts) -> Result<Option<Caller>, Unauthenticated> {
        let shown = parts.extensions.get::<ClientCertificate>();
        let principal = shown.and_then(|shown| self.certificates.get(&*shown.subject));
        Ok(match principal {
            None => None,
            Some(CertificatePrincipal::Root { account }) => {
                Some(Caller::Root { account: account.clone() })
            }
            Some(CertificatePrincipal::User { arn }) => {
                let Some(identities) = &self.identities else { return Ok(None) };
                let user = identities.subject(arn).await?;
                // A user that is not there (any more) is not taken for anybody else.
                Some(Caller::User(user.ok_or(SignatureError::UnknownKey)?))
            }
        })
    }

    /// Whose access key it is, and its secret.
    async fn find(
        &self,
        scope: &CredentialScope,
        token: Option<&str>,
    ) -> Result<Option<(Caller, String)>, Unauthenticated> {
        // A token belongs to temporary keys alone.
        let is_permanent = || match token {
            None => Ok(()),
            Some(_) => Err(SignatureError::UnknownKey),
        };
        if let Some(key) = self.root_keys.get(&scope.access_key) {
            is_permanent()?;
            let caller = Caller::Root { account: key.account.clone() };
            return Ok(Some((caller, key.secret.clone())));
        }
        let Some(identities) = &self.identities else { return Ok(None) };
        if let Some(owner) = identities.user_of_key(&scope.access_key).await? {
            is_permanent()?;
            return match owner {
                KeyOwner::User(caller, secret) => Ok(Some((caller, secret))),
                KeyOwner::Inactive => Err(SignatureError::UnknownKey.into()),
            };
        }
        if let Some(token) = token {
            let now = engine::Timestamp(jiff::Timestamp::now().as_millisecond());
            return match identities.session(&scope.access_key, token, now).await? {
                None => Ok(None),
                Some(Err(SessionEnd::Expired)) => Err(SignatureError::ExpiredToken.into()),
                Some(Err(SessionEnd::Revoked)) => Err(SignatureError::UnknownKey.into()),
                Some(Ok(session)) => Ok(Some((session.caller, session.secret))),
            };
        }
        Ok(None)
    }
}
