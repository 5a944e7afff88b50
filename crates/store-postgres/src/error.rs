//! Why a database cannot be served from.

use crate::failure::describe;

/// Why a store cannot be opened. No message has a password in it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nobody answers there, or not as a PostgreSQL does.
    #[error("{place} cannot be reached: {reason}")]
    Unreachable {
        /// Which database.
        place: String,
        /// Why not.
        reason: String,
    },
    /// It does not let this user in.
    #[error("{place} refuses the connection: {reason}")]
    Denied {
        /// Which database.
        place: String,
        /// In the words of the database.
        reason: String,
    },
    /// The connection cannot be made secret.
    #[error("{place}: no TLS that can be trusted: {reason}")]
    Tls {
        /// Which database.
        place: String,
        /// Why not.
        reason: String,
    },
    /// A newer release changed the tables so that this one must not write them.
    #[error(
        "the schema {schema} of {place} has version {found}, and needs a release of Stairwell that \
         knows at least version {oldest}; this one knows versions up to {known}: use a newer \
         release"
    )]
    Newer {
        /// Which database.
        place: String,
        /// The schema.
        schema: String,
        /// Its version.
        found: i32,
        /// The least version that a program must know.
        oldest: i32,
        /// The newest version that this program knows.
        known: i32,
    },
    /// A server is at work in it that serves alone, or this one is to, and another is at work.
    #[error(
        "{place} is served by the Stairwell at {holder}: stop that one first; only servers that \
         can reach each other share a database"
    )]
    InUse {
        /// Which database.
        place: String,
        /// What the other one says of where it is.
        holder: String,
    },
    /// The user may not do what must be done.
    #[error(
        "{place}: the user lacks a right: {reason}. It must own the schema {schema}, or be allowed \
         to create it"
    )]
    Rights {
        /// Which database.
        place: String,
        /// The schema.
        schema: String,
        /// In the words of the database.
        reason: String,
    },
    /// It takes no writes.
    #[error("{place} is read-only: {reason}. Name the primary server")]
    ReadOnly {
        /// Which database.
        place: String,
        /// In the words of the database.
        reason: String,
    },
    /// Its disk is full, or its connections are all taken.
    #[error("{place} has no room: {reason}")]
    NoRoom {
        /// Which database.
        place: String,
        /// In the words of the database.
        reason: String,
    },
    /// It is set up so that nothing durable can be kept in it, or no text.
    #[error("{place} cannot be served from: {reason}")]
    Unsuitable {
        /// Which database.
        place: String,
        /// Why not.
        reason: String,
    },
    /// Anything else that it answered.
    #[error("{place}: {reason}")]
    Database {
        /// Which database.
        place: String,
        /// In the words of the database.
        reason: String,
    },
}

impl OpenError {
    /// What an error of the client means before the store is open.
    pub(crate) fn of(place: &str, schema: &str, error: &tokio_postgres::Error) -> OpenError {
        let (place, reason) = (place.to_owned(), describe(error));
        let Some(answer) = error.as_db_error() else {
            let text = error.to_string();
            return match text.as_str() {
                text if text.starts_with("error performing TLS") => {
                    OpenError::Tls { place, reason }
                }
                text if text.starts_with("authentication error")
                    || text.starts_with("invalid configuration") =>
                {
                    OpenError::Denied { place, reason }
                }
                _ => OpenError::Unreachable { place, reason },
            };
        };
        match answer.code().code() {
            "28000" | "28P01" | "3D000" => OpenError::Denied { place, reason },
            "42501" => OpenError::Rights { place, schema: schema.to_owned(), reason },
            "25006" => OpenError::ReadOnly { place, reason },
            "57P01" | "57P02" | "57P03" => OpenError::Unreachable { place, reason },
            state if state.starts_with("53") => OpenError::NoRoom { place, reason },
            state if state.starts_with("08") => OpenError::Unreachable { place, reason },
            _ => OpenError::Database { place, reason },
        }
    }

    /// Whether waiting may help: the database may be starting.
    pub(crate) fn is_passing(&self) -> bool {
        matches!(self, OpenError::Unreachable { .. })
    }
}
