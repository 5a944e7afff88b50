//! What a database takes at most, and what the store reaches of it: `cargo run --release -p
//! stairwell-store-postgres --example limit -- postgres://USER@HOST/DATABASE?schema=limit`. The
//! schema should be new, and nobody else busy on the machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use stairwell_store_postgres::{Address, Options, PostgresStore, limit};
use store::Store;
use store::contract::sample::Life;
use tokio::task::JoinSet;

const EXECUTIONS: usize = 10_000;
const STEPS: usize = 4;
const CALLERS: usize = 256;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::args().nth(1).ok_or("the URL of a database is missing")?;
    let address = Address::parse(&url)?;
    let options = Options {
        address: "limit".to_owned(),
        is_alone: true,
        release: "limit".to_owned(),
        retention_seconds_max: None,
        allow_lost_commits: false,
        start_wait: Duration::from_secs(1),
    };
    let limit = limit::measure(address.clone(), options.clone(), EXECUTIONS, STEPS).await?;
    println!("limit: {:.0} starts/s, {:.0} steps/s", limit.starts, limit.steps);
    let store = Arc::new(PostgresStore::open(address, options).await?);
    let single = one_caller(&store).await;
    println!("one caller: {:.3} ms a commit in the median", single.as_secs_f64() * 1_000.0);
    let (starts, steps) = many_callers(&store).await;
    println!(
        "{CALLERS} callers: {starts:.0} starts/s ({:.2} of the limit), {steps:.0} steps/s ({:.2})",
        starts / limit.starts,
        steps / limit.steps
    );
    store.close().await?;
    Ok(())
}

async fn one_caller(store: &Arc<PostgresStore>) -> Duration {
    let mut life = limit::life(usize::MAX >> 16);
    store.commit(life.start()).await.expect("a new name");
    let mut times = Vec::new();
    for _ in 0..500 {
        let step = life.pass(1);
        let began = Instant::now();
        store.commit(step).await.expect("nobody else commits");
        times.push(began.elapsed());
    }
    times.sort_unstable();
    times[times.len() / 2]
}

/// Starts and steps a second.
async fn many_callers(store: &Arc<PostgresStore>) -> (f64, f64) {
    let lives: Vec<Life> =
        (0..2 * EXECUTIONS).map(|number| limit::life(number + 10 * EXECUTIONS)).collect();
    let (lives, starts) = round(store, lives, |life| life.start()).await;
    let mut lives = lives;
    let mut spent = 0.0;
    for _ in 0..STEPS {
        let rate;
        (lives, rate) = round(store, lives, |life| life.pass(1)).await;
        spent += 1.0 / rate;
    }
    (starts, STEPS as f64 / spent)
}

/// One commit of each execution, by callers of whom each waits for its answer.
async fn round(
    store: &Arc<PostgresStore>,
    mut lives: Vec<Life>,
    next: fn(&mut Life) -> store::Commit,
) -> (Vec<Life>, f64) {
    let count = lives.len();
    let commits: Vec<store::Commit> = lives.iter_mut().map(next).collect();
    let mut shares: Vec<Vec<store::Commit>> = (0..CALLERS).map(|_| Vec::new()).collect();
    for (number, commit) in commits.into_iter().enumerate() {
        shares[number % CALLERS].push(commit);
    }
    let began = Instant::now();
    let mut callers = JoinSet::new();
    for share in shares {
        let store = store.clone();
        callers.spawn(async move {
            for commit in share {
                store.commit(commit).await.expect("nobody else commits");
            }
        });
    }
    callers.join_all().await;
    (lives, count as f64 / began.elapsed().as_secs_f64())
}
