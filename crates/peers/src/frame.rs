//! Frames: the length of the body in four bytes, the number of the question in eight, the kind in
//! one, and the body. Numbers are big-endian.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// The longest body of a frame, in bytes. A page of a history is the longest that nodes say.
pub const BODY_MAX: usize = 32 << 20;

const HEAD: usize = 13;

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A question.
    Ask = 1,
    /// The answer to the question of that number.
    Answer = 2,
    /// The question was for another node than this one, and nobody has looked at it.
    OtherNode = 3,
    /// Whether the other end is there.
    Ping = 4,
    /// It is.
    Pong = 5,
}

/// A frame.
#[derive(Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) number: u64,
    pub(crate) kind: Kind,
    pub(crate) body: Vec<u8>,
}

impl Frame {
    pub(crate) fn empty(number: u64, kind: Kind) -> Frame {
        Frame { number, kind, body: Vec::new() }
    }
}

impl Kind {
    fn of(byte: u8) -> Option<Kind> {
        [Kind::Ask, Kind::Answer, Kind::OtherNode, Kind::Ping, Kind::Pong]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// Reads a frame.
///
/// # Errors
/// Where the connection ends, or what comes is no frame.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Frame> {
    let wrong = |what| io::Error::new(io::ErrorKind::InvalidData, what);
    let mut head = [0; HEAD];
    stream.read_exact(&mut head).await?;
    let [a, b, c, d, number @ .., kind] = head;
    let length = u32::from_be_bytes([a, b, c, d]);
    let kind = Kind::of(kind).ok_or_else(|| wrong("a frame of no known kind"))?;
    let is_too_long = usize::try_from(length).is_ok_and(|length| length > BODY_MAX);
    if is_too_long {
        return Err(wrong("a frame that is too long"));
    }
    // What is announced takes no memory before it is there.
    let mut body = Vec::new();
    let read = stream.take(length.into()).read_to_end(&mut body).await?;
    match read as u64 == u64::from(length) {
        true => Ok(Frame { number: u64::from_be_bytes(number), kind, body }),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

/// Writes a frame, which may stay in buffers until they are flushed.
///
/// # Errors
/// Where the connection ends.
///
/// # Panics
/// Where the body is longer than [`BODY_MAX`].
pub(crate) async fn write(stream: &mut (impl AsyncWrite + Unpin), frame: &Frame) -> io::Result<()> {
    assert!(frame.body.len() <= BODY_MAX, "whoever makes a frame looks at its length");
    let length = u32::try_from(frame.body.len()).expect("32 MiB fit");
    let mut head = [0; HEAD];
    head[..4].copy_from_slice(&length.to_be_bytes());
    head[4..12].copy_from_slice(&frame.number.to_be_bytes());
    head[12] = frame.kind as u8;
    stream.write_all(&head).await?;
    stream.write_all(&frame.body).await
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read_bytes(bytes: &[u8]) -> io::Result<Frame> {
        read(&mut &bytes[..]).await
    }

    #[tokio::test]
    async fn a_frame_is_read_as_it_was_written() {
        for body in [vec![], b"question".to_vec(), vec![7; 100_000]] {
            let frame = Frame { number: 0x0102_0304_0506_0708, kind: Kind::OtherNode, body };
            let mut bytes = Vec::new();
            write(&mut bytes, &frame).await.unwrap();
            assert_eq!(bytes.len(), HEAD + frame.body.len());
            assert_eq!(read_bytes(&bytes).await.unwrap(), frame);
            for end in [0, 1, HEAD - 1, bytes.len() - 1] {
                let cut = read_bytes(&bytes[..end]).await.unwrap_err();
                assert_eq!(cut.kind(), io::ErrorKind::UnexpectedEof, "{end}");
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_frame_is_refused_before_it_is_read() {
        let too_long = u32::try_from(BODY_MAX + 1).unwrap().to_be_bytes();
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&too_long);
        head[12] = Kind::Ask as u8;
        assert_eq!(read_bytes(&head).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        for kind in [0, 6, 255] {
            head = [0; HEAD];
            head[12] = kind;
            assert_eq!(read_bytes(&head).await.unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
    }
}
