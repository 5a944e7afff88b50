//! Which addresses may be connected to.
//!
//! A name says nothing of where its host is: a record of DNS may hold any address, and another one
//! the next time. So what is judged is the address, after the name was resolved and before there is
//! a connection.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use hyper::Uri;
use hyper::http::uri::Scheme;

/// Which addresses a client connects to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All of them: for what the process itself asks for its credentials.
    Anything,
    /// All but those that no service has: link-local ones, among them the metadata of instances
    /// and containers, and those that are no host's. For AWS's services and what is configured.
    Services,
    /// For URLs that tasks name: public addresses, by TLS; and this machine's own, where the URL
    /// says so by its address or as `localhost`.
    Urls {
        /// Whether also private addresses, and names of this machine, by TLS.
        private: bool,
    },
}

/// What an address is, as far as it matters who may connect to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Public,
    /// Of a network that is not the Internet.
    Private,
    /// Of the machine itself.
    Loopback,
    /// Link-local, the metadata of a cloud, or no host's.
    Forbidden,
}

/// What a request may connect to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowed {
    reach: Reach,
    is_plain: bool,
    names_own_machine: bool,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
#[error("{host} has no address that may be connected to here{hint}")]
pub(super) struct Unreachable {
    host: String,
    hint: &'static str,
}

const HINT: &str = " (private addresses need --allow-private-addresses, and TLS)";

impl Unreachable {
    pub(super) fn new(host: &str, allowed: Allowed) -> Unreachable {
        let hint = if allowed.reach == Reach::Services { "" } else { HINT };
        Unreachable { host: host.to_owned(), hint }
    }
}

/// Whether the host of a URL is this machine by its own words: an address of it, or `localhost`.
pub fn names_own_machine(host: &str) -> bool {
    match address(host) {
        Some(address) => kind(address) == Kind::Loopback,
        None => host.eq_ignore_ascii_case("localhost"),
    }
}

/// The address that a host is, where it is one in full.
pub(super) fn address(host: &str) -> Option<IpAddr> {
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    host.parse().ok()
}

impl Allowed {
    /// What a request for that URL may connect to.
    pub(super) fn of(reach: Reach, uri: &Uri) -> Allowed {
        Allowed {
            reach,
            is_plain: uri.scheme() == Some(&Scheme::HTTP),
            names_own_machine: names_own_machine(uri.host().unwrap_or_default()),
        }
    }

    pub(super) fn takes(self, address: IpAddr) -> bool {
        let kind = kind(address);
        match self.reach {
            Reach::Anything => true,
            Reach::Services => kind != Kind::Forbidden,
            Reach::Urls { private } => match kind {
                Kind::Forbidden => false,
                Kind::Loopback => self.names_own_machine || (private && !self.is_plain),
                Kind::Private => private && !self.is_plain,
                Kind::Public => !self.is_plain,
            },
        }
    }

    /// Whether a proxy may be asked for a host whose address only the proxy will know.
    pub(super) fn takes_unknown(self) -> bool {
        !(self.is_plain && matches!(self.reach, Reach::Urls { .. }))
    }
}

fn kind(address: IpAddr) -> Kind {
    match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    }
}

/// See <https://www.iana.org/assignments/iana-ipv4-special-registry>. The metadata of most clouds
/// is link-local.
fn kind_of_v4(address: Ipv4Addr) -> Kind {
    /// Alibaba Cloud's metadata, Azure's platform, Oracle Cloud's metadata.
    const METADATA: [[u8; 4]; 3] = [[100, 100, 100, 200], [168, 63, 129, 16], [192, 0, 0, 192]];
    let octets = address.octets();
    match octets {
        _ if METADATA.contains(&octets) => Kind::Forbidden,
        // Also 0.0.0.0, which Linux takes for the machine itself; multicast; broadcast.
        [0, ..] | [169, 254, ..] | [224..=239, ..] | [255, 255, 255, 255] => Kind::Forbidden,
        [127, ..] => Kind::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => Kind::Private,
        [192, 0, 0, _] | [198, 18..=19, ..] | [240..=255, ..] => Kind::Private,
        _ => Kind::Public,
    }
}

