//! The key file of a server: where it is, and what is said where it is not the right one.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::bail;
use identity::{Identities, KeyFileError, SealingKey};
use store::{Store, StoreError};
use store_embedded::EmbeddedStore;

use crate::configuration::Settings;
use crate::storage::Storage;

/// The name of the key file in the data folder, where no other is given.
const FILE_NAME: &str = "KEY";

/// How often secrets are sealed anew where other servers of the database do it at the same time.
const TRIES_MAX: u32 = 20;

/// The identities in the store, with no secret in plain text.
///
/// # Errors
/// Where the key file cannot be used, or the store fails.
pub(crate) async fn identities(
    settings: &Settings,
    store: &Arc<dyn Store>,
    embedded: Option<&EmbeddedStore>,
) -> anyhow::Result<Identities> {
    let mut tries = 0;
    loop {
        tries += 1;
        let key = match file(settings) {
            None => SealingKey::random(),
            Some(file) => {
                let key = SealingKey::of_file(&file, &**store).await;
                let advice = |error: &KeyFileError| advice(error, &settings.storage);
                key.map_err(|error| anyhow::anyhow!("{error}{}", advice(&error)))?
            }
        };
        let identities = Identities::new(store.clone(), key);
        let forget = async {
            match embedded {
                Some(embedded) if !embedded.is_new() => embedded.forget_replaced().await,
                _ => Ok(()),
            }
        };
        match identities.seal_secrets(forget).await {
            Ok(()) => return Ok(identities),
            // Another server does the same; its key must be this one's.
            Err(StoreError::Conflict) if tries < TRIES_MAX => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// The key file; none where what is sealed ends with the process.
fn file(settings: &Settings) -> Option<PathBuf> {
    let in_folder = || match &settings.storage {
        Storage::Folder(folder) => Some(folder.join(FILE_NAME)),
        Storage::Memory | Storage::Database { .. } => None,
    };
    settings.key_file.clone().or_else(in_folder)
}

/// That there is a key file, where secrets outlive the process and no folder of it could have one.
///
/// # Errors
/// Where there is none.
pub(crate) fn check(settings: &Settings) -> anyhow::Result<()> {
    if matches!(settings.storage, Storage::Database { .. }) && settings.key_file.is_none() {
        bail!(
            "--store needs --key-file (or STAIRWELL_KEY_FILE, or key-file in stairwell.toml): the \
             file with the key that seals the secrets in the database, which is made at the first \
             start and must be the same wherever a server of that database runs"
        );
    }
    Ok(())
}

/// What to do where the key file is not the one that sealed the secrets.
fn advice(error: &KeyFileError, storage: &Storage) -> String {
    let lost = match storage {
        Storage::Folder(folder) => format!(
            ". Where it is lost, `stairwell doctor {} --forget-secrets` takes their secrets from \
             all access keys of users, and the next start makes another key file",
            folder.display()
        ),
        Storage::Memory | Storage::Database { .. } => String::new(),
    };
    match error {
        KeyFileError::Missing(_) | KeyFileError::Other { .. } => format!(
            ": name the file that sealed them with --key-file (or STAIRWELL_KEY_FILE, or key-file \
             in stairwell.toml), or put it back{lost}"
        ),
        KeyFileError::Io { .. } | KeyFileError::Malformed(_) | KeyFileError::Store(_) => {
            String::new()
        }
    }
}
