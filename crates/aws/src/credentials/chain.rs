//! Where the process's own credentials come from.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_credential_types::Credentials;
use hyper::body::Bytes;
use hyper::{Request, Uri};
use parking_lot::Mutex;

use super::profile::{Section, SharedFiles};
use super::source::{SESSION_NAME, Source, of_profile};
use super::{Assumed, CredentialsError, of_members_with_expiry};
use crate::http::{HttpClient, HttpLimits, names_own_machine};

/// How long the endpoint of a container or an instance may take.
const LIMITS: HttpLimits =
    HttpLimits { patience: Duration::from_secs(2), answer_bytes_max: 64 * 1024 };

/// How long it is remembered that there is no instance to ask.
const NO_INSTANCE: Duration = Duration::from_secs(5 * 60);

/// How long what the shared files say is remembered.
const FILES_LAST: Duration = Duration::from_secs(30);

/// Where the endpoint of the instance is.
/// See <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>.
const INSTANCE: &str = "http://169.254.169.254";
const INSTANCE_V6: &str = "http://[fd00:ec2::254]";
const CONTAINER: &str = "http://169.254.170.2";

/// Whom a container's endpoint may be at that is spoken to without TLS, beside this machine: ECS,
/// and the two of EKS.
const CONTAINER_HOSTS: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

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
    files: Mutex<Option<(Instant, Arc<SharedFiles>)>>,
    of_container: Assumed,
    of_instance: Assumed,
    no_instance: Mutex<Option<Instant>>,
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

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// A file in the folder of AWS's settings.
    pub(super) fn home_file(&self, name: &str) -> Option<PathBuf> {
        Some(PathBuf::from(self.get("HOME")?).join(".aws").join(name))
    }

    fn keys(&self) -> Option<Credentials> {
        let (key, secret) = (self.get("AWS_ACCESS_KEY_ID")?, self.get("AWS_SECRET_ACCESS_KEY")?);
        let token = self.get("AWS_SESSION_TOKEN").map(str::to_owned);
        Some(Credentials::new(key, secret, token, None, "the environment"))
    }

    /// The name of the profile.
    pub(crate) fn profile(&self) -> &str {
        self.get("AWS_PROFILE").unwrap_or("default")
    }

    /// What the shared files say; nothing where they cannot be read. Blocks.
    pub(crate) fn read_files(&self) -> SharedFiles {
        let read = |variable: &str, name: &str| {
            let path = self.get(variable).map(PathBuf::from).or_else(|| self.home_file(name));
            path.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default()
        };
        let config = read("AWS_CONFIG_FILE", "config");
        SharedFiles::read(&config, &read("AWS_SHARED_CREDENTIALS_FILE", "credentials"))
    }
}

