//! Removing executions that have ended.

use std::slice;
use std::sync::Arc;

use engine::{ExecutionId, Status, Timestamp};

use super::Stores;
use super::sample::Life;
use crate::{ExecutionQuery, Store, StoreError};

/// An execution that has ended, and is in a list of children too.
async fn ended(store: &Arc<dyn Store>, number: u64) -> Life {
    let mut life = Life::new(number);
    life.header.started_by = Some(ExecutionId([9; 16]));
    store.commit(life.start()).await.expect("a new name");
    store.commit(life.pass(3)).await.expect("nobody else commits");
    store.commit(life.end(Status::Succeeded)).await.expect("nobody else commits");
    life
}

pub(super) async fn what_has_ended_is_found_in_the_order_of_its_start(store: &Arc<dyn Store>) {
    let mut expected = Vec::new();
    for number in 0..7 {
        if number % 3 == 1 {
            store.commit(Life::new(number).start()).await.expect("a new name");
        } else {
            expected.push(ended(store, number).await.header);
        }
    }
    let last = expected.last().expect("some have ended").stop.expect("it has ended");
    for (instant, count) in [(last.plus_seconds(1), expected.len()), (last, expected.len() - 1)] {
        for limit in 1..9 {
            let (mut found, mut after) = (Vec::new(), None);
            loop {
                let page = store.ended_before(instant, after, limit).await.expect("it is open");
                found.extend(page.headers);
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            assert_eq!(found, expected[..count], "limit {limit}");
        }
    }
    let before_all = store.ended_before(expected[0].id.start(), None, 100).await;
    assert_eq!(before_all.expect("it is open").next, None, "what started later is not looked at");
}

pub(super) async fn nothing_is_left_of_what_is_removed<Open>(stores: &mut Stores<Open>)
where
    Open: AsyncFn(u32) -> Arc<dyn Store>,
{
    let store = stores.next().await;
    let (gone, kept) = (ended(&store, 1).await, ended(&store, 2).await);
    store.remove(slice::from_ref(&gone.header)).await.expect("it is there");
    check_gone(&store, &gone, &kept).await;
    let again = store.remove(slice::from_ref(&gone.header)).await;
    assert_eq!(again, Err(StoreError::Conflict));
    let store = stores.restart(store).await;
    check_gone(&store, &gone, &kept).await;
    // The name is free, even for somebody who would have waited.
    let mut next = Life::named(3, &gone.header.name);
    store.commit(next.start()).await.expect("the name is free");
}

async fn check_gone(store: &Arc<dyn Store>, gone: &Life, kept: &Life) {
    let id = gone.id();
    assert!(store.load(id).await.expect("it is open").is_none());
    assert_eq!(store.header(id).await, Ok(None));
    assert_eq!(store.find_execution(&gone.header.arn).await, Ok(None));
    let history = store.history(id, None, 100, false).await.expect("it is open");
    assert!(history.events.is_empty(), "{history:?}");
    for query in gone.header.lists() {
        let listed = store.list_executions(&query, None, None, 10).await.expect("it is open");
        assert_eq!(listed, slice::from_ref(&kept.header));
    }
    let all = store.ended_before(Timestamp(i64::MAX), None, 10).await.expect("it is open");
    assert_eq!(all.headers, slice::from_ref(&kept.header));
}

pub(super) async fn a_name_that_has_gone_over_stays(store: &Arc<dyn Store>) {
    let first = ended(store, 1).await;
    let mut second = Life::named(2, &first.header.name);
    let after = first.header.stop.expect("it has ended").plus_seconds(1);
    store.commit(second.start_after(after)).await.expect("the name is free");
    store.remove(slice::from_ref(&first.header)).await.expect("it is there");
    assert_eq!(store.find_execution(&first.header.arn).await, Ok(Some(second.id())));
}

pub(super) async fn what_has_moved_on_is_not_removed(store: &Arc<dyn Store>) {
    let mut life = Life::new(1);
    store.commit(life.start()).await.expect("a new name");
    let before = life.header.clone();
    store.commit(life.end(Status::Failed)).await.expect("nobody else commits");
    assert_eq!(store.remove(slice::from_ref(&before)).await, Err(StoreError::Conflict));
    let machine = ExecutionQuery::Machine(life.header.machine);
    let listed = store.list_executions(&machine, None, None, 10).await.expect("it is open");
    assert_eq!(listed, slice::from_ref(&life.header));
}
