//! Connections that read. Callers share them: several statements are under way on each.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use store::StoreError;
use tokio::time::Instant;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Error, Row, Statement};

use crate::connector::{Connector, Link};
use crate::failure::Failure;
use crate::statements::in_schema;

const CONNECTIONS: usize = 4;

/// For how long a read is tried while the database is away.
const WAIT_MAX: Duration = Duration::from_secs(10);
/// Beyond the bound that the database itself keeps.
const ANSWER_MAX: Duration = Duration::from_secs(8);
const PAUSE: Duration = Duration::from_millis(100);

pub(crate) struct Readers {
    connector: Arc<Connector>,
    slots: Vec<tokio::sync::Mutex<Option<Arc<Reader>>>>,
    next: AtomicUsize,
}

struct Reader {
    link: Link,
    /// By their texts.
    prepared: Mutex<HashMap<&'static str, Statement>>,
}

impl Readers {
    pub(crate) fn new(connector: Arc<Connector>) -> Readers {
        let slots = (0..CONNECTIONS).map(|_| tokio::sync::Mutex::default()).collect();
        Readers { connector, slots, next: AtomicUsize::new(0) }
    }

    /// The rows that a statement finds. It is asked again where the connection is lost: so it must
    /// be one that can be run twice.
    ///
    /// # Errors
    /// `Refused` where the database is away for too long.
    pub(crate) async fn query(
        &self,
        text: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, StoreError> {
        let begin = Instant::now();
        let tried = async {
            loop {
                let failure = match self.query_once(text, parameters).await {
                    Ok(rows) => return Ok(rows),
                    Err(failure) => failure,
                };
                let is_passing = matches!(failure, Failure::Lost(_) | Failure::Again);
                if !is_passing || begin.elapsed() >= WAIT_MAX {
                    return Err(failure.read_error());
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        // However many wait for the same connection to be made.
        let away = || StoreError::Refused("the database does not answer".to_owned());
        tokio::time::timeout(WAIT_MAX + ANSWER_MAX, tried).await.unwrap_or_else(|_| Err(away()))
    }

    async fn query_once(
        &self,
        text: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Failure> {
        let reader = self.reader().await.map_err(Failure::Lost)?;
        let answer = tokio::time::timeout(ANSWER_MAX, async {
            let statement = self.statement(&reader, text).await?;
            reader.link.query(&statement, parameters).await
        });
        match answer.await {
            Ok(answer) => answer.map_err(|error: Error| Failure::of(&error)),
            Err(_) => Err(Failure::Lost("the database does not answer".to_owned())),
        }
    }

    /// One of the connections, which is made where it is not there.
    async fn reader(&self) -> Result<Arc<Reader>, String> {
        let place = self.next.fetch_add(1, Ordering::Relaxed) % self.slots.len();
        let mut slot = self.slots[place].lock().await;
        if let Some(reader) = &*slot
            && !reader.link.is_closed()
        {
            return Ok(reader.clone());
        }
        *slot = None;
        let link = self.connector.connect_soon().await?;
        let reader = Arc::new(Reader { link, prepared: Mutex::default() });
        *slot = Some(reader.clone());
        Ok(reader)
    }

    async fn statement(&self, reader: &Reader, text: &'static str) -> Result<Statement, Error> {
        let known = reader.prepared.lock().get(text).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let in_schema = in_schema(text, &self.connector.address.schema);
        let statement = reader.link.prepare(&in_schema).await?;
        reader.prepared.lock().insert(text, statement.clone());
        Ok(statement)
    }
}
