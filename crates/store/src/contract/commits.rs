//! What is committed is there, whole, and once.

use std::sync::Arc;

use engine::{ExecutionId, Status};
use tokio::task::JoinSet;

use super::sample::Life;
use super::{Stores, eventually};
use crate::encoding::STATUSES;
use crate::{Commit, ExecutionQuery, Expected, Revision, Store, StoreError};

pub(super) async fn what_is_committed_is_loaded(store: &Arc<dyn Store>) {
    let mut life = Life::new(1);
    store.commit(life.start()).await.expect("a new name");
    life.check(&**store).await;
    for states in [1, 2, 7] {
        store.commit(life.pass(states)).await.expect("nobody else commits");
        life.check(&**store).await;
    }
    store.commit(life.end(Status::Succeeded)).await.expect("nobody else commits");
    life.check(&**store).await;
    let found = store.find_execution(&life.header.arn).await.expect("readable");
    assert_eq!(found, Some(life.id()));
}

pub(super) async fn what_is_closed_can_be_opened_again<Open>(stores: &mut Stores<Open>)
where
    Open: AsyncFn(u32) -> Arc<dyn Store>,
{
    let mut store = stores.next().await;
    let mut life = Life::new(1);
    let query = ExecutionQuery::Machine(life.header.machine);
    store.commit(life.start()).await.expect("a new name");
    for status in [Status::Failed, Status::Aborted, Status::Failed, Status::TimedOut] {
        store.commit(life.pass(1)).await.expect("nobody else commits");
        store.commit(life.end(status)).await.expect("nobody else commits");
        store = stores.restart(store).await;
        let mut late = life.clone();
        let due = life.now();
        store.commit(life.due(Some(due), false).redrive()).await.expect("nobody else commits");
        assert_eq!(store.commit(late.redrive()).await, Err(StoreError::Conflict));
        life.check(&*store).await;
        for listed in STATUSES {
            let list = store.list_executions(&query, Some(listed), None, 9).await;
            let expected = usize::from(listed == Status::Running);
            assert_eq!(list.expect("readable").len(), expected, "{listed:?}");
        }
        store = stores.restart(store).await;
        life.check(&*store).await;
        let counted = async || store.open_count(&life.header.scope).await == Ok(1);
        eventually("it is counted", counted).await;
        let claimed = async || {
            let claim = store.claim_due(due, 9).await.expect("readable");
            claim.executions == [life.id()]
        };
        eventually("it is due", claimed).await;
        life.agenda = None;
    }
    store.commit(life.end(Status::Succeeded)).await.expect("nobody else commits");
    life.check(&*store).await;
}

pub(super) async fn a_checkpoint_replaces_the_records_before_it(store: &Arc<dyn Store>) {
    let mut life = Life::new(1);
    store.commit(life.start()).await.expect("a new name");
    let record_bytes =
        async || store.load(life.id()).await.expect("readable").expect("committed").record_bytes;
    let begin = record_bytes().await;
    assert!(begin > 0);
    let commit = life.pass(3);
    let commit = life.with_checkpoint(commit);
    store.commit(commit).await.expect("nobody else commits");
    let loaded = store.load(life.id()).await.expect("readable").expect("committed");
    assert_eq!(loaded.record_bytes, 0);
    life.check(&**store).await;
    store.commit(life.pass(1)).await.expect("nobody else commits");
    let loaded = store.load(life.id()).await.expect("readable").expect("committed");
    assert!(loaded.record_bytes > 0);
    life.check(&**store).await;
    let commit = life.end(Status::Failed);
    let commit = life.with_checkpoint(commit);
    store.commit(commit).await.expect("nobody else commits");
    life.check(&**store).await;
}

pub(super) async fn a_name_is_taken_until_it_is_free(store: &Arc<dyn Store>) {
    let mut first = Life::named(1, "same");
    store.commit(first.start()).await.expect("a new name");
    let far = first.now().plus_seconds(1_000_000);
    let refused = store.commit(Life::named(2, "same").start_after(far)).await;
    assert_eq!(refused, Err(StoreError::Conflict), "it is open");
    store.commit(first.end(Status::Aborted)).await.expect("nobody else commits");
    let stop = first.header.stop.expect("it has stopped");
    let before = engine::Timestamp(stop.0 - 1);
    let refused = store.commit(Life::named(3, "same").start_after(before)).await;
    assert_eq!(refused, Err(StoreError::Conflict), "it stopped later than that");
    let found = store.find_execution(&first.header.arn).await.expect("readable");
    assert_eq!(found, Some(first.id()));
    assert_eq!(store.header(Life::named(3, "same").id()).await.expect("readable"), None);

    let mut second = Life::named(4, "same");
    store.commit(second.start_after(stop)).await.expect("it stopped at that instant");
    let found = store.find_execution(&first.header.arn).await.expect("readable");
    assert_eq!(found, Some(second.id()), "the newest is found");
    first.check(&**store).await;
    second.check(&**store).await;
}

