//! Where a server keeps everything: which of memory, a folder and a database it is, and opening it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::ArgMatches;
use clap::parser::ValueSource;
use runtime::Retention;
use store::{MemoryStore, Store};
use store_embedded::EmbeddedStore;
use store_postgres::{Address, PostgresStore};

use crate::arguments::ServeArguments;

pub(crate) const DEFAULT_FOLDER: &str = "./stairwell-data";

/// For how long a database is waited for that may be starting.
const START_WAIT: Duration = Duration::from_secs(10);

/// Where everything is kept.
#[derive(Clone, Debug)]
pub(crate) enum Storage {
    /// In memory.
    Memory,
    /// In a folder.
    Folder(PathBuf),
    /// In a database.
    Database {
        /// Where it is.
        address: Box<Address>,
        /// Whether it may lose what was answered.
        allow_lost_commits: bool,
    },
}

/// What one of the command line, the environment and the file says of it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Named {
    pub(crate) data: Option<PathBuf>,
    pub(crate) in_memory: Option<bool>,
    pub(crate) store: Option<String>,
}

/// Memory, a folder or a database: as the first of command line, environment and file says that
/// says any.
///
/// # Errors
/// Where one of them says two, or the URL of a database is wrong.
pub(crate) fn storage(
    arguments: &ServeArguments,
    matches: &ArgMatches,
    file: Named,
    allow_lost_commits: bool,
) -> anyhow::Result<Storage> {
    let layer = |source: ValueSource| {
        let given = |id: &str| matches.value_source(id) == Some(source);
        Named {
            data: arguments.data.clone().filter(|_| given("data")),
            in_memory: arguments.in_memory.filter(|_| given("in_memory")),
            store: arguments.store.clone().filter(|_| given("store")),
        }
    };
    let layers = [
        ("the command line asks for", layer(ValueSource::CommandLine)),
        ("the environment asks for", layer(ValueSource::EnvVariable)),
        ("the configuration file asks for", file),
    ];
    let mut found = None;
    for (who, Named { data, in_memory, store }) in layers {
        let memory = in_memory.unwrap_or_default().then_some(());
        match (data, memory, store) {
            (Some(_), Some(()), _) => bail!("{who} both a data folder and memory"),
            (Some(_), _, Some(_)) => bail!("{who} both a data folder and a database"),
            (_, Some(()), Some(_)) => bail!("{who} both memory and a database"),
            (Some(folder), None, None) => found = Some(Storage::Folder(folder)),
            (None, Some(()), None) => found = Some(Storage::Memory),
            (None, None, Some(url)) => found = Some(database(&url, allow_lost_commits)?),
            (None, None, None) => continue,
        }
        break;
    }
    let storage = found.unwrap_or_else(|| Storage::Folder(PathBuf::from(DEFAULT_FOLDER)));
    if allow_lost_commits && !matches!(storage, Storage::Database { .. }) {
        bail!("--allow-lost-commits is of a database, and --store names none");
    }
    Ok(storage)
}

fn database(text: &str, allow_lost_commits: bool) -> anyhow::Result<Storage> {
    let address = Box::new(database_address(text)?);
    Ok(Storage::Database { address, allow_lost_commits })
}

/// The database of a URL, or of the file that `@FILE` names.
///
/// # Errors
/// Where the file cannot be read, or the URL is none.
pub(crate) fn database_address(text: &str) -> anyhow::Result<Address> {
    let url = match text.strip_prefix('@') {
        None => text.to_owned(),
        Some(file) => {
            let text = fs::read_to_string(file)
                .with_context(|| format!("the file {file} of --store cannot be read"))?;
            text.trim().to_owned()
        }
    };
    Ok(Address::parse(&url)?)
}

/// Comes back with a reason, if ever.
pub(crate) type Failure = std::pin::Pin<Box<dyn Future<Output = String> + Send>>;

/// A store that is open.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn Store>,
    /// The same, where it is on the disk.
    pub(crate) embedded: Option<Arc<EmbeddedStore>>,
    /// What the first line says of it.
    pub(crate) storage: String,
    /// Comes back when nothing can be written any more until a restart.
    pub(crate) failure: Failure,
    /// What it proves itself to the other servers of the database with, where it has any.
    pub(crate) identity: Option<peers::Identity>,
}

