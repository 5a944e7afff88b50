//! The part of the suite for stores that several nodes share: call [`run`] from a test of one.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use engine::{ExecutionId, Home, Status, Timestamp};
use tokio::task::JoinSet;

use super::sample::{Life, scope};
use crate::cluster::{Notice, Place};
use crate::{Agenda, ResourceKey, ResourceKind, Store, StoreError};

/// A store and its nodes, as the suite needs them. Dropped after each case.
#[async_trait]
pub trait SharedStore: Send + Sync {
    /// A node joins, under an address that no other has.
    async fn join(&self) -> Arc<dyn Store>;

    /// The node does nothing by itself any more, like a process that was stopped: it does not
    /// beat. What it is asked for it still tries.
    async fn stop(&self, node: &Arc<dyn Store>);

    /// Some time passes, a tenth of a second about, for all nodes.
    async fn pass(&self);
}

/// Runs every case, and panics at the first that fails. `open` gives an empty store each time.
///
/// Must be called within a tokio runtime.
pub async fn run<S: SharedStore>(open: impl AsyncFn() -> S) {
    new_executions_are_here(&open().await).await;
    what_another_node_drives_is_elsewhere(&open().await).await;
    a_name_is_taken_over_all_nodes(&open().await).await;
    a_node_that_is_gone_commits_nothing(&open().await).await;
    a_fence_divides_the_commits(&open().await).await;
    what_a_node_leaves_is_given_once(&open().await).await;
    agendas_are_taken_over_as_they_are(&open().await).await;
    a_node_that_leaves_gives_its_homes_back(&open().await).await;
    a_node_that_was_fenced_goes_on_anew(&open().await).await;
    a_redrive_and_a_removal_exclude_each_other(&open().await).await;
    resources_have_one_version_over_all_nodes(&open().await).await;
    status_changes_are_listed_where_they_belong(&open().await).await;
}

/// An execution in that home.
fn life_at(number: u64, home: Home) -> Life {
    let mut life = Life::new(number);
    life.header.id.0[6..8].copy_from_slice(&home.0.to_be_bytes());
    life.execution.parameters.id = life.header.id;
    life
}

/// An execution in a home of the node's, which has started.
async fn started(node: &Arc<dyn Store>, number: u64) -> Life {
    let mut life = life_at(number, node.home(None).expect("a node has homes"));
    node.commit(life.start()).await.expect("a new name");
    life
}

async fn is_here(node: &Arc<dyn Store>, id: ExecutionId) -> bool {
    node.locate(id).await.is_ok_and(|place| place == Place::Here)
}

/// Lets time pass until it is so.
async fn in_time<S: SharedStore>(shared: &S, what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    for _ in 0..600 {
        if is_so().await {
            return;
        }
        shared.pass().await;
    }
    panic!("never happened: {what}");
}

async fn new_executions_are_here<S: SharedStore>(shared: &S) {
    let nodes = [shared.join().await, shared.join().await];
    let mut holder = BTreeMap::new();
    for (index, node) in (0..).zip(&nodes) {
        for number in 0..40 {
            let mut life = started(node, index * 100 + number).await;
            assert!(node.is_here(life.id()));
            assert!(is_here(node, life.id()).await);
            node.commit(life.pass(1)).await.expect("nobody else commits");
            let home = life.id().home();
            assert_eq!(*holder.entry(home).or_insert(index), index, "a home is one node's");
            assert_eq!(node.home(Some(life.id())), Some(home), "that of a child");
        }
    }
    assert!(holder.len() > 2, "more homes than nodes");
}

