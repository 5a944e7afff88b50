//! Named things.

use std::sync::Arc;

use super::Stores;
use super::sample::scope;
use crate::{ResourceKey, ResourceKind, Scope, Store, StoreError};

fn key(kind: ResourceKind, name: &str) -> ResourceKey {
    ResourceKey { kind, scope: scope(), name: name.into() }
}

pub(super) async fn a_version_is_written_once(store: &Arc<dyn Store>) {
    let machine = key(ResourceKind::StateMachine, "name");
    let activity = key(ResourceKind::Activity, "name");
    assert_eq!(store.read_resource(&machine).await, Ok(None));
    let conflict = Err(StoreError::Conflict);
    assert_eq!(store.write_resource(&machine, Some(1), Some(vec![1])).await, conflict);
    let first = store.write_resource(&machine, None, Some(vec![1])).await.expect("not there yet");
    assert_eq!(store.write_resource(&machine, None, Some(vec![2])).await, conflict);
    assert_eq!(store.read_resource(&activity).await, Ok(None), "another kind");
    let second = store.write_resource(&machine, Some(first), Some(Vec::new())).await;
    let second = second.expect("it has that version");
    assert!(second > first);
    assert_eq!(store.write_resource(&machine, Some(first), None).await, conflict);
    let found = store.read_resource(&machine).await.expect("readable").expect("written");
    assert_eq!((found.version, &*found.value), (second, &[][..]));
    store.write_resource(&machine, Some(second), None).await.expect("it has that version");
    assert_eq!(store.read_resource(&machine).await, Ok(None));
    assert_eq!(store.write_resource(&machine, Some(second), Some(vec![3])).await, conflict);
}

pub(super) async fn resources_are_listed_by_name(store: &Arc<dyn Store>) {
    let kind = ResourceKind::StateMachine;
    let mut names = ["b", "a", "ab", "é", "A", "z-1", "z", "a\u{0}"];
    for name in names {
        let value = name.as_bytes().to_vec();
        store.write_resource(&key(kind, name), None, Some(value)).await.expect("not there yet");
    }
    // Neighbours: another kind, and scopes that are before, behind and like a prefix of it.
    let others = [("123456789012", "us-east-2"), ("123456789011", "us-east-1"), ("1234", "")];
    for (account, region) in others {
        let scope = Scope { account: account.into(), region: region.into() };
        let key = ResourceKey { kind, scope, name: "other".into() };
        store.write_resource(&key, None, Some(vec![0])).await.expect("not there yet");
    }
    let other = key(ResourceKind::Activity, "other");
    store.write_resource(&other, None, Some(vec![0])).await.expect("not there yet");

    names.sort_unstable();
    for limit in 1..=names.len() + 1 {
        let mut found: Vec<String> = Vec::new();
        loop {
            let after = found.last().map(String::as_str);
            let page = store.list_resources(kind, &scope(), after, limit).await.expect("readable");
            assert!(page.len() <= limit);
            if page.is_empty() {
                break;
            }
            for (key, resource) in page {
                assert_eq!((key.kind, &key.scope), (kind, &scope()));
                assert_eq!(*resource.value, *key.name.as_bytes());
                found.push(key.name.to_string());
            }
        }
        assert_eq!(found, names, "limit {limit}");
    }
}

pub(super) async fn a_version_never_comes_back<Open: AsyncFn(u32) -> Arc<dyn Store>>(
    stores: &mut Stores<Open>,
) {
    let store = stores.next().await;
    let key = key(ResourceKind::Definition, "text");
    let old = store.write_resource(&key, None, Some(vec![1])).await.expect("not there yet");
    store.write_resource(&key, Some(old), None).await.expect("it has that version");
    let store = stores.restart(store).await;
    let new = store.write_resource(&key, None, Some(vec![2])).await.expect("not there any more");
    assert!(new > old, "whoever knows the old version does not mistake the new one for it");
    let late = store.write_resource(&key, Some(old), Some(vec![3])).await;
    assert_eq!(late, Err(StoreError::Conflict));
}
