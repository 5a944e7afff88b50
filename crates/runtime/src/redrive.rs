//! RedriveExecution, and who can be redriven.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>.

use std::sync::Arc;

use engine::{EventId, Execution, Limits, Status, Timestamp};
use store::{ExecutionHeader, Scope};

use crate::live::{Answer, Ask, Undone};
use crate::{ExecutionError, Runtime};

/// RedriveExecution.
#[derive(Clone, Copy, Debug)]
pub struct RedriveExecution<'a> {
    /// `executionArn`
    pub execution_arn: &'a str,
    /// `clientToken`: a request with the token of an earlier one that led to a redrive gets the
    /// answer of that one, and redrives nothing. The last ten tokens of an execution are known, for
    /// 15 minutes each.
    pub client_token: Option<&'a str>,
}

/// Whether an execution could be redriven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedriveStatus {
    /// `REDRIVABLE`
    Redrivable,
    /// `REDRIVABLE_BY_MAP_RUN`: by redriving the execution that its Map Run belongs to.
    RedrivableByMapRun,
    /// `NOT_REDRIVABLE`, with `redriveStatusReason`.
    NotRedrivable(&'static str),
}

/// Executions can be redriven for 14 days after their end, with AWS.
const REDRIVABLE_SECONDS: u64 = 14 * 24 * 60 * 60;

/// The history must have room for so many events more: `ExecutionRedriven`, and one to end with.
const REDRIVE_EVENTS: u64 = 2;

/// And they must not be older than a year.
const REDRIVABLE_AGE_SECONDS: u64 = 365 * 24 * 60 * 60;

/// `redriveStatusReason`, in AWS's words.
const RUNNING: &str = "Execution is RUNNING and cannot be redriven";
const SUCCEEDED: &str = "Execution is SUCCEEDED and cannot be redriven";
const DELETING: &str = "State machine is in DELETING status";
const TOO_MANY_EVENTS: &str = "Execution history event limit exceeded";
const TOO_OLD: &str = "Execution has exceeded the max execution time";
const TOO_LATE: &str = "Execution redrivable period exceeded";

/// All of them.
const REASONS: [&str; 6] = [RUNNING, SUCCEEDED, DELETING, TOO_MANY_EVENTS, TOO_OLD, TOO_LATE];

/// The reason that another node gave; one without a reason where this node does not know it.
pub(crate) fn reason_not_redrivable(text: &str) -> &'static str {
    REASONS.into_iter().find(|reason| *reason == text).unwrap_or("Execution cannot be redriven")
}

/// What decides whether an execution can be redriven.
struct Facts {
    status: Status,
    start: Timestamp,
    stop: Option<Timestamp>,
    last_event: EventId,
    /// Whether its state machine is being deleted, or is deleted.
    machine_is_gone: bool,
}

impl Facts {
    fn redrive_status(&self, limits: &Limits, now: Timestamp) -> RedriveStatus {
        use RedriveStatus::NotRedrivable;
        match self.status {
            Status::Running => NotRedrivable(RUNNING),
            Status::Succeeded => NotRedrivable(SUCCEEDED),
            Status::Failed | Status::TimedOut | Status::Aborted => {
                let stop = self.stop.unwrap_or(self.start);
                if self.machine_is_gone {
                    NotRedrivable(DELETING)
                } else if self.last_event.0 + REDRIVE_EVENTS > limits.history_events_max {
                    NotRedrivable(TOO_MANY_EVENTS)
                } else if self.start.plus_seconds(REDRIVABLE_AGE_SECONDS) <= now {
                    NotRedrivable(TOO_OLD)
                } else if stop.plus_seconds(REDRIVABLE_SECONDS) <= now {
                    NotRedrivable(TOO_LATE)
                } else {
                    RedriveStatus::Redrivable
                }
            }
        }
    }
}

impl RedriveStatus {
    /// Of an execution as it is stored, at that instant.
    pub(crate) fn of_header(
        header: &ExecutionHeader,
        machine_is_gone: bool,
        limits: &Limits,
        now: Timestamp,
    ) -> RedriveStatus {
        let ExecutionHeader { status, start, stop, last_event, .. } = *header;
        let facts = Facts { status, start, stop, last_event, machine_is_gone };
        match facts.redrive_status(limits, now) {
            RedriveStatus::Redrivable if header.map_run_arn().is_some() => {
                RedriveStatus::RedrivableByMapRun
            }
            other => other,
        }
    }

