//! What is due, what is pending, and what is open.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::{ExecutionId, Status, Timestamp};
use tokio::task::JoinSet;

use super::sample::{Life, scope};
use super::{Stores, eventually};
use crate::{Agenda, Scope, Store};

pub(super) async fn what_is_due_is_given_once(store: &Arc<dyn Store>) {
    let mut lives: Vec<Life> = (0..4).map(Life::new).collect();
    let at = |seconds| Timestamp(2_000_000_000_000).plus_seconds(seconds);
    for (seconds, life) in (0..).zip(&mut lives[..3]) {
        store.commit(life.due(Some(at(seconds)), false).start()).await.expect("a new name");
    }
    store.commit(lives[3].start()).await.expect("a new name");

    assert_claim(store, at(0), 0, &[], Some(at(0))).await;
    assert_claim(store, at(1), 1, &[&lives[0]], Some(at(1))).await;
    assert_claim(store, at(1), 9, &[&lives[1]], Some(at(2))).await;
    assert_claim(store, at(1), 9, &[], Some(at(2))).await;

    // Taken, and committed again: with a later instant, with the same, and not at all.
    let [first, second, third, _] = &mut lives[..] else { unreachable!("there are four") };
    store.commit(first.due(Some(at(5)), false).pass(1)).await.expect("nobody else commits");
    store.commit(second.pass(1)).await.expect("nobody else commits");
    assert_claim(store, at(1), 9, &[second], Some(at(2))).await;
    // Not taken, and moved.
    store.commit(third.due(Some(at(7)), false).pass(1)).await.expect("nobody else commits");
    assert_claim(store, at(6), 9, &[first], Some(at(7))).await;
    third.agenda = None;
    store.commit(third.end(Status::Succeeded)).await.expect("nobody else commits");
    assert_claim(store, at(100), 9, &[], None).await;
}

async fn assert_claim(
    store: &Arc<dyn Store>,
    now: Timestamp,
    limit: usize,
    expected: &[&Life],
    next_due: Option<Timestamp>,
) {
    // A store may say a sooner instant than it will have something.
    let mut given = Vec::new();
    eventually("the claim is complete", async || {
        let claim = store.claim_due(now, limit - given.len().min(limit)).await.expect("readable");
        given.extend(claim.executions);
        assert!(given.len() <= expected.len(), "{given:?}");
        given.len() == expected.len() && claim.next_due == next_due
    })
    .await;
    let expected: Vec<_> = expected.iter().map(|life| life.id()).collect();
    assert_eq!(given, expected);
}

pub(super) async fn an_agenda_alone_is_no_revision(store: &Arc<dyn Store>) {
    let mut life = Life::new(1);
    store.commit(life.start()).await.expect("a new name");
    for seconds in 1..4 {
        let due = Timestamp(2_000_000_000_000).plus_seconds(seconds);
        store.commit(life.due(Some(due), false).reschedule()).await.expect("nobody else commits");
        life.check(&**store).await;
        let claim = store.claim_due(due, 9).await.expect("readable");
        assert_eq!(claim.executions, [life.id()]);
    }
    store.commit(life.pass(1)).await.expect("the revision is what it was");
    life.check(&**store).await;
}

pub(super) async fn heartbeats_of_the_agenda_are_loaded(store: &Arc<dyn Store>) {
    let mut life = Life::new(1);
    store.commit(life.start()).await.expect("a new name");
    let (commit, task) = life.work();
    store.commit(commit).await.expect("nobody else commits");
    life.check(&**store).await;
    let deadline = life.now().plus_seconds(100);
    let heartbeats = vec![(task, deadline)];
    life.agenda = Some(Agenda { due: Some(deadline), has_effects: false, heartbeats });
    store.commit(life.reschedule()).await.expect("nobody else commits");
    life.execution.set_heartbeat_deadline(task, deadline);
    life.check(&**store).await;
    let loaded = store.load(life.id()).await.expect("readable").expect("committed");
    let task = loaded.execution.task(task).expect("still waited for");
    assert_eq!(task.heartbeat_deadline, Some(deadline));
}

pub(super) async fn open_executions_are_counted(store: &Arc<dyn Store>) {
    let other = Scope { region: "eu-west-1".into(), ..scope() };
    let mut lives: Vec<Life> = (0..5).map(Life::new).collect();
    lives[4].header.scope = other.clone();
    for life in &mut lives {
        store.commit(life.start()).await.expect("a new name");
    }
    assert_eq!(store.open_count(&scope()).await, Ok(4));
    assert_eq!(store.open_count(&other).await, Ok(1));
    store.commit(lives[0].pass(1)).await.expect("nobody else commits");
    assert_eq!(store.open_count(&scope()).await, Ok(4));
    store.commit(lives[0].end(Status::Failed)).await.expect("nobody else commits");
    store.commit(lives[1].due(None, true).end(Status::Aborted)).await.expect("nobody else");
    assert_eq!(store.open_count(&scope()).await, Ok(2));
    store.commit(lives[1].reschedule()).await.expect("nobody else commits");
    assert_eq!(store.open_count(&scope()).await, Ok(2), "what is closed does not count again");
    assert_eq!(store.open_count(&other).await, Ok(1));
    let nobody = Scope { account: "000000000000".into(), ..other };
    assert_eq!(store.open_count(&nobody).await, Ok(0));
}

