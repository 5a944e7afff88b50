//! One bit flipped anywhere in a folder of 10,000 executions: what is not hit is served, what is
//! hit is told, and nothing that was accepted once is refused later.
//!
//! `STAIRWELL_FLIPS` says how many places are tried (200), `STAIRWELL_SEED` which ones.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::{ExecutionId, Status, Timestamp};
use stairwell_store_embedded::{EmbeddedStore, OpenError, Options};
use store::contract::sample::Life;
use store::{Commit, ExecutionQuery, MachineId, ResourceKey, ResourceKind, Store, StoreError};
use tokio::task::{JoinSet, yield_now};

const LIVES: u64 = 10_000;
const RESOURCES: u64 = 20;

/// Every so many lives one stays open, and is due in the year 2000.
const OPEN_EVERY: u64 = 10;

const PAST: Timestamp = Timestamp(946_684_800_000);

/// As many executions are looked at for each place, and as many are started.
const SAMPLE: u64 = 24;
const STARTS: u64 = 8;

/// What is in the log in the end; smaller than this, so that it is written out soon.
const LOG_BYTES: u64 = 400_000;

/// An easy source of numbers that are the same for the same seed (xorshift, after Marsaglia).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

fn open(folder: &Path, log_bytes: u64) -> Result<EmbeddedStore, OpenError> {
    EmbeddedStore::open(folder, Options { log_bytes, ..Options::default() })
}

fn resource(number: u64) -> ResourceKey {
    let scope = store::contract::sample::scope();
    ResourceKey { kind: ResourceKind::StateMachine, scope, name: number.to_string().into() }
}

fn is_open(number: u64) -> bool {
    number.is_multiple_of(OPEN_EVERY)
}

/// A folder as a crash leaves it, with tables and with a log, and what is in it.
struct World {
    image: PathBuf,
    lives: Vec<Life>,
}

impl World {
    async fn make(folder: &Path) -> World {
        let store = Arc::new(open(&folder.join("original"), LOG_BYTES).unwrap());
        for number in 0..RESOURCES {
            store.write_resource(&resource(number), None, Some(vec![7; 50])).await.unwrap();
        }
        let mut lives: Vec<_> = (0..LIVES).map(Life::new).collect();
        for (lives, numbers) in lives.chunks_mut(250).zip((0..LIVES).step_by(250)) {
            let (mut starts, mut ends) = (Vec::new(), Vec::new());
            for (life, number) in lives.iter_mut().zip(numbers..) {
                if is_open(number) {
                    life.due(Some(PAST), false);
                }
                starts.push(life.start());
                if !is_open(number) {
                    ends.push(life.end(Status::Succeeded));
                }
            }
            commit_all(&store, starts).await;
            commit_all(&store, ends).await;
        }
        let image = folder.join("image");
        copy_of_running(&folder.join("original"), &image);
        World { image, lives }
    }

    /// The number of the life with that id.
    fn number(&self, id: ExecutionId) -> u64 {
        let number = self.lives.binary_search_by_key(&id, Life::id);
        number.unwrap_or_else(|_| panic!("{id} was never started")) as u64
    }
}

async fn commit_all(store: &Arc<EmbeddedStore>, commits: Vec<Commit>) {
    let mut answers = JoinSet::new();
    for commit in commits {
        let store = store.clone();
        answers.spawn(async move { store.commit(commit).await.unwrap() });
    }
    answers.join_all().await;
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type()?.is_dir() {
            true => copy(&source, &target)?,
            // Tables are never written to, and need no room this way.
            false if from.ends_with("tables") => fs::hard_link(source, target)?,
            false => drop(fs::copy(source, target)?),
        }
    }
    Ok(())
}

/// Copies the folder of a store that is open, and may be merging tables: again, until nothing
/// changed meanwhile.
fn copy_of_running(from: &Path, to: &Path) {
    loop {
        let before = files(from).ok();
        let is_copied = copy(from, to).is_ok();
        if is_copied && before.is_some() && before == files(from).ok() {
            return;
        }
        fs::remove_dir_all(to).unwrap();
    }
}

/// The files below a folder, and how long they are.
fn files(folder: &Path) -> io::Result<Vec<(PathBuf, u64)>> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            match entry.metadata()? {
                about if about.is_dir() => folders.push(entry.path()),
                about if about.len() > 0 => files.push((entry.path(), about.len())),
                _ => {}
            }
        }
    }
    files.sort();
    Ok(files)
}

/// What a store says of the executions that are hit.
#[derive(Debug, Default, PartialEq, Eq)]
struct Hit {
    executions: BTreeSet<u64>,
    resources: usize,
}

