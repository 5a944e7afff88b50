//! What the role of a state machine lets its tasks do.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;
use policy::{Context, Decision, Policies, Principal, Request, decide};
use ring::digest;
use store::StoreError;

use crate::Identities;

/// What is done about what a role does not allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Enforcement {
    /// A role that this server knows is enforced; one that it does not know may do anything, which
    /// is said once in the log.
    #[default]
    Permissive,
    /// A role that this server does not know may do nothing.
    Enforce,
    /// Everything is allowed; the log says what would not be.
    DryRun,
}

/// Decides what tasks may do.
pub struct Guard {
    identities: Arc<Identities>,
    enforcement: Enforcement,
    /// What was said once.
    said: Mutex<BTreeSet<String>>,
}

/// What AWS's page asks of a role for the delivery of logs, all of it on every resource.
pub const LOG_DELIVERY: [&str; 8] = [
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
];

/// So much is said at most.
const SAID_MAX: usize = 10_000;

/// A task that may not do what it is to do. Holds AWS's message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Denied(pub String);

impl Guard {
    /// Decides by these identities.
    pub fn new(identities: Arc<Identities>, enforcement: Enforcement) -> Guard {
        Guard { identities, enforcement, said: Mutex::default() }
    }

    /// Whether a task of that execution may do `action` to `resource` with the role. Where the
    /// resource is not known, it is enough that the role may do it to any. Conditions are held
    /// against `known`, keys in small letters with their values, and what is known of the role.
    ///
    /// # Errors
    /// Those of the store; what the inner result says is the denial.
    pub async fn check(
        &self,
        role_arn: &str,
        execution_arn: &str,
        action: &str,
        resource: Option<&str>,
        known: &[(&'static str, String)],
    ) -> Result<Result<(), Denied>, StoreError> {
        // What is not known is not named in messages either.
        let on_resource = || resource.map(|it| format!(" on resource: {it}")).unwrap_or_default();
        let subject = self.identities.subject(role_arn).await?;
        let Some(subject) = subject else {
            if self.enforcement == Enforcement::Permissive {
                self.say_once(role_arn, || {
                    tracing::warn!(
                        role = role_arn,
                        "this server does not know the role: its executions may do anything"
                    );
                });
                return Ok(Ok(()));
            }
            let message = format!(
                "User: {role_arn} is not authorized to perform: {action}{} \
                 because no identity-based policy allows the {action} action",
                on_resource()
            );
            return Ok(self.denied(message));
        };
        let session_arn = subject.session_arn(&session_name(execution_arn));
        let mut context = Context::with_capacity(4);
        subject.describe(&mut context);
        for (key, value) in known {
            context.insert(*key, value.as_str());
        }
        let principal =
            Principal::Session { role_arn, session_arn: &session_arn, account: &subject.account };
        let request = match resource {
            Some(resource) => Request::new(action, resource, principal, context),
            None => Request::for_any_resource(action, principal, context),
        };
        let policies = Policies {
            identity: &subject.policies,
            boundary: subject.boundary.as_deref(),
            ..Policies::default()
        };
        Ok(match decide(&request, &policies) {
            Decision::Allowed => Ok(()),
            Decision::Denied(denial) => self.denied(format!(
                "User: {session_arn} is not authorized to perform: {action}{} {}",
                on_resource(),
                denial.because(action)
            )),
        })
    }

    /// Whether a task of that execution, which runs with `role_arn`, may go on as another role:
    /// where the one may assume the other, and the other trusts the one.
    ///
    /// # Errors
    /// Those of the store; what the inner result says is the denial.
    pub async fn check_assumption(
        &self,
        role_arn: &str,
        execution_arn: &str,
        other_arn: &str,
    ) -> Result<Result<(), Denied>, StoreError> {
        const ACTION: &str = "sts:AssumeRole";
        let own = self.check(role_arn, execution_arn, ACTION, Some(other_arn), &[]).await?;
        if own.is_err() {
            return Ok(own);
        }
        let Some(other) = self.identities.subject(other_arn).await? else {
            // That nothing is known of it is said, or held against it, when it is to do something.
            return Ok(Ok(()));
        };
        let account = role_arn.split(':').nth(4).unwrap_or_default();
        let role_name = role_arn.rsplit('/').next().unwrap_or_default();
        let session_name = session_name(execution_arn);
        let session_arn = format!("arn:aws:sts::{account}:assumed-role/{role_name}/{session_name}");
        let principal = Principal::Session { role_arn, session_arn: &session_arn, account };
        let request = Request::new(ACTION, other_arn, principal, Context::default());
        let policies = Policies { trust: other.trust.as_deref(), ..Policies::default() };
        if other.trust.is_some() && decide(&request, &policies).is_allowed() {
            return Ok(Ok(()));
        }
        let message = format!(
            "User: {session_arn} is not authorized to perform: {ACTION} on resource: {other_arn}"
        );
        Ok(self.denied(message))
    }

    /// Whether Step Functions may assume the role: asked when a state machine is given it.
    ///
    /// # Errors
    /// Those of the store; what the inner result says is the denial.
    pub async fn check_trust(&self, role_arn: &str) -> Result<Result<(), Denied>, StoreError> {
        const SERVICE: &str = "states.amazonaws.com";
        let subject = self.identities.subject(role_arn).await?;
        let is_known = subject.is_some();
        let may = match subject.as_ref().and_then(|subject| subject.trust.as_deref()) {
            Some(trust) => {
                let principal = Principal::Service(SERVICE);
                let context = Context::default();
                let request = Request::new("sts:AssumeRole", role_arn, principal, context);
                let policies = Policies { trust: Some(trust), ..Policies::default() };
                decide(&request, &policies).is_allowed()
            }
            None => !is_known && self.enforcement == Enforcement::Permissive,
        };
        if may {
            return Ok(Ok(()));
        }
        let message = "Neither the global service principal states.amazonaws.com, nor the regional \
                       one is authorized to assume the provided role.";
        Ok(self.denied(message.to_owned()))
    }

    /// Whether the role may have logs delivered: asked when executions are to be logged with it.
    /// See <https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html>.
    ///
    /// # Errors
    /// Those of the store; what the inner result says is the denial.
    pub async fn check_log_delivery(
        &self,
        role_arn: &str,
    ) -> Result<Result<(), Denied>, StoreError> {
        for action in LOG_DELIVERY {
            if self.check(role_arn, "", action, Some("*"), &[]).await?.is_err() {
                let message = "The state machine IAM Role is not authorized to access the Log \
                               Destination";
                return Ok(Err(Denied(message.to_owned())));
            }
        }
        Ok(Ok(()))
    }

    fn denied(&self, message: String) -> Result<(), Denied> {
        if self.enforcement == Enforcement::DryRun {
            self.say_once(&message, || tracing::warn!(message, "would be denied"));
            return Ok(());
        }
        Err(Denied(message))
    }

    fn say_once(&self, what: &str, say: impl FnOnce()) {
        let mut said = self.said.lock();
        if said.len() < SAID_MAX && said.insert(what.to_owned()) {
            say();
        }
    }
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Guard").field("enforcement", &self.enforcement).finish()
    }
}

/// Step Functions names the session of an execution by 32 letters: the same for all its tasks.
fn session_name(execution_arn: &str) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef";
    let digest = digest::digest(&digest::SHA256, execution_arn.as_bytes());
    digest.as_ref().iter().map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect()
}
