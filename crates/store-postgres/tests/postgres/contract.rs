//! The store on PostgreSQL passes the contract.

use std::sync::Arc;

use store::{Store, contract};

use crate::server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_on_postgresql_passes_the_contract() {
    // What a crash would lose is not what is tested here.
    let settings = ["fsync=off", "full_page_writes=off"];
    let Some(database) = server::database(&settings) else { return };
    let run = uuid::Uuid::new_v4().simple().to_string();
    contract::run(async |number| {
        let address = database.address(&format!("contract_{}_{number}", &run[..8]));
        Arc::new(server::open(address).await) as Arc<dyn Store>
    })
    .await;
}
