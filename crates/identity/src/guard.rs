//! What the role of a state machine lets its tasks do.

use std::collections::BTreeSet;
use std::sync::Arc;

use engine::Timestamp;
use parking_lot::Mutex;
use policy::{Context, Decision, DocumentType, Policies, Policy, Principal, Request, decide};
use ring::digest;
use store::StoreError;

use crate::subject::{
    describe_instant, describe_resource_tags, describe_session, is_filled, is_filled_elsewhere,
    is_filled_nowhere,
};
use crate::{Identities, Subject};

/// What is done about what a role does not allow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Enforcement {
    /// A role that this server knows is enforced; one that it does not know may do anything in its
    /// own account, which is said once in the log.
    #[default]
    Permissive,
    /// A role that this server does not know may do nothing.
    Enforce,
    /// Everything is allowed within an account; the log says what would not be.
    DryRun,
}

/// What decides about a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// Its policies.
    Policies,
    /// Its policies, and what they deny is only told.
    PoliciesAreTold,
    /// It may do anything.
    Anything,
    /// It may do nothing.
    Nothing,
}

impl Rule {
    /// By the mode, whether the role is known, and whether it is of the account that acts with it.
    fn of(mode: Enforcement, is_known: bool, is_own_account: bool) -> Rule {
        match (mode, is_known, is_own_account) {
            (Enforcement::DryRun, true, true) => Rule::PoliciesAreTold,
            (_, true, _) => Rule::Policies,
            (Enforcement::Enforce, false, _) | (_, false, false) => Rule::Nothing,
            (Enforcement::DryRun, false, true) => Rule::PoliciesAreTold,
            (Enforcement::Permissive, false, true) => Rule::Anything,
        }
    }
}

/// A task that acts with a role.
#[derive(Clone, Copy, Debug)]
pub struct Actor<'a> {
    /// The role.
    pub role_arn: &'a str,
    /// The execution, which names the session of the role.
    pub execution_arn: &'a str,
    /// The account that it acts in.
    pub account: &'a str,
    /// The region that it acts in.
    pub region: &'a str,
    /// When.
    pub now: Timestamp,
}

impl Actor<'_> {
    /// `arn:aws:sts::123456789012:assumed-role/name/session`
    pub fn session_arn(&self) -> String {
        let account = account_of(self.role_arn);
        let role_name = self.role_arn.rsplit('/').next().unwrap_or_default();
        let session_name = session_name(self.execution_arn);
        format!("arn:aws:sts::{account}:assumed-role/{role_name}/{session_name}")
    }
}

/// The account in an ARN; empty where there is none.
pub fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