/// What the store says of some executions and of all resources; that must be right, or an error.
async fn check(world: &World, store: &EmbeddedStore, sample: &[u64]) -> Hit {
    let mut hit = Hit::default();
    for &number in sample {
        let life = &world.lives[number as usize];
        let arn = &life.header.arn;
        assert_eq!(store.find_execution(arn).await, Ok(Some(life.id())), "{number}");
        match (store.load(life.id()).await, store.header(life.id()).await) {
            (Ok(Some(loaded)), Ok(Some(header))) => {
                assert_eq!((&loaded.header, &header), (&life.header, &life.header));
                assert_eq!(loaded.execution, life.execution);
            }
            (Err(StoreError::Corrupt(_)), Ok(_) | Err(StoreError::Corrupt(_))) => {
                hit.executions.insert(number);
            }
            (loaded, header) => panic!("{number}: {loaded:?}, {header:?}"),
        }
        match store.history(life.id(), None, 100, false).await {
            Ok(page) => assert_eq!(page.events, life.events),
            Err(StoreError::Corrupt(_)) => drop(hit.executions.insert(number)),
            Err(error) => panic!("{number}: {error}"),
        }
    }
    for number in 0..RESOURCES {
        match store.read_resource(&resource(number)).await {
            Ok(found) => assert_eq!(found.unwrap().value[..], [7; 50]),
            Err(StoreError::Corrupt(_)) => hit.resources += 1,
            Err(error) => panic!("{error}"),
        }
    }
    hit
}

/// The numbers of all that is listed; each as it was committed.
async fn listed(world: &World, store: &EmbeddedStore, status: Status) -> BTreeSet<u64> {
    let query = ExecutionQuery::Machine(MachineId([1; 16]));
    let headers = store.list_executions(&query, Some(status), None, 20_000).await.unwrap();
    let old = headers.iter().filter(|header| !header.name.starts_with("new"));
    old.map(|header| {
        let number = world.number(header.id);
        assert_eq!(*header, world.lives[number as usize].header);
        number
    })
    .collect()
}

/// All that is due.
async fn claimed(world: &World, store: &EmbeddedStore) -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    loop {
        let claim = store.claim_due(Timestamp(PAST.0 + 1), 1_000).await.unwrap();
        found.extend(claim.executions.iter().map(|id| world.number(*id)));
        if claim.executions.is_empty() && claim.next_due.is_none() {
            return found;
        }
        yield_now().await;
    }
}

/// Starts and ends executions; each must be accepted, and be there.
async fn start_some(store: &Arc<EmbeddedStore>, round: u64) {
    let numbers = (0..STARTS).map(|number| LIVES + round * STARTS + number);
    let mut lives: Vec<_> =
        numbers.map(|number| Life::named(number, &format!("new-{number}"))).collect();
    commit_all(store, lives.iter_mut().map(Life::start).collect()).await;
    commit_all(store, lives.iter_mut().map(|life| life.pass_bytes(500)).collect()).await;
    commit_all(store, lives.iter_mut().map(|life| life.end(Status::Succeeded)).collect()).await;
    for life in &lives {
        life.check(&**store).await;
    }
}

/// Waits until all that was met is mended.
async fn settled(store: &EmbeddedStore) {
    while store.health().is_examining {
        yield_now().await;
    }
}

/// What is served of a folder in which something was damaged.
async fn serve(world: &World, folder: &Path, store: EmbeddedStore, sample: &[u64], place: &str) {
    let store = Arc::new(store);
    start_some(&store, 0).await;
    let hit = check(world, &store, sample).await;
    // What is due is due, but for those whose agendas are hit, which are counted. One that was taken
    // before the damage was met may be counted too.
    let due = claimed(world, &store).await;
    settled(&store).await;
    let quarantined = store.health().quarantined;
    let count = LIVES / OPEN_EVERY;
    assert!(due.len() + quarantined >= count as usize, "{place}: {} and {quarantined}", due.len());
    assert!(quarantined <= 100, "{place}: {quarantined}");
    // What is listed is listed, but for those whose headers are hit.
    let running = listed(world, &store, Status::Running).await;
    let wrong = format!("{place}: {} of {count} are listed", running.len());
    assert!(running.len() as u64 <= count && running.len() as u64 >= count - 60, "{wrong}");
    assert!(running.iter().all(|number| is_open(*number)), "{place}");
    let lost = store.health().lost;
    assert!(hit == Hit::default() || !lost.is_empty(), "{place}: {hit:?}, {lost:?}");
    assert!(hit.executions.len() <= 40, "{place}: {hit:?}");
    start_some(&store, 1).await;
    store.close().await.unwrap();
    drop(store);
    // And the same after a restart, for good.
    let store = Arc::new(open(folder, 20_000).unwrap());
    start_some(&store, 2).await;
    assert_eq!(check(world, &store, sample).await, hit, "{place}");
    claimed(world, &store).await;
    assert_eq!(store.health().quarantined, quarantined, "{place}");
}

