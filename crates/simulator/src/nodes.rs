//! Lets a plan happen on several nodes: each has a runtime of its own, on one store in memory and
//! in one simulated time.
//!
//! A process that is killed, or stands still, does nothing that anybody could see: neither its
//! store nor another node hears of it, and nobody who calls it is answered.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use identity::{Identities, SealingKey};
use runtime::{Clock, Network, NetworkError, NetworkHandle, Runtime};
use store::cluster::{BEAT, Node};
use store::{Fault, FaultyStore, MemoryCluster, MemoryNode, Operation};
use tokio::task::{JoinHandle, LocalSet, spawn_local};
use tokio::time::Instant;

use crate::Draw;
use crate::outside::{Caller, spawn_everybody};
use crate::plan_nodes::{ClusterPlan, NODES, Trouble, TroubleKind};
use crate::world::{FAULTY_CALLS_MAX, Running, World, paused_tokio};

/// What connects the nodes.
struct Wires {
    processes: Mutex<BTreeMap<String, (Runtime, Arc<FaultyStore>)>>,
    /// The addresses that reach nothing, and that nothing reaches.
    cut: Mutex<BTreeSet<String>>,
    draw: Mutex<Draw>,
    plan: ClusterPlan,
}

/// One node's end of them.
struct Wire {
    from: String,
    wires: Arc<Wires>,
    own: Arc<FaultyStore>,
}

/// What becomes of a frame.
struct Luck {
    is_lost: bool,
    is_lost_on_return: bool,
    is_doubled: bool,
    delay: Duration,
}

fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics with it")
}

impl Wires {
    fn luck(&self) -> Luck {
        let draw = &mut *held(&self.draw);
        let mut happens = |per_thousand: u64| draw.below(1_000) < per_thousand;
        Luck {
            is_lost: happens(self.plan.lost_per_thousand),
            is_lost_on_return: happens(self.plan.lost_per_thousand),
            is_doubled: happens(self.plan.doubled_per_thousand),
            delay: Duration::from_millis(draw.below(5)),
        }
    }
}

#[async_trait]
impl Network for Wire {
    async fn ask(&self, node: &Node, frame: Vec<u8>) -> Result<Vec<u8>, NetworkError> {
        self.own.goes_on().await;
        let to = &*node.address;
        let is_cut = [&self.from, to].iter().any(|end| held(&self.wires.cut).contains(*end));
        let process = held(&self.wires.processes).get(to).cloned();
        let Some((runtime, gate)) = process.filter(|_| !is_cut) else {
            return Err(NetworkError::NotSent);
        };
        let luck = self.wires.luck();
        tokio::time::sleep(luck.delay).await;
        if luck.is_lost {
            return Err(NetworkError::Lost);
        }
        gate.goes_on().await;
        if luck.is_doubled {
            runtime.answer_node(&frame).await;
        }
        let answer = runtime.answer_node(&frame).await;
        gate.goes_on().await;
        self.own.goes_on().await;
        if luck.is_lost_on_return { Err(NetworkError::Lost) } else { Ok(answer) }
    }
}

/// The process of a node.
struct Process {
    address: String,
    store: Arc<FaultyStore>,
    runtime: Runtime,
    identities: Arc<Identities>,
    reaches_store: Arc<AtomicBool>,
    beats: JoinHandle<()>,
    stands_still: bool,
}

/// The nodes of a world.
struct Nodes<'a> {
    world: &'a World,
    plan: &'a ClusterPlan,
    cluster: Arc<MemoryCluster>,
    wires: Arc<Wires>,
    running: Running,
    began: Instant,
    /// None where the node is not there.
    processes: [Option<Process>; NODES],
    /// How many processes there have been.
    lives: u64,
}

impl World {
    /// The life of all nodes, until everything has happened and nothing is open.
    pub(crate) fn live_on_nodes(
        &mut self,
        plan: &ClusterPlan,
        cluster: &Arc<MemoryCluster>,
    ) -> Result<(), String> {
        let tokio = paused_tokio()?;
        let local = LocalSet::new();
        let now = local.block_on(&tokio, async {
            let running = Running::from(self.now);
            let observer = cluster.observe();
            let mut nodes = Nodes::open(self, plan, cluster, running);
            let mut steps = steps(plan).into_iter();
            loop {
                let (callers, identities) = nodes.callers();
                let everybody = spawn_everybody(&callers, identities);
                let next = steps.next();
                tokio::select! {
                    biased;
                    end = self.finished(running, &*observer) => break end.map(|()| running.now()),
                    () = until(running, next) => {}
                }
                // They are on the line with a node to which something happens.
                drop(everybody);
                if let Some((_, trouble, begins)) = next {
                    nodes.apply(trouble, begins).await;
                }
            }
        })?;
        self.now = now;
        self.crashes = plan.troubles.len() as u64;
        Ok(())
    }
}

/// The begins and ends of all troubles, in order.
fn steps(plan: &ClusterPlan) -> Vec<(u64, Trouble, bool)> {
    let both = |trouble: &Trouble| {
        let end = trouble.at_milliseconds + trouble.milliseconds;
        [(trouble.at_milliseconds, *trouble, true), (end, *trouble, false)]
    };
    let mut steps: Vec<_> = plan.troubles.iter().flat_map(both).collect();
    steps.sort_by_key(|(at, _, _)| *at);
    steps
}

async fn until(running: Running, next: Option<(u64, Trouble, bool)>) {
    match next {
        Some((at, _, _)) => running.sleep_until(at).await,
        None => std::future::pending().await,
    }
}

