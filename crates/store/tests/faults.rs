//! Faults come when they are told to, before or after the deed.

use std::sync::Arc;

use engine::Status;
use stairwell_store::contract::sample::Life;
use stairwell_store::{
    Commit, ExecutionHeader, Fault, FaultyStore, MemoryStore, Operation, ResourceKey, ResourceKind,
    Scope, Store, StoreError,
};

/// Writes of every kind, of which the one with that number, from 0, fails. Gives the answers, and
/// what is there then.
async fn write(failing: usize, fault: Fault) -> (Vec<Result<(), StoreError>>, [bool; 3]) {
    let memory = Arc::new(MemoryStore::new());
    let mut lives = [0, 1].map(Life::new);
    let ended = lives[1].start();
    let ended = Commit {
        header: ExecutionHeader {
            status: Status::Succeeded,
            stop: Some(ended.header.start),
            ..ended.header
        },
        agenda: None,
        ..ended
    };
    memory.commit(ended.clone()).await.expect("a new name");
    let scope = Scope { account: "1".into(), region: "here".into() };
    let key = ResourceKey { kind: ResourceKind::Activity, scope, name: "it".into() };
    let store = FaultyStore::after_writes(memory.clone(), failing, fault);
    let answers = vec![
        store.commit(lives[0].start()).await,
        store.read_resource(&key).await.map(drop),
        store.write_resource(&key, None, Some(Vec::new())).await.map(drop),
        store.remove(&[ended.header]).await,
        store.commit(Life::new(2).start()).await,
    ];
    let header = async |life: &Life| memory.header(life.id()).await.expect("open").is_some();
    let resource = memory.read_resource(&key).await.expect("open").is_some();
    (answers, [header(&lives[0]).await, resource, !header(&lives[1]).await])
}

async fn check(failing: usize, operation: Operation, answer: usize) {
    let refused: fn(String) -> StoreError = StoreError::Refused;
    for (fault, error, is_done) in
        [(Fault::Before, refused, false), (Fault::After, StoreError::Unknown, true)]
    {
        let (answers, done) = write(failing, fault).await;
        let lost = error(format!("injected fault of {operation:?}"));
        let mut expected = vec![Ok(()); 5];
        expected[answer] = Err(lost);
        assert_eq!(answers, expected, "{fault:?}");
        let mut expected = [true; 3];
        expected[failing] = is_done;
        assert_eq!(done, expected, "{fault:?}");
    }
}

#[tokio::test]
async fn a_fault_comes_after_that_many_writes_of_any_kind() {
    check(0, Operation::Commit, 0).await;
    check(1, Operation::WriteResource, 2).await;
    check(2, Operation::Remove, 3).await;
}

#[tokio::test]
async fn a_claim_that_fails_takes_nothing() {
    let memory = Arc::new(MemoryStore::new());
    let mut life = Life::new(1);
    let due = life.now();
    memory.commit(life.due(Some(due), false).start()).await.expect("a new name");
    let mut fault = Some(Fault::After);
    let store = FaultyStore::new(memory, move |operation| match operation {
        Operation::ClaimDue => fault.take(),
        _ => None,
    });
    assert!(matches!(store.claim_due(due, 1).await, Err(StoreError::Refused(_))));
    let claim = store.claim_due(due, 1).await.expect("the fault is over");
    assert_eq!(claim.executions, [life.id()]);
}
