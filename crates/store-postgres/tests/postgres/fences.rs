//! What two servers do to each other: fences under load, homes that several want, and a server that
//! sleeps and wakes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use engine::{ExecutionId, Home};
use stairwell_store_postgres::{Address, PostgresStore};
use store::cluster::{Notice, Place};
use store::contract::sample::Life;
use store::{Store, StoreError};
use tokio::task::JoinSet;

use crate::proxy::Proxy;
use crate::server;

/// What a server does that judges another one dead, and takes all its homes.
const FENCE: &str = "BEGIN;
DELETE FROM fences.lanes WHERE node = (SELECT node FROM fences.nodes WHERE address = 'here');
UPDATE fences.homes SET version = nextval('fences.versions'),
  node = (SELECT node FROM fences.nodes WHERE address = 'other')
WHERE node = (SELECT node FROM fences.nodes WHERE address = 'here');
DELETE FROM fences.nodes WHERE address = 'here'; COMMIT";

/// An execution in that home.
fn life_at(number: u64, home: Home) -> Life {
    let mut life = Life::new(number);
    life.header.id.0[6..8].copy_from_slice(&home.0.to_be_bytes());
    life.execution.parameters.id = life.header.id;
    life
}

async fn started(store: &PostgresStore, number: u64) -> Life {
    let mut life = life_at(number, store.home(None).expect("it holds some"));
    store.commit(life.start()).await.expect("a new name");
    life
}

