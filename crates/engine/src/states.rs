//! One file per type of state: what happens when a frame works in it.

mod choice;
mod distributed;
mod fail;
mod join;
mod map;
mod mocked;
mod parallel;
mod parameters;
mod pass;
mod succeed;
mod task;
mod wait;
