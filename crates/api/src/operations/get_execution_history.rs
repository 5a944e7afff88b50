//! GetExecutionHistory.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html>.

use runtime::GetExecutionHistory;
use store::{HistoryCursor, Revision};

use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::history;
use crate::request::Request;
use crate::token::Listing;
use crate::write::JsonWriter;

/// How many events are taken from the store at a time, and how long an answer may become before
/// its page ends early: events hold up to 256 KiB each, and a page up to 1,000 of them.
const EVENTS_AT_A_TIME: usize = 100;
const ANSWER_BYTES: usize = 4 * 1_048_576;

pub(crate) const MEMBERS: &[Member] = &[
    Member::arn("executionArn").required(),
    Member::page_size("maxResults"),
    Member::boolean("reverseOrder"),
    Member::page_token("nextToken"),
    Member::boolean("includeExecutionData"),
];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let execution_arn = request.required_text("executionArn");
    let reverse = request.boolean("reverseOrder").unwrap_or(false);
    let with_data = request.boolean("includeExecutionData").unwrap_or(true);
    let listing = Listing {
        operation: "GetExecutionHistory",
        scope: &request.scope,
        arguments: &[execution_arn, if reverse { "reverse" } else { "" }],
    };
    let now = api.runtime.now();
    let mut from = match request.text("nextToken") {
        Some(token) => Some(listing.cursor(now, token, read_cursor)?),
        None => None,
    };
    let mut missing = request.page_size();
    let mut out = JsonWriter::object();
    out.open_array("events");
    loop {
        let limit = missing.min(EVENTS_AT_A_TIME);
        let page = GetExecutionHistory { execution_arn, from, limit, reverse };
        let page = api.runtime.get_execution_history(&request.scope, page).await?;
        for event in &page.events {
            out.item(|out| history::write_event(out, event, with_data));
        }
        missing = missing.saturating_sub(page.events.len());
        from = page.next;
        if from.is_none() || missing == 0 || out.len_bytes() >= ANSWER_BYTES {
            break;
        }
    }
    out.close_array();
    if let Some(next) = from {
        out.text("nextToken", &listing.token(now, &write_cursor(next)));
    }
    Ok(out.finish())
}

fn write_cursor(cursor: HistoryCursor) -> Vec<u8> {
    [cursor.revision.0.to_be_bytes(), cursor.offset.to_be_bytes()].concat()
}

fn read_cursor(bytes: &[u8]) -> Option<HistoryCursor> {
    let (revision, offset) = bytes.split_first_chunk()?;
    let revision = Revision(u32::from_be_bytes(*revision));
    Some(HistoryCursor { revision, offset: u32::from_be_bytes(offset.try_into().ok()?) })
}