/// Decides what tasks may do.
pub struct Guard {
    identities: Arc<Identities>,
    enforcement: Enforcement,
    /// Whether accounts are kept apart: where callers must be known. Elsewhere everybody may act in
    /// every account anyway.
    keeps_accounts_apart: bool,
    /// Allows everything: what a role that is not known is taken to have.
    anything: Arc<Policy>,
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
        const ANYTHING: &str = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
        let anything = Policy::parse(ANYTHING, DocumentType::Identity);
        Guard {
            identities,
            enforcement,
            keeps_accounts_apart: false,
            anything: Arc::new(anything.expect("it is a policy")),
            said: Mutex::default(),
        }
    }

    /// Forgets what was made ready of identities: another node has changed some.
    pub fn forget_subjects(&self) {
        self.identities.forget_subjects();
    }

    /// The same, for a server that knows whose requests these are.
    #[must_use]
    pub fn keeping_accounts_apart(self, keeps_accounts_apart: bool) -> Guard {
        Guard { keeps_accounts_apart, ..self }
    }

    fn rule(&self, actor: &Actor<'_>, is_known: bool) -> Rule {
        let is_own = account_of(actor.role_arn) == actor.account;
        Rule::of(self.enforcement, is_known, is_own || !self.keeps_accounts_apart)
    }

    /// Whether a task may do `action` to `resource`. Where the resource is not known, it is enough
    /// that the role may do it to any. Conditions are held against `facts`, and what is known of
    /// the role and of the moment.
    ///
    /// # Errors
    /// Those of the store; what the inner result says is the denial.
    pub async fn check(
        &self,
        actor: &Actor<'_>,
        action: &str,
        resource: Option<&str>,
        facts: Context<'_>,
    ) -> Result<Result<(), Denied>, StoreError> {
        // What is not known is not named in messages either.
        let on_resource = || resource.map(|it| format!(" on resource: {it}")).unwrap_or_default();
        let subject = self.identities.subject(actor.role_arn).await?;
        let rule = self.rule(actor, subject.is_some());
        if rule == Rule::Anything {
            self.say_unknown(actor);
            return Ok(Ok(()));
        }
        let Some(subject) = subject else {
            let message = format!(
                "User: {} is not authorized to perform: {action}{} \
                 because no identity-based policy allows the {action} action",
                actor.role_arn,
                on_resource()
            );
            return Ok(self.denied(rule, message));
        };
        let session_arn = actor.session_arn();
        let mut context = self.context(actor, &subject, facts);
        let owner = resource.map(account_of).filter(|account| !account.is_empty());
        if let Some(owner) = owner {
            context.insert("aws:resourceaccount", owner.to_owned());
        }
        let is_filled = match action.split(':').next() {
            Some("states" | "iam" | "sts") => is_filled,
            _ if owner.is_some() => is_filled_elsewhere,
            _ => is_filled_nowhere,
        };
        let principal = principal(&subject, &session_arn);
        let request = match resource {
            Some(resource) => Request::new(action, resource, principal, context),
            None => Request::for_any_resource(action, principal, context),
        };
        let policies = Policies {
            identity: &subject.policies,
            boundary: subject.boundary.as_deref(),
            ..Policies::default()
        };
        Ok(match decide(&request.with_filled(is_filled), &policies) {
            Decision::Allowed => Ok(()),
            Decision::Denied(denial) => self.denied(
                rule,
                format!(
                    "User: {session_arn} is not authorized to perform: {action}{} {}",
                    on_resource(),
                    denial.because(action)
                ),
            ),
        })
    }

    /// Whether what the role may do depends on tags of resources.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn asks_for_resource_tags(&self, role_arn: &str) -> Result<bool, StoreError> {
        let subject = self.identities.subject(role_arn).await?;
        Ok(subject.is_some_and(|subject| subject.asks_for_resource_tags()))
    }

    /// Adds what is known of a role that something is done to.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn describe_role(
        &self,
        role_arn: &str,
        facts: &mut Context<'_>,
    ) -> Result<(), StoreError> {
        if let Some(role) = self.identities.subject(role_arn).await? {
            describe_resource_tags(facts, &role.tags);
        }
        Ok(())
    }

    /// What conditions may ask for: AWS fills these keys for calls of Step Functions with a role.
    fn context<'a>(
        &self,
        actor: &Actor<'a>,
        subject: &'a Subject,
        facts: Context<'a>,
    ) -> Context<'a> {
        let mut context = facts;
        subject.describe(&mut context);
        describe_session(&mut context, actor.now);
        describe_instant(&mut context, actor.now);
        context
            .insert("aws:userid", format!("{}:{}", subject.id, session_name(actor.execution_arn)));
        context.insert("aws:requestedregion", actor.region);
        context.insert("aws:securetransport", "true");
        context.insert("aws:useragent", "states.amazonaws.com");
        context.insert("aws:viaawsservice", "false");
        context.insert("aws:principalisawsservice", "false");
        context
    }

    /// Whether a task may go on as another role: where its own may assume the other, and the other
    /// trusts it.
    ///
    /// # Errors
    /// Those of the store; what the inner result says is the denial.
    pub async fn check_assumption(
        &self,
        actor: &Actor<'_>,
        other_arn: &str,
    ) -> Result<Result<(), Denied>, StoreError> {
        const ACTION: &str = "sts:AssumeRole";
        let own = self.check(actor, ACTION, Some(other_arn), Context::default()).await?;
        if own.is_err() {
            return Ok(own);
        }
        let is_cross_account = account_of(other_arn) != actor.account;
        let session_arn = actor.session_arn();
        let message = format!(
            "User: {session_arn} is not authorized to perform: {ACTION} on resource: {other_arn}"
        );
        let rule = match is_cross_account && self.keeps_accounts_apart {
            // No mode lets anybody into another account: its own policies decide.
            true => Rule::Policies,
            false => self.rule(actor, true),
        };
        let Some(other) = self.identities.subject(other_arn).await? else {
            // In its own account, an unknown role is decided upon when it is to do something.
            let is_taken =
                rule != Rule::Policies || !is_cross_account || !self.keeps_accounts_apart;
            return Ok(if is_taken { Ok(()) } else { Err(Denied(message)) });
        };
        let own = self.identities.subject(actor.role_arn).await?;
        let mut context = Context::with_capacity(16);
        if let Some(own) = &own {
            context = self.context(actor, own, context);
        }
        let session = session_name(actor.execution_arn);
        context.insert("sts:rolesessionname", &*session);
        other.describe_resource(&mut context);
        let account = account_of(actor.role_arn);
        let principal =
            Principal::Session { role_arn: actor.role_arn, session_arn: &session_arn, account };
        let request = Request::new(ACTION, other_arn, principal, context).with_filled(is_filled);
        let unknown = std::slice::from_ref(&self.anything);
        let policies = Policies {
            identity: own.as_ref().map_or(unknown, |own| &own.policies),
            boundary: own.as_ref().and_then(|own| own.boundary.as_deref()),
            trust: other.trust.as_deref(),
            is_cross_account: *other.account != *account,
            ..Policies::default()
        };
        if other.trust.is_some() && decide(&request, &policies).is_allowed() {
            return Ok(Ok(()));
        }
        Ok(self.denied(rule, message))
    }

    /// Whether Step Functions may assume the role: asked when a state machine of that account is
    /// given it.
    ///
    /// # Errors
    /// Those of the store; what the inner result says is the denial.
    pub async fn check_trust(
        &self,
        role_arn: &str,
        account: &str,
        facts: Context<'_>,
    ) -> Result<Result<(), Denied>, StoreError> {
        const SERVICE: &str = "states.amazonaws.com";
        let subject = self.identities.subject(role_arn).await?;
        let is_own = account_of(role_arn) == account || !self.keeps_accounts_apart;
        let rule = Rule::of(self.enforcement, subject.is_some(), is_own);
        let may = match subject.as_ref().and_then(|subject| subject.trust.as_deref()) {
            Some(trust) => {
                let principal = Principal::Service(SERVICE);
                let mut context = facts;
                context.insert("aws:sourceaccount", account);
                context.insert("aws:principalisawsservice", "true");
                context.insert("aws:principalservicename", SERVICE);
                let request = Request::new("sts:AssumeRole", role_arn, principal, context);
                let policies = Policies { trust: Some(trust), ..Policies::default() };
                decide(&request.with_filled(is_filled), &policies).is_allowed()
            }
            None => rule == Rule::Anything,
        };
        if may {
            return Ok(Ok(()));
        }
        let message = "Neither the global service principal states.amazonaws.com, nor the regional \
                       one is authorized to assume the provided role.";
        Ok(self.denied(rule, message.to_owned()))
    }

    /// Whether the role may have logs delivered: asked when executions are to be logged with it.
    /// See <https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html>.
    ///
    /// # Errors
    /// Those of the store; what the inner result says is the denial.
    pub async fn check_log_delivery(
        &self,
        actor: &Actor<'_>,
    ) -> Result<Result<(), Denied>, StoreError> {
        for action in LOG_DELIVERY {
            if self.check(actor, action, Some("*"), Context::default()).await?.is_err() {
                let message = "The state machine IAM Role is not authorized to access the Log \
                               Destination";
                return Ok(Err(Denied(message.to_owned())));
            }
        }
        Ok(Ok(()))
    }

    fn say_unknown(&self, actor: &Actor<'_>) {
        self.say_once(actor.role_arn, || {
            tracing::warn!(
                role = actor.role_arn,
                execution = actor.execution_arn,
                "this server does not know the role: its executions may do anything"
            );
        });
    }

    fn denied(&self, rule: Rule, message: String) -> Result<(), Denied> {
        if rule == Rule::PoliciesAreTold {
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

fn principal<'a>(subject: &'a Subject, session_arn: &'a str) -> Principal<'a> {
    Principal::Session { role_arn: &subject.arn, session_arn, account: &subject.account }
}

/// Step Functions names the session of an execution by 32 letters: the same for all its tasks.
fn session_name(execution_arn: &str) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef";
    let digest = digest::digest(&digest::SHA256, execution_arn.as_bytes());
    digest.as_ref().iter().map(|byte| char::from(LETTERS[usize::from(byte & 31)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_mode_crosses_an_account_with_a_role_that_is_not_known() {
        let modes = [Enforcement::Permissive, Enforcement::Enforce, Enforcement::DryRun];
        for mode in modes {
            assert_eq!(Rule::of(mode, false, false), Rule::Nothing, "{mode:?}");
            assert_eq!(Rule::of(mode, true, false), Rule::Policies, "{mode:?}");
        }
        let own = |is_known| modes.map(|mode| Rule::of(mode, is_known, true));
        assert_eq!(own(true), [Rule::Policies, Rule::Policies, Rule::PoliciesAreTold]);
        assert_eq!(own(false), [Rule::Anything, Rule::Nothing, Rule::PoliciesAreTold]);
    }
}
