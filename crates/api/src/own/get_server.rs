//! GetServer: which server this is, and who asks. Who is not known is told how to become so.

use json::Object;

use super::Asker;
use crate::Api;
use crate::authorization::Asking;
use crate::constraint::Member;
use crate::request::Request;

pub(super) const MEMBERS: &[Member] = &[];

/// The answer to somebody who is not known.
pub(crate) fn open_answer(api: &Api) -> Object {
    let mut out = Object::new();
    out.insert("version", env!("CARGO_PKG_VERSION"));
    let authentication = if api.callers.must_be_known() { "signed" } else { "open" };
    out.insert("authentication", authentication);
    out
}

pub(super) fn call(api: &Api, request: &Request, asker: &Asker<'_>) -> Object {
    let mut out = open_answer(api);
    out.insert("account", &*request.scope.account);
    out.insert("region", &*request.scope.region);
    if let Asking::Caller(caller) = asker.asking {
        let mut who = Object::new();
        who.insert("arn", caller.arn());
        who.insert("known", asker.asking.is_bound(api));
        out.insert("caller", who);
    }
    out.insert("now", super::read::seconds(api.runtime.now()));
    out
}
