//! Whom a statement of a resource's policy is about.
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html>.

use json::Value;

use crate::{PolicyError, Principal};

/// The elements `Principal` and `NotPrincipal`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Principals {
    named: Vec<Named>,
    is_negated: bool,
}

#[derive(Clone, Debug, PartialEq)]
enum Named {
    Everybody,
    Account(Box<str>),
    Arn(Box<str>),
    Service(Box<str>),
    /// Identity providers and canonical users: nobody here is one.
    Foreign,
}

/// How a statement is about somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Naming {
    /// It trusts the account to decide.
    Account,
    /// It is about everybody, or names the role of the session.
    Role,
    /// It names the user, the session or the service.
    Self_,
}

impl Principals {
    pub(crate) fn parse(value: &Value, is_negated: bool) -> Result<Principals, PolicyError> {
        let named = match value {
            Value::String(text) if &**text == "*" => vec![Named::Everybody],
            Value::Object(kinds) if !kinds.is_empty() => {
                let mut named = Vec::new();
                for (kind, value) in kinds.iter() {
                    for text in texts(value)? {
                        named.push(one(kind, text)?);
                    }
                }
                named
            }
            Value::String(text) => return Err(PolicyError::Principal(text.to_string())),
            _ => return Err(PolicyError::Missing("Principal")),
        };
        if named.is_empty() {
            return Err(PolicyError::Missing("Principal"));
        }
        Ok(Principals { named, is_negated })
    }

    /// How the statement is about the principal, where it is.
    pub(crate) fn naming(&self, principal: &Principal<'_>) -> Option<Naming> {
        let naming = self.named.iter().filter_map(|named| named.naming(principal)).max();
        if self.is_negated { naming.is_none().then_some(Naming::Role) } else { naming }
    }
}

fn texts(value: &Value) -> Result<Vec<&str>, PolicyError> {
    match value {
        Value::String(text) => Ok(vec![text]),
        Value::Array(items) => {
            items.iter().map(|item| item.as_str().ok_or(PolicyError::Syntax)).collect()
        }
        _ => Err(PolicyError::Syntax),
    }
}

fn one(kind: &str, text: &str) -> Result<Named, PolicyError> {
    let invalid = || PolicyError::Principal(format!("\"{kind}\":\"{text}\""));
    match kind {
        "AWS" if text == "*" => Ok(Named::Everybody),
        "AWS" if is_account(text) => Ok(Named::Account(text.into())),
        "AWS" => {
            let fields: Vec<&str> = text.splitn(6, ':').collect();
            match *fields {
                ["arn", _, "iam", "", account, "root"] if is_account(account) => {
                    Ok(Named::Account(account.into()))
                }
                ["arn", _, "iam" | "sts", "", account, name]
                    if is_account(account) && !name.is_empty() && !name.contains('*') =>
                {
                    Ok(Named::Arn(text.into()))
                }
                _ => Err(invalid()),
            }
        }
        "Service" if text.contains('.') => Ok(Named::Service(text.into())),
        "Federated" | "CanonicalUser" => Ok(Named::Foreign),
        _ => Err(invalid()),
    }
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Named {
    fn naming(&self, principal: &Principal<'_>) -> Option<Naming> {
        let naming = |is: bool, naming| is.then_some(naming);
        match (self, principal) {
            (Named::Everybody, _) => Some(Naming::Role),
            (Named::Account(account), principal) => {
                let is_root = matches!(principal, Principal::Root { .. });
                let how = if is_root { Naming::Self_ } else { Naming::Account };
                naming(principal.account() == Some(account), how)
            }
            (Named::Arn(named), Principal::User { arn, .. }) => {
                naming(**named == **arn, Naming::Self_)
            }
            (Named::Arn(named), Principal::Session { role_arn, session_arn, .. }) => {
                naming(**named == **session_arn, Naming::Self_)
                    .or(naming(**named == **role_arn, Naming::Role))
            }
            (Named::Service(named), Principal::Service(service)) => {
                // A service may be named with its region.
                let is_same = **named == **service || is_regional(named, service);
                naming(is_same, Naming::Self_)
            }
            (Named::Arn(_) | Named::Service(_) | Named::Foreign, _) => None,
        }
    }
}

/// `states.eu-central-1.amazonaws.com` for `states.amazonaws.com`.
fn is_regional(named: &str, service: &str) -> bool {
    let Some((name, domain)) = service.split_once('.') else { return false };
    let rest = named.strip_prefix(name).and_then(|rest| rest.strip_prefix('.'));
    let region = rest.and_then(|rest| rest.strip_suffix(domain)?.strip_suffix('.'));
    region.is_some_and(|region| !region.is_empty() && !region.contains('.'))
}
