//! How the two ends of a connection prove that they know the secret of the store.
//!
//! Each sends a code (HMAC-SHA-256, RFC 2104) by the secret over what only the two ends of this
//! very TLS connection know (its exporter, RFC 8446 section 7.5), its role, and the numbers of the
//! nodes. Somebody in the middle has two connections with two exporters, so that no proof of one
//! holds on the other.

use ring::hmac::{self, HMAC_SHA256};
use store::cluster::NodeNumber;

/// What an end says first: this form of the protocol alone is spoken.
const GREETING: &[u8; 8] = b"stairw\0\x01";

/// The label of the exporter.
pub(crate) const EXPORTER: &[u8] = b"EXPORTER-stairwell-peers";

/// What the exporter gives: a secret of this connection alone.
pub(crate) type Exported = [u8; 32];

/// The nodes at the two ends, as the one that asks sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    /// Who asks.
    pub(crate) from: NodeNumber,
    /// Who is asked.
    pub(crate) to: NodeNumber,
}

/// What the one that is asked says of the number that it is asked under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Welcome {
    /// It is its number.
    Yes = 0,
    /// It is not.
    OtherNode = 1,
}

/// The length of what the end that asks sends.
pub(crate) const HELLO: usize = 8 + 16 + 32;
/// The length of what the other one sends then.
pub(crate) const WELCOME: usize = 8 + 1 + 32;

/// What the end that asks sends.
pub(crate) fn hello(secret: &[u8; 32], exported: &Exported, ends: Ends) -> [u8; HELLO] {
    let mut bytes = [0; HELLO];
    bytes[..8].copy_from_slice(GREETING);
    bytes[8..16].copy_from_slice(&ends.from.0.to_be_bytes());
    bytes[16..24].copy_from_slice(&ends.to.0.to_be_bytes());
    let code = hmac::sign(&key(secret), &asker_says(exported, ends));
    bytes[24..].copy_from_slice(code.as_ref());
    bytes
}

/// Who asks and who is asked, where the other end has proved itself.
pub(crate) fn read_hello(
    secret: &[u8; 32],
    exported: &Exported,
    bytes: &[u8; HELLO],
) -> Option<Ends> {
    let number = |part: &[u8]| part.try_into().ok().map(u64::from_be_bytes).map(NodeNumber);
    let ends = Ends { from: number(&bytes[8..16])?, to: number(&bytes[16..24])? };
    let is_proved = hmac::verify(&key(secret), &asker_says(exported, ends), &bytes[24..]).is_ok();
    (is_proved && bytes.starts_with(GREETING)).then_some(ends)
}

/// What the end that is asked sends, after the other has proved itself.
pub(crate) fn welcome(
    secret: &[u8; 32],
    exported: &Exported,
    ends: Ends,
    welcome: Welcome,
) -> [u8; WELCOME] {
    let mut bytes = [0; WELCOME];
    bytes[..8].copy_from_slice(GREETING);
    bytes[8] = welcome as u8;
    let code = hmac::sign(&key(secret), &asked_says(exported, ends, welcome));
    bytes[9..].copy_from_slice(code.as_ref());
    bytes
}

/// What the end that is asked says, where it has proved itself.
pub(crate) fn read_welcome(
    secret: &[u8; 32],
    exported: &Exported,
    ends: Ends,
    bytes: &[u8; WELCOME],
) -> Option<Welcome> {
    let welcome = match bytes[8] {
        0 => Welcome::Yes,
        1 => Welcome::OtherNode,
        _ => return None,
    };
    let says = asked_says(exported, ends, welcome);
    let is_proved = hmac::verify(&key(secret), &says, &bytes[9..]).is_ok();
    (is_proved && bytes.starts_with(GREETING)).then_some(welcome)
}

fn key(secret: &[u8; 32]) -> hmac::Key {
    hmac::Key::new(HMAC_SHA256, secret)
}

fn asker_says(exported: &Exported, ends: Ends) -> Vec<u8> {
    let (from, to) = (ends.from.0.to_be_bytes(), ends.to.0.to_be_bytes());
    [b"asks".as_slice(), exported, &from, &to].concat()
}

fn asked_says(exported: &Exported, ends: Ends, welcome: Welcome) -> Vec<u8> {
    let (from, to) = (ends.from.0.to_be_bytes(), ends.to.0.to_be_bytes());
    [b"is asked".as_slice(), exported, &from, &to, &[welcome as u8]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDS: Ends = Ends { from: NodeNumber(3), to: NodeNumber(4) };

    #[test]
    fn a_proof_holds_for_its_secret_its_connection_and_its_nodes_alone() {
        let (secret, exported) = ([1; 32], [2; 32]);
        let hello = hello(&secret, &exported, ENDS);
        assert_eq!(read_hello(&secret, &exported, &hello), Some(ENDS));
        assert_eq!(read_hello(&[9; 32], &exported, &hello), None);
        assert_eq!(read_hello(&secret, &[9; 32], &hello), None);
        for index in 0..HELLO {
            let mut other = hello;
            other[index] ^= 1;
            assert_eq!(read_hello(&secret, &exported, &other), None, "{index}");
        }
    }

    #[test]
    fn a_welcome_is_proved_like_a_hello_and_is_none() {
        let (secret, exported) = ([1; 32], [2; 32]);
        for said in [Welcome::Yes, Welcome::OtherNode] {
            let bytes = welcome(&secret, &exported, ENDS, said);
            assert_eq!(read_welcome(&secret, &exported, ENDS, &bytes), Some(said));
            assert_eq!(read_welcome(&[9; 32], &exported, ENDS, &bytes), None);
            assert_eq!(read_welcome(&secret, &[9; 32], ENDS, &bytes), None);
            let swapped = Ends { from: ENDS.to, to: ENDS.from };
            assert_eq!(read_welcome(&secret, &exported, swapped, &bytes), None);
            for index in 0..WELCOME {
                let mut other = bytes;
                other[index] ^= 1;
                assert_eq!(read_welcome(&secret, &exported, ENDS, &other), None, "{index}");
            }
        }
        // The code of one role is not that of the other.
        let hello = hello(&secret, &exported, ENDS);
        let mut echoed = welcome(&secret, &exported, ENDS, Welcome::Yes);
        echoed[9..].copy_from_slice(&hello[24..]);
        assert_eq!(read_welcome(&secret, &exported, ENDS, &echoed), None);
    }
}
