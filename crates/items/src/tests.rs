//! Tests of what no other crate sees.

mod formats;
mod memory;
mod parquet;
mod reading;
mod writing;