impl Nodes<'_> {
    fn open<'a>(
        world: &'a World,
        plan: &'a ClusterPlan,
        cluster: &Arc<MemoryCluster>,
        running: Running,
    ) -> Nodes<'a> {
        let wires = Wires {
            processes: Mutex::default(),
            cut: Mutex::default(),
            draw: Mutex::new(Draw::new(!world.plan.seed.rotate_left(7))),
            plan: plan.clone(),
        };
        let mut nodes = Nodes {
            world,
            plan,
            cluster: cluster.clone(),
            wires: Arc::new(wires),
            running,
            began: Instant::now(),
            processes: [None, None, None],
            lives: 0,
        };
        (0..NODES).for_each(|node| nodes.begin(node));
        nodes
    }

    /// A process of the node begins.
    fn begin(&mut self, node: usize) {
        let life = self.lives;
        self.lives += 1;
        // Every other process is at the address of the one before it.
        let address = format!("host-{node}-{}", life / 2 % 2);
        let began = self.began;
        let handle = self.cluster.open(&address, Box::new(move || began.elapsed()));
        let reaches_store = Arc::new(AtomicBool::new(true));
        let store = self.store(life, handle.clone(), reaches_store.clone());
        let identities = Arc::new(Identities::new(store.clone(), SealingKey::new(&[7; 32])));
        let ahead = self.plan.ahead_milliseconds[node];
        let clock = Clock::tokio(self.running.now().plus_milliseconds(ahead));
        let mut config = self.world.config(life, clock, self.running, &identities);
        let (from, wires, own) = (address.clone(), self.wires.clone(), store.clone());
        config.network = Some(NetworkHandle(Arc::new(Wire { from, wires, own })));
        let runtime = Runtime::open(store.clone(), config);
        let process = (runtime.clone(), store.clone());
        held(&self.wires.processes).insert(address.clone(), process);
        let beats = spawn_local(beat(handle, store.clone(), reaches_store.clone(), life));
        self.processes[node] = Some(Process {
            address,
            store,
            runtime,
            identities,
            reaches_store,
            beats,
            stands_still: false,
        });
    }

    fn store(
        &self,
        life: u64,
        inner: Arc<MemoryNode>,
        reaches_store: Arc<AtomicBool>,
    ) -> Arc<FaultyStore> {
        let mut draw = Draw::new(self.world.plan.seed ^ life.rotate_left(40));
        let faults_per_thousand = self.world.plan.faults_per_thousand;
        let mut calls = 0;
        Arc::new(FaultyStore::new(inner, move |operation| {
            if !reaches_store.load(Ordering::Relaxed) {
                return Some(Fault::Before);
            }
            calls += 1;
            let fails = calls < FAULTY_CALLS_MAX
                && operation != Operation::Close
                && draw.below(1_000) < faults_per_thousand;
            fails.then(|| *draw.pick(&[Fault::Before, Fault::After]))
        }))
    }

    /// Callers of every node that answers; one of them is there at any time.
    fn callers(&self) -> (Vec<Caller>, Arc<Identities>) {
        let answer = |process: &&Process| !process.stands_still;
        let there: Vec<&Process> = self.processes.iter().flatten().filter(answer).collect();
        let world = self.world;
        let caller = |process: &&Process| {
            Caller::new(&process.runtime, &world.outside, &world.plan, self.running)
        };
        let first = there.first().expect("one node at a time is in trouble");
        (there.iter().map(caller).collect(), first.identities.clone())
    }

    async fn apply(&mut self, trouble: Trouble, begins: bool) {
        let Trouble { node, kind, .. } = trouble;
        match kind {
            TroubleKind::Killed | TroubleKind::Leaves if !begins => self.begin(node),
            TroubleKind::Killed => {
                if let Some(process) = self.processes[node].take() {
                    // What is left of it waits for ever.
                    process.store.stand_still(true);
                    process.beats.abort();
                    held(&self.wires.processes).remove(&process.address);
                }
            }
            TroubleKind::Leaves => {
                if let Some(process) = self.processes[node].take() {
                    process.runtime.shutdown().await;
                    process.beats.abort();
                    held(&self.wires.processes).remove(&process.address);
                }
            }
            TroubleKind::StandsStill => {
                if let Some(process) = &mut self.processes[node] {
                    process.stands_still = begins;
                    process.store.stand_still(begins);
                }
            }
            TroubleKind::WithoutStore => {
                if let Some(process) = &self.processes[node] {
                    process.reaches_store.store(!begins, Ordering::Relaxed);
                }
            }
            TroubleKind::WithoutPeers => {
                if let Some(process) = &self.processes[node] {
                    let mut cut = held(&self.wires.cut);
                    match begins {
                        true => cut.insert(process.address.clone()),
                        false => cut.remove(&process.address),
                    };
                }
            }
        }
    }
}

/// Beats as long as the process goes on.
async fn beat(
    handle: Arc<MemoryNode>,
    store: Arc<FaultyStore>,
    reaches_store: Arc<AtomicBool>,
    life: u64,
) {
    // Not all at once.
    tokio::time::sleep(Duration::from_millis(life * 137 % 500)).await;
    loop {
        tokio::time::sleep(BEAT).await;
        store.goes_on().await;
        match reaches_store.load(Ordering::Relaxed) {
            true => handle.beat(),
            false => handle.beat_failed(),
        }
    }
}
