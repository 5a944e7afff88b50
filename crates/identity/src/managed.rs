//! Managed policies and their versions.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::Timestamp;
use policy::{DocumentType, Policy};
use store::StoreError;

use crate::aws_managed;
use crate::identities::{new_id, policy_key};
use crate::principals::{check_name, check_path, put_tags};
use crate::record::{ManagedPolicy, PolicyVersion, PrincipalRecord, TagRecord};
use crate::{ArnParts, Identities, IdentityError, unfilled};

/// AWS's quotas.
const VERSIONS_MAX: usize = 5;
const CHARACTERS_MAX: usize = 6_144;

/// A managed policy to be made.
#[derive(Clone, Debug)]
pub struct CreatePolicy {
    /// Its name.
    pub name: String,
    /// `/` where none is given.
    pub path: String,
    /// Where one is given.
    pub description: Option<String>,
    /// The document.
    pub document: String,
    /// Its tags.
    pub tags: Vec<TagRecord>,
}

/// A managed policy that is attached to something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedPolicy {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
}

fn no_policy(arn: &str) -> IdentityError {
    IdentityError::NoSuchEntity(format!("Policy {arn} does not exist or is not attachable."))
}

fn check_document(name: &str, document: &str) -> Result<(), IdentityError> {
    let characters = document.chars().filter(|character| !character.is_whitespace()).count();
    if characters > CHARACTERS_MAX {
        return Err(IdentityError::LimitExceeded(format!(
            "Cannot exceed quota for PolicySize: {CHARACTERS_MAX}"
        )));
    }
    unfilled::tell(&Policy::parse(document, DocumentType::Identity)?, name);
    Ok(())
}

impl Identities {
    /// CreatePolicy.
    ///
    /// # Errors
    /// `EntityAlreadyExists`, `MalformedPolicyDocument`, `LimitExceeded`, `ValidationError`.
    pub async fn create_policy(
        &self,
        account: &str,
        create: CreatePolicy,
        now: Timestamp,
    ) -> Result<ManagedPolicy, IdentityError> {
        check_name(&create.name, "Policy", 128)?;
        check_path(&create.path)?;
        check_document(&create.name, &create.document)?;
        let mut tags = Vec::new();
        put_tags(&mut tags, create.tags)?;
        let document = create.document.into();
        let policy = ManagedPolicy {
            name: create.name,
            path: create.path,
            id: new_id("ANPA"),
            created: now.0,
            updated: now.0,
            description: create.description,
            versions: vec![PolicyVersion { number: 1, created: now.0, document }],
            default_version: 1,
            next_version: 2,
            tags,
        };
        match self.write(&policy_key(account, &policy.name), None, Some(&policy)).await {
            Ok(()) => Ok(policy),
            Err(StoreError::Conflict) => Err(IdentityError::AlreadyExists(format!(
                "A policy called {} already exists. Duplicate names are not allowed.",
                policy.name
            ))),
            Err(error) => Err(error.into()),
        }
    }

    /// The policy with that ARN: one of the account, or one of AWS's that Stairwell knows.
    ///
    /// # Errors
    /// `NoSuchEntity`
    pub async fn managed_policy(
        &self,
        account: &str,
        arn: &str,
    ) -> Result<ManagedPolicy, IdentityError> {
        let parts = ArnParts::parse(arn).filter(|parts| parts.kind == "policy");
        let parts = parts.ok_or_else(|| no_policy(arn))?;
        if parts.account == "aws" {
            return aws_managed::find(arn).ok_or_else(|| no_policy(arn));
        }
        if parts.account != account {
            return Err(no_policy(arn));
        }
        let found = self.read::<ManagedPolicy>(&policy_key(account, parts.name)).await?;
        let found = found.map(|(_, policy)| policy);
        found.filter(|policy| policy.arn(account) == arn).ok_or_else(|| no_policy(arn))
    }

    /// AWS's own policies.
    pub fn aws_managed_policies() -> Vec<ManagedPolicy> {
        aws_managed::all()
    }

