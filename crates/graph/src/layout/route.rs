//! Rows, and the corners of the links: down from the source, along a lane of its own between two
//! rows, and down to the target. Links that lead back leave and enter at the right side.

use std::collections::BTreeMap;

use super::Rectangle;
use super::layered::{Item, Link, Placed, Route};
use super::order::{Layers, Vertices};
use super::ranks::Ranks;

/// Pixels between two rows without lanes, between two lanes, and from a row to the first lane.
const ROW_GAP: f64 = 30.0;
const LANE_GAP: f64 = 12.0;
const LANE_INSET: f64 = 12.0;
/// Pixels from the right side of an item to where its catchers leave.
const CATCH_INSET: f64 = 18.0;
/// Lines that are nearer than this, in pixels, share no lane.
const LANE_MARGIN: f64 = 6.0;
/// Pixels between the ends of two links that lead back, at the side of an item.
const END_GAP: f64 = 8.0;
/// Pixels between two links of an item to itself: more than half of the height of a label.
const LOOP_GAP: f64 = 11.0;
/// Less than this, in pixels, is no distance.
const NOTHING: f64 = 0.25;

/// A part of a link, from one rank to the next.
struct Hop {
    link: usize,
    /// The rank below it.
    gap: usize,
    from: f64,
    to: f64,
    lane: Option<usize>,
}

/// Who has a lane: first parts of one source share one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum LaneOwner {
    Item(usize, bool),
    Link(usize),
}

/// Places everything.
pub(super) fn route(
    items: &[Item],
    links: &[Link],
    ranks: &Ranks,
    vertices: &Vertices,
    layers: &Layers,
    x: &[f64],
) -> Placed {
    let router = Router { items, links, ranks, vertices, x };
    let mut hops: Vec<Vec<Hop>> = (0..links.len()).map(|link| router.hops(link)).collect();
    let lanes = assign_lanes(&mut hops, links, ranks);
    let rows = Rows::of(vertices, layers, &lanes);
    let corner =
        |item: usize| (router.x[item] - items[item].width / 2.0, rows.top[ranks.rank[item]]);
    let ends = router.ends(layers, &rows);
    let routes = (0..links.len()).map(|link| router.route(link, &hops[link], &rows, &ends));
    let routes: Vec<Route> = routes.collect();
    let right = vertices.all.iter().zip(x).map(|(vertex, x)| x + vertex.width / 2.0);
    Placed {
        items: (0..items.len()).map(corner).collect(),
        routes,
        width: right.fold(0.0, f64::max),
        height: rows.height,
    }
}

struct Router<'a> {
    items: &'a [Item],
    links: &'a [Link],
    ranks: &'a Ranks,
    vertices: &'a Vertices,
    x: &'a [f64],
}

impl Router<'_> {
    fn hops(&self, link: usize) -> Vec<Hop> {
        let Link { from, to, is_catch, .. } = self.links[link];
        let chain = &self.vertices.chains[link];
        let points = chain.iter().map(|point| self.x[*point]);
        let stops: Vec<f64> = if self.ranks.is_back[link] {
            points.collect()
        } else {
            let aside = if is_catch { self.items[from].width / 2.0 - CATCH_INSET } else { 0.0 };
            let source = self.x[from] + aside;
            std::iter::once(source).chain(points).chain([self.x[to]]).collect()
        };
        let hop = |(step, stops): (usize, &[f64])| {
            let rank = self.ranks.rank[from];
            let gap = if self.ranks.is_back[link] { rank - step } else { rank + step + 1 };
            Hop { link, gap, from: stops[0], to: stops[1], lane: None }
        };
        stops.windows(2).enumerate().map(hop).collect()
    }

    /// By vertex that is the end of a link which leads back: how far down the side of its item.
    fn ends(&self, layers: &Layers, rows: &Rows) -> BTreeMap<usize, f64> {
        let mut ends = BTreeMap::new();
        for item in 0..self.items.len() {
            let rank = self.ranks.rank[item];
            let owned = layers.ranks[rank].iter().copied();
            let mut owned: Vec<usize> =
                owned.filter(|it| self.vertices.all[*it].owner == Some(item)).collect();
            let middle = rows.top[rank] + self.items[item].height / 2.0;
            let loops = owned.extract_if(.., |it| self.vertices.all[*it].is_loop);
            ends.extend(loops.map(|end| (end, middle)));
            // Lines that go up from here first, the nearest uppermost; then those that come from
            // below, the farthest uppermost: so none crosses another one.
            let (up, mut down): (Vec<usize>, Vec<usize>) =
                owned.drain(..).partition(|it| self.vertices.all[*it].down.is_empty());
            down.reverse();
            let all: Vec<usize> = up.into_iter().chain(down).collect();
            let height = self.items[item].height;
            let gap = END_GAP.min((height - END_GAP) / all.len().max(1) as f64);
            let first = middle - gap * (all.len().max(1) - 1) as f64 / 2.0;
            let places = all.into_iter().enumerate();
            ends.extend(places.map(|(place, end)| (end, first + gap * place as f64)));
        }
        ends
    }

    fn route(&self, link: usize, hops: &[Hop], rows: &Rows, ends: &BTreeMap<usize, f64>) -> Route {
        let Link { from, to, .. } = self.links[link];
        let right = |item: usize| self.x[item] + self.items[item].width / 2.0;
        let chain = &self.vertices.chains[link];
        let is_back = self.ranks.is_back[link];
        let mut points = Vec::new();
        if from == to {
            let (x, y) = (self.x[chain[0]], ends[&chain[0]]);
            // One goes around the label of another.
            let is_before = |other: &&Link| (other.from, other.to) == (from, to);
            let before = self.links[..link].iter().filter(is_before).count();
            let half = END_GAP / 2.0 + before as f64 * LOOP_GAP;
            let corners = [(right(from), y - half), (x, y - half), (x, y + half)];
            points.extend(corners.into_iter().chain([(right(from), y + half)]));
        } else if is_back {
            let (first, last) = (chain[0], chain[chain.len() - 1]);
            points.extend([(right(from), ends[&first]), (self.x[first], ends[&first])]);
            points.extend(hops.iter().flat_map(|hop| rows.corners(hop)));
            points.extend([(self.x[last], ends[&last]), (right(to), ends[&last])]);
        } else {
            let bottom = rows.top[self.ranks.rank[from]] + self.items[from].height;
            points.push((hops[0].from, bottom));
            points.extend(hops.iter().flat_map(|hop| rows.corners(hop)));
            points.push((self.x[to], rows.top[self.ranks.rank[to]]));
        }
        let label = self.vertices.labels[link].map(|vertex| {
            let size = &self.vertices.all[vertex];
            let top = rows.top[size.rank];
            let beside = ends.get(&vertex).filter(|_| from == to);
            let y = beside.map_or(top, |middle| (middle - size.height / 2.0).max(top));
            let x = self.x[vertex] - size.width / 2.0;
            Rectangle { x, y, width: size.width, height: size.height }
        });
        Route { points: simplified(points), label, is_back }
    }
}

