//! Runs seeded worlds on every core, and names the first that breaks a rule.

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use stairwell_simulator::{Draw, Plan, Tally, prove, prove_on_nodes};

type Prove = fn(u64) -> Result<Tally, String>;

/// Runs seeded worlds.
#[derive(Parser)]
struct Arguments {
    /// How many executions to run, about.
    #[arg(long, default_value_t = 20_000)]
    executions: u64,
    /// Chooses the worlds; drawn and printed where it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Runs one world alone, and shows its plan.
    #[arg(long)]
    world: Option<u64>,
    /// Runs worlds of three nodes that share a store, to which all kinds of things happen.
    #[arg(long)]
    nodes: bool,
    /// Names each world before it runs.
    #[arg(long)]
    verbose: bool,
    /// How many threads; as many as there are cores where it is not given.
    #[arg(long)]
    threads: Option<usize>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let (draw, prove) = match arguments.nodes {
        true => (Plan::draw_on_nodes as fn(u64) -> Plan, prove_on_nodes as Prove),
        false => (Plan::draw as fn(u64) -> Plan, prove as Prove),
    };
    if let Some(world) = arguments.world {
        println!("{:#?}", draw(world));
        return match prove(world) {
            Ok(tally) => {
                println!("world {world}: nothing is wrong with {tally:?}");
                ExitCode::SUCCESS
            }
            Err(error) => {
                println!("world {world}: {error}");
                ExitCode::FAILURE
            }
        };
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let seed = arguments.seed.unwrap_or(now.as_millis() as u64);
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = arguments.threads.unwrap_or(cores);
    println!("simulate: --seed {seed}, {threads} threads");
    let began = Instant::now();
    let run = Run {
        worlds: Mutex::new(Draw::new(seed)),
        limit: arguments.executions,
        verbose: arguments.verbose,
        prove,
        nodes: arguments.nodes,
        tally: Mutex::default(),
        count: AtomicU64::new(0),
        failed: AtomicBool::new(false),
    };
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| run.work());
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    let tally = run.tally();
    let Tally { executions, succeeded, events, redrives, crashes, clock_steps, .. } = tally;
    let Tally { map_runs, express, jobs, embedded, .. } = tally;
    println!(
        "simulate: {executions} executions ({succeeded} succeeded) in {} worlds ({embedded} on the \
         embedded store), {events} events, {redrives} redrives, {crashes} crashes, {clock_steps} \
         steps of the clock, {map_runs} Map Runs, {express} Express executions, {jobs} jobs, \
         {seconds:.1} s: {:.0} executions/s",
        run.count.load(Ordering::Relaxed),
        executions as f64 / seconds,
    );
    match run.failed.load(Ordering::Relaxed) {
        true => ExitCode::FAILURE,
        false => ExitCode::SUCCESS,
    }
}

struct Run {
    worlds: Mutex<Draw>,
    limit: u64,
    verbose: bool,
    prove: Prove,
    nodes: bool,
    tally: Mutex<Tally>,
    count: AtomicU64,
    failed: AtomicBool,
}

impl Run {
    fn tally(&self) -> Tally {
        *self.tally.lock().expect("nobody panics while adding")
    }

    /// Runs worlds until there were enough executions, or one broke a rule.
    fn work(&self) {
        while self.tally().executions < self.limit && !self.failed.load(Ordering::Relaxed) {
            let world = self.worlds.lock().expect("nobody panics while drawing").seed();
            if self.verbose {
                println!("world {world}");
            }
            let error = match catch_unwind(|| (self.prove)(world)) {
                Ok(Ok(tally)) => {
                    *self.tally.lock().expect("nobody panics while adding") += tally;
                    self.count.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                Ok(Err(error)) => error,
                Err(_) => "it panicked".to_owned(),
            };
            self.failed.store(true, Ordering::Relaxed);
            println!("world {world}: {error}");
            let nodes = if self.nodes { " --nodes" } else { "" };
            println!("rerun: cargo xtask simulate --world {world}{nodes}");
        }
    }
}
