//! A PostgreSQL of the tests' own: started by them, in a folder of its own, by another user where
//! the tests run as root, since it refuses to be root.

use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use stairwell_store_postgres::{Address, Options, PostgresStore};
use tempfile::TempDir;

/// Names a database to run the tests on instead: its schemas are made and left there.
const VARIABLE: &str = "STAIRWELL_TEST_DATABASE_URL";

/// The user that the database knows.
pub(crate) const USER: &str = "stairwell";

/// A database to test on.
pub(crate) enum Database {
    /// One that somebody else runs, by its URL.
    Given(String),
    /// One of our own.
    Own(Server),
}

/// A PostgreSQL in a folder.
pub(crate) struct Server {
    folder: TempDir,
    binaries: PathBuf,
    user: Option<(u32, u32)>,
    settings: Vec<String>,
    pub(crate) port: u16,
    process: Option<Child>,
}

/// The database that the test is to use; none where there is none, after the reason was printed.
pub(crate) fn database(settings: &[&str]) -> Option<Database> {
    if let Ok(url) = std::env::var(VARIABLE) {
        return Some(Database::Given(url));
    }
    server(settings).map(Database::Own)
}

/// A server of our own; none where there is none, after the reason was printed.
pub(crate) fn server(settings: &[&str]) -> Option<Server> {
    match Server::start(settings) {
        Ok(server) => Some(server),
        Err(reason) => {
            println!("skipped: no PostgreSQL can be started: {reason}");
            None
        }
    }
}

impl Database {
    /// The address of a schema in it.
    pub(crate) fn address(&self, schema: &str) -> Address {
        Address::parse(&self.url(schema)).expect("it is a URL")
    }

    /// The same as text.
    pub(crate) fn url(&self, schema: &str) -> String {
        match self {
            Database::Given(url) => {
                let mark = if url.contains('?') { '&' } else { '?' };
                format!("{url}{mark}schema={schema}")
            }
            Database::Own(server) => server.url(schema),
        }
    }
}

