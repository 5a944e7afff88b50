//! Tasks that must live as long as the runtime does.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use store::{FaultyStore, Operation};

use crate::world::{Lives, execution_arn, sleep};

#[test]
fn a_background_task_that_panics_is_begun_again() {
    for (operation, restarts) in [(Operation::ClaimDue, 3), (Operation::EndedBefore, 3)] {
        let mut lives = Lives::with(|config| config.retention.default_seconds = Some(100));
        let panics = Arc::new(AtomicUsize::new(0));
        let counted = panics.clone();
        let store = FaultyStore::new(lives.store.clone(), move |called| {
            if called == operation && counted.fetch_add(1, Ordering::Relaxed) < restarts {
                panic!("injected into {called:?}");
            }
            None
        });
        lives.live_on(Arc::new(store), async |world| {
            let waits = r#"{"StartAt":"W","States":{"W":{"Type":"Wait","Seconds":30,"End":true}}}"#;
            let machine = world.machine("waits", waits).await;
            assert_eq!(world.run(&machine, "it", "{}").await, "SUCCEEDED {}");
            assert_eq!(world.runtime.background_restarts(), restarts as u64, "{operation:?}");
            sleep(1_000).await;
            let arn = execution_arn("waits", "it");
            let gone = world.runtime.describe_execution(&world.scope, &arn).await;
            assert!(gone.is_err(), "retention goes on after a panic in {operation:?}");
            assert_eq!(world.runtime.background_restarts(), restarts as u64);
        });
    }
}
