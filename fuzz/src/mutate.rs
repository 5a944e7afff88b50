//! A small mutator of texts: the same seed and iteration give the same input, on every machine.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// Parts of texts that something is likely to hang on.
const WORDS: [&str; 45] = [
    "{",
    "}",
    "[",
    "]",
    "(",
    ")",
    "\"",
    "'",
    "\\",
    ",",
    ":",
    ".",
    "..",
    "$",
    "$$",
    "@",
    "*",
    "?",
    "null",
    "true",
    "-1",
    "0",
    "1e400",
    "99999999999999999999",
    "\"\"",
    "\"End\": true",
    ".$",
    "\"Next\": \"A\"",
    "\"Type\": \"Pass\"",
    "\"Retry\": [{\"ErrorEquals\": [\"States.ALL\"]}]",
    "\"ResultPath\": null",
    "\u{0}",
    "\u{7f}",
    "é",
    "\u{10ffff}",
    "\\u0000",
    "States.Array(",
    "[?(@.a > 1)]",
    "[-1:]",
    "&&",
    "%2F",
    "\nX-Amz-Date:",
    "\nAuthorization:AWS4-HMAC-SHA256 ",
    "Signature=",
    "/aws4_request",
];

/// How many bytes an input has at most.
const BYTES_MAX: usize = 4_096;

/// Makes inputs from texts that reach far.
pub struct Mutator {
    seeds: Vec<Vec<u8>>,
}

impl Mutator {
    /// A mutator of these texts, of which there is at least one.
    pub fn new(seeds: Vec<Vec<u8>>) -> Mutator {
        assert!(!seeds.is_empty(), "there is something to begin with");
        Mutator { seeds }
    }

    /// The input of an iteration: the seeds themselves first.
    pub fn input(&self, seed: u64, iteration: u64) -> Vec<u8> {
        if let Some(text) = usize::try_from(iteration).ok().and_then(|at| self.seeds.get(at)) {
            return text.clone();
        }
        let mut random = ChaCha8Rng::seed_from_u64(seed ^ iteration.rotate_left(32));
        let mut input = self.any(&mut random).clone();
        for _ in 0..=below(&mut random, 5) {
            self.change(&mut input, &mut random);
        }
        input.truncate(BYTES_MAX);
        input
    }

    /// Changes one thing.
    fn change(&self, input: &mut Vec<u8>, random: &mut ChaCha8Rng) {
        let begin = below(random, input.len() + 1);
        let end = (begin + below(random, 24)).min(input.len());
        match below(random, 7) {
            0 => drop(input.drain(begin..end)),
            1 => {
                let word = WORDS[below(random, WORDS.len())];
                input.splice(begin..begin, word.bytes());
            }
            2 => {
                let word = WORDS[below(random, WORDS.len())];
                input.splice(begin..end, word.bytes());
            }
            3 => {
                let part = input[begin..end].to_vec();
                let at = below(random, input.len() + 1);
                input.splice(at..at, part);
            }
            4 => {
                let other = self.any(random);
                let from = below(random, other.len() + 1);
                let to = (from + below(random, 60)).min(other.len());
                input.splice(begin..begin, other[from..to].iter().copied());
            }
            5 => {
                if let Some(byte) = input.get_mut(begin) {
                    *byte = random.next_u32() as u8;
                }
            }
            _ => {
                let times = 1 << below(random, 9);
                let part = input[begin..end].repeat(times);
                input.splice(end..end, part.into_iter().take(BYTES_MAX));
            }
        }
    }

    fn any(&self, random: &mut ChaCha8Rng) -> &Vec<u8> {
        &self.seeds[below(random, self.seeds.len())]
    }
}

/// A number under `bound`, or 0.
fn below(random: &mut ChaCha8Rng, bound: usize) -> usize {
    (random.next_u64() % bound.max(1) as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iteration_always_gives_the_same_input() {
        let mutator = Mutator::new(vec![b"{\"a\": [1, 2]}".to_vec(), b"$.a[0]".to_vec()]);
        assert_eq!(mutator.input(1, 0), b"{\"a\": [1, 2]}");
        let all = |seed| (2..200).map(|at| mutator.input(seed, at)).collect::<Vec<_>>();
        assert_eq!(all(1), all(1));
        assert_ne!(all(1), all(2));
    }
}
