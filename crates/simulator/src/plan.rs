//! What happens in a world.

use engine::Limits;
use store::Fault;

use crate::Draw;
use crate::definitions::Author;

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
    /// The executions that are stopped from outside.
    pub stops: Vec<StopPlan>,
    /// The executions that are redriven when they have failed.
    pub redrives: Vec<RedrivePlan>,
    /// The crashes, in order.
    pub crashes: Vec<Crash>,
    /// How many in a thousand calls of the store fail until the last crash.
    pub faults_per_thousand: u64,
    /// What the executions may use.
    pub limits: Limits,
    /// How many executions stay in memory.
    pub live_executions_max: usize,
}

/// A state machine.
#[derive(Clone, Debug)]
pub struct MachinePlan {
    /// Its name.
    pub name: String,
    /// Its definition.
    pub definition: String,
}

/// An execution.
#[derive(Clone, Debug)]
pub struct StartPlan {
    /// Which machine.
    pub machine: usize,
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
    /// What the clock says when the next process begins, less what it said at the crash.
    pub clock_jump_milliseconds: i64,
}

impl Plan {
    /// The plan of a seed.
    pub fn draw(seed: u64) -> Plan {
        let mut draw = Draw::new(seed);
        let is_ordered = draw.percent(40);
        let machine_count = draw.between(1, 4) as usize;
        let machines: Vec<MachinePlan> = (0..machine_count)
            .map(|index| MachinePlan {
                name: format!("machine-{index}"),
                definition: Author::new(&mut draw, is_ordered, index + 1..machine_count)
                    .definition(),
            })
            .collect();
        let starts: Vec<StartPlan> = (0..draw.between(4, 24))
            .map(|index| StartPlan {
                machine: draw.below(machine_count as u64) as usize,
                name: format!("start-{index}"),
                input: input(&mut draw),
                at_milliseconds: draw.below(20_000),
            })
            .collect();
        let stop_count = if is_ordered { 0 } else { draw.below(3) };
        let stops = (0..stop_count)
            .map(|_| StopPlan {
                start: draw.below(starts.len() as u64) as usize,
                at_milliseconds: draw.below(60_000),
            })
            .collect();
        let redrives = (0..starts.len())
            .map(|start| RedrivePlan { start, times: draw.below(10).saturating_sub(6) })
            .filter(|redrive| redrive.times > 0)
            .collect();
        let crashes = (0..draw.below(4)).map(|_| crash(&mut draw, is_ordered)).collect();
        let faults_per_thousand = if draw.percent(50) { draw.below(60) } else { 0 };
        let limits = limits(&mut draw, is_ordered);
        let live_executions_max = *draw.pick(&[1, 3, 10_000]);
        Plan {
            seed,
            is_ordered,
            machines,
            starts,
            stops,
            redrives,
            crashes,
            faults_per_thousand,
            limits,
            live_executions_max,
        }
    }

    /// The same world, in which nothing goes wrong.
    pub fn without_faults(&self) -> Plan {
        Plan { crashes: Vec::new(), faults_per_thousand: 0, ..self.clone() }
    }
}

/// Every execution gets an object with a number and a list, and every state keeps it so.
fn input(draw: &mut Draw) -> String {
    let items: Vec<String> = (0..draw.below(5)).map(|item| item.to_string()).collect();
    format!(r#"{{"n":{},"list":[{}]}}"#, draw.below(10), items.join(","))
}

fn crash(draw: &mut Draw, is_ordered: bool) -> Crash {
    let clock_jump_milliseconds = match draw.below(6) {
        0 => draw.below(7_200_000) as i64,
        1 if !is_ordered => -(draw.below(5_000) as i64),
        _ => draw.below(2_000) as i64,
    };
    Crash {
        writes: draw.below(120),
        fault: *draw.pick(&[Fault::Before, Fault::After]),
        clock_jump_milliseconds,
    }
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
