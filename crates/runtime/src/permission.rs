//! What executions may do with the role that they run with.
//!
//! Does not: weigh policies; that is [`identity::Guard`]. Where the runtime has no guard,
//! everything is allowed.

use std::fmt;
use std::future::pending;
use std::sync::Arc;

use engine::{ExecutionId, Failure, Timestamp};
use identity::{Actor, Facts};
use permissions::{Needed, Place};
pub use permissions::{QUALIFIER, without_qualifier};
use store::{ExecutionHeader, Scope, StoreError};

use crate::shell::{Backoff, Shell};

/// What a role must be allowed for a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// Such as `lambda:InvokeFunction`.
    pub action: String,
    /// The ARN of what it is done to, `*` where the action has no resource; none where it is not
    /// known, so that a permission for any resource will do.
    pub resource: Option<String>,
    /// What conditions of policies may ask for, beside what they know of the role: key and value.
    pub context: Vec<(&'static str, String)>,
}

impl Permission {
    /// For an action to a resource, of which conditions know nothing.
    pub fn new(action: impl Into<String>, resource: Option<String>) -> Permission {
        Permission { action: action.into(), resource, context: Vec::new() }
    }

    /// Everything that the role must be allowed for an operation of that service, with parameters
    /// as tasks have them; none where there is no such operation.
    pub fn all_for(
        service: &str,
        operation: &str,
        parameters: &json::Value,
        scope: &Scope,
    ) -> Option<Vec<Permission>> {
        let Scope { account, region } = scope;
        let place = Place { partition: "aws", region, account };
        let names = permissions::Names::Parameters;
        let needed = permissions::needed(service, operation, parameters, names, &place)?;
        let mut permissions: Vec<Permission> = needed.into_iter().map(Permission::from).collect();
        for permission in &mut permissions {
            permission.describe(parameters);
        }
        Some(permissions)
    }

    /// Adds the condition keys that come from parameters.
    /// See <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html>.
    fn describe(&mut self, parameters: &json::Value) {
        // ListBucket, ListBucketVersions and ListBucketMultipartUploads.
        if self.action.starts_with("s3:ListBucket")
            && let Some(prefix) = parameters.get("Prefix").and_then(json::Value::as_str)
        {
            self.context.push(("s3:prefix", prefix.to_owned()));
        }
    }

    /// For an action of Step Functions to what has that ARN: that of the state machine stands for
    /// its versions and aliases, which are a condition key.
    /// See <https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html>.
    pub fn on_arn(action: impl Into<String>, arn: &str) -> Permission {
        let (arn, qualifier) = without_qualifier(arn);
        let qualifier = qualifier.map(|it| (QUALIFIER, it.to_owned()));
        Permission {
            context: qualifier.into_iter().collect(),
            ..Permission::new(action, Some(arn.to_owned()))
        }
    }
}

impl From<Needed> for Permission {
    fn from(Needed { action, resource, .. }: Needed) -> Permission {
        match resource {
            Some(arn) if action.starts_with("states:") => Permission::on_arn(action, &arn),
            resource => Permission::new(action, resource),
        }
    }
}

/// On whose behalf something is done.
#[derive(Clone, Debug)]
pub(crate) struct Acting {
    pub(crate) scope: Scope,
    pub(crate) role_arn: Arc<str>,
    pub(crate) execution_arn: Arc<str>,
    /// Of the execution: what it calls belongs to the same trace.
    pub(crate) trace_header: Option<Arc<str>>,
}

impl Acting {
    pub(crate) fn actor(&self, now: Timestamp) -> Actor<'_> {
        let Acting { scope, role_arn, execution_arn, .. } = self;
        let Scope { account, region } = scope;
        Actor { role_arn, execution_arn, account, region, now }
    }
}

/// What may be done on behalf of an execution: what its role allows. The default allows all.
#[derive(Clone, Default)]
pub struct Access(Option<(Arc<Shell>, Acting)>);

impl Access {
    pub(crate) fn new(shell: Arc<Shell>, acting: Acting) -> Access {
        Access(Some((shell, acting)))
    }

    /// Checks that the role allows it. Comes to no end where the runtime closes: whoever asks is
    /// dropped then.
    ///
    /// # Errors
    /// The message of AWS's error.
    pub async fn check(&self, permission: &Permission) -> Result<(), String> {
        let Some((shell, acting)) = &self.0 else { return Ok(()) };
        match shell.check_permission_patiently(acting, permission).await {
            Some(checked) => checked,
            None => pending().await,
        }
    }
}

impl fmt::Debug for Access {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = self.0.as_ref().map(|(_, acting)| &acting.role_arn);
        formatter.debug_tuple("Access").field(&role).finish()
    }
}

/// What a task fails with whose `Credentials` name a role that cannot be assumed.
pub fn not_assumed(own_role: &str, wanted_role: &str) -> Failure {
    let cause = format!(
        "The role {own_role} is not authorized to assume the task state's role, {wanted_role}."
    );
    Failure::new("States.TaskFailed", cause)
}

impl From<&ExecutionHeader> for Acting {
    fn from(header: &ExecutionHeader) -> Acting {
        Acting {
            scope: header.scope.clone(),
            role_arn: header.role_arn.clone(),
            execution_arn: header.arn.clone(),
            trace_header: header.trace_header.clone(),
        }
    }
}

