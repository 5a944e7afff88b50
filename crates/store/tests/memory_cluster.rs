//! The store in memory that several nodes share passes the contract, and its part for nodes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use stairwell_store::contract::nodes::SharedStore;
use stairwell_store::contract::sample::Life;
use stairwell_store::{
    MemoryCluster, MemoryNode, ResourceKey, ResourceKind, Scope, Store, StoreError, contract,
};

/// A store whose time passes where a test says so.
#[derive(Default)]
struct Shared {
    cluster: Arc<MemoryCluster>,
    milliseconds: Arc<AtomicU64>,
    joined: AtomicU64,
    beating: Mutex<Vec<Arc<MemoryNode>>>,
}

impl Shared {
    fn open(&self, address: &str) -> Arc<MemoryNode> {
        let milliseconds = self.milliseconds.clone();
        let now = move || Duration::from_millis(milliseconds.load(Ordering::Relaxed));
        self.cluster.open(address, Box::new(now))
    }
}

#[async_trait]
impl SharedStore for Shared {
    async fn join(&self) -> Arc<dyn Store> {
        let mut beating = self.beating.lock();
        // No two have the same address, whatever was stopped before.
        let node = self.open(&format!("host-{}", self.joined.fetch_add(1, Ordering::Relaxed)));
        beating.push(node.clone());
        node
    }

    async fn stop(&self, node: &Arc<dyn Store>) {
        let is_other =
            |it: &Arc<MemoryNode>| !std::ptr::addr_eq(Arc::as_ptr(it), Arc::as_ptr(node));
        self.beating.lock().retain(is_other);
    }

    async fn pass(&self) {
        let now = self.milliseconds.fetch_add(100, Ordering::Relaxed) + 100;
        if now.is_multiple_of(500) {
            self.beating.lock().iter().for_each(|node| node.beat());
        }
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shared_store_in_memory_passes_the_contract_for_nodes() {
    contract::nodes::run(async || Shared::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_node_passes_the_contract() {
    let stores = Mutex::<BTreeMap<u32, Arc<Shared>>>::default();
    contract::run(async |number| {
        let shared = stores.lock().entry(number).or_default().clone();
        shared.open("host") as Arc<dyn Store>
    })
    .await;
}

#[tokio::test]
async fn who_observes_sees_everything_and_writes_nothing() {
    let shared = Shared::default();
    let node = shared.join().await;
    let observer = shared.cluster.observe();
    let mut life = Life::new(1);
    let mut start = life.start();
    let nowhere = Scope { account: "".into(), region: "".into() };
    let kind = ResourceKind::StatusChange;
    let name = format!("{}{:08x}", life.id(), 1).into();
    start.resource = Some((ResourceKey { kind, scope: nowhere.clone(), name }, vec![1]));
    node.commit(start).await.expect("a new name");
    let rows = observer.list_resources(kind, &nowhere, None, 9).await.expect("readable");
    assert_eq!(rows.len(), 1);
    observer.beat();
    assert_eq!(observer.commit(life.pass(1)).await, Err(StoreError::Elsewhere));
    assert_eq!((observer.number(), shared.cluster.holders().0.len()), (None, 1));
}
