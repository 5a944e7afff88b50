//! `stairwell serve`: the API on a port, until a signal ends it.

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use api::{Accounts, Api, Tls};
use aws::Client;
use clap::ArgMatches;
use integrations::{Connections, LocalFunctions};
use peers::{Identity, Peers};
use runtime::{Clock, NetworkHandle, Runtime, RuntimeConfig};
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use store::MemoryStore;
use store::cluster::BEAT;
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Interval, MissedTickBehavior};
use tracing_subscriber::EnvFilter;

use crate::arguments::ServeArguments;
use crate::configuration::{self, Settings};
use crate::execution_logs;
use crate::key_file;
use crate::objects::ObjectsAt;
use crate::peer_listener::PeerListener;
use crate::print;
use crate::quotas::Quotas;
use crate::reload::{LOOK_INTERVAL, Reload};
use crate::services::{self, OwnApi};
use crate::storage::{self, Opened};

/// The exit code where the server ends by a mistake in Stairwell: `EX_SOFTWARE` of sysexits.h.
const EXIT_BROKEN: i32 = 70;

/// Serves until SIGINT or SIGTERM.
pub(crate) fn serve(arguments: &ServeArguments, matches: &ArgMatches) -> anyhow::Result<ExitCode> {
    let settings = configuration::settings(arguments, matches)?;
    key_file::check(&settings)?;
    log_to_standard_error(&settings.log)?;
    // What the server writes holds payloads and secrets: nobody else on the machine reads it.
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
    let threads = tokio::runtime::Runtime::new().context("no threads")?;
    let code = threads.block_on(async {
        let end = EndSignals::watch()?;
        let server = Server::start(&settings).await?;
        server.announce()?;
        server.run(end).await;
        Ok(ExitCode::SUCCESS)
    });
    // What the shutdown did not wait for is not waited for here either.
    threads.shutdown_background();
    code
}

/// What the process ends with when the disk or the database failed: EX_IOERR of sysexits.h.
const EXIT_STORE: i32 = 74;

/// A server that listens.
pub(crate) struct Server {
    listener: TcpListener,
    api: Arc<Api>,
    runtime: Runtime,
    reload: Reload,
    tls: Option<Tls>,
    /// What the first line says of the storage.
    storage: String,
    /// Who is trusted, and what roles may.
    trust: String,
    /// Comes back when nothing can be written any more until a restart.
    failure: storage::Failure,
}

impl Server {
    /// Takes the port, opens the storage, and goes on with what is in it.
    ///
    /// # Errors
    /// Where the port or the storage is not to be had.
    pub(crate) async fn start(settings: &Settings) -> anyhow::Result<Server> {
        let address = settings.address;
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        let live = settings.security.tls(address.ip())?;
        let tls = live.as_ref().map(|live| live.tls.clone());
        let audit = settings.security.audit()?;
        let at = listener.local_addr()?;
        let (peers, opened) = open_storage(settings, at).await?;
        let Opened { store, embedded, storage, failure, identity } = opened;
        let identities = key_file::identities(settings, &store, embedded.as_deref()).await?;
        let identities = Arc::new(identities);
        let own_api = OwnApi::default();
        let mut config = runtime_config(
            Clock::system_of(&*store).await?,
            &settings.aws,
            &settings.objects,
            settings.functions.clone(),
            settings.connections.clone(),
            &own_api,
        );
        config.execution_logs =
            execution_logs::open(settings.log_executions.as_ref(), &config.integrations)?;
        let config = RuntimeConfig {
            mock_config: settings.mock_config.clone(),
            retention: settings.retention.clone(),
            express_history: settings.express_history,
            call_audit: audit.of_calls(),
            network: identity.clone().map(|it| NetworkHandle(Arc::new(Peers::new(it)))),
            status_detail: settings.puts_status_events.then_some(api::status_detail as _),
            ..config
        };
        let config = settings.security.guarded(config, &identities);
        let callers = settings.security.callers(identities, config.guard.clone()).await?;
        let runtime = Runtime::open(store.clone(), with_quotas(config, settings.quotas));
        let has_others = identity.is_some();
        listen_to_peers(peers, identity, &runtime);
        let api = Api::new(runtime.clone(), settings.accounts.clone());
        let api = api.throttled(settings.throttling.clone()).with_callers(callers, audit.clone());
        let api = api.ready_with(store);
        let api = Arc::new(api);
        own_api.is(&api);
        if has_others {
            let_others_see(&runtime).await;
        }
        let trust = settings.security.in_words();
        let reload = Reload { audit, tls: live };
        Ok(Server { listener, api, runtime, reload, tls, storage, trust, failure })
    }

