//! The store on PostgreSQL: durable where the database is, and read and backed up as it is.
//!
//! Promises: an answered commit is as durable as the database makes a transaction; what waits at
//! the same time is written as one statement; after a lost connection each commit that was under
//! way is looked for before anything is answered; a server whose rows were taken away writes
//! nothing any more.
//!
//! Does not: share a database among several servers yet; one serves it at a time, and the others
//! refuse to start. Look into a payload.
//!
//! See `docs/postgresql.md`, and `docs/storage.md` for the bytes of the rows.

mod address;
mod agendas;
mod columns;
mod commit_row;
mod connector;
mod eras;
mod error;
mod failure;
mod gate;
mod group;
mod joining;
mod keeper;
mod lane;
pub mod limit;
mod migrations;
mod packed;
mod readers;
mod reads;
mod statements;
mod store;
mod tls;
mod upkeep;
mod work;

pub use address::{Address, AddressError};
pub use error::OpenError;
pub use store::{Options, PostgresStore};
