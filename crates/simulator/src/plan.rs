//! What happens in a world.

use engine::Limits;
use store::Fault;

use crate::Draw;
use crate::definitions::Author;
use crate::plan_nodes::ClusterPlan;

/// Everything that happens in a world, but for what follows from it.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What it was drawn from.
    pub seed: u64,
    /// Whether the order of events depends on nothing but the definitions, so that faults must not
    /// be seen in the histories.
    pub is_ordered: bool,
    /// The state machines; each starts only those after it.
    pub machines: Vec<MachinePlan>,
    /// The executions that are started from outside.
    pub starts: Vec<StartPlan>,
    /// What becomes of the state machines meanwhile.
    pub changes: Vec<ChangePlan>,
    /// The executions that are stopped from outside.
    pub stops: Vec<StopPlan>,
    /// The executions that are redriven when they have failed.
    pub redrives: Vec<RedrivePlan>,
    /// The crashes, in order.
    pub crashes: Vec<Crash>,
    /// How the wall clock is set, in order.
    pub clock_steps: Vec<ClockStep>,
    /// How many in a thousand calls of the store fail until the last crash.
    pub faults_per_thousand: u64,
    /// What the executions may use.
    pub limits: Limits,
    /// How many executions stay in memory.
    pub live_executions_max: usize,
    /// How long executions are kept after their end; for ever where it is none.
    pub retention_seconds: Option<u64>,
    /// Whether roles are looked at: one of them is allowed nothing but to wait.
    pub has_roles: bool,
    /// Whether somebody changes the settings of Map Runs while they run.
    pub updates_map_runs: bool,
    /// Where all of it is kept.
    pub store: StoreKind,
    /// What happens to its nodes, where there are several. They share a store in memory.
    pub cluster: Option<ClusterPlan>,
}

/// A kind of store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// The store in memory.
    Memory,
    /// The embedded store, its log on a simulated disk.
    Embedded,
}

/// A state machine.
#[derive(Clone, Debug)]
pub struct MachinePlan {
    /// Its name.
    pub name: String,
    /// Its definition.
    pub definition: String,
    /// The definition that it is created with, where it is not the same. It stays that of version
    /// 1, to which the alias routes; the update to the other publishes version 2.
    pub first_definition: Option<String>,
    /// Whether its executions are Express executions.
    pub is_express: bool,
    /// Whether its role is the one that is allowed nothing.
    pub is_denied: bool,
}

impl MachinePlan {
    /// A Standard machine that is created once, and not changed.
    pub fn new(name: &str, definition: &str) -> MachinePlan {
        MachinePlan {
            name: name.to_owned(),
            definition: definition.to_owned(),
            first_definition: None,
            is_express: false,
            is_denied: false,
        }
    }
}

/// What an execution is started by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The state machine.
    Machine,
    /// Its first version.
    Version,
    /// Its alias.
    Alias,
}

impl Target {
    /// What follows the ARN of the machine.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Target::Machine => "",
            Target::Version => ":1",
            Target::Alias => ":live",
        }
    }
}

/// A change of a state machine.
#[derive(Clone, Copy, Debug)]
pub struct ChangePlan {
    /// Which machine.
    pub machine: usize,
    /// When, in milliseconds after the world began.
    pub at_milliseconds: u64,
    /// What is done.
    pub change: Change,
}

/// What can be done to a state machine.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// UpdateStateMachine, to its first definition or to its other one, with `publish`.
    Update {
        /// To the first one.
        to_first: bool,
    },
    /// UpdateStateMachineAlias, to the newest version.
    Route,
    /// TagResource, with that value.
    Tag(u64),
    /// UntagResource
    Untag,
    /// DeleteStateMachineAlias
    DeleteAlias,
    /// DeleteStateMachine
    Delete,
}

/// An execution.
#[derive(Clone, Debug)]
pub struct StartPlan {
    /// Which machine.
    pub machine: usize,
    /// By which ARN of it.
    pub target: Target,
    /// Whether its end is waited for, of an Express execution.
    pub waits: bool,
    /// Its name.
    pub name: String,
    /// Its input.
    pub input: String,
    /// When, in milliseconds after the world began.
    pub at_milliseconds: u64,
}

/// An end from outside.
#[derive(Clone, Copy, Debug)]
pub struct StopPlan {
    /// Which of the starts.
    pub start: usize,
    /// When, in milliseconds after the world began.
    pub at_milliseconds: u64,
}