/// The rule by which EventBridge tells Step Functions of the end of nested executions.
const RULE: &str = "StepFunctionsGetEventsForStepFunctionsExecutionRule";
const RULE_ACTIONS: [&str; 3] = ["events:PutTargets", "events:PutRule", "events:DescribeRule"];

impl Shell {
    /// Checks that the role allows the action; else the message of AWS's error.
    pub(crate) async fn check_permission(
        &self,
        acting: &Acting,
        permission: &Permission,
    ) -> Result<Result<(), String>, StoreError> {
        let Some(guard) = &self.config.guard else { return Ok(Ok(())) };
        let Permission { action, resource, context } = permission;
        let mut facts = Facts::with_capacity(24);
        for (key, value) in context {
            facts.insert(*key, value.as_str());
        }
        let actor = acting.actor(self.now());
        if let Some(arn) = resource.as_deref().filter(|arn| arn.starts_with("arn:aws:states:"))
            && guard.asks_for_resource_tags(actor.role_arn).await?
        {
            self.describe_tags(&acting.scope, arn, &mut facts).await?;
        }
        let checked = guard.check(&actor, action, resource.as_deref(), facts).await?;
        Ok(checked.map_err(|denied| denied.0))
    }

    /// What is done as the role of a task's `Credentials`, in the account of that role; none where
    /// it may not be assumed.
    pub(crate) async fn assume(
        &self,
        acting: &Acting,
        role_arn: &Arc<str>,
    ) -> Result<Option<Acting>, StoreError> {
        let mut parts = role_arn.split(':');
        let account = match (parts.nth(2), parts.nth(1)) {
            (Some("iam"), Some(account)) if !account.is_empty() => Arc::from(account),
            _ => return Ok(None),
        };
        if let Some(guard) = &self.config.guard {
            let actor = acting.actor(self.now());
            if guard.check_assumption(&actor, role_arn).await?.is_err() {
                return Ok(None);
            }
        }
        let scope = Scope { account, region: acting.scope.region.clone() };
        Ok(Some(Acting { scope, role_arn: role_arn.clone(), ..acting.clone() }))
    }

    /// As [`Shell::assume`], however long the store is away; the runtime closes where it is none.
    pub(crate) async fn assume_patiently(
        &self,
        acting: &Acting,
        role_arn: &Arc<str>,
    ) -> Option<Option<Acting>> {
        let mut backoff = Backoff::default();
        loop {
            match self.assume(acting, role_arn).await {
                Ok(assumed) => return Some(assumed),
                Err(StoreError::Corrupt(_)) => return Some(None),
                Err(error) => {
                    if !backoff.pause(self, &error).await {
                        return None;
                    }
                }
            }
        }
    }

    /// As [`Shell::check_permission`], however long the store is away; nothing where the runtime
    /// closes.
    pub(crate) async fn check_permission_patiently(
        &self,
        acting: &Acting,
        permission: &Permission,
    ) -> Option<Result<(), String>> {
        let mut backoff = Backoff::default();
        loop {
            match self.check_permission(acting, permission).await {
                Ok(checked) => return Some(checked),
                Err(error @ StoreError::Corrupt(_)) => return Some(Err(error.to_string())),
                Err(error) => {
                    if !backoff.pause(self, &error).await {
                        return None;
                    }
                }
            }
        }
    }

    /// Whether the end of a nested execution is told at once, by events. Without them it must be
    /// asked for.
    pub(crate) async fn hears_events(&self, acting: &Acting) -> bool {
        let Scope { account, region } = &acting.scope;
        let rule = format!("arn:aws:events:{region}:{account}:rule/{RULE}");
        for action in RULE_ACTIONS {
            let permission = Permission::new(action, Some(rule.clone()));
            match self.check_permission_patiently(acting, &permission).await {
                Some(Ok(())) => {}
                Some(Err(_)) | None => return false,
            }
        }
        true
    }

    /// As [`Shell::hears_events`], of the execution with that number.
    pub(crate) async fn parent_hears_events(&self, parent: ExecutionId) -> bool {
        if self.config.guard.is_none() {
            return true;
        }
        match self.store.header(parent).await {
            Ok(Some(header)) => self.hears_events(&Acting::from(&header)).await,
            // Whoever hears without need is not harmed.
            Ok(None) | Err(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_prefix_of_a_listing_is_a_condition_key() {
        let scope = Scope { account: "1".into(), region: "r".into() };
        let context = |operation: &str, parameters: &str| {
            let parameters = json::parse(parameters).expect("JSON");
            let needed = Permission::all_for("s3", operation, &parameters, &scope);
            needed.expect("there is such an operation").remove(0).context
        };
        let prefix = || vec![("s3:prefix", "secret/".to_owned())];
        for operation in ["ListObjectsV2", "ListObjects", "ListObjectVersions"] {
            let parameters = r#"{"Bucket":"b","Prefix":"secret/"}"#;
            assert_eq!(context(operation, parameters), prefix(), "{operation}");
            assert_eq!(context(operation, r#"{"Bucket":"b"}"#), [], "{operation}");
        }
        assert_eq!(context("GetObject", r#"{"Bucket":"b","Key":"k","Prefix":"p"}"#), []);
    }
}
