//! A request: who asks, and the members of the body, checked.

use std::sync::Arc;

use json::{Object, Value};
use store::Scope;

use crate::constraint::{self, Member};
use crate::error::{ApiError, ErrorCode};

/// What an operation gets.
#[derive(Debug)]
pub(crate) struct Request {
    /// The account and the region that the caller's credentials name.
    pub(crate) scope: Scope,
    /// The header `X-Amzn-Trace-Id`, which wins over the member `traceHeader`.
    pub(crate) trace_header: Option<Arc<str>>,
    members: Arc<Object>,
}

impl Request {
    /// Reads the body and checks it against what the operation takes. Members that the operation
    /// does not have are dropped: nothing that is decided or done may follow from them.
    ///
    /// # Errors
    /// `SerializationException` where it is not a JSON object; else as [`constraint::check`].
    pub(crate) fn read(
        scope: Scope,
        trace_header: Option<Arc<str>>,
        body: &[u8],
        members: &[Member],
    ) -> Result<Request, ApiError> {
        let unreadable =
            |message: String| ApiError::new(ErrorCode::SerializationException, message);
        let text = std::str::from_utf8(body)
            .map_err(|_| unreadable("The request body is not UTF-8.".to_owned()))?;
        let value = json::parse(text).map_err(|error| {
            unreadable(format!("The request body is not valid JSON: {}", error.message))
        })?;
        let Value::Object(object) = value else {
            return Err(unreadable("The request body is not a JSON object.".to_owned()));
        };
        constraint::check(members, &object)?;
        let members = constraint::without_unknown(members, object);
        Ok(Request { scope, trace_header, members })
    }

    /// What a request would be about, for asking whether it would be allowed.
    pub(crate) fn about(scope: Scope, members: Object) -> Request {
        Request { scope, trace_header: None, members: Arc::new(members) }
    }

    /// A request of these members, which are not checked.
    #[cfg(test)]
    pub(crate) fn unchecked(scope: Scope, members: &[Member], object: Object) -> Request {
        let members = constraint::without_unknown(members, Arc::new(object));
        Request { scope, trace_header: None, members }
    }

    /// Everything that the operation takes of what was given.
    pub(crate) fn value(&self) -> Value {
        Value::Object(self.members.clone())
    }

    /// The text of that name, where it was given.
    pub(crate) fn text(&self, name: &str) -> Option<&Arc<str>> {
        text(&self.members, name)
    }

    /// The text of a required member.
    pub(crate) fn required_text(&self, name: &str) -> &Arc<str> {
        self.text(name).expect("required members were checked when the request was read")
    }

    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.members.get(name)?.as_i64()
    }

    pub(crate) fn float(&self, name: &str) -> Option<f64> {
        Some(self.members.get(name)?.as_number()?.as_f64())
    }

    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        self.members.get(name)?.as_bool()
    }

    pub(crate) fn structure(&self, name: &str) -> Option<&Object> {
        self.members.get(name)?.as_object()
    }

    pub(crate) fn list(&self, name: &str) -> Option<&[Value]> {
        self.members.get(name)?.as_array()
    }

    /// `maxResults`: 100 where it is absent or 0.
    pub(crate) fn page_size(&self) -> usize {
        match self.integer("maxResults") {
            None | Some(0) => 100,
            Some(limit) => usize::try_from(limit).expect("page sizes were checked to be 0 to 1000"),
        }
    }

    /// `includedData` is `METADATA_ONLY`.
    pub(crate) fn is_metadata_only(&self) -> bool {
        self.text("includedData").is_some_and(|included| &**included == "METADATA_ONLY")
    }
}

/// A text member of an object.
pub(crate) fn text<'a>(object: &'a Object, name: &str) -> Option<&'a Arc<str>> {
    match object.get(name) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}
