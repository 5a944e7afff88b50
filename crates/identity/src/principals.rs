//! Users and roles.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::Timestamp;
use policy::{DocumentType, Policy};
use store::StoreError;

use crate::identities::{access_key_key, new_id, no_principal, principal_key};
use crate::managed::AttachedPolicy;
use crate::record::{AccessKeyRow, PrincipalRecord, PrincipalType, TagRecord};
use crate::{ArnParts, Identities, IdentityError, unfilled};

/// AWS's quotas.
const ATTACHED_MAX: usize = 10;
pub(crate) const TAGS_MAX: usize = 50;
const TRUST_CHARACTERS_MAX: usize = 2_048;
const ROLE_POLICIES_CHARACTERS_MAX: usize = 10_240;
const USER_POLICIES_CHARACTERS_MAX: usize = 2_048;

/// A user or a role to be made.
#[derive(Clone, Debug)]
pub struct CreatePrincipal {
    /// What it is.
    pub principal_type: PrincipalType,
    /// Its name.
    pub name: String,
    /// `/` where none is given.
    pub path: String,
    /// Of a role.
    pub description: Option<String>,
    /// Of a role: its trust policy.
    pub trust: Option<String>,
    /// Of a role: 3,600 where none is given.
    pub max_session_seconds: u32,
    /// The ARN of its permissions boundary.
    pub boundary: Option<String>,
    /// Its tags.
    pub tags: Vec<TagRecord>,
}

/// A change of a user or a role.
#[derive(Clone, Debug)]
pub enum PrincipalChange {
    /// UpdateAssumeRolePolicy
    Trust(String),
    /// UpdateRole, UpdateRoleDescription
    Role {
        /// None leaves it.
        description: Option<String>,
        /// None leaves it.
        max_session_seconds: Option<u32>,
    },
    /// PutRolePolicy, PutUserPolicy: name and document.
    PutInline(String, String),
    /// DeleteRolePolicy, DeleteUserPolicy
    DeleteInline(String),
    /// AttachRolePolicy, AttachUserPolicy
    Attach(String),
    /// DetachRolePolicy, DetachUserPolicy
    Detach(String),
    /// Put…PermissionsBoundary, Delete…PermissionsBoundary
    Boundary(Option<String>),
    /// TagRole, TagUser
    Tag(Vec<TagRecord>),
    /// UntagRole, UntagUser
    Untag(Vec<String>),
}

impl Identities {
    /// CreateUser, CreateRole.
    ///
    /// # Errors
    /// `EntityAlreadyExists`, `MalformedPolicyDocument`, `NoSuchEntity` for the boundary,
    /// `ValidationError`.
    pub async fn create_principal(
        &self,
        account: &str,
        create: CreatePrincipal,
        now: Timestamp,
    ) -> Result<PrincipalRecord, IdentityError> {
        let CreatePrincipal { principal_type, name, path, .. } = create;
        let (kind, prefix, name_max) = match principal_type {
            PrincipalType::User => ("User", "AIDA", 64),
            PrincipalType::Role => ("Role", "AROA", 64),
        };
        check_name(&name, kind, name_max)?;
        check_path(&path)?;
        if let Some(trust) = &create.trust {
            check_trust(&name, trust)?;
        }
        check_session_seconds(create.max_session_seconds)?;
        if let Some(boundary) = &create.boundary {
            self.managed_policy(account, boundary).await?;
        }
        let mut tags = Vec::new();
        put_tags(&mut tags, create.tags)?;
        let record = PrincipalRecord {
            principal_type,
            id: new_id(prefix),
            created: now.0,
            description: create.description,
            trust: create.trust.map(Arc::from),
            max_session_seconds: create.max_session_seconds,
            inline: BTreeMap::new(),
            attached: Vec::new(),
            boundary: create.boundary,
            tags,
            access_keys: Vec::new(),
            name,
            path,
        };
        let key = principal_key(account, principal_type, &record.name);
        match self.write(&key, None, Some(&record)).await {
            Ok(()) => Ok(record),
            Err(StoreError::Conflict) => Err(IdentityError::AlreadyExists(format!(
                "{kind} with name {} already exists.",
                record.name
            ))),
            Err(error) => Err(error.into()),
        }
    }

