//! The values that condition operators compare: numbers, instants, networks, bytes.

use core::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::civil::DateTime;
use json::Number;

/// A decimal number.
pub(crate) fn number(text: &str) -> Option<Number> {
    Number::parse(text.trim())
}

/// An instant: ISO 8601 in one of the forms of <https://www.w3.org/TR/NOTE-datetime>, or seconds
/// since 1970.
pub(crate) fn instant(text: &str) -> Option<Timestamp> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    // A year is one of the ISO forms.
    if is_number(text) && text.len() != 4 {
        return Timestamp::from_second(text.parse().ok()?).ok();
    }
    if let Ok(instant) = text.parse() {
        return Some(instant);
    }
    let full = match text.len() {
        4 => format!("{text}-01-01T00:00:00"),
        7 => format!("{text}-01T00:00:00"),
        10 => format!("{text}T00:00:00"),
        // Without seconds, and with the zone.
        _ => {
            let (minutes, zone) = (text.get(..16)?, text.get(16..)?);
            return format!("{minutes}:00{zone}").parse().ok();
        }
    };
    let civil: DateTime = full.parse().ok()?;
    civil.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// Bytes in Base64.
pub(crate) fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Network {
    address: IpAddr,
    bits: u32,
}

impl Network {
    /// As in `203.0.113.0/24`, or one address.
    pub(crate) fn parse(text: &str) -> Option<Network> {
        let (address, bits) =
            text.split_once('/').map_or((text, None), |(it, bits)| (it, Some(bits)));
        let address: IpAddr = address.parse().ok()?;
        let bits_max = if address.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(bits_max), |bits| bits.parse().ok())?;
        (bits <= bits_max).then_some(Network { address, bits })
    }

    pub(crate) fn contains(self, address: IpAddr) -> bool {
        let differing = match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                (ours.to_bits() ^ theirs.to_bits()).leading_zeros()
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                (ours.to_bits() ^ theirs.to_bits()).leading_zeros()
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
        };
        differing >= self.bits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_in_many_ways() {
        let midnight = Timestamp::from_second(1_577_836_800).expect("in range");
        for text in [
            "2020-01-01T00:00:00Z",
            "2020-01-01T00:00Z",
            "2020-01-01T01:00:00+01:00",
            "2020-01-01T01:00+01:00",
            "2020-01-01T00:00:00.000Z",
            "2020-01-01",
            "2020-01",
            "2020",
            "1577836800",
        ] {
            assert_eq!(instant(text), Some(midnight), "{text}");
        }
        for text in ["", "yesterday", "2020-13-01", "20-01-01T00", "äöü-äöü-äöü"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn networks_hold_addresses() {
        for (network, address, expected) in [
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.0/24", "203.0.112.255", false),
            ("203.0.113.7", "203.0.113.7", true),
            ("203.0.113.7", "203.0.113.8", false),
            ("0.0.0.0/0", "203.0.113.8", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:1::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
        ] {
            let network_of = Network::parse(network).expect("a network");
            let address = address.parse().expect("an address");
            assert_eq!(network_of.contains(address), expected, "{network} {address}");
        }
        for text in ["", "203.0.113.0/33", "::/129", "203.0.113", "a/8", "1.2.3.4/"] {
            assert_eq!(Network::parse(text), None, "{text}");
        }
    }
}
