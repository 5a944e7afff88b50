//! Chance, from a seed.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Draws from a seed: the same seed, the same draws.
#[derive(Debug)]
pub struct Draw {
    random: ChaCha8Rng,
}

impl Draw {
    /// The draws of a seed.
    pub fn new(seed: u64) -> Draw {
        Draw { random: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// A number from 0, under `bound`.
    pub fn below(&mut self, bound: u64) -> u64 {
        self.random.next_u64() % bound.max(1)
    }

    /// A number from `first` to `last`.
    pub fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// True so many times in a hundred.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    /// A seed for something that draws on its own.
    pub fn seed(&mut self) -> u64 {
        self.random.next_u64()
    }
}
