//! How many state machines and activities there may be.

use std::collections::HashMap;

use parking_lot::Mutex;
use store::{ResourceKind, Scope, StoreError};

use crate::shell::Shell;

/// Resources that one call of the store lists.
const PAGE: usize = 1_000;

/// For each kind of resource of each account and region that something was made of: no fewer than
/// there are. What is deleted is found when the count seems to reach the quota.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    at_most: Mutex<HashMap<(ResourceKind, Scope), u64>>,
}

impl Shell {
    /// Whether one more of that kind may be made. Counts it in where it may, so that it is counted
    /// twice rather than not at all.
    pub(crate) async fn has_room(
        &self,
        kind: ResourceKind,
        scope: &Scope,
        max: u64,
    ) -> Result<bool, StoreError> {
        let key = (kind, scope.clone());
        if let Some(at_most) = self.counts.at_most.lock().get_mut(&key)
            && *at_most < max
        {
            *at_most += 1;
            return Ok(true);
        }
        let count = self.count_resources(kind, scope).await?;
        let has_room = count < max;
        self.counts.at_most.lock().insert(key, count + u64::from(has_room));
        Ok(has_room)
    }

    async fn count_resources(&self, kind: ResourceKind, scope: &Scope) -> Result<u64, StoreError> {
        let mut count = 0;
        let mut after: Option<String> = None;
        loop {
            let page = self.store.list_resources(kind, scope, after.as_deref(), PAGE).await?;
            count += page.len() as u64;
            match page.last() {
                Some((last, _)) if page.len() == PAGE => after = Some(last.name.to_string()),
                Some(_) | None => return Ok(count),
            }
        }
    }
}
