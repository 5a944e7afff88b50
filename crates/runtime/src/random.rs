//! Chance, from one seed.

use std::fmt::Write;

use parking_lot::Mutex;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// The one source of chance. It is held for a few bytes at a time: who needs more takes a fork.
#[derive(Debug)]
pub(crate) struct Random {
    source: Mutex<ChaCha8Rng>,
}

impl Random {
    pub(crate) fn new(seed: [u8; 32]) -> Random {
        Random { source: Mutex::new(ChaCha8Rng::from_seed(seed)) }
    }

    /// A source of its own, for one step.
    pub(crate) fn fork(&self) -> ChaCha8Rng {
        ChaCha8Rng::from_seed(self.bytes())
    }

    /// That many bytes.
    pub(crate) fn bytes<const LENGTH: usize>(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        self.source.lock().fill_bytes(&mut bytes);
        bytes
    }

    /// A number less than `bound`, which must not be 0.
    pub(crate) fn below(&self, bound: u64) -> u64 {
        // What is left over favours the low numbers by less than one in 2^57, for bounds to 128.
        u64::from_be_bytes(self.bytes()) % bound
    }

    /// A random (version 4) UUID, such as names and revisions are.
    pub(crate) fn uuid(&self) -> String {
        uuid::Builder::from_random_bytes(self.bytes()).into_uuid().to_string()
    }
}

/// Bytes as hexadecimal text.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes whatever is written to it");
        text
    })
}

/// What [`hexadecimal`] gave for 16 bytes.
pub(crate) fn from_hexadecimal(text: &str) -> Option<[u8; 16]> {
    let is_hexadecimal = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let number = is_hexadecimal.then(|| u128::from_str_radix(text, 16).ok()).flatten()?;
    Some(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        let draw = |seed| {
            let random = Random::new([seed; 32]);
            let mut fork = random.fork();
            (random.uuid(), fork.next_u64(), random.bytes::<4>())
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }

    #[test]
    fn hexadecimal_text_comes_back() {
        let bytes = *b"0123456789abcdef";
        assert_eq!(hexadecimal(&bytes), "30313233343536373839616263646566");
        assert_eq!(from_hexadecimal(&hexadecimal(&bytes)), Some(bytes));
        for text in
            ["", "30", "3031323334353637383961626364656g", "+0313233343536373839616263646566"]
        {
            assert_eq!(from_hexadecimal(text), None, "{text}");
        }
    }
}
