//! What opens connections: to hosts themselves, as far as they may be reached, or through a proxy.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::Uri;
use hyper::http::uri::Scheme;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower_service::Service;

use super::Tls;
use super::proxy::Proxies;
use super::reach::{Allowed, Reach, Unreachable, address};

/// How long it may take until there is a connection.
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

type BoxError = Box<dyn Error + Send + Sync>;
type Pending<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;
type Tcp = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Opens connections, without the TLS of the host that is meant.
#[derive(Clone)]
pub(super) struct Connector {
    pub(super) reach: Reach,
    pub(super) proxies: Proxies,
    pub(super) resolver: Resolver,
    /// For proxies that are spoken to over TLS.
    pub(super) tls: Arc<Tls>,
}

/// What finds the addresses of names.
#[derive(Clone, Debug)]
pub(super) enum Resolver {
    /// The system's.
    System(GaiResolver),
    /// A table, for tests.
    #[cfg(test)]
    Table(Arc<std::collections::BTreeMap<String, Vec<std::net::IpAddr>>>),
}

impl Service<Uri> for Connector {
    type Response = Opened;
    type Error = BoxError;
    type Future = Pending<Opened>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Pending<Opened> {
        let allowed = Allowed::of(self.reach, &uri);
        let host = uri.host().unwrap_or_default();
        let refused = || Unreachable::new(host, allowed).into();
        let literal = address(host);
        if literal.is_some_and(|address| !allowed.takes(address)) {
            let refused = refused();
            return Box::pin(async { Err(refused) });
        }
        let Some(proxy) = self.proxies.find(&uri) else {
            return self.connect(uri, allowed);
        };
        if literal.is_none() && !allowed.takes_unknown() {
            let refused = refused();
            return Box::pin(async { Err(refused) });
        }
        self.connect_by(proxy, uri)
    }
}

impl Connector {
    fn connect(&self, uri: Uri, allowed: Allowed) -> Pending<Opened> {
        let judge = Judge { allowed, resolver: self.resolver.clone() };
        let connecting = over_tcp(HttpConnector::new_with_resolver(judge)).call(uri);
        Box::pin(async {
            let stream = MaybeHttpsStream::Http(connecting.await?);
            Ok(Opened { stream, is_by_proxy: false })
        })
    }

    /// Through a proxy: where the host is spoken to by TLS, the proxy only passes it on.
    fn connect_by(&self, proxy: Intercept, uri: Uri) -> Pending<Opened> {
        let to_proxy: (_, Arc<ClientConfig>) =
            (over_tcp(HttpConnector::new()), self.tls.config().clone());
        let mut to_proxy = HttpsConnector::from(to_proxy);
        if uri.scheme() == Some(&Scheme::HTTPS) {
            let mut tunnel = Tunnel::new(proxy.uri().clone(), to_proxy);
            if let Some(authorization) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(authorization.clone());
            }
            let connecting = tunnel.call(uri);
            return Box::pin(async {
                Ok(Opened { stream: connecting.await?, is_by_proxy: false })
            });
        }
        let connecting = to_proxy.call(proxy.uri().clone());
        Box::pin(async { Ok(Opened { stream: connecting.await?, is_by_proxy: true }) })
    }
}

fn over_tcp<R>(mut connector: HttpConnector<R>) -> HttpConnector<R> {
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT_PATIENCE));
    connector
}

/// Resolves names, and leaves out what may not be connected to.
#[derive(Clone, Debug)]
struct Judge {
    allowed: Allowed,
    resolver: Resolver,
}

impl Service<Name> for Judge {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = BoxError;
    type Future = Pending<Self::Response>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let Judge { allowed, mut resolver } = self.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let mut addresses = resolver.resolve(name).await?;
            addresses.retain(|found| allowed.takes(found.ip()));
            if addresses.is_empty() {
                return Err(Unreachable::new(&host, allowed).into());
            }
            Ok(addresses.into_iter())
        })
    }
}

impl Resolver {
    async fn resolve(&mut self, name: Name) -> io::Result<Vec<SocketAddr>> {
        match self {
            Resolver::System(system) => Ok(system.call(name).await?.collect()),
            #[cfg(test)]
            Resolver::Table(table) => {
                let addresses = table.get(name.as_str()).cloned().unwrap_or_default();
                Ok(addresses.into_iter().map(|address| (address, 0).into()).collect())
            }
        }
    }
}

/// A connection, to the host or to a proxy.
pub(super) struct Opened {
    stream: Tcp,
    /// Whether a proxy reads the requests, which name the host then.
    is_by_proxy: bool,
}

impl Opened {
    fn stream(self: Pin<&mut Self>) -> Pin<&mut Tcp> {
        Pin::new(&mut self.get_mut().stream)
    }
}

impl Connection for Opened {
    fn connected(&self) -> Connected {
        self.stream.connected().proxy(self.is_by_proxy)
    }
}

impl Read for Opened {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream().poll_read(context, buffer)
    }
}

impl Write for Opened {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.stream().poll_write_vectored(context, slices)
    }
}
