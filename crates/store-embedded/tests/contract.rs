//! The store in process passes the contract.

use std::sync::Arc;

use stairwell_store_embedded::{EmbeddedStore, Options};
use store::{Store, contract};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_store_passes_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    contract::run(async |number| {
        let path = folder.path().join(number.to_string());
        Arc::new(EmbeddedStore::open(path, Options::default()).unwrap()) as Arc<dyn Store>
    })
    .await;
}
