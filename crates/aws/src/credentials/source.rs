//! What a profile says of where its credentials come from.
//! See <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>.

use aws_credential_types::Credentials;

use super::profile::{Section, SharedFiles};

/// Where credentials come from. What it takes to get them is known, and nothing was asked yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Source {
    /// They are said.
    Keys(Credentials),
    /// `AssumeRole`, with other credentials.
    Role(Box<RoleSource>),
    /// `AssumeRoleWithWebIdentity`, which is not signed.
    WebIdentity {
        role_arn: String,
        session_name: String,
        /// The file that holds the token.
        token_file: String,
        duration_seconds: Option<u32>,
    },
    /// What a command prints.
    Process(String),
    /// A role that IAM Identity Center gives whom `aws sso login` let in.
    Sso(SsoSource),
    /// The endpoint of the container.
    Container,
    /// The metadata of the instance.
    Instance,
}

/// A role, and whose credentials assume it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RoleSource {
    pub(crate) role_arn: String,
    pub(crate) session_name: String,
    pub(crate) external_id: Option<String>,
    pub(crate) duration_seconds: Option<u32>,
    pub(crate) base: Source,
}

/// What a profile says of IAM Identity Center.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SsoSource {
    /// What the file with the token is named after: the session, or the start URL.
    pub(crate) key: String,
    pub(crate) region: String,
    pub(crate) account_id: String,
    pub(crate) role_name: String,
}

/// What a session is called where nothing else is said.
pub(crate) const SESSION_NAME: &str = "stairwell";

/// Where the credentials of a profile come from; none where it says nothing of any.
///
/// # Errors
/// Where it says what cannot be, or what is not had here. Why.
pub(super) fn of_profile(
    files: &SharedFiles,
    name: &str,
    of_environment: Option<&Credentials>,
) -> Result<Option<Source>, String> {
    Profiles { files, of_environment }.source(name, &mut Vec::new())
}

struct Profiles<'f> {
    files: &'f SharedFiles,
    of_environment: Option<&'f Credentials>,
}

