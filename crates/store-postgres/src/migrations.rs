//! The tables, and how they came to be: numbered steps, each in its own transaction, under a lock
//! of the row of `meta`, so that two servers that start at once wait for each other.

use tokio_postgres::Client;

use crate::OpenError;
use crate::statements::{in_schema, quoted};

/// What this program writes.
pub(crate) const VERSION: i32 = 2;

/// The steps; the first makes version 1. Steps only add: what the release before writes stays
/// readable, and what it reads stays written.
const STEPS: [&str; 2] = [FIRST, SECOND];

/// The oldest version that a program must know to serve what these steps make.
const OLDEST: i32 = 1;

const META: &str = "
CREATE TABLE IF NOT EXISTS stairwell.meta (
  one boolean PRIMARY KEY CHECK (one), version int NOT NULL, oldest int NOT NULL,
  secret bytea NOT NULL)";

const FIRST: &str = "
CREATE TABLE stairwell.nodes (
  node bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, address text NOT NULL,
  beat bigint NOT NULL, release text NOT NULL, form smallint NOT NULL, peer smallint NOT NULL,
  open bytea NOT NULL) WITH (fillfactor = 20);
CREATE TABLE stairwell.lanes (
  node bigint, lane smallint, session int NOT NULL, PRIMARY KEY (node, lane))
  WITH (fillfactor = 20);
CREATE SEQUENCE stairwell.versions;
CREATE TABLE stairwell.homes (home int PRIMARY KEY, node bigint, version bigint NOT NULL);
CREATE TABLE stairwell.eras (era int PRIMARY KEY, since bigint NOT NULL);
CREATE TABLE stairwell.scopes (
  scope int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account text NOT NULL, region text NOT NULL,
  UNIQUE (account, region));
CREATE TABLE stairwell.executions (
  id uuid PRIMARY KEY, home int NOT NULL, scope int NOT NULL, revision int NOT NULL,
  status smallint NOT NULL, live boolean NOT NULL, machine uuid NOT NULL, started_by uuid,
  name uuid NOT NULL, agenda_of int NOT NULL, effects boolean NOT NULL, due bigint,
  heartbeats bytea, stop bigint, header bytea NOT NULL)
  WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX executions_machine ON stairwell.executions (machine, status, id);
CREATE INDEX executions_started_by ON stairwell.executions (started_by, status, id)
  WHERE started_by IS NOT NULL;
CREATE INDEX executions_live ON stairwell.executions (home, id) WHERE live;
CREATE TABLE stairwell.names (name uuid PRIMARY KEY, id uuid NOT NULL)
  WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE TABLE stairwell.history (
  era int NOT NULL, id uuid NOT NULL, revision int NOT NULL, token bigint NOT NULL,
  last_event bigint NOT NULL, due bigint, effects boolean NOT NULL, heartbeats bytea,
  checkpointed int NOT NULL, records bytea NOT NULL, checkpoint bytea,
  PRIMARY KEY (era, id, revision)) PARTITION BY RANGE (era);
