//! Named things.

use std::sync::Arc;

use super::Stores;
use super::sample::{Life, scope};
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

pub(super) async fn many_are_written_at_once(store: &Arc<dyn Store>) {
    let kind = ResourceKind::Activity;
    let write = |number: u32, value: Option<u8>, expected: Option<u64>| {
        let (store, key) = (store.clone(), key(kind, &format!("{:03}", number % 100)));
        async move { store.write_resource(&key, expected, value.map(|it| vec![it])).await }
    };
    // Each of a hundred is made by one of two, and all get versions of their own.
    let writes: tokio::task::JoinSet<_> = (0..200).map(|it| write(it, Some(1), None)).collect();
    let written = writes.join_all().await;
    let mut versions: Vec<u64> =
        written.iter().filter_map(|it| it.as_ref().ok().copied()).collect();
    assert_eq!(written.iter().filter(|it| **it == Err(StoreError::Conflict)).count(), 100);
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions.len(), 100);
    let listed = store.list_resources(kind, &scope(), None, 200).await.expect("readable");
    let removals = listed.iter().map(|(key, resource)| {
        let (store, key, version) = (store.clone(), key.clone(), resource.version);
        async move { store.write_resource(&key, Some(version), None).await }
    });
    let removals: tokio::task::JoinSet<_> = removals.collect();
    assert!(removals.join_all().await.iter().all(Result::is_ok));
    let listed = store.list_resources(kind, &scope(), None, 200).await.expect("readable");
    assert_eq!(listed, []);
}

pub(super) async fn one_comes_with_a_commit<Open: AsyncFn(u32) -> Arc<dyn Store>>(
    stores: &mut Stores<Open>,
) {
    let store = stores.next().await;
    let mut life = Life::new(1);
    let with = |mut commit: crate::Commit, name: &str| {
        let key = key(ResourceKind::StatusChange, name);
        commit.resource = Some((key, name.as_bytes().to_vec()));
        commit
    };
    let mut late = life.clone();
    store.commit(with(life.start(), "one")).await.expect("it is new");
    store.commit(with(life.pass(1), "two")).await.expect("it is at that revision");
    let refused = store.commit(with(late.start(), "three")).await;
    assert_eq!(refused, Err(StoreError::Conflict));
    let one = key(ResourceKind::StatusChange, "one");
    store.write_resource(&one, Some(0), None).await.expect("it came with version 0");
    let store = stores.restart(store).await;
    let kind = ResourceKind::StatusChange;
    let listed = store.list_resources(kind, &scope(), None, 9).await.expect("readable");
    let found: Vec<_> =
        listed.iter().map(|(key, it)| (&*key.name, it.version, &*it.value)).collect();
    assert_eq!(found, [("two", 0, "two".as_bytes())]);
}
