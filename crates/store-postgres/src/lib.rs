//! The store on PostgreSQL: durable where the database is, and read and backed up as it is.
//!
//! Promises: an answered commit is as durable as the database makes a transaction; what waits at
//! the same time is written as one statement; after a lost connection each commit that was under
//! way is looked for before anything is answered; a server whose rows were taken away writes
//! nothing any more under its old number, and joins anew under another.
//!
//! Does not: carry messages between servers, or look into a payload.
//!
//! See `docs/postgresql.md`, and `docs/storage.md` for the bytes of the rows.

mod address;
mod agendas;
mod beats;
mod changes;
mod cluster;
mod columns;
mod commit_row;
mod connector;
mod eras;
mod error;
mod failure;
mod gate;
mod group;
mod joining;
mod lane;
pub mod limit;
mod locating;
mod migrations;
mod nodes;
mod packed;
mod readers;
mod reads;
mod restoring;
mod scopes;
mod statements;
mod store;
mod tls;
mod upkeep;
mod watching;
mod work;

pub use address::{Address, AddressError};
pub use error::OpenError;
pub use store::{Options, PostgresStore};
pub use watching::{Watched, WatchedServer, watch};

/// The number of a kind of resource, as its column has it.
fn resource_kind(kind: ::store::ResourceKind) -> i16 {
    kind as i16
}
