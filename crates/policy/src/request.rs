//! What is asked.

use crate::Context;

/// Somebody asks to do something.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// In lower case.
    pub(crate) action: String,
    /// The ARN of what it would be done to, `*` where the action has no resource; none where any
    /// will do.
    pub(crate) resource: Option<&'a str>,
    pub(crate) principal: Principal<'a>,
    pub(crate) context: Context<'a>,
    /// Whether requests ever have a condition key.
    pub(crate) is_filled: fn(&str) -> bool,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Principal<'a> {
    /// The root user of an account.
    Root {
        /// Twelve digits.
        account: &'a str,
    },
    /// An IAM user.
    User {
        /// `arn:aws:iam::123456789012:user/name`
        arn: &'a str,
        /// Twelve digits.
        account: &'a str,
    },
    /// Somebody who has assumed a role.
    Session {
        /// `arn:aws:iam::123456789012:role/name`
        role_arn: &'a str,
        /// `arn:aws:sts::123456789012:assumed-role/name/session`
        session_arn: &'a str,
        /// Twelve digits.
        account: &'a str,
    },
    /// A service of AWS, such as `states.amazonaws.com`.
    Service(&'a str),
    /// Nobody knows who.
    Anonymous,
}

impl<'a> Request<'a> {
    /// A request to do `action`, such as `states:StartExecution`, to the resource of that ARN.
    pub fn new(
        action: &str,
        resource: &'a str,
        principal: Principal<'a>,
        context: Context<'a>,
    ) -> Request<'a> {
        let action = action.to_ascii_lowercase();
        Request { action, resource: Some(resource), principal, context, is_filled: |_| true }
    }

    /// A request to do `action` to something that is not known: it is allowed where it is for any
    /// resource, and forbidden where it is for all.
    pub fn for_any_resource(
        action: &str,
        principal: Principal<'a>,
        context: Context<'a>,
    ) -> Request<'a> {
        let action = action.to_ascii_lowercase();
        Request { action, resource: None, principal, context, is_filled: |_| true }
    }

    /// The same, where requests never have some condition keys, given in lower case. What such a
    /// key would say is not known: a condition on it holds where the statement denies.
    #[must_use]
    pub fn with_filled(self, is_filled: fn(&str) -> bool) -> Request<'a> {
        Request { is_filled, ..self }
    }
}

impl<'a> Principal<'a> {
    /// The account that the principal is of.
    pub fn account(&self) -> Option<&'a str> {
        match self {
            Principal::Root { account }
            | Principal::User { account, .. }
            | Principal::Session { account, .. } => Some(account),
            Principal::Service(_) | Principal::Anonymous => None,
        }
    }
}
