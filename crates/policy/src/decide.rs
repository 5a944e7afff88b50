//! Weighs the policies that apply to a request.
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html>.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::principal::Naming;
use crate::{Effect, Policy, Principal, Request};

/// The policies that apply to a request.
#[derive(Clone, Copy, Debug, Default)]
pub struct Policies<'a> {
    /// Those of the user or of the role.
    pub identity: &'a [Arc<Policy>],
    /// What the identity's policies may grant at most, where it has such a boundary.
    pub boundary: Option<&'a Policy>,
    /// What the session may do at most, where it was begun with policies.
    pub session: Option<&'a [Arc<Policy>]>,
    /// The trust policy, where the resource is a role that is to be assumed. Unlike other policies
    /// of resources, it must allow whatever the identity's policies allow.
    pub trust: Option<&'a Policy>,
    /// Whether the resource is of another account than the principal.
    pub is_cross_account: bool,
}

/// Whether a request is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is.
    Allowed,
    /// It is not.
    Denied(Denial),
}

/// Why a request is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// A statement forbids it.
    Explicit(PolicyType),
    /// No statement allows it.
    Implicit(PolicyType),
}

/// What a policy is to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyType {
    /// Of the user or of the role.
    Identity,
    /// A permissions boundary.
    Boundary,
    /// Of the session.
    Session,
    /// Of the role that is to be assumed.
    Trust,
}

impl fmt::Display for PolicyType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            PolicyType::Identity => "identity-based policy",
            PolicyType::Boundary => "permissions boundary",
            PolicyType::Session => "session policy",
            PolicyType::Trust => "resource-based policy",
        })
    }
}

impl Denial {
    /// The end of the message of an error, after `… on resource: <arn>`, in AWS's words.
    /// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html>.
    pub fn because(&self, action: &str) -> String {
        match self {
            Denial::Explicit(kind) => {
                let article = if *kind == PolicyType::Identity { "an" } else { "a" };
                format!("with an explicit deny in {article} {kind}")
            }
            Denial::Implicit(kind) => format!("because no {kind} allows the {action} action"),
        }
    }
}

impl Decision {
    /// Whether it is allowed.
    pub fn is_allowed(&self) -> bool {
        *self == Decision::Allowed
    }
}

/// Decides a request.
pub fn decide(request: &Request<'_>, policies: &Policies<'_>) -> Decision {
    let boundary = policies.boundary.map(std::slice::from_ref);
    let trust = policies.trust.map(std::slice::from_ref);
    let by_identity = Verdict::of(policies.identity, request);
    let by_boundary = boundary.map(|it| Verdict::of(it, request));
    let by_session = policies.session.map(|it| Verdict::of(it, request));
    let by_trust = trust.map(|it| Verdict::of(it, request));
    let verdicts = [
        (PolicyType::Identity, Some(by_identity)),
        (PolicyType::Boundary, by_boundary),
        (PolicyType::Session, by_session),
        (PolicyType::Trust, by_trust),
    ];
    for (kind, verdict) in verdicts {
        if verdict == Some(Verdict::Denied) {
            return Decision::Denied(Denial::Explicit(kind));
        }
    }
    let granted = match by_trust {
        Some(Verdict::Allowed(naming)) => Some(naming),
        Some(Verdict::Silent | Verdict::Denied) | None => None,
    };
    let is_service = matches!(request.principal, Principal::Service(_) | Principal::Anonymous);
    let needs_grant = policies.trust.is_some() || policies.is_cross_account || is_service;
    if needs_grant && granted.is_none() {
        return Decision::Denied(Denial::Implicit(PolicyType::Trust));
    }
    // What names a user or a session itself needs nobody else's consent in its account.
    if is_service || granted == Some(Naming::Self_) && !policies.is_cross_account {
        return Decision::Allowed;
    }
    let is_root = matches!(request.principal, Principal::Root { .. });
    let is_granted = granted == Some(Naming::Role) && !policies.is_cross_account;
    let limits = [
        (PolicyType::Identity, (!is_granted && !is_root).then_some(by_identity)),
        (PolicyType::Boundary, by_boundary),
        (PolicyType::Session, by_session),
    ];
    for (kind, verdict) in limits {
        if verdict == Some(Verdict::Silent) {
            return Decision::Denied(Denial::Implicit(kind));
        }
    }
    Decision::Allowed
}

/// What policies of one type say of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Verdict {
    Silent,
    /// The closest naming of the principal in what allows it.
    Allowed(Naming),
    Denied,
}

impl Verdict {
    fn of<P: Borrow<Policy>>(policies: &[P], request: &Request<'_>) -> Verdict {
        let mut verdict = Verdict::Silent;
        for statement in policies.iter().flat_map(|policy| policy.borrow().statements()) {
            let Some(naming) = statement.applies(request) else { continue };
            verdict = match (statement.effect, verdict) {
                (Effect::Deny, _) => return Verdict::Denied,
                (Effect::Allow, Verdict::Allowed(other)) => Verdict::Allowed(naming.max(other)),
                (Effect::Allow, Verdict::Silent | Verdict::Denied) => Verdict::Allowed(naming),
            };
        }
        verdict
    }
}
