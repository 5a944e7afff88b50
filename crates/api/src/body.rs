//! Reading the body of a request within limits of length, time and memory.

use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ApiError, ErrorCode};

/// The longest body, in bytes. AWS takes requests of 1 MB, headers included. The rest is room for
/// the escapes of a long definition, so that it is not refused for its quotes.
const BODY_BYTES_MAX: usize = 2 * 1_048_576;
/// How long the body of a request may take to arrive.
const BODY_TIME_MAX: Duration = Duration::from_secs(30);
/// How many bytes of each body need no room of the budget, so that ordinary requests are served
/// while long ones wait for their ends.
const FREE_BYTES: usize = 16 * 1_024;
/// The budget of all bodies that are longer, in units of [`UNIT_BYTES`]: 64 MiB.
const BUDGET_UNITS: usize = 4 * 1_024;
const UNIT_BYTES: usize = 16 * 1_024;

/// The memory that bodies may take at the same time.
pub(crate) struct BodyBudget {
    units: Arc<Semaphore>,
}

impl Default for BodyBudget {
    fn default() -> BodyBudget {
        BodyBudget { units: Arc::new(Semaphore::new(BUDGET_UNITS)) }
    }
}

/// The room of a body in the budget. It is given back when this is dropped.
#[derive(Default)]
pub(crate) struct Room(Option<OwnedSemaphorePermit>);

impl BodyBudget {
    /// Reads a body. It counts against the budget as it arrives, and until the room is dropped:
    /// what is declared but does not arrive takes no room from others.
    ///
    /// # Errors
    /// `RequestEntityTooLargeException`, `RequestTimeoutException`, `SerializationException` where
    /// the connection broke off, or `ServiceUnavailable` where the budget is used up.
    pub(crate) async fn read(&self, body: Incoming) -> Result<(Bytes, Room), ApiError> {
        let read = tokio::time::timeout(BODY_TIME_MAX, self.read_all(body));
        read.await.unwrap_or_else(|_| {
            let message = "The request body did not arrive in time.";
            Err(ApiError::new(ErrorCode::RequestTimeoutException, message))
        })
    }

    async fn read_all(&self, body: Incoming) -> Result<(Bytes, Room), ApiError> {
        let mut body = Limited::new(body, BODY_BYTES_MAX);
        let mut room = Room::default();
        let (mut first, mut whole) = (Bytes::new(), Vec::new());
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.map_err(unreadable)?.into_data() else { continue };
            if first.is_empty() && whole.is_empty() {
                first = data;
            } else {
                // Most bodies arrive in one piece, which is not copied.
                whole.extend_from_slice(&std::mem::take(&mut first));
                whole.extend_from_slice(&data);
            }
            self.extend(&mut room, first.len().max(whole.len()))?;
        }
        Ok((if whole.is_empty() { first } else { whole.into() }, room))
    }

    /// Takes as much room as a body of this length needs.
    fn extend(&self, room: &mut Room, bytes: usize) -> Result<(), ApiError> {
        let needed = bytes.saturating_sub(FREE_BYTES).div_ceil(UNIT_BYTES);
        let held = room.0.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        if needed <= held {
            return Ok(());
        }
        let more = u32::try_from(needed - held).expect("a body has at most 128 units");
        let more = self.units.clone().try_acquire_many_owned(more).map_err(|_| {
            let message = "Too many long requests are under way.";
            ApiError::new(ErrorCode::ServiceUnavailable, message)
        })?;
        match &mut room.0 {
            Some(permit) => permit.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }
}

fn unreadable(error: Box<dyn std::error::Error + Send + Sync>) -> ApiError {
    if error.is::<LengthLimitError>() {
        let message = format!("The request body is longer than {BODY_BYTES_MAX} bytes.");
        return ApiError::new(ErrorCode::RequestEntityTooLargeException, message);
    }
    let message = format!("The request body could not be read: {error}");
    ApiError::new(ErrorCode::SerializationException, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_bodies_need_no_room() {
        let budget = BodyBudget { units: Arc::new(Semaphore::new(0)) };
        let mut room = Room::default();
        assert!(budget.extend(&mut room, FREE_BYTES).is_ok());
        let error = budget.extend(&mut room, FREE_BYTES + 1).expect_err("there is no room");
        assert_eq!(error.code, ErrorCode::ServiceUnavailable);
    }

    #[test]
    fn room_grows_with_the_body_and_is_given_back() {
        let budget = BodyBudget::default();
        let mut room = Room::default();
        for bytes in [20_000, 20_001, 100_000, BODY_BYTES_MAX] {
            budget.extend(&mut room, bytes).expect("there is room");
            let taken = BUDGET_UNITS - budget.units.available_permits();
            assert_eq!(taken, (bytes - FREE_BYTES).div_ceil(UNIT_BYTES), "{bytes}");
        }
        drop(room);
        assert_eq!(budget.units.available_permits(), BUDGET_UNITS);
    }
}
