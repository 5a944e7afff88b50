//! Why items cannot be read, or results not be written.

use engine::Failure;

use crate::ObjectsError;

/// How large an item may be, in bytes: AWS's limit before `ItemSelector`.
pub(crate) const ITEM_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How long the header of a CSV file may be, in bytes.
pub(crate) const HEADER_BYTES_MAX: usize = 10 * 1024;
/// How long a manifest may be, in bytes.
pub(crate) const MANIFEST_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Why items cannot be read.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Objects(#[from] ObjectsError),
    /// AWS's words for what is no list.
    #[error("Attempting to map over non-iterable node.")]
    NotIterable,
    /// AWS's words.
    #[error("CSV headers cannot contain duplicates.")]
    DuplicateHeaders,
    #[error("CSV headers cannot be longer than {HEADER_BYTES_MAX} bytes.")]
    LongHeaders,
    #[error(
        "The item that begins at byte {at} exceeds the maximum size of {ITEM_BYTES_MAX} bytes."
    )]
    LargeItem { at: u64 },
    #[error("The object is not valid {format}: {reason} at byte {at}.")]
    Malformed { format: &'static str, reason: String, at: u64 },
    #[error("The object is not valid {format}: it ends within an item.")]
    Truncated { format: &'static str },
    #[error("The object cannot be decompressed: {0}.")]
    Compression(String),
    #[error("The object is not valid Parquet: {0}.")]
    Parquet(String),
    #[error("The manifest cannot be read: {0}.")]
    Manifest(String),
    #[error("The field '{0}' is required in the parameters of the resource.")]
    MissingParameter(&'static str),
    #[error("The value of the field '{0}' in the parameters of the resource is not a string.")]
    ParameterType(String),
    #[error("The field '{0}' in the parameters of the resource is not supported by Stairwell.")]
    UnknownParameter(String),
    #[error("{0}")]
    Unsupported(&'static str),
    #[error("The position that was stored is not one of this reader.")]
    Position,
}

impl ReadError {
    /// The failure of the Map Run.
    pub(crate) fn into_failure(self) -> Failure {
        Failure::new("States.ItemReaderFailed", self.to_string())
    }
}
