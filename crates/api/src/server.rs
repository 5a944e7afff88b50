//! The HTTP side: accepts connections, speaks HTTP/1.1 and HTTP/2 (with prior knowledge), and
//! stops without cutting off requests.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
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
use crate::error::{ApiError, ErrorCode};
use crate::router::{self, Response};
use crate::tls::Tls;

/// How long a connection may stay open without a whole request head.
const HEAD_SECONDS_MAX: u64 = 120;
/// How long requests that are under way may take to finish when the server stops.
const FINISH_SECONDS_MAX: u64 = 20;
/// How long to wait before accepting again where the system is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves the API until `shutdown` is ready: then takes no new connections, answers long polls at
/// once, lets the other requests that are under way finish (20 seconds at most), and returns.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    api: Arc<Api>,
    shutdown: impl Future<Output = ()>,
) {
    let connections = GracefulShutdown::new();
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(HEAD_SECONDS_MAX));
    builder.http2().timer(TokioTimer::new());
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => accept(stream, tls.as_ref(), &builder, &connections, &api),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    api.closing.send_replace(true);
    let finished =
        tokio::time::timeout(Duration::from_secs(FINISH_SECONDS_MAX), connections.shutdown());
    if finished.await.is_err() {
        tracing::warn!("some requests did not finish in time and were cut off");
    }
}

fn accept(
    stream: TcpStream,
    tls: Option<&Tls>,
    builder: &auto::Builder<TokioExecutor>,
    connections: &GracefulShutdown,
    api: &Arc<Api>,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY could not be set");
    }
    let (api, builder, watcher) = (api.clone(), builder.clone(), connections.watcher());
    match tls.cloned() {
        None => {
            tokio::spawn(async move { converse(stream, &builder, watcher, api).await });
        }
        Some(tls) => {
            tokio::spawn(async move {
                match tls.shake_hands(stream).await {
                    Ok(stream) => converse(stream, &builder, watcher, api).await,
                    Err(error) => tracing::debug!(%error, "a TLS connection did not come about"),
                }
            });
        }
    }
}

/// Answers the requests of a connection until it ends.
async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    builder: &auto::Builder<TokioExecutor>,
    watcher: Watcher,
    api: Arc<Api>,
) {
    let service = service_fn(move |request| {
        let api = api.clone();
        async move { Ok::<_, Infallible>(or_failure(router::answer(&api, request)).await) }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(error, "a connection ended early");
    }
}

/// A panic is a mistake of ours: it costs the request that met it, and no other.
async fn or_failure(answer: impl Future<Output = Response>) -> Response {
    let mut answer = pin!(answer);
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
        let response = or_failure(async { panic!("on purpose") }).await;
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["x-amzn-errortype"], "InternalFailure");
        let fine = or_failure(async { router::respond(Ok(b"{}".to_vec())) }).await;
        assert_eq!(fine.status(), 200);
    }
}
