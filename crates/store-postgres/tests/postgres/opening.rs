//! Which databases are served from, and what is said of the others.

use std::time::Duration;

use stairwell_store_postgres::{Address, OpenError, Options, PostgresStore};
use store::contract::sample::Life;
use store::{Store, StoreError};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::server::{self, Server};

/// The error of opening it, which comes soon.
async fn refused(url: &str) -> OpenError {
    let address = Address::parse(url).expect("it is a URL");
    let opened = PostgresStore::open(address, server::options("there"));
    let opened = tokio::time::timeout(Duration::from_secs(20), opened).await.expect("it is soon");
    opened.expect_err(url)
}

fn url(server: &Server, user: &str, database: &str) -> String {
    format!("postgres://{user}@127.0.0.1:{}/{database}?schema=opening", server.port)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_served_from_is_refused_with_its_reason() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let roles = "CREATE ROLE known LOGIN PASSWORD 'right'; CREATE ROLE weak LOGIN; \
        CREATE ROLE reader LOGIN SUPERUSER; CREATE ROLE crowded LOGIN CONNECTION LIMIT 0; \
        CREATE ROLE hasty LOGIN SUPERUSER; \
        ALTER ROLE reader SET default_transaction_read_only = on; \
        ALTER ROLE hasty SET synchronous_commit = off";
    server.sql(roles);
    server.sql("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0");
    server.let_in("host all known 127.0.0.1/32 scram-sha-256");

    let error = refused(&url(&server, "known:wrong", "postgres")).await;
    assert!(matches!(&error, OpenError::Denied { reason, .. } if reason.contains("28P01")));
    assert!(!error.to_string().contains("wrong"), "{error}");
    let error = refused(&url(&server, "known", "postgres")).await;
    assert!(matches!(&error, OpenError::Denied { .. }), "{error:?}: no password at all");
    let error = refused(&url(&server, "nobody", "postgres")).await;
    assert!(matches!(&error, OpenError::Denied { reason, .. } if reason.contains("28000")));
    let error = refused(&url(&server, server::USER, "nothing")).await;
    assert!(matches!(&error, OpenError::Denied { reason, .. } if reason.contains("3D000")));
    let error = refused(&url(&server, "weak", "postgres")).await;
    assert!(matches!(&error, OpenError::Rights { .. }), "{error:?}");
    let error = refused(&url(&server, "reader", "postgres")).await;
    assert!(matches!(&error, OpenError::ReadOnly { .. }), "{error:?}");
    let error = refused(&url(&server, "crowded", "postgres")).await;
    assert!(matches!(&error, OpenError::NoRoom { .. }), "{error:?}");
    let error = refused(&url(&server, server::USER, "ascii")).await;
    assert!(matches!(&error, OpenError::Unsuitable { .. }), "{error:?}");
    assert!(error.to_string().contains("UTF8"), "{error}");

    let error = refused(&url(&server, "hasty", "postgres")).await;
    assert!(error.to_string().contains("--allow-lost-commits"), "{error}");
    let options = Options { allow_lost_commits: true, ..server::options("here") };
    let address = Address::parse(&url(&server, "hasty", "postgres")).expect("it is a URL");
    let store = PostgresStore::open(address, options).await.expect("it is allowed");
    store.close().await.expect("an open store can be closed");

    // A newer release may leave the tables so that this one can serve them, or not.
    let ours = url(&server, server::USER, "postgres");
    server.sql("UPDATE opening.meta SET version = 9, oldest = 1");
    let store = server::open(Address::parse(&ours).expect("it is a URL")).await;
    store.close().await.expect("an open store can be closed");
    server.sql("UPDATE opening.meta SET oldest = 8");
    let error = refused(&ours).await;
    assert!(matches!(&error, OpenError::Newer { found: 9, oldest: 8, known: 2, .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_answer_as_a_database_is_told() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let web = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let web_port = web.local_addr().expect("it is bound").port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = web.accept().await {
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let free = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
    let free_port = free.local_addr().expect("it is bound").port();
    drop(free);
    let silent_port = silent.local_addr().expect("it is bound").port();
    for port in [free_port, web_port, silent_port] {
        let error = refused(&format!("postgres://ann@127.0.0.1:{port}/x")).await;
        let is_right = matches!(&error, OpenError::Unreachable { .. } | OpenError::Tls { .. });
        assert!(is_right, "{error:?}");
        assert!(error.to_string().contains(&port.to_string()), "{error}");
    }
    let error = refused("postgres://ann@no-such-host.invalid/x").await;
    assert!(matches!(&error, OpenError::Unreachable { .. }), "{error:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_serves_a_database_at_a_time() {
    let Some(server) = server::server(&["fsync=off"]) else { return };
    let first = server::open(server.address("opening")).await;
    let mut life = Life::new(1);
    first.commit(life.start()).await.expect("a new name");
    let error = refused(&server.url("opening")).await;
    assert!(matches!(&error, OpenError::InUse { holder, .. } if holder == "here"), "{error:?}");
    first.commit(life.pass(1)).await.expect("it goes on");

    // One at the same address has taken the port, so that this one cannot be there any more.
    let failure = first.failure();
    let second = server::open(server.address("opening")).await;
    let late = life.clone().pass(1);
    let late = first.commit(late).await;
    assert!(matches!(late, Err(StoreError::Elsewhere | StoreError::Refused(_))), "{late:?}");
    assert!(failure.await.contains("took over"));
    life.check(&second).await;
    second.commit(life.pass(1)).await.expect("nobody else commits");
    first.close().await.expect("it can be closed");

    // One that ends without a word is replaced by another one, after some seconds of silence.
    drop(second);
    let options = server::options("elsewhere");
    let third = PostgresStore::open(server.address("opening"), options).await.expect("it is free");
    life.check(&third).await;
    third.commit(life.pass(1)).await.expect("nobody else commits");
    third.close().await.expect("an open store can be closed");
    assert_eq!(server.sql("SELECT count(*) FROM opening.nodes"), "0");
    assert_eq!(server.sql("SELECT count(*) FROM opening.lanes"), "0");
}
