//! The settings of a server: from the command line, else from `STAIRWELL_*` variables, else from
//! `stairwell.toml`, else defaults.

use std::collections::BTreeMap;
use std::env;
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use api::{Accounts, RootKey, Throttling};
use aws::{Client, Endpoint};
use clap::ArgMatches;
use integrations::{Connections, FunctionCommand, LocalFunction, LocalFunctions};
use runtime::{ExpressHistory, Retention};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use crate::arguments::{Days, ExpressHistoryBound, PurgeArguments, ServeArguments, command};
use crate::connections;
use crate::execution_logs::LogExecutions;
use crate::objects::ObjectsAt;
use crate::peer_listener::{self, PeerOptions};
use crate::quotas::{Quotas, quotas};
use crate::security::{self, Security, SecurityFile};
use crate::services;
use crate::spelling::with_suggestion;
use crate::storage::{self, DEFAULT_FOLDER, Named, Storage};

const FILE_NAME: &str = "stairwell.toml";

/// As AWS keeps them.
const DEFAULT_RETENTION: Days = Days(Some(90.0));

/// What a server needs to know.
#[derive(Debug)]
pub(crate) struct Settings {
    /// Where to listen.
    pub(crate) address: SocketAddr,
    /// Where to keep everything.
    pub(crate) storage: Storage,
    /// Where other servers of the database reach this one.
    pub(crate) peers: PeerOptions,
    /// What to log.
    pub(crate) log: String,
    /// Whose requests are whose.
    pub(crate) accounts: Accounts,
    /// What calls the services of AWS.
    pub(crate) aws: Client,
    /// Where execution logs go; none where that is not said.
    pub(crate) log_executions: Option<LogExecutions>,
    /// Whether events of status changes are put to EventBridge.
    pub(crate) puts_status_events: bool,
    /// Where the objects of Map Runs are.
    pub(crate) objects: ObjectsAt,
    /// The Lambda functions that need no Lambda server.
    pub(crate) functions: LocalFunctions,
    /// The connections that need no EventBridge.
    pub(crate) connections: Connections,
    /// The mock configuration file.
    pub(crate) mock_config: Option<PathBuf>,
    /// How long executions are kept after they have ended.
    pub(crate) retention: Retention,
    /// Who may do what.
    pub(crate) security: Security,
    /// What seals secrets in the store, where that is said.
    pub(crate) key_file: Option<PathBuf>,
    /// How much of Express executions is kept.
    pub(crate) express_history: Option<ExpressHistory>,
    /// Which requests are throttled.
    pub(crate) throttling: Throttling,
    /// Quotas other than AWS's.
    pub(crate) quotas: Quotas,
}

/// The keys of `stairwell.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    host: Option<String>,
    port: Option<u16>,
    data: Option<PathBuf>,
    in_memory: Option<bool>,
    store: Option<String>,
    allow_lost_commits: Option<bool>,
    peer_listen: Option<String>,
    advertise: Option<String>,
    log: Option<String>,
    account: Option<String>,
    region: Option<String>,
    lambda_endpoint: Option<String>,
    log_executions: Option<String>,
    s3_endpoint: Option<String>,
    events_endpoint: Option<String>,
    mock_config: Option<PathBuf>,
    #[serde(default)]
    lambda_functions: BTreeMap<String, FunctionTable>,
    #[serde(default)]
    connections: BTreeMap<String, toml::Value>,
    retention_days: Option<Days>,
    #[serde(default)]
    machine_retention_days: BTreeMap<String, Days>,
    express_history: Option<ExpressHistoryBound>,
    throttle: Option<String>,
    #[serde(default)]
    quotas: Quotas,
    #[serde(default)]
    access_keys: BTreeMap<String, AccessKeyEntry>,
    key_file: Option<PathBuf>,
    #[serde(default)]
    security: SecurityFile,
}

/// An access key: its account, or account and secret.
#[derive(Clone)]
enum AccessKeyEntry {
    Account(String),
    Root { account: String, secret: String },
}