async fn what_another_node_drives_is_elsewhere<S: SharedStore>(shared: &S) {
    let (one, other) = (shared.join().await, shared.join().await);
    let mut life = started(&one, 1).await;
    let kept = life.clone();
    assert_eq!(other.commit(life.pass(1)).await, Err(StoreError::Elsewhere));
    kept.check(&*other).await;
    in_time(shared, "the other node knows who drives it", async || {
        let place = other.locate(life.id()).await.expect("the store is there");
        assert_ne!(place, Place::Here);
        matches!(place, Place::At(_))
    })
    .await;
    assert!(!other.is_here(life.id()));
    let mut life = kept;
    one.commit(life.pass(1)).await.expect("it is here");
    let claim = other.claim_due(Timestamp(i64::MAX), 9).await.expect("readable");
    assert_eq!(claim.executions, [], "what is due elsewhere is given there");
}

async fn a_name_is_taken_over_all_nodes<S: SharedStore>(shared: &S) {
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(shared.join().await);
    }
    for round in 0..20 {
        let mut starts = JoinSet::new();
        for (number, node) in (0..).zip(&nodes) {
            let home = node.home(None).expect("a node has homes");
            let mut life = life_at(round * 10 + number, home);
            let name = format!("round-{round}");
            life.header.arn = life.header.arn.replace(&*life.header.name, &name).into();
            life.header.name = name.into();
            let (node, commit) = (node.clone(), life.start());
            starts.spawn(async move { (life, node.commit(commit).await) });
        }
        let answers = starts.join_all().await;
        let won: Vec<&Life> =
            answers.iter().filter(|(_, it)| it.is_ok()).map(|(life, _)| life).collect();
        let [winner] = won[..] else { panic!("{} won in round {round}", won.len()) };
        for (life, answer) in &answers {
            assert!(matches!(answer, Ok(()) | Err(StoreError::Conflict)), "{answer:?}");
            if life.id() != winner.id() {
                assert_eq!(nodes[0].header(life.id()).await, Ok(None), "nothing of who lost");
            }
        }
        for node in &nodes {
            assert_eq!(node.find_execution(&winner.header.arn).await, Ok(Some(winner.id())));
        }
    }
}

async fn a_node_that_is_gone_commits_nothing<S: SharedStore>(shared: &S) {
    let (one, other) = (shared.join().await, shared.join().await);
    let mut life = started(&one, 1).await;
    shared.stop(&one).await;
    in_time(shared, "its homes are taken over", async || is_here(&other, life.id()).await).await;
    assert!(!one.is_here(life.id()), "it cannot be sure of them for so long");
    let kept = life.clone();
    assert_eq!(one.commit(life.pass(1)).await, Err(StoreError::Elsewhere));
    let mut late = life_at(2, life.id().home());
    assert_eq!(one.commit(late.start()).await, Err(StoreError::Elsewhere));
    assert_eq!(one.header(late.id()).await, Ok(None));
    kept.check(&*other).await;
    let mut life = kept;
    other.commit(life.pass(1)).await.expect("it is here now");
    life.check(&*other).await;
}

async fn a_fence_divides_the_commits<S: SharedStore>(shared: &S) {
    let (one, other) = (shared.join().await, shared.join().await);
    let life = started(&one, 1).await;
    shared.stop(&one).await;
    let id = life.id();
    // One commits as fast as it can, and is told when it may not any more.
    let writes = tokio::spawn({
        let mut life = life.clone();
        async move {
            loop {
                let last = life.clone();
                match one.commit(life.pass(1)).await {
                    Ok(()) => tokio::task::yield_now().await,
                    Err(error) => return (last, error),
                }
            }
        }
    });
    in_time(shared, "its homes are taken over", async || is_here(&other, id).await).await;
    let found = other.load(id).await.expect("readable").expect("it was started");
    let (last, error) = writes.await.expect("nothing panics");
    assert_eq!(error, StoreError::Elsewhere);
    assert_eq!(found.header.revision, last.header.revision, "nothing was written after that");
    last.check(&*other).await;
}

