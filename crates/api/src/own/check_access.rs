//! CheckAccess: what the caller may do.

use json::{Object, Value};

use super::Asker;
use crate::authorization::Asking;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;

const ASK: Member = Member::structure(
    "Ask",
    &[Member::text("action", 1, 256).required(), Member::text("resource", 1, 2_000).required()],
);

pub(super) const MEMBERS: &[Member] = &[Member::short_list("asks", &ASK, 1, 100).required()];

pub(super) fn call(request: &Request, asker: &Asker<'_>) -> Result<Object, ApiError> {
    let asks = request.list("asks").unwrap_or_default();
    let answers = asks.iter().map(|ask| {
        let text = |name| ask.get(name).and_then(Value::as_str).unwrap_or_default();
        let refused = match asker.asking {
            Asking::Caller(caller) => {
                caller.check(text("action"), text("resource"), asker.known.clone()).err()
            }
            Asking::Task(_) => None,
        };
        let mut answer = Object::new();
        answer.insert("allowed", refused.is_none());
        if let Some(message) = refused {
            answer.insert("message", message);
        }
        Value::from(answer)
    });
    let mut out = Object::new();
    out.insert("answers", answers.collect::<Vec<_>>());
    Ok(out)
}
