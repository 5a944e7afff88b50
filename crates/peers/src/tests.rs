//! Two ends on this machine, and what can come between them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use runtime::{Network, NetworkError};
use store::cluster::{Node, NodeNumber};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout};

use crate::frame::{self, Frame, Kind};
use crate::proof::Ends;
use crate::secured::{self, Refusal, accept_unproved, connect_unproved};
use crate::{BODY_MAX, Identity, Peers, serve};

const SECRET: [u8; 32] = [7; 32];

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(20);

/// A node that answers questions with their own text, but for those named below.
struct Server {
    address: SocketAddr,
    number: Arc<AtomicU64>,
    answered: Arc<AtomicU64>,
    serving: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

fn identity(secret: [u8; 32], number: u64) -> Identity {
    Identity::new(secret, move || Some(NodeNumber(number)))
}

impl Server {
    async fn start() -> Server {
        Server::at(listener().await)
    }

    fn at(listener: TcpListener) -> Server {
        let address = listener.local_addr().unwrap();
        let (number, answered) = (Arc::new(AtomicU64::new(2)), Arc::<AtomicU64>::default());
        let (its, counted) = (number.clone(), answered.clone());
        let identity = Identity::new(SECRET, move || Some(NodeNumber(its.load(Ordering::Relaxed))));
        let serving = tokio::spawn(serve(listener, identity, move |question: Vec<u8>| {
            counted.fetch_add(1, Ordering::Relaxed);
            async move {
                match &*question {
                    b"never" => std::future::pending().await,
                    b"long" => vec![1; 64 << 10],
                    b"too long" => vec![1; BODY_MAX + 1],
                    _ => question,
                }
            }
        }));
        Server { address, number, answered, serving }
    }

    fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    async fn until_answered(&self, count: u64) {
        timeout(LONG, async {
            while self.answered() < count {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
    }
}

fn node(address: SocketAddr, number: u64) -> Node {
    Node { number: NodeNumber(number), address: address.to_string().into() }
}

fn peers() -> Arc<Peers> {
    Arc::new(Peers::new(identity(SECRET, 1)))
}

async fn ask(peers: &Peers, node: &Node, question: &[u8]) -> Result<Vec<u8>, NetworkError> {
    timeout(LONG, peers.ask(node, question.to_vec())).await.expect("there is always an end")
}

/// Something between two ends that passes on so many bytes of those who ask, and then cuts.
async fn proxy(to: SocketAddr, bytes_max: u64) -> SocketAddr {
    let listener = listener().await;
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut from, _) = listener.accept().await.unwrap();
            tokio::spawn(async move {
                let mut to = TcpStream::connect(to).await.unwrap();
                let ((from_reader, mut from_writer), (mut to_reader, mut to_writer)) =
                    (from.split(), to.split());
                let mut from_reader = from_reader.take(bytes_max);
                tokio::select! {
                    _ = tokio::io::copy(&mut from_reader, &mut to_writer) => {}
                    _ = tokio::io::copy(&mut to_reader, &mut from_writer) => {}
                }
            });
        }
    });
    address
}

#[tokio::test]
async fn a_thousand_questions_at_once_get_their_own_answers() {
    let server = Server::start().await;
    let (peers, node) = (peers(), node(server.address, 2));
    let mut asking = JoinSet::new();
    for number in 0..1_000u32 {
        let (peers, node) = (peers.clone(), node.clone());
        asking.spawn(async move {
            // Some are long.
            let length = if number % 100 == 0 { 500_000 } else { 10 };
            let question = number.to_be_bytes().repeat(length);
            assert_eq!(ask(&peers, &node, &question).await, Ok(question));
        });
    }
    timeout(LONG, asking.join_all()).await.unwrap();
    assert_eq!(server.answered(), 1_000);
}

#[tokio::test]
async fn who_lacks_the_secret_is_told_nothing_and_asks_nothing() {
    let server = Server::start().await;
    let stranger = Peers::new(identity([8; 32], 1));
    let refused = ask(&stranger, &node(server.address, 2), b"hello").await;
    assert_eq!(refused, Err(NetworkError::NotSent));
    assert_eq!(server.answered(), 0);
    // And a server without it is not asked.
    let impostor = listener().await;
    let address = impostor.local_addr().unwrap();
    let serving = tokio::spawn(serve(impostor, identity([8; 32], 2), |_| async { vec![] }));
    assert_eq!(ask(&peers(), &node(address, 2), b"hello").await, Err(NetworkError::NotSent));
    serving.abort();
}

#[tokio::test]
async fn somebody_in_the_middle_gets_nothing() {
    let server = Server::start().await;
    let (middle, to) = (listener().await, server.address);
    let between = middle.local_addr().unwrap();
    let passing = tokio::spawn(async move {
        // Ends the encryption at both sides, and passes on what it reads.
        let (from, _) = middle.accept().await.unwrap();
        let mut from = accept_unproved(from).await.unwrap();
        let mut to = connect_unproved(&to.to_string()).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut from, &mut to).await;
    });
    assert_eq!(ask(&peers(), &node(between, 2), b"hello").await, Err(NetworkError::NotSent));
    timeout(LONG, passing).await.unwrap().unwrap();
    assert_eq!(server.answered(), 0);
    // Where what is encrypted is passed on as it is, nobody is the wiser.
    let between = proxy(to, u64::MAX).await;
    assert_eq!(ask(&peers(), &node(between, 2), b"hello").await, Ok(b"hello".to_vec()));
}