async fn what_a_node_leaves_is_given_once<S: SharedStore>(shared: &S) {
    let nodes = [shared.join().await, shared.join().await, shared.join().await];
    let due = Timestamp(2_000_000_000_000);
    let mut expected = BTreeMap::new();
    for number in 0..60 {
        // Due, pending, neither. What is both may be given for its effects, and again when due.
        let (is_due, has_effects) = (number % 3 == 0, number % 3 == 1);
        let mut life = life_at(number, nodes[0].home(None).expect("a node has homes"));
        let start = life.due(is_due.then_some(due), has_effects).start();
        nodes[0].commit(start).await.expect("a new name");
        if is_due || has_effects {
            expected.insert(life.id(), has_effects);
        }
    }
    shared.stop(&nodes[0]).await;
    let mut given = BTreeMap::new();
    in_time(shared, "everything is given", async || {
        for (index, node) in nodes.iter().enumerate().skip(1) {
            let claim = node.claim_due(due, 7).await.expect("readable");
            for (position, id) in claim.executions.into_iter().enumerate() {
                let is_pending = position < claim.pending;
                let before = given.insert(id, (index, is_pending));
                assert_eq!(before, None, "{id} was given twice");
            }
        }
        given.len() >= expected.len()
    })
    .await;
    let pending = given.iter().map(|(id, (_, is_pending))| (*id, *is_pending)).collect();
    assert_eq!(expected, pending);
    for (id, (index, _)) in &given {
        assert!(is_here(&nodes[*index], *id).await, "it is given where it is driven");
    }
    let shares = [1, 2].map(|node| given.values().filter(|(index, _)| *index == node).count());
    assert!(shares.iter().all(|share| *share > 0), "both take some: {shares:?}");
}

async fn agendas_are_taken_over_as_they_are<S: SharedStore>(shared: &S) {
    let (one, other) = (shared.join().await, shared.join().await);
    let mut life = started(&one, 1).await;
    let (commit, task) = life.work();
    one.commit(commit).await.expect("nobody else commits");
    let deadline = life.now().plus_seconds(100);
    let heartbeats = vec![(task, deadline)];
    life.agenda = Some(Agenda { due: Some(deadline), has_effects: false, heartbeats });
    one.commit(life.reschedule()).await.expect("nobody else commits");
    life.execution.set_heartbeat_deadline(task, deadline);
    shared.stop(&one).await;
    in_time(shared, "its homes are taken over", async || is_here(&other, life.id()).await).await;
    life.check(&*other).await;
    let next_due = async |now| other.claim_due(now, 9).await.expect("readable");
    in_time(shared, "its agenda is known", async || {
        let claim = next_due(Timestamp(deadline.0 - 1)).await;
        assert_eq!(claim.executions, [], "not before it is due");
        claim.next_due == Some(deadline)
    })
    .await;
    assert_eq!(next_due(deadline).await.executions, [life.id()]);
}

async fn a_node_that_leaves_gives_its_homes_back<S: SharedStore>(shared: &S) {
    let (one, other) = (shared.join().await, shared.join().await);
    let mut life = started(&one, 1).await;
    one.close().await.expect("an open store can be closed");
    assert!(is_here(&other, life.id()).await, "at once, since nobody holds it");
    other.commit(life.pass(1)).await.expect("it is here now");
    life.check(&*other).await;
}

async fn a_node_that_was_fenced_goes_on_anew<S: SharedStore>(shared: &S) {
    let (one, other) = (shared.join().await, shared.join().await);
    let life = started(&one, 1).await;
    shared.stop(&one).await;
    in_time(shared, "its homes are taken over", async || is_here(&other, life.id()).await).await;
    // It finds out when it asks, and is told that it has lost what it held.
    in_time(shared, "it has joined anew", async || {
        matches!(one.locate(life.id()).await, Ok(Place::At(_)))
    })
    .await;
    let lost = async {
        loop {
            if let Notice::Lost(homes) = one.notice().await {
                return homes;
            }
        }
    };
    assert!(lost.await.contains(&life.id().home()));
    let mut new = started(&one, 2).await;
    one.commit(new.pass(1)).await.expect("it is here");
    assert_ne!(new.id().home(), life.id().home());
}

