//! Faults come when they are told to, before or after the deed.

use std::sync::Arc;

use stairwell_store::contract::sample::Life;
use stairwell_store::{Fault, FaultyStore, MemoryStore, Operation, Store, StoreError};

async fn check(fault: Fault, lost: fn(String) -> StoreError, is_there: bool) {
    let memory = Arc::new(MemoryStore::new());
    let store = FaultyStore::after_commits(memory.clone(), 1, fault);
    let mut lives = [0, 1, 2].map(Life::new);
    let mut results = Vec::new();
    for life in &mut lives {
        results.push(store.commit(life.start()).await);
    }
    let lost = lost("injected fault of Commit".to_owned());
    assert_eq!(results, [Ok(()), Err(lost), Ok(())]);
    let header = memory.header(lives[1].id()).await;
    assert_eq!(header.map(|header| header.is_some()), Ok(is_there));
}

#[tokio::test]
async fn a_fault_comes_after_so_many_commits() {
    check(Fault::Before, StoreError::Refused, false).await;
    check(Fault::After, StoreError::Unknown, true).await;
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
