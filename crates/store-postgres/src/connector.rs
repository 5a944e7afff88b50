//! Connections to the database.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::{Client, Error};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::OpenError;
use crate::address::Address;
use crate::tls;

/// What each connection is set to. Statements are planned once, and by their indexes: a plan that a
/// statistic would change is the wrong one for a table that grows all day. A server that waits for
/// a lock or a statement longer than this is better asked again.
const SETTINGS: &str = "SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; \
    SET enable_mergejoin = off; SET jit = off; SET max_parallel_workers_per_gather = 0; \
    SET statement_timeout = '5s'; SET lock_timeout = '2s'; \
    SET idle_in_transaction_session_timeout = '5s'";

/// A database that does not come to an answer by then counts as away.
const CONNECT_MAX: Duration = Duration::from_secs(10);

/// A connection. Dropping it breaks it off, whatever is under way.
pub(crate) struct Link {
    client: Client,
    task: JoinHandle<()>,
}

impl Deref for Link {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Link {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Makes connections.
pub(crate) struct Connector {
    pub(crate) address: Address,
    tls: MakeRustlsConnect,
}

impl Connector {
    /// # Errors
    /// Where a file of the address cannot be used.
    pub(crate) fn new(address: Address) -> Result<Connector, OpenError> {
        let tls = tls::connector(&address);
        let tls = tls.map_err(|reason| OpenError::Tls { place: address.place(), reason })?;
        Ok(Connector { address, tls })
    }

    /// A connection.
    pub(crate) async fn connect(&self) -> Result<Link, Error> {
        let (client, connection) = self.address.config.connect(self.tls.clone()).await?;
        let task = tokio::spawn(async move {
            // Whoever waits for an answer is told too.
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection to the database ended");
            }
        });
        let link = Link { client, task };
        link.batch_execute(SETTINGS).await?;
        Ok(link)
    }

    /// The same, with a bound of time for all of it.
    pub(crate) async fn connect_soon(&self) -> Result<Link, String> {
        match tokio::time::timeout(CONNECT_MAX, self.connect()).await {
            Ok(Ok(link)) => Ok(link),
            Ok(Err(error)) => Err(crate::failure::describe(&error)),
            Err(_) => Err("the database does not answer".to_owned()),
        }
    }
}