async fn a_redrive_and_a_removal_exclude_each_other<S: SharedStore>(shared: &S) {
    let (one, other) = (shared.join().await, shared.join().await);
    for number in 0..20 {
        let mut life = started(&one, number).await;
        one.commit(life.end(Status::Failed)).await.expect("nobody else commits");
        let headers = [life.header.clone()];
        let (redrive, id) = (life.redrive(), life.id());
        // Each begins every other time, where nothing is faster than anything else.
        let (redriven, removed) = match number % 2 {
            0 => tokio::join!(one.commit(redrive), other.remove(&headers)),
            _ => {
                let (removed, redriven) = tokio::join!(other.remove(&headers), one.commit(redrive));
                (redriven, removed)
            }
        };
        let left = one.header(id).await.expect("readable");
        match (&redriven, &removed) {
            (Ok(()), Err(StoreError::Conflict)) => life.check(&*other).await,
            (Err(StoreError::Conflict), Ok(())) => assert_eq!(left, None),
            _ => panic!("redriven: {redriven:?}, removed: {removed:?}"),
        }
    }
}

async fn resources_have_one_version_over_all_nodes<S: SharedStore>(shared: &S) {
    let nodes = [shared.join().await, shared.join().await, shared.join().await];
    let kind = ResourceKind::Activity;
    let key = ResourceKey { kind, scope: scope(), name: "name".into() };
    let mut version = None;
    for round in 0..20 {
        let mut writes = JoinSet::new();
        for (number, node) in (0..).zip(&nodes) {
            let (node, key) = (node.clone(), key.clone());
            writes.spawn(async move {
                (number, node.write_resource(&key, version, Some(vec![round, number])).await)
            });
        }
        let mut won = Vec::new();
        for (number, answer) in writes.join_all().await {
            match answer {
                Ok(new) => won.push((number, new)),
                Err(error) => assert_eq!(error, StoreError::Conflict),
            }
        }
        let [(number, new)] = won[..] else { panic!("{} won in round {round}", won.len()) };
        assert!(version.is_none_or(|old| old < new), "versions grow");
        version = Some(new);
        for node in &nodes {
            let read = node.read_resource(&key).await.expect("readable").expect("written");
            assert_eq!((read.version, &*read.value), (new, &[round, number][..]));
        }
    }
    // Another node writes, and each of the others hears of it.
    let written = nodes[0].write_resource(&key, version, None).await;
    assert!(written.is_ok_and(|new| version.is_none_or(|old| old < new)));
    for node in &nodes[1..] {
        let heard = async {
            loop {
                let notice = tokio::select! {
                    biased;
                    notice = node.notice() => notice,
                    () = shared.pass() => continue,
                };
                if matches!(notice, Notice::Changed(keys) if keys.contains(&key)) {
                    return;
                }
            }
        };
        heard.await;
    }
}

async fn status_changes_are_listed_where_they_belong<S: SharedStore>(shared: &S) {
    let (one, other) = (shared.join().await, shared.join().await);
    let nowhere = crate::Scope { account: "".into(), region: "".into() };
    let kind = ResourceKind::StatusChange;
    let mut life = life_at(1, one.home(None).expect("a node has homes"));
    let mut start = life.start();
    let name = format!("{}{:08x}", life.id(), 1).into();
    start.resource = Some((ResourceKey { kind, scope: nowhere.clone(), name }, vec![1]));
    one.commit(start).await.expect("a new name");
    let listed = async |node: &Arc<dyn Store>| {
        node.list_resources(kind, &nowhere, None, 9).await.expect("readable").len()
    };
    assert_eq!((listed(&one).await, listed(&other).await), (1, 0));
    shared.stop(&one).await;
    in_time(shared, "it is taken over", async || listed(&other).await == 1).await;
}
