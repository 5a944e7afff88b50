//! Reading and changing what is stored of identities.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{ResourceKey, ResourceKind, Scope, Store, StoreError};

use crate::IdentityError;
use crate::record::{PrincipalRecord, PrincipalType};
use crate::sealing::SealingKey;
use crate::subject::Subject;

/// IAM is one for all regions of an account.
const REGION: &str = "aws-global";
/// What belongs to no account.
const NO_ACCOUNT: &str = "000000000000";
/// So often is a change tried again that another one came before.
const ATTEMPTS_MAX: usize = 16;

/// The identities in a store. Changes by this process hold at once.
pub struct Identities {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) subjects: Mutex<Subjects>,
    pub(crate) session_key: Mutex<Option<Arc<[u8]>>>,
    /// What seals secrets in the store.
    pub(crate) key: SealingKey,
}

/// Principals made ready for decisions, until anything changes.
#[derive(Default)]
pub(crate) struct Subjects {
    pub(crate) by_arn: HashMap<Arc<str>, Option<Arc<Subject>>>,
    /// Grows with every change, so that what was read before is not kept after.
    pub(crate) generation: u64,
}

/// The parts of an IAM ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArnParts<'a> {
    /// Twelve digits, or `aws`.
    pub account: &'a str,
    /// `role`, `user`, `policy`.
    pub kind: &'a str,
    /// With its path: `/name`.
    pub path: &'a str,
    /// Without.
    pub name: &'a str,
}

impl<'a> ArnParts<'a> {
    /// The parts of `arn:aws:iam::123456789012:role/path/name`.
    pub fn parse(arn: &'a str) -> Option<ArnParts<'a>> {
        let fields: Vec<&str> = arn.splitn(6, ':').collect();
        let ["arn", _, "iam", "", account, resource] = *fields else { return None };
        let slash = resource.find('/')?;
        let name = &resource[resource.rfind('/')? + 1..];
        let path = &resource[slash..];
        let is_whole = !account.is_empty() && !name.is_empty();
        is_whole.then_some(ArnParts { account, kind: &resource[..slash], path, name })
    }
}

fn corrupt(error: &serde_json::Error) -> StoreError {
    StoreError::Corrupt(format!("an identity: {error}"))
}

pub(crate) fn decoded<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    serde_json::from_slice(bytes).map_err(|error| corrupt(&error))
}

pub(crate) fn encoded(record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(record).expect("records of identities have only text names")
}

pub(crate) fn key(account: &str, name: String) -> ResourceKey {
    let scope = Scope { account: account.into(), region: REGION.into() };
    ResourceKey { kind: ResourceKind::Identity, scope, name: name.into() }
}

pub(crate) fn principal_key(
    account: &str,
    principal_type: PrincipalType,
    name: &str,
) -> ResourceKey {
    let kind = match principal_type {
        PrincipalType::User => "user",
        PrincipalType::Role => "role",
    };
    key(account, format!("{kind}/{}", name.to_lowercase()))
}

pub(crate) fn policy_key(account: &str, name: &str) -> ResourceKey {
    key(account, format!("policy/{}", name.to_lowercase()))
}

pub(crate) fn access_key_key(id: &str) -> ResourceKey {
    key(NO_ACCOUNT, format!("key/{id}"))
}

pub(crate) fn session_key_key() -> ResourceKey {
    key(NO_ACCOUNT, "session-key".to_owned())
}

/// Which key seals secrets.
pub(crate) fn sealing_key() -> ResourceKey {
    key(NO_ACCOUNT, "sealing-key".to_owned())
}

impl Identities {
    /// Those in that store, whose secrets that key seals.
    pub fn new(store: Arc<dyn Store>, key: SealingKey) -> Identities {
        Identities { store, subjects: Mutex::default(), session_key: Mutex::default(), key }
    }

