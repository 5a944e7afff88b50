//! The statements. Every one names its schema, which poolers would lose, and every one that writes
//! begins with the fence: a share lock of the lane's row, which is deleted to keep a server out.
//!
//! Within those that write, only locked rows and parameters decide who wins; whatever else is read
//! can only make a commit lose. So READ COMMITTED is enough: see `docs/postgresql.md`.

/// The text, with the name of the schema in the place of ours.
pub(crate) fn in_schema(text: &str, schema: &str) -> String {
    text.replace("stairwell.", &format!("{}.", quoted(schema)))
}

/// A name, as SQL writes it.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `$1` is the node, `$2` the lane, `$3` its session.
const FENCE: &str = "WITH fence AS (
  SELECT FROM stairwell.lanes WHERE node = $1 AND lane = $2 AND session = $3 FOR SHARE)";

/// Resources that come with commits of `kept`, from the parameter of that number on.
fn told(first: usize) -> String {
    let [id, kind, account, region, name, home, value] = std::array::from_fn(|index| first + index);
    format!(
        "told AS (
  INSERT INTO stairwell.resources (kind, account, region, name, home, version, value)
  SELECT o.kind, o.account, o.region, o.name, o.home, 0, o.value
  FROM kept JOIN unnest(${id}::uuid[], ${kind}::smallint[], ${account}::text[], ${region}::text[],
    ${name}::bytea[], ${home}::int[], ${value}::bytea[])
    AS o(id, kind, account, region, name, home, value) USING (id)
  ON CONFLICT DO NOTHING)"
    )
}

/// A row without an id says that the fence held; the others are the commits that were written.
const OUTCOME: &str = "SELECT NULL::uuid AS id FROM fence UNION ALL SELECT id FROM kept";

/// First commits.
pub(crate) fn starts() -> String {
    let told = told(24);
    format!(
        "{FENCE},
named AS (
  INSERT INTO stairwell.names (name, id)
  SELECT n.name, n.id FROM fence, unnest($4::uuid[], $5::uuid[]) AS n(name, id)
  ON CONFLICT (name) DO UPDATE SET id = EXCLUDED.id
  WHERE names.id = (SELECT f.old FROM unnest($4::uuid[], $6::uuid[]) AS f(name, old)
                    WHERE f.name = names.name)
  RETURNING id),
started AS (
  INSERT INTO stairwell.executions (id, home, scope, revision, status, live, machine, started_by,
    name, agenda_of, effects, due, heartbeats, stop, header)
  SELECT n.id, n.home, n.scope, 1, n.status, n.live, n.machine, n.started_by,
    n.name, 0, false, NULL, NULL, n.stop, n.header
  FROM named JOIN unnest($5::uuid[], $7::int[], $8::int[], $9::smallint[], $10::boolean[],
    $11::uuid[], $12::uuid[], $4::uuid[], $13::bigint[], $14::bytea[])
    AS n(id, home, scope, status, live, machine, started_by, name, stop, header) USING (id)
  RETURNING id),
kept AS (
  INSERT INTO stairwell.history (era, id, revision, token, last_event, due, effects, heartbeats,
    checkpointed, records, checkpoint)
  SELECT r.era, r.id, 1, r.token, r.last_event, r.due, r.effects, r.heartbeats,
    CASE WHEN r.checkpoint IS NULL THEN 0 ELSE 1 END, r.records, r.checkpoint
  FROM started JOIN unnest($15::int[], $5::uuid[], $16::int[], $17::bigint[], $18::bigint[],
    $19::bigint[], $20::boolean[], $21::bytea[], $22::bytea[], $23::bytea[])
    AS r(era, id, revision, token, last_event, due, effects, heartbeats, records, checkpoint)
    USING (id)
  RETURNING id),
{told}
{OUTCOME}"
    )
}

