//! Layout by layers, after Sugiyama, Tagawa and Toda (1981): links that lead back are set apart,
//! nodes get ranks, ranks an order, places in the order, and links their corners.

use super::Rectangle;
use super::order::{Layers, Vertices};
use super::places::places;
use super::ranks::Ranks;
use super::route::route;

/// Something that has a size, in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item {
    pub(super) width: f64,
    pub(super) height: f64,
}

/// A line between two items.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Whether it leaves at the corner, not in the middle.
    pub(super) is_catch: bool,
    /// The size of its label.
    pub(super) label: Option<(f64, f64)>,
}

/// The corners of a link.
#[derive(Clone, Debug, Default)]
pub(super) struct Route {
    pub(super) points: Vec<(f64, f64)>,
    pub(super) label: Option<Rectangle>,
    pub(super) is_back: bool,
}

/// All places.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// Upper left corners.
    pub(super) items: Vec<(f64, f64)>,
    pub(super) routes: Vec<Route>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Lays out items, the first of which is where everything begins.
pub(super) fn layered(items: &[Item], links: &[Link]) -> Placed {
    if items.is_empty() {
        return Placed::default();
    }
    let ranks = Ranks::of(items.len(), links);
    let vertices = Vertices::of(items, links, &ranks);
    let layers = Layers::of(&vertices, &ranks);
    let x = places(&vertices, &layers);
    route(items, links, &ranks, &vertices, &layers, &x)
}
