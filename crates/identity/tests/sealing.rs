//! How secrets are stored, and what becomes of those that were stored in plain text.

#![allow(clippy::unwrap_used)] // a test that cannot go on may panic

use std::path::Path;
use std::sync::Arc;

use engine::Timestamp;
use stairwell_identity::{
    AssumeRole, Assumed, CreatePrincipal, Identities, KeyFileError, KeyOwner, PrincipalType,
    SealingKey, forget_secrets,
};
use store::{MemoryStore, ResourceKey, ResourceKind, Scope, Store, StoreError};
use tempfile::TempDir;

const ACCOUNT: &str = "123456789012";
const NOW: Timestamp = Timestamp(1_700_000_000_000);
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:user/ann"},"Action":"sts:AssumeRole"}]}"#;

async fn create(identities: &Identities, principal_type: PrincipalType, name: &str) {
    let trust = (principal_type == PrincipalType::Role).then(|| TRUST.to_owned());
    let create = CreatePrincipal {
        principal_type,
        name: name.to_owned(),
        path: "/".to_owned(),
        description: None,
        trust,
        max_session_seconds: 3_600,
        boundary: None,
        tags: Vec::new(),
    };
    identities.create_principal(ACCOUNT, create, NOW).await.unwrap();
}

/// A session of the role that the user trusts.
async fn assume(identities: &Identities, access_key: &str) -> Assumed {
    let Some(KeyOwner::User(ann, _)) = identities.user_of_key(access_key).await.unwrap() else {
        panic!("the key is good");
    };
    let request = AssumeRole {
        role_arn: format!("arn:aws:iam::{ACCOUNT}:role/worker"),
        session_name: "session".to_owned(),
        seconds: 900,
        policies: Vec::new(),
        external_id: None,
        facts: Default::default(),
    };
    identities.assume_role(&ann, request, NOW).await.unwrap()
}

fn row(name: &str) -> ResourceKey {
    let scope = Scope { account: "000000000000".into(), region: "aws-global".into() };
    ResourceKey { kind: ResourceKind::Identity, scope, name: name.into() }
}

async fn text(store: &dyn Store, name: &str) -> String {
    let resource = store.read_resource(&row(name)).await.unwrap().unwrap();
    String::from_utf8(resource.value.to_vec()).unwrap()
}

async fn put(store: &dyn Store, name: &str, value: &str) {
    let version = store.read_resource(&row(name)).await.unwrap().map(|found| found.version);
    store.write_resource(&row(name), version, Some(value.into())).await.unwrap();
}

async fn key_of(path: &Path, store: &dyn Store) -> SealingKey {
    SealingKey::of_file(path, store).await.unwrap()
}

async fn nothing() -> Result<(), StoreError> {
    Ok(())
}

/// The identities in a store whose secrets the key in that file seals, with a user and a role that
/// the user may assume.
async fn with_user_and_role(file: &Path, store: &Arc<MemoryStore>) -> Identities {
    let identities = Identities::new(store.clone(), key_of(file, &**store).await);
    identities.seal_secrets(nothing()).await.unwrap();
    create(&identities, PrincipalType::User, "ann").await;
    create(&identities, PrincipalType::Role, "worker").await;
    identities
}

/// What the secret of an access key is; none where it is good for nothing.
async fn secret(identities: &Identities, access_key: &str) -> Option<String> {
    match identities.user_of_key(access_key).await.unwrap().unwrap() {
        KeyOwner::User(_, secret) => Some(secret),
        KeyOwner::Inactive => None,
    }
}