pub(super) async fn what_was_pending_is_given_after_a_restart<Open>(stores: &mut Stores<Open>)
where
    Open: AsyncFn(u32) -> Arc<dyn Store>,
{
    let store = stores.next().await;
    let at = |seconds| Timestamp(2_000_000_000_000).plus_seconds(seconds);
    // Due, pending, both, neither; and one that has ended, whose effects are still pending.
    let agendas = [(Some(at(3)), false), (None, true), (Some(at(5)), true), (None, false)];
    let mut lives: Vec<Life> = (0..5).map(Life::new).collect();
    for (life, (due, has_effects)) in lives.iter_mut().zip(agendas) {
        store.commit(life.due(due, has_effects).start()).await.expect("a new name");
    }
    store.commit(lives[4].start()).await.expect("a new name");
    store.commit(lives[4].due(None, true).end(Status::Aborted)).await.expect("nobody else");
    let claim = store.claim_due(at(9), 9).await.expect("readable");
    let due = [lives[0].id(), lives[2].id()];
    assert_eq!(claim.executions, due, "effects are pending after a start alone");

    // What was taken is given again, since it was not committed.
    let store = stores.restart(store).await;
    let pending = [&lives[1], &lives[2], &lives[4]].map(Life::id);
    assert_eq!(claim_set(&store, at(0), 3).await, BTreeSet::from(pending));
    assert_eq!(claim_set(&store, at(9), 2).await, BTreeSet::from(due), "when they are due");
    assert_eq!(store.open_count(&scope()).await, Ok(4));

    // The agenda of the one that has ended is cleared.
    lives[4].agenda = None;
    store.commit(lives[4].reschedule()).await.expect("nobody else commits");
    lives[4].check(&*store).await;
    let store = stores.restart(store).await;
    let rest = [&lives[0], &lives[1], &lives[2]].map(Life::id);
    assert_eq!(claim_set(&store, at(9), 3).await, BTreeSet::from(rest));
    let claim = store.claim_due(at(9), 9).await.expect("readable");
    assert_eq!(claim.executions, []);
}

pub(super) async fn what_changes_right_after_a_restart_is_not_lost<Open>(stores: &mut Stores<Open>)
where
    Open: AsyncFn(u32) -> Arc<dyn Store>,
{
    const COUNT: u64 = 3_000;
    let store = stores.next().await;
    let due = Timestamp(2_000_000_000_000);
    let mut lives: Vec<Life> = (0..COUNT).map(Life::new).collect();
    let mut starts = JoinSet::new();
    for life in &mut lives {
        let (store, start) = (store.clone(), life.due(Some(due), false).start());
        starts.spawn(async move { store.commit(start).await.expect("a new name") });
    }
    starts.join_all().await;
    let store = stores.restart(store).await;
    // Some end, some go on, some begin, while the store may still be looking around.
    let mut expected = BTreeSet::new();
    for (index, life) in lives.iter_mut().enumerate() {
        match index % 300 {
            0 => {
                life.agenda = None;
                store.commit(life.end(Status::Failed)).await.expect("nobody else commits");
                continue;
            }
            100 => {
                store.commit(life.pass(1)).await.expect("nobody else commits");
                let mut new = Life::new(COUNT + index as u64);
                store.commit(new.due(Some(due), false).start()).await.expect("a new name");
                expected.insert(new.id());
            }
            _ => {}
        }
        expected.insert(life.id());
    }
    assert_eq!(claim_set(&store, due, expected.len()).await, expected);
    eventually("the open executions are counted", async || {
        store.open_count(&scope()).await == Ok(COUNT)
    })
    .await;
    let claim = store.claim_due(due, 9).await.expect("readable");
    assert_eq!(claim.executions, [], "each is given once");
}

/// Takes so many, each of which must come once.
async fn claim_set(store: &Arc<dyn Store>, now: Timestamp, count: usize) -> BTreeSet<ExecutionId> {
    let mut given = BTreeSet::new();
    eventually("everything is given", async || {
        for id in store.claim_due(now, 100).await.expect("readable").executions {
            assert!(given.insert(id), "{id} was given twice");
        }
        given.len() >= count
    })
    .await;
    given
}
