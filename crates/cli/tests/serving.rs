//! The life of a server: configuration, start, signals, refusals; and the demonstration.

mod common;

use std::fs;
use std::io::{BufRead, Read};
use std::net::TcpListener;
use std::path::Path;

use common::{Server, folder, outcome, stairwell};

fn serve(folder: &Path, arguments: &[&str]) -> Server {
    Server::start(&mut stairwell(folder, &[&["serve", "--port", "0"], arguments].concat()))
}

#[test]
fn a_server_says_where_it_listens_and_ends_on_a_signal() {
    let folder = folder("serve_signals");
    for signal in ["TERM", "INT"] {
        let server = serve(&folder, &["--in-memory"]);
        let address = server.address().to_owned();
        assert_eq!(
            server.first_line,
            format!(
                "Stairwell {} listening on http://{address} (data: in memory, gone at the end; \
                 everybody who reaches it is trusted; roles: permissive)\n",
                env!("CARGO_PKG_VERSION")
            )
        );
        assert!(server.post("ListActivities", "{}").ends_with("{\"activities\":[]}"));
        server.signal(signal);
        let (status, err) = server.end();
        assert_eq!(status, 0, "{signal}: {err}");
        TcpListener::bind(address).expect("the port is free again");
    }
    let left = fs::read_dir(&folder).expect("a folder").count();
    assert_eq!(left, 0, "in memory means that nothing is written");
}

/// All files and folders below a folder, itself included, with their modes.
#[cfg(unix)]
fn modes(folder: &Path) -> Vec<(std::path::PathBuf, u32)> {
    use std::os::unix::fs::PermissionsExt;
    let (mut modes, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry"))
        {
            let about = entry.metadata().expect("it is there");
            if about.is_dir() {
                folders.push(entry.path());
            } else {
                modes.push((entry.path(), about.permissions().mode() & 0o777));
            }
        }
        let mode = fs::metadata(&folder).expect("it is there").permissions().mode() & 0o777;
        modes.push((folder, mode));
    }
    modes
}

#[cfg(unix)]
#[test]
fn what_a_server_writes_is_read_by_its_user_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder("serve_modes");
    let keys = folder.join("keys");
    fs::write(&keys, "# keys\n\nAKIDADMIN=123456789012:topsecret\n").expect("it can be written");
    let data = folder.join("data");
    fs::create_dir(&data).expect("it can be made");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let server = serve(&folder, &["--data", "data", "--access-key", "@keys", "--require-auth"]);
    assert!(server.post("ListActivities", "{}").contains("MissingAuthenticationToken"));
    server.signal("TERM");
    let (status, err) = server.end();
    assert_eq!(status, 0, "{err}");
    assert!(err.contains("others could read the data folder"), "{err}");
    let modes = modes(&data);
    assert!(modes.len() > 5, "{modes:?}");
    assert!(modes.iter().all(|(_, mode)| mode & 0o077 == 0), "{modes:?}");
    for (text, why) in [("AKID", "is not of the form"), ("AKID=12:s", "is not twelve digits")] {
        fs::write(&keys, text).expect("it can be written");
        let refused = stairwell(&folder, &["serve", "--in-memory", "--access-key", "@keys"]);
        let refused = outcome(&mut { refused });
        assert!(refused.status != 0 && refused.err.contains(why), "{}", refused.err);
    }
}