/// Gives each hop that goes aside a lane in its gap. Returns how many lanes each gap has.
fn assign_lanes(hops: &mut [Vec<Hop>], links: &[Link], ranks: &Ranks) -> Vec<usize> {
    struct Line {
        low: f64,
        high: f64,
        members: Vec<(usize, usize)>,
    }
    let mut gaps: Vec<BTreeMap<LaneOwner, Line>> = Vec::new();
    gaps.resize_with(ranks.count + 1, BTreeMap::new);
    for (link, hops) in hops.iter().enumerate() {
        for (step, hop) in hops.iter().enumerate() {
            if (hop.from - hop.to).abs() <= NOTHING {
                continue;
            }
            let owner = if step == 0 && !ranks.is_back[link] {
                LaneOwner::Item(links[link].from, links[link].is_catch)
            } else {
                LaneOwner::Link(hop.link)
            };
            let line = gaps[hop.gap].entry(owner).or_insert_with(|| Line {
                low: f64::INFINITY,
                high: f64::NEG_INFINITY,
                members: Vec::new(),
            });
            line.low = line.low.min(hop.from.min(hop.to));
            line.high = line.high.max(hop.from.max(hop.to));
            line.members.push((link, step));
        }
    }
    let mut counts = Vec::new();
    for gap in gaps {
        let mut lines: Vec<Line> = gap.into_values().collect();
        lines.sort_by(|a, b| (a.high - a.low).total_cmp(&(b.high - b.low)));
        let mut lanes: Vec<Vec<(f64, f64)>> = Vec::new();
        for line in lines {
            let meets = |(low, high): &(f64, f64)| {
                line.low < high + LANE_MARGIN && *low < line.high + LANE_MARGIN
            };
            let free = lanes.iter().position(|lane| !lane.iter().any(meets));
            let lane = free.unwrap_or_else(|| {
                lanes.push(Vec::new());
                lanes.len() - 1
            });
            lanes[lane].push((line.low, line.high));
            for (link, step) in line.members {
                hops[link][step].lane = Some(lane);
            }
        }
        counts.push(lanes.len());
    }
    counts
}

/// Where the rows are.
struct Rows {
    /// By rank: its upper side.
    top: Vec<f64>,
    /// By rank: where the gap above it begins.
    gap: Vec<f64>,
    height: f64,
}

impl Rows {
    fn of(vertices: &Vertices, layers: &Layers, lanes: &[usize]) -> Rows {
        let mut rows = Rows { top: Vec::new(), gap: Vec::new(), height: 0.0 };
        for (rank, layer) in layers.ranks.iter().enumerate() {
            rows.gap.push(rows.height);
            if rank > 0 {
                rows.height += ROW_GAP + lanes[rank] as f64 * LANE_GAP;
            }
            rows.top.push(rows.height);
            let heights = layer.iter().map(|vertex| vertices.all[*vertex].height);
            rows.height += heights.fold(0.0, f64::max);
        }
        rows
    }

    /// Where a hop turns aside and down again.
    fn corners(&self, hop: &Hop) -> impl Iterator<Item = (f64, f64)> {
        let lane = hop.lane.map(|lane| self.gap[hop.gap] + LANE_INSET + lane as f64 * LANE_GAP);
        lane.into_iter().flat_map(move |y| [(hop.from, y), (hop.to, y)])
    }
}

/// The same line without points that are no corners.
fn simplified(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let near = |a: f64, b: f64| (a - b).abs() < NOTHING;
    let mut simple: Vec<(f64, f64)> = Vec::new();
    for point in points {
        match simple.as_slice() {
            [.., last] if near(last.0, point.0) && near(last.1, point.1) => {}
            [.., before, last]
                if near(before.0, last.0) && near(last.0, point.0)
                    || near(before.1, last.1) && near(last.1, point.1) =>
            {
                let end = simple.len() - 1;
                simple[end] = point;
            }
            _ => simple.push(point),
        }
    }
    simple
}