    /// The address that it listens on: with the port that it got, where any would do.
    pub(crate) fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.listener.local_addr()?)
    }

    /// Says that it is ready, in one line on standard output.
    pub(crate) fn announce(&self) -> anyhow::Result<()> {
        let version = env!("CARGO_PKG_VERSION");
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let url = format!("{scheme}://{}", self.address()?);
        let Server { storage, trust, .. } = self;
        let line =
            format_args!("Stairwell {version} listening on {url} (data: {storage}; {trust})");
        Ok(print::line(line)?)
    }

    /// Serves until the first signal, then stops in order: no request is cut off, and what was
    /// answered is kept. A second signal ends the process at once.
    pub(crate) async fn run(self, mut end: EndSignals) {
        let Server { listener, api, runtime, mut reload, tls, failure, .. } = self;
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let connections = connections_max();
        let mut serving = tokio::spawn(api::serve(listener, tls, api, connections, async {
            // A sender that is gone means the same as a message.
            let _ = stopped.await;
        }));
        tokio::select! {
            () = end.next(&mut reload) => {}
            reason = failure => {
                // Another process reads what is there, and syncs it before it is believed.
                tracing::error!(reason, "the store failed, and the server ends");
                runtime.shutdown().await;
                std::process::exit(EXIT_STORE);
            }
            // Nobody told it to: a process that does not listen is of no use.
            _ = &mut serving => {
                tracing::error!("the server met a mistake in Stairwell, and ends");
                runtime.shutdown().await;
                std::process::exit(EXIT_BROKEN);
            }
        }
        tracing::info!("stopping; a second signal stops at once");
        drop(stop);
        tokio::select! {
            () = end.next(&mut reload) => std::process::exit(130),
            () = async {
                if serving.await.is_err() {
                    tracing::error!("the server met a mistake in Stairwell");
                }
                runtime.shutdown().await;
            } => {}
        }
    }
}

/// Listens to the other servers of the database, where there may be any, and opens the storage,
/// which tells them where.
async fn open_storage(
    settings: &Settings,
    at: SocketAddr,
) -> anyhow::Result<(Option<PeerListener>, Opened)> {
    let Settings { storage, peers, retention, .. } = settings;
    let peers = PeerListener::bind(peers, storage, at).await?;
    let advertised = peers.as_ref().map(|peers| &*peers.advertised);
    let opened = storage::open(storage, &at.to_string(), advertised, retention).await?;
    Ok((peers, opened))
}

/// Waits until the servers that were there before have seen this one, as they do with each beat:
/// what they tell all servers is told to this one from then on.
async fn let_others_see(runtime: &Runtime) {
    // The store tells of the others at once.
    tokio::time::sleep(BEAT / 10).await;
    if runtime.living_nodes() > 1 {
        tokio::time::sleep(BEAT).await;
    }
}

/// Answers what other servers ask, until the process ends: also while it stops, so that they hear
/// at once that executions are not here any more.
fn listen_to_peers(peers: Option<PeerListener>, identity: Option<Identity>, runtime: &Runtime) {
    if let (Some(peers), Some(identity)) = (peers, identity) {
        let runtime = runtime.clone();
        let answer = move |frame: Vec<u8>| {
            let runtime = runtime.clone();
            async move { runtime.answer_node(&frame).await }
        };
        tokio::spawn(peers::serve(peers.listener, identity, answer));
    }
}

/// How many connections a server may have open at a time.
const CONNECTIONS_MAX: u64 = 10_000;
/// File descriptors that are left for the store, calls to services, and log files.
const OTHER_FILES: u64 = 512;

