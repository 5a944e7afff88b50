//! What `aws sso login` leaves behind: a token, and what it takes to have another one.
//! See <https://docs.aws.amazon.com/sdkref/latest/guide/understanding-sso.html>.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use json::{Object, Value};
use sha1::{Digest, Sha1};

use super::Environment;

/// Where a token is good for less than this, another one is asked for.
const EXPIRES_SOON: Duration = Duration::from_secs(5 * 60);

/// The file with the token of a session.
#[derive(Clone, Debug)]
pub(crate) struct TokenFile {
    path: PathBuf,
    members: Object,
}

/// What to say whom there is no token of.
const LOG_IN: &str = "`aws sso login` gets one";

impl TokenFile {
    /// Reads the file of the session or start URL.
    pub(crate) async fn read(environment: &Environment, key: &str) -> Result<TokenFile, String> {
        let hash: String = Sha1::digest(key).iter().map(|byte| format!("{byte:02x}")).collect();
        let path = environment.home_file(&format!("sso/cache/{hash}.json"));
        let path = path.ok_or("there is no HOME")?;
        let text = super::read_file(&path).await;
        let text = text.map_err(|reason| format!("{reason}: there is no token; {LOG_IN}"))?;
        match json::parse(&text) {
            Ok(Value::Object(members)) => Ok(TokenFile { path, members: Object::clone(&members) }),
            _ => Err(format!("{} is not JSON; {LOG_IN}", path.display())),
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name).and_then(Value::as_str)
    }

    fn expiry(&self, name: &str) -> Option<SystemTime> {
        let instant: Timestamp = self.text(name)?.replace("UTC", "Z").parse().ok()?;
        Some(instant.into())
    }

    /// The token, where it is good for a while.
    pub(crate) fn token(&self) -> Option<&str> {
        let expiry = self.expiry("expiresAt")?;
        self.text("accessToken").filter(|_| expiry > SystemTime::now() + EXPIRES_SOON)
    }

    /// What is asked for another token with.
    ///
    /// # Errors
    /// Where only a person can get one.
    pub(crate) fn refresh(&self) -> Result<Object, String> {
        let is_registered =
            self.expiry("registrationExpiresAt").is_none_or(|expiry| expiry > SystemTime::now());
        let members = ["clientId", "clientSecret", "refreshToken"].map(|name| self.text(name));
        let ([Some(id), Some(secret), Some(token)], true) = (members, is_registered) else {
            return Err(format!("the token has expired; {LOG_IN}"));
        };
        let mut parameters = Object::new();
        parameters.insert("ClientId", id);
        parameters.insert("ClientSecret", secret);
        parameters.insert("GrantType", "refresh_token");
        parameters.insert("RefreshToken", token);
        Ok(parameters)
    }

    /// Keeps the token that was got, for others too, and gives it.
    pub(crate) async fn keep(mut self, answer: &Value) -> Result<String, String> {
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let token = text("AccessToken").ok_or("the answer has no token")?;
        let seconds = answer.get("ExpiresIn").and_then(Value::as_i64).unwrap_or_default();
        let seconds = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        let expiry = Timestamp::try_from(SystemTime::now() + seconds);
        let expiry = expiry.map_err(|_| "the answer has no time that can be".to_owned())?;
        self.members.insert("accessToken", token.as_str());
        self.members.insert("expiresAt", expiry.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        if let Some(refresh) = text("RefreshToken") {
            self.members.insert("refreshToken", refresh);
        }
        let TokenFile { path, members } = self;
        let document = Value::from(members).to_text();
        let shown = path.display().to_string();
        let written = tokio::task::spawn_blocking(move || write(&path, &document)).await;
        // Who cannot keep a token has it all the same.
        if let Ok(Err(error)) = written {
            tracing::warn!(%error, path = shown, "the token of SSO cannot be kept");
        }
        Ok(token)
    }
}

/// Writes a file whole or not at all, for its user alone.
fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let new = path.with_extension(format!("{}.new", std::process::id()));
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&new, path)
}
