//! What can be set, with AWS's values as defaults.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use engine::Limits;
use identity::Guard;

use crate::{
    CallAuditHandle, Clock, ExecutionLogs, ExpressHistory, Integrations, MapRunData, NetworkHandle,
    Retention, StatusDetail,
};

/// How a runtime behaves.
#[derive(Debug)]
pub struct RuntimeConfig {
    /// What time it is.
    pub clock: Clock,
    /// Where names, tokens and jitter come from: the same seed and the same calls, on a tokio
    /// runtime of one thread, give the same bytes. Must be secret in production, since tokens are
    /// drawn from it.
    pub seed: [u8; 32],
    /// What a Standard execution may use.
    pub limits: Limits,
    /// How many executions that wait stay in memory, so that their next input needs no load.
    pub live_executions_max: usize,
    /// How many bytes of them: 32 MiB.
    pub live_bytes_max: usize,
    /// How many executions are driven at a time because they are due: 256. What callers ask for is
    /// driven beside them.
    pub due_driven_max: usize,
    /// How many bytes requests in flight, executions that are driven, what waits for them, and
    /// Express executions may take together before callers are told to come back later: 256 MiB.
    pub memory_bytes_max: usize,
    /// On how many threads steps and definitions are worked on that may take long. With none, they
    /// are where they come up, which a world with simulated time needs.
    pub compute_threads: usize,
    /// How many Standard executions may be open per account and region: AWS's quota is 1,000,000.
    pub open_executions_max: u64,
    /// How many state machines there may be per account and region: 100,000.
    pub state_machines_max: u64,
    /// How many activities there may be per account and region: 100,000.
    pub activities_max: u64,
    /// How long the name of a closed execution stays taken, in seconds: 90 days.
    pub closed_name_taken_seconds: u64,
    /// How long executions are kept after they have ended: for ever.
    pub retention: Retention,
    /// How many workers may poll an activity at a time: 1,000.
    pub activity_pollers_max: usize,
    /// What calls services; nothing is called where it is empty.
    pub integrations: Integrations,
    /// The mock configuration file, which is read at each start of a test case.
    pub mock_config: Option<PathBuf>,
    /// Where the events of executions go whose state machines log; nowhere where it is none.
    pub execution_logs: Option<ExecutionLogs>,
    /// Makes the details of the events of status changes that are put to EventBridge, by the
    /// integration `aws-sdk:eventbridge`; none are put where it is none.
    pub status_detail: Option<StatusDetail>,
    /// How many calls of services are under way at a time; more wait for their turn.
    pub service_calls_max: usize,
    /// What reads the items of Map Runs and writes their results; where it is none, a Map state
    /// with an `ItemReader` or a `ResultWriter` fails.
    pub map_run_data: Option<MapRunDataHandle>,
    /// Decides what executions may do with their roles; where it is none, anything.
    pub guard: Option<Arc<Guard>>,
    /// Is told of nested starts and stops, before and after; nobody is where it is none.
    pub call_audit: Option<CallAuditHandle>,
    /// How long a parent that hears no events waits before it asks again whether a nested execution
    /// has ended.
    pub child_poll_pause: Duration,
    /// How long a shutdown waits for what is under way: 30 seconds.
    pub shutdown_wait: Duration,
    /// How much of Express executions is kept, so that they can be described; nothing where it is
    /// none, as with AWS.
    pub express_history: Option<ExpressHistory>,
    /// What reaches the other nodes that share the store; none where there are none.
    pub network: Option<NetworkHandle>,
}

/// A shared [`MapRunData`].
#[derive(Clone)]
pub struct MapRunDataHandle(pub Arc<dyn MapRunData>);

impl fmt::Debug for MapRunDataHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("MapRunData")
    }
}

impl RuntimeConfig {
    /// AWS's values.
    pub fn new(clock: Clock, seed: [u8; 32]) -> RuntimeConfig {
        RuntimeConfig {
            clock,
            seed,
            limits: Limits::AWS,
            live_executions_max: 10_000,
            live_bytes_max: 32 << 20,
            due_driven_max: 256,
            memory_bytes_max: 256 << 20,
            compute_threads: 0,
            open_executions_max: 1_000_000,
            state_machines_max: 100_000,
            activities_max: 100_000,
            closed_name_taken_seconds: 90 * 24 * 60 * 60,
            retention: Retention::default(),
            activity_pollers_max: 1_000,
            integrations: Integrations::default(),
            execution_logs: None,
            mock_config: None,
            status_detail: None,
            service_calls_max: 10_000,
            map_run_data: None,
            guard: None,
            call_audit: None,
            child_poll_pause: Duration::from_secs(60),
            shutdown_wait: Duration::from_secs(30),
            express_history: None,
            network: None,
        }
    }
}
