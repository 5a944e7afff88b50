//! The store in process, durable on one machine: a folder of files.
//!
//! Promises: an answered commit survives the end of the process and of the machine's power; commits
//! that wait at the same time share a sync; reads run on the caller's thread and wait for no write;
//! a full disk refuses commits and nothing else, and they go on by themselves once there is room.
//!
//! Does not: share its folder. One process holds it at a time.

mod agenda_reads;
mod agendas;
mod alarm;
mod changes;
mod database;
pub mod disk;
pub mod doctor;
mod error;
mod folder;
mod horizon;
mod inspect;
mod keeper;
mod keys;
mod log;
mod lost;
mod manifest;
mod mend;
mod queue;
mod readers;
mod reads;
mod removals;
mod resource_cache;
mod resources;
mod restore;
mod store;
mod writer;

pub use error::OpenError;
pub use log::{LogScan, Verdict, scan_log};
pub use store::{EmbeddedStore, Health, Options};
