//! Where a server listens to the other servers of its database, and what it tells them of that.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use store_postgres::Address;
use tokio::net::{TcpListener, UdpSocket};

use crate::arguments::PeerArguments;
use crate::storage::Storage;

/// What the port of the API is raised by, as Redis does for the nodes of a cluster: a server that
/// was killed and starts again has the address that it had.
const PORT_ABOVE: u16 = 10_000;

/// How long the name of the database's host may take to look up.
const LOOKUP_MAX: Duration = Duration::from_secs(2);

/// An address of no machine, by which the system tells the way to the others. Nothing is sent.
/// See <https://www.rfc-editor.org/rfc/rfc5737>.
const ANYWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);

/// What was said of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PeerOptions {
    /// Where to listen.
    listen: Option<SocketAddr>,
    /// What others are told.
    advertise: Option<Advertise>,
}

/// Where others are to look for this server.
#[derive(Clone, Debug, PartialEq)]
struct Advertise {
    host: String,
    /// None for that of the listener.
    port: Option<u16>,
}

/// A server's ear for the others.
pub(crate) struct PeerListener {
    pub(crate) listener: TcpListener,
    /// Where the others reach it, as HOST:PORT.
    pub(crate) advertised: String,
}

/// What the command line, or else the file, says of it.
///
/// # Errors
/// Where it is no address, or there is no database to share.
pub(crate) fn options(
    arguments: &PeerArguments,
    (listen, advertise): (Option<String>, Option<String>),
    storage: &Storage,
) -> anyhow::Result<PeerOptions> {
    let listen = arguments.peer_listen.clone().or(listen);
    let advertise = arguments.advertise.clone().or(advertise);
    if !matches!(storage, Storage::Database { .. }) {
        for (name, value) in [("peer-listen", &listen), ("advertise", &advertise)] {
            if value.is_some() {
                bail!("--{name} is of servers that share a database, and --store names none");
            }
        }
    }
    let listen = listen.map(|text| {
        let text = text.replace("localhost:", "127.0.0.1:");
        text.parse().with_context(|| format!("--peer-listen '{text}' is not ADDRESS:PORT"))
    });
    let advertise = advertise.map(|text| advertise_of(&text)).transpose()?;
    Ok(PeerOptions { listen: listen.transpose()?, advertise })
}

fn advertise_of(text: &str) -> anyhow::Result<Advertise> {
    let wrong = || anyhow::anyhow!("--advertise '{text}' is neither HOST nor HOST:PORT");
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(Advertise { host: in_brackets(address), port: None });
    }
    let (host, port) = match text.rsplit_once(':') {
        None => (text, None),
        Some((host, port)) => (host, Some(port.parse().map_err(|_| wrong())?)),
    };
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_address = host.starts_with('[') && format!("{host}:0").parse::<SocketAddr>().is_ok();
    let is_name = !host.is_empty() && host.bytes().all(is_host);
    if port == Some(0) || !is_name && !is_address {
        return Err(wrong());
    }
    Ok(Advertise { host: host.to_owned(), port })
}

fn in_brackets(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("[{address}]"),
    }
}

impl PeerListener {
    /// Listens, for a server whose API is at `api`. None where the server serves its database
    /// alone: where others can reach neither, and nobody said that they should.
    ///
    /// # Errors
    /// Where the address is not to be had.
    pub(crate) async fn bind(
        options: &PeerOptions,
        storage: &Storage,
        api: SocketAddr,
    ) -> anyhow::Result<Option<PeerListener>> {
        let Storage::Database { address: database, .. } = storage else { return Ok(None) };
        let is_silent = options.listen.is_none() && options.advertise.is_none();
        if is_silent && api.ip().is_loopback() && !database.is_on_this_machine() {
            tracing::info!(
                "this server serves its database alone, since it listens on this machine alone; \
                 --peer-listen says where others may reach it"
            );
            return Ok(None);
        }
        let listener = match options.listen {
            Some(address) => TcpListener::bind(address)
                .await
                .with_context(|| format!("cannot listen on {address} to other servers"))?,
            None => bind_beside(api).await?,
        };
        let bound = listener.local_addr()?;
        let advertised = match &options.advertise {
            Some(Advertise { host, port }) => format!("{host}:{}", port.unwrap_or(bound.port())),
            None if bound.ip().is_unspecified() => {
                let address = own_address(database, bound.ip()).await;
                SocketAddr::new(address, bound.port()).to_string()
            }
            None => bound.to_string(),
        };
        Ok(Some(PeerListener { listener, advertised }))
    }
}

/// At the address of the API, and at the port that belongs to its one, if that is free.
async fn bind_beside(api: SocketAddr) -> anyhow::Result<TcpListener> {
    if let Some(port) = api.port().checked_add(PORT_ABOVE)
        && let Ok(listener) = TcpListener::bind(SocketAddr::new(api.ip(), port)).await
    {
        return Ok(listener);
    }
    let address = SocketAddr::new(api.ip(), 0);
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| format!("cannot listen on {} to other servers", api.ip()))
}

