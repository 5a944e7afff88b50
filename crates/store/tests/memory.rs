//! The store in memory passes the contract.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use stairwell_store::{MemoryStore, Store, contract};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_in_memory_passes_the_contract() {
    let stores = Mutex::<BTreeMap<u32, Arc<MemoryStore>>>::default();
    contract::run(async |number| {
        let store = stores.lock().entry(number).or_default().clone();
        store.restart();
        store as Arc<dyn Store>
    })
    .await;
}