#[test]
fn purge_tells_and_removes_what_is_older_than_is_kept() {
    let folder = folder("serve_purge");
    let purge = |arguments: &[&str]| {
        outcome(&mut stairwell(&folder, &[&["purge", "--data", "kept"], arguments].concat()))
    };
    let mut of_database = stairwell(&folder, &["purge", "--dry-run"]);
    let refused = outcome(of_database.env("STAIRWELL_STORE", "postgres://ann@db/x"));
    assert_eq!(refused.status, 1, "{refused:?}");
    assert!(refused.err.starts_with("stairwell: purge is of data folders, and the"), "{refused:?}");
    let missing = purge(&["--dry-run"]);
    assert_eq!((missing.status, &*missing.err), (1, "stairwell: there is no data folder kept\n"));
    let server = serve(&folder, &["--data", "kept"]);
    let definition = r#"{\"StartAt\":\"P\",\"States\":{\"P\":{\"Type\":\"Pass\",\"End\":true}}}"#;
    let role = "arn:aws:iam::123456789012:role/r";
    let arn = "arn:aws:states:us-east-1:123456789012:stateMachine:m";
    let body = format!(r#"{{"name":"m","definition":"{definition}","roleArn":"{role}"}}"#);
    assert!(server.post("CreateStateMachine", &body).starts_with("HTTP/1.1 200"));
    let body = format!(r#"{{"stateMachineArn":"{arn}"}}"#);
    for _ in 0..3 {
        assert!(server.post("StartExecution", &body).starts_with("HTTP/1.1 200"));
    }
    let busy = purge(&["--dry-run"]);
    assert_eq!(busy.status, 1);
    assert!(busy.err.contains("stairwell (process"), "{}", busy.err);
    server.signal("TERM");
    assert_eq!(server.end().0, 0);
    let none = "           0 executions would be removed\n";
    assert_eq!(purge(&["--dry-run"]).out, none);
    assert_eq!(purge(&["--dry-run", "--retention-days", "forever"]).out, none);
    let counts = |words: &str| format!("           3 of {arn}\n           3 executions {words}\n");
    let all = ["--retention-days", "0"];
    assert_eq!(purge(&[&all[..], &["--dry-run"]].concat()).out, counts("would be removed"));
    fs::write(folder.join("stairwell.toml"), "[machine-retention-days]\nm = \"forever\"\n")
        .expect("written");
    assert_eq!(purge(&all).out, "           0 executions removed\n");
    fs::write(folder.join("stairwell.toml"), "[machine-retention-days]\nm = -1\n")
        .expect("written");
    let wrong = purge(&all);
    assert_eq!(wrong.status, 1);
    assert!(wrong.err.contains("stairwell.toml:2: no number of days"), "{}", wrong.err);
    fs::remove_file(folder.join("stairwell.toml")).expect("it is there");
    assert_eq!(purge(&all).out, counts("removed"));
    assert_eq!(purge(&all).out, "           0 executions removed\n");
    let wrong = purge(&["--retention-days", "soon"]);
    assert_eq!(wrong.status, 2);
    assert!(wrong.err.contains("neither a number of days nor forever"), "{}", wrong.err);
}

#[test]
fn what_was_answered_is_there_after_a_restart() {
    let folder = folder("serve_restart");
    for signal in ["TERM", "KILL"] {
        let server = serve(&folder, &["--data", "kept"]);
        assert!(server.first_line.contains("(data: kept; "), "{}", server.first_line);
        let body = format!(r#"{{"name":"{signal}"}}"#);
        assert!(server.post("CreateActivity", &body).starts_with("HTTP/1.1 200"));
        server.signal(signal);
        let mut process = server.process;
        process.wait().expect("it ends");
    }
    let server = serve(&folder, &["--data", "kept"]);
    let listed = server.post("ListActivities", "{}");
    for name in ["\"TERM\"", "\"KILL\""] {
        assert!(listed.contains(name), "{listed}");
    }
    server.signal("TERM");
    assert_eq!(server.end().0, 0);
}

#[test]
fn a_server_that_cannot_start_says_why_in_one_line() {
    let folder = folder("serve_refusals");
    let refusal = |arguments: &[&str]| {
        let told = outcome(&mut stairwell(&folder, &[&["serve"], arguments].concat()));
        assert_eq!((told.status, &*told.out), (1, ""), "{told:?}");
        assert_eq!(told.err.lines().count(), 1, "{told:?}");
        told.err
    };
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("bound").port().to_string();
    let err = refusal(&["--in-memory", "--port", &port]);
    let expected = format!("stairwell: cannot listen on 127.0.0.1:{port}: Address already in use");
    assert!(err.starts_with(&expected), "{err}");

    let server = serve(&folder, &["--data", "held"]);
    let err = refusal(&["--port", "0", "--data", "held"]);
    assert!(err.contains("held is in use by "), "{err}");
    server.signal("TERM");
    assert_eq!(server.end().0, 0);

    let version = folder.join("held/VERSION");
    for (text, expected) in [
        ("nonsense", "is corrupt: not a version file"),
        (
            "Stairwell data folder\nformat 9\nsum 890c6bd63adbdbcd\n",
            "held has format 9, and this version of Stairwell reads formats up to 3",
        ),
    ] {
        fs::write(&version, text).expect("written");
        let err = refusal(&["--port", "0", "--data", "held"]);
        assert!(err.contains(expected), "{err}");
    }

    for (arguments, expected) in [
        (&["--account", "12"][..], "stairwell: the account '12' is not twelve digits"),
        (&["--region", "Here"], "stairwell: the region 'Here' is not one, such as eu-central-1"),
        (&["--host", "nowhere"], "stairwell: the host 'nowhere' is not an IP address"),
        (&["--access-key", "K"], "stairwell: an access key is not of the form KEY=ACCOUNT or"),
        (&["--log", "a=b=c"], "stairwell: the log level 'a=b=c' is not one"),
        (&["--config", "absent.toml"], "stairwell: absent.toml cannot be read"),
        (
            &["--in-memory", "--data", "x"],
            "stairwell: the command line asks for both a data folder and memory",
        ),
        (
            &["--store", "postgres://ann:secret@db/x", "--data", "x"],
            "stairwell: the command line asks for both a data folder and a database",
        ),
        (
            &["--store", "postgres://ann:secret@db/x", "--in-memory"],
            "stairwell: the command line asks for both memory and a database",
        ),
        (
            &["--store", "mysql://ann:secret@db/x", "--key-file", "key"],
            "stairwell: the store's URL is wrong: it must begin with postgres:// or postgresql://",
        ),
        (&["--store", "@absent"], "stairwell: the file absent of --store cannot be read"),
        (
            &["--store", "postgres://ann:secret@db/x"],
            "stairwell: --store needs --key-file (or STAIRWELL_KEY_FILE, or key-file in",
        ),
        (
            &["--in-memory", "--allow-lost-commits"],
            "stairwell: --allow-lost-commits is of a database, and --store names none",
        ),
    ] {
        let err = refusal(&[&["--port", "0"], arguments].concat());
        assert!(err.starts_with(expected), "{err}");
        assert!(!err.contains("secret@"), "{err}");
    }
}

#[test]
fn unknown_keys_are_refused_by_name() {
    let folder = folder("serve_keys");
    for (text, expected) in [
        (
            "port = 0\nprot = 1\n",
            "stairwell: stairwell.toml:2: unknown field `prot`, expected one of",
        ),
        (
            "[security]\nrequire-atuh = true\n",
            "stairwell: stairwell.toml:2: unknown field `require-atuh`, expected one of",
        ),
        ("port = \"x\"", "stairwell: stairwell.toml:1: invalid type: string \"x\", expected u16"),
        ("port = ", "stairwell: stairwell.toml:1: "),
    ] {
        fs::write(folder.join("stairwell.toml"), text).expect("written");
        let told = outcome(&mut stairwell(&folder, &["serve"]));
        assert_eq!(told.status, 1);
        assert!(told.err.starts_with(expected), "{told:?}");
        assert_eq!(told.err.lines().count(), 1, "{told:?}");
        let is_suggested = told.err.contains("did you mean `");
        assert_eq!(is_suggested, text.contains("prot") || text.contains("atuh"), "{told:?}");
    }
}

/// The region of what is made by an unsigned request, which each source sets.
#[test]
fn arguments_come_before_variables_before_the_file() {
    let folder = folder("serve_precedence");
    let check = |with_variable: bool, arguments: &[&str], region: &str, account: &str| {
        let arguments = [&["serve"], arguments].concat();
        let mut command = stairwell(&folder, &arguments);
        if with_variable {
            command.env("STAIRWELL_REGION", "of-variable").env("STAIRWELL_IN_MEMORY", "true");
        }
        let server = Server::start(&mut command);
        let answer = server.post("CreateActivity", r#"{"name":"a"}"#);
        let arn = format!("arn:aws:states:{region}:{account}:activity:a");
        assert!(answer.contains(&arn), "{answer}");
        server.signal("TERM");
        assert_eq!(server.end().0, 0);
    };
    check(false, &["--in-memory", "--port", "0"], "us-east-1", "123456789012");
    fs::write(
        folder.join("stairwell.toml"),
        "host = \"127.0.0.1\"\nport = 0\nin-memory = true\nlog = \"warn\"\nregion = \"of-file\"\n\
         account = \"111111111111\"\n[access-keys]\nK = \"222222222222\"\n",
    )
    .expect("written");
    check(false, &[], "of-file", "111111111111");
    check(true, &[], "of-variable", "111111111111");
    check(true, &["--region", "of-argument"], "of-argument", "111111111111");
    assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 1, "nothing but the file");
    check(true, &["--data", "by-argument"], "of-variable", "111111111111");
    assert!(folder.join("by-argument").is_dir(), "the argument wins over memory");
}

#[test]
fn a_second_signal_ends_at_once() {
    let server = serve(&folder("serve_second_signal"), &["--in-memory"]);
    // A request whose body never comes keeps the server from ending by itself.
    let mut stream = std::net::TcpStream::connect(server.address()).expect("the server listens");
    let head = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\
         content-type: application/x-amz-json-1.0\r\n\
         x-amz-target: AWSStepFunctions.ListActivities\r\nexpect: 100-continue\r\n\r\n";
    std::io::Write::write_all(&mut stream, head.as_bytes()).expect("the server reads");
    let mut continued = [0; 21];
    stream.read_exact(&mut continued).expect("the server asks for the body");
    server.signal("TERM");
    let mut server = server;
    let mut log = std::io::BufReader::new(server.process.stderr.take().expect("a pipe"));
    let mut line = String::new();
    while !line.contains("a second signal stops at once") {
        line.clear();
        assert_ne!(log.read_line(&mut line).expect("text"), 0, "the server waits for the request");
    }
    server.signal("TERM");
    assert_eq!(server.process.wait().expect("it ends").code(), Some(130));
}

#[test]
fn the_demonstration_shows_nested_executions() {
    let folder = folder("demo");
    let temporary = folder.join("tmp");
    fs::create_dir(&temporary).expect("made");
    let mut command = stairwell(&folder, &["demo", "--port", "0"]);
    let mut server = Server::start(command.env("TMPDIR", &temporary));
    let address = server.address().to_owned();
    let mut told = String::new();
    while !told.contains("The server goes on") {
        assert_ne!(server.rest.read_line(&mut told).expect("text"), 0, "{told}");
    }
    for part in [
        "create-state-machine --name child",
        "start-execution --state-machine-arn \
         arn:aws:states:us-east-1:123456789012:stateMachine:parent",
        &format!("--endpoint-url http://{address}\n"),
        "TaskScheduled            states:startExecution.sync:2 with ",
        "TaskSubmitted            states:startExecution.sync:2 gives ",
        "\"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID\":\
         \"arn:aws:states:us-east-1:123456789012:execution:parent:",
        "WaitStateEntered         'Pack' gets ",
        "SUCCEEDED: ",
        "3 parcels for Ann",
        "\"vehicle\":\"van\"",
    ] {
        assert!(told.contains(part), "{part}\n{told}");
    }
    assert!(server.post("ListActivities", "{}").starts_with("HTTP/1.1 200"));
    server.signal("INT");
    let (status, err) = server.end();
    assert_eq!((status, &*err), (0, ""));
    assert_eq!(fs::read_dir(&temporary).expect("a folder").count(), 0, "nothing is left behind");
}

#[test]
fn variables_hold_and_unknown_ones_are_refused_by_name() {
    let folder = folder("serve_variables");
    let mut command = stairwell(&folder, &["serve", "--in-memory", "--port", "0"]);
    command.env("STAIRWELL_REQUIRE_AUTH", "true").env("STAIRWELL_ACCESS_KEYS", "K=123456789012:s");
    let server = Server::start(&mut command);
    assert!(server.first_line.contains("callers must be known"), "{}", server.first_line);
    assert!(server.post("ListActivities", "{}").contains("MissingAuthenticationToken"));
    server.signal("TERM");
    assert_eq!(server.end().0, 0);
    for (name, value, arguments, expected) in [
        (
            "STAIRWELL_REQUIREAUTH",
            "true",
            &["serve", "--in-memory"][..],
            "stairwell: the variable STAIRWELL_REQUIREAUTH belongs to no option: did you mean \
             STAIRWELL_REQUIRE_AUTH?\n",
        ),
        (
            "STAIRWELL_RETENTION",
            "7",
            &["purge"],
            "stairwell: the variable STAIRWELL_RETENTION belongs to no option",
        ),
        (
            "STAIRWELL_INSECURE_NO_AUTH",
            "true",
            &["serve", "--in-memory", "--require-auth"],
            "stairwell: require-auth and insecure-no-auth contradict each other\n",
        ),
        (
            "STAIRWELL_AUDIT_READS",
            "true",
            &["serve", "--in-memory"],
            "stairwell: audit-reads needs an audit: say where with --audit FILE\n",
        ),
    ] {
        let told = outcome(stairwell(&folder, arguments).env(name, value));
        assert_eq!((told.status, &*told.out), (1, ""), "{told:?}");
        assert!(told.err.starts_with(expected), "{told:?}");
    }
}

#[test]
fn values_below_zero_are_refused_as_values() {
    let folder = folder("serve_negative");
    for (arguments, expected) in [
        (&["serve", "--retention-days", "-1"][..], "no number of days, which is 0 or more"),
        (&["purge", "--retention-days", "-0.5"], "no number of days, which is 0 or more"),
        (&["serve", "--port", "-1"], "-1 is not in 0..=65535"),
        (&["serve", "--child-poll-seconds", "-1"], "invalid digit found in string"),
    ] {
        let told = outcome(&mut stairwell(&folder, arguments));
        assert_eq!(told.status, 2, "{told:?}");
        assert!(told.err.contains(expected), "{told:?}");
    }
}

#[test]
fn certificates_of_clients_are_settings_that_are_checked() {
    let folder = folder("serve_certificates");
    let pair = "CN=ci=arn:aws:iam::123456789012:user/ci";
    for (arguments, expected) in [
        (&["--tls-client-ca", "ca.pem"][..], "tls-client-ca needs TLS: give tls-cert and tls-key"),
        (&["--tls-client-principal", pair], "tls-client-principal needs tls-client-ca"),
        (&["--tls-client-principal", "CN=ci"], "the certificate 'CN=ci' is not of the form"),
        (
            &["--tls-client-principal", "ci=arn:aws:iam::123456789012:role/r"],
            "the certificate 'ci': it is no subject of a certificate, such as CN=ci,O=Example",
        ),
        (
            &["--tls-client-principal", "CN=ci=arn:aws:iam::123456789012:role/r"],
            "the principal 'arn:aws:iam::123456789012:role/r': it is neither",
        ),
    ] {
        let told = outcome(&mut stairwell(&folder, &[&["serve"], arguments].concat()));
        assert_eq!(told.status, 1, "{told:?}");
        assert!(told.err.starts_with(&format!("stairwell: {expected}")), "{told:?}");
    }
}
