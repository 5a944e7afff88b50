//! What lies between the store and the database, and breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Passes bytes on, and cuts connections where its seed says so: before some bytes, after them, or
/// in the middle.
#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<State>,
}

struct State {
    random: AtomicU64,
    /// One of so many chunks is cut; 0 for none.
    one_of: AtomicU64,
    cuts: AtomicUsize,
    /// Whether nothing is passed on, though connections stay.
    is_held: watch::Sender<bool>,
}

impl Proxy {
    /// One to that port of this machine, with no cuts at first.
    pub(crate) async fn start(to: u16, seed: u64) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("there is a port");
        let port = listener.local_addr().expect("it is bound").port();
        let (one_of, cuts) = (AtomicU64::new(0), AtomicUsize::new(0));
        let (random, is_held) = (AtomicU64::new(seed), watch::Sender::new(false));
        let state = Arc::new(State { random, one_of, cuts, is_held });
        let shared = state.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(shared.clone().pass(client, to));
            }
        });
        Proxy { port, state }
    }

    /// From now on one of so many chunks is cut; none with 0.
    pub(crate) fn cut_one_of(&self, chunks: u64) {
        self.state.one_of.store(chunks, Ordering::Relaxed);
    }

    /// From now on nothing is passed on, or all of it again.
    pub(crate) fn hold(&self, is_held: bool) {
        self.state.is_held.send_replace(is_held);
    }

    /// How many connections were cut.
    pub(crate) fn cuts(&self) -> usize {
        self.state.cuts.load(Ordering::Relaxed)
    }
}

impl State {
    async fn pass(self: Arc<Self>, client: TcpStream, to: u16) {
        let Ok(server) = TcpStream::connect(("127.0.0.1", to)).await else { return };
        let ((from_client, to_client), (from_server, to_server)) =
            (client.into_split(), server.into_split());
        // The end of either is the end of both: what is dropped is closed.
        tokio::select! {
            () = self.copy(from_client, to_server) => {}
            () = self.copy(from_server, to_client) => {}
        }
    }

    async fn copy(&self, mut from: OwnedReadHalf, mut to: OwnedWriteHalf) {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut buffer).await {
            let mut held = self.is_held.subscribe();
            if held.wait_for(|is_held| !is_held).await.is_err() {
                return;
            }
            let cut = self.cut();
            let passed = cut.map_or(length, |halves| length * halves / 2);
            if to.write_all(&buffer[..passed]).await.is_err() || cut.is_some() {
                return;
            }
        }
    }

    /// Whether the connection is cut with this chunk, and how many halves of it are passed on
    /// before: none, one, or both, so that only the answer is lost.
    fn cut(&self) -> Option<usize> {
        let one_of = self.one_of.load(Ordering::Relaxed);
        let drawn = self.draw();
        let is_cut = one_of > 0 && drawn.is_multiple_of(one_of);
        is_cut.then(|| {
            self.cuts.fetch_add(1, Ordering::Relaxed);
            (drawn >> 40) as usize % 3
        })
    }

    /// The next number of the seed's.
    fn draw(&self) -> u64 {
        let step = 0x9E37_79B9_7F4A_7C15;
        let mut drawn = self.random.fetch_add(step, Ordering::Relaxed).wrapping_add(step);
        drawn = (drawn ^ (drawn >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        drawn = (drawn ^ (drawn >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        drawn ^ (drawn >> 31)
    }
}
