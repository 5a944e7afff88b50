//! What a failed statement means, by its SQLSTATE.
//!
//! See <https://www.postgresql.org/docs/current/errcodes-appendix.html>.

use std::error::Error as _;

use store::StoreError;
use tokio_postgres::Error;

/// What to do about a statement that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It was rolled back for what others did: the same again.
    Again,
    /// The connection is lost, or leads to a database that does not write: whether it was done is
    /// not known.
    Lost(String),
    /// The partition of its era is missing.
    NoPartition,
    /// It was rolled back, and nothing can be written now.
    Refused(String),
    /// It was rolled back, and one of its rows is the cause.
    Row(String),
}

impl Failure {
    pub(crate) fn of(error: &Error) -> Failure {
        match error.as_db_error() {
            Some(answer) => of_state(answer.code().code(), &describe(error)),
            None if is_of_us(error) => Failure::Row(describe(error)),
            None => Failure::Lost(describe(error)),
        }
    }

    /// What a caller of a read is told.
    pub(crate) fn read_error(self) -> StoreError {
        match self {
            Failure::Again => StoreError::Refused("the database is busy".to_owned()),
            Failure::Lost(reason) | Failure::Refused(reason) => StoreError::Refused(reason),
            Failure::NoPartition => StoreError::Corrupt("a partition is missing".to_owned()),
            Failure::Row(reason) => StoreError::Corrupt(reason),
        }
    }
}

/// What a SQLSTATE means. The message is what people are told.
fn of_state(state: &str, message: &str) -> Failure {
    let message = message.to_owned();
    match state {
        // serialization_failure, deadlock_detected, lock_not_available, query_canceled
        "40001" | "40P01" | "55P03" | "57014" => Failure::Again,
        // admin_shutdown, crash_shutdown, cannot_connect_now, database_dropped,
        // idle_session_timeout, idle_in_transaction_session_timeout, and read_only_sql_transaction:
        // an old primary.
        "57P01" | "57P02" | "57P03" | "57P04" | "57P05" | "25P03" | "25006" => {
            Failure::Lost(message)
        }
        // check_violation: of the bounds of partitions alone.
        "23514" => Failure::NoPartition,
        // insufficient_privilege, and what an administrator changed: no fault of the rows.
        "42501" | "42P01" | "3F000" | "3D000" | "28000" | "28P01" => Failure::Refused(message),
        _ => match state.get(..2) {
            Some("08") => Failure::Lost(message),
            // Insufficient resources, and errors of the system.
            Some("53" | "58") => Failure::Refused(message),
            _ => Failure::Row(message),
        },
    }
}

/// Whether the client could not write the parameters, or not read the answer.
fn is_of_us(error: &Error) -> bool {
    let text = error.to_string();
    text.starts_with("error serializing parameter")
        || text.starts_with("error deserializing column")
        || text.starts_with("invalid column")
        || text.starts_with("expected ")
}

/// The error, with what the database says of it.
pub(crate) fn describe(error: &Error) -> String {
    let Some(answer) = error.as_db_error() else {
        return match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
    };
    let mut text = format!("{} (SQLSTATE {})", answer.message(), answer.code().code());
    for more in [answer.detail(), answer.hint()].into_iter().flatten() {
        text = format!("{text}: {more}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_passing_is_tried_again_and_what_is_not_is_told() {
        let failure = |state| of_state(state, "message");
        let message = || "message".to_owned();
        for state in ["40001", "40P01", "55P03", "57014"] {
            assert_eq!(failure(state), Failure::Again, "{state}");
        }
        for state in ["08006", "08003", "57P01", "57P02", "57P03", "25006"] {
            assert_eq!(failure(state), Failure::Lost(message()), "{state}");
        }
        for state in ["53100", "53300", "58030", "42501"] {
            assert_eq!(failure(state), Failure::Refused(message()), "{state}");
        }
        assert_eq!(failure("23514"), Failure::NoPartition);
        for state in ["22021", "23505", "54000", "XX001", ""] {
            assert_eq!(failure(state), Failure::Row(message()), "{state}");
        }
    }
}
