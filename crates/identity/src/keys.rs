//! The access keys of users.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use engine::Timestamp;
use store::StoreError;

use crate::identities::{access_key_key, new_id, no_principal, principal_key, random_bytes};
use crate::record::{AccessKey, AccessKeyRow, PrincipalRecord, PrincipalType};
use crate::{Identities, IdentityError};

/// AWS's quota.
const KEYS_MAX: usize = 2;

/// What a caller signs with.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// `AKIA…`, or `ASIA…` of a session.
    pub access_key: String,
    /// Never shown again.
    pub secret: String,
    /// Of a session.
    pub session_token: Option<String>,
}

/// A new access key.
#[derive(Clone, Debug)]
pub struct NewAccessKey {
    /// The key.
    pub key: AccessKey,
    /// Its secret, which is shown once.
    pub secret: String,
}

pub(crate) fn new_secret() -> String {
    STANDARD_NO_PAD.encode(random_bytes::<30>())
}

fn no_key(id: &str) -> IdentityError {
    IdentityError::NoSuchEntity(format!("The Access Key with id {id} cannot be found."))
}

impl Identities {
    /// CreateAccessKey.
    ///
    /// # Errors
    /// `NoSuchEntity`, `LimitExceeded`.
    pub async fn create_access_key(
        &self,
        account: &str,
        user: &str,
        now: Timestamp,
    ) -> Result<NewAccessKey, IdentityError> {
        let record = self.principal(account, PrincipalType::User, user).await?;
        let key =
            AccessKey { id: new_id("AKIA")[..20].to_owned(), is_active: true, created: now.0 };
        let secret = new_secret();
        let name = access_key_key(&key.id);
        let row = AccessKeyRow {
            account: account.into(),
            user: record.name,
            secret: None,
            sealed: Some(self.key.seal(&name, secret.as_bytes())),
        };
        // The row first: one whose user does not name it is good for nothing.
        self.write(&name, None, Some(&row)).await?;
        let added = self
            .change_keys(account, user, |keys| {
                if keys.len() >= KEYS_MAX {
                    let message = format!("Cannot exceed quota for AccessKeysPerUser: {KEYS_MAX}");
                    return Err(IdentityError::LimitExceeded(message));
                }
                keys.push(key.clone());
                Ok(())
            })
            .await;
        if added.is_err() {
            self.remove_row(&key.id).await?;
        }
        added.map(|()| NewAccessKey { key, secret })
    }

    /// UpdateAccessKey.
    ///
    /// # Errors
    /// `NoSuchEntity`
    pub async fn update_access_key(
        &self,
        account: &str,
        user: &str,
        id: &str,
        is_active: bool,
    ) -> Result<(), IdentityError> {
        self.change_keys(account, user, |keys| {
            let key = keys.iter_mut().find(|key| key.id == id).ok_or_else(|| no_key(id))?;
            key.is_active = is_active;
            Ok(())
        })
        .await
    }

    /// DeleteAccessKey.
    ///
    /// # Errors
    /// `NoSuchEntity`
    pub async fn delete_access_key(
        &self,
        account: &str,
        user: &str,
        id: &str,
    ) -> Result<(), IdentityError> {
        self.change_keys(account, user, |keys| {
            let place = keys.iter().position(|key| key.id == id).ok_or_else(|| no_key(id))?;
            keys.remove(place);
            Ok(())
        })
        .await?;
        self.remove_row(id).await
    }

    /// The secret of an access key; none where the key that sealed it was lost.
    pub(crate) fn secret_of_row(
        &self,
        id: &str,
        row: AccessKeyRow,
    ) -> Result<Option<String>, StoreError> {
        let Some(sealed) = row.sealed else { return Ok(row.secret) };
        let secret = self.key.open(&access_key_key(id), &sealed)?;
        Ok(Some(String::from_utf8(secret).expect("texts were sealed")))
    }

    async fn remove_row(&self, id: &str) -> Result<(), IdentityError> {
        if let Some((version, _)) = self.access_key_row(id).await? {
            self.write::<AccessKeyRow>(&access_key_key(id), Some(version), None).await?;
        }
        Ok(())
    }

    async fn change_keys(
        &self,
        account: &str,
        user: &str,
        change: impl Fn(&mut Vec<AccessKey>) -> Result<(), IdentityError>,
    ) -> Result<(), IdentityError> {
        let key = principal_key(account, PrincipalType::User, user);
        let absent = || no_principal(PrincipalType::User, user);
        self.change(&key, absent, |record: &mut PrincipalRecord| change(&mut record.access_keys))
            .await
    }
}
