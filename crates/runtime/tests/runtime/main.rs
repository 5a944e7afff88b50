//! The runtime on a store in memory, in paused time.

#![allow(clippy::unwrap_used)]

mod activities;
mod background;
mod clients;
mod clock;
mod express_history;
mod homes;
mod map_runs;
mod nested;
mod nodes;
mod overload;
mod releases;
mod restarts;
mod retention;
mod services;
mod start;
mod state_machines;
mod sync;
mod unruly;
mod world;
mod writes;
