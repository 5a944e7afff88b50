//! Several servers on one database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use stairwell_store_postgres::PostgresStore;
use store::Store;
use store::contract::nodes::{self, SharedStore};

use crate::server::{self, Database};

/// A schema, and the stores of the servers that were opened on it.
struct Nodes<'a> {
    database: &'a Database,
    schema: String,
    stores: Mutex<Vec<Arc<PostgresStore>>>,
}

#[async_trait]
impl SharedStore for Nodes<'_> {
    async fn join(&self) -> Arc<dyn Store> {
        let address = format!("node-{}", self.stores.lock().len());
        let store = server::join(self.database.address(&self.schema), &address).await;
        let store = Arc::new(store);
        self.stores.lock().push(store.clone());
        store
    }

    async fn stop(&self, node: &Arc<dyn Store>) {
        let stores = self.stores.lock();
        let is_it =
            |store: &&Arc<PostgresStore>| std::ptr::addr_eq(Arc::as_ptr(store), Arc::as_ptr(node));
        stores.iter().find(is_it).expect("it has joined").hold_beats(true);
    }

    async fn pass(&self) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_on_postgresql_pass_the_contract_of_shared_stores() {
    let Some(database) = server::database(&["fsync=off", "full_page_writes=off"]) else { return };
    let run = uuid::Uuid::new_v4().simple().to_string();
    let count = AtomicU32::new(0);
    nodes::run(async || {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let schema = format!("nodes_{}_{number}", &run[..8]);
        Nodes { database: &database, schema, stores: Mutex::default() }
    })
    .await;
}
