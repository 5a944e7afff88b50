//! Which links lead back, and how far down each item is.

use super::layered::Link;

/// The order of items from the start on.
#[derive(Debug)]
pub(super) struct Ranks {
    /// By item: 0 is the uppermost.
    pub(super) rank: Vec<usize>,
    /// By link: whether it leads to an item that is above, or to its own.
    pub(super) is_back: Vec<bool>,
    /// Items in the order in which a walk from the start meets them.
    pub(super) met: Vec<usize>,
    /// By item: the link that goes on with the main path.
    pub(super) main: Vec<Option<usize>>,
    /// How many ranks there are.
    pub(super) count: usize,
}

impl Ranks {
    pub(super) fn of(items: usize, links: &[Link]) -> Ranks {
        let (is_back, met) = walk(items, links);
        let downwards = downwards(items, links, &is_back);
        let order = sorted(items, &downwards, &met);
        let mut rank = vec![0; items];
        for item in &order {
            for (to, length, _) in &downwards[*item] {
                rank[*to] = rank[*to].max(rank[*item] + length);
            }
        }
        let main = main_links(links, &is_back, &downwards, &order);
        let count = rank.iter().max().map_or(0, |rank| rank + 1);
        Ranks { rank, is_back, met, main, count }
    }
}

/// By item: the links that leave it, with their place among all.
fn leaving(items: usize, links: &[Link]) -> Vec<Vec<usize>> {
    let mut leaving = vec![Vec::new(); items];
    for (place, link) in links.iter().enumerate() {
        leaving[link.from].push(place);
    }
    leaving
}

/// Goes through all items, depth first: a link to an item that the walk is in leads back.
fn walk(items: usize, links: &[Link]) -> (Vec<bool>, Vec<usize>) {
    #[derive(Clone, Copy, PartialEq)]
    enum Walk {
        Unmet,
        Within,
        Left,
    }
    let leaving = leaving(items, links);
    let mut is_back = vec![false; links.len()];
    let (mut walk, mut met) = (vec![Walk::Unmet; items], Vec::new());
    for start in 0..items {
        if walk[start] != Walk::Unmet {
            continue;
        }
        let mut stack = vec![(start, 0)];
        walk[start] = Walk::Within;
        met.push(start);
        while let Some((item, next)) = stack.last_mut() {
            let Some(link) = leaving[*item].get(*next) else {
                walk[*item] = Walk::Left;
                stack.pop();
                continue;
            };
            *next += 1;
            let to = links[*link].to;
            match walk[to] {
                Walk::Within => is_back[*link] = true,
                Walk::Left => {}
                Walk::Unmet => {
                    walk[to] = Walk::Within;
                    met.push(to);
                    stack.push((to, 0));
                }
            }
        }
    }
    (is_back, met)
}

/// By item: what must be below it, by how many ranks at least, and by which link. A label has a
/// rank of its own, also that of a link that leads back.
fn downwards(
    items: usize,
    links: &[Link],
    is_back: &[bool],
) -> Vec<Vec<(usize, usize, Option<usize>)>> {
    let mut has_labels = vec![false; items];
    for (link, is_back) in links.iter().zip(is_back) {
        has_labels[link.from] |= link.label.is_some() && !is_back;
    }
    let mut downwards = vec![Vec::new(); items];
    for (place, link) in links.iter().enumerate() {
        if !is_back[place] {
            let length = if has_labels[link.from] { 2 } else { 1 };
            downwards[link.from].push((link.to, length, Some(place)));
        } else if link.label.is_some() && link.from != link.to {
            downwards[link.to].push((link.from, 2, None));
        }
    }
    downwards
}

/// Items, each after all that are above it.
fn sorted(
    items: usize,
    downwards: &[Vec<(usize, usize, Option<usize>)>],
    met: &[usize],
) -> Vec<usize> {
    let mut above = vec![0_usize; items];
    for (to, ..) in downwards.iter().flatten() {
        above[*to] += 1;
    }
    let mut order: Vec<usize> = met.iter().copied().filter(|item| above[*item] == 0).collect();
    let mut next = 0;
    while let Some(item) = order.get(next).copied() {
        next += 1;
        for (to, ..) in &downwards[item] {
            above[*to] -= 1;
            if above[*to] == 0 {
                order.push(*to);
            }
        }
    }
    assert_eq!(order.len(), items, "links that lead down make no circle");
    order
}

/// The link of each item that the longest way down begins with, catchers aside.
fn main_links(
    links: &[Link],
    is_back: &[bool],
    downwards: &[Vec<(usize, usize, Option<usize>)>],
    order: &[usize],
) -> Vec<Option<usize>> {
    let mut below = vec![0; order.len()];
    let mut main = vec![None; order.len()];
    for item in order.iter().rev() {
        let mut longest = None;
        for (to, length, link) in &downwards[*item] {
            below[*item] = below[*item].max(below[*to] + length);
            let Some(link) = link.filter(|link| !links[*link].is_catch && !is_back[*link]) else {
                continue;
            };
            if longest.is_none_or(|longest| below[*to] > longest) {
                longest = Some(below[*to]);
                main[*item] = Some(link);
            }
        }
    }
    main
}