impl CredentialChain {
    /// Looks where these variables say.
    pub fn new(environment: Environment, http: HttpClient) -> Arc<CredentialChain> {
        Arc::new(CredentialChain {
            environment,
            http,
            files: Mutex::default(),
            of_container: Assumed::default(),
            of_instance: Assumed::default(),
            no_instance: Mutex::default(),
        })
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Where credentials come from. The instance is only meant where `may_ask_instance`, unless a
    /// profile says so.
    pub(crate) async fn find(&self, may_ask_instance: bool) -> Result<Source, CredentialsError> {
        let environment = &self.environment;
        if let Some(keys) = environment.keys() {
            return Ok(Source::Keys(keys));
        }
        if let Some(found) = self.of_profile().await? {
            return Ok(found);
        }
        let web_identity = ["AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"];
        if let [Some(token_file), Some(role_arn)] = web_identity.map(|name| environment.get(name)) {
            let session_name = environment.get("AWS_ROLE_SESSION_NAME").unwrap_or(SESSION_NAME);
            return Ok(Source::WebIdentity {
                role_arn: role_arn.to_owned(),
                session_name: session_name.to_owned(),
                token_file: token_file.to_owned(),
                duration_seconds: None,
            });
        }
        if self.container().is_some() {
            return Ok(Source::Container);
        }
        let was_absent = self.no_instance.lock().is_some_and(|at| at.elapsed() < NO_INSTANCE);
        if !may_ask_instance || environment.is_true("AWS_EC2_METADATA_DISABLED") || was_absent {
            return Err(CredentialsError::Missing);
        }
        match self.of_instance().await {
            Ok(_) => Ok(Source::Instance),
            Err(_) => {
                *self.no_instance.lock() = Some(Instant::now());
                Err(CredentialsError::Missing)
            }
        }
    }

    async fn of_profile(&self) -> Result<Option<Source>, CredentialsError> {
        let failed = |reason: String| CredentialsError::Failed {
            source_name: "the shared configuration files",
            reason,
        };
        let (files, name) = (self.files().await, self.environment.profile());
        let is_named = self.environment.get("AWS_PROFILE").is_some();
        if !is_named && files.profile(name).is_none() {
            return Ok(None);
        }
        let found = of_profile(&files, name, self.environment.keys().as_ref()).map_err(failed)?;
        match found {
            None if is_named => {
                Err(failed(format!("the profile '{name}' says nothing of credentials")))
            }
            found => Ok(found),
        }
    }

    /// What the shared files say, or said a moment ago.
    async fn files(&self) -> Arc<SharedFiles> {
        let is_new = |(at, _): &&(Instant, Arc<SharedFiles>)| at.elapsed() < FILES_LAST;
        if let Some((_, files)) = self.files.lock().as_ref().filter(is_new) {
            return files.clone();
        }
        let environment = self.environment.clone();
        let read = tokio::task::spawn_blocking(move || environment.read_files());
        let files = Arc::new(read.await.unwrap_or_default());
        *self.files.lock() = Some((Instant::now(), files.clone()));
        files
    }

    /// The URL of the container's endpoint, where there is one.
    fn container(&self) -> Option<String> {
        let relative = self.environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
        let full = self.environment.get("AWS_CONTAINER_CREDENTIALS_FULL_URI");
        relative.map(|path| format!("{CONTAINER}{path}")).or_else(|| full.map(str::to_owned))
    }

    /// See <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>.
    pub(crate) async fn of_container(&self) -> Result<Credentials, CredentialsError> {
        let failed = |reason: String| CredentialsError::Failed {
            source_name: "the container's endpoint",
            reason,
        };
        let fetch = async {
            let url = self.container();
            let url = url.ok_or_else(|| failed("no variable says where it is".to_owned()))?;
            check_container(&url).map_err(failed)?;
            let mut request = Request::get(&url);
            let token = match self.environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
                Some(file) => Some(super::read_file(file).await.map_err(failed)?),
                None => {
                    self.environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(str::to_owned)
                }
            };
            if let Some(token) = token {
                request = request.header("authorization", token.trim());
            }
            let request = request.body(Bytes::new());
            let request = request.map_err(|_| failed("it has no request".to_owned()))?;
            let answer = self.http.send(request, LIMITS).await;
            let answer = answer.map_err(|error| failed(error.to_string()))?;
            if !answer.status.is_success() {
                return Err(failed(format!("it answered {}", answer.status.as_u16())));
            }
            let credentials = of_json(&answer.body);
            credentials.ok_or_else(|| failed("it answered no credentials".to_owned()))
        };
        self.of_container.get(fetch).await
    }

    /// Those of the instance's role, by the second version of its metadata service.
    pub(crate) async fn of_instance(&self) -> Result<Credentials, CredentialsError> {
        let fetch = async {
            self.ask_instance().await.ok_or_else(|| CredentialsError::Failed {
                source_name: "the instance's metadata",
                reason: "it gives none".to_owned(),
            })
        };
        self.of_instance.get(fetch).await
    }

    async fn ask_instance(&self) -> Option<Credentials> {
        let mode = self.environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
        let usual = match mode {
            Some(mode) if mode.eq_ignore_ascii_case("IPv6") => INSTANCE_V6,
            _ => INSTANCE,
        };
        let base = self.environment.get("AWS_EC2_METADATA_SERVICE_ENDPOINT").unwrap_or(usual);
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

/// Refuses to send a token to whoever is no endpoint of a container.
fn check_container(url: &str) -> Result<(), String> {
    let uri: Uri = url.parse().map_err(|_| format!("'{url}' is no URL"))?;
    let host = uri.host().unwrap_or_default();
    let is_known = names_own_machine(host) || CONTAINER_HOSTS.contains(&host);
    match uri.scheme_str() {
        Some("https") => Ok(()),
        Some("http") if is_known => Ok(()),
        _ => {
            Err(format!("'{url}' is neither an HTTPS URL nor one of this machine or of ECS or EKS"))
        }
    }
}

/// What the endpoints of containers and instances answer.
fn of_json(body: &[u8]) -> Option<Credentials> {
    let answer = json::parse(std::str::from_utf8(body).ok()?).ok()?;
    of_members_with_expiry(&answer, "Token", "an endpoint")
}

/// What is configured in the profile: its settings, and the endpoints of services.
#[derive(Clone, Debug, Default)]
pub(crate) struct ProfileSettings {
    pub(crate) profile: Section,
    pub(crate) endpoints: BTreeMap<String, String>,
}

impl ProfileSettings {
    /// Those of the profile that the environment means. Blocks.
    pub(crate) fn read(environment: &Environment) -> ProfileSettings {
        let files = environment.read_files();
        let profile = files.profile(environment.profile()).cloned().unwrap_or_default();
        let endpoints = files.endpoints_of(&profile).into_iter();
        let endpoints = endpoints.map(|(name, url)| (name.to_owned(), url.to_owned())).collect();
        ProfileSettings { profile, endpoints }
    }
}