/// See <https://www.iana.org/assignments/iana-ipv6-special-registry>. An address that stands for
/// one of IPv4 is what that one is.
fn kind_of_v6(address: Ipv6Addr) -> Kind {
    let segments = address.segments();
    let v4 = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        kind_of_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        [0, 0, 0, 0, 0, 0, 0, 1] => Kind::Loopback,
        [0, 0, 0, 0, 0, 0, 0, 0] => Kind::Forbidden,
        // Mapped, compatible, translated (RFC 6052), 6to4.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            v4(high, low)
        }
        [0x2002, high, low, ..] => v4(high, low),
        // The metadata of instances and containers of AWS, and of Google's and Oracle's.
        [0xfd00, 0xec2, ..] | [0xfd20, 0xce, ..] | [0xfd00, 0xc1, ..] => Kind::Forbidden,
        // Link-local and multicast.
        [0xfe80..=0xfebf, ..] | [0xff00..=0xffff, ..] => Kind::Forbidden,
        // Unique local, site-local, translated within a network.
        [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] | [0x64, 0xff9b, ..] => Kind::Private,
        _ => Kind::Public,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_told_apart() {
        for (kinds, addresses) in [
            (
                Kind::Public,
                "8.8.8.8 172.32.0.1 169.253.0.1 100.128.0.1 2600:1f18::1 ::ffff:8.8.8.8",
            ),
            (
                Kind::Private,
                "10.1.2.3 172.16.0.1 172.31.255.255 192.168.0.1 100.64.0.1 240.0.0.1 \
                fc00::1 fd12::1 fec0::1 ::ffff:10.0.0.1 64:ff9b::a00:1 64:ff9b:1::1 2002:a00:1::1",
            ),
            (
                Kind::Loopback,
                "127.0.0.1 127.255.255.254 ::1 ::ffff:127.0.0.1 64:ff9b::7f00:1 \
                ::127.0.0.1 2002:7f00:1::1",
            ),
            (
                Kind::Forbidden,
                "0.0.0.0 0.1.2.3 169.254.169.254 169.254.170.2 169.254.0.1 224.0.0.1 \
                255.255.255.255 100.100.100.200 168.63.129.16 192.0.0.192 :: fe80::1 febf::1 \
                ff02::1 fd00:ec2::254 fd00:ec2::23 fd20:ce::254 ::ffff:169.254.169.254 \
                64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::1 ::ffff:0.0.0.0",
            ),
        ] {
            for address in addresses.split_whitespace() {
                let parsed = address.parse().expect("the test says an address");
                assert_eq!(kind(parsed), kinds, "{address}");
            }
        }
    }

    #[test]
    fn the_own_machine_is_named_by_its_address_or_as_localhost() {
        for host in ["127.0.0.1", "127.1.2.3", "[::1]", "[::ffff:127.0.0.1]", "localhost"] {
            assert!(names_own_machine(host), "{host}");
        }
        for host in [
            "127.0.0.1.example.com",
            "127.example",
            "127.1",
            "2130706433",
            "0x7f000001",
            "017700000001",
            "0177.0.0.1",
            "localhost.",
            "a.localhost",
            "localhost.example",
            "0.0.0.0",
            "[::]",
            "10.0.0.1",
            "169.254.169.254",
            "",
            "[::1",
            "::1]",
        ] {
            assert!(!names_own_machine(host), "{host}");
        }
    }

    #[test]
    fn what_may_be_connected_to_depends_on_who_says_where() {
        let takes = |reach, url: &str, address: &str| {
            let uri = url.parse().expect("the test says a URL");
            Allowed::of(reach, &uri).takes(address.parse().expect("the test says an address"))
        };
        let (open, closed) = (Reach::Urls { private: true }, Reach::Urls { private: false });
        for (url, address, expected) in [
            // Anything, services, URLs with private addresses, URLs without.
            ("https://a.b", "8.8.8.8", [true, true, true, true]),
            ("https://a.b", "10.0.0.1", [true, true, true, false]),
            ("https://a.b", "127.0.0.1", [true, true, true, false]),
            ("https://a.b", "169.254.169.254", [true, false, false, false]),
            ("http://a.b", "8.8.8.8", [true, true, false, false]),
            ("http://a.b", "10.0.0.1", [true, true, false, false]),
            ("http://a.b", "127.0.0.1", [true, true, false, false]),
            ("http://a.b", "fe80::1", [true, false, false, false]),
            ("http://localhost", "127.0.0.1", [true, true, true, true]),
            ("http://localhost", "::1", [true, true, true, true]),
            ("https://localhost", "127.0.0.1", [true, true, true, true]),
            // A name that is what it is not.
            ("http://localhost", "8.8.8.8", [true, true, false, false]),
            ("http://localhost", "169.254.169.254", [true, false, false, false]),
        ] {
            let found = [Reach::Anything, Reach::Services, open, closed];
            let found = found.map(|reach| takes(reach, url, address));
            assert_eq!(found, expected, "{url} at {address}");
        }
    }
}
