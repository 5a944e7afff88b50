//! The items of objects: of one, or of several, one after the other.

use std::sync::Arc;

use async_trait::async_trait;
use engine::Failure;
use runtime::{Item, ItemReader, ReaderPosition};

use crate::ObjectAddress;
use crate::failure::{ITEM_BYTES_MAX, ReadError};
use crate::listing::Listing;
use crate::parquet_items::RowItems;
use crate::position::{ObjectAt, Position, WithinObject};
use crate::split::Found;
use crate::stream::Origin;
use crate::text::{TextFormat, TextItems};

/// How an object is read.
#[derive(Clone, Debug)]
pub(crate) enum Format {
    Text(TextFormat),
    Parquet,
}

/// Which objects are read.
pub(crate) enum ObjectList {
    /// These.
    Given { objects: Vec<ObjectAddress>, next: usize },
    /// Those of a listing.
    Listed(Listing),
}

/// Reads the items of objects.
pub(crate) struct ObjectsReader {
    origin: Origin,
    format: Format,
    list: ObjectList,
    /// The tag of the manifest that gave the list.
    manifest: Option<String>,
    current: Option<Current>,
    /// The object that could not be opened.
    unopened: Option<ObjectAt>,
    /// What to say when the items that came before it were handed out.
    error: Option<ReadError>,
}

/// The object that is being read.
struct Current {
    at: ObjectAt,
    items: Items,
    source: Arc<str>,
    /// Whether any item was given.
    has_begun: bool,
}

enum Items {
    Text(Box<TextItems>),
    Rows(RowItems),
}

impl ObjectList {
    /// The next object, and how to find it again.
    async fn next(&mut self) -> Result<Option<(ObjectAddress, ObjectAt)>, ReadError> {
        match self {
            ObjectList::Given { objects, next } => {
                let Some(object) = objects.get(*next) else { return Ok(None) };
                *next += 1;
                Ok(Some((object.clone(), ObjectAt::Index(*next - 1))))
            }
            ObjectList::Listed(listing) => loop {
                let Some(listed) = listing.next().await? else { return Ok(None) };
                // The marker of a folder holds no items.
                if !(listed.key.ends_with('/') && listed.size == 0) {
                    let (bucket, key) = (listing.bucket.clone(), listed.key.clone());
                    let object = ObjectAddress { bucket, key, version: None };
                    return Ok(Some((object, ObjectAt::Key(listed.key.to_string()))));
                }
            },
        }
    }

    /// What comes next.
    fn at(&self) -> ObjectAt {
        match self {
            ObjectList::Given { next, .. } => ObjectAt::Index(*next),
            ObjectList::Listed(listing) => listing.at(),
        }
    }
}

impl ObjectsReader {
    /// Opens the first object, or goes on where a position is; the list is to begin there, too, as
    /// far as it is a listing.
    pub(crate) async fn open(
        origin: Origin,
        format: Format,
        mut list: ObjectList,
        manifest: Option<String>,
        position: Option<Position>,
    ) -> Result<ObjectsReader, ReadError> {
        let position = position.unwrap_or_default();
        let current = match (&mut list, position.object) {
            (ObjectList::Given { next, objects }, ObjectAt::Index(index)) => {
                *next = index;
                match (objects.get(index), &position.within) {
                    (Some(object), Some(_)) => {
                        *next += 1;
                        Some((object.clone(), ObjectAt::Index(index)))
                    }
                    (None, Some(_)) => return Err(ReadError::Position),
                    (_, None) => None,
                }
            }
            (ObjectList::Listed(listing), ObjectAt::Key(key)) => {
                let object = ObjectAddress {
                    bucket: listing.bucket.clone(),
                    key: key.as_str().into(),
                    version: None,
                };
                Some((object, ObjectAt::Key(key)))
            }
            (ObjectList::Listed(_), ObjectAt::After(_)) | (_, ObjectAt::First) => None,
            _ => return Err(ReadError::Position),
        };
        let mut reader = ObjectsReader {
            origin,
            format,
            list,
            manifest,
            current: None,
            unopened: None,
            error: None,
        };
        match current {
            Some((object, at)) => reader.enter(&object, at, position.within.as_ref()).await?,
            None => reader.enter_next().await?,
        }
        Ok(reader)
    }

    async fn enter(
        &mut self,
        object: &ObjectAddress,
        at: ObjectAt,
        within: Option<&WithinObject>,
    ) -> Result<(), ReadError> {
        let origin = &self.origin;
        let items = match (&self.format, within) {
            (Format::Text(format), None) => {
                Items::Text(Box::new(TextItems::open(origin, object, format).await?))
            }
            (Format::Text(format), Some(within)) => {
                Items::Text(Box::new(TextItems::open_at(origin, object, format, within).await?))
            }
            (Format::Parquet, within) => Items::Rows(RowItems::open(origin, object, within).await?),
        };
        let has_begun = within.is_some();
        self.current = Some(Current { at, items, source: object.source(), has_begun });
        Ok(())
    }

    async fn enter_next(&mut self) -> Result<(), ReadError> {
        self.current = None;
        match self.list.next().await? {
            Some((object, at)) => {
                self.unopened = Some(at.clone());
                self.enter(&object, at, None).await?;
                self.unopened = None;
                Ok(())
            }
            None => Ok(()),
        }
    }

    async fn next(&mut self) -> Result<Option<Item>, ReadError> {
        loop {
            let Some(current) = &mut self.current else { return Ok(None) };
            let found = match &mut current.items {
                Items::Text(items) => items.next().await?,
                Items::Rows(items) => items.next().await?,
            };
            if let Some(Found { value, key }) = found {
                current.has_begun = true;
                return Ok(Some(Item { value, key, source: current.source.clone() }));
            }
            self.enter_next().await?;
        }
    }
}

#[async_trait]
impl ItemReader for ObjectsReader {
    async fn read(&mut self, limit: usize) -> Result<Vec<Item>, Failure> {
        if let Some(error) = &self.error {
            return Err(error.clone().into_failure());
        }
        let (mut items, mut length) = (Vec::new(), 0);
        while items.len() < limit && length < ITEM_BYTES_MAX {
            match self.next().await {
                Ok(Some(item)) => {
                    length += item.value.len_bytes();
                    items.push(item);
                }
                Ok(None) => break,
                // What came before it is good, and is not to be lost.
                Err(error) => {
                    self.error = Some(error);
                    break;
                }
            }
        }
        match &self.error {
            Some(error) if items.is_empty() => Err(error.clone().into_failure()),
            _ => Ok(items),
        }
    }

    fn position(&self) -> ReaderPosition {
        let (object, within) = match &self.current {
            Some(current) if current.has_begun => {
                let within = match &current.items {
                    Items::Text(items) => items.within(),
                    Items::Rows(items) => items.within(),
                };
                (current.at.clone(), Some(within))
            }
            Some(current) => (current.at.clone(), None),
            None => (self.unopened.clone().unwrap_or_else(|| self.list.at()), None),
        };
        Position { object, within, manifest: self.manifest.clone() }.write()
    }
}