    /// DeleteUser, DeleteRole.
    ///
    /// # Errors
    /// `NoSuchEntity`, `DeleteConflict` where it still has policies or access keys.
    pub async fn delete_principal(
        &self,
        account: &str,
        principal_type: PrincipalType,
        name: &str,
    ) -> Result<(), IdentityError> {
        let key = principal_key(account, principal_type, name);
        let record = self.read::<PrincipalRecord>(&key).await?;
        let (version, record) = record.ok_or_else(|| no_principal(principal_type, name))?;
        let conflict = |what: &str| {
            IdentityError::DeleteConflict(format!("Cannot delete entity, must {what} first."))
        };
        if !record.attached.is_empty() {
            return Err(conflict("detach all policies"));
        }
        if !record.inline.is_empty() {
            return Err(conflict("delete policies"));
        }
        if !record.access_keys.is_empty() {
            return Err(conflict("delete access keys"));
        }
        Ok(self.write::<PrincipalRecord>(&key, Some(version), None).await?)
    }

    /// Every user, or every role, of the account below that path.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn principals(
        &self,
        account: &str,
        principal_type: PrincipalType,
        path_prefix: &str,
    ) -> Result<Vec<PrincipalRecord>, IdentityError> {
        let kind = match principal_type {
            PrincipalType::User => "user",
            PrincipalType::Role => "role",
        };
        let mut records: Vec<PrincipalRecord> = self.list(account, kind).await?;
        records.retain(|record| record.path.starts_with(path_prefix));
        Ok(records)
    }

    /// Changes a user or a role.
    ///
    /// # Errors
    /// See [`IdentityError`].
    pub async fn change_principal(
        &self,
        account: &str,
        principal_type: PrincipalType,
        name: &str,
        change: &PrincipalChange,
    ) -> Result<(), IdentityError> {
        match change {
            PrincipalChange::Attach(arn) | PrincipalChange::Boundary(Some(arn)) => {
                self.managed_policy(account, arn).await?;
            }
            PrincipalChange::Trust(document) => check_trust(name, document)?,
            PrincipalChange::PutInline(name, document) => {
                check_name(name, "Policy", 128)?;
                unfilled::tell(&Policy::parse(document, DocumentType::Identity)?, name);
            }
            PrincipalChange::Role { max_session_seconds: Some(seconds), .. } => {
                check_session_seconds(*seconds)?;
            }
            PrincipalChange::Role { .. }
            | PrincipalChange::DeleteInline(_)
            | PrincipalChange::Detach(_)
            | PrincipalChange::Boundary(None)
            | PrincipalChange::Tag(_)
            | PrincipalChange::Untag(_) => {}
        }
        let key = principal_key(account, principal_type, name);
        let absent = || no_principal(principal_type, name);
        self.change(&key, absent, |record: &mut PrincipalRecord| apply(record, change)).await
    }

    /// The managed policies that are attached to a user or a role.
    ///
    /// # Errors
    /// `NoSuchEntity`
    pub async fn attached_policies(
        &self,
        account: &str,
        principal_type: PrincipalType,
        name: &str,
    ) -> Result<Vec<AttachedPolicy>, IdentityError> {
        let record = self.principal(account, principal_type, name).await?;
        let named = |arn: &String| {
            let name = ArnParts::parse(arn).map_or("", |parts| parts.name).to_owned();
            AttachedPolicy { name, arn: arn.clone() }
        };
        Ok(record.attached.iter().map(named).collect())
    }

    pub(crate) async fn access_key_row(
        &self,
        id: &str,
    ) -> Result<Option<(u64, AccessKeyRow)>, StoreError> {
        self.read(&access_key_key(id)).await
    }
}

fn apply(record: &mut PrincipalRecord, change: &PrincipalChange) -> Result<(), IdentityError> {
    let no_policy = |what: &str| {
        let kind = match record.principal_type {
            PrincipalType::User => "user",
            PrincipalType::Role => "role",
        };
        IdentityError::NoSuchEntity(format!("The {kind} policy with name {what} cannot be found."))
    };
    match change {
        PrincipalChange::Trust(document) => record.trust = Some(document.as_str().into()),
        PrincipalChange::Role { description, max_session_seconds } => {
            if let Some(description) = description {
                record.description = Some(description.clone());
            }
            if let Some(seconds) = max_session_seconds {
                record.max_session_seconds = *seconds;
            }
        }
        PrincipalChange::PutInline(name, document) => {
            record.inline.insert(name.clone(), document.as_str().into());
            check_inline_size(record)?;
        }
        PrincipalChange::DeleteInline(name) => {
            if record.inline.remove(name).is_none() {
                return Err(no_policy(name));
            }
        }
        PrincipalChange::Attach(arn) => {
            if !record.attached.contains(arn) {
                if record.attached.len() >= ATTACHED_MAX {
                    let kind = record.principal_type;
                    return Err(IdentityError::LimitExceeded(format!(
                        "Cannot exceed quota for PoliciesPer{kind:?}: {ATTACHED_MAX}"
                    )));
                }
                record.attached.push(arn.clone());
            }
        }
        PrincipalChange::Detach(arn) => {
            let Some(place) = record.attached.iter().position(|there| there == arn) else {
                let message = format!("Policy {arn} was not found.");
                return Err(IdentityError::NoSuchEntity(message));
            };
            record.attached.remove(place);
        }
        PrincipalChange::Boundary(boundary) => record.boundary = boundary.clone(),
        PrincipalChange::Tag(tags) => put_tags(&mut record.tags, tags.clone())?,
        PrincipalChange::Untag(keys) => record.tags.retain(|tag| !keys.contains(&tag.key)),
    }
    Ok(())
}

