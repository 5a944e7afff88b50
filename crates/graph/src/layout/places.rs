//! How far to the right each vertex is, after Brandes and Köpf (2001): vertices of neighbouring
//! ranks are aligned to blocks, in four ways, and each vertex is in the middle of the four places
//! that it has so. One change: the main path is aligned before the middle of what a vertex is
//! joined to, so that it is a straight line.

use std::collections::HashSet;

use super::order::{Layers, Vertices};

/// Pixels between two items, and beside a line.
const ITEM_GAP: f64 = 28.0;
const LINE_GAP: f64 = 16.0;

/// The middles of all vertices.
pub(super) fn places(vertices: &Vertices, layers: &Layers) -> Vec<f64> {
    let conflicts = conflicts(vertices, layers);
    let mut ways = Vec::new();
    for is_up in [true, false] {
        for is_left in [true, false] {
            let ranks = turned(layers, is_up, is_left);
            let root = aligned(vertices, &ranks, is_up, &conflicts);
            let x = compacted(vertices, &ranks, &root);
            let sign = if is_left { 1.0 } else { -1.0 };
            ways.push((is_left, x.into_iter().map(|x| sign * x).collect::<Vec<f64>>()));
        }
    }
    let spans: Vec<(f64, f64)> = ways.iter().map(|(_, x)| span(vertices, x)).collect();
    let width = |(low, high): &(f64, f64)| high - low;
    let by_width = |a: &&(f64, f64), b: &&(f64, f64)| width(a).total_cmp(&width(b));
    let (low, high) = *spans.iter().min_by(by_width).expect("there are four");
    for ((is_left, x), span) in ways.iter_mut().zip(&spans) {
        let shift = if *is_left { low - span.0 } else { high - span.1 };
        x.iter_mut().for_each(|x| *x += shift);
    }
    let middle = |vertex: usize| {
        let mut places: Vec<f64> = ways.iter().map(|(_, x)| x[vertex]).collect();
        places.sort_by(f64::total_cmp);
        (places[1] + places[2]) / 2.0
    };
    let middles: Vec<f64> = (0..vertices.all.len()).map(middle).collect();
    let (low, _) = span(vertices, &middles);
    // To half a pixel: what is nearer is the same place.
    middles.into_iter().map(|x| ((x - low) * 2.0).round() / 2.0).collect()
}

/// From the left side of the leftmost vertex to the right side of the rightmost.
fn span(vertices: &Vertices, x: &[f64]) -> (f64, f64) {
    let sides = vertices.all.iter().zip(x).map(|(it, x)| (x - it.width / 2.0, x + it.width / 2.0));
    sides.fold((f64::INFINITY, f64::NEG_INFINITY), |all, it| (all.0.min(it.0), all.1.max(it.1)))
}

/// The ranks from the top or from the bottom, each from the left or from the right.
fn turned(layers: &Layers, is_up: bool, is_left: bool) -> Vec<Vec<usize>> {
    let mut ranks = layers.ranks.clone();
    if !is_up {
        ranks.reverse();
    }
    if !is_left {
        ranks.iter_mut().for_each(|rank| rank.reverse());
    }
    ranks
}

/// Lines that cross one that passes two ranks: they are not aligned, so that long lines are
/// straight.
fn conflicts(vertices: &Vertices, layers: &Layers) -> HashSet<(usize, usize)> {
    let is_line = |vertex: usize| !vertices.all[vertex].is_item;
    let mut conflicts = HashSet::new();
    for ranks in layers.ranks.windows(2) {
        let (upper, lower) = (&ranks[0], &ranks[1]);
        let (mut low, mut checked) = (0, 0);
        for (place, vertex) in lower.iter().enumerate() {
            let inner = is_line(*vertex)
                .then(|| vertices.all[*vertex].up.iter().find(|above| is_line(**above)))
                .flatten();
            if inner.is_none() && place + 1 < lower.len() {
                continue;
            }
            let high = inner.map_or(upper.len().saturating_sub(1), |above| layers.place[*above]);
            for below in &lower[checked..=place] {
                for above in &vertices.all[*below].up {
                    let is_beside = !(low..=high).contains(&layers.place[*above]);
                    if is_beside && !(is_line(*above) && is_line(*below)) {
                        conflicts.insert((*above, *below));
                    }
                }
            }
            (low, checked) = (high, place + 1);
        }
    }
    conflicts
}

