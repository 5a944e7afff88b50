//! The store on a real PostgreSQL, which the tests start themselves.

mod contract;
mod doubt;
mod failures;
mod nodes;
mod opening;
mod proxy;
mod races;
mod server;
mod tls;
mod upkeep;
