//! Lists of executions.

use std::sync::Arc;

use engine::{ExecutionId, Status};

use super::sample::Life;
use crate::encoding::STATUSES;
use crate::{ExecutionHeader, ExecutionQuery, ListCursor, MachineId, Store};

pub(super) async fn lists_are_newest_first(store: &Arc<dyn Store>) {
    let mut lives = Vec::new();
    // Committed in an order that is not that of their starts.
    for number in [5, 1, 9, 3, 7, 0, 8, 2, 6, 4] {
        let mut life = Life::new(number);
        life.header.machine = MachineId([(number % 2) as u8; 16]);
        store.commit(life.start()).await.expect("a new name");
        let status = STATUSES[number as usize / 2];
        if status != Status::Running {
            store.commit(life.end(status)).await.expect("nobody else commits");
        }
        lives.push(life);
    }
    lives.sort_by_key(|life| std::cmp::Reverse(life.id()));
    for machine in [0, 1, 2].map(|number| MachineId([number; 16])) {
        let ours = || lives.iter().filter(|life| life.header.machine == machine);
        let query = ExecutionQuery::Machine(machine);
        let all: Vec<_> = ours().map(|life| life.header.clone()).collect();
        check(&**store, &query, None, &all).await;
        for status in STATUSES {
            let some: Vec<_> =
                all.iter().filter(|header| header.status == status).cloned().collect();
            check(&**store, &query, Some(status), &some).await;
        }
    }
}

pub(super) async fn the_children_of_an_execution_are_listed(store: &Arc<dyn Store>) {
    let parents = [1, 2].map(|number| ExecutionId([number; 16]));
    let mut children = Vec::new();
    for number in 0..6 {
        let mut child = Life::new(number);
        child.header.started_by = parents.get(number as usize % 3).copied();
        store.commit(child.start()).await.expect("a new name");
        if number > 2 {
            store.commit(child.end(Status::Failed)).await.expect("nobody else commits");
        }
        children.insert(0, child.header);
    }
    for parent in parents {
        let query = ExecutionQuery::StartedBy(parent);
        let ours: Vec<_> =
            children.iter().filter(|child| child.started_by == Some(parent)).cloned().collect();
        assert_eq!(ours.len(), 2);
        check(&**store, &query, None, &ours).await;
        check(&**store, &query, Some(Status::Failed), &ours[..1]).await;
        check(&**store, &query, Some(Status::Running), &ours[1..]).await;
    }
    check(&**store, &ExecutionQuery::StartedBy(children[0].id), None, &[]).await;
    check(&**store, &ExecutionQuery::Machine(MachineId([1; 16])), None, &children).await;
}

/// That the list is this, in pages of any size.
async fn check(
    store: &dyn Store,
    query: &ExecutionQuery,
    status: Option<Status>,
    expected: &[ExecutionHeader],
) {
    for limit in 1..=expected.len() + 1 {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = store.list_executions(query, status, after, limit).await.expect("readable");
            assert!(page.len() <= limit);
            let Some(last) = page.last() else { break };
            after = Some(ListCursor(last.id));
            found.extend(page);
        }
        assert_eq!(found, expected, "{query:?} {status:?} limit {limit}");
    }
}
