//! What was replaced or removed leaves the files of the folder when it is asked for.

#![allow(clippy::unwrap_used)] // a test that cannot go on may panic

use std::fs;
use std::path::{Path, PathBuf};

use stairwell_store_embedded::{EmbeddedStore, Options};
use store::{ResourceKey, ResourceKind, Scope, Store};
use tempfile::TempDir;

/// The files below a folder that hold a text.
fn holding(folder: &Path, text: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(holding(&path, text));
        } else if fs::read(&path).unwrap().windows(text.len()).any(|part| part == text.as_bytes()) {
            found.push(path);
        }
    }
    found
}

fn key(name: &str) -> ResourceKey {
    let scope = Scope { account: "123456789012".into(), region: "aws-global".into() };
    ResourceKey { kind: ResourceKind::Identity, scope, name: name.into() }
}

async fn put(store: &EmbeddedStore, name: &str, value: Option<&str>) {
    let version = store.read_resource(&key(name)).await.unwrap().map(|found| found.version);
    let value = value.map(|text| text.as_bytes().to_vec());
    store.write_resource(&key(name), version, value).await.unwrap();
}

async fn read(store: &EmbeddedStore, name: &str) -> Option<String> {
    let found = store.read_resource(&key(name)).await.unwrap();
    found.map(|found| String::from_utf8(found.value.to_vec()).unwrap())
}

#[tokio::test]
async fn replaced_and_removed_values_leave_the_files() {
    let folder = TempDir::new().unwrap();
    let options = Options { log_bytes: 64 << 10, ..Options::default() };
    // In tables that were written out at an end, and with segments that were used again.
    let store = EmbeddedStore::open(folder.path(), options).unwrap();
    put(&store, "removed", Some("first-secret")).await;
    put(&store, "replaced", Some("second-secret")).await;
    for number in 0..200 {
        put(&store, &format!("row-{number}"), Some(&"x".repeat(1_000))).await;
    }
    store.close().await.unwrap();
    drop(store);
    // In the log.
    let store = EmbeddedStore::open(folder.path(), options).unwrap();
    put(&store, "removed", None).await;
    put(&store, "replaced", Some("third-secret")).await;
    put(&store, "replaced", Some("sealed")).await;
    put(&store, "kept", Some("current-value")).await;
    for secret in ["first-secret", "second-secret", "third-secret"] {
        assert_ne!(holding(folder.path(), secret), Vec::<PathBuf>::new(), "{secret}");
    }
    let torn = folder.path().join("database/log/torn");
    fs::write(&torn, "third-secret").unwrap();

    store.forget_replaced().await.unwrap();
    for secret in ["first-secret", "second-secret", "third-secret"] {
        assert_eq!(holding(folder.path(), secret), Vec::<PathBuf>::new(), "{secret}");
    }
    assert_ne!(holding(folder.path(), "current-value"), Vec::<PathBuf>::new());
    // It goes on, and all that was current is there, also at the next start.
    put(&store, "kept", Some("newer-value")).await;
    store.close().await.unwrap();
    drop(store);
    let store = EmbeddedStore::open(folder.path(), options).unwrap();
    assert_eq!(read(&store, "removed").await, None);
    assert_eq!(read(&store, "replaced").await.as_deref(), Some("sealed"));
    assert_eq!(read(&store, "kept").await.as_deref(), Some("newer-value"));
    assert_eq!(read(&store, "row-199").await, Some("x".repeat(1_000)));
    store.close().await.unwrap();
    store.forget_replaced().await.unwrap_err();
}
