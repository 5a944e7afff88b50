//! Whose credentials the client signs with: the process's own, and those of roles.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use hyper::Request;
use json::{Object, Value};
use service_model::Signature;

use super::{Client, ROLES_MAX, refused};
use crate::call::Assume;
use crate::credentials::{
    Assumed, RoleSource, SESSION_NAME, Source, SsoSource, TokenFile, of_members,
    of_members_with_expiry, read_file, run_process,
};
use crate::http::HttpLimits;
use crate::sign::{self, add_signature};
use crate::{Call, CallError, CredentialsError, Names, codec};

/// How long STS, or what else gives credentials, may take.
const PATIENCE: Duration = Duration::from_secs(20);
const ANSWER_BYTES_MAX: usize = 64 * 1024;

impl Client {
    pub(super) async fn credentials(
        &self,
        role: Option<&Assume<'_>>,
        place: (&str, &str),
        is_plain: bool,
    ) -> Result<Credentials, CallError> {
        match role {
            Some(role) => self.assume(role, place).await,
            None => self.own_credentials(place, is_plain).await,
        }
    }

    async fn own_credentials(
        &self,
        (account, region): (&str, &str),
        is_plain: bool,
    ) -> Result<Credentials, CallError> {
        match self.shared.settings.credentials.find(!is_plain).await {
            Ok(Source::Keys(keys)) => Ok(keys),
            Ok(source) => {
                let kept = self.kept_own(&source);
                kept.get(self.fetch(&source, region)).await
            }
            // What stands in for AWS on one's own machine wants a signature for the service's name
            // in it, and may tell accounts apart by the key.
            Err(CredentialsError::Missing) if is_plain => {
                let key = if account.is_empty() { "test" } else { account };
                Ok(Credentials::new(key, "test", None, None, "nowhere"))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// What is kept of that source; nothing yet where another one was asked before.
    fn kept_own(&self, source: &Source) -> Arc<Assumed> {
        let mut own = self.shared.own.lock();
        match &*own {
            Some((known, kept)) if known == source => kept.clone(),
            _ => {
                let kept = Arc::<Assumed>::default();
                *own = Some((source.clone(), kept.clone()));
                kept
            }
        }
    }

    /// Asks for what a source gives. A role may be assumed with another one, and that so on.
    async fn fetch(&self, source: &Source, region: &str) -> Result<Credentials, CallError> {
        let chain = &self.shared.settings.credentials;
        match source {
            Source::Keys(keys) => Ok(keys.clone()),
            Source::Container => Ok(chain.of_container().await?),
            Source::Instance => Ok(chain.of_instance().await?),
            Source::Process(command) => {
                Ok(run_process(command).await.map_err(of("credential_process"))?)
            }
            Source::Sso(sso) => self.of_sso(sso).await,
            Source::WebIdentity { role_arn, session_name, token_file, duration_seconds } => {
                let token = read_file(token_file).await.map_err(of("the web identity"))?;
                let mut parameters = Object::new();
                parameters.insert("RoleArn", role_arn.as_str());
                parameters.insert("RoleSessionName", session_name.as_str());
                parameters.insert("WebIdentityToken", token.trim());
                insert_duration(&mut parameters, *duration_seconds);
                let action = "assumeRoleWithWebIdentity";
                self.ask_sts(action, role_arn, parameters, region, None).await
            }
            Source::Role(role) => {
                let base = Box::pin(self.fetch(&role.base, region)).await?;
                let mut parameters = Object::new();
                parameters.insert("RoleArn", role.role_arn.as_str());
                parameters.insert("RoleSessionName", role.session_name.as_str());
                if let Some(external_id) = &role.external_id {
                    parameters.insert("ExternalId", external_id.as_str());
                }
                insert_duration(&mut parameters, role.duration_seconds);
                self.ask_sts("assumeRole", &role.role_arn, parameters, region, Some(base)).await
            }
        }
    }

    async fn assume(
        &self,
        role: &Assume<'_>,
        (account, region): (&str, &str),
    ) -> Result<Credentials, CallError> {
        let kept = self.kept_role(role.role_arn, role.external_id);
        let fetch = async {
            let sts = service_model::service("sts").expect("there is a model of STS");
            let place = self.endpoints().place(sts, None, region)?;
            let base = self.own_credentials((account, region), place.is_plain()).await?;
            let role = RoleSource {
                role_arn: role.role_arn.to_owned(),
                session_name: SESSION_NAME.to_owned(),
                external_id: role.external_id.map(str::to_owned),
                duration_seconds: None,
                base: Source::Keys(base),
            };
            self.fetch(&Source::Role(Box::new(role)), region).await
        };
        Box::pin(kept.get(fetch)).await
    }

    fn kept_role(&self, role_arn: &str, external_id: Option<&str>) -> Arc<Assumed> {
        let mut roles = self.shared.roles.lock();
        if roles.len() >= ROLES_MAX {
            roles.clear();
        }
        let key = (role_arn.to_owned(), external_id.map(str::to_owned));
        roles.entry(key).or_default().clone()
    }

    async fn ask_sts(
        &self,
        action: &str,
        role_arn: &str,
        parameters: Object,
        region: &str,
        base: Option<Credentials>,
    ) -> Result<Credentials, CallError> {
        let not_assumed = |reason: String| {
            CallError::Credentials(CredentialsError::NotAssumed {
                role_arn: role_arn.to_owned(),
                reason,
            })
        };
        let given = Value::from(parameters.clone());
        let call = call("sts", action, &given, region);
        let wire = codec::request(&call, &parameters)?;
        let target = self.target(&call, &parameters)?;
        let mut request = Request::builder().method("POST").uri(format!("{}/", target.url));
        for (name, value) in &wire.headers {
            request = request.header(name.as_str(), value.as_str());
        }
        let mut request =
            request.body(wire.body).map_err(|error| not_assumed(error.to_string()))?;
        if let Some(base) = base {
            let (region, signature) = (target.region.as_str(), Signature::V4);
            let scope = sign::Scope { service: &target.signing_name, region, signature };
            add_signature(&mut request, &base, scope, SystemTime::now())
                .map_err(|error| not_assumed(error.to_string()))?;
        }
        let limits = HttpLimits { patience: PATIENCE, answer_bytes_max: ANSWER_BYTES_MAX };
        let answer = self.http().send(request, limits).await;
        let answer = answer.map_err(|error| not_assumed(error.to_string()))?;
        if let Some(refusal) = refused(call.service, &answer) {
            return Err(not_assumed(refusal.message));
        }
        let result =
            codec::result(&call, &answer).map_err(|error| not_assumed(error.to_string()))?;
        of_sts(&result).ok_or_else(|| not_assumed("STS gave no credentials".to_owned()))
    }

    /// Those of a role that IAM Identity Center gives, for the token of who logged in.
    async fn of_sso(&self, sso: &SsoSource) -> Result<Credentials, CallError> {
        let failed = of("IAM Identity Center");
        let environment = self.shared.settings.credentials.environment();
        let file = TokenFile::read(environment, &sso.key).await.map_err(&failed)?;
        let token = match file.token() {
            Some(token) => token.to_owned(),
            None => {
                let parameters = file.refresh().map_err(&failed)?.into();
                let answer = self.ask("ssooidc", "createToken", parameters, &sso.region).await;
                file.keep(&answer.map_err(&failed)?).await.map_err(&failed)?
            }
        };
        let mut parameters = Object::new();
        parameters.insert("AccessToken", token);
        parameters.insert("AccountId", sso.account_id.as_str());
        parameters.insert("RoleName", sso.role_name.as_str());
        let answer = self.ask("sso", "getRoleCredentials", parameters.into(), &sso.region).await;
        of_role_credentials(&answer.map_err(&failed)?)
            .ok_or_else(|| failed("it gave no credentials".to_owned()).into())
    }

    /// Asks a service that wants no signature.
    async fn ask(
        &self,
        service: &str,
        action: &str,
        parameters: Value,
        region: &str,
    ) -> Result<Value, String> {
        let call = call(service, action, &parameters, region);
        debug_assert!(call.operation.is_anonymous, "{action} is signed");
        let answer = Box::pin(self.call(call)).await;
        answer.map(|answer| answer.result).map_err(|error| error.to_string())
    }
}

fn call<'a>(service: &str, action: &str, parameters: &'a Value, region: &'a str) -> Call<'a> {
    let service = service_model::service(service).expect("there is a model of it");
    Call {
        service,
        operation: service.operation(action).expect("the model has it"),
        parameters,
        account: "",
        region,
        role: None,
        names: Names::Model,
        idempotency_token: "",
        patience: PATIENCE,
        answer_bytes_max: ANSWER_BYTES_MAX,
    }
}

fn of(source_name: &'static str) -> impl Fn(String) -> CredentialsError {
    move |reason| CredentialsError::Failed { source_name, reason }
}

fn insert_duration(parameters: &mut Object, seconds: Option<u32>) {
    if let Some(seconds) = seconds {
        parameters.insert("DurationSeconds", i64::from(seconds));
    }
}

/// The credentials that STS gives.
fn of_sts(result: &Value) -> Option<Credentials> {
    of_members_with_expiry(result.get("Credentials")?, "SessionToken", "STS")
}

/// The credentials that IAM Identity Center gives. They expire at a number of milliseconds.
fn of_role_credentials(result: &Value) -> Option<Credentials> {
    let document = result.get("RoleCredentials")?;
    let mut credentials = of_members(document, "SessionToken", "SSO")?;
    let milliseconds = document.get("Expiration").and_then(Value::as_i64);
    let expires = milliseconds.and_then(|it| jiff::Timestamp::from_millisecond(it).ok());
    *credentials.expiry_mut() = expires.map(SystemTime::from);
    Some(credentials)
}