impl fmt::Debug for AccessKeyEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (AccessKeyEntry::Account(account) | AccessKeyEntry::Root { account, .. }) = self;
        formatter.debug_tuple("AccessKeyEntry").field(account).finish()
    }
}

impl<'text> Deserialize<'text> for AccessKeyEntry {
    fn deserialize<D: Deserializer<'text>>(deserializer: D) -> Result<Self, D::Error> {
        const EXPECTED: &str = "it is neither an account, as \"123456789012\", nor { account = \
                                \"123456789012\", secret = \"...\" }";
        // Told without the values, which may be secrets.
        let wrong = |what: String| D::Error::custom(what);
        let table = match toml::Value::deserialize(deserializer)? {
            toml::Value::String(account) => return Ok(AccessKeyEntry::Account(account)),
            toml::Value::Table(table) => table,
            _ => return Err(wrong(format!("an access key is wrong: {EXPECTED}"))),
        };
        let (mut account, mut secret) = (None, None);
        for (name, value) in table {
            let slot = match &*name {
                "account" => &mut account,
                "secret" => &mut secret,
                _ => {
                    let unknown = format!("unknown field `{name}`, expected `account` or `secret`");
                    return Err(wrong(unknown));
                }
            };
            match value {
                toml::Value::String(text) => *slot = Some(text),
                _ => return Err(wrong(format!("the {name} of an access key is no text"))),
            }
        }
        match (account, secret) {
            (Some(account), Some(secret)) => Ok(AccessKeyEntry::Root { account, secret }),
            (None, _) => Err(wrong("an access key lacks its account".to_owned())),
            (Some(_), None) => {
                let help = "an access key lacks its secret: without one, write its account alone";
                Err(wrong(help.to_owned()))
            }
        }
    }
}

/// What stands for a Lambda function.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FunctionTable {
    url: Option<String>,
    command: Option<Vec<String>>,
    concurrency: Option<usize>,
    timeout_seconds: Option<u64>,
    idle_seconds: Option<u64>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    #[serde(default)]
    pass_environment: Vec<String>,
}

/// A function has three seconds at Lambda where nothing else is said.
const FUNCTION_SECONDS: u64 = 3;
const FUNCTION_IDLE_SECONDS: u64 = 300;
const FUNCTION_CONCURRENCY: usize = 10;

impl FunctionTable {
    fn function(self) -> anyhow::Result<LocalFunction> {
        let FunctionTable { url, command, concurrency, timeout_seconds, idle_seconds, .. } = self;
        let FunctionTable { environment, pass_environment, .. } = self;
        let is_of_command = concurrency.is_some()
            || timeout_seconds.is_some()
            || idle_seconds.is_some()
            || !environment.is_empty()
            || !pass_environment.is_empty();
        match (url, command) {
            (Some(url), None) if !is_of_command => {
                Endpoint::parse(&url)?;
                Ok(LocalFunction::Url(url))
            }
            (Some(_), None) => {
                bail!("concurrency, times and environment are those of a command, not of a URL")
            }
            (None, Some(command)) if command.is_empty() => bail!("the command is empty"),
            (None, Some(_)) if concurrency == Some(0) => bail!("the concurrency is 0"),
            (None, Some(command)) => Ok(LocalFunction::Command(FunctionCommand {
                command,
                concurrency: concurrency.unwrap_or(FUNCTION_CONCURRENCY).min(1_000),
                timeout: Duration::from_secs(timeout_seconds.unwrap_or(FUNCTION_SECONDS)),
                idle: Duration::from_secs(idle_seconds.unwrap_or(FUNCTION_IDLE_SECONDS)),
                environment: process_environment(environment, pass_environment)?,
            })),
            _ => bail!("it must have either a url or a command"),
        }
    }
}

/// The variables that are set for a function, and those that are passed on to it.
fn process_environment(
    mut variables: BTreeMap<String, String>,
    passed: Vec<String>,
) -> anyhow::Result<BTreeMap<String, String>> {
    if let Some(name) = variables.keys().chain(&passed).find(|name| !is_variable(name)) {
        bail!("'{name}' is no name of a variable");
    }
    for name in passed {
        if variables.contains_key(&name) {
            bail!("{name} is both set and passed on");
        }
        let value = env::var(&name).with_context(|| format!("{name} cannot be passed on"))?;
        variables.insert(name, value);
    }
    Ok(variables)
}

fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

fn functions(tables: BTreeMap<String, FunctionTable>) -> anyhow::Result<LocalFunctions> {
    let mut functions = BTreeMap::new();
    for (name, table) in tables {
        let function = table.function().with_context(|| format!("lambda-functions.{name}"))?;
        functions.insert(name, function);
    }
    Ok(LocalFunctions::new(functions))
}

/// The settings that the arguments, the environment and the file make together. `matches` tells
/// arguments from variables.
///
/// # Errors
/// Where the file cannot be read or has an unknown key, or a value is not what it must be.
pub(crate) fn settings(
    arguments: &ServeArguments,
    matches: &ArgMatches,
) -> anyhow::Result<Settings> {
    settings_of(read(arguments.configuration.config.as_deref())?, arguments, matches)
}

/// Whether a server could be started with a file of that text, and nothing else.
///
/// # Errors
/// As [`settings`].
pub(crate) fn check(text: &str) -> anyhow::Result<()> {
    let matches = command().try_get_matches_from(["stairwell", "serve"])?;
    let matches = matches.subcommand_matches("serve").expect("this is the subcommand");
    let file = parse(text, Path::new(FILE_NAME))?;
    settings_of(file, &ServeArguments::default(), matches).map(drop)
}

fn settings_of(
    mut file: File,
    arguments: &ServeArguments,
    matches: &ArgMatches,
) -> anyhow::Result<Settings> {
    let functions = functions(std::mem::take(&mut file.lambda_functions))?;
    let connections = std::mem::take(&mut file.connections);
    let allow_lost_commits = arguments.allow_lost_commits.or(file.allow_lost_commits);
    let named =
        Named { data: file.data.clone(), in_memory: file.in_memory, store: file.store.clone() };
    let storage =
        storage::storage(arguments, matches, named, allow_lost_commits.unwrap_or_default())?;
    let (listen, advertise) = (file.peer_listen.take(), file.advertise.take());
    let peers = peer_listener::options(&arguments.peers, (listen, advertise), &storage)?;
    let host = arguments.host.as_deref().or(file.host.as_deref()).unwrap_or("127.0.0.1");
    let address: IpAddr = match host {
        "localhost" => IpAddr::from([127, 0, 0, 1]),
        host => host.parse().with_context(|| format!("the host '{host}' is not an IP address"))?,
    };
    let port = arguments.port.or(file.port).unwrap_or(8083);
    let log = arguments.log.clone().or(file.log.clone()).unwrap_or_else(|| "info".to_owned());
    let lambda = arguments.lambda_endpoint.as_deref().or(file.lambda_endpoint.as_deref());
    let log_executions = arguments.log_executions.as_deref().or(file.log_executions.as_deref());
    let log_executions = log_executions.map(str::parse).transpose()?;
    let s3 = arguments.s3_endpoint.as_deref().or(file.s3_endpoint.as_deref());
    let events = arguments.events_endpoint.as_deref().or(file.events_endpoint.as_deref());
    let of_local = || env::var_os("SFN_MOCK_CONFIG").filter(|path| !path.is_empty());
    let mock_config = arguments.mock_config.clone().or(file.mock_config.clone());
    let mock_config = mock_config.or_else(|| of_local().map(PathBuf::from));
    let retention = retention(arguments.retention_days, &file);
    let express_history = arguments.express_history.or(file.express_history);
    let throttle = arguments.throttle.as_deref().or(file.throttle.as_deref()).unwrap_or("off");
    let throttling = throttle.parse().map_err(|error| anyhow::anyhow!("throttling: {error}"))?;
    let quotas = quotas(&arguments.quotas, file.quotas)?;
    let address = SocketAddr::new(address, port);
    let (accounts, root_keys) = accounts(arguments, &file)?;
    let security = security::settings(arguments, &file.security, root_keys, address.ip())?;
    let aws = services::aws_client(lambda, s3, events, security.allow_private_addresses)?;
    let puts_status_events = services::puts_status_events(&aws, events);
    let objects = ObjectsAt::find(s3, &aws)?;
    let apart = security.keeps_accounts_apart();
    let connections = connections::connections(connections, apart, &accounts.default_account)?;
    Ok(Settings {
        address,
        storage,
        peers,
        log,
        accounts,
        aws,
        log_executions,
        puts_status_events,
        objects,
        mock_config,
        functions,
        connections,
        retention,
        express_history: express_history.and_then(|bound| bound.0),
        throttling,
        quotas,
        security,
        key_file: arguments.key_file.clone().or(file.key_file),
    })
}