pub(super) async fn a_commit_that_comes_too_late_changes_nothing(store: &Arc<dyn Store>) {
    let mut life = Life::new(1);
    store.commit(life.start()).await.expect("a new name");
    let mut late = life.clone();
    store.commit(life.due(Some(life.now()), false).pass(1)).await.expect("the first wins");
    let due = late.header.start;
    let late_commit = late.due(Some(due), true).end(Status::Failed);
    assert_eq!(store.commit(late_commit).await, Err(StoreError::Conflict));
    life.check(&**store).await;
    let claim = store.claim_due(late.header.start, 10).await.expect("readable");
    assert_eq!(claim.executions, [], "the agenda of the late commit is not there");
    assert_eq!(store.open_count(&life.header.scope).await, Ok(1));

    let early = Commit { expected: Expected::At(Revision(9)), ..life.clone().pass(1) };
    let mut header = early.header.clone();
    header.revision = Revision(10);
    let early = Commit { header, ..early };
    assert_eq!(store.commit(early).await, Err(StoreError::Conflict), "revision of the future");
    let mut unknown = Life::new(2);
    let _ = unknown.start();
    assert_eq!(store.commit(unknown.pass(1)).await, Err(StoreError::Conflict), "never started");
    assert_eq!(store.load(unknown.id()).await.expect("readable").map(|it| it.header), None);
    life.check(&**store).await;
}

pub(super) async fn one_of_many_wins(store: &Arc<dyn Store>) {
    let mut life = Life::new(0);
    store.commit(life.start()).await.expect("a new name");
    for _ in 0..10 {
        let rivals: Vec<Life> = (1..=8).map(|_| life.clone()).collect();
        let commits = (1..).zip(rivals).map(|(states, mut rival)| (rival.pass(states), rival));
        let winners = race(store, commits).await;
        assert_eq!(winners.len(), 1);
        life = winners.into_iter().next().expect("there is one");
        life.check(&**store).await;
    }
    let commits = (1..=8).map(|number| {
        let mut rival = Life::named(number, "contested");
        (rival.start(), rival)
    });
    let winners = race(store, commits).await;
    assert_eq!(winners.len(), 1);
    winners[0].check(&**store).await;
    let found = store.find_execution(&winners[0].header.arn).await.expect("readable");
    assert_eq!(found, Some(winners[0].id()));
}

/// Commits them all at once, and tells which succeeded.
async fn race(store: &Arc<dyn Store>, commits: impl Iterator<Item = (Commit, Life)>) -> Vec<Life> {
    let mut race = JoinSet::new();
    for (commit, rival) in commits {
        let store = store.clone();
        race.spawn(async move { (store.commit(commit).await, rival) });
    }
    let mut winners = Vec::new();
    for (result, rival) in race.join_all().await {
        match result {
            Ok(()) => winners.push(rival),
            Err(error) => assert_eq!(error, StoreError::Conflict),
        }
    }
    winners
}

pub(super) async fn many_executions_are_committed_at_once(store: &Arc<dyn Store>) {
    let mut lives = JoinSet::new();
    for number in 0..32 {
        let store = store.clone();
        lives.spawn(async move {
            let mut life = Life::new(number);
            store.commit(life.start()).await.expect("a new name");
            for states in 1..20 {
                store.commit(life.pass(states % 4)).await.expect("nobody else commits it");
            }
            let commit = life.end(Status::Succeeded);
            store.commit(commit).await.expect("nobody else commits it");
            life
        });
    }
    for life in lives.join_all().await {
        life.check(&**store).await;
    }
}

pub(super) async fn what_is_not_there_is_none(store: &Arc<dyn Store>) {
    let nobody = ExecutionId([0; 16]);
    assert_eq!(store.header(nobody).await, Ok(None));
    assert!(store.load(nobody).await.expect("readable").is_none());
    assert_eq!(store.find_execution("arn").await, Ok(None));
    assert_eq!(store.history(nobody, None, 10, false).await, Ok(Default::default()));
    assert_eq!(store.history(nobody, None, 10, true).await, Ok(Default::default()));
}

pub(super) async fn everything_is_there_after_a_restart<Open: AsyncFn(u32) -> Arc<dyn Store>>(
    stores: &mut Stores<Open>,
) {
    let store = stores.next().await;
    let mut lives = Vec::new();
    for number in 0..20 {
        let mut life = Life::new(number);
        store.commit(life.start()).await.expect("a new name");
        let commit = life.pass(2);
        let commit = match number % 3 {
            0 => life.with_checkpoint(commit),
            _ => commit,
        };
        store.commit(commit).await.expect("nobody else commits");
        lives.push(life);
    }
    let store = stores.restart(store).await;
    for life in &mut lives {
        life.check(&*store).await;
        let refused = store.commit(Life::named(99, &life.header.name).start()).await;
        assert_eq!(refused, Err(StoreError::Conflict), "the name is still taken");
        store.commit(life.pass(1)).await.expect("nobody else commits");
        store.commit(life.end(Status::Succeeded)).await.expect("nobody else commits");
    }
    let store = stores.restart(store).await;
    for life in &lives {
        life.check(&*store).await;
    }
}