/// Commits with records that are not the first.
pub(crate) fn steps() -> String {
    let told = told(22);
    format!(
        "{FENCE},
locked AS (
  SELECT e.id FROM fence, unnest($4::uuid[], $5::smallint[]) AS c(id, previous)
  JOIN stairwell.executions e ON e.id = c.id
  WHERE e.status = c.previous FOR UPDATE OF e),
kept AS (
  INSERT INTO stairwell.history (era, id, revision, token, last_event, due, effects, heartbeats,
    checkpointed, records, checkpoint)
  SELECT r.era, r.id, r.revision, r.token, r.last_event, r.due, r.effects, r.heartbeats,
    CASE WHEN r.checkpoint IS NULL THEN before.checkpointed ELSE r.revision END,
    r.records, r.checkpoint
  FROM fence, unnest($6::int[], $7::uuid[], $8::int[], $9::bigint[], $10::bigint[],
    $11::bigint[], $12::boolean[], $13::bytea[], $14::bytea[], $15::bytea[], $16::boolean[])
    AS r(era, id, revision, token, last_event, due, effects, heartbeats, records, checkpoint,
      closes),
  LATERAL (SELECT p.checkpointed FROM stairwell.history p
           WHERE p.era = r.era AND p.id = r.id AND p.revision = r.revision - 1 LIMIT 1) AS before
  WHERE NOT r.closes OR r.id IN (SELECT id FROM locked)
  ON CONFLICT DO NOTHING RETURNING id),
closed AS (
  UPDATE stairwell.executions e
  SET revision = c.revision, status = c.status, live = c.live, stop = c.stop, header = c.header
  FROM kept JOIN unnest($4::uuid[], $17::int[], $18::smallint[], $19::boolean[], $20::bigint[],
    $21::bytea[]) AS c(id, revision, status, live, stop, header) USING (id)
  WHERE e.id = c.id),
{told}
{OUTCOME}"
    )
}

/// Commits of agendas alone.
pub(crate) fn agendas() -> String {
    let told = told(11);
    format!(
        "{FENCE},
kept AS (
  UPDATE stairwell.executions e
  SET live = a.live, due = a.due, effects = a.effects, heartbeats = a.heartbeats,
    agenda_of = a.revision
  FROM fence, unnest($4::int[], $5::uuid[], $6::int[], $7::boolean[], $8::bigint[],
    $9::boolean[], $10::bytea[]) AS a(era, id, revision, live, due, effects, heartbeats)
  WHERE e.id = a.id AND a.revision = (
    SELECT h.revision FROM stairwell.history h WHERE h.era = a.era AND h.id = a.id
    ORDER BY h.revision DESC LIMIT 1)
  RETURNING e.id),
{told}
{OUTCOME}"
    )
}

/// Writes of resources: made where none is expected, changed, and removed where there is no value.
/// A row without a place says that the fence held.
pub(crate) fn resources() -> String {
    format!(
        "{FENCE},
asked AS (
  SELECT r.place, r.kind, r.account, r.region, r.name, r.expected, r.value
  FROM fence, unnest($4::int[], $5::smallint[], $6::text[], $7::text[], $8::bytea[],
    $9::bigint[], $10::bytea[]) AS r(place, kind, account, region, name, expected, value)),
made AS (
  INSERT INTO stairwell.resources (kind, account, region, name, version, value)
  SELECT kind, account, region, name, nextval('stairwell.versions'), value FROM asked
  WHERE expected IS NULL AND value IS NOT NULL
  ON CONFLICT DO NOTHING RETURNING kind, account, region, name, version),
changed AS (
  UPDATE stairwell.resources r SET value = a.value, version = nextval('stairwell.versions')
  FROM asked a
  WHERE a.expected IS NOT NULL AND a.value IS NOT NULL AND r.version = a.expected
    AND r.kind = a.kind AND r.account = a.account AND r.region = a.region AND r.name = a.name
  RETURNING r.kind, r.account, r.region, r.name, r.version),
gone AS (
  DELETE FROM stairwell.resources r USING asked a
  WHERE a.expected IS NOT NULL AND a.value IS NULL AND r.version = a.expected
    AND r.kind = a.kind AND r.account = a.account AND r.region = a.region AND r.name = a.name
  RETURNING r.kind, r.account, r.region, r.name, nextval('stairwell.versions') AS version),
remembered AS (
  INSERT INTO stairwell.forgotten (version, kind, account, region, name)
  SELECT version, kind, account, region, name FROM gone WHERE kind = ANY($11)),
nothing AS (
  SELECT a.kind, a.account, a.region, a.name, nextval('stairwell.versions') AS version
  FROM asked a
  WHERE a.expected IS NULL AND a.value IS NULL AND NOT EXISTS (
    SELECT FROM stairwell.resources r WHERE r.kind = a.kind AND r.account = a.account
      AND r.region = a.region AND r.name = a.name))
SELECT NULL::int AS place, NULL::bigint AS version FROM fence
UNION ALL
SELECT a.place, w.version FROM asked a JOIN (
  SELECT * FROM made UNION ALL SELECT * FROM changed UNION ALL SELECT * FROM gone
  UNION ALL SELECT * FROM nothing
) AS w USING (kind, account, region, name)"
    )
}

