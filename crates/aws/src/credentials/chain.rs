//! Where the process's own credentials come from.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use aws_credential_types::Credentials;
use hyper::Request;
use hyper::body::Bytes;
use json::Value;
use parking_lot::Mutex;

use super::profile::Profile;
use super::{Assumed, CredentialsError};
use crate::http::{HttpClient, HttpLimits};
use crate::timestamp;

/// How long the endpoint of a container or an instance may take.
const LIMITS: HttpLimits =
    HttpLimits { patience: Duration::from_secs(2), answer_bytes_max: 64 * 1024 };

/// How long it is remembered that there is no instance to ask.
const NO_INSTANCE: Duration = Duration::from_secs(5 * 60);

/// Where the endpoint of the instance is.
/// See <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>.
const INSTANCE: &str = "http://169.254.169.254";
const CONTAINER: &str = "http://169.254.170.2";

/// The environment variables of the process, as far as credentials are concerned.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

/// What finds credentials.
#[derive(Debug)]
pub struct CredentialChain {
    environment: Environment,
    http: HttpClient,
    fetched: Assumed,
    no_instance: Mutex<Option<Instant>>,
}

/// Credentials that there are, or a web identity or another role that is yet to be assumed.
#[derive(Clone, Debug)]
pub(crate) enum Found {
    Credentials(Credentials),
    /// `AssumeRoleWithWebIdentity`, which is not signed.
    WebIdentity {
        role_arn: String,
        session_name: String,
        token: String,
    },
    /// A profile that says: assume this role with those credentials.
    Role {
        role_arn: String,
        external_id: Option<String>,
        base: Credentials,
    },
}

impl Environment {
    /// Those of the given ones that say anything of credentials.
    pub fn of(variables: impl IntoIterator<Item = (String, String)>) -> Environment {
        let is_ours = |name: &str| name.starts_with("AWS_") || name == "HOME";
        let variables = variables.into_iter();
        let variables =
            variables.filter(|(name, value)| is_ours(name) && !value.is_empty()).collect();
        Environment { variables }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    fn file(&self, variable: &str, name: &str) -> Option<PathBuf> {
        let of_home = || Some(PathBuf::from(self.get("HOME")?).join(".aws").join(name));
        self.get(variable).map(PathBuf::from).or_else(of_home)
    }
}

impl CredentialChain {
    /// Looks where these variables say.
    pub fn new(environment: Environment, http: HttpClient) -> Arc<CredentialChain> {
        let (fetched, no_instance) = (Assumed::default(), Mutex::new(None));
        Arc::new(CredentialChain { environment, http, fetched, no_instance })
    }

    /// Credentials, or how to come by them. The instance is only asked where `may_ask_instance`.
    pub(crate) async fn find(&self, may_ask_instance: bool) -> Result<Found, CredentialsError> {
        let environment = &self.environment;
        let profile_is_named = environment.get("AWS_PROFILE").is_some();
        if let (Some(key), Some(secret), false) = (
            environment.get("AWS_ACCESS_KEY_ID"),
            environment.get("AWS_SECRET_ACCESS_KEY"),
            profile_is_named,
        ) {
            let token = environment.get("AWS_SESSION_TOKEN").map(str::to_owned);
            let found = Credentials::new(key, secret, token, None, "the environment");
            return Ok(Found::Credentials(found));
        }
        if let Some(found) = self.of_profile(profile_is_named)? {
            return Ok(found);
        }
        if let Some(found) = self.of_web_identity()? {
            return Ok(found);
        }
        let fetched = self.fetched.get(self.fetch(may_ask_instance)).await?;
        Ok(Found::Credentials(fetched))
    }

    fn of_profile(&self, is_named: bool) -> Result<Option<Found>, CredentialsError> {
        let read = |variable: &str, name: &str| {
            let path = self.environment.file(variable, name);
            path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
        };
        let config = read("AWS_CONFIG_FILE", "config");
        let credentials = read("AWS_SHARED_CREDENTIALS_FILE", "credentials");
        let name = self.environment.get("AWS_PROFILE").unwrap_or("default");
        let failed = |reason: String| {
            Err(CredentialsError::Failed { source_name: "the shared credentials file", reason })
        };
        let Some(profile) = Profile::read(&config, &credentials, name) else {
            if is_named {
                return failed(format!("there is no profile '{name}'"));
            }
            return Ok(None);
        };
        if let Some(role_arn) = profile.get("role_arn") {
            let Some(source) = profile.get("source_profile") else {
                return failed(format!("the profile '{name}' has a role but no source_profile"));
            };
            let source_profile = Profile::read(&config, &credentials, source);
            let Some(base) = source_profile.as_ref().and_then(static_credentials) else {
                return failed(format!("the profile '{source}' has no access key"));
            };
            let external_id = profile.get("external_id").map(str::to_owned);
            return Ok(Some(Found::Role { role_arn: role_arn.to_owned(), external_id, base }));
        }
        match static_credentials(&profile) {
            Some(credentials) => Ok(Some(Found::Credentials(credentials))),
            None if is_named => failed(format!(
                "the profile '{name}' has neither an access key nor a role with a source_profile"
            )),
            None => Ok(None),
        }
    }

