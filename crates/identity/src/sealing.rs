//! Secrets are sealed before they are stored: the secrets of access keys, and the key that sessions
//! are made with. They must be read back to verify a signature, so that a digest would not do.
//!
//! AES-256-GCM with a random nonce for each secret and the name of its row as associated data, so
//! that no sealed secret can stand in for another one.
//! See <https://csrc.nist.gov/pubs/sp/800/38/d/final>.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::hmac;
use serde::{Deserialize, Serialize};
use store::{Resource, ResourceKey, ResourceKind, Store, StoreError};

use crate::Identities;
use crate::identities::{
    access_key_key, decoded, encoded, random_bytes, sealing_key, session_key_key,
};
use crate::record::{AccessKeyRow, SealedSecret};

/// The length of a key in bytes.
pub(crate) const KEY_BYTES: usize = 32;

/// How many rows are looked at in one read.
const PAGE: usize = 1_000;

/// The key that seals the secrets of a store.
pub struct SealingKey {
    key: LessSafeKey,
    id: String,
}

/// By which key the secrets of a store are sealed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SealingRow {
    /// The id of the key.
    pub(crate) key: String,
    /// Whether no plain secret is left in the files of the store.
    is_complete: bool,
}

/// The key that makes sessions, as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum SessionKeyRow {
    /// As it was stored before there were key files.
    Plain(Vec<u8>),
    /// Sealed.
    Sealed { sealed: SealedSecret },
}

impl SealingKey {
    /// The key of these bytes.
    pub fn new(bytes: &[u8; KEY_BYTES]) -> SealingKey {
        let key = UnboundKey::new(&AES_256_GCM, bytes).expect("32 bytes are a key of AES-256");
        let digest = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, bytes), b"the id of the key");
        let id = digest.as_ref()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        SealingKey { key: LessSafeKey::new(key), id }
    }

    /// A key that nobody has seen, for a store that ends with the process.
    pub fn random() -> SealingKey {
        SealingKey::new(&random_bytes())
    }

    /// Sixteen hexadecimal digits that tell keys apart and say nothing of their bytes.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Seals the secret of a row.
    pub(crate) fn seal(&self, row: &ResourceKey, secret: &[u8]) -> SealedSecret {
        let nonce = random_bytes::<NONCE_LEN>();
        let mut text = secret.to_vec();
        let place = Aad::from(row.name.as_bytes());
        let tag = self.key.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            place,
            &mut text,
        );
        let tag = tag.expect("a secret is shorter than 64 GiB");
        SealedSecret(STANDARD_NO_PAD.encode([&nonce, &*text, tag.as_ref()].concat()))
    }

    /// The secret of a row.
    ///
    /// # Errors
    /// `Corrupt` where it was sealed by another key, or for another row, or was changed.
    pub(crate) fn open(
        &self,
        row: &ResourceKey,
        sealed: &SealedSecret,
    ) -> Result<Vec<u8>, StoreError> {
        let open = || {
            let mut bytes = STANDARD_NO_PAD.decode(&sealed.0).ok()?;
            let (nonce, text) = bytes.split_at_mut_checked(NONCE_LEN)?;
            let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
            let place = Aad::from(row.name.as_bytes());
            self.key.open_in_place(nonce, place, text).ok().map(|secret| secret.to_vec())
        };
        open().ok_or_else(|| {
            StoreError::Corrupt(format!("{}: the secret cannot be unsealed", row.name))
        })
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SealingKey").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Identities {
    /// Seals the secrets that are stored in plain text, where that was not done before. Then
    /// `forget` has the store remove the values that were replaced from its files.
    ///
    /// # Errors
    /// Those of the store. What was not done is done at the next call.
    pub async fn seal_secrets(
        &self,
        forget: impl Future<Output = Result<(), StoreError>>,
    ) -> Result<(), StoreError> {
        let name = sealing_key();
        let row = match self.read::<SealingRow>(&name).await? {
            Some((_, row)) if row.is_complete => return Ok(()),
            Some((_, row)) => row,
            None => {
                // First, so that no sealed secret is without the id of its key.
                let row = SealingRow { key: self.key.id.clone(), is_complete: false };
                self.write(&name, None, Some(&row)).await?;
                row
            }
        };
        for (key, resource) in access_key_rows(&*self.store).await? {
            let row: AccessKeyRow = decoded(&resource.value)?;
            if let Some(secret) = &row.secret {
                let sealed = Some(self.key.seal(&key, secret.as_bytes()));
                let row = AccessKeyRow { secret: None, sealed, ..row };
                self.write(&key, Some(resource.version), Some(&row)).await?;
            }
        }
        let key = session_key_key();
        if let Some((version, SessionKeyRow::Plain(plain))) = self.read(&key).await? {
            let row = SessionKeyRow::Sealed { sealed: self.key.seal(&key, &plain) };
            self.write(&key, Some(version), Some(&row)).await?;
        }
        forget.await?;
        let (version, _) = self.read::<SealingRow>(&name).await?.ok_or(StoreError::Conflict)?;
        self.write(&name, Some(version), Some(&SealingRow { is_complete: true, ..row })).await
    }
}

/// By which key the secrets of a store are sealed; none where none ever was.
pub(crate) async fn sealed_by(store: &dyn Store) -> Result<Option<String>, StoreError> {
    let Some(row) = store.read_resource(&sealing_key()).await? else { return Ok(None) };
    decoded::<SealingRow>(&row.value).map(|row| Some(row.key))
}

/// Forgets all sealed secrets, where the key that sealed them is lost: their access keys are good
/// for nothing any more, and all sessions end. Returns how many access keys that are.
///
/// # Errors
/// Those of the store.
pub async fn forget_secrets(store: &dyn Store) -> Result<usize, StoreError> {
    let mut count = 0;
    for (key, resource) in access_key_rows(store).await? {
        let row: AccessKeyRow = decoded(&resource.value)?;
        if row.sealed.is_some() {
            let row = encoded(&AccessKeyRow { sealed: None, ..row });
            store.write_resource(&key, Some(resource.version), Some(row)).await?;
            count += 1;
        }
    }
    let session_key = session_key_key();
    if let Some(resource) = store.read_resource(&session_key).await?
        && matches!(decoded(&resource.value)?, SessionKeyRow::Sealed { .. })
    {
        store.write_resource(&session_key, Some(resource.version), None).await?;
    }
    // Last, so that what is cut short can be done again.
    let sealing = sealing_key();
    if let Some(resource) = store.read_resource(&sealing).await? {
        store.write_resource(&sealing, Some(resource.version), None).await?;
    }
    Ok(count)
}

/// The rows of all access keys.
async fn access_key_rows(store: &dyn Store) -> Result<Vec<(ResourceKey, Resource)>, StoreError> {
    let first = access_key_key("");
    let (kind, mut after) = (ResourceKind::Identity, first.name.clone());
    let mut rows = Vec::new();
    loop {
        let page = store.list_resources(kind, &first.scope, Some(&after), PAGE).await?;
        let is_last = page.len() < PAGE;
        let keys = page.into_iter().take_while(|(key, _)| key.name.starts_with(&*first.name));
        let before = rows.len();
        rows.extend(keys);
        match rows.last() {
            Some((key, _)) if !is_last && rows.len() == before + PAGE => after = key.name.clone(),
            _ => return Ok(rows),
        }
    }
}
