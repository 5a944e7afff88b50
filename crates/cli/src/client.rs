//! A client of the API, just large enough for the demonstration.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Calls a server over HTTP, as any client of AWS does.
pub(crate) struct Client {
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

impl Client {
    /// Calls an operation.
    ///
    /// # Errors
    /// Where the server is not reached or refuses.
    pub(crate) async fn call(&self, operation: &str, body: &Value) -> anyhow::Result<Value> {
        let stream = TcpStream::connect(self.address).await.context("the server is not there")?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let request = Request::post("/")
            .header("host", self.address.to_string())
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AWSStepFunctions.{operation}"))
            .body(Full::new(Bytes::from(body.to_string())))?;
        let response = sender.send_request(request).await?;
        let is_success = response.status().is_success();
        let answer = response.into_body().collect().await?.to_bytes();
        drop(sender);
        connection.await??;
        let answer: Value = serde_json::from_slice(&answer)?;
        if !is_success {
            bail!("{operation}: {}", answer["message"].as_str().unwrap_or_default());
        }
        Ok(answer)
    }
}