CREATE TABLE stairwell.resources (
  kind smallint, account text COLLATE \"C\", region text COLLATE \"C\", name bytea,
  home int, version bigint NOT NULL, value bytea NOT NULL,
  PRIMARY KEY (kind, account, region, name))
  WITH (autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX resources_version ON stairwell.resources (version) WHERE version > 0;
CREATE TABLE stairwell.forgotten (
  version bigint PRIMARY KEY, kind smallint NOT NULL, account text NOT NULL, region text NOT NULL,
  name bytea NOT NULL);
INSERT INTO stairwell.eras (era, since) VALUES (1, 0)";

/// What several servers need. The first version's program serves these tables too, alone: it writes
/// nodes without a process, and no homes.
const SECOND: &str = "
ALTER TABLE stairwell.nodes ADD COLUMN process uuid;
ALTER TABLE stairwell.forgotten
  ADD COLUMN since timestamptz NOT NULL DEFAULT clock_timestamp();
CREATE INDEX homes_version ON stairwell.homes (version)";

/// The partition of an era. It is made alone and attached, which stops nobody.
pub(crate) fn partition(schema: &str, era: i32) -> [String; 2] {
    let make = format!(
        "CREATE TABLE IF NOT EXISTS stairwell.history_{era} (LIKE stairwell.history) \
         WITH (toast_tuple_target = 8160, autovacuum_vacuum_insert_scale_factor = 0.05); \
         ALTER TABLE stairwell.history_{era} ALTER COLUMN records SET STORAGE EXTERNAL, \
         ALTER COLUMN checkpoint SET STORAGE EXTERNAL"
    );
    let attach = format!(
        "ALTER TABLE stairwell.history ATTACH PARTITION stairwell.history_{era} \
         FOR VALUES FROM ({era}) TO ({})",
        i64::from(era) + 1
    );
    [make, attach].map(|text| in_schema(&text, schema))
}

/// Makes the tables what this program needs.
///
/// # Errors
/// Where they are of a newer program, or the database refuses.
pub(crate) async fn run(client: &mut Client, place: &str, schema: &str) -> Result<(), OpenError> {
    let failed = |error: tokio_postgres::Error| OpenError::of(place, schema, &error);
    make_meta(client, schema).await.map_err(failed)?;
    loop {
        let transaction = client.transaction().await.map_err(failed)?;
        // A step may take longer than a statement that somebody waits for.
        transaction.batch_execute("SET LOCAL statement_timeout = 0").await.map_err(failed)?;
        let lock = in_schema("SELECT version, oldest FROM stairwell.meta FOR UPDATE", schema);
        let row = transaction.query_one(&lock, &[]).await.map_err(failed)?;
        let (version, oldest): (i32, i32) = (row.get(0), row.get(1));
        if oldest > VERSION {
            let (place, schema) = (place.to_owned(), schema.to_owned());
            let (found, known) = (version, VERSION);
            return Err(OpenError::Newer { place, schema, found, oldest, known });
        }
        let Some(step) = usize::try_from(version).ok().and_then(|version| STEPS.get(version))
        else {
            return Ok(());
        };
        transaction.batch_execute(&in_schema(step, schema)).await.map_err(failed)?;
        let partitions = if version == 0 { partition(schema, 1).to_vec() } else { Vec::new() };
        for text in &partitions {
            transaction.batch_execute(text).await.map_err(failed)?;
        }
        let done = in_schema("UPDATE stairwell.meta SET version = $1, oldest = $2", schema);
        transaction.execute(&done, &[&(version + 1), &OLDEST]).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        tracing::info!(version = version + 1, "the tables of the database were brought forward");
    }
}

/// The schema and the table `meta` with its row.
async fn make_meta(client: &Client, schema: &str) -> Result<(), tokio_postgres::Error> {
    let exists = "SELECT to_regclass($1) IS NOT NULL";
    let meta = in_schema("stairwell.meta", schema);
    let is_there: bool = client.query_one(exists, &[&meta]).await?.get(0);
    if !is_there {
        let make_schema = format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(schema));
        for text in [make_schema, in_schema(META, schema)] {
            let made = client.batch_execute(&text).await;
            // Another server may have made it in the meantime: `IF NOT EXISTS` does not see that.
            let is_there = ["23505", "42P06", "42P07"];
            if let Err(error) = made
                && !error.code().is_some_and(|code| is_there.contains(&code.code()))
            {
                return Err(error);
            }
        }
    }
    let secret: Vec<u8> = [uuid::Uuid::new_v4(), uuid::Uuid::new_v4()]
        .iter()
        .flat_map(|part| *part.as_bytes())
        .collect();
    let row = in_schema(
        "INSERT INTO stairwell.meta (one, version, oldest, secret) VALUES (true, 0, 0, $1) \
         ON CONFLICT DO NOTHING",
        schema,
    );
    client.execute(&row, &[&secret]).await?;
    Ok(())
}
