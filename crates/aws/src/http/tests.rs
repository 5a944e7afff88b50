//! Whom requests reach, over real connections. Names are in a table of the test.

use std::collections::BTreeMap;
use std::net::IpAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;

const LIMITS: HttpLimits =
    HttpLimits { patience: Duration::from_secs(10), answer_bytes_max: 1_000 };
const OPEN: Reach = Reach::Urls { private: true };
const CLOSED: Reach = Reach::Urls { private: false };

#[test]
fn parts_of_paths_are_escaped() {
    assert_eq!(escaped("arn:aws:a/b c~é"), "arn%3Aaws%3Aa%2Fb%20c~%C3%A9");
}

/// A server that tells of each connection what it got first, and gives it this answer.
struct Server {
    port: u16,
    got: UnboundedReceiver<String>,
}

impl Server {
    async fn start(answer: &'static str) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
        let port = listener.local_addr().expect("it has one").port();
        let (tell, got) = unbounded_channel();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut buffer = [0; 4_096];
                let count = stream.read(&mut buffer).await.unwrap_or_default();
                let _ = tell.send(String::from_utf8_lossy(&buffer[..count]).into_owned());
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Server { port, got }
    }

    /// What it got since the last time.
    fn got(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.got.try_recv().ok()).collect()
    }
}

const FINE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\nconnection: close\r\n\r\nfine";

fn client(reach: Reach, names: &[(&str, &[&str])], proxies: Proxies) -> HttpClient {
    let address = |text: &&str| text.parse::<IpAddr>().expect("the test says an address");
    let row = |(name, addresses): &(&str, &[&str])| {
        ((*name).to_owned(), addresses.iter().map(address).collect())
    };
    let table: BTreeMap<String, Vec<IpAddr>> = names.iter().map(row).collect();
    let client = HttpClient::new(None, proxies);
    let resolver = Resolver::Table(Arc::new(table));
    HttpClient::of(Connector { reach, resolver, ..client.connector }, client.tls)
}

async fn get(client: &HttpClient, url: &str) -> Result<HttpAnswer, HttpError> {
    let request = Request::get(url).body(Bytes::new()).expect("the test says a URL");
    client.send(request, LIMITS).await
}

