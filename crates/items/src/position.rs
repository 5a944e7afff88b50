//! Where a reader is: between two items.

use runtime::ReaderPosition;
use serde::{Deserialize, Serialize};

use crate::failure::ReadError;

/// Where a reader is. Its stored form is JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Position {
    /// Which object of several.
    pub(crate) object: ObjectAt,
    /// Where in that object; none at its beginning.
    pub(crate) within: Option<WithinObject>,
    /// The tag of the manifest that names the objects, where there is one.
    pub(crate) manifest: Option<String>,
}

/// Which object of several comes next.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) enum ObjectAt {
    /// The first one.
    #[default]
    First,
    /// The first one of a listing after that key.
    After(String),
    /// That one of a listing.
    Key(String),
    /// That one of a list, counted from 0.
    Index(usize),
}

/// Where in an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum WithinObject {
    /// In a text.
    Text {
        tag: String,
        /// Whether the object holds the text compressed.
        is_compressed: bool,
        /// In bytes from the beginning of the text.
        offset: u64,
        /// Whether the items are the members of an object.
        members: bool,
    },
    /// In a file of row groups.
    Rows { tag: String, group: usize, row: usize },
}

impl Position {
    pub(crate) fn read(position: &ReaderPosition) -> Result<Position, ReadError> {
        serde_json::from_slice(&position.0).map_err(|_| ReadError::Position)
    }

    pub(crate) fn write(&self) -> ReaderPosition {
        ReaderPosition(serde_json::to_vec(self).expect("a position can be written"))
    }
}
