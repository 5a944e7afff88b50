//! A client of the API that costs little: one connection, one request at a time, HTTP/1.1 written
//! by hand, so that what a load run measures is the server.

use std::net::SocketAddr;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What a signed request bears; the account and the region are read from it, and nothing of it is
/// secret.
const AUTHORIZATION: &str = "AWS4-HMAC-SHA256 \
    Credential=AKIDEXAMPLE/20250101/us-east-1/states/aws4_request, \
    SignedHeaders=host, Signature=0";

/// A connection, opened when it is first needed, and again after a failure.
pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
    request: Vec<u8>,
    answer: Vec<u8>,
}

/// An answer of the server, whatever its status.
pub(crate) struct Answer {
    /// Such as 200.
    pub(crate) status: u16,
    /// JSON.
    pub(crate) body: Vec<u8>,
    /// Whether the server closes the connection after it.
    closes: bool,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_slice(&self.body).context("the answer is no JSON")
    }

    /// The code of an error answer, without its namespace.
    pub(crate) fn error_code(&self) -> Option<String> {
        let body = self.json().ok()?;
        let code = body.get("__type")?.as_str()?;
        Some(code.rsplit('#').next().unwrap_or(code).to_owned())
    }
}

impl Client {
    /// A client of the server at that address.
    pub(crate) fn new(address: SocketAddr) -> Client {
        Client { address, stream: None, request: Vec::new(), answer: Vec::new() }
    }

    /// Calls an operation with the text of a JSON body.
    ///
    /// # Errors
    /// Where no whole answer came; the connection is then given up. Whether the server did what
    /// was asked for is unknown.
    pub(crate) async fn call(&mut self, operation: &str, body: &str) -> anyhow::Result<Answer> {
        let head = format!(
            "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-amz-json-1.0\r\n\
             x-amz-target: AWSStepFunctions.{operation}\r\nauthorization: {AUTHORIZATION}\r\n"
        );
        self.send(&head, body).await
    }

    /// Posts a JSON body to a path of a server that speaks something else.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(crate) async fn post(&mut self, path: &str, body: &str) -> anyhow::Result<Answer> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n"
        );
        self.send(&head, body).await
    }

    /// Asks for a path.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub(crate) async fn get(&mut self, path: &str) -> anyhow::Result<Answer> {
        self.send(&format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n"), "").await
    }

    async fn send(&mut self, head: &str, body: &str) -> anyhow::Result<Answer> {
        self.request.clear();
        self.request.extend_from_slice(head.as_bytes());
        let length = format!("content-length: {}\r\n\r\n", body.len());
        self.request.extend_from_slice(length.as_bytes());
        self.request.extend_from_slice(body.as_bytes());
        let answer = self.exchange().await;
        if answer.as_ref().map_or(true, |answer| answer.closes) {
            self.stream = None;
        }
        answer
    }

    /// Calls an operation that must succeed.
    ///
    /// # Errors
    /// As [`Client::call`], and where the answer is an error.
    pub(crate) async fn expect(&mut self, operation: &str, body: &Value) -> anyhow::Result<Value> {
        let answer = self.call(operation, &body.to_string()).await?;
        if answer.status != 200 {
            let text = String::from_utf8_lossy(&answer.body);
            bail!("{operation} {body} was answered with {}: {text}", answer.status);
        }
        answer.json()
    }

    async fn exchange(&mut self) -> anyhow::Result<Answer> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(self.address).await?;
                stream.set_nodelay(true)?;
                none.insert(stream)
            }
        };
        stream.write_all(&self.request).await?;
        self.answer.clear();
        loop {
            if stream.read_buf(&mut self.answer).await? == 0 {
                bail!("the connection was closed before the answer");
            }
            if let Some(answer) = whole_answer(&self.answer)? {
                return Ok(answer);
            }
        }
    }
}

/// The answer, once all its bytes are there.
fn whole_answer(bytes: &[u8]) -> anyhow::Result<Option<Answer>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..end]).context("the head of the answer is no text")?;
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1));
    let status = status.and_then(|status| status.parse().ok()).context("no status")?;
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse::<usize>().ok())
        .context("no content-length")?;
    let closes = head.to_ascii_lowercase().contains("\r\nconnection: close");
    let body = &bytes[end + 4..];
    Ok((body.len() >= length).then(|| Answer { status, body: body[..length].to_vec(), closes }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_last_byte_is_there() {
        let text =
            "HTTP/1.1 400 Bad Request\r\nContent-Length: 24\r\n\r\n{\"__type\":\"a#InvalidArn\"}";
        let text = text.as_bytes();
        for length in 0..text.len() - 1 {
            assert!(whole_answer(&text[..length]).unwrap().is_none(), "{length}");
        }
        let answer = whole_answer(text).unwrap().unwrap();
        assert_eq!(answer.status, 400);
        let text = b"HTTP/1.1 200 OK\r\ncontent-length: 25\r\n\r\n{\"__type\":\"a#InvalidArn\"}";
        let answer = whole_answer(text).unwrap().unwrap();
        assert_eq!(answer.error_code().as_deref(), Some("InvalidArn"));
    }

    #[test]
    fn an_answer_without_a_length_is_refused() {
        assert!(whole_answer(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
