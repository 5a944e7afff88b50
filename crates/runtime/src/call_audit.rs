//! The audit of what executions do to others by themselves, not through the API: nested executions
//! are started and stopped.
//!
//! Promises: neither is begun before its record is written, however long that cannot be done.
//!
//! Does not: tell of the children of Map Runs, which are part of their execution.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use identity::Actor;
use store::{Scope, StoreError};

use crate::permission::Acting;
use crate::shell::{Backoff, Shell};

/// What is done on behalf of an execution.
#[derive(Clone, Copy, Debug)]
pub struct AuditedCall<'a> {
    /// The role that acts.
    pub actor: Actor<'a>,
    /// Where it acts.
    pub scope: &'a Scope,
    /// `StartExecution` or `StopExecution`.
    pub operation: &'static str,
    /// What it is done to.
    pub resource: &'a str,
    /// Joins the records.
    pub request_id: &'a str,
}

/// Writes the records.
#[async_trait]
pub trait CallAudit: Send + Sync {
    /// The call begins. False where that cannot be written, so that it must not.
    async fn begin(&self, call: &AuditedCall<'_>) -> bool;

    /// The call is over, or is not begun since it was refused: with the code and the message.
    async fn end(&self, call: &AuditedCall<'_>, refusal: Option<(&'static str, &str)>);
}

/// A shared [`CallAudit`].
#[derive(Clone)]
pub struct CallAuditHandle(pub Arc<dyn CallAudit>);

impl fmt::Debug for CallAuditHandle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CallAudit")
    }
}

/// A call, and the audit where there is one.
pub(crate) struct Audited<'a> {
    audit: Option<&'a CallAuditHandle>,
    acting: &'a Acting,
    operation: &'static str,
    resource: &'a str,
    request_id: Option<String>,
    shell: &'a Shell,
}

impl Shell {
    pub(crate) fn audited<'a>(
        &'a self,
        acting: &'a Acting,
        operation: &'static str,
        resource: &'a str,
    ) -> Audited<'a> {
        let audit = self.config.call_audit.as_ref();
        let request_id = audit.map(|_| self.random.uuid());
        Audited { audit, acting, operation, resource, request_id, shell: self }
    }
}

impl Audited<'_> {
    /// The id of the request, which is drawn where there is no audit.
    pub(crate) fn request_id(&self) -> String {
        self.request_id.clone().unwrap_or_else(|| self.shell.random.uuid())
    }

    fn call(&self) -> AuditedCall<'_> {
        AuditedCall {
            actor: self.acting.actor(self.shell.now()),
            scope: &self.acting.scope,
            operation: self.operation,
            resource: self.resource,
            request_id: self.request_id.as_deref().unwrap_or_default(),
        }
    }

    /// # Errors
    /// [`StoreError::Refused`] where the record cannot be written now.
    pub(crate) async fn begin(&self) -> Result<(), StoreError> {
        let Some(CallAuditHandle(audit)) = self.audit else { return Ok(()) };
        match audit.begin(&self.call()).await {
            true => Ok(()),
            false => Err(StoreError::Refused("the audit cannot be written".to_owned())),
        }
    }

    /// As [`Audited::begin`], however long that takes. False where the runtime closes.
    pub(crate) async fn begin_patiently(&self) -> bool {
        let mut backoff = Backoff::default();
        while let Err(error) = self.begin().await {
            if !backoff.pause(self.shell, &error).await {
                return false;
            }
        }
        true
    }

    pub(crate) async fn end(&self, refusal: Option<(&'static str, &str)>) {
        if let Some(CallAuditHandle(audit)) = self.audit {
            audit.end(&self.call(), refusal).await;
        }
    }
}