/// Removes executions that have ended. Tells whether the fence held, and how many were removed.
pub(crate) fn removals() -> String {
    format!(
        "{FENCE},
gone AS (
  DELETE FROM stairwell.executions e
  USING fence, unnest($4::uuid[], $5::int[]) AS r(id, revision)
  WHERE e.id = r.id AND e.revision = r.revision AND NOT e.live RETURNING e.id, e.name),
freed AS (
  DELETE FROM stairwell.names n USING gone g WHERE n.name = g.name AND n.id = g.id)
SELECT (SELECT count(*) FROM fence), (SELECT count(*) FROM gone)"
    )
}

/// A newer session of a lane: statements of the older ones do nothing from then on. The process is
/// compared since a database that was set back gives numbers again.
pub(crate) const SESSION: &str = "UPDATE stairwell.lanes l SET session = l.session + 1
FROM stairwell.nodes n
WHERE l.node = $1 AND l.lane = $2 AND n.node = l.node AND n.process = $3 RETURNING l.session";

/// Which commits are there, by their tokens.
pub(crate) const TOKENS: &str = "SELECT r.token
FROM unnest($1::int[], $2::uuid[], $3::int[], $4::bigint[]) AS r(era, id, revision, token),
LATERAL (SELECT FROM stairwell.history h WHERE h.era = r.era AND h.id = r.id
  AND h.revision = r.revision AND h.token = r.token LIMIT 1) AS h";

/// Who has names that were taken: the name, its execution, and when that stopped.
pub(crate) const HOLDERS: &str = "SELECT n.name, n.id, e.stop
FROM unnest($1::uuid[]) AS r(name)
JOIN stairwell.names n ON n.name = r.name
LEFT JOIN stairwell.executions e ON e.id = n.id";

/// How many of these executions are there.
pub(crate) const THERE: &str =
    "SELECT count(*) FROM stairwell.executions WHERE id = ANY($1::uuid[])";

/// The newest execution of a name.
pub(crate) const FIND: &str = "SELECT n.id FROM stairwell.names n WHERE n.name = $1";

/// The header of an execution, with the newest row of its history.
pub(crate) const HEADER: &str = "SELECT e.header, t.revision, t.last_event
FROM stairwell.executions e,
LATERAL (SELECT h.revision, h.last_event FROM stairwell.history h
  WHERE h.era = $1 AND h.id = e.id ORDER BY h.revision DESC LIMIT 1) AS t
WHERE e.id = $2";

/// An execution from its last checkpoint on. What is the same in all rows is in the first alone.
pub(crate) const LOAD: &str = "WITH e AS (SELECT * FROM stairwell.executions WHERE id = $2),
t AS (SELECT * FROM stairwell.history WHERE era = $1 AND id = $2 ORDER BY revision DESC LIMIT 1)
SELECT h.revision = t.checkpointed AS is_checkpoint,
  CASE WHEN h.revision = t.checkpointed THEN h.checkpoint ELSE h.records END AS bytes,
  CASE WHEN h.revision = greatest(t.checkpointed, 1) THEN e.header END AS header,
  t.revision, t.last_event,
  CASE WHEN e.agenda_of = t.revision THEN e.heartbeats ELSE t.heartbeats END AS heartbeats
FROM e, t, stairwell.history h
WHERE h.era = $1 AND h.id = $2 AND h.revision >= t.checkpointed ORDER BY h.revision";

/// Rows of history, in either order.
pub(crate) const HISTORY: &str = "SELECT h.revision, h.last_event, h.records
FROM stairwell.history h
WHERE h.era = $1 AND h.id = $2 AND h.revision >= $3
  AND EXISTS (SELECT FROM stairwell.executions e WHERE e.id = $2)
ORDER BY h.revision LIMIT $4";

/// The same, from the newest on.
pub(crate) const HISTORY_REVERSE: &str = "SELECT h.revision, h.last_event, h.records
FROM stairwell.history h
WHERE h.era = $1 AND h.id = $2 AND h.revision <= $3
  AND EXISTS (SELECT FROM stairwell.executions e WHERE e.id = $2)
