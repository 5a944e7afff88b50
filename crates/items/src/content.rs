//! The text of an object: its bytes, or what is compressed in them.

use std::io::Write;

use bytes::Bytes;
use flate2::write::MultiGzDecoder;
use zstd::stream::raw::{Decoder as ZstdDecoder, InBuffer, Operation, OutBuffer};

use crate::ObjectAddress;
use crate::failure::ReadError;
use crate::stream::{Origin, Stream};

const GZIP_MAGIC: &[u8] = &[0x1F, 0x8B];
const ZSTD_MAGIC: &[u8] = &[0x28, 0xB5, 0x2F, 0xFD];
/// How much compressed data is handed to gzip at once, which may give a thousand times as much.
const GZIP_PIECE_BYTES: usize = 1024;
/// How much is taken from Zstandard at once.
const ZSTD_PIECE_BYTES: usize = 128 * 1024;

/// The text of an object, from front to back.
pub(crate) struct Content {
    stream: Stream,
    /// None as long as the first bytes have not come.
    decoder: Option<Decoder>,
    /// Compressed bytes that came and were not looked at.
    waiting: Bytes,
    /// How much of the text is still to be left out.
    skip: u64,
}

enum Decoder {
    Plain,
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
    Zstd { decoder: Box<ZstdDecoder<'static>>, is_between_frames: bool },
}

impl Content {
    /// The text of an object from its beginning; with a tag, only where it still has that one.
    pub(crate) async fn open(
        origin: &Origin,
        object: &ObjectAddress,
        tag: Option<&str>,
    ) -> Result<Content, ReadError> {
        let stream = Stream::open(origin, object, 0, tag).await?;
        Ok(Content { stream, decoder: None, waiting: Bytes::new(), skip: 0 })
    }

    /// The text of an object from that byte of the text on.
    pub(crate) async fn open_at(
        origin: &Origin,
        object: &ObjectAddress,
        tag: &str,
        offset: u64,
        is_compressed: bool,
    ) -> Result<Content, ReadError> {
        if is_compressed {
            let content = Content::open(origin, object, Some(tag)).await?;
            return Ok(Content { skip: offset, ..content });
        }
        let stream = Stream::open(origin, object, offset, Some(tag)).await?;
        let decoder = Some(Decoder::Plain);
        Ok(Content { stream, decoder, waiting: Bytes::new(), skip: 0 })
    }

    /// What the object has for a tag.
    pub(crate) fn tag(&self) -> &str {
        self.stream.tag()
    }

    /// Whether the text is not what the object holds, but is compressed in it.
    pub(crate) fn is_compressed(&self) -> bool {
        !matches!(self.decoder, Some(Decoder::Plain) | None)
    }

    /// The next bytes of the text; none at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, ReadError> {
        loop {
            let Some(mut chunk) = self.decoded().await? else { return Ok(None) };
            let skipped = (chunk.len() as u64).min(self.skip);
            self.skip -= skipped;
            let chunk = chunk.split_off(usize::try_from(skipped).unwrap_or(chunk.len()));
            if !chunk.is_empty() {
                return Ok(Some(chunk));
            }
        }
    }

    async fn decoded(&mut self) -> Result<Option<Bytes>, ReadError> {
        if self.waiting.is_empty() {
            match self.stream.chunk().await? {
                Some(chunk) => self.waiting = chunk,
                None => return self.end(),
            }
        }
        if self.decoder.is_none() {
            self.read_magic().await?;
        }
        match self.decoder.as_mut().expect("it was chosen by the first bytes") {
            Decoder::Plain => Ok(Some(std::mem::take(&mut self.waiting))),
            Decoder::Gzip(decoder) => {
                let piece = self.waiting.split_to(self.waiting.len().min(GZIP_PIECE_BYTES));
                decoder.write_all(&piece).map_err(compression)?;
                Ok(Some(Bytes::from(std::mem::take(decoder.get_mut()))))
            }
            Decoder::Zstd { decoder, is_between_frames } => {
                let mut text = Vec::with_capacity(ZSTD_PIECE_BYTES);
                let mut input = InBuffer::around(&self.waiting);
                let mut output = OutBuffer::around(&mut text);
                let left = decoder.run(&mut input, &mut output).map_err(compression)?;
                *is_between_frames = left == 0;
                let taken = input.pos;
                let _ = self.waiting.split_to(taken);
                Ok(Some(Bytes::from(text)))
            }
        }
    }

    /// Chooses the decoder by the first bytes, which no text begins with.
    async fn read_magic(&mut self) -> Result<(), ReadError> {
        while self.waiting.len() < ZSTD_MAGIC.len() {
            let Some(chunk) = self.stream.chunk().await? else { break };
            self.waiting = [&*self.waiting, &*chunk].concat().into();
        }
        self.decoder = Some(if self.waiting.starts_with(GZIP_MAGIC) {
            Decoder::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))
        } else if self.waiting.starts_with(ZSTD_MAGIC) {
            let decoder = Box::new(ZstdDecoder::new().map_err(compression)?);
            Decoder::Zstd { decoder, is_between_frames: false }
        } else {
            Decoder::Plain
        });
        Ok(())
    }

    /// The rest of the text when the object has ended.
    fn end(&mut self) -> Result<Option<Bytes>, ReadError> {
        match &mut self.decoder {
            None | Some(Decoder::Plain) => Ok(None),
            Some(Decoder::Gzip(decoder)) => {
                decoder.try_finish().map_err(compression)?;
                let rest = std::mem::take(decoder.get_mut());
                Ok((!rest.is_empty()).then(|| Bytes::from(rest)))
            }
            Some(Decoder::Zstd { is_between_frames: true, .. }) => Ok(None),
            Some(Decoder::Zstd { decoder, is_between_frames }) => {
                let mut text = Vec::with_capacity(ZSTD_PIECE_BYTES);
                let mut input = InBuffer::around(&[]);
                let mut output = OutBuffer::around(&mut text);
                let left = decoder.run(&mut input, &mut output).map_err(compression)?;
                *is_between_frames = left == 0;
                if text.is_empty() && left > 0 {
                    return Err(ReadError::Compression("it breaks off".to_owned()));
                }
                Ok((!text.is_empty()).then(|| Bytes::from(text)))
            }
        }
    }
}

fn compression(error: std::io::Error) -> ReadError {
    ReadError::Compression(error.to_string())
}
