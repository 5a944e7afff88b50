//! The objects of a bucket, page by page.

use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use engine::Failure;
use json::{Document, Object, Value};
use runtime::{Item, ItemReader, ReaderPosition};

use crate::ListedObject;
use crate::failure::ReadError;
use crate::objects::BucketAddress;
use crate::position::{ObjectAt, Position};
use crate::stream::Origin;

/// The objects of a bucket whose keys begin with a prefix, in the order of their keys.
pub(crate) struct Listing {
    origin: Origin,
    pub(crate) bucket: BucketAddress,
    prefix: Arc<str>,
    page: VecDeque<ListedObject>,
    /// The last key that was given, or that all others come after.
    after: Option<String>,
    has_ended: bool,
}

impl Listing {
    pub(crate) fn new(
        origin: Origin,
        bucket: BucketAddress,
        prefix: Arc<str>,
        after: Option<String>,
    ) -> Listing {
        Listing { origin, bucket, prefix, page: VecDeque::new(), after, has_ended: false }
    }

    /// The next object; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<ListedObject>, ReadError> {
        if self.page.is_empty() && !self.has_ended {
            self.page = self.next_page().await?;
            self.has_ended = self.page.is_empty();
        }
        let object = self.page.pop_front();
        if let Some(object) = &object {
            self.after = Some(object.key.to_string());
        }
        Ok(object)
    }

    /// Reads the first page, so that what cannot be listed fails at once.
    pub(crate) async fn look_ahead(&mut self) -> Result<(), ReadError> {
        self.page = self.next_page().await?;
        self.has_ended = self.page.is_empty();
        Ok(())
    }

    async fn next_page(&self) -> Result<VecDeque<ListedObject>, ReadError> {
        let Origin { objects, patience } = &self.origin;
        let mut failed = 0;
        loop {
            match objects.list(&self.bucket, &self.prefix, self.after.as_deref()).await {
                Ok(page) => return Ok(page.into()),
                Err(error) => {
                    failed += 1;
                    patience.after(failed, error).await?;
                }
            }
        }
    }

    /// Where the listing goes on.
    pub(crate) fn at(&self) -> ObjectAt {
        self.after.clone().map_or(ObjectAt::First, ObjectAt::After)
    }
}

/// Reads what a listing tells of objects as items.
pub(crate) struct ListingReader {
    listing: Listing,
    source: Arc<str>,
}

impl ListingReader {
    pub(crate) fn new(listing: Listing) -> ListingReader {
        let source = format!("S3://{}", listing.bucket.name).into();
        ListingReader { listing, source }
    }
}

#[async_trait]
impl ItemReader for ListingReader {
    async fn read(&mut self, limit: usize) -> Result<Vec<Item>, Failure> {
        let mut items = Vec::new();
        while items.len() < limit {
            match self.listing.next().await.map_err(ReadError::into_failure)? {
                Some(object) => {
                    let (value, source) = (described(&object), self.source.clone());
                    items.push(Item { value, key: None, source });
                }
                None => break,
            }
        }
        Ok(items)
    }

    fn position(&self) -> ReaderPosition {
        Position { object: self.listing.at(), ..Position::default() }.write()
    }
}

/// What AWS has for an item of a listing.
fn described(object: &ListedObject) -> Document {
    let mut item = Object::with_capacity(5);
    item.insert("Etag", object.tag.clone());
    item.insert("Key", object.key.clone());
    // A float, printed as Java prints it.
    item.insert("LastModified", object.last_modified as f64);
    item.insert("Size", object.size.cast_signed());
    item.insert("StorageClass", object.storage_class.clone());
    Document::from(Value::from(item))
}
