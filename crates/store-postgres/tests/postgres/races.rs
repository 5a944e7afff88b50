//! The statements under writers that race on connections of their own: of two rivals exactly one
//! wins, whoever they are.

use std::slice;
use std::sync::Arc;

use engine::{Home, Status};
use stairwell_store_postgres::{PostgresStore, limit};
use store::cluster::Place;
use store::contract::sample::Life;
use store::{Commit, Store, StoreError};
use tokio::task::JoinSet;

use crate::server::{self, Server};

/// Two servers on one schema.
async fn two_servers(server: &Server) -> [Arc<PostgresStore>; 2] {
    let one = server::join(server.address("races"), "one").await;
    let other = server::join(server.address("races"), "other").await;
    [Arc::new(one), Arc::new(other)]
}

/// Has both believe that they hold the home of each execution, which the database never allows: so
/// that what is written does not rest on homes alone. They hear nothing of each other any more.
async fn have_both_hold(server: &Server, stores: &[Arc<PostgresStore>; 2], lives: &[Life]) {
    stores.iter().for_each(|store| store.hold_beats(true));
    for store in stores {
        server.sql("UPDATE races.homes SET node = NULL, version = nextval('races.versions')");
        for life in lives {
            assert_eq!(store.locate(life.id()).await, Ok(Place::Here));
        }
    }
}

/// Puts the execution into a home.
fn put(life: &mut Life, home: Home) {
    life.header.id.0[6..8].copy_from_slice(&home.0.to_be_bytes());
    life.execution.parameters.id = life.header.id;
}

/// Whether the first won, where exactly one did.
fn first_wins(results: (Result<(), StoreError>, Result<(), StoreError>)) -> bool {
    match results {
        (Ok(()), Err(StoreError::Conflict)) => true,
        (Err(StoreError::Conflict), Ok(())) => false,
        both => panic!("not one of two: {both:?}"),
    }
}

/// Fails where the execution's row follows its lock rather than the row of history that was won: a
/// commit that lost closes executions then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_commits_of_two_servers_one_wins() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let stores = two_servers(&server).await;
    let mut new: Vec<Life> = (0..10).map(limit::life).collect();
    (0..).zip(&mut new).for_each(|(number, life)| put(life, Home(number)));
    have_both_hold(&server, &stores, &new).await;
    let [one, other] = stores;
    let mut lives = JoinSet::new();
    for mut life in new {
        let (one, other) = (one.clone(), other.clone());
        lives.spawn(async move {
            one.commit(life.start()).await.expect("nobody else has the name");
            for step in 0..60 {
                let (mut mine, mut theirs) = (life.clone(), life);
                let commits = (next(&mut mine, step), next(&mut theirs, step + 1));
                let results = tokio::join!(one.commit(commits.0), other.commit(commits.1));
                life = if first_wins(results) { mine } else { theirs };
            }
            if life.header.status == Status::Running {
                one.commit(life.end(Status::Failed)).await.expect("nobody else commits");
            }
            life
        });
    }
    let lives = lives.join_all().await;
    for life in &lives {
        life.check(&*one).await;
        life.check(&*other).await;
    }
    let holes = "SELECT count(*) FROM (SELECT id, count(*) AS rows, max(revision) AS newest \
        FROM races.history GROUP BY id) AS h JOIN races.executions e USING (id) \
        WHERE h.rows <> h.newest OR h.newest <> e.revision";
    assert_eq!(server.sql(holes), "0");

    // Removing one excludes that it is redriven.
    for mut life in lives {
        let header = life.header.clone();
        let redrive = life.redrive();
        let removal = one.remove(slice::from_ref(&header));
        let is_removed = first_wins(tokio::join!(removal, other.commit(redrive)));
        let left = one.load(header.id).await.expect("readable");
        assert_eq!(left.map(|it| it.header), (!is_removed).then_some(life.header));
    }
    let left = server.sql("SELECT count(*) FROM races.executions WHERE status = 0");
    assert_eq!(server.sql("SELECT count(*) FROM races.executions"), left);
    assert_eq!(server.sql("SELECT count(*) FROM races.names"), left);
}

/// A step, an end, or a redrive where it has ended.
fn next(life: &mut Life, step: u32) -> Commit {
    match (life.header.status, step % 3) {
        (Status::Running, 0) => life.end(Status::Failed),
        (Status::Running, states) => life.pass(states),
        _ => life.redrive(),
    }
}

/// Fails where the conflict asks whether the name's execution is open, rather than whether it is the
/// one that is known to be closed: the snapshot does not see the rival that was waited for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_won_once() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let stores = two_servers(&server).await;
    let mut holders: Vec<Life> = Vec::new();
    for round in 0..4 {
        let mut races = JoinSet::new();
        for name in 0..40 {
            for rival in 0..4 {
                let store = stores[rival % 2].clone();
                let mut life = Life::named(name, &format!("name-{name}"));
                life.header.id = limit::life(rival).header.id;
                put(&mut life, store.home(None).expect("it holds some"));
                let free_after = holders.iter().find(|it| it.header.name == life.header.name);
                let free_after = free_after.map_or(life.now(), |it| it.now());
                races.spawn(async move {
                    let start = life.start_after(free_after);
                    (store.commit(start).await, life)
                });
            }
        }
        let mut winners = Vec::new();
        for (result, life) in races.join_all().await {
            match result {
                Ok(()) => winners.push(life),
                Err(error) => assert_eq!(error, StoreError::Conflict),
            }
        }
        winners.sort_by(|one, other| one.header.name.cmp(&other.header.name));
        winners.dedup_by(|one, other| one.header.name == other.header.name);
        assert_eq!(winners.len(), 40, "round {round}: each name was won");
        let executions = (40 * (round + 1)).to_string();
        assert_eq!(server.sql("SELECT count(*) FROM races.executions"), executions, "and once");
        for life in &mut winners {
            let found = stores[0].find_execution(&life.header.arn).await.expect("readable");
            assert_eq!(found, Some(life.id()));
            let here = stores.iter().find(|store| store.is_here(life.id()));
            let here = here.expect("one of them holds the home");
            here.commit(life.end(Status::Succeeded)).await.expect("nobody else commits");
        }
        holders = winners;
    }
}