impl Server {
    fn start(settings: &[&str]) -> Result<Server, String> {
        let binaries = binaries()?;
        let user = other_user()?;
        let folder = tempfile::Builder::new().prefix("stairwell-pg").tempdir();
        let folder = folder.map_err(|error| format!("no folder: {error}"))?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700))
            .map_err(|error| error.to_string())?;
        if let Some((user, group)) = user {
            chown(folder.path(), Some(user), Some(group)).map_err(|error| error.to_string())?;
        }
        let settings = settings.iter().map(|it| (*it).to_owned()).collect();
        let port = free_port().map_err(|error| error.to_string())?;
        let mut server = Server { folder, binaries, user, settings, port, process: None };
        let mut initdb = server.command("initdb");
        let data = server.data();
        initdb.arg("-D").arg(&data).args(["-U", USER, "-A", "trust", "-E", "UTF8"]);
        initdb.args(["--locale=C", "--no-sync"]);
        let made = initdb.output().map_err(|error| format!("initdb: {error}"))?;
        if !made.status.success() {
            return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)));
        }
        server.run();
        Ok(server)
    }

    /// Starts it, after it was killed too, and waits until it takes connections.
    pub(crate) fn run(&mut self) {
        let mut command = self.command("postgres");
        command.arg("-D").arg(self.data()).arg("-p").arg(self.port.to_string());
        command.args(["-c", "listen_addresses=localhost", "-c", "max_connections=200"]);
        command.arg("-k").arg(self.folder.path());
        for setting in &self.settings {
            command.arg("-c").arg(setting);
        }
        let log = File::options().create(true).append(true).open(self.log());
        command.stderr(log.expect("the folder is ours"));
        self.process = Some(command.spawn().expect("initdb is beside it"));
        let begin = Instant::now();
        loop {
            let mut ask = self.command("pg_isready");
            ask.args(["-q", "-h", "127.0.0.1", "-p"]).arg(self.port.to_string());
            if ask.status().is_ok_and(|status| status.success()) {
                return;
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "{}", self.log_text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// What it is started with from the next time on, beside what it was.
    pub(crate) fn set(&mut self, settings: &[&str]) {
        self.settings.extend(settings.iter().map(|it| (*it).to_owned()));
    }

    /// Kills it, as a crash does. Its children see that it is gone, and end.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it is ours");
            process.wait().expect("it is ours");
        }
        // A server whose old children still live does not start.
        let lock = self.data().join("postmaster.pid");
        let _ = fs::remove_file(lock);
    }

    /// What it has logged.
    fn log_text(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// The URL of a schema in it.
    pub(crate) fn url(&self, schema: &str) -> String {
        self.url_at(self.port, schema)
    }

    /// The same, by another port, such as that of a proxy.
    pub(crate) fn url_at(&self, port: u16, schema: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{port}/postgres?schema={schema}")
    }

    /// Lets clients in as the line says, before all other lines of `pg_hba.conf`.
    pub(crate) fn let_in(&self, line: &str) {
        let file = self.data().join("pg_hba.conf");
        let text = fs::read_to_string(&file).expect("initdb made it");
        fs::write(&file, format!("{line}\n{text}")).expect("the folder is ours");
        self.sql("SELECT pg_reload_conf()");
    }

    /// A file that only the server's user can read, as it demands of keys.
    pub(crate) fn private_file(&self, name: &str, text: &[u8]) -> PathBuf {
        let file = self.folder.path().join(name);
        fs::write(&file, text).expect("the folder is ours");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("the file is ours");
        if let Some((user, group)) = self.user {
            chown(&file, Some(user), Some(group)).expect("we are root");
        }
        file
    }

    /// The address of a schema in it.
    pub(crate) fn address(&self, schema: &str) -> Address {
        Address::parse(&self.url(schema)).expect("it is a URL")
    }

    /// Runs SQL.
    pub(crate) fn sql(&self, text: &str) -> String {
        let mut psql = self.command("psql");
        psql.args(["-h", "127.0.0.1", "-U", USER, "-d", "postgres", "-X", "-q", "-t", "-A"]);
        psql.arg("-p").arg(self.port.to_string()).args(["-v", "ON_ERROR_STOP=1", "-c", text]);
        let ended = psql.output().expect("psql is beside it");
        assert!(ended.status.success(), "{text}: {}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8_lossy(&ended.stdout).trim().to_owned()
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.join(name));
        command.current_dir(self.folder.path()).env("LC_ALL", "C").env("HOME", self.folder.path());
        command.stdin(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where initdb and the others are: in the path, or where distributions keep their versions.
fn binaries() -> Result<PathBuf, String> {
    let mut folders: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok().map(|entry| entry.path().join("bin")))
        .collect();
    // The newest.
    folders.sort_by_key(|path| {
        let version = path.parent().and_then(Path::file_name).map(|it| it.to_string_lossy());
        version.and_then(|it| it.parse::<u32>().ok())
    });
    folders.reverse();
    let path = std::env::var_os("PATH").unwrap_or_default();
    folders.extend(std::env::split_paths(&path));
    let has_all = |folder: &PathBuf| {
        ["initdb", "postgres", "pg_isready", "psql"].iter().all(|name| folder.join(name).is_file())
    };
    let none = "initdb is neither in the PATH nor in /usr/lib/postgresql/*/bin";
    folders.into_iter().find(has_all).ok_or_else(|| none.to_owned())
}

/// Who is to run it, where we are root: `postgres`, else `nobody`.
fn other_user() -> Result<Option<(u32, u32)>, String> {
    let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"));
    let effective = line.and_then(|line| line.split_whitespace().nth(1));
    if effective != Some("0") {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd").map_err(|error| error.to_string())?;
    let of = |name: &str| {
        let line = users.lines().find_map(|line| line.strip_prefix(&format!("{name}:")))?;
        let mut parts = line.split(':').skip(1);
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    let found = of("postgres").or_else(|| of("nobody"));
    found.map(Some).ok_or_else(|| "the tests run as root, and there is no other user".to_owned())
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Options of a server at that address, which serves alone.
pub(crate) fn options(address: &str) -> Options {
    Options {
        address: address.to_owned(),
        is_alone: true,
        release: "test".to_owned(),
        retention_seconds_max: Some(90 * 86_400),
        allow_lost_commits: false,
        start_wait: Duration::from_millis(300),
    }
}

/// Opens a store at that address, beside others.
pub(crate) async fn join(database: Address, address: &str) -> PostgresStore {
    let options = Options { is_alone: false, ..options(address) };
    PostgresStore::open(database, options).await.expect("nothing is wrong with it")
}

/// Opens a store, as the only server.
pub(crate) async fn open(address: Address) -> PostgresStore {
    PostgresStore::open(address, options("here")).await.expect("nothing is wrong with it")
}