impl Profiles<'_> {
    fn source(&self, name: &str, before: &mut Vec<String>) -> Result<Option<Source>, String> {
        let profile = self.files.profile(name);
        let profile = profile.ok_or_else(|| format!("there is no profile '{name}'"))?;
        if before.iter().any(|other| other == name) {
            return Err(format!("the profile '{name}' is its own source_profile in the end"));
        }
        before.push(name.to_owned());
        if let Some(role_arn) = profile.get("role_arn") {
            return self.role(name, profile, role_arn, before).map(Some);
        }
        self.base(name, profile)
    }

    fn role(
        &self,
        name: &str,
        profile: &Section,
        role_arn: &str,
        before: &mut Vec<String>,
    ) -> Result<Source, String> {
        let role_arn = role_arn.to_owned();
        let session_name = profile.get("role_session_name").unwrap_or(SESSION_NAME).to_owned();
        let duration_seconds = profile.get("duration_seconds").map(str::parse).transpose();
        let duration_seconds = duration_seconds
            .map_err(|_| format!("duration_seconds of the profile '{name}' is no number"))?;
        if let Some(token_file) = profile.get("web_identity_token_file") {
            let token_file = token_file.to_owned();
            return Ok(Source::WebIdentity {
                role_arn,
                session_name,
                token_file,
                duration_seconds,
            });
        }
        if profile.get("mfa_serial").is_some() {
            return Err(format!(
                "the profile '{name}' has an mfa_serial, and nobody is there to be asked for a code"
            ));
        }
        let base = match (profile.get("source_profile"), profile.get("credential_source")) {
            (Some(_), Some(_)) => {
                return Err(format!(
                    "the profile '{name}' has both a source_profile and a credential_source"
                ));
            }
            (None, None) => {
                return Err(format!(
                    "the profile '{name}' has a role, and neither a source_profile nor a \
                     credential_source"
                ));
            }
            // A profile may assume a role with its own keys.
            (Some(source), None) if source == name => self.base(name, profile)?,
            (Some(source), None) => self.source(source, before)?,
            (None, Some("Environment")) => {
                let keys = self.of_environment.cloned();
                let missing = "the environment has no AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
                Some(Source::Keys(keys.ok_or(missing)?))
            }
            (None, Some("Ec2InstanceMetadata")) => Some(Source::Instance),
            (None, Some("EcsContainer")) => Some(Source::Container),
            (None, Some(other)) => return Err(format!("there is no credential_source '{other}'")),
        };
        let base = base.ok_or_else(|| {
            let source = profile.get("source_profile").unwrap_or(name);
            format!("the profile '{source}' says nothing of credentials")
        })?;
        let external_id = profile.get("external_id").map(str::to_owned);
        let role = RoleSource { role_arn, session_name, external_id, duration_seconds, base };
        Ok(Source::Role(Box::new(role)))
    }

    /// What a profile says but for a role.
    fn base(&self, name: &str, profile: &Section) -> Result<Option<Source>, String> {
        let sso = ["sso_session", "sso_start_url", "sso_account_id", "sso_role_name"];
        if sso.iter().any(|setting| profile.get(setting).is_some()) {
            return self.sso(name, profile).map(|sso| Some(Source::Sso(sso)));
        }
        if let Some(keys) = static_keys(profile) {
            return Ok(Some(Source::Keys(keys)));
        }
        if profile.get("login_session").is_some() {
            return Err(format!(
                "the profile '{name}' has a login_session, which this version of Stairwell does \
                 not have; `aws configure export-credentials` as credential_process gives what it \
                 stands for"
            ));
        }
        Ok(profile.get("credential_process").map(|command| Source::Process(command.to_owned())))
    }

    fn sso(&self, name: &str, profile: &Section) -> Result<SsoSource, String> {
        let required = |section: &Section, setting: &str| {
            let value = section.get(setting).map(str::to_owned);
            value.ok_or_else(|| format!("the profile '{name}' has no {setting}"))
        };
        let (key, region) = match profile.get("sso_session") {
            Some(session) => {
                let section = self.files.sso_session(session);
                let section = section.ok_or_else(|| format!("there is no sso-session '{session}'"));
                (session.to_owned(), required(section?, "sso_region")?)
            }
            None => (required(profile, "sso_start_url")?, required(profile, "sso_region")?),
        };
        let account_id = required(profile, "sso_account_id")?;
        let role_name = required(profile, "sso_role_name")?;
        Ok(SsoSource { key, region, account_id, role_name })
    }
}