/// The folder that is to be purged, and what is to be kept in it.
///
/// # Errors
/// As [`settings`].
pub(crate) fn purge_settings(arguments: &PurgeArguments) -> anyhow::Result<(PathBuf, Retention)> {
    let file = read(arguments.configuration.config.as_deref())?;
    let retention = retention(arguments.retention_days, &file);
    let names_database = file.store.is_some() || env::var_os("STAIRWELL_STORE").is_some();
    if names_database && arguments.data.is_none() && file.data.is_none() {
        bail!(
            "purge is of data folders, and the configuration names a database: a server removes \
             from it by itself while it runs; name a folder with --data"
        );
    }
    let folder = arguments.data.clone().or(file.data);
    Ok((folder.unwrap_or_else(|| PathBuf::from(DEFAULT_FOLDER)), retention))
}

/// The database that the configuration file names, if any.
///
/// # Errors
/// Where the file cannot be read.
pub(crate) fn store_named(config: Option<&Path>) -> anyhow::Result<Option<String>> {
    Ok(read(config)?.store)
}

fn retention(argument: Option<Days>, file: &File) -> Retention {
    let days = argument.or(file.retention_days).unwrap_or(DEFAULT_RETENTION);
    let machines = file.machine_retention_days.iter();
    let machines = machines.map(|(name, days)| (name.clone(), days.seconds())).collect();
    Retention { default_seconds: days.seconds(), machines }
}

fn read(path: Option<&Path>) -> anyhow::Result<File> {
    let asked_for = path.is_some();
    let path = path.unwrap_or(Path::new(FILE_NAME));
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound && !asked_for => {
            return Ok(File::default());
        }
        Err(error) => bail!("{} cannot be read: {error}", path.display()),
    };
    parse(&text, path)
}

fn parse(text: &str, path: &Path) -> anyhow::Result<File> {
    toml::from_str(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        let line = 1 + text[..offset].matches('\n').count();
        anyhow::anyhow!("{}:{line}: {}", path.display(), with_suggestion(error.message()))
    })
}

type RootKeys = BTreeMap<String, RootKey>;

fn accounts(arguments: &ServeArguments, file: &File) -> anyhow::Result<(Accounts, RootKeys)> {
    let (mut by_access_key, mut root_keys) = (BTreeMap::new(), BTreeMap::new());
    let mut add = |key: &str, account: &str, secret: Option<&str>| {
        let account: Arc<str> = check_account(account.to_owned())?.into();
        by_access_key.insert(key.to_owned(), account.clone());
        if let Some(secret) = secret {
            if secret.is_empty() {
                bail!("the secret of the access key '{key}' is empty");
            }
            root_keys.insert(key.to_owned(), RootKey { account, secret: secret.to_owned() });
        }
        Ok(())
    };
    for (key, entry) in &file.access_keys {
        match entry {
            AccessKeyEntry::Account(account) => add(key, account, None)?,
            AccessKeyEntry::Root { account, secret } => add(key, account, Some(secret))?,
        }
    }
    for pair in access_keys(&arguments.access_keys)? {
        let Some((key, account)) = pair.split_once('=') else {
            bail!("an access key is not of the form KEY=ACCOUNT or KEY=ACCOUNT:SECRET, nor @FILE");
        };
        match account.split_once(':') {
            Some((account, secret)) => add(key, account, Some(secret))?,
            None => add(key, account, None)?,
        }
    }
    let mut accounts = Accounts { by_access_key, ..Accounts::default() };
    if let Some(account) = arguments.account.clone().or(file.account.clone()) {
        accounts.default_account = check_account(account)?.into();
    }
    if let Some(region) = arguments.region.clone().or(file.region.clone()) {
        if !api::is_region(&region) {
            bail!("the region '{region}' is not one, such as eu-central-1");
        }
        accounts.default_region = region.into();
    }
    Ok((accounts, root_keys))
}