/// Opens it, for a server whose API listens at `listening`, and which other servers of the database
/// reach at `advertised`, if at all.
///
/// # Errors
/// Where it cannot be served from.
pub(crate) async fn open(
    storage: &Storage,
    listening: &str,
    advertised: Option<&str>,
    retention: &Retention,
) -> anyhow::Result<Opened> {
    match storage {
        Storage::Memory => Ok(Opened {
            store: Arc::new(MemoryStore::new()),
            embedded: None,
            storage: "in memory, gone at the end".to_owned(),
            failure: Box::pin(std::future::pending()),
            identity: None,
        }),
        Storage::Folder(folder) => {
            let path = folder.clone();
            let opened = tokio::task::spawn_blocking(move || open_folder(&path));
            let store = opened.await.context("the data folder could not be opened")??;
            let failure = Box::pin(store.failure());
            let (store, storage) = (Arc::new(store), folder.display().to_string());
            let embedded = Some(store.clone());
            Ok(Opened { store, embedded, storage, failure, identity: None })
        }
        Storage::Database { address, allow_lost_commits } => {
            let options = store_postgres::Options {
                address: advertised.map_or_else(|| machine_address(listening), str::to_owned),
                is_alone: advertised.is_none(),
                release: env!("CARGO_PKG_VERSION").to_owned(),
                retention_seconds_max: longest_seconds(retention),
                allow_lost_commits: *allow_lost_commits,
                start_wait: START_WAIT,
            };
            let storage = match advertised {
                Some(advertised) => format!("{}, other servers: {advertised}", address.place()),
                None => address.place(),
            };
            // Its errors name the database.
            let store = PostgresStore::open((**address).clone(), options).await?;
            let failure = Box::pin(store.failure());
            let (secret, store) = (store.peer_secret(), Arc::new(store));
            let its = store.clone();
            let identity = peers::Identity::new(secret, move || its.node());
            let identity = advertised.map(|_| identity);
            Ok(Opened { store, embedded: None, storage, failure, identity })
        }
    }
}

/// # Errors
/// Where the folder cannot be opened.
pub(crate) fn open_folder(folder: &Path) -> anyhow::Result<EmbeddedStore> {
    // Its errors name the folder and what lies beneath themselves.
    EmbeddedStore::open(folder, store_embedded::Options::default())
        .map_err(|error| anyhow::anyhow!("cannot open the data folder: {error}"))
}

/// For how long something is kept at most; none where it is for ever.
fn longest_seconds(retention: &Retention) -> Option<u64> {
    let all = retention.machines.values().chain([&retention.default_seconds]);
    all.copied().collect::<Option<Vec<u64>>>()?.into_iter().max()
}

/// What no other server has that lives: the machine, and where it listens on it. Where the machine
/// cannot be told, something that nobody has had.
fn machine_address(listening: &str) -> String {
    let read = |file: &str| fs::read_to_string(file).ok().map(|text| text.trim().to_owned());
    let known = |text: &String| !text.is_empty();
    let host = read("/proc/sys/kernel/hostname").filter(known);
    let machine = read("/etc/machine-id").filter(known).unwrap_or_default();
    match host {
        Some(host) => format!("{listening} on {host} {machine:.8}").trim().to_owned(),
        None => format!("{listening} on {}", uuid::Uuid::new_v4().simple()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_longest_is_found() {
        let retention = |default_seconds, machines: &[Option<u64>]| {
            let machines = machines.iter().enumerate().map(|(index, it)| (index.to_string(), *it));
            longest_seconds(&Retention { default_seconds, machines: machines.collect() })
        };
        assert_eq!(retention(Some(5), &[]), Some(5));
        assert_eq!(retention(Some(5), &[Some(9), Some(1)]), Some(9));
        assert_eq!(retention(Some(5), &[None]), None);
        assert_eq!(retention(None, &[Some(9)]), None);
    }
}