/// A redrive of an execution that does not succeed, as soon as it has ended, and again where it
/// fails again.
#[derive(Clone, Copy, Debug)]
pub struct RedrivePlan {
    /// Which of the starts.
    pub start: usize,
    /// How often, at most.
    pub times: u64,
}

/// The death of the process.
#[derive(Clone, Copy, Debug)]
pub struct Crash {
    /// How many writes it lives for: commits, resources and removals.
    pub writes: u64,
    /// Whether the write at which it dies is in the store.
    pub fault: Fault,
    /// On the embedded store, the power goes, and not the process alone: at this call of the disk,
    /// counted from that write on, whatever the fault says.
    pub power: Option<u64>,
    /// How much time passes until the next process begins.
    pub down_milliseconds: u64,
}

/// A change of the wall clock. No timer follows it.
#[derive(Clone, Copy, Debug)]
pub struct ClockStep {
    /// When, in milliseconds after the world began, by a clock that nobody sets.
    pub at_milliseconds: u64,
    /// How far ahead it is set; back where it is less than zero.
    pub by_milliseconds: i64,
}

impl Plan {
    /// The plan of a seed.
    pub fn draw(seed: u64) -> Plan {
        let mut draw = Draw::new(seed);
        let is_ordered = draw.percent(40);
        let machines = machines(&mut draw, is_ordered);
        let starts: Vec<StartPlan> =
            (0..draw.between(4, 24)).map(|index| start(&mut draw, index, &machines)).collect();
        let has_changes = !is_ordered && draw.percent(50);
        let change_count = if has_changes { draw.below(6) } else { 0 };
        let changes = (0..change_count).map(|_| change(&mut draw, machines.len() as u64)).collect();
        let stop_count = if is_ordered { 0 } else { draw.below(3) };
        let stops = (0..stop_count)
            .map(|_| StopPlan {
                start: draw.below(starts.len() as u64) as usize,
                at_milliseconds: draw.below(60_000),
            })
            .filter(|stop| !machines[starts[stop.start].machine].is_express)
            .collect();
        let redrives = (0..starts.len())
            .map(|start| RedrivePlan { start, times: draw.below(10).saturating_sub(6) })
            .filter(|redrive| redrive.times > 0)
            .filter(|redrive| !machines[starts[redrive.start].machine].is_express)
            .collect();
        let crashes = (0..draw.below(4)).map(|_| crash(&mut draw)).collect();
        let clock_steps = clock_steps(&mut draw, is_ordered);
        let faults_per_thousand = if draw.percent(50) { draw.below(60) } else { 0 };
        let limits = limits(&mut draw, is_ordered);
        let live_executions_max = *draw.pick(&[1, 3, 10_000]);
        Plan {
            seed,
            is_ordered,
            machines,
            starts,
            changes,
            stops,
            redrives,
            crashes,
            clock_steps,
            faults_per_thousand,
            limits,
            live_executions_max,
            retention_seconds: (!is_ordered && draw.percent(20)).then(|| draw.between(20, 4_000)),
            has_roles: !is_ordered && draw.percent(20),
            updates_map_runs: !is_ordered && draw.percent(30),
            store: if draw.percent(50) { StoreKind::Embedded } else { StoreKind::Memory },
            cluster: None,
        }
    }

    /// The plan of a seed, on several nodes.
    pub fn draw_on_nodes(seed: u64) -> Plan {
        let (crashes, clock_steps) = (Vec::new(), Vec::new());
        let (store, cluster) = (StoreKind::Memory, Some(ClusterPlan::draw(seed)));
        Plan { crashes, clock_steps, store, cluster, ..Plan::draw(seed) }
    }

    /// A world of those machines and starts, in which nothing else happens.
    pub fn of(machines: Vec<MachinePlan>, starts: Vec<StartPlan>) -> Plan {
        Plan {
            seed: 1,
            is_ordered: true,
            machines,
            starts,
            changes: Vec::new(),
            stops: Vec::new(),
            redrives: Vec::new(),
            crashes: Vec::new(),
            clock_steps: Vec::new(),
            faults_per_thousand: 0,
            limits: Limits::AWS,
            live_executions_max: 100,
            retention_seconds: None,
            has_roles: false,
            updates_map_runs: false,
            store: StoreKind::Memory,
            cluster: None,
        }
    }

    /// The same world, in which nothing goes wrong, in memory and on one node.
    pub fn without_faults(&self) -> Plan {
        let store = StoreKind::Memory;
        let (crashes, clock_steps) = (Vec::new(), Vec::new());
        let faults_per_thousand = 0;
        Plan { crashes, clock_steps, faults_per_thousand, store, cluster: None, ..self.clone() }
    }
}

