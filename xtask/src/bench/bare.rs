//! The least that a server of this kind can do: the same HTTP library, the same runtime, and an
//! answer that is always the same.

use std::convert::Infallible;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

/// As long as the answer of StartExecution.
const ANSWER: &[u8] = b"{\"executionArn\":\"arn:aws:states:us-east-1:123456789012:execution:bench-\
chain:00000000-0000-4000-8000-000000000000\",\"startDate\":1700000000.123}";

/// Serves until it is killed.
///
/// # Errors
/// Where it cannot listen.
pub(crate) fn bare_server() -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("listening on http://{}", listener.local_addr()?);
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let connection = http1::Builder::new();
            let connection = connection.serve_connection(TokioIo::new(stream), service_fn(answer));
            // A connection that breaks concerns nobody but its client.
            tokio::spawn(async { drop(connection.await) });
        }
    })
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    // Read to its end, as every real server does.
    drop(request.into_body().collect().await);
    Ok(Response::new(Full::new(Bytes::from_static(ANSWER))))
}
