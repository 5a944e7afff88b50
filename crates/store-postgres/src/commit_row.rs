//! A commit as rows of the database.

use engine::{ExecutionId, Status, Timestamp};
use sha2::{Digest, Sha256};
use store::encoding::{AgendaRow, encode_agenda, encode_header, encode_records, status_number};
use store::{Commit, Expected, ResourceKey, Scope};
use uuid::Uuid;

use crate::packed::pack;

/// A commit, encoded.
#[derive(Clone, Debug)]
pub(crate) struct CommitRow {
    pub(crate) execution: ExecutionId,
    pub(crate) kind: CommitKind,
    pub(crate) scope: Scope,
    pub(crate) statuses: (Option<Status>, Status),
    pub(crate) instant: Option<Timestamp>,
    pub(crate) id: Uuid,
    pub(crate) era: i32,
    pub(crate) home: i32,
    pub(crate) scope_number: i32,
    pub(crate) revision: i32,
    /// What tells it from a rival's, where it is not known whether it was written.
    pub(crate) token: i64,
    pub(crate) last_event: i64,
    /// Open, or with an agenda.
    pub(crate) live: bool,
    pub(crate) machine: Uuid,
    pub(crate) started_by: Option<Uuid>,
    pub(crate) name: Uuid,
    pub(crate) stop: Option<i64>,
    /// Empty where it is not written.
    pub(crate) header: Vec<u8>,
    pub(crate) due: Option<i64>,
    pub(crate) effects: bool,
    pub(crate) heartbeats: Option<Vec<u8>>,
    pub(crate) records: Vec<u8>,
    pub(crate) checkpoint: Option<Vec<u8>>,
    pub(crate) resource: Option<(ResourceKey, Vec<u8>)>,
}

/// Which statement writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CommitKind {
    /// The first of an execution.
    Start {
        /// The name is free where its execution stopped then or before.
        free_after: Timestamp,
        /// The execution that the name may be taken from.
        old: Option<Uuid>,
    },
    /// One with records.
    Step {
        /// Whether the execution's own row changes: the status before or after is not running.
        closes: bool,
    },
    /// The agenda alone.
    Agenda,
}

/// What the store knows beside the commit.
pub(crate) struct Surroundings {
    pub(crate) era: i32,
    pub(crate) scope_number: i32,
    pub(crate) token: i64,
}

impl CommitRow {
    pub(crate) fn new(commit: Commit, around: &Surroundings) -> CommitRow {
        let Commit { expected, header, previous_status, records, agenda, checkpoint, resource } =
            commit;
        let is_open = header.status == Status::Running;
        let kind = match expected {
            Expected::New { free_after } => CommitKind::Start { free_after, old: None },
            Expected::At(_) if records.is_empty() => CommitKind::Agenda,
            Expected::At(_) => {
                let closes = !is_open || previous_status != Some(Status::Running);
                CommitKind::Step { closes }
            }
        };
        let has_header = match kind {
            CommitKind::Start { .. } => true,
            CommitKind::Step { closes } => closes,
            CommitKind::Agenda => false,
        };
        let agenda = agenda.unwrap_or_default();
        let live = is_open || agenda != store::Agenda::default();
        let (due, effects) = (agenda.due, agenda.has_effects);
        let heartbeats = (!agenda.heartbeats.is_empty()).then(|| {
            let (scope, status) = (header.scope.clone(), header.status);
            pack(&encode_agenda(&AgendaRow { scope, status, revision: header.revision, agenda }))
        });
        CommitRow {
            execution: header.id,
            kind,
            statuses: (previous_status, header.status),
            instant: due,
            id: Uuid::from_bytes(header.id.0),
            era: around.era,
            home: home(header.id),
            scope_number: around.scope_number,
            revision: header.revision.0.cast_signed(),
            token: around.token,
            last_event: header.last_event.0.cast_signed(),
            live,
            machine: Uuid::from_bytes(header.machine.0),
            started_by: header.started_by.map(|id| Uuid::from_bytes(id.0)),
            name: name(&header.arn),
            stop: header.stop.map(|stop| stop.0),
            header: if has_header { pack(&encode_header(&header)) } else { Vec::new() },
            due: due.map(|due| due.0),
            effects,
            heartbeats,
            records: if records.is_empty() { Vec::new() } else { pack(&encode_records(&records)) },
            checkpoint: checkpoint.map(|bytes| pack(&bytes)),
            resource,
            scope: header.scope,
        }
    }

    /// How much it writes.
    pub(crate) fn bytes(&self) -> usize {
        let optional = |bytes: &Option<Vec<u8>>| bytes.as_ref().map_or(0, Vec::len);
        let resource = self.resource.as_ref().map_or(0, |(_, value)| value.len());
        200 + self.header.len()
            + self.records.len()
            + resource
            + optional(&self.checkpoint)
            + optional(&self.heartbeats)
    }

    pub(crate) fn status_number(&self) -> i16 {
        i16::from(status_number(self.statuses.1))
    }
}

/// The home of an execution: bytes 6 and 7 of its id.
pub(crate) fn home(id: ExecutionId) -> i32 {
    i32::from(u16::from_be_bytes([id.0[6], id.0[7]]))
}

/// What finds an execution by its ARN: the first 128 bits of SHA-256.
pub(crate) fn name(arn: &str) -> Uuid {
    let digest: [u8; 32] = Sha256::digest(arn.as_bytes()).into();
    Uuid::from_bytes(*digest.first_chunk().expect("32 bytes are more than 16"))
}
