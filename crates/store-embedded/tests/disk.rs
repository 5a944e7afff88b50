//! The store on a disk that fails: after every call of the disk in a workload, the power goes, or
//! the process; or the call fails with EIO; or there is no room for it. What was answered is there
//! afterwards, what was refused is not, and what nobody knows is there whole or not at all, for good.
//!
//! `cargo xtask disk` runs many more worlds, each from a seed: `STAIRWELL_DISK_SEEDS=7..8` runs the
//! one of seed 7 again.

#![allow(clippy::unwrap_used)]

#[path = "disk/image.rs"]
mod image;
#[path = "disk/workload.rs"]
mod workload;

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use stairwell_store_embedded::disk::simulated::Loss;
use stairwell_store_embedded::{EmbeddedStore, OpenError, Options};
use store::Store;

use crate::image::{Image, Tables, World};
use crate::workload::{Model, Numbers, Step};

/// Of a workload over all calls.
const STEPS: usize = 220;

/// So little that a segment is full after some ten commits.
fn options(numbers: &mut Numbers) -> Options {
    let log_bytes = 12_000 + numbers.below(20_000);
    Options { cache_bytes: 1 << 20, log_bytes, in_step: true }
}

fn open(world: &World, options: Options) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open_on(Arc::new(world.disk.clone()), &world.folder, options)
}

/// Opens what a loss left, and checks it. Returns whether the step under way was done.
async fn recovered(world: &World, options: Options, model: &Model, step: Option<&Step>) -> bool {
    let store = open(world, options).unwrap_or_else(|error| panic!("{}: {error}", world.what));
    let done =
        model.verify(&store, step).await.unwrap_or_else(|error| panic!("{}: {error}", world.what));
    // What was seen is there from now on, whatever happens to the power.
    let mut model = model.clone();
    if let Some(step) = step.filter(|_| done) {
        model.take(step);
    }
    let step = model.start(1 << 30);
    step.run(&store).await.unwrap_or_else(|error| panic!("{}: {error}", world.what));
    model.take(&step);
    let after = world.after(Loss::Power, world.seed ^ 1);
    drop(store);
    let store = open(&after, options).unwrap_or_else(|error| panic!("{}: {error}", after.what));
    let verified = model.verify(&store, None).await;
    verified.unwrap_or_else(|error| panic!("{}, again: {error}", after.what));
    done
}

/// The power or the process goes at one of the calls of a recovery, and again after it.
async fn check_image(image: Image, options: Options, model: &Model, step: &Step) {
    let seed = image.seed;
    let world = image.world();
    let stop = 1 + seed % 40;
    world.disk.stop_at(stop);
    drop(open(&world, options));
    let loss = if seed & 64 == 0 { Loss::Power } else { Loss::Process };
    let world = world.after(loss, seed ^ 2);
    recovered(&world, options, model, Some(step)).await;
}

/// Checks an image of the disk after every call of the workload.
async fn crash_after_every_call(seed: u64) -> usize {
    let mut numbers = Numbers::new(seed);
    let options = options(&mut numbers);
    let tables = Tables::new();
    let images = Arc::new(Mutex::new(Vec::new()));
    let world = World::new(&tables, seed).with_images(&images);
    let store = open(&world, options).unwrap();
    let mut model = Model::default();
    let mut count = 0;
    for _ in 0..STEPS {
        let step = model.next(&mut numbers);
        let answer = step.run(&store).await;
        let taken = std::mem::take(&mut *images.lock());
        for image in taken {
            check_image(image, options, &model, &step).await;
            count += 1;
        }
        answer.unwrap();
        model.take(&step);
    }
    count
}

#[tokio::test]
async fn the_power_goes_after_every_call() {
    let images = crash_after_every_call(1).await;
    println!("disk: {images} images of {STEPS} commits");
    assert!(images > 500, "only {images} calls");
}

/// Runs a workload until a call fails. Returns the number of calls, where none did.
async fn fail_at(seed: u64, call: u64) -> Option<u64> {
    let mut numbers = Numbers::new(seed);
    let options = options(&mut numbers);
    let tables = Tables::new();
    let mut world = World::new(&tables, seed ^ call);
    world.what = format!("seed {seed}, EIO at call {call}");
    world.disk.fail_at(call);
    let mut model = Model::default();
    let mut under_way = None;
    let mut failed = false;
    if let Ok(store) = open(&world, options) {
        for _ in 0..STEPS {
            let step = model.next(&mut numbers);
            match step.run(&store).await {
                Ok(()) => {
                    assert!(!failed, "{}: nothing is written until a restart", world.what);
                    model.take(&step);
                }
                Err(store::StoreError::Unknown(_)) if !failed => {
                    (failed, under_way) = (true, Some(step));
                }
                Err(store::StoreError::Refused(_)) if !failed => failed = true,
                Err(store::StoreError::Refused(_)) => break,
                Err(error) => panic!("{}: {error}", world.what),
            }
        }
        // Reads go on, and show nothing that was not answered.
        assert_eq!(model.verify(&store, under_way.as_ref()).await, Ok(false), "{}", world.what);
        if !failed && world.disk.calls() < call {
            return Some(world.disk.calls());
        }
    }
    let loss = if (seed ^ call) & 1 == 0 { Loss::Power } else { Loss::Process };
    let world = world.after(loss, seed ^ call);
    recovered(&world, options, &model, under_way.as_ref()).await;
    None
}

