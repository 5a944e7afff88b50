//! Trace headers: what ties executions to a trace of AWS X-Ray.
//!
//! An execution of a state machine with tracing bears a trace header: the one that it was started
//! with, or one of its own. It is shown with the execution; traces are not sent anywhere.
//! See <https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader>.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::StateMachine;
use crate::random::hexadecimal;
use crate::shell::Shell;

/// Whether it was told that traces go nowhere.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    told: AtomicBool,
}

impl Shell {
    /// The trace header of an execution that is about to start.
    pub(crate) fn trace_header(
        &self,
        machine: &StateMachine,
        given: Option<&str>,
    ) -> Option<Arc<str>> {
        let tracing = machine.configurations.tracing.as_ref();
        let is_traced = tracing.is_some_and(|it| it["enabled"] == serde_json::Value::Bool(true));
        if is_traced && !self.traces.told.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                arn = %machine.arn,
                "tracing is enabled: executions bear trace headers, and no traces are exported"
            );
        }
        match given {
            Some(given) => Some(given.into()),
            None if is_traced => Some(self.new_trace_header().into()),
            None => None,
        }
    }

    /// `Root=1-<seconds since 1970>-<24 digits of chance>;Sampled=1`
    fn new_trace_header(&self) -> String {
        let seconds = u32::try_from(self.now().0 / 1_000).unwrap_or_default();
        let chance = hexadecimal(&self.random.bytes::<12>());
        format!("Root=1-{seconds:08x}-{chance};Sampled=1")
    }
}