/// How many connections may be open at a time: as many as the system lets this process have, after
/// its soft limit of file descriptors was raised.
fn connections_max() -> usize {
    let wanted = CONNECTIONS_MAX + OTHER_FILES;
    let limit = getrlimit(Resource::Nofile);
    let files = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    let files = files.max(limit.current.unwrap_or(wanted));
    let raised = Rlimit { current: Some(files), maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files could not be raised");
    }
    let connections = files.saturating_sub(OTHER_FILES).clamp(64, CONNECTIONS_MAX);
    if connections < CONNECTIONS_MAX {
        tracing::info!(connections, files, "the limit of open files bounds the connections");
    }
    usize::try_from(connections).expect("10,000 fits")
}

/// SIGINT and SIGTERM, which end a server, and SIGHUP, which does not.
pub(crate) struct EndSignals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
    /// Whether somebody sat at a terminal when it was started.
    has_terminal: bool,
    look: Interval,
}

impl EndSignals {
    /// From now on they do not end the process any more.
    ///
    /// # Errors
    /// Where the system refuses.
    pub(crate) fn watch() -> anyhow::Result<EndSignals> {
        let mut look = tokio::time::interval(LOOK_INTERVAL);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(EndSignals {
            interrupt: signal(SignalKind::interrupt()).context("cannot watch SIGINT")?,
            terminate: signal(SignalKind::terminate()).context("cannot watch SIGTERM")?,
            hang_up: signal(SignalKind::hangup()).context("cannot watch SIGHUP")?,
            has_terminal: std::io::stderr().is_terminal(),
            look,
        })
    }

    /// Comes back when the server is to end. Until then files that change are read anew, and all of
    /// them at each SIGHUP: unless it tells that the terminal is gone.
    pub(crate) async fn next(&mut self, reload: &mut Reload) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = self.hang_up.recv() => {
                    if self.has_terminal && !std::io::stderr().is_terminal() {
                        return;
                    }
                    reload.reload();
                }
                _ = self.look.tick(), if reload.is_due_regularly() => reload.look(),
            }
        }
    }
}

fn with_quotas(config: RuntimeConfig, quotas: Quotas) -> RuntimeConfig {
    RuntimeConfig {
        open_executions_max: quotas.open_executions.unwrap_or(config.open_executions_max),
        state_machines_max: quotas.state_machines.unwrap_or(config.state_machines_max),
        activities_max: quotas.activities.unwrap_or(config.activities_max),
        activity_pollers_max: quotas.activity_pollers.unwrap_or(config.activity_pollers_max),
        ..config
    }
}

/// How a runtime of this process behaves.
fn runtime_config(
    clock: Clock,
    aws: &Client,
    objects: &ObjectsAt,
    functions: LocalFunctions,
    connections: Connections,
    own_api: &OwnApi,
) -> RuntimeConfig {
    // Two random UUIDs are the shortest way to 244 secret bits from the operating system.
    let mut seed = [0; 32];
    seed[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    seed[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    let config = RuntimeConfig::new(clock, seed);
    // One is left to what serves; and one there must be.
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    RuntimeConfig {
        compute_threads: processors.saturating_sub(1).max(1),
        integrations: services::integrations(aws, functions, connections, own_api),
        map_run_data: Some(objects.map_run_data()),
        ..config
    }
}

/// An API in memory, for a single process.
///
/// # Errors
/// Where a variable names an endpoint that cannot be called.
pub(crate) fn in_memory() -> anyhow::Result<Arc<Api>> {
    let aws = services::aws_client(None, None, None, false)?;
    let own_api = OwnApi::default();
    let config = runtime_config(
        Clock::system(),
        &aws,
        &ObjectsAt::find(None, &aws)?,
        LocalFunctions::default(),
        Connections::default(),
        &own_api,
    );
    let runtime = Runtime::open(Arc::new(MemoryStore::new()), config);
    let api = Arc::new(Api::new(runtime, Accounts::default()));
    own_api.is(&api);
    Ok(api)
}

/// Logs what the filter asks for.
///
/// # Errors
/// Where the filter is none.
pub(crate) fn log_to_standard_error(filter: &str) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(filter)
        .map_err(|error| anyhow::anyhow!("the log level '{filter}' is not one: {error}"))?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
    Ok(())
}
