//! The suite that every store must pass: call [`run`] from a test of the store.
//!
//! Each case works in a store of its own. The cases know the [`Store`] trait alone; where one must
//! wait for something that a store does in the background after a start, it asks again until it has
//! happened.
//!
//! Stores that several nodes share must pass [`nodes`] as well.

mod agendas;
mod commits;
mod histories;
mod listings;
pub mod nodes;
mod removals;
mod resources;
pub mod sample;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::{Store, StoreError};
use sample::Life;

/// Runs every case, and panics at the first that fails. `open` opens the store of that number: an
/// empty one the first time, and what was in it when it was closed the next time. The store that
/// was opened under the number before has been closed and dropped by then.
///
/// Must be called within a tokio runtime.
pub async fn run(open: impl AsyncFn(u32) -> Arc<dyn Store>) {
    let mut stores = Stores { open, count: 0 };
    commits::what_is_committed_is_loaded(&stores.next().await).await;
    commits::a_checkpoint_replaces_the_records_before_it(&stores.next().await).await;
    commits::a_name_is_taken_until_it_is_free(&stores.next().await).await;
    commits::a_commit_that_comes_too_late_changes_nothing(&stores.next().await).await;
    commits::one_of_many_wins(&stores.next().await).await;
    commits::many_executions_are_committed_at_once(&stores.next().await).await;
    commits::what_is_not_there_is_none(&stores.next().await).await;
    commits::everything_is_there_after_a_restart(&mut stores).await;
    commits::what_is_closed_can_be_opened_again(&mut stores).await;
    histories::pages_join_to_the_whole(&stores.next().await).await;
    histories::large_payloads_make_short_pages(&stores.next().await).await;
    listings::lists_are_newest_first(&stores.next().await).await;
    listings::the_children_of_an_execution_are_listed(&stores.next().await).await;
    removals::what_has_ended_is_found_in_the_order_of_its_start(&stores.next().await).await;
    removals::nothing_is_left_of_what_is_removed(&mut stores).await;
    removals::a_name_that_has_gone_over_stays(&stores.next().await).await;
    removals::what_has_moved_on_is_not_removed(&stores.next().await).await;
    agendas::what_is_due_is_given_once(&stores.next().await).await;
    agendas::an_agenda_alone_is_no_revision(&stores.next().await).await;
    agendas::heartbeats_of_the_agenda_are_loaded(&stores.next().await).await;
    agendas::open_executions_are_counted(&stores.next().await).await;
    agendas::what_was_pending_is_given_after_a_restart(&mut stores).await;
    agendas::what_changes_right_after_a_restart_is_not_lost(&mut stores).await;
    resources::a_version_is_written_once(&stores.next().await).await;
    resources::resources_are_listed_by_name(&stores.next().await).await;
    resources::a_version_never_comes_back(&mut stores).await;
    resources::many_are_written_at_once(&stores.next().await).await;
    resources::one_comes_with_a_commit(&mut stores).await;
    a_closed_store_refuses(&stores.next().await).await;
}

/// Makes stores, and starts them again.
struct Stores<Open> {
    open: Open,
    count: u32,
}

impl<Open: AsyncFn(u32) -> Arc<dyn Store>> Stores<Open> {
    /// An empty store.
    async fn next(&mut self) -> Arc<dyn Store> {
        self.count += 1;
        (self.open)(self.count).await
    }

    /// The last store, after a restart.
    async fn restart(&mut self, store: Arc<dyn Store>) -> Arc<dyn Store> {
        store.close().await.expect("an open store can be closed");
        drop(store);
        (self.open)(self.count).await
    }
}

async fn a_closed_store_refuses(store: &Arc<dyn Store>) {
    let mut life = Life::new(1);
    let start = life.start();
    store.commit(start).await.expect("a new name");
    store.close().await.expect("an open store can be closed");
    let refused = |error: Option<StoreError>| {
        assert!(matches!(error, Some(StoreError::Refused(_))), "not refused: {error:?}");
    };
    refused(store.commit(life.pass(1)).await.err());
    refused(store.load(life.id()).await.err());
    refused(store.header(life.id()).await.err());
    refused(store.claim_due(life.now(), 1).await.err());
    refused(store.open_count(&life.header.scope).await.err());
}

/// Asks again until the answer is yes.
async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begin = Instant::now();
    while !is_so().await {
        assert!(begin.elapsed() < Duration::from_secs(30), "never happened: {what}");
        tokio::task::yield_now().await;
    }
}