/// Commits until that is not allowed any more. Gives the execution as the last commit left it that
/// was written, and why it ended.
async fn write(store: Arc<PostgresStore>, mut life: Life) -> (Life, StoreError) {
    loop {
        let last = life.clone();
        if let Err(error) = store.commit(life.pass(1)).await {
            return (last, error);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_written_after_a_fence() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let store = Arc::new(server::join(server.address("fences"), "here").await);
    let other = server::join(server.address("fences"), "other").await;
    for round in 0..20 {
        let mut writers = JoinSet::new();
        for number in 0..12 {
            let life = started(&store, round * 100 + number).await;
            writers.spawn(write(store.clone(), life));
        }
        let before = server.sql("SELECT count(*) FROM fences.history");
        // Some commits are under way, at another moment of them each time.
        while server.sql("SELECT count(*) FROM fences.history") == before {
            tokio::task::yield_now().await;
        }
        server.sql(FENCE);
        let written = server.sql("SELECT count(*) FROM fences.history");
        let lives = writers.join_all().await;
        assert_eq!(server.sql("SELECT count(*) FROM fences.history"), written, "round {round}");
        for (life, error) in &lives {
            assert_eq!(error, &StoreError::Elsewhere, "round {round}");
            life.check(&other).await;
            until_here(&other, life.id()).await;
        }
        // It joins anew, with homes of its own.
        while store.home(None).is_none() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Fails where it is asked whether the holder has a row, rather than whether the home's row is still
/// the one that was read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_that_take_a_home_one_gets_it() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let mut stores = Vec::new();
    for name in ["one", "two"] {
        stores.push(Arc::new(server::join(server.address("takers"), name).await));
    }
    let (homes, rounds) = (40_u16, 4_u16);
    for round in 0..rounds {
        // Half of them have no row, the others a holder that is gone.
        let homes: Vec<Home> = (0..homes).map(|it| Home(round * homes + it)).collect();
        let (first, last) = (homes[0].0, homes[homes.len() / 2].0);
        server.sql(&format!(
            "INSERT INTO takers.homes SELECT home, 0, nextval('takers.versions') \
             FROM generate_series({first}, {last}) AS r(home) ON CONFLICT DO NOTHING"
        ));
        let mut takers = JoinSet::new();
        for home in &homes {
            for store in &stores {
                let (store, id) = (store.clone(), life_at(0, *home).id());
                takers.spawn(async move { store.locate(id).await });
            }
        }
        // Who joins takes some too.
        let (database, name) = (server.address("takers"), format!("late-{round}"));
        let late = tokio::spawn(async move { server::join(database, &name).await });
        for place in takers.join_all().await {
            place.expect("the database is there");
        }
        stores.push(Arc::new(late.await.expect("nothing panics")));
        for home in homes {
            let id = life_at(0, home).id();
            let here: Vec<&Arc<PostgresStore>> =
                stores.iter().filter(|store| store.is_here(id)).collect();
            assert_eq!(here.len(), 1, "round {round}, {home:?}");
        }
    }
    let held = stores.iter().map(|store| homes_of(store).len()).sum::<usize>();
    assert_eq!(server.sql("SELECT count(*) FROM takers.homes"), held.to_string());
}

/// The homes that it puts new executions into: all that it holds, in turn.
fn homes_of(store: &PostgresStore) -> BTreeSet<Home> {
    let mut homes = BTreeSet::new();
    while homes.insert(store.home(None).expect("it holds some")) {}
    homes
}

/// Waits until the execution is driven here.
async fn until_here(store: &PostgresStore, id: ExecutionId) {
    let is_here = async {
        while store.locate(id).await != Ok(Place::Here) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), is_here).await.expect("it is taken over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_sleeps_past_its_lease_wakes_and_harms_nothing() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let proxy = Proxy::start(server.port, 5).await;
    let address = Address::parse(&server.url_at(proxy.port, "sleep")).expect("it is a URL");
    let sleeper = Arc::new(server::join(address, "sleeper").await);
    let other = server::join(server.address("sleep"), "other").await;
    let mut writers = JoinSet::new();
    for number in 0..12 {
        let life = started(&sleeper, number).await;
        writers.spawn(write(sleeper.clone(), life));
    }
    let ids: Vec<ExecutionId> = (0..12).map(|number| Life::new(number).id()).collect();
    // Whatever it says from now on arrives when it wakes.
    proxy.hold(true);
    let found = "SELECT id FROM sleep.executions WHERE live";
    let found: Vec<String> = server.sql(found).lines().map(str::to_owned).collect();
    assert_eq!(found.len(), ids.len());
    let mut taken = Vec::new();
    for text in &found {
        let id = ExecutionId(*uuid::Uuid::parse_str(text).expect("it is one").as_bytes());
        until_here(&other, id).await;
        taken.push(other.load(id).await.expect("readable").expect("it was started").header);
    }
    assert!(taken.iter().all(|header| !sleeper.is_here(header.id)), "it cannot be sure any more");
    proxy.hold(false);
    for (life, error) in writers.join_all().await {
        let is_told = matches!(error, StoreError::Elsewhere | StoreError::Unknown(_));
        assert!(is_told, "{error:?}");
        let header = taken.iter().find(|header| header.id == life.id()).expect("it was live");
        match error {
            StoreError::Elsewhere => assert_eq!(header.revision, life.header.revision),
            _ => assert!(header.revision.0 - life.header.revision.0 <= 1),
        }
        let now = other.header(life.id()).await.expect("readable").expect("it was started");
        assert_eq!(now.revision, header.revision, "nothing was written after it was taken over");
    }
    let lost = async {
        loop {
            if let Notice::Lost(homes) = sleeper.notice().await {
                return homes.into_iter().collect::<BTreeSet<Home>>();
            }
        }
    };
    let lost = tokio::time::timeout(Duration::from_secs(10), lost).await.expect("it is told");
    assert!(taken.iter().all(|header| lost.contains(&header.id.home())));
    // It goes on under another number.
    let mut new = loop {
        match sleeper.home(None) {
            Some(home) if !lost.contains(&home) => break life_at(100, home),
            _ => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    };
    sleeper.commit(new.start()).await.expect("a new name");
    new.check(&other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_server_drove_that_died_is_driven_on_soon() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let one = server::join(server.address("dead"), "one").await;
    let other = server::join(server.address("dead"), "other").await;
    for number in 0..3 {
        let life = started(&one, number).await;
        assert!(!other.is_here(life.id()));
    }
    let mut life = started(&one, 9).await;
    drop(one);
    let began = std::time::Instant::now();
    let is_here = async {
        // Nobody asks for it: it is taken all the same.
        while !other.is_here(life.id()) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), is_here).await.expect("it is taken over");
    println!("taken over after {:?}", began.elapsed());
    other.commit(life.pass(1)).await.expect("it is here now");
    life.check(&other).await;
}