/// By vertex: the first vertex of the block that it is aligned with.
fn aligned(
    vertices: &Vertices,
    ranks: &[Vec<usize>],
    is_up: bool,
    conflicts: &HashSet<(usize, usize)>,
) -> Vec<usize> {
    let count = vertices.all.len();
    let mut place = vec![0; count];
    for rank in ranks {
        for (at, vertex) in rank.iter().enumerate() {
            place[*vertex] = at;
        }
    }
    let mut root: Vec<usize> = (0..count).collect();
    let mut is_taken = vec![false; count];
    for rank in ranks {
        let mut least = 0;
        for vertex in rank {
            let joined = preferred(vertices, *vertex, is_up, &place);
            let (low, high) = (joined.len().saturating_sub(1) / 2, joined.len() / 2);
            for other in joined.iter().take(high + 1).skip(low) {
                let pair = if is_up { (*other, *vertex) } else { (*vertex, *other) };
                let is_free = root[*vertex] == *vertex && !is_taken[*other];
                if is_free && place[*other] >= least && !conflicts.contains(&pair) {
                    root[*vertex] = root[*other];
                    is_taken[*other] = true;
                    least = place[*other] + 1;
                }
            }
        }
    }
    root
}

/// What a vertex is joined to in the rank before: the main path alone, where it is on one.
fn preferred(vertices: &Vertices, vertex: usize, is_up: bool, place: &[usize]) -> Vec<usize> {
    let all = &vertices.all;
    let joined = if is_up { &all[vertex].up } else { &all[vertex].down };
    let is_main = |other: &&usize| match is_up {
        true => all[**other].main == Some(vertex),
        false => all[vertex].main == Some(**other),
    };
    let mut main: Vec<usize> = joined.iter().filter(is_main).copied().collect();
    if main.is_empty() {
        main.clone_from(joined);
    }
    main.sort_by_key(|other| place[*other]);
    main
}

/// The places of all blocks: as far to the left as their neighbours allow, then as near to what is
/// on their right as that leaves.
fn compacted(vertices: &Vertices, ranks: &[Vec<usize>], root: &[usize]) -> Vec<f64> {
    let count = vertices.all.len();
    let mut right_of: Vec<Vec<(usize, f64)>> = vec![Vec::new(); count];
    let mut left_count = vec![0_usize; count];
    for rank in ranks {
        for pair in rank.windows(2) {
            let (left, right) = (root[pair[0]], root[pair[1]]);
            right_of[left].push((right, gap(vertices, pair[0], pair[1])));
            left_count[right] += 1;
        }
    }
    let is_block = |vertex: &usize| root[*vertex] == *vertex;
    let mut order: Vec<usize> =
        (0..count).filter(|it| is_block(it) && left_count[*it] == 0).collect();
    let mut x = vec![0.0_f64; count];
    let mut next = 0;
    while let Some(block) = order.get(next).copied() {
        next += 1;
        for (right, gap) in &right_of[block] {
            x[*right] = x[*right].max(x[block] + gap);
            left_count[*right] -= 1;
            if left_count[*right] == 0 {
                order.push(*right);
            }
        }
    }
    for block in order.into_iter().rev() {
        let room = right_of[block].iter().map(|(right, gap)| x[*right] - gap);
        let room = room.fold(f64::INFINITY, f64::min);
        if room.is_finite() {
            x[block] = x[block].max(room);
        }
    }
    root.iter().map(|root| x[*root]).collect()
}

/// How far the middles of two neighbours must be apart.
fn gap(vertices: &Vertices, left: usize, right: usize) -> f64 {
    let (left, right) = (&vertices.all[left], &vertices.all[right]);
    let between = if left.is_item && right.is_item { ITEM_GAP } else { LINE_GAP };
    left.width / 2.0 + between + right.width / 2.0
}
