//! Seeded worlds: definitions, inputs, workers, crashes, lost replies and jumps of the clock, all
//! drawn from one number, with the real runtime and the real engine running in them.
//!
//! Promises: the same seed gives the same world and the same bytes, on any machine; a world that
//! breaks a rule is named by its seed.
//!
//! Does not: sleep, open a socket, or look at the clock; it opens no file but the tables of the
//! embedded store, which part of the worlds are kept in. Only time, the store's faults, the disk of
//! its log and the outside world are simulated.
//!
//! In reading order: [`Plan`] says what happens in a world, `definitions` draws its state
//! machines, [`run`] lets it happen on a `backing`, `outside` is everybody who calls the runtime
//! (`starts` and `admin` are parts of it), `services` is what it calls. `nodes` runs a world on
//! several nodes that share a store. When everything has ended, [`check`] looks at what is in the
//! store, and `effects` at what was done outside.

mod admin;
mod backing;
mod check;
mod definitions;
mod distributed;
mod draw;
mod effects;
mod folder;
mod nodes;
mod normal;
mod outside;
mod plan;
mod plan_nodes;
mod services;
mod starts;
mod world;

pub use check::check;
pub use draw::Draw;
pub use normal::{normal_histories, normal_text};
pub use plan::{
    Change, ChangePlan, ClockStep, Crash, MachinePlan, Plan, RedrivePlan, StartPlan, StopPlan,
    StoreKind, Target,
};
pub use plan_nodes::{ClusterPlan, Trouble, TroubleKind};
pub use world::{Ended, Outcome, run};

use std::ops::AddAssign;

use engine::Status;

/// What there was in a world.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Executions, children included.
    pub executions: u64,
    /// Those of them that succeeded.
    pub succeeded: u64,
    /// Events of all of them.
    pub events: u64,
    /// Redrives of all of them.
    pub redrives: u64,
    /// Processes that died.
    pub crashes: u64,
    /// Changes of the wall clock in their lives and between them.
    pub clock_steps: u64,
    /// Map Runs.
    pub map_runs: u64,
    /// Express executions that were waited for; the others are not counted.
    pub express: u64,
    /// Jobs.
    pub jobs: u64,
    /// Worlds on the embedded store.
    pub embedded: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Tally) {
        self.executions += other.executions;
        self.succeeded += other.succeeded;
        self.events += other.events;
        self.redrives += other.redrives;
        self.crashes += other.crashes;
        self.clock_steps += other.clock_steps;
        self.map_runs += other.map_runs;
        self.express += other.express;
        self.jobs += other.jobs;
        self.embedded += other.embedded;
    }
}

/// Runs a world, everything that is compared with it, and all checks. Returns what there was in it.
///
/// # Errors
/// What is wrong, in words.
pub fn prove(seed: u64) -> Result<Tally, String> {
    prove_plan(&Plan::draw(seed))
}

/// As [`prove`], of a world whose nodes share a store: three, each of which may be killed, stand
/// still, leave, and be cut off from the store or from the others.
///
/// # Errors
/// What is wrong, in words.
pub fn prove_on_nodes(seed: u64) -> Result<Tally, String> {
    prove_plan(&Plan::draw_on_nodes(seed))
}

fn prove_plan(plan: &Plan) -> Result<Tally, String> {
    let seed = plan.seed;
    let outcome = run(plan)?;
    check(plan, &outcome)?;
    if plan.is_ordered {
        let calm = run(&plan.without_faults())?;
        check(plan, &calm)?;
        compare(&normal_histories(&outcome), &normal_histories(&calm))
            .map_err(|difference| format!("the faults can be seen: {difference}"))?;
        if outcome.results != calm.results {
            let (results, calm) = (&outcome.results, &calm.results);
            return Err(format!("the faults can be seen: {results:?}\n{calm:?}"));
        }
    }
    if seed.is_multiple_of(8) {
        let again = run(plan)?;
        compare(&exact_histories(&outcome), &exact_histories(&again))
            .map_err(|difference| format!("the same seed gave something else: {difference}"))?;
    }
    let succeeded = |ended: &&Ended| ended.loaded.header.status == Status::Succeeded;
    Ok(Tally {
        executions: outcome.executions.len() as u64,
        succeeded: outcome.executions.iter().filter(succeeded).count() as u64,
        events: outcome.executions.iter().map(|ended| ended.events.len() as u64).sum(),
        redrives: outcome.executions.iter().map(|ended| ended.loaded.header.redrive_count).sum(),
        crashes: outcome.crashes,
        clock_steps: plan.clock_steps.len() as u64,
        map_runs: outcome.map_runs.len() as u64,
        express: outcome.results.iter().flatten().count() as u64,
        jobs: outcome.journal.jobs.lock().expect("nobody panics with it").len() as u64,
        embedded: u64::from(plan.store == StoreKind::Embedded),
    })
}

/// All that the store holds of the executions, in order, byte for byte.
fn exact_histories(outcome: &Outcome) -> Vec<String> {
    outcome
        .executions
        .iter()
        .map(|execution| format!("{:?}\n{:?}", execution.loaded.header, execution.events))
        .collect()
}

/// The first line in which two lists of texts differ.
fn compare(left: &[String], right: &[String]) -> Result<(), String> {
    if left.len() != right.len() {
        let apart = left.iter().zip(right).find(|(left, right)| left != right);
        let (one, other) = apart.or(left.last().zip(right.last())).unzip();
        return Err(format!(
            "{} executions and {}; the first that differ:\n{}\n--\n{}",
            left.len(),
            right.len(),
            one.map_or("", String::as_str),
            other.map_or("", String::as_str),
        ));
    }
    for (left, right) in left.iter().zip(right) {
        for (one, other) in left.lines().zip(right.lines()) {
            if one != other {
                return Err(format!("\n  {one}\n  {other}"));
            }
        }
        if left.lines().count() != right.lines().count() {
            return Err(format!("one history is longer:\n{left}\n--\n{right}"));
        }
    }
    Ok(())
}
