//! How many records those get whom nobody knows: enough to see who they are, and no more than a
//! disk can hold. What is left out is counted.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Records of one address in a window.
const RECORDS_OF_ADDRESS_MAX: u32 = 60;
/// Records of all addresses in a window.
const RECORDS_MAX: u32 = 600;
/// How many addresses are told apart in a window.
const ADDRESSES_MAX: usize = 1_000;

/// Those of a window of time, which the owner ends.
#[derive(Debug, Default)]
pub(super) struct Strangers {
    records: u32,
    addresses: BTreeMap<IpAddr, Tally>,
    /// Left out of addresses that are not told apart any more.
    others: u64,
}

#[derive(Debug, Default)]
struct Tally {
    records: u32,
    left_out: u64,
}

impl Strangers {
    /// Whether a record about that address is written. It is counted where it is not.
    pub(super) fn admit(&mut self, address: IpAddr) -> bool {
        let is_full = self.addresses.len() >= ADDRESSES_MAX;
        if is_full && !self.addresses.contains_key(&address) {
            self.others += 1;
            return false;
        }
        let tally = self.addresses.entry(address).or_default();
        if tally.records >= RECORDS_OF_ADDRESS_MAX || self.records >= RECORDS_MAX {
            tally.left_out += 1;
            return false;
        }
        tally.records += 1;
        self.records += 1;
        true
    }

    /// Ends the window: how many records were left out, by address; those of no address last.
    pub(super) fn end(&mut self) -> Vec<(Option<IpAddr>, u64)> {
        let Strangers { addresses, others, .. } = std::mem::take(self);
        let told = addresses.into_iter().map(|(address, tally)| (Some(address), tally.left_out));
        told.chain([(None, others)]).filter(|(_, left_out)| *left_out > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[test]
    fn a_stranger_is_told_of_and_then_counted() {
        let mut strangers = Strangers::default();
        let written = (0..100).filter(|_| strangers.admit(address(1))).count();
        assert_eq!(written, 60);
        assert!(strangers.admit(address(2)), "another one is not hidden by the first");
        assert_eq!(strangers.end(), [(Some(address(1)), 40)]);
        assert!(strangers.admit(address(1)), "a window later");
        assert_eq!(strangers.end(), []);
    }

    #[test]
    fn many_strangers_take_no_more_than_their_bound() {
        let mut strangers = Strangers::default();
        let written = (0..5_000).filter(|number| strangers.admit(address(*number))).count();
        assert_eq!(written, 600);
        let left_out = strangers.end();
        assert_eq!(left_out.len(), 401);
        assert_eq!(left_out.last(), Some(&(None, 4_000)));
        assert_eq!(left_out.iter().map(|(_, count)| count).sum::<u64>(), 4_400);
    }
}
