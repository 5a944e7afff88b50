//! The end that is asked.

use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader, BufWriter};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::frame::{self, BODY_MAX, Frame, Kind};
use crate::proof::Ends;
use crate::secured::{self, Refusal};
use crate::strangers::{Place, Strangers};
use crate::{Identity, PROOF_MAX, SILENT_MAX, WRITE_MAX};

/// How many connections that have proved themselves there may be.
const CONNECTIONS_MAX: usize = 1_024;

/// How many questions of a connection are under way at a time; further ones are not read.
const UNDER_WAY_MAX: usize = 1_024;

/// How long to wait before accepting again where the system is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Answers the questions of other nodes until it is dropped; then connections end at once.
pub async fn serve<Answering, Answered>(
    listener: TcpListener,
    identity: Identity,
    answer: Answering,
) where
    Answering: Fn(Vec<u8>) -> Answered + Send + Sync + 'static,
    Answered: Future<Output = Vec<u8>> + Send + 'static,
{
    let strangers = Arc::<Strangers>::default();
    let room = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let answer = Arc::new(answer);
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, peer)) => {
                let place = strangers.admit(peer.ip());
                let (room, answer) = (room.clone(), answer.clone());
                let connection = Connection { identity: identity.clone(), answer };
                connections.spawn(connection.run(stream, peer.ip(), place, room));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection of another node could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

struct Connection<Answering> {
    identity: Identity,
    answer: Arc<Answering>,
}

/// An answer, and the room that its question took.
type Reply = (Frame, Option<OwnedSemaphorePermit>);

impl<Answering, Answered> Connection<Answering>
where
    Answering: Fn(Vec<u8>) -> Answered + Send + Sync + 'static,
    Answered: Future<Output = Vec<u8>> + Send + 'static,
{
    async fn run(self, stream: TcpStream, address: IpAddr, place: Place, room: Arc<Semaphore>) {
        let accepted = tokio::select! {
            biased;
            accepted = timeout(PROOF_MAX, secured::accept(stream, &self.identity)) => accepted,
            () = place.lost() => return,
        };
        drop(place);
        let (stream, ends) = match accepted {
            Ok(Ok(accepted)) => accepted,
            Ok(Err(reason @ Refusal::NotProved)) => {
                tracing::warn!(%address, %reason, "a connection was refused");
                return;
            }
            Ok(Err(reason)) => {
                tracing::debug!(%address, %reason, "a connection did not come about");
                return;
            }
            Err(_) => return,
        };
        let Ok(_room) = room.try_acquire_owned() else { return };
        let (reader, writer) = tokio::io::split(stream);
        // Room for each question, and for pongs, of which there is one in a while.
        let (replies, written) = mpsc::channel(UNDER_WAY_MAX);
        let ended = tokio::select! {
            biased;
            ended = self.hear(BufReader::new(reader), ends, replies) => ended,
            ended = write(BufWriter::new(writer), written) => ended,
        };
        let node = ends.from.0;
        if let Err(error) = ended {
            tracing::debug!(node, %address, %error, "a connection of another node ended");
        }
    }

    /// Reads questions, each of which is answered when it can be.
    async fn hear(
        &self,
        mut stream: BufReader<impl AsyncRead + Unpin>,
        ends: Ends,
        replies: mpsc::Sender<Reply>,
    ) -> io::Result<()> {
        let room = Arc::new(Semaphore::new(UNDER_WAY_MAX));
        let mut answering = JoinSet::new();
        loop {
            while answering.try_join_next().is_some() {}
            let read = timeout(SILENT_MAX, frame::read(&mut stream)).await?;
            let Frame { number, kind, body } = read?;
            match kind {
                Kind::Ping => {
                    // One that does not read its pongs gets no more of them.
                    let _ = replies.try_send((Frame::empty(number, Kind::Pong), None));
                    continue;
                }
                Kind::Ask => {}
                Kind::Answer | Kind::OtherNode | Kind::Pong => {
                    let what = "a frame that the end which asks does not send";
                    return Err(io::Error::new(io::ErrorKind::InvalidData, what));
                }
            }
            let room = room.clone().acquire_owned().await.expect("nobody closes it");
            if self.identity.number() != Some(ends.to) {
                let _ = replies.send((Frame::empty(number, Kind::OtherNode), Some(room))).await;
                continue;
            }
            let (answer, replies) = (self.answer.clone(), replies.clone());
            answering.spawn(async move {
                let body = answer(body).await;
                if body.len() > BODY_MAX {
                    tracing::error!(bytes = body.len(), "an answer to another node is too long");
                    return;
                }
                let frame = Frame { number, kind: Kind::Answer, body };
                // A connection that has ended takes none.
                let _ = replies.send((frame, Some(room))).await;
            });
        }
    }
}

async fn write(
    mut stream: BufWriter<impl AsyncWrite + Unpin>,
    mut replies: mpsc::Receiver<Reply>,
) -> io::Result<()> {
    while let Some(first) = replies.recv().await {
        let written = async {
            let mut next = Some(first);
            while let Some((frame, room)) = next.take() {
                frame::write(&mut stream, &frame).await?;
                drop(room);
                next = replies.try_recv().ok();
            }
            stream.flush().await
        };
        timeout(WRITE_MAX, written).await??;
    }
    Ok(())
}
