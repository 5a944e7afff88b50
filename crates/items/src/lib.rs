//! What Map Runs read their items from, and write their results to: objects of S3, or files.
//!
//! Read [`MapData`] first, which is what the runtime sees; then `reader.rs` and `writer.rs`.
//!
//! Promises: whatever the size of an object, no more of it is in memory than the item that is being
//! read and a few chunks; a reader that goes on from a position gives the items that would have
//! come next; an object that breaks off, or changes while it is read, is a failure and never the
//! end of the items.
//!
//! Does not: know an execution, a Map Run's counters, or what becomes of an item.

mod allowed;
mod content;
mod csv;
mod failure;
mod folder;
mod json_items;
mod json_lines;
mod listing;
mod manifest;
mod map_data;
mod objects;
mod parameters;
mod parquet_items;
mod position;
mod reader;
mod s3;
mod split;
mod stream;
mod text;
mod time;
mod writer;

#[cfg(test)]
mod tests;

pub use folder::Folder;
pub use map_data::MapData;
pub use objects::{
    Body, BucketAddress, ListedObject, ObjectAddress, ObjectWriter, Objects, ObjectsError,
    OpenObject, Refusal,
};
pub use s3::S3Objects;
pub use stream::Patience;