/// Each machine starts only those after it: they are written from the last on.
fn machines(draw: &mut Draw, is_ordered: bool) -> Vec<MachinePlan> {
    let mut machines = Vec::new();
    let mut children: Vec<String> = Vec::new();
    for index in (0..draw.between(1, 4)).rev() {
        let is_express = draw.percent(20);
        let write =
            |draw: &mut Draw| Author::new(draw, is_ordered, is_express, &children).definition();
        let name = format!("machine-{index}");
        let definition = write(draw);
        let first_definition = draw.percent(30).then(|| write(draw));
        if !is_express {
            children.push(name.clone());
            if first_definition.is_some() {
                children
                    .extend([Target::Version, Target::Alias].map(|it| name.clone() + it.suffix()));
            }
        }
        let is_denied = draw.percent(30);
        machines.push(MachinePlan { name, definition, first_definition, is_express, is_denied });
    }
    machines.reverse();
    machines
}

fn start(draw: &mut Draw, index: u64, machines: &[MachinePlan]) -> StartPlan {
    let machine = draw.below(machines.len() as u64) as usize;
    let targets: &[Target] = match machines[machine].first_definition {
        Some(_) => &[Target::Machine, Target::Version, Target::Alias],
        None => &[Target::Machine],
    };
    StartPlan {
        machine,
        target: *draw.pick(targets),
        waits: machines[machine].is_express && draw.percent(70),
        name: format!("start-{index}"),
        input: input(draw),
        at_milliseconds: draw.below(20_000),
    }
}

fn change(draw: &mut Draw, machines: u64) -> ChangePlan {
    let change = match draw.below(9) {
        0 | 1 => Change::Update { to_first: draw.percent(50) },
        2 | 3 => Change::Route,
        4 | 5 => Change::Tag(draw.below(100)),
        6 => Change::Untag,
        7 => Change::DeleteAlias,
        _ => Change::Delete,
    };
    ChangePlan {
        machine: draw.below(machines) as usize,
        at_milliseconds: draw.below(30_000),
        change,
    }
}

/// Every execution gets an object with a number and a list, and every state keeps it so.
fn input(draw: &mut Draw) -> String {
    let items: Vec<String> = (0..draw.below(5)).map(|item| item.to_string()).collect();
    format!(r#"{{"n":{},"list":[{}]}}"#, draw.below(10), items.join(","))
}

fn crash(draw: &mut Draw) -> Crash {
    let down_milliseconds = match draw.below(6) {
        0 => draw.below(7_200_000),
        _ => draw.below(2_000),
    };
    Crash {
        writes: draw.below(120),
        fault: *draw.pick(&[Fault::Before, Fault::After]),
        power: draw.percent(60).then(|| draw.below(8)),
        down_milliseconds,
    }
}

/// No more than some days in all: names become free after 90, and redrives are allowed for 14. An
/// ordered world keeps nothing for a limited time, and sees nothing of them.
fn clock_steps(draw: &mut Draw, is_ordered: bool) -> Vec<ClockStep> {
    let count = if draw.percent(40) { draw.between(1, 3) } else { 0 };
    let furthest: &[u64] = match is_ordered {
        true => &[5_000, 400_000, 7_200_000],
        false => &[5_000, 400_000, 7_200_000, 200_000_000],
    };
    let mut steps: Vec<ClockStep> = (0..count)
        .map(|_| {
            let furthest = *draw.pick(furthest);
            let by = i64::try_from(draw.below(furthest)).expect("a few days are a small number");
            ClockStep {
                at_milliseconds: draw.below(40_000),
                by_milliseconds: if draw.percent(50) { by } else { -by },
            }
        })
        .collect();
    steps.sort_by_key(|step| step.at_milliseconds);
    steps
}

/// Small limits now and then, since nothing else reaches the boundaries. The limit of events is
/// reached at another place when there are other events, so ordered worlds keep AWS's.
fn limits(draw: &mut Draw, is_ordered: bool) -> Limits {
    let mut limits = Limits::AWS;
    limits.work_per_step = *draw.pick(&[1, 60, Limits::AWS.work_per_step]);
    limits.inline_map_concurrency_max = *draw.pick(&[1, 2, 40]);
    if !is_ordered && draw.percent(20) {
        limits.history_events_max = draw.between(20, 80);
    }
    limits
}
