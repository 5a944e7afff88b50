//! What is stored of identities: JSON texts, under their names.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What a principal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PrincipalType {
    /// An IAM user.
    User,
    /// An IAM role.
    Role,
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagRecord {
    /// `Key`
    pub key: String,
    /// `Value`
    pub value: String,
}

/// A user or a role.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PrincipalRecord {
    /// What it is.
    pub principal_type: PrincipalType,
    /// Its name as it was given; names are compared without case.
    pub name: String,
    /// `/`, or `/division/`.
    pub path: String,
    /// `AROA…` or `AIDA…`
    pub id: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// Of a role, where it has one.
    #[serde(default)]
    pub description: Option<String>,
    /// The trust policy of a role.
    #[serde(default)]
    pub trust: Option<Arc<str>>,
    /// How long a session of a role may last.
    #[serde(default)]
    pub max_session_seconds: u32,
    /// Inline policies by name.
    #[serde(default)]
    pub inline: BTreeMap<String, Arc<str>>,
    /// The ARNs of managed policies.
    #[serde(default)]
    pub attached: Vec<String>,
    /// The ARN of the managed policy that is its permissions boundary.
    #[serde(default)]
    pub boundary: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<TagRecord>,
    /// The access keys of a user.
    #[serde(default)]
    pub access_keys: Vec<AccessKey>,
}

/// An access key, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// `AKIA…`
    pub id: String,
    /// Whether it may be used.
    pub is_active: bool,
    /// Milliseconds since 1970.
    pub created: i64,
}

/// The row that finds the user of an access key.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct AccessKeyRow {
    pub(crate) account: Arc<str>,
    pub(crate) user: String,
    /// In plain text, as it was stored before there were key files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<String>,
    /// Neither is there where the key that sealed it was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sealed: Option<SealedSecret>,
}

/// A secret that is sealed by the key of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SealedSecret(pub(crate) String);

/// A managed policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ManagedPolicy {
    /// Its name as it was given.
    pub name: String,
    /// `/`, or `/division/`.
    pub path: String,
    /// `ANPA…`
    pub id: String,
    /// Milliseconds since 1970.
    pub created: i64,
    /// Milliseconds since 1970.
    pub updated: i64,
    /// Where it has one.
    #[serde(default)]
    pub description: Option<String>,
    /// Five at most, oldest first.
    pub versions: Vec<PolicyVersion>,
    /// The number of the default version.
    pub default_version: u32,
    /// The number of the next version.
    pub next_version: u32,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<TagRecord>,
}

/// A version of a managed policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// 3 for `v3`.
    pub number: u32,
    /// Milliseconds since 1970.
    pub created: i64,
    /// The document.
    pub document: Arc<str>,
}

impl ManagedPolicy {
    /// The version in force.
    pub fn default(&self) -> &PolicyVersion {
        let is_default = |version: &&PolicyVersion| version.number == self.default_version;
        self.versions.iter().find(is_default).expect("the default version is never deleted")
    }
}

impl PrincipalRecord {
    /// `arn:aws:iam::123456789012:role/path/name`
    pub fn arn(&self, account: &str) -> String {
        let kind = match self.principal_type {
            PrincipalType::User => "user",
            PrincipalType::Role => "role",
        };
        format!("arn:aws:iam::{account}:{kind}{}{}", self.path, self.name)
    }
}