async fn flip(world: &World, folder: &Path, file: &Path, bit: u64, numbers: &mut Numbers) -> bool {
    let relative = file.strip_prefix(&world.image).unwrap();
    let place = format!("bit {bit} of {}", relative.display());
    copy(&world.image, folder).unwrap();
    let target = folder.join(relative);
    let mut bytes = fs::read(&target).unwrap();
    bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
    fs::remove_file(&target).unwrap();
    fs::write(&target, &bytes).unwrap();
    let mut sample: Vec<_> = (0..SAMPLE).map(|_| numbers.below(LIVES)).collect();
    if relative.ends_with("tables") || relative.components().any(|it| it.as_os_str() == "tables") {
        // Those near the place, so that some are hit: ids follow each other in tables.
        let near = LIVES * (bit / 8) / bytes.len() as u64;
        sample.extend((0..SAMPLE).map(|at| (near + at * 3) % LIVES));
    }
    match open(folder, 20_000) {
        Ok(store) => {
            let is_log = relative.components().any(|it| it.as_os_str() == "log");
            if is_log {
                // The last record, as if it had been cut short: dropped, and the rest is there.
                let last = LIVES - 250;
                sample.retain(|number| *number < last);
                check(world, &store, &sample).await;
            } else {
                serve(world, folder, store, &sample, &place).await;
            }
            true
        }
        Err(error) => {
            let said = error.to_string();
            let mut places = [target.clone(), target.parent().unwrap().to_owned()].into_iter();
            let is_named = places.any(|place| said.contains(place.to_str().unwrap()));
            assert!(is_named, "{place}: {said}");
            assert!(!said.contains("tables"), "{place}: {said}");
            // It is left as it is, and refused again.
            assert_eq!(fs::read(&target).unwrap(), bytes, "{place}");
            assert_eq!(open(folder, 20_000).expect_err("refused before").to_string(), said);
            false
        }
    }
}

/// Syncs are not what is tested here; where there is a disk in memory, they cost nothing.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
}

fn number_of(variable: &str, default: u64) -> u64 {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// A block may hold the last agendas and the first headers. What lies between them in the order of
/// keys is doubted with it: the headers of all older executions, which other tables have.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_between_two_kinds_of_rows_costs_its_own_rows_alone() {
    let folder = folder();
    let world = World::make(folder.path()).await;
    let tables = files(&world.image)
        .unwrap()
        .into_iter()
        .filter(|(file, _)| file.parent().unwrap().ends_with("index/tables"));
    let mut between = 0;
    for (file, bytes) in tables {
        for byte in (500..bytes.min(30_000)).step_by(2_000) {
            let flipped = folder.path().join("flipped");
            copy(&world.image, &flipped).unwrap();
            let target = flipped.join(file.strip_prefix(&world.image).unwrap());
            let mut content = fs::read(&target).unwrap();
            content[byte as usize] ^= 1;
            fs::remove_file(&target).unwrap();
            fs::write(&target, &content).unwrap();
            let store = open(&flipped, 20_000).unwrap();
            let running = listed(&world, &store, Status::Running).await.len() as u64;
            settled(&store).await;
            let lost = store.health().lost;
            let count = LIVES / OPEN_EVERY;
            assert!(
                running >= count - 60,
                "byte {byte} of {}: {running}: {lost:?}",
                file.display()
            );
            between += u64::from(lost.iter().any(|range| range.contains("keys h to h")));
            drop(store);
            fs::remove_dir_all(&flipped).unwrap();
        }
    }
    assert!(between > 0, "no such block was hit");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_bit_costs_what_it_hits_and_nothing_else() {
    let folder = folder();
    let world = World::make(folder.path()).await;
    let files = files(&world.image).unwrap();
    let (count, seed) = (number_of("STAIRWELL_FLIPS", 200), number_of("STAIRWELL_SEED", 1));
    let mut numbers = Numbers(seed | 1 << 40);
    let all: u64 = files.iter().map(|(_, bytes)| bytes).sum();
    let (mut tried, mut served) = (0, 0);
    for (file, bytes) in &files {
        // Every file, the longer ones more often.
        for _ in 0..=(count * bytes / all) {
            let bit = numbers.below(bytes * 8);
            let flipped = folder.path().join("flipped");
            served += u64::from(flip(&world, &flipped, file, bit, &mut numbers).await);
            tried += 1;
            fs::remove_dir_all(&flipped).unwrap();
        }
    }
    println!("seed {seed}: {tried} places in {} files, {served} served", files.len());
    assert!(tried >= count, "{tried}");
    assert!(served * 4 >= tried * 3, "{served} of {tried}");
}
