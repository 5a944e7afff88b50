//! Vertices, and their order within each rank: few crossings, in the order of the text where that
//! makes no difference.

use super::layered::{Item, Link};
use super::ranks::Ranks;

/// The width of a line that passes a rank, in pixels.
const LINE_WIDTH: f64 = 14.0;

/// How often the ranks are sorted, down and up by turns.
const SWEEPS: usize = 12;

/// What has a place in a rank: an item, or a point that a link passes.
#[derive(Debug)]
pub(super) struct Vertex {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) rank: usize,
    /// Whether it is an item.
    pub(super) is_item: bool,
    /// The item that it is beside: an end of a link that leads back.
    pub(super) owner: Option<usize>,
    /// Whether it is of a link from an item to itself.
    pub(super) is_loop: bool,
    /// Vertices that it is joined to in the rank above.
    pub(super) up: Vec<usize>,
    /// Vertices that it is joined to in the rank below.
    pub(super) down: Vec<usize>,
    /// That of them which the main path goes on with.
    pub(super) main: Option<usize>,
}

/// All vertices: the items first.
#[derive(Debug)]
pub(super) struct Vertices {
    pub(super) all: Vec<Vertex>,
    /// By link: the points that it passes, from its source to its target.
    pub(super) chains: Vec<Vec<usize>>,
    /// By link: the vertex that is its label.
    pub(super) labels: Vec<Option<usize>>,
}

impl Vertices {
    pub(super) fn of(items: &[Item], links: &[Link], ranks: &Ranks) -> Vertices {
        let vertex = |(item, Item { width, height }): (usize, &Item)| Vertex {
            is_item: true,
            ..Vertex::new(*width, *height, ranks.rank[item])
        };
        let mut vertices = Vertices {
            all: items.iter().enumerate().map(vertex).collect(),
            chains: Vec::new(),
            labels: Vec::new(),
        };
        for (place, link) in links.iter().enumerate() {
            let (chain, label) = if ranks.is_back[place] {
                vertices.add_back(link, ranks)
            } else {
                let is_main = ranks.main[link.from] == Some(place);
                vertices.add_down(link, ranks, is_main)
            };
            vertices.chains.push(chain);
            vertices.labels.push(label);
        }
        vertices
    }

    fn add(&mut self, size: Option<(f64, f64)>, rank: usize) -> usize {
        let (width, height) = size.unwrap_or((LINE_WIDTH, 0.0));
        self.all.push(Vertex::new(width, height, rank));
        self.all.len() - 1
    }

    fn join(&mut self, above: usize, below: usize, is_main: bool) {
        self.all[above].down.push(below);
        self.all[below].up.push(above);
        if is_main {
            self.all[above].main = Some(below);
        }
    }

    fn add_down(
        &mut self,
        link: &Link,
        ranks: &Ranks,
        is_main: bool,
    ) -> (Vec<usize>, Option<usize>) {
        let (mut chain, mut label) = (Vec::new(), None);
        let mut last = link.from;
        for rank in ranks.rank[link.from] + 1..ranks.rank[link.to] {
            let size = link.label.filter(|_| chain.is_empty());
            let point = self.add(size, rank);
            label = label.or(size.map(|_| point));
            self.join(last, point, is_main);
            chain.push(point);
            last = point;
        }
        self.join(last, link.to, is_main);
        (chain, label)
    }

    /// A link that leads back leaves and enters at the side: its ends are vertices beside items.
    fn add_back(&mut self, link: &Link, ranks: &Ranks) -> (Vec<usize>, Option<usize>) {
        let (mut chain, mut label) = (Vec::<usize>::new(), None);
        let (top, bottom) = (ranks.rank[link.to], ranks.rank[link.from]);
        for rank in (top..=bottom).rev() {
            let is_label = if link.from == link.to { rank == bottom } else { rank + 1 == bottom };
            let size = link.label.filter(|_| is_label);
            let point = self.add(size, rank);
            label = label.or(size.map(|_| point));
            if let Some(below) = chain.last() {
                self.join(point, *below, false);
            }
            chain.push(point);
        }
        let (first, last) = (chain[0], chain[chain.len() - 1]);
        self.all[first].owner = Some(link.from);
        self.all[first].is_loop = link.from == link.to;
        self.all[last].owner = Some(link.to);
        (chain, label)
    }
}

impl Vertex {
    fn new(width: f64, height: f64, rank: usize) -> Vertex {
        let (up, down) = (Vec::new(), Vec::new());
        Vertex {
            width,
            height,
            rank,
            is_item: false,
            owner: None,
            is_loop: false,
            up,
            down,
            main: None,
        }
    }
}

/// The vertices of each rank, from the left to the right.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    pub(super) ranks: Vec<Vec<usize>>,
    /// By vertex: its place in its rank.
    pub(super) place: Vec<usize>,
}

impl Layers {
    pub(super) fn of(vertices: &Vertices, ranks: &Ranks) -> Layers {
        let mut layers = Layers::first(vertices, ranks);
        let (mut best, mut fewest) = (layers.clone(), layers.crossings(vertices));
        for sweep in 0..SWEEPS {
            if fewest == 0 {
                break;
            }
            for step in 1..ranks.count {
                let is_down = sweep % 2 == 0;
                let rank = if is_down { step } else { ranks.count - 1 - step };
                layers.sort(rank, is_down, vertices);
            }
            layers.swap_neighbours(vertices);
            let crossings = layers.crossings(vertices);
            if crossings < fewest {
                (best, fewest) = (layers.clone(), crossings);
            }
        }
        best
    }

