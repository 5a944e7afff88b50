//! Named things that are not executions.

use std::sync::Arc;

use engine::Home;

use crate::Scope;

/// What a resource is. The numbers are part of the stored form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum ResourceKind {
    /// A state machine, by name.
    StateMachine = 1,
    /// The text of a definition, by its [`crate::DefinitionId`], which executions are pinned to.
    Definition = 2,
    /// An activity, by name.
    Activity = 3,
    /// A Map Run ([`crate::MapRunRecord`]), by what its ARN says after `mapRun:`.
    MapRun = 4,
    /// Outcomes of the children of a Map Run ([`crate::MapRunOutcomes`]), by its UUID, `/` and a
    /// number of sixteen hexadecimal digits that counts up.
    MapRunOutcomes = 5,
    /// The Map Runs of an execution: nothing, by the execution's number, `/`, the event that
    /// started the run (sixteen hexadecimal digits), `/`, and the name of the
    /// [`ResourceKind::MapRun`].
    MapRunOfExecution = 6,
    /// A user, a role, a managed policy or an access key.
    Identity = 7,
    /// A commit by which an execution began, ended or was redriven, and whose events are not put
    /// yet: the header as that commit left it, by the execution's number and the revision (eight
    /// hexadecimal digits). Those of all scopes are in the one without account and region.
    StatusChange = 8,
    /// Where the clocks of the machine are: one row, in the scope without account and region.
    Clock = 9,
}

/// Which resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceKey {
    /// What it is.
    pub kind: ResourceKind,
    /// Whose it is.
    pub scope: Scope,
    /// Its name, unique within kind and scope.
    pub name: Arc<str>,
}

impl ResourceKey {
    /// The home of the execution that it belongs to, where only the node that holds it reads it: of
    /// [`ResourceKind::StatusChange`].
    pub fn home(&self) -> Option<Home> {
        let is_of_execution = self.kind == ResourceKind::StatusChange;
        let digits = is_of_execution.then(|| self.name.get(12..16)).flatten()?;
        u16::from_str_radix(digits, 16).ok().map(Home)
    }
}

/// A stored resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Grows with every write; for compare and set.
    pub version: u64,
    /// The record, as its owner encodes it.
    pub value: Arc<[u8]>,
}