#[tokio::test]
async fn what_is_stored_holds_no_secret() {
    let (folder, store) = (TempDir::new().unwrap(), Arc::new(MemoryStore::new()));
    let file = folder.path().join("KEY");
    let identities = with_user_and_role(&file, &store).await;
    let made = identities.create_access_key(ACCOUNT, "ann", NOW).await.unwrap();
    let session = assume(&identities, &made.key.id).await;
    let stored = text(&*store, &format!("key/{}", made.key.id)).await;
    assert!(!stored.contains(&made.secret) && stored.contains("sealed"), "{stored}");
    let stored = text(&*store, "session-key").await;
    assert!(stored.starts_with("{\"sealed\":"), "{stored}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    // The next start reads both.
    let identities = Identities::new(store.clone(), key_of(&file, &*store).await);
    assert_eq!(secret(&identities, &made.key.id).await, Some(made.secret));
    let credentials = session.credentials;
    let token = credentials.session_token.unwrap();
    let found = identities.session(&credentials.access_key, &token, NOW).await.unwrap();
    assert_eq!(found.unwrap().unwrap().secret, credentials.secret);
}

#[tokio::test]
async fn a_sealed_secret_is_good_for_its_own_row_alone() {
    let store = Arc::new(MemoryStore::new());
    let identities = Identities::new(store.clone(), SealingKey::random());
    create(&identities, PrincipalType::User, "ann").await;
    create(&identities, PrincipalType::User, "eve").await;
    let ann = identities.create_access_key(ACCOUNT, "ann", NOW).await.unwrap().key.id;
    let eve = identities.create_access_key(ACCOUNT, "eve", NOW).await.unwrap().key.id;
    let (ann, eve) = (format!("key/{ann}"), format!("key/{eve}"));
    let moved = text(&*store, &eve).await.replace("\"eve\"", "\"ann\"");
    put(&*store, &ann, &moved).await;
    let refused = identities.user_of_key(&ann["key/".len()..]).await;
    assert!(
        matches!(&refused, Err(StoreError::Corrupt(what)) if what.contains(&ann)),
        "{refused:?}"
    );
}

#[tokio::test]
async fn plain_secrets_are_sealed_once_and_then_forgotten() {
    let folder = TempDir::new().unwrap();
    let (file, store) = (folder.path().join("KEY"), Arc::new(MemoryStore::new()));
    // As the version before wrote them.
    let before = Identities::new(store.clone(), SealingKey::random());
    create(&before, PrincipalType::User, "ann").await;
    create(&before, PrincipalType::Role, "worker").await;
    let made = before.create_access_key(ACCOUNT, "ann", NOW).await.unwrap().key.id;
    let name = format!("key/{made}");
    let plain = format!(r#"{{"account":"{ACCOUNT}","user":"ann","secret":"PLAINSECRET"}}"#);
    put(&*store, &name, &plain).await;
    let plain_session_key = serde_json::to_string(&[77_u8; 32]).unwrap();
    put(&*store, "session-key", &plain_session_key).await;
    let before = Identities::new(store.clone(), SealingKey::random());
    let session = assume(&before, &made).await.credentials;

    let identities = Identities::new(store.clone(), key_of(&file, &*store).await);
    let refused = || async { Err(StoreError::Refused("no room".to_owned())) };
    identities.seal_secrets(refused()).await.unwrap_err();
    for (row, plain) in [(&*name, "PLAINSECRET"), ("session-key", &*plain_session_key)] {
        let stored = text(&*store, row).await;
        assert!(!stored.contains(plain) && stored.contains("\"sealed\":"), "{stored}");
    }
    // What was not forgotten is forgotten at the next start, and then never again.
    let identities = Identities::new(store.clone(), key_of(&file, &*store).await);
    identities.seal_secrets(refused()).await.unwrap_err();
    identities.seal_secrets(nothing()).await.unwrap();
    identities.seal_secrets(refused()).await.unwrap();
    assert_eq!(secret(&identities, &made).await.as_deref(), Some("PLAINSECRET"));
    let token = session.session_token.unwrap();
    let found = identities.session(&session.access_key, &token, NOW).await.unwrap();
    assert_eq!(found.unwrap().unwrap().secret, session.secret, "sessions go on");
}

#[tokio::test]
async fn another_key_file_or_none_is_refused() {
    let folder = TempDir::new().unwrap();
    let (file, store) = (folder.path().join("KEY"), Arc::new(MemoryStore::new()));
    let identities = Identities::new(store.clone(), key_of(&file, &*store).await);
    identities.seal_secrets(nothing()).await.unwrap();
    let other = folder.path().join("OTHER");
    let missing = SealingKey::of_file(&other, &*store).await;
    assert!(matches!(missing, Err(KeyFileError::Missing(_))), "{missing:?}");
    assert!(!other.exists(), "no key is made that is good for nothing");
    let _other = key_of(&other, &MemoryStore::new()).await;
    let refused = SealingKey::of_file(&other, &*store).await;
    assert!(matches!(refused, Err(KeyFileError::Other { .. })), "{refused:?}");
    for wrong in ["", "stairwell-key-1", "stairwell-key-2 AAAA", "-----BEGIN KEY-----"] {
        std::fs::write(&other, wrong).unwrap();
        let refused = SealingKey::of_file(&other, &*store).await;
        assert!(matches!(refused, Err(KeyFileError::Malformed(_))), "{wrong}: {refused:?}");
    }
    let refused = SealingKey::of_file(folder.path(), &*store).await;
    assert!(matches!(refused, Err(KeyFileError::Io { .. })), "{refused:?}");
}

#[tokio::test]
async fn secrets_whose_key_is_lost_can_be_forgotten() {
    let (folder, store) = (TempDir::new().unwrap(), Arc::new(MemoryStore::new()));
    let file = folder.path().join("KEY");
    let identities = with_user_and_role(&file, &store).await;
    let made = identities.create_access_key(ACCOUNT, "ann", NOW).await.unwrap().key.id;
    let session = assume(&identities, &made).await.credentials;
    assert_eq!(forget_secrets(&*store).await.unwrap(), 1);
    assert_eq!(forget_secrets(&*store).await.unwrap(), 0);

    let other = folder.path().join("OTHER");
    let identities = Identities::new(store.clone(), key_of(&other, &*store).await);
    identities.seal_secrets(nothing()).await.unwrap();
    // Known still, and nobody's: it must not look like a key that this server never gave out.
    assert_eq!(secret(&identities, &made).await, None);
    let token = session.session_token.unwrap();
    let found = identities.session(&session.access_key, &token, NOW).await.unwrap();
    assert!(found.is_none(), "sessions end");
    identities.delete_access_key(ACCOUNT, "ann", &made).await.unwrap();
    let made = identities.create_access_key(ACCOUNT, "ann", NOW).await.unwrap();
    assert_eq!(secret(&identities, &made.key.id).await, Some(made.secret));
}