fn static_keys(profile: &Section) -> Option<Credentials> {
    let key = profile.get("aws_access_key_id")?;
    let secret = profile.get("aws_secret_access_key")?;
    let token = profile.get("aws_session_token").map(str::to_owned);
    Some(Credentials::new(key, secret, token, None, "the shared credentials file"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "
[profile keys]
aws_access_key_id = A
aws_secret_access_key = S
credential_process = never
[profile role]
role_arn = arn:aws:iam::1:role/r
source_profile = keys
external_id = e
role_session_name = me
duration_seconds = 900
[profile chain]
role_arn = arn:aws:iam::2:role/s
source_profile = role
[profile itself]
role_arn = arn:aws:iam::1:role/r
source_profile = itself
aws_access_key_id = A
aws_secret_access_key = S
[profile instance]
role_arn = arn:aws:iam::1:role/r
credential_source = Ec2InstanceMetadata
[profile container]
role_arn = arn:aws:iam::1:role/r
credential_source = EcsContainer
[profile environment]
role_arn = arn:aws:iam::1:role/r
credential_source = Environment
[profile web]
role_arn = arn:aws:iam::1:role/r
web_identity_token_file = /token
[profile process]
credential_process = a command
[profile sso]
sso_session = corp
sso_account_id = 1
sso_role_name = R
[profile older-sso]
sso_start_url = https://corp/start
sso_region = eu-west-1
sso_account_id = 1
sso_role_name = R
[sso-session corp]
sso_region = us-east-1
[profile process-role]
role_arn = arn:aws:iam::1:role/r
source_profile = process
[profile empty]
region = eu-west-1
[profile loop]
role_arn = arn:aws:iam::1:role/r
source_profile = pool
[profile pool]
role_arn = arn:aws:iam::1:role/r
source_profile = loop
[profile mfa]
role_arn = arn:aws:iam::1:role/r
source_profile = keys
mfa_serial = arn:aws:iam::1:mfa/me
[profile alone]
role_arn = arn:aws:iam::1:role/r
[profile both]
role_arn = arn:aws:iam::1:role/r
source_profile = keys
credential_source = Environment
[profile odd]
role_arn = arn:aws:iam::1:role/r
credential_source = Odd
[profile hollow]
role_arn = arn:aws:iam::1:role/r
source_profile = empty
[profile absent]
role_arn = arn:aws:iam::1:role/r
source_profile = nobody
[profile login]
login_session = arn:aws:iam::1:user/me
[profile half-sso]
sso_session = corp
sso_account_id = 1
[profile no-session]
sso_session = none
sso_account_id = 1
sso_role_name = R
";

    fn keys(key: &str) -> Credentials {
        Credentials::new(key, "S", None, None, "the shared credentials file")
    }

    fn told(source: &Source) -> String {
        match source {
            Source::Keys(keys) => format!("keys {}", keys.access_key_id()),
            Source::Role(role) => {
                let RoleSource { role_arn, session_name, external_id, duration_seconds, base } =
                    &**role;
                let more = format!("{external_id:?} {duration_seconds:?}");
                format!("{role_arn} as {session_name} {more} by {}", told(base))
            }
            Source::Sso(SsoSource { key, region, account_id, role_name }) => {
                format!("sso {key} {region} {account_id} {role_name}")
            }
            Source::WebIdentity { role_arn, session_name, token_file, duration_seconds } => {
                format!("web {role_arn} {session_name} {token_file} {duration_seconds:?}")
            }
            other => format!("{other:?}"),
        }
    }

    fn found(name: &str) -> String {
        let files = SharedFiles::read(CONFIG, "");
        let environment = keys("E");
        match of_profile(&files, name, Some(&environment)) {
            Ok(None) => "nothing".to_owned(),
            Ok(Some(source)) => told(&source),
            Err(reason) => reason,
        }
    }

    #[test]
    fn a_profile_says_where_its_credentials_come_from() {
        const R: &str = "arn:aws:iam::1:role/r as stairwell None None by";
        for (profile, expected) in [
            ("keys", "keys A"),
            ("role", "arn:aws:iam::1:role/r as me Some(\"e\") Some(900) by keys A"),
            ("itself", &format!("{R} keys A")),
            ("instance", &format!("{R} Instance")),
            ("container", &format!("{R} Container")),
            ("environment", &format!("{R} keys E")),
            ("web", "web arn:aws:iam::1:role/r stairwell /token None"),
            ("process", "Process(\"a command\")"),
            ("process-role", &format!("{R} Process(\"a command\")")),
            ("sso", "sso corp us-east-1 1 R"),
            ("older-sso", "sso https://corp/start eu-west-1 1 R"),
            ("empty", "nothing"),
        ] {
            assert_eq!(found(profile), expected, "{profile}");
        }
        let chain = found("chain");
        let (outer, inner) = chain.split_once(" by ").expect("it is a chain");
        assert_eq!(outer, "arn:aws:iam::2:role/s as stairwell None None");
        assert!(inner.starts_with("arn:aws:iam::1:role/r as me"), "{inner}");
    }

    #[test]
    fn what_cannot_be_is_told() {
        for (profile, expected) in [
            ("nobody", "there is no profile 'nobody'"),
            ("absent", "there is no profile 'nobody'"),
            ("loop", "the profile 'loop' is its own source_profile in the end"),
            ("mfa", "the profile 'mfa' has an mfa_serial"),
            ("alone", "the profile 'alone' has a role, and neither a source_profile nor a"),
            ("both", "the profile 'both' has both a source_profile and a credential_source"),
            ("odd", "there is no credential_source 'Odd'"),
            ("hollow", "the profile 'empty' says nothing of credentials"),
            ("login", "the profile 'login' has a login_session"),
            ("half-sso", "the profile 'half-sso' has no sso_role_name"),
            ("no-session", "there is no sso-session 'none'"),
        ] {
            let found = found(profile);
            assert!(found.starts_with(expected), "{profile}: {found}");
        }
        let files = SharedFiles::read(CONFIG, "");
        let reason = of_profile(&files, "environment", None).expect_err("there are no keys");
        assert!(reason.starts_with("the environment has no AWS_ACCESS_KEY_ID"), "{reason}");
    }
}