    /// Of an execution as it is in memory, at that instant.
    pub(crate) fn of_execution(
        execution: &Execution,
        machine_is_gone: bool,
        limits: &Limits,
        now: Timestamp,
    ) -> RedriveStatus {
        let Execution { status, start, stop, last_event, .. } = *execution;
        Facts { status, start, stop, last_event, machine_is_gone }.redrive_status(limits, now)
    }
}

impl Runtime {
    /// RedriveExecution: lets an execution that failed, was stopped or timed out go on from where
    /// it did, with the definition that it has run so far. Answers the `redriveDate` when the
    /// redrive is durable.
    ///
    /// # Errors
    /// `Arn`, `DoesNotExist`, `NotRedrivable`, `LimitExceeded`.
    pub async fn redrive_execution(
        &self,
        scope: &Scope,
        request: RedriveExecution<'_>,
    ) -> Result<Timestamp, ExecutionError> {
        self.shell.check_open()?;
        let RedriveExecution { execution_arn, client_token } = request;
        let header = self.shell.execution_header(scope, execution_arn).await?;
        if header.map_run_arn().is_some() {
            let why = "Execution is a child of a Map Run and can only be redriven with it";
            return Err(ExecutionError::NotRedrivable(why));
        }
        let open_max = self.shell.config.open_executions_max;
        if header.stop.is_some() && self.shell.store.open_count(scope).await? >= open_max {
            return Err(ExecutionError::LimitExceeded(open_max));
        }
        let redrive = Ask::Redrive(client_token.map(Arc::from));
        match self.shell.ask(header.id, redrive).await {
            Ok(Answer::Redriven(answer)) => answer.map_err(ExecutionError::NotRedrivable),
            Ok(_) => unreachable!("a redrive is answered with its date"),
            Err(Undone::Absent) => Err(ExecutionError::DoesNotExist(execution_arn.to_owned())),
            Err(Undone::Operational(error)) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: u64 = 24 * 60 * 60;

    fn check(status: Status, events: u64, stop: u64, now: u64, expected: RedriveStatus) {
        let facts = Facts {
            status,
            start: Timestamp(0),
            stop: (status != Status::Running).then(|| Timestamp(0).plus_seconds(stop)),
            last_event: EventId(events),
            machine_is_gone: false,
        };
        let now = Timestamp(0).plus_seconds(now);
        assert_eq!(facts.redrive_status(&Limits::AWS, now), expected);
        let gone = Facts { machine_is_gone: true, ..facts }.redrive_status(&Limits::AWS, now);
        assert_ne!(gone, RedriveStatus::Redrivable);
        for status in [expected, gone] {
            if let RedriveStatus::NotRedrivable(why) = status {
                assert_eq!(reason_not_redrivable(why), why, "it crosses between nodes");
            }
        }
    }

    #[test]
    fn who_can_be_redriven() {
        use RedriveStatus::{NotRedrivable, Redrivable};
        let running = NotRedrivable("Execution is RUNNING and cannot be redriven");
        check(Status::Running, 5, 0, 9, running);
        let succeeded = NotRedrivable("Execution is SUCCEEDED and cannot be redriven");
        check(Status::Succeeded, 5, 1, 9, succeeded);
        for status in [Status::Failed, Status::Aborted, Status::TimedOut] {
            check(status, 5, 1, 9, Redrivable);
            check(status, 24_998, 0, 14 * DAY - 1, Redrivable);
            let too_long = NotRedrivable("Execution history event limit exceeded");
            check(status, 24_999, 1, 9, too_long);
            let too_late = NotRedrivable("Execution redrivable period exceeded");
            check(status, 5, 0, 14 * DAY, too_late);
            let too_old = NotRedrivable("Execution has exceeded the max execution time");
            check(status, 5, 360 * DAY, 365 * DAY, too_old);
        }
    }
}
