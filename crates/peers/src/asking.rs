//! The end that asks: a connection to each node that was asked, made when it is first needed.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use runtime::{Network, NetworkError};
use store::cluster::{Node, NodeNumber};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, BufWriter};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{MissedTickBehavior, timeout};

use crate::frame::{self, BODY_MAX, Frame, Kind};
use crate::proof::Ends;
use crate::secured::{self, Refusal};
use crate::{Identity, PING_INTERVAL, PROOF_MAX, SILENT_MAX, WRITE_MAX};

/// What a connection may have under way, in units of so many bytes, of which each question takes
/// one at least.
const UNITS_MAX: usize = 16_384;
const UNIT: usize = 4_096;

/// The other nodes, as a runtime reaches them.
pub struct Peers {
    identity: Identity,
    links: Mutex<HashMap<NodeNumber, Link>>,
}

#[derive(Clone)]
struct Link {
    questions: mpsc::UnboundedSender<Asked>,
    room: Arc<Semaphore>,
}

/// A question that waits.
struct Asked {
    body: Vec<u8>,
    answer: Awaited,
}

/// Who waits for an answer, and the room that this takes.
struct Awaited {
    sender: oneshot::Sender<Result<Vec<u8>, NetworkError>>,
    _room: OwnedSemaphorePermit,
}

impl Awaited {
    fn give(self, answer: Result<Vec<u8>, NetworkError>) {
        // Who does not wait any more does not want to know.
        let _ = self.sender.send(answer);
    }
}

impl Peers {
    /// As that node.
    pub fn new(identity: Identity) -> Peers {
        Peers { identity, links: Mutex::default() }
    }

    /// The connection to a node: the one that is there, or a new one.
    fn link(&self, node: &Node, from: NodeNumber) -> Link {
        let mut links = self.links.lock();
        if let Some(link) = links.get(&node.number)
            && !link.questions.is_closed()
        {
            return link.clone();
        }
        links.retain(|_, link| !link.questions.is_closed());
        let (questions, receiver) = mpsc::unbounded_channel();
        let link = Link { questions, room: Arc::new(Semaphore::new(UNITS_MAX)) };
        links.insert(node.number, link.clone());
        let ends = Ends { from, to: node.number };
        tokio::spawn(converse(self.identity.clone(), node.address.clone(), ends, receiver));
        link
    }
}

#[async_trait]
impl Network for Peers {
    async fn ask(&self, node: &Node, frame: Vec<u8>) -> Result<Vec<u8>, NetworkError> {
        let Some(me) = self.identity.number().filter(|me| *me != node.number) else {
            return Err(NetworkError::NotSent);
        };
        if frame.len() > BODY_MAX {
            tracing::error!(bytes = frame.len(), "what another node is to be asked is too long");
            return Err(NetworkError::NotSent);
        }
        let link = self.link(node, me);
        let units = u32::try_from(1 + frame.len() / UNIT).expect("32 MiB are few units");
        let room = link.room.try_acquire_many_owned(units).map_err(|_| NetworkError::NotSent)?;
        let (sender, receiver) = oneshot::channel();
        let asked = Asked { body: frame, answer: Awaited { sender, _room: room } };
        link.questions.send(asked).map_err(|_| NetworkError::NotSent)?;
        receiver.await.unwrap_or(Err(NetworkError::Lost))
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Peers").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// Connects, asks what is to be asked until the connection ends, and tells all who still wait.
async fn converse(
    identity: Identity,
    address: Arc<str>,
    ends: Ends,
    mut questions: mpsc::UnboundedReceiver<Asked>,
) {
    let under_way = UnderWay::default();
    let connected = timeout(PROOF_MAX, secured::connect(&address, &identity, ends)).await;
    let connected = connected.unwrap_or_else(|_| {
        Err(Refusal::Io(io::Error::new(io::ErrorKind::TimedOut, "it takes too long to connect")))
    });
    let node = ends.to.0;
    let ended = match connected {
        Ok(stream) => {
            tracing::debug!(node, %address, "connected to another node");
            let (reader, writer) = tokio::io::split(stream);
            let ended = tokio::select! {
                biased;
                ended = hear(BufReader::new(reader), &under_way) => ended,
                ended = ask(BufWriter::new(writer), &mut questions, &under_way) => ended,
            };
            ended.map_err(Refusal::from)
        }
        Err(refusal) => Err(refusal),
    };
    match ended {
        Err(reason @ Refusal::NotProved) => {
            tracing::error!(node, %address, %reason, "another node cannot be asked");
        }
        Err(reason) => tracing::info!(node, %address, %reason, "no connection to another node"),
        Ok(()) => {}
    }
    questions.close();
    while let Some(asked) = questions.recv().await {
        asked.answer.give(Err(NetworkError::NotSent));
    }
    for (_, awaited) in under_way.awaited.lock().drain() {
        awaited.give(Err(NetworkError::Lost));
    }
}

/// Questions that were sent, or may have been, by their numbers.
#[derive(Default)]
struct UnderWay {
    awaited: Mutex<HashMap<u64, Awaited>>,
}

/// Sends questions, and shows that this end is there.
async fn ask(
    mut stream: BufWriter<impl AsyncWrite + Unpin>,
    questions: &mut mpsc::UnboundedReceiver<Asked>,
    under_way: &UnderWay,
) -> io::Result<()> {
    let mut pings = tokio::time::interval(PING_INTERVAL);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut number = 0;
    loop {
        let mut next = tokio::select! {
            biased;
            _ = pings.tick() => None,
            asked = questions.recv() => match asked {
                Some(asked) => Some(asked),
                None => return Ok(()),
            },
        };
        let is_ping = next.is_none();
        let written = async {
            if is_ping {
                // Nobody waits for these any more: their room is free.
                under_way.awaited.lock().retain(|_, awaited| !awaited.sender.is_closed());
                frame::write(&mut stream, &Frame::empty(0, Kind::Ping)).await?;
            }
            // What waits at the same time goes out together.
            while let Some(Asked { body, answer }) = next.take() {
                if !answer.sender.is_closed() {
                    number += 1;
                    // From now on it may arrive.
                    under_way.awaited.lock().insert(number, answer);
                    frame::write(&mut stream, &Frame { number, kind: Kind::Ask, body }).await?;
                }
                next = questions.try_recv().ok();
            }
            stream.flush().await
        };
        timeout(WRITE_MAX, written).await??;
    }
}

/// Gives answers to those who wait for them.
async fn hear(
    mut stream: BufReader<impl AsyncRead + Unpin>,
    under_way: &UnderWay,
) -> io::Result<()> {
    loop {
        let Frame { number, kind, body } = timeout(SILENT_MAX, frame::read(&mut stream)).await??;
        let awaited = under_way.awaited.lock().remove(&number);
        match (kind, awaited) {
            (Kind::Answer, Some(awaited)) => awaited.give(Ok(body)),
            (Kind::OtherNode, awaited) => {
                if let Some(awaited) = awaited {
                    awaited.give(Err(NetworkError::NotSent));
                }
                let reason = "the node has another number by now";
                return Err(io::Error::new(io::ErrorKind::ConnectionReset, reason));
            }
            // Nobody waits for it any more, or the other end is there.
            (Kind::Answer | Kind::Pong, _) => {}
            (Kind::Ask | Kind::Ping, _) => {
                let what = "a frame that the end which is asked does not send";
                return Err(io::Error::new(io::ErrorKind::InvalidData, what));
            }
        }
    }
}