ORDER BY h.revision DESC LIMIT $4";

/// Executions of a machine in some statuses, the newest first.
pub(crate) const LIST_MACHINE: &str = "SELECT x.id, x.status, x.header
FROM unnest($2::smallint[]) AS s(status),
LATERAL (SELECT e.id, e.status, e.header FROM stairwell.executions e
  WHERE e.machine = $1 AND e.status = s.status AND e.id < $3 ORDER BY e.id DESC LIMIT $4) AS x
ORDER BY x.id DESC LIMIT $4";

/// Executions that another one started.
pub(crate) const LIST_STARTED_BY: &str = "SELECT x.id, x.status, x.header
FROM unnest($2::smallint[]) AS s(status),
LATERAL (SELECT e.id, e.status, e.header FROM stairwell.executions e
  WHERE e.started_by = $1 AND e.status = s.status AND e.id < $3 ORDER BY e.id DESC LIMIT $4) AS x
ORDER BY x.id DESC LIMIT $4";

/// The newest rows of the histories of some executions.
pub(crate) const NEWEST: &str = "SELECT r.id, t.revision, t.last_event, t.due, t.effects
FROM unnest($1::int[], $2::uuid[]) AS r(era, id),
LATERAL (SELECT h.revision, h.last_event, h.due, h.effects FROM stairwell.history h
  WHERE h.era = r.era AND h.id = r.id ORDER BY h.revision DESC LIMIT 1) AS t";

/// Executions in the order of their start.
pub(crate) const ENDED: &str = "SELECT e.id, e.live, e.stop,
  CASE WHEN NOT e.live THEN e.header END AS header
FROM stairwell.executions e WHERE e.id > $1 AND e.id < $2 ORDER BY e.id LIMIT $3";

/// Executions that are open or have an agenda.
pub(crate) const LIVE: &str =
    "SELECT e.home, e.id, e.scope, e.status, e.agenda_of, e.due, e.effects
FROM stairwell.executions e WHERE e.live AND (e.home, e.id) > ($1, $2)
ORDER BY e.home, e.id LIMIT $3";

/// The same, of one home.
pub(crate) const LIVE_AT: &str =
    "SELECT e.home, e.id, e.scope, e.status, e.agenda_of, e.due, e.effects
FROM stairwell.executions e WHERE e.live AND e.home = $1 AND e.id > $2 ORDER BY e.id LIMIT $3";

/// Who holds a home: no address where the holder is gone.
pub(crate) const HOLDER: &str = "SELECT h.home, h.node, h.version, n.address
FROM stairwell.homes h LEFT JOIN stairwell.nodes n ON n.node = h.node WHERE h.home = $1";

/// A resource.
pub(crate) const RESOURCE: &str = "SELECT version, value FROM stairwell.resources
WHERE kind = $1 AND account = $2 AND region = $3 AND name = $4";

/// Resources by name, from one on; of some homes alone, where these are given.
pub(crate) const RESOURCES: &str = "SELECT name, version, value FROM stairwell.resources
WHERE kind = $1 AND account = $2 AND region = $3 AND name >= $4
  AND ($6::int[] IS NULL OR home IS NULL OR home = ANY($6)) ORDER BY name LIMIT $5";

/// The number of a scope, which is made where it has none.
pub(crate) const SCOPE: &str = "WITH made AS (
  INSERT INTO stairwell.scopes (account, region) VALUES ($1, $2)
  ON CONFLICT (account, region) DO NOTHING RETURNING scope)
SELECT scope FROM made UNION ALL
SELECT scope FROM stairwell.scopes WHERE account = $1 AND region = $2";

/// All scopes.
pub(crate) const SCOPES: &str = "SELECT scope, account, region FROM stairwell.scopes";

/// All eras.
pub(crate) const ERAS: &str = "SELECT era, since FROM stairwell.eras";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_is_in_the_schema() {
        let text = in_schema("SELECT 1 FROM stairwell.names", "a \"b\"");
        assert_eq!(text, "SELECT 1 FROM \"a \"\"b\"\"\".names");
    }

    #[test]
    fn every_statement_that_writes_begins_with_the_fence() {
        for text in [starts(), steps(), agendas(), resources(), removals()] {
            assert!(text.starts_with(FENCE), "{text}");
            assert!(text.contains("FROM fence"), "{text}");
        }
    }
}