    pub(crate) async fn read<T: DeserializeOwned>(
        &self,
        key: &ResourceKey,
    ) -> Result<Option<(u64, T)>, StoreError> {
        match self.store.read_resource(key).await? {
            Some(resource) => Ok(Some((resource.version, decoded(&resource.value)?))),
            None => Ok(None),
        }
    }

    /// Writes or removes, and forgets what was made of it.
    pub(crate) async fn write<T: Serialize>(
        &self,
        key: &ResourceKey,
        expected: Option<u64>,
        record: Option<&T>,
    ) -> Result<(), StoreError> {
        let written = self.store.write_resource(key, expected, record.map(encoded)).await;
        self.forget_subjects();
        written.map(|_| ())
    }

    /// Forgets what was made ready of principals, since something was written.
    pub(crate) fn forget_subjects(&self) {
        let mut subjects = self.subjects.lock();
        subjects.by_arn.clear();
        subjects.generation += 1;
    }

    /// Changes a record, again where another change came between.
    pub(crate) async fn change<T: DeserializeOwned + Serialize, R>(
        &self,
        key: &ResourceKey,
        absent: impl Fn() -> IdentityError,
        change: impl Fn(&mut T) -> Result<R, IdentityError>,
    ) -> Result<R, IdentityError> {
        for _ in 0..ATTEMPTS_MAX {
            let (version, mut record) = self.read::<T>(key).await?.ok_or_else(&absent)?;
            let result = change(&mut record)?;
            match self.write(key, Some(version), Some(&record)).await {
                Ok(()) => return Ok(result),
                Err(StoreError::Conflict) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Conflict.into())
    }

    /// Every record of that kind in the account, by name.
    pub(crate) async fn list<T: DeserializeOwned>(
        &self,
        account: &str,
        kind: &str,
    ) -> Result<Vec<T>, StoreError> {
        const PAGE: usize = 1_000;
        let prefix = format!("{kind}/");
        let scope = key(account, String::new()).scope;
        let mut after: Arc<str> = prefix.as_str().into();
        let mut records = Vec::new();
        loop {
            let kind = ResourceKind::Identity;
            let page = self.store.list_resources(kind, &scope, Some(&after), PAGE).await?;
            let is_last = page.len() < PAGE;
            for (key, resource) in page {
                if !key.name.starts_with(&prefix) {
                    return Ok(records);
                }
                records.push(decoded(&resource.value)?);
                after = key.name;
            }
            if is_last {
                return Ok(records);
            }
        }
    }

    /// Whether any user has an access key.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn has_access_keys(&self) -> Result<bool, StoreError> {
        let first = access_key_key("");
        let (kind, after) = (ResourceKind::Identity, Some(&*first.name));
        let found = self.store.list_resources(kind, &first.scope, after, 1).await?;
        Ok(found.iter().any(|(key, _)| key.name.starts_with(&*first.name)))
    }

    /// A user or a role.
    ///
    /// # Errors
    /// `NoSuchEntity`
    pub async fn principal(
        &self,
        account: &str,
        principal_type: PrincipalType,
        name: &str,
    ) -> Result<PrincipalRecord, IdentityError> {
        let record = self.read(&principal_key(account, principal_type, name)).await?;
        record.map(|(_, record)| record).ok_or_else(|| no_principal(principal_type, name))
    }
}

pub(crate) fn no_principal(principal_type: PrincipalType, name: &str) -> IdentityError {
    IdentityError::NoSuchEntity(match principal_type {
        PrincipalType::User => format!("The user with name {name} cannot be found."),
        PrincipalType::Role => format!("The role with name {name} cannot be found."),
    })
}

/// An id of IAM: the prefix that says what it is of, and seventeen letters and digits.
pub(crate) fn new_id(prefix: &str) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let letters = random_bytes::<17>().map(|byte| char::from(LETTERS[usize::from(byte & 31)]));
    prefix.chars().chain(letters).collect()
}

/// Bytes that nobody can guess.
pub(crate) fn random_bytes<const LENGTH: usize>() -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.expect("the operating system has random bytes");
    bytes
}
