//! What happens to the nodes of a world that has several.

use crate::Draw;

/// How many nodes there are at a time, at most.
pub(crate) const NODES: usize = 3;

/// What happens to the nodes, and to what is between them.
#[derive(Clone, Debug)]
pub struct ClusterPlan {
    /// What goes wrong, in order.
    pub troubles: Vec<Trouble>,
    /// How many in a thousand frames between nodes are lost, before or after they have arrived.
    pub lost_per_thousand: u64,
    /// How many arrive twice.
    pub doubled_per_thousand: u64,
    /// How far ahead of the others the clock of each node is, in milliseconds.
    pub ahead_milliseconds: [u64; NODES],
}

/// Something that happens to one node.
#[derive(Clone, Copy, Debug)]
pub struct Trouble {
    /// When, in milliseconds after the world began.
    pub at_milliseconds: u64,
    /// For how long.
    pub milliseconds: u64,
    /// Which node.
    pub node: usize,
    /// What.
    pub kind: TroubleKind,
}

/// What can happen to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TroubleKind {
    /// Its process is killed; another one begins at the end.
    Killed,
    /// Its process is closed in order; another one begins at the end.
    Leaves,
    /// Its process stands still, and wakes at the end.
    StandsStill,
    /// It does not reach the store.
    WithoutStore,
    /// It reaches no other node, and none reaches it.
    WithoutPeers,
}

impl ClusterPlan {
    pub(crate) fn draw(seed: u64) -> ClusterPlan {
        let mut draw = Draw::new(seed.rotate_left(13) ^ 0x00C1_05ED);
        let mut troubles = Vec::new();
        let mut from = 0;
        for _ in 0..draw.below(5) {
            // One node at a time is in trouble, or there may be nobody who goes on.
            let at_milliseconds = from + draw.below(8_000);
            let milliseconds = match draw.below(4) {
                0 => draw.between(1, 500),
                1 => draw.between(500, 3_000),
                _ => draw.between(3_000, 12_000),
            };
            from = at_milliseconds + milliseconds;
            let kind = *draw.pick(&[
                TroubleKind::Killed,
                TroubleKind::Leaves,
                TroubleKind::StandsStill,
                TroubleKind::StandsStill,
                TroubleKind::WithoutStore,
                TroubleKind::WithoutPeers,
            ]);
            let node = draw.below(NODES as u64) as usize;
            troubles.push(Trouble { at_milliseconds, milliseconds, node, kind });
        }
        let loses = draw.percent(50);
        let ahead = [0; NODES].map(|_: u64| draw.below(1_000));
        ClusterPlan {
            troubles,
            lost_per_thousand: if loses { draw.below(100) } else { 0 },
            doubled_per_thousand: if loses { draw.below(100) } else { 0 },
            ahead_milliseconds: if draw.percent(50) { ahead } else { [0; NODES] },
        }
    }
}
