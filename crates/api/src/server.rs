//! The HTTP side: accepts connections, speaks HTTP/1.1 and HTTP/2 (with prior knowledge), and
//! stops without cutting off requests.

use std::convert::Infallible;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};

use crate::Api;
use crate::browser;
use crate::client_certificate::ClientCertificate;
use crate::connections::{Connection, Connections, Limits};
use crate::error::{ApiError, ErrorCode};
use crate::facts::Peer;
use crate::request_id::RequestId;
use crate::request_log::RequestLog;
use crate::router::{self, Response};
use crate::tls::Tls;

/// How long a connection may stay open without a whole request head.
const HEAD_SECONDS_MAX: u64 = 120;
/// How long requests that are under way may take to finish when the server stops.
const FINISH_SECONDS_MAX: u64 = 20;
/// How often a client that keeps an HTTP/2 connection open is asked whether it is still there, and
/// how long it may take to answer.
const PING_INTERVAL: Duration = Duration::from_secs(60);
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// How long to wait before accepting again where the system is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the API until `shutdown` is ready: then takes no new connections, answers long polls at
/// once, lets the other requests that are under way finish (20 seconds at most), and returns.
///
/// `connections_max` is how many connections may be open at a time. When there are as many, a new
/// one takes the place of the one that has been idle for longest; where all are busy, it is
/// answered with 503 and `Retry-After`.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    api: Arc<Api>,
    connections_max: usize,
    shutdown: impl Future<Output = ()>,
) {
    let under_way = GracefulShutdown::new();
    let connections = Connections::new(Limits::new(connections_max));
    let server = Server { builder: builder(), tls, api: api.clone() };
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match connections.open() {
                Some(connection) => {
                    server.accept(stream, peer.ip(), connection, under_way.watcher());
                }
                None => refuse(&stream),
            },
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    api.closing.send_replace(true);
    let finished =
        tokio::time::timeout(Duration::from_secs(FINISH_SECONDS_MAX), under_way.shutdown());
    if finished.await.is_err() {
        tracing::warn!("some requests did not finish in time and were cut off");
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEAD_SECONDS_MAX));
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT);
    builder
}

/// Answers that there is no room, as far as that can be done without waiting for the client.
fn refuse(stream: &TcpStream) {
    const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n\
        Content-Length: 0\r\nConnection: close\r\n\r\n";
    if let Err(error) = stream.try_write(ANSWER) {
        tracing::debug!(%error, "a connection was refused without an answer");
    }
}

/// What each connection is served with.
#[derive(Clone)]
struct Server {
    builder: auto::Builder<TokioExecutor>,
    tls: Option<Tls>,
    api: Arc<Api>,
}

impl Server {
    fn accept(&self, stream: TcpStream, address: IpAddr, connection: Connection, watcher: Watcher) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
        let (server, connection) = (self.clone(), Arc::new(connection));
        let peer = Peer { address, is_tls: self.tls.is_some() };
        tokio::spawn(async move {
            let served = server.converse(stream, peer, connection.clone(), watcher);
            tokio::select! {
                biased;
                () = served => {}
                () = connection.is_over() => tracing::debug!("an idle connection was ended"),
            }
        });
    }

    /// Answers the requests of a connection until it ends.
    async fn converse(
        self,
        stream: TcpStream,
        peer: Peer,
        connection: Arc<Connection>,
        watcher: Watcher,
    ) {
        // A client that sends nothing costs no buffers.
        let mut closing = self.api.closing.subscribe();
        let is_readable = tokio::select! {
            biased;
            _ = closing.wait_for(|is_closing| *is_closing) => false,
            readable = stream.readable() => readable.is_ok(),
        };
        if !is_readable {
            return;
        }
        match &self.tls {
            None => self.answer(stream, peer, None, connection, watcher).await,
            Some(tls) => match tls.shake_hands(stream).await {
                Ok(stream) => {
                    let certificate = ClientCertificate::of(&stream);
                    self.answer(stream, peer, certificate, connection, watcher).await;
                }
                Err(error) => tracing::debug!(%error, "a TLS connection did not come about"),
            },
        }
    }

    async fn answer<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
        &self,
        stream: S,
        peer: Peer,
        certificate: Option<ClientCertificate>,
        connection: Arc<Connection>,
        watcher: Watcher,
    ) {
        let service = service_fn(|mut request: hyper::Request<_>| {
            let id = RequestId::new();
            request.extensions_mut().insert(peer);
            request.extensions_mut().insert(id);
            if let Some(certificate) = &certificate {
                request.extensions_mut().insert(certificate.clone());
            }
            let log = RequestLog::new(id, peer, &request);
            let (api, under_way) = (self.api.clone(), connection.begin());
            async move {
                let mut response = or_failure(Box::pin(router::answer(&api, request))).await;
                id.add_to(response.headers_mut());
                browser::add_headers(&mut response, peer.is_tls);
                log.answered(&response, &api.failures);
                drop(under_way);
                Ok::<_, Infallible>(response)
            }
        });
        let conversation = self.builder.serve_connection(TokioIo::new(stream), service);
        if let Err(error) = watcher.watch(conversation).await {
            tracing::debug!(error, "a connection ended early");
        }
    }
}

/// A panic is a mistake of ours: it costs the request that met it, and no other. In a box, since
/// what it awaits is large and would be moved with the connection.
async fn or_failure(mut answer: Pin<Box<impl Future<Output = Response>>>) -> Response {
    std::future::poll_fn(|context| {
        let polled = std::panic::catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(context)));
        polled.unwrap_or_else(|_| {
            tracing::error!("a request met a mistake in Stairwell");
            let message = "Stairwell made a mistake; its log says which.";
            let error = ApiError::new(ErrorCode::InternalFailure, message);
            Poll::Ready(router::respond(Err(error)))
        })
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_costs_its_request_alone() {
        let response = or_failure(Box::pin(async { panic!("on purpose") })).await;
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["x-amzn-errortype"], "InternalFailure");
        let fine = or_failure(Box::pin(async { router::respond(Ok(b"{}".to_vec())) })).await;
        assert_eq!(fine.status(), 200);
    }
}
