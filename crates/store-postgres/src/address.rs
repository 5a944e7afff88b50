//! Where the database is: a URL as libpq takes it, with what this client can do of it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// The schema that everything is in, where the URL names no other.
const DEFAULT_SCHEMA: &str = "stairwell";

/// How long a connection may take, for each address of each host.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// A peer that is silent for so long is asked whether it is there.
const KEEPALIVE: Duration = Duration::from_secs(2);
/// What was sent is acknowledged by then, or the connection is lost.
const UNACKNOWLEDGED_MAX: Duration = Duration::from_secs(4);

/// What is checked of the server's certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verification {
    /// Nothing: the connection may as well be plain.
    Nothing,
    /// Who signed it.
    Authority,
    /// Who signed it, and that it is the host's.
    Full,
}

/// A database, and how to get there.
#[derive(Clone)]
pub struct Address {
    pub(crate) config: Config,
    pub(crate) schema: String,
    pub(crate) verification: Verification,
    /// `sslrootcert`
    pub(crate) authorities: Option<PathBuf>,
    /// `sslcert` and `sslkey`
    pub(crate) identity: Option<(PathBuf, PathBuf)>,
}

/// Why a text names no database.
#[derive(Debug, thiserror::Error)]
#[error("the store's URL is wrong: {0}")]
pub struct AddressError(String);

impl Address {
    /// The hosts that are reached by TCP, as names or addresses, with their ports.
    pub fn endpoints(&self) -> Vec<(String, u16)> {
        let (hosts, ports) = (self.config.get_hosts(), self.config.get_ports());
        let addresses = self.config.get_hostaddrs();
        let count = hosts.len().max(addresses.len());
        let port = |index: usize| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        let host = |index: usize| match (addresses.get(index), hosts.get(index)) {
            (Some(address), _) => Some(address.to_string()),
            (None, Some(Host::Tcp(name))) => Some(name.clone()),
            (None, _) => None,
        };
        (0..count).filter_map(|index| Some((host(index)?, port(index)))).collect()
    }

    /// Whether the database is reached without leaving the machine, as far as the URL tells.
    pub fn is_on_this_machine(&self) -> bool {
        let is_here = |host: &str| match host.parse::<std::net::IpAddr>() {
            Ok(address) => address.is_loopback(),
            Err(_) => host == "localhost",
        };
        self.endpoints().iter().all(|(host, _)| is_here(host))
    }