#[tokio::test]
async fn every_call_fails_once() {
    let mut call = 1;
    let calls = loop {
        if let Some(calls) = fail_at(2, call).await {
            break calls;
        }
        call += 1;
    };
    println!("disk: {calls} calls, each of which failed once");
    assert!(calls > 500, "only {calls} calls");
}

/// There is no room for a call: what was refused is not there, and commits go on by themselves.
async fn full_at(seed: u64, call: u64) {
    let mut numbers = Numbers::new(seed);
    let options = options(&mut numbers);
    let tables = Tables::new();
    let mut world = World::new(&tables, seed ^ call);
    world.what = format!("seed {seed}, full at call {call}");
    let store = open(&world, options).unwrap();
    world.disk.full_at(world.disk.calls() + call);
    let mut model = Model::default();
    for _ in 0..STEPS / 2 {
        let step = model.next(&mut numbers);
        let began = Instant::now();
        while let Err(error) = step.run(&store).await {
            assert!(matches!(error, store::StoreError::Refused(_)), "{}: {error}", world.what);
            let verified = model.verify(&store, None).await;
            assert!(verified.is_ok(), "{}: refused, and there: {verified:?}", world.what);
            assert!(began.elapsed() < Duration::from_secs(30), "{}: there is room", world.what);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        model.take(&step);
    }
    drop(store);
    let world = world.after(Loss::Power, seed ^ call);
    recovered(&world, options, &model, None).await;
}

#[tokio::test]
async fn a_full_disk_refuses_and_goes_on() {
    let mut tasks = tokio::task::JoinSet::new();
    for call in (1..300).step_by(7) {
        if tasks.len() >= 8 {
            tasks.join_next().await.unwrap().unwrap();
        }
        tasks.spawn(full_at(3, call));
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

/// Several lives of a folder, each of which ends with a fault that the seed draws.
async fn lives(seed: u64) {
    let mut numbers = Numbers::new(seed);
    let options = options(&mut numbers);
    let tables = Tables::new();
    let mut world = World::new(&tables, seed);
    let mut model = Model::default();
    let mut under_way: Option<Step> = None;
    for life in 0..8 {
        world.what = format!("seed {seed}, life {life}");
        let call = 1 + numbers.below(300);
        match numbers.below(4) {
            0 => world.disk.fail_at(call),
            1 => world.disk.full_at(call),
            _ => world.disk.stop_at(call),
        }
        if let Ok(store) = open(&world, options) {
            let verified = model.verify(&store, under_way.as_ref()).await;
            let done = verified.unwrap_or_else(|error| panic!("{}: {error}", world.what));
            if let Some(step) = under_way.take().filter(|_| done) {
                model.take(&step);
            }
            under_way = live(&store, &mut numbers, &mut model).await;
        }
        let loss = if numbers.below(2) == 0 { Loss::Power } else { Loss::Process };
        world = world.after(loss, numbers.below(u64::MAX));
    }
    world.what = format!("seed {seed}, at the end");
    recovered(&world, options, &model, under_way.as_ref()).await;
}

/// Until something fails. Returns what was under way then.
async fn live(store: &EmbeddedStore, numbers: &mut Numbers, model: &mut Model) -> Option<Step> {
    for _ in 0..60 + numbers.below(100) {
        let step = model.next(numbers);
        match step.run(store).await {
            Ok(()) => model.take(&step),
            Err(store::StoreError::Unknown(_)) => return Some(step),
            Err(_) => return None,
        }
    }
    if numbers.below(2) == 0 {
        let _ = store.close().await;
    }
    None
}

#[tokio::test]
async fn worlds_from_seeds() {
    let text = std::env::var("STAIRWELL_DISK_SEEDS").unwrap_or_else(|_| "0..30".to_owned());
    let (first, last) = text.split_once("..").expect("such as 0..30");
    let seeds: Range<u64> = first.parse().unwrap()..last.parse().unwrap();
    let minutes = std::env::var("STAIRWELL_DISK_MINUTES").ok().map(|it| it.parse::<u64>().unwrap());
    let (began, mut count) = (Instant::now(), 0);
    for seed in seeds {
        if minutes.is_some_and(|minutes| began.elapsed() >= Duration::from_secs(60 * minutes)) {
            break;
        }
        // A panic names the seed.
        lives(seed).await;
        count += 1;
        if count % 1_000 == 0 {
            println!("disk: {count} worlds, the last of seed {seed}");
        }
    }
    println!("disk: {count} worlds of 8 lives from the seeds {text}");
    assert!(count > 0);
}