    /// Every policy of the account.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn managed_policies(
        &self,
        account: &str,
    ) -> Result<Vec<ManagedPolicy>, IdentityError> {
        Ok(self.list(account, "policy").await?)
    }

    /// The users and the roles that a policy is attached to.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn attached_to(
        &self,
        account: &str,
        arn: &str,
    ) -> Result<Vec<PrincipalRecord>, IdentityError> {
        let mut principals: Vec<PrincipalRecord> = self.list(account, "role").await?;
        principals.extend(self.list::<PrincipalRecord>(account, "user").await?);
        principals.retain(|record| record.attached.iter().any(|there| there == arn));
        Ok(principals)
    }

    /// How many users and roles each policy is attached to, by its ARN.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn attachments(
        &self,
        account: &str,
    ) -> Result<BTreeMap<String, usize>, IdentityError> {
        let mut counts = BTreeMap::new();
        for kind in ["role", "user"] {
            for record in self.list::<PrincipalRecord>(account, kind).await? {
                for arn in record.attached {
                    *counts.entry(arn).or_default() += 1;
                }
            }
        }
        Ok(counts)
    }

    /// DeletePolicy.
    ///
    /// # Errors
    /// `NoSuchEntity`, `DeleteConflict` where it is attached or has more than one version.
    pub async fn delete_policy(&self, account: &str, arn: &str) -> Result<(), IdentityError> {
        let policy = self.own_policy(account, arn).await?;
        if !self.attached_to(account, arn).await?.is_empty() {
            let message = "Cannot delete a policy attached to entities.".to_owned();
            return Err(IdentityError::DeleteConflict(message));
        }
        if policy.versions.len() > 1 {
            let message = "This policy has more than one version. Before you delete a policy, you \
                           must delete the policy's versions. The default version is deleted with \
                           the policy.";
            return Err(IdentityError::DeleteConflict(message.to_owned()));
        }
        let key = policy_key(account, &policy.name);
        let version = self.read::<ManagedPolicy>(&key).await?.map(|(version, _)| version);
        Ok(self.write::<ManagedPolicy>(&key, version, None).await?)
    }

    /// CreatePolicyVersion.
    ///
    /// # Errors
    /// `NoSuchEntity`, `MalformedPolicyDocument`, `LimitExceeded` with five versions.
    pub async fn create_policy_version(
        &self,
        account: &str,
        arn: &str,
        document: &str,
        is_default: bool,
        now: Timestamp,
    ) -> Result<PolicyVersion, IdentityError> {
        check_document(arn, document)?;
        self.change_policy(account, arn, |policy| {
            if policy.versions.len() >= VERSIONS_MAX {
                let message = "A managed policy can have up to 5 versions. Before you create a \
                               new version, you must delete an existing version.";
                return Err(IdentityError::LimitExceeded(message.to_owned()));
            }
            let version = PolicyVersion {
                number: policy.next_version,
                created: now.0,
                document: document.into(),
            };
            policy.next_version += 1;
            policy.updated = now.0;
            policy.versions.push(version.clone());
            if is_default {
                policy.default_version = version.number;
            }
            Ok(version)
        })
        .await
    }

    /// DeletePolicyVersion.
    ///
    /// # Errors
    /// `NoSuchEntity`, `DeleteConflict` for the default version.
    pub async fn delete_policy_version(
        &self,
        account: &str,
        arn: &str,
        number: u32,
    ) -> Result<(), IdentityError> {
        self.change_policy(account, arn, |policy| {
            if number == policy.default_version {
                let message = "Cannot delete the default version of a policy.".to_owned();
                return Err(IdentityError::DeleteConflict(message));
            }
            let place = version_place(policy, arn, number)?;
            policy.versions.remove(place);
            Ok(())
        })
        .await
    }

    /// SetDefaultPolicyVersion.
    ///
    /// # Errors
    /// `NoSuchEntity`
    pub async fn set_default_policy_version(
        &self,
        account: &str,
        arn: &str,
        number: u32,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        self.change_policy(account, arn, |policy| {
            version_place(policy, arn, number)?;
            policy.default_version = number;
            policy.updated = now.0;
            Ok(())
        })
        .await
    }

    /// TagPolicy, UntagPolicy.
    ///
    /// # Errors
    /// `NoSuchEntity`, `LimitExceeded`.
    pub async fn tag_policy(
        &self,
        account: &str,
        arn: &str,
        tags: &[TagRecord],
        removed: &[String],
    ) -> Result<(), IdentityError> {
        self.change_policy(account, arn, |policy| {
            policy.tags.retain(|tag| !removed.contains(&tag.key));
            put_tags(&mut policy.tags, tags.to_vec())
        })
        .await
    }

    async fn own_policy(&self, account: &str, arn: &str) -> Result<ManagedPolicy, IdentityError> {
        if ArnParts::parse(arn).is_some_and(|parts| parts.account == "aws") {
            let message = format!("Cannot change the policy {arn}, which is AWS's.");
            return Err(IdentityError::Unmodifiable(message));
        }
        self.managed_policy(account, arn).await
    }

    async fn change_policy<R>(
        &self,
        account: &str,
        arn: &str,
        change: impl Fn(&mut ManagedPolicy) -> Result<R, IdentityError>,
    ) -> Result<R, IdentityError> {
        let policy = self.own_policy(account, arn).await?;
        self.change(&policy_key(account, &policy.name), || no_policy(arn), change).await
    }

    /// The document of a managed policy, as it is in force.
    pub(crate) async fn managed_document(
        &self,
        account: &str,
        arn: &str,
    ) -> Result<Option<Arc<str>>, StoreError> {
        match self.managed_policy(account, arn).await {
            Ok(policy) => Ok(Some(policy.default().document.clone())),
            Err(IdentityError::Store(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }
}

fn version_place(policy: &ManagedPolicy, arn: &str, number: u32) -> Result<usize, IdentityError> {
    let place = policy.versions.iter().position(|version| version.number == number);
    place.ok_or_else(|| {
        let message =
            format!("Policy {arn} version v{number} does not exist or is not attachable.");
        IdentityError::NoSuchEntity(message)
    })
}

impl ManagedPolicy {
    /// `arn:aws:iam::123456789012:policy/path/name`
    pub fn arn(&self, account: &str) -> String {
        format!("arn:aws:iam::{account}:policy{}{}", self.path, self.name)
    }
}