/// White space does not count.
fn characters(document: &str) -> usize {
    document.chars().filter(|character| !character.is_whitespace()).count()
}

fn check_inline_size(record: &PrincipalRecord) -> Result<(), IdentityError> {
    let (kind, most) = match record.principal_type {
        PrincipalType::User => ("user", USER_POLICIES_CHARACTERS_MAX),
        PrincipalType::Role => ("role", ROLE_POLICIES_CHARACTERS_MAX),
    };
    let total: usize = record.inline.values().map(|document| characters(document)).sum();
    if total <= most {
        return Ok(());
    }
    Err(IdentityError::LimitExceeded(format!(
        "Maximum policy size of {most} bytes exceeded for {kind} {}",
        record.name
    )))
}

fn check_trust(name: &str, document: &str) -> Result<(), IdentityError> {
    if characters(document) > TRUST_CHARACTERS_MAX {
        return Err(IdentityError::LimitExceeded(format!(
            "Cannot exceed quota for ACLSizePerRole: {TRUST_CHARACTERS_MAX}"
        )));
    }
    unfilled::tell(&Policy::parse(document, DocumentType::Trust)?, name);
    Ok(())
}

pub(crate) fn check_name(name: &str, kind: &str, most: usize) -> Result<(), IdentityError> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"+=,.@_-".contains(&byte);
    let member = format!("{}Name", kind[..1].to_lowercase() + &kind[1..]);
    if name.is_empty() || !name.bytes().all(allowed) {
        return Err(IdentityError::Validation(format!(
            "The specified value for {member} is invalid. It must contain only alphanumeric \
             characters and/or the following: +=,.@_-"
        )));
    }
    if name.len() > most {
        return Err(IdentityError::Validation(format!(
            "1 validation error detected: Value '{name}' at '{member}' failed to satisfy \
             constraint: Member must have length less than or equal to {most}"
        )));
    }
    Ok(())
}

pub(crate) fn check_path(path: &str) -> Result<(), IdentityError> {
    let is_printable = path.bytes().all(|byte| (0x21..=0x7E).contains(&byte));
    let is_whole = path.starts_with('/') && path.ends_with('/') && path.len() <= 512;
    if is_printable && is_whole {
        return Ok(());
    }
    let message = "The specified value for path is invalid. It must begin and end with / and \
                   contain only alphanumeric characters and/or / characters.";
    Err(IdentityError::Validation(message.to_owned()))
}

fn check_session_seconds(seconds: u32) -> Result<(), IdentityError> {
    if (3_600..=43_200).contains(&seconds) {
        return Ok(());
    }
    let (bound, edge) = if seconds < 3_600 { ("greater", 3_600) } else { ("less", 43_200) };
    Err(IdentityError::Validation(format!(
        "1 validation error detected: Value '{seconds}' at 'maxSessionDuration' failed to satisfy \
         constraint: Member must have value {bound} than or equal to {edge}"
    )))
}

pub(crate) fn put_tags(
    tags: &mut Vec<TagRecord>,
    more: Vec<TagRecord>,
) -> Result<(), IdentityError> {
    for tag in more {
        let key = tag.key.to_lowercase();
        if key.starts_with("aws:") {
            let message = "Tag keys must not begin with aws:".to_owned();
            return Err(IdentityError::InvalidInput(message));
        }
        match tags.iter_mut().find(|there| there.key.to_lowercase() == key) {
            Some(there) => *there = tag,
            None => tags.push(tag),
        }
    }
    if tags.len() <= TAGS_MAX {
        return Ok(());
    }
    Err(IdentityError::LimitExceeded(format!("The number of tags has reached {TAGS_MAX}.")))
}