    fn of_web_identity(&self) -> Result<Option<Found>, CredentialsError> {
        let (Some(file), Some(role_arn)) = (
            self.environment.get("AWS_WEB_IDENTITY_TOKEN_FILE"),
            self.environment.get("AWS_ROLE_ARN"),
        ) else {
            return Ok(None);
        };
        let token = std::fs::read_to_string(file).map_err(|error| CredentialsError::Failed {
            source_name: "the web identity",
            reason: format!("{file}: {error}"),
        })?;
        let session_name = self.environment.get("AWS_ROLE_SESSION_NAME").unwrap_or("stairwell");
        Ok(Some(Found::WebIdentity {
            role_arn: role_arn.to_owned(),
            session_name: session_name.to_owned(),
            token: token.trim().to_owned(),
        }))
    }

    async fn fetch(&self, may_ask_instance: bool) -> Result<Credentials, CredentialsError> {
        let relative = self.environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let full = self.environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI");
        let url = relative.map(|path| format!("{CONTAINER}{path}"));
        if let Some(url) = url.or_else(|| full.map(str::to_owned)) {
            return self.of_container(&url).await;
        }
        let disabled = self.environment.get("AWS_EC2_METADATA_DISABLED");
        let is_disabled = disabled.is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let was_absent = self.no_instance.lock().is_some_and(|at| at.elapsed() < NO_INSTANCE);
        if !may_ask_instance || is_disabled || was_absent {
            return Err(CredentialsError::Missing);
        }
        match self.of_instance().await {
            Some(credentials) => Ok(credentials),
            None => {
                *self.no_instance.lock() = Some(Instant::now());
                Err(CredentialsError::Missing)
            }
        }
    }

    /// See <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>.
    async fn of_container(&self, url: &str) -> Result<Credentials, CredentialsError> {
        let failed = |reason: String| CredentialsError::Failed {
            source_name: "the container's endpoint",
            reason,
        };
        let mut request = Request::get(url);
        let file = self.environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
        let of_file = file.and_then(|file| std::fs::read_to_string(file).ok());
        let token = self.environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(str::to_owned);
        if let Some(token) = of_file.or(token) {
            request = request.header("authorization", token.trim());
        }
        let request = request.body(Bytes::new()).map_err(|error| failed(error.to_string()))?;
        let answer = self.http.send(request, LIMITS).await;
        let answer = answer.map_err(|error| failed(error.to_string()))?;
        if !answer.status.is_success() {
            return Err(failed(format!("it answered {}", answer.status.as_u16())));
        }
        let credentials = of_json(&answer.body);
        credentials.ok_or_else(|| failed("it answered no credentials".to_owned()))
    }

    async fn of_instance(&self) -> Option<Credentials> {
        let base = self.environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or(INSTANCE);
        let base = base.trim_end_matches('/');
        let token = Request::put(format!("{base}/latest/api/token"))
            .header("x-aws-ec2-metadata-token-ttl-seconds", "21600");
        let token = self.ask(token).await?;
        let roles = format!("{base}/latest/meta-data/iam/security-credentials/");
        let with_token =
            |url: &str| Request::get(url).header("x-aws-ec2-metadata-token", token.as_str());
        let role = self.ask(with_token(&roles)).await?;
        let role = role.lines().next()?.trim().to_owned();
        let text = self.ask(with_token(&format!("{roles}{role}"))).await?;
        of_json(text.as_bytes())
    }

    async fn ask(&self, request: hyper::http::request::Builder) -> Option<String> {
        let answer = self.http.send(request.body(Bytes::new()).ok()?, LIMITS).await.ok()?;
        let text = std::str::from_utf8(&answer.body).ok()?;
        answer.status.is_success().then(|| text.to_owned())
    }
}

fn static_credentials(profile: &Profile) -> Option<Credentials> {
    let key = profile.get("aws_access_key_id")?;
    let secret = profile.get("aws_secret_access_key")?;
    let token = profile.get("aws_session_token").map(str::to_owned);
    Some(Credentials::new(key, secret, token, None, "the shared credentials file"))
}

/// What the endpoints of containers and instances answer.
fn of_json(body: &[u8]) -> Option<Credentials> {
    let answer = json::parse(std::str::from_utf8(body).ok()?).ok()?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    let expires = text("Expiration").and_then(timestamp::of_answer);
    let expires = expires.map(SystemTime::from);
    let token = text("Token").map(str::to_owned);
    let (key, secret) = (text("AccessKeyId")?, text("SecretAccessKey")?);
    Some(Credentials::new(key, secret, token, expires, "an endpoint"))
}
