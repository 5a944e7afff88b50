//! What executions may do with the role that they run with.
//!
//! Does not: weigh policies; that is [`identity::Guard`]. Where the runtime has no guard,
//! everything is allowed.

use std::sync::Arc;

use engine::ExecutionId;
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
}

/// On whose behalf something is done.
#[derive(Clone, Debug)]
pub(crate) struct Acting {
    pub(crate) scope: Scope,
    pub(crate) role_arn: Arc<str>,
    pub(crate) execution_arn: Arc<str>,
}

impl From<&ExecutionHeader> for Acting {
    fn from(header: &ExecutionHeader) -> Acting {
        Acting {
            scope: header.scope.clone(),
            role_arn: header.role_arn.clone(),
            execution_arn: header.arn.clone(),
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
        let Acting { role_arn, execution_arn, .. } = acting;
        let Permission { action, resource, context } = permission;
        let resource = resource.as_deref();
        let checked = guard.check(role_arn, execution_arn, action, resource, context).await?;
        Ok(checked.map_err(|denied| denied.0))
    }

    /// What is done as the role of a task's `Credentials`, in the account of that role; else why it
    /// may not be assumed.
    pub(crate) async fn assume(
        &self,
        acting: &Acting,
        role_arn: &Arc<str>,
    ) -> Result<Result<Acting, String>, StoreError> {
        let mut parts = role_arn.split(':');
        let account = match (parts.nth(2), parts.nth(1)) {
            (Some("iam"), Some(account)) if !account.is_empty() => Arc::from(account),
            _ => return Ok(Err(format!("{role_arn} is invalid"))),
        };
        if let Some(guard) = &self.config.guard {
            let Acting { role_arn: own, execution_arn, .. } = acting;
            if let Err(denied) = guard.check_assumption(own, execution_arn, role_arn).await? {
                return Ok(Err(denied.0));
            }
        }
        let scope = Scope { account, region: acting.scope.region.clone() };
        let execution_arn = acting.execution_arn.clone();
        Ok(Ok(Acting { scope, role_arn: role_arn.clone(), execution_arn }))
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