/// The address of this machine that the database sees; where it is on this machine, the one that
/// others see. Loopback where there is none.
async fn own_address(database: &Address, like: IpAddr) -> IpAddr {
    let mut targets = Vec::new();
    for (host, port) in database.endpoints() {
        let looked_up = tokio::net::lookup_host((host, port));
        if let Ok(Ok(found)) = tokio::time::timeout(LOOKUP_MAX, looked_up).await {
            targets.extend(found);
        }
    }
    targets.push(SocketAddr::from(ANYWHERE));
    for target in targets {
        if let Ok(address) = way_to(target).await
            && !address.is_loopback()
        {
            return address;
        }
    }
    match like {
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
    }
}

/// The address that the system would send from. Nothing is sent.
async fn way_to(target: SocketAddr) -> std::io::Result<IpAddr> {
    let any = if target.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(target).await?;
    Ok(socket.local_addr()?.ip())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn database(url: &str) -> Storage {
        let address = Box::new(Address::parse(url).unwrap());
        Storage::Database { address, allow_lost_commits: false }
    }

    fn of(listen: Option<&str>, advertise: Option<&str>) -> anyhow::Result<PeerOptions> {
        let said = (listen.map(str::to_owned), advertise.map(str::to_owned));
        options(&PeerArguments::default(), said, &database("postgres://a@127.0.0.1/b"))
    }

    async fn bound(options: &PeerOptions, url: &str, api: &str) -> Option<PeerListener> {
        PeerListener::bind(options, &database(url), api.parse().unwrap()).await.unwrap()
    }

    #[test]
    fn what_is_no_address_is_refused_by_name() {
        for wrong in ["", "8084", "db1:x", "10.0.0.7"] {
            assert!(of(Some(wrong), None).unwrap_err().to_string().contains("--peer-listen"));
        }
        for wrong in ["", ":8084", "a b", "db1:x", "db1:0", "http://db1", "[::g]:1"] {
            let told = of(None, Some(wrong)).unwrap_err().to_string();
            assert!(told.contains("--advertise"), "{wrong}: {told}");
        }
        for right in ["db1", "db1:8084", "10.0.0.7", "10.0.0.7:8084", "::1", "[::1]:8084"] {
            assert!(of(None, Some(right)).is_ok(), "{right}");
        }
        for name in ["peer-listen", "advertise"] {
            let said = Some("127.0.0.1:1".to_owned());
            let said = if name == "advertise" { (None, said) } else { (said, None) };
            let folder = Storage::Folder(PathBuf::from("x"));
            for storage in [folder, Storage::Memory] {
                let refused = options(&PeerArguments::default(), said.clone(), &storage);
                let expected = format!("--{name} is of servers that share a database");
                assert!(refused.unwrap_err().to_string().starts_with(&expected));
            }
        }
    }

    #[tokio::test]
    async fn others_are_told_where_the_server_can_be_reached() {
        let (here, none) = ("postgres://a@127.0.0.1/b", PeerOptions::default());
        // One that was killed gets its address again; another at the same one gets another port.
        let first = bound(&none, here, "127.0.0.1:28083").await.unwrap();
        assert_eq!(first.advertised, "127.0.0.1:38083");
        let second = bound(&none, here, "127.0.0.1:28083").await.unwrap();
        assert!(
            second.advertised.starts_with("127.0.0.1:") && second.advertised != first.advertised
        );
        let high = bound(&none, here, "127.0.0.1:60000").await.unwrap();
        assert!(high.advertised.starts_with("127.0.0.1:"));
        let anywhere = bound(&none, here, "0.0.0.0:0").await.unwrap();
        let told: SocketAddr = anywhere.advertised.parse().unwrap();
        assert!(!told.ip().is_unspecified(), "{told}");
        let named = bound(&of(None, Some("node7")).unwrap(), here, "127.0.0.1:0").await.unwrap();
        let port = named.listener.local_addr().unwrap().port();
        assert_eq!(named.advertised, format!("node7:{port}"));
        let named = of(None, Some("node7:99")).unwrap();
        assert_eq!(bound(&named, here, "127.0.0.1:0").await.unwrap().advertised, "node7:99");
    }

    #[tokio::test]
    async fn a_server_that_nobody_can_reach_is_alone() {
        let away = "postgres://a@10.1.2.3/b";
        assert!(bound(&PeerOptions::default(), away, "127.0.0.1:0").await.is_none());
        assert!(bound(&PeerOptions::default(), away, "0.0.0.0:0").await.is_some());
        let said = of(Some("127.0.0.1:0"), None).unwrap();
        assert!(bound(&said, away, "127.0.0.1:0").await.is_some());
        let memory = PeerListener::bind(&said, &Storage::Memory, "127.0.0.1:0".parse().unwrap());
        assert!(memory.await.unwrap().is_none());
    }
}
