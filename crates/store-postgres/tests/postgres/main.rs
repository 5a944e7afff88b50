//! The store on a real PostgreSQL, which the tests start themselves.

mod contract;
mod doubt;
mod failures;
mod fences;
mod nodes;
mod opening;
mod proxy;
mod races;
mod server;
mod sharing;
mod tls;
mod upkeep;