    /// Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=...`.
    ///
    /// See <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING-URIS>.
    /// `schema` is a parameter of ours: the schema that everything is in.
    ///
    /// # Errors
    /// Where it is something else, names no user or no host, or asks for what this client cannot
    /// do. The message does not repeat the URL, which may have a password in it.
    pub fn parse(url: &str) -> Result<Address, AddressError> {
        let wrong = |reason: &str| AddressError(reason.to_owned());
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(wrong("it must begin with postgres:// or postgresql://"));
        }
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let mut ours = OurParameters::default();
        let mut theirs = Vec::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            if !ours.take(pair)? {
                theirs.push(pair);
            }
        }
        let plain = match theirs.is_empty() {
            true => base.to_owned(),
            false => format!("{base}?{}", theirs.join("&")),
        };
        let parsed: Result<Config, _> = plain.parse();
        let mut config = parsed.map_err(|error| AddressError(crate::failure::describe(&error)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(wrong("it names no host"));
        }
        if config.get_user().is_none() {
            return Err(wrong("it names no user"));
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        config.keepalives_idle(KEEPALIVE).keepalives_interval(KEEPALIVE).keepalives_retries(2);
        config.tcp_user_timeout(UNACKNOWLEDGED_MAX);
        if config.get_application_name().is_none() {
            config.application_name("stairwell");
        }
        if config.get_target_session_attrs() == TargetSessionAttrs::ReadOnly {
            return Err(wrong("target_session_attrs=read-only: a store is written to"));
        }
        if config.get_hosts().len() > 1 {
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        ours.address(config)
    }

    /// The hosts and the database, for people: with no password.
    pub fn place(&self) -> String {
        let ports = self.config.get_ports();
        let port = |index: usize| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        let hosts = self.config.get_hosts().iter().enumerate().map(|(index, host)| match host {
            Host::Tcp(name) if name.contains(':') => format!("[{name}]:{}", port(index)),
            Host::Tcp(name) => format!("{name}:{}", port(index)),
            Host::Unix(path) => format!("{}:{}", path.display(), port(index)),
        });
        let hosts: Vec<String> = match self.config.get_hosts().is_empty() {
            true => self.config.get_hostaddrs().iter().map(ToString::to_string).collect(),
            false => hosts.collect(),
        };
        let user = self.config.get_user().unwrap_or_default();
        let database = self.config.get_dbname().unwrap_or(user);
        format!("the PostgreSQL database {database} at {}", hosts.join(", "))
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Address").field(&self.place()).finish()
    }
}

/// The parameters that the client library does not read.
#[derive(Default)]
struct OurParameters {
    mode: Option<String>,
    schema: Option<String>,
    authorities: Option<String>,
    certificate: Option<String>,
    key: Option<String>,
}

impl OurParameters {
    /// Whether it is one of them.
    fn take(&mut self, pair: &str) -> Result<bool, AddressError> {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let slot = match name {
            "sslmode" => &mut self.mode,
            "schema" => &mut self.schema,
            "sslrootcert" => &mut self.authorities,
            "sslcert" => &mut self.certificate,
            "sslkey" => &mut self.key,
            _ => return Ok(false),
        };
        let value = percent_decoded(value)
            .ok_or_else(|| AddressError(format!("the value of {name} is not percent-encoded")))?;
        match slot.replace(value) {
            Some(_) => Err(AddressError(format!("{name} is there twice"))),
            None => Ok(true),
        }
    }

    fn address(self, mut config: Config) -> Result<Address, AddressError> {
        let (mode, verification) = match self.mode.as_deref() {
            Some("disable") => (SslMode::Disable, Verification::Nothing),
            None | Some("prefer") => (SslMode::Prefer, Verification::Nothing),
            Some("verify-ca") => (SslMode::Require, Verification::Authority),
            Some("require" | "verify-full") => (SslMode::Require, Verification::Full),
            Some(other) => {
                return Err(AddressError(format!(
                    "sslmode={other} is not supported: disable, prefer, require, verify-ca and \
                     verify-full are"
                )));
            }
        };
        config.ssl_mode(mode);
        let is_checked = verification != Verification::Nothing;
        let identity = match (self.certificate, self.key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => {
                Some((PathBuf::from(certificate), PathBuf::from(key)))
            }
            _ => return Err(AddressError("sslcert and sslkey come together".to_owned())),
        };
        if !is_checked && self.authorities.is_some() {
            return Err(AddressError(
                "sslrootcert needs sslmode=verify-full, verify-ca or require: otherwise no \
                 certificate is checked"
                    .to_owned(),
            ));
        }
        let schema = self.schema.unwrap_or_else(|| DEFAULT_SCHEMA.to_owned());
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let is_schema = (1..=63).contains(&schema.len()) && schema.bytes().all(is_plain);
        if !is_schema || schema.starts_with("pg_") || schema == "information_schema" {
            return Err(AddressError(format!(
                "'{schema}' is no name for a schema: letters, digits, - and _, at most 63"
            )));
        }
        let authorities = self.authorities.filter(|it| it != "system").map(PathBuf::from);
        Ok(Address { config, schema, verification, authorities, identity })
    }
}

/// The text that a percent-encoded one stands for.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_as_libpq_reads_it() {
        let address = Address::parse(
            "postgresql://ann:s%40cret@db1:6000,db2:6001/orders?sslmode=verify-full\
             &sslrootcert=%2Fetc%2Fca.pem&schema=flows&connect_timeout=7",
        )
        .expect("it is one");
        assert_eq!(address.place(), "the PostgreSQL database orders at db1:6000, db2:6001");
        assert_eq!(address.config.get_password(), Some(&b"s@cret"[..]));
        assert_eq!(address.config.get_ssl_mode(), SslMode::Require);
        assert_eq!(address.verification, Verification::Full);
        assert_eq!(address.authorities, Some(PathBuf::from("/etc/ca.pem")));
        assert_eq!(address.schema, "flows");
        assert_eq!(address.config.get_connect_timeout(), Some(&Duration::from_secs(7)));
        assert_eq!(address.config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        assert!(!format!("{address:?}").contains("s@cret"));
    }

    #[test]
    fn what_is_not_said_is_as_with_libpq() {
        let address = Address::parse("postgres://ann@%2Frun%2Fpostgresql").expect("it is one");
        assert_eq!(address.config.get_ssl_mode(), SslMode::Prefer);
        assert_eq!(address.schema, "stairwell");
        assert_eq!(address.place(), "the PostgreSQL database ann at /run/postgresql:5432");
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_name() {
        let wrong = [
            ("mysql://ann@db/x", "must begin with postgres://"),
            ("postgres://db/x", "no user"),
            ("postgres://ann@/x", "no host"),
            ("postgres://ann@db:port/x", "invalid"),
            ("postgres://ann:secret@db/x?sslmode=allow", "sslmode=allow is not supported"),
            ("postgres://ann:secret@db/x?sslmode=no", "sslmode=no is not supported"),
            ("postgres://ann:secret@db/x?sslcert=a", "sslcert and sslkey come together"),
            ("postgres://ann:secret@db/x?sslrootcert=a", "sslrootcert needs"),
            ("postgres://ann:secret@db/x?schema=pg_x", "no name for a schema"),
            ("postgres://ann:secret@db/x?schema=a&schema=b", "twice"),
            ("postgres://ann:secret@db/x?fancy=1", "fancy"),
            ("postgres://ann:secret@db/x?target_session_attrs=read-only", "is written to"),
        ];
        for (url, expected) in wrong {
            let error = Address::parse(url).expect_err(url).to_string();
            assert!(error.contains(expected), "{url}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