#[tokio::test]
async fn a_frame_that_was_cut_may_have_arrived_and_the_next_goes_over_a_new_connection() {
    let server = Server::start().await;
    let (peers, node) = (peers(), node(proxy(server.address, 100_000).await, 2));
    assert_eq!(ask(&peers, &node, b"hello").await, Ok(b"hello".to_vec()));
    assert_eq!(ask(&peers, &node, &[1; 1_000_000]).await, Err(NetworkError::Lost));
    assert_eq!(server.answered(), 1, "half of a question is none");
    assert_eq!(ask(&peers, &node, b"again").await, Ok(b"again".to_vec()));
}

#[tokio::test]
async fn a_question_to_a_node_that_dies_is_lost_and_to_one_that_is_gone_not_sent() {
    let (server, peers) = (Server::start().await, peers());
    let node = node(server.address, 2);
    let (lost, ()) = tokio::join!(ask(&peers, &node, b"never"), async {
        server.until_answered(1).await;
        server.serving.abort();
    });
    assert_eq!(lost, Err(NetworkError::Lost));
    let address = server.address;
    drop(server);
    assert_eq!(ask(&peers, &node, b"hello").await, Err(NetworkError::NotSent));
    let _again = Server::at(TcpListener::bind(address).await.unwrap());
    assert_eq!(ask(&peers, &node, b"hello").await, Ok(b"hello".to_vec()));
}

#[tokio::test]
async fn an_end_that_says_nothing_is_given_up() {
    let silent = listener().await;
    let began = Instant::now();
    let node = node(silent.local_addr().unwrap(), 2);
    assert_eq!(ask(&peers(), &node, b"hello").await, Err(NetworkError::NotSent));
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_node_is_not_asked_under_a_number_that_it_has_no_more() {
    let (server, peers) = (Server::start().await, peers());
    let (old, new) = (node(server.address, 2), node(server.address, 3));
    assert_eq!(ask(&peers, &old, b"hello").await, Ok(b"hello".to_vec()));
    server.number.store(3, Ordering::Relaxed);
    // Over the connection that is there, and over a new one.
    assert_eq!(ask(&peers, &old, b"hello").await, Err(NetworkError::NotSent));
    assert_eq!(ask(&peers, &old, b"hello").await, Err(NetworkError::NotSent));
    assert_eq!(server.answered(), 1);
    assert_eq!(ask(&peers, &new, b"hello").await, Ok(b"hello".to_vec()));
    assert_eq!(ask(&peers, &node(server.address, 1), b"me").await, Err(NetworkError::NotSent));
}

#[tokio::test]
async fn frames_that_are_too_long_are_refused_at_both_ends() {
    let (server, peers) = (Server::start().await, peers());
    let node = node(server.address, 2);
    let too_long = vec![1; BODY_MAX + 1];
    assert_eq!(peers.ask(&node, too_long).await, Err(NetworkError::NotSent));
    assert_eq!(server.answered(), 0);
    let unanswered = timeout(Duration::from_millis(300), peers.ask(&node, b"too long".to_vec()));
    assert!(unanswered.await.is_err(), "an answer that is too long is none");
    let mut stream = connect(&server).await.unwrap();
    let mut head = [0; 13];
    head[..4].copy_from_slice(&u32::MAX.to_be_bytes());
    head[12] = Kind::Ask as u8;
    stream.write_all(&head).await.unwrap();
    stream.flush().await.unwrap();
    assert_ends(stream).await;
}

async fn connect(server: &Server) -> Result<tokio_rustls::client::TlsStream<TcpStream>, Refusal> {
    let ends = Ends { from: NodeNumber(9), to: NodeNumber(2) };
    secured::connect(&server.address.to_string(), &identity(SECRET, 9), ends).await
}

/// The other end gives the connection up.
async fn assert_ends(mut stream: impl AsyncReadExt + Unpin) {
    let mut rest = Vec::new();
    // With or without an error: both are an end.
    let _ = timeout(LONG, stream.read_to_end(&mut rest)).await.expect("it ends");
}

#[tokio::test]
async fn who_asks_and_does_not_read_is_cut_off_and_takes_little() {
    let server = Server::start().await;
    let (reader, mut writer) = tokio::io::split(connect(&server).await.unwrap());
    let asking = tokio::spawn(async move {
        for number in 0..20_000 {
            let frame = Frame { number, kind: Kind::Ask, body: b"long".to_vec() };
            if frame::write(&mut writer, &frame).await.is_err() {
                break;
            }
        }
        // Until the other end is tired of it.
        while frame::write(&mut writer, &Frame::empty(0, Kind::Ping)).await.is_ok()
            && writer.flush().await.is_ok()
        {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let others = peers();
    assert_eq!(ask(&others, &node(server.address, 2), b"hello").await, Ok(b"hello".to_vec()));
    timeout(LONG, asking).await.unwrap().unwrap();
    assert!(server.answered() < 2_500, "{} answers of 64 KiB", server.answered());
    drop(reader);
}

#[tokio::test]
async fn a_flood_of_strangers_does_not_keep_nodes_out() {
    let server = Server::start().await;
    let mut strangers = Vec::new();
    for number in 0..300 {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        if number % 2 == 0 {
            let _ = stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await;
        }
        strangers.push(stream);
    }
    let began = Instant::now();
    let answer = ask(&peers(), &node(server.address, 2), b"hello").await;
    assert_eq!(answer, Ok(b"hello".to_vec()));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    // None of them is kept for long.
    for stranger in strangers {
        assert_ends(stranger).await;
    }
}