    /// The order in which a walk from the start meets the vertices.
    fn first(vertices: &Vertices, ranks: &Ranks) -> Layers {
        let all = &vertices.all;
        let mut layers = Layers { ranks: vec![Vec::new(); ranks.count], place: vec![0; all.len()] };
        let mut is_placed = vec![false; all.len()];
        for start in ranks.met.iter().copied().chain(0..all.len()) {
            let mut left = vec![start];
            while let Some(vertex) = left.pop() {
                if !std::mem::replace(&mut is_placed[vertex], true) {
                    layers.ranks[all[vertex].rank].push(vertex);
                    left.extend(all[vertex].down.iter().rev());
                }
            }
        }
        for rank in 0..ranks.count {
            layers.settle(rank, vertices);
        }
        layers
    }

    /// Puts the ends of links that lead back beside their items, and writes down the places.
    fn settle(&mut self, rank: usize, vertices: &Vertices) {
        let layer = &mut self.ranks[rank];
        let owner = |vertex: &usize| vertices.all[*vertex].owner;
        let mut ends: Vec<usize> = layer.iter().copied().filter(|it| owner(it).is_some()).collect();
        if !ends.is_empty() {
            // Links of an item to itself are the farthest: no other line goes through their labels.
            ends.sort_by_key(|end| vertices.all[*end].is_loop);
            layer.retain(|vertex| owner(vertex).is_none());
            // From the last to the first, since each goes right behind its item.
            for end in ends.into_iter().rev() {
                let item = owner(&end).expect("ends have one");
                let place = layer.iter().position(|it| *it == item).expect("it is of this rank");
                layer.insert(place + 1, end);
            }
        }
        for (place, vertex) in layer.iter().enumerate() {
            self.place[*vertex] = place;
        }
    }

    /// Sorts a rank by the middle of what its vertices are joined to in the rank before.
    fn sort(&mut self, rank: usize, is_down: bool, vertices: &Vertices) {
        let middle = |vertex: usize| {
            let vertex = &vertices.all[vertex];
            let joined = if is_down { &vertex.up } else { &vertex.down };
            let mut places: Vec<usize> = joined.iter().map(|it| self.place[*it]).collect();
            places.sort_unstable();
            let (low, high) = (places.len().checked_sub(1)? / 2, places.len() / 2);
            Some(places[low] + places[high])
        };
        let layer = &self.ranks[rank];
        let middles: Vec<Option<usize>> = layer.iter().map(|it| middle(*it)).collect();
        let mut moving: Vec<(usize, usize)> = layer
            .iter()
            .zip(&middles)
            .filter_map(|(vertex, middle)| middle.map(|middle| (middle, *vertex)))
            .collect();
        moving.sort_by_key(|(middle, _)| *middle);
        let mut moving = moving.into_iter();
        let sorted = layer.iter().zip(&middles).map(|(vertex, middle)| match middle {
            Some(_) => moving.next().expect("there are as many").1,
            None => *vertex,
        });
        self.ranks[rank] = sorted.collect();
        self.settle(rank, vertices);
    }

    /// Swaps neighbours while that leaves fewer crossings.
    fn swap_neighbours(&mut self, vertices: &Vertices) {
        const ROUNDS: usize = 4;
        for _ in 0..ROUNDS {
            let mut is_better = false;
            for rank in 0..self.ranks.len() {
                for place in 1..self.ranks[rank].len() {
                    let (left, right) = (self.ranks[rank][place - 1], self.ranks[rank][place]);
                    let (now, then) = self.crossings_of(left, right, vertices);
                    if then < now {
                        self.ranks[rank].swap(place - 1, place);
                        (self.place[left], self.place[right]) = (place, place - 1);
                        is_better = true;
                    }
                }
                self.settle(rank, vertices);
            }
            if !is_better {
                break;
            }
        }
    }

    /// How often the lines of two neighbours cross as they are, and the other way round.
    fn crossings_of(&self, left: usize, right: usize, vertices: &Vertices) -> (usize, usize) {
        let (mut now, mut then) = (0, 0);
        let (left, right) = (&vertices.all[left], &vertices.all[right]);
        for (of_left, of_right) in [(&left.up, &right.up), (&left.down, &right.down)] {
            for one in of_left {
                for other in of_right {
                    now += usize::from(self.place[*one] > self.place[*other]);
                    then += usize::from(self.place[*one] < self.place[*other]);
                }
            }
        }
        (now, then)
    }

    fn crossings(&self, vertices: &Vertices) -> usize {
        let between = |ranks: &[Vec<usize>]| {
            let mut ends = Vec::new();
            for vertex in &ranks[0] {
                let down = &vertices.all[*vertex].down;
                let mut places: Vec<usize> = down.iter().map(|it| self.place[*it]).collect();
                places.sort_unstable();
                ends.extend(places);
            }
            inversions(&ends, ranks[1].len())
        };
        self.ranks.windows(2).map(between).sum()
    }
}

/// How many pairs are in the wrong order, counted with a tree of sums (Fenwick, 1994).
fn inversions(places: &[usize], count: usize) -> usize {
    let mut sums = vec![0; count + 1];
    let mut inversions = 0;
    for place in places.iter().rev() {
        let mut at = *place;
        while at > 0 {
            inversions += sums[at];
            at &= at - 1;
        }
        let mut at = place + 1;
        while at <= count {
            sums[at] += 1;
            at += at & at.wrapping_neg();
        }
    }
    inversions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_in_the_wrong_order_are_counted() {
        assert_eq!(inversions(&[0, 1, 2], 3), 0);
        assert_eq!(inversions(&[2, 1, 0], 3), 3);
        assert_eq!(inversions(&[1, 0, 1, 0], 2), 3);
    }
}
