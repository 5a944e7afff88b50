//! Accounts in regions by their numbers, and how many executions of each are open.

use std::collections::HashMap;

use store::{Scope, StoreError};

use crate::cluster::OpenCounts;
use crate::statements;
use crate::store::Shared;

/// The numbers of scopes.
#[derive(Debug, Default)]
pub(crate) struct Scopes {
    numbers: HashMap<Scope, i32>,
    scopes: HashMap<i32, Scope>,
}

impl Scopes {
    fn insert(&mut self, number: i32, scope: Scope) {
        self.numbers.insert(scope.clone(), number);
        self.scopes.insert(number, scope);
    }
}

impl Shared {
    /// Reads the numbers of all scopes.
    pub(crate) async fn restore_scopes(&self) -> Result<(), StoreError> {
        for row in self.readers.query(statements::SCOPES, &[]).await? {
            let (account, region): (&str, &str) = (row.get(1), row.get(2));
            let scope = Scope { account: account.into(), region: region.into() };
            self.scopes.write().insert(row.get(0), scope);
        }
        Ok(())
    }

    /// The number of a scope, which gets one where it has none.
    pub(crate) async fn scope_number(&self, scope: &Scope) -> Result<i32, StoreError> {
        loop {
            if let Some(number) = self.scopes.read().numbers.get(scope) {
                return Ok(*number);
            }
            let (account, region) = (&*scope.account, &*scope.region);
            // None where another caller makes it at the same time: then it is there the next time.
            let rows = self.readers.query(statements::SCOPE, &[&account, &region]).await?;
            if let Some(row) = rows.first() {
                self.scopes.write().insert(row.get(0), scope.clone());
            }
        }
    }

    /// The scope of that number, which another server may have made.
    pub(crate) async fn known_scope(&self, number: i32) -> Result<Option<Scope>, StoreError> {
        let known = |shared: &Shared| shared.scopes.read().scopes.get(&number).cloned();
        if let Some(scope) = known(self) {
            return Ok(Some(scope));
        }
        self.restore_scopes().await?;
        Ok(known(self))
    }

    /// The executions that are open here, by the numbers of their scopes.
    pub(crate) fn open_counts(&self) -> OpenCounts {
        let scopes = self.scopes.read();
        self.cluster.look(|state| {
            let counts = state.agendas.open_counts();
            counts.filter_map(|(scope, count)| Some((*scopes.numbers.get(scope)?, count))).collect()
        })
    }

    /// How many executions of the scope are open: those here, and the others as of the last beats
    /// of their servers.
    pub(crate) async fn open_count(&self, scope: &Scope) -> Result<u64, StoreError> {
        let (here, has_others) = self
            .cluster
            .look(|state| (state.agendas.open_count(scope), state.has_open_elsewhere()));
        if !has_others {
            return Ok(here);
        }
        let number = self.scope_number(scope).await?;
        Ok(here + self.cluster.look(|state| state.open_count_elsewhere(number)))
    }
}
