//! TLS to the database, as `sslmode` asks for it.

use std::process::{Command, Stdio};

use stairwell_store_postgres::{Address, OpenError, PostgresStore};
use store::Store;

use crate::server;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_is_checked_as_sslmode_asks_for() {
    let Some(mut server) = server::server(&["fsync=off"]) else { return };
    let plain = format!("{}&sslmode=require", server.url("tls"));
    let error = open(&plain).await.expect_err("the server has no TLS");
    assert!(matches!(&error, OpenError::Tls { .. }), "{error:?}");

    // A certificate for the address, and not for the name.
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    openssl.args(["-nodes", "-days", "2", "-subj", "/CN=test", "-keyout", "-", "-out", "-"]);
    openssl.args(["-addext", "subjectAltName=IP:127.0.0.1"]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    let Ok(made) = openssl.stderr(Stdio::null()).output() else {
        println!("skipped: there is no openssl to make a certificate");
        return;
    };
    assert!(made.status.success(), "openssl makes a certificate");
    let file = server.private_file("server.pem", &made.stdout);
    server.kill();
    let file = file.display().to_string();
    server.set(&["ssl=on", &format!("ssl_cert_file={file}"), &format!("ssl_key_file={file}")]);
    server.run();

    let url = server.url("tls");
    let by_name = url.replace("127.0.0.1", "localhost");
    let root = format!("sslrootcert={}", file.replace('/', "%2F"));
    for url in [
        format!("{url}&sslmode=disable"),
        format!("{url}&sslmode=prefer"),
        format!("{url}&sslmode=verify-full&{root}"),
        format!("{url}&sslmode=require&{root}"),
        format!("{by_name}&sslmode=verify-ca&{root}"),
    ] {
        let store = open(&url).await.unwrap_or_else(|error| panic!("{url}: {error}"));
        let query = "SELECT bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
            WHERE application_name = 'stairwell'";
        let expected = if url.contains("disable") { "f" } else { "t" };
        assert_eq!(server.sql(query), expected, "{url}");
        store.close().await.expect("an open store can be closed");
    }
    for url in [
        format!("{url}&sslmode=verify-full"),
        format!("{url}&sslmode=require"),
        format!("{by_name}&sslmode=verify-full&{root}"),
        format!("{url}&sslmode=verify-full&sslrootcert=%2Fnowhere.pem"),
    ] {
        let error = open(&url).await.expect_err(&url);
        assert!(matches!(&error, OpenError::Tls { .. }), "{url}: {error:?}");
    }
}

async fn open(url: &str) -> Result<PostgresStore, OpenError> {
    let address = Address::parse(url).expect("it is a URL");
    PostgresStore::open(address, server::options("here")).await
}