/// The access keys that are given, those of files included: one in a line, `#` begins a comment.
fn access_keys(given: &[String]) -> anyhow::Result<Vec<String>> {
    let mut pairs = Vec::new();
    for pair in given {
        let Some(path) = pair.strip_prefix('@') else {
            pairs.push(pair.clone());
            continue;
        };
        let text = fs::read_to_string(path)
            .with_context(|| format!("the access keys in {path} cannot be read"))?;
        let lines = text.lines().map(str::trim);
        pairs.extend(lines.filter(|it| !it.is_empty() && !it.starts_with('#')).map(str::to_owned));
    }
    Ok(pairs)
}

fn check_account(account: String) -> anyhow::Result<String> {
    if !api::is_account(&account) {
        bail!("the account '{account}' is not twelve digits");
    }
    Ok(account)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key of an option that is not named as the option is.
    fn key_of(option: &str) -> &str {
        match option {
            "access-key" => "access-keys",
            "quota" => "quotas",
            "tls-client-principal" => "tls-client-principals",
            option => option,
        }
    }

    #[test]
    fn every_option_of_serve_has_its_variable_and_its_key() {
        let command = crate::arguments::command();
        let serve = command.find_subcommand("serve").expect("there is one");
        let mut count = 0;
        for argument in serve.get_arguments().filter(|it| it.get_id() != "help") {
            let option = argument.get_long().expect("all of them are long");
            let key = key_of(option);
            let variable = argument.get_env().expect("every option has a variable");
            let expected = format!("STAIRWELL_{}", key.replace('-', "_").to_uppercase());
            assert_eq!(variable.to_str(), Some(&*expected), "--{option}");
            count += 1;
            // The file cannot say where it is.
            if option == "config" {
                continue;
            }
            // Whatever is wrong with the value, it is not the key.
            let is_known = |table: &str| {
                let read = toml::from_str::<File>(&format!("{table}{key} = [[]]\n"));
                read.err().is_none_or(|error| !error.message().starts_with("unknown field"))
            };
            assert!(is_known("") || is_known("[security]\n"), "{key} is no key of the file");
        }
        assert!(count > 25, "{count}");
    }

    #[test]
    fn access_keys_are_read_and_what_is_wrong_is_told_without_secrets() {
        let told =
            |entry: &str| match toml::from_str::<File>(&format!("[access-keys]\nK = {entry}")) {
                Ok(file) => format!("{:?}", file.access_keys["K"]),
                Err(error) => error.message().to_owned(),
            };
        assert_eq!(told("\"1\""), "AccessKeyEntry(\"1\")");
        assert_eq!(told("{ account = \"1\", secret = \"s\" }"), "AccessKeyEntry(\"1\")");
        for (entry, expected) in [
            (
                "{ account = \"1\", secret = \"s\", foo = 1 }",
                "unknown field `foo`, expected `account` or `secret`",
            ),
            ("{ secret = \"s3cr3t\" }", "an access key lacks its account"),
            ("{ account = \"1\" }", "an access key lacks its secret"),
            ("{ account = \"1\", secret = 53 }", "the secret of an access key is no text"),
            ("12", "an access key is wrong: it is neither an account, as"),
        ] {
            let told = told(entry);
            assert!(told.starts_with(expected), "{told}");
            assert!(!told.contains("s3cr3t") && !told.contains("53"), "{told}");
        }
    }
}
