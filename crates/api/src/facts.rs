//! What conditions of policies may ask of every request.
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>.

use std::net::IpAddr;

use engine::Timestamp;
use hyper::header::USER_AGENT;
use hyper::http::request::Parts;
use identity::Facts;

/// Where a request comes from: an extension of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    pub(crate) is_tls: bool,
}

/// What is known of a request whatever it asks for.
pub(crate) fn of(parts: &Parts, region: &str, now: Timestamp) -> Facts<'static> {
    let mut facts = Facts::with_capacity(24);
    identity::describe_instant(&mut facts, now);
    facts.insert("aws:requestedregion", region.to_owned());
    if let Some(Peer { address, is_tls }) = parts.extensions.get::<Peer>() {
        facts.insert("aws:sourceip", address.to_canonical().to_string());
        facts.insert("aws:securetransport", is_tls.to_string());
    }
    if let Some(agent) = parts.headers.get(USER_AGENT).and_then(|agent| agent.to_str().ok()) {
        facts.insert("aws:useragent", agent.to_owned());
    }
    facts.insert("aws:viaawsservice", "false");
    facts.insert("aws:principalisawsservice", "false");
    facts
}
