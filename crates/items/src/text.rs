//! The items of an object that is a text.

use std::sync::Arc;

use asl::CsvDelimiter;

use crate::ObjectAddress;
use crate::content::Content;
use crate::csv::{Csv, Headers};
use crate::failure::ReadError;
use crate::json_items::JsonItems;
use crate::json_lines::JsonLines;
use crate::position::WithinObject;
use crate::split::{Found, Place, Split, Step, Window};
use crate::stream::Origin;

/// How a text is read.
#[derive(Clone, Debug)]
pub(crate) enum TextFormat {
    /// Records; where no headers are given, the first one has them.
    Csv { delimiter: CsvDelimiter, headers: Option<Arc<Headers>> },
    /// A document; the items are in what the pointer names.
    Json { pointer: Option<Arc<str>> },
    /// A document in each line.
    JsonLines,
}

/// The items of an object that is a text, from front to back.
pub(crate) struct TextItems {
    content: Content,
    split: Box<dyn Split>,
    window: Window,
    at_end: bool,
    /// After the item that was given last.
    place: Place,
}

impl TextItems {
    /// From the first item on.
    pub(crate) async fn open(
        origin: &Origin,
        object: &ObjectAddress,
        format: &TextFormat,
    ) -> Result<TextItems, ReadError> {
        let content = Content::open(origin, object, None).await?;
        let split: Box<dyn Split> = match format {
            TextFormat::Csv { delimiter, headers } => {
                Box::new(Csv::new(*delimiter, headers.clone()))
            }
            TextFormat::Json { pointer } => Box::new(JsonItems::new(pointer.as_deref())),
            TextFormat::JsonLines => Box::new(JsonLines::default()),
        };
        let place = Place { offset: 0, members: false };
        Ok(TextItems { content, split, window: Window::at(0), at_end: false, place })
    }

    /// From a place between two items on.
    pub(crate) async fn open_at(
        origin: &Origin,
        object: &ObjectAddress,
        format: &TextFormat,
        within: &WithinObject,
    ) -> Result<TextItems, ReadError> {
        let WithinObject::Text { tag, is_compressed, offset, members } = within else {
            return Err(ReadError::Position);
        };
        let split: Box<dyn Split> = match format {
            TextFormat::Csv { delimiter, headers } => {
                let headers = match headers {
                    Some(headers) => Some(headers.clone()),
                    None => first_record(origin, object, *delimiter, tag).await?,
                };
                Box::new(Csv::new(*delimiter, headers))
            }
            TextFormat::Json { pointer } => {
                Box::new(JsonItems::after_item(pointer.as_deref(), *members))
            }
            TextFormat::JsonLines => Box::new(JsonLines::default()),
        };
        let content = Content::open_at(origin, object, tag, *offset, *is_compressed).await?;
        let place = Place { offset: *offset, members: *members };
        Ok(TextItems { content, split, window: Window::at(*offset), at_end: false, place })
    }

    pub(crate) async fn next(&mut self) -> Result<Option<Found>, ReadError> {
        loop {
            match self.split.next(&mut self.window, self.at_end)? {
                Step::Item(found) => {
                    self.place = self.split.at(&self.window);
                    return Ok(Some(found));
                }
                Step::End => return Ok(None),
                Step::More if self.at_end => return Ok(None),
                Step::More => match self.content.chunk().await? {
                    Some(chunk) => self.window.push(&chunk),
                    None => self.at_end = true,
                },
            }
        }
    }

    /// Where the items go on after the one that was given last.
    pub(crate) fn within(&self) -> WithinObject {
        let place = self.place;
        WithinObject::Text {
            tag: self.content.tag().to_owned(),
            is_compressed: self.content.is_compressed(),
            offset: place.offset,
            members: place.members,
        }
    }
}

/// The headers in the first record.
async fn first_record(
    origin: &Origin,
    object: &ObjectAddress,
    delimiter: CsvDelimiter,
    tag: &str,
) -> Result<Option<Arc<Headers>>, ReadError> {
    let mut content = Content::open(origin, object, Some(tag)).await?;
    let mut csv = Csv::new(delimiter, None);
    let mut window = Window::at(0);
    let mut at_end = false;
    while !csv.read_headers(&mut window, at_end)? && !at_end {
        match content.chunk().await? {
            Some(chunk) => window.push(&chunk),
            None => at_end = true,
        }
    }
    Ok(csv.headers().cloned())
}