#[tokio::test]
async fn what_names_resolve_to_decides_whom_requests_reach() {
    let names: &[(&str, &[&str])] = &[
        ("here.example", &["127.0.0.1"]),
        ("metadata.example", &["169.254.169.254"]),
        ("containers.example", &["169.254.170.2", "fd00:ec2::23"]),
        ("both.example", &["169.254.169.254", "fe80::1", "127.0.0.1"]),
        ("localhost", &["127.0.0.1"]),
        // As the system's resolver reads numbers.
        ("2130706433", &["127.0.0.1"]),
        ("0251.0376.0251.0376", &["169.254.169.254"]),
        ("nowhere.example", &["0.0.0.0"]),
    ];
    let mut server = Server::start(FINE).await;
    for (url, expected) in [
        // Whether it is reached: as a service, as a URL with private addresses, as one without.
        ("http://127.0.0.1", [true, true, true]),
        ("http://localhost", [true, true, true]),
        ("http://[::ffff:127.0.0.1]", [true, true, true]),
        ("https://127.0.0.1", [true, true, true]),
        ("https://localhost", [true, true, true]),
        ("http://here.example", [true, false, false]),
        ("https://here.example", [true, true, false]),
        ("http://2130706433", [true, false, false]),
        // A number has no certificate, and is not even looked for.
        ("https://2130706433", [false, false, false]),
        // The addresses that may be connected to are.
        ("http://both.example", [true, false, false]),
        ("https://both.example", [true, true, false]),
        ("http://metadata.example", [false, false, false]),
        ("https://metadata.example", [false, false, false]),
        ("http://containers.example", [false, false, false]),
        ("http://0251.0376.0251.0376", [false, false, false]),
        ("http://169.254.169.254", [false, false, false]),
        ("http://[::ffff:169.254.169.254]", [false, false, false]),
        ("http://[fd00:ec2::254]", [false, false, false]),
        ("http://[fe80::1]", [false, false, false]),
        ("http://0.0.0.0", [false, false, false]),
        ("http://[::]", [false, false, false]),
        ("http://nowhere.example", [false, false, false]),
    ] {
        for (reach, expected) in [Reach::Services, OPEN, CLOSED].into_iter().zip(expected) {
            let client = client(reach, names, Proxies::default());
            let found = get(&client, &format!("{url}:{}/", server.port)).await;
            let told = format!("{url} as {reach:?}: {found:?}");
            assert_eq!(!server.got().is_empty(), expected, "{told}");
            if !expected {
                let Err(HttpError::Broken(reason)) = found else { panic!("{told}") };
                let reasons = ["has no address that may be connected to", "invalid dns name"];
                assert!(reasons.iter().any(|known| reason.contains(known)), "{told}");
            } else if url.starts_with("http:") {
                assert_eq!(found.expect(&told).body, "fine");
            }
        }
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let to = "HTTP/1.1 302 Found\r\nlocation: http://169.254.169.254/latest/\r\n\
              content-length: 0\r\n\r\n";
    let mut server = Server::start(to).await;
    let client = client(CLOSED, &[], Proxies::default());
    let answer = get(&client, &format!("http://127.0.0.1:{}/", server.port)).await;
    let answer = answer.expect("it answers");
    assert_eq!(answer.status, StatusCode::FOUND);
    assert_eq!(answer.header("location"), Some("http://169.254.169.254/latest/"));
    assert_eq!(server.got().len(), 1);
}

fn proxies(server: &Server) -> Proxies {
    let url = format!("http://user:secret@127.0.0.1:{}", server.port);
    let variables = [("ALL_PROXY", url), ("NO_PROXY", "direct.example".to_owned())];
    let variables = variables.map(|(name, value)| (name.to_owned(), value));
    Proxies::of(&variables.into()).expect("it is a URL")
}

#[tokio::test]
async fn a_proxy_gets_what_is_for_others() {
    let names: &[(&str, &[&str])] = &[("direct.example", &["127.0.0.1"])];
    let mut proxy = Server::start(FINE).await;
    let mut server = Server::start(FINE).await;
    let client = client(Reach::Services, names, proxies(&proxy));
    let answer = get(&client, "http://a.example/path?x=1").await.expect("the proxy answers");
    assert_eq!(answer.body, "fine");
    let got = proxy.got().concat().to_lowercase();
    assert!(got.starts_with("get http://a.example/path?x=1 http/1.1\r\n"), "{got}");
    assert!(got.contains("proxy-authorization: basic dxnlcjpzzwnyzxq="), "{got}");
    // The proxy is no proxy any more once it has answered: what follows is no TLS.
    get(&client, "https://a.example:8443/").await.expect_err("it speaks no TLS");
    let got = proxy.got().concat();
    assert!(got.starts_with("CONNECT a.example:8443 HTTP/1.1\r\n"), "{got}");
    assert!(got.contains("Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n"), "{got}");
    for direct in ["http://direct.example", "http://127.0.0.1"] {
        let url = format!("{direct}:{}/", server.port);
        get(&client, &url).await.expect("the server answers");
        let got = server.got().concat().to_lowercase();
        assert!(got.starts_with("get / http/1.1\r\n"), "{got}");
        assert!(!got.contains("proxy-authorization"), "{got}");
    }
    assert_eq!(proxy.got(), [""; 0]);
    get(&client.without_proxies(), "http://a.example/").await.expect_err("nobody knows it");
    assert_eq!(proxy.got(), [""; 0]);
}

#[tokio::test]
async fn a_proxy_is_not_asked_for_what_may_not_be_reached() {
    let mut proxy = Server::start(FINE).await;
    for (reach, url, expected) in [
        (CLOSED, "https://a.example/", 1),
        (CLOSED, "http://a.example/", 0),
        (CLOSED, "https://10.0.0.1/", 0),
        (OPEN, "https://10.0.0.1/", 1),
        (OPEN, "http://10.0.0.1/", 0),
        (Reach::Services, "http://10.0.0.1/", 1),
        (Reach::Services, "http://169.254.169.254/", 0),
    ] {
        let client = client(reach, &[], proxies(&proxy));
        let found = get(&client, url).await;
        assert_eq!(proxy.got().len(), expected, "{url} as {reach:?}: {found:?}");
    }
}
