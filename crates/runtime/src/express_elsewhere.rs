//! Express executions that are kept where they ran, which may be at another node.
//!
//! Promises: what is kept by any node that lives is found; where one of them cannot be asked, that
//! is told rather than that there is nothing.

use std::sync::Arc;

use engine::{Failure, HistoryEvent, Record, Timestamp};
use store::cluster::{Answer as NodeAnswer, Question};
use store::{
    ExecutionHeader, HistoryCursor, HistoryPage, ListCursor, MachineId, Revision, Scope, StoreError,
};

use crate::express_history::NOT_REDRIVABLE;
use crate::peers::answer_of_error;
use crate::shell::Shell;
use crate::{
    ExecutionDescription, ExecutionError, ExecutionList, ListExecutions, OperationalError,
    RedriveStatus,
};

/// What executions of an Express machine were started through, where that is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct StartedThrough {
    pub(crate) version_arn: Option<Arc<str>>,
    pub(crate) alias_arn: Option<Arc<str>>,
}

impl StartedThrough {
    fn is_of(&self, header: &ExecutionHeader) -> bool {
        let is = |wanted: &Option<Arc<str>>, found: &Option<Arc<str>>| {
            wanted.is_none() || wanted == found
        };
        is(&self.version_arn, &header.state_machine_version_arn)
            && is(&self.alias_arn, &header.state_machine_alias_arn)
    }
}

impl Shell {
    /// As DescribeExecution; none where the ARN is another's, or nothing is kept.
    pub(crate) async fn describe_express(
        &self,
        scope: &Scope,
        arn: &str,
    ) -> Option<Result<ExecutionDescription, ExecutionError>> {
        let kept = self.kept_express(arn)?;
        if let Some(found) = kept.with(scope, arn, self.now(), |it| it.description()) {
            return Some(Ok(found));
        }
        let question = Question::DescribeExpress { scope: scope.clone(), arn: arn.into() };
        let read = |answer| match answer {
            NodeAnswer::ExpressExecution { header, input, output, failure } => {
                let redrive = RedriveStatus::NotRedrivable(NOT_REDRIVABLE);
                Some(ExecutionDescription { header: *header, input, output, failure, redrive })
            }
            _ => None,
        };
        Some(self.ask_for_express(arn, &question, read).await)
    }

    /// As GetExecutionHistory; none where the ARN is another's, or nothing is kept.
    pub(crate) async fn history_of_express(
        &self,
        scope: &Scope,
        arn: &str,
        from: Option<HistoryCursor>,
        limit: usize,
        reverse: bool,
    ) -> Option<Result<HistoryPage, ExecutionError>> {
        let kept = self.kept_express(arn)?;
        let here = kept.with(scope, arn, self.now(), |it| it.page(from, limit, reverse));
        if let Some(page) = here {
            return Some(Ok(page));
        }
        let question = Question::ReadExpress {
            scope: scope.clone(),
            arn: arn.into(),
            from: from.map(|from| from.offset),
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
            reverse,
        };
        let read = |answer| match answer {
            NodeAnswer::ExpressEvents { events, next } => {
                let events = events.into_iter().filter_map(event_of).collect();
                let next = next.map(|offset| HistoryCursor { revision: Revision(0), offset });
                Some(HistoryPage { events, next })
            }
            _ => None,
        };
        Some(self.ask_for_express(arn, &question, read).await)
    }

    /// As StopExecution; none where the ARN is another's, or nothing is kept.
    pub(crate) async fn stop_express(
        &self,
        scope: &Scope,
        arn: &str,
        failure: &Failure,
    ) -> Option<Result<Timestamp, ExecutionError>> {
        let kept = self.kept_express(arn)?;
        if let Some(stopped) = self.stop_express_here(kept, (scope, arn), failure).await {
            return Some(stopped.map_err(ExecutionError::from));
        }
        let (scope, failure) = (scope.clone(), failure.clone());
        let question = Question::StopExpress { scope, arn: arn.into(), failure };
        let read = |answer| match answer {
            NodeAnswer::Stopped { at } => Some(at),
            _ => None,
        };
        Some(self.ask_for_express(arn, &question, read).await)
    }

    /// A page of the executions of an Express machine, the newest first.
    ///
    /// # Errors
    /// `TypeNotSupported` where nothing is kept.
    pub(crate) async fn list_express(
        &self,
        machine: MachineId,
        through: StartedThrough,
        request: ListExecutions<'_>,
    ) -> Result<ExecutionList, ExecutionError> {
        let ListExecutions { status, after, limit, .. } = request;
        let is_of = |header: &ExecutionHeader| through.is_of(header);
        let here = self.list_express_here(machine, is_of, (status, after, limit));
        let ExecutionList { mut executions, item_counts, next } =
            here.ok_or(ExecutionError::TypeNotSupported)?;
        let mut is_last = next.is_none();
        let StartedThrough { version_arn, alias_arn } = through;
        let question = Question::ListExpress {
            machine,
            version_arn,
            alias_arn,
            status,
            after: after.map(|ListCursor(id)| id),
            limit: u32::try_from(limit).unwrap_or(u32::MAX),
        };
        let (answers, is_complete) = self.ask_others(&question).await;
        if !is_complete {
            return Err(StoreError::Elsewhere.into());
        }
        for answer in answers {
            if let NodeAnswer::ExpressExecutions { headers, is_last: is_its_last } = answer {
                executions.extend(headers);
                is_last &= is_its_last;
            }
        }
        executions.sort_by_key(|header| std::cmp::Reverse(header.id));
        is_last &= executions.len() <= limit;
        executions.truncate(limit);
        let next = executions.last().filter(|_| !is_last).map(|last| ListCursor(last.id));
        Ok(ExecutionList { executions, item_counts, next })
    }

    /// What the first node says of an execution that has something to say.
    async fn ask_for_express<T>(
        &self,
        arn: &str,
        question: &Question,
        read: impl Fn(NodeAnswer) -> Option<T>,
    ) -> Result<T, ExecutionError> {
        let (answers, is_complete) = self.ask_others(question).await;
        match answers.into_iter().find_map(read) {
            Some(found) => Ok(found),
            None if is_complete => Err(ExecutionError::DoesNotExist(arn.to_owned())),
            None => Err(StoreError::Elsewhere.into()),
        }
    }

    /// What the other nodes answer, and whether all of them did.
    async fn ask_others(&self, question: &Question) -> (Vec<NodeAnswer>, bool) {
        let (mut answers, mut is_complete) = (Vec::new(), true);
        if self.config.network.is_none() {
            return (answers, is_complete);
        }
        for node in self.other_nodes() {
            match self.ask_node(&node, question).await {
                Ok(answer) => {
                    is_complete &= !is_failure(&answer);
                    answers.push(answer);
                }
                Err(_) => is_complete = false,
            }
        }
        (answers, is_complete)
    }

    /// Answers what another node asks of Express executions that may be kept here.
    pub(crate) async fn answer_of_express(&self, question: Question) -> NodeAnswer {
        match question {
            Question::DescribeExpress { scope, arn } => {
                let kept = self.kept_express(&arn);
                let found = kept
                    .and_then(|kept| kept.with(&scope, &arn, self.now(), |it| it.description()));
                found.map_or(NodeAnswer::Absent, |found| {
                    let ExecutionDescription { header, input, output, failure, .. } = found;
                    NodeAnswer::ExpressExecution { header: header.into(), input, output, failure }
                })
            }
            Question::ReadExpress { scope, arn, from, limit, reverse } => {
                let from = from.map(|offset| HistoryCursor { revision: Revision(0), offset });
                let kept = self.kept_express(&arn);
                let page = kept.and_then(|kept| {
                    let page = |it: &mut crate::express_history::KeptExecution| {
                        it.page(from, limit as usize, reverse)
                    };
                    kept.with(&scope, &arn, self.now(), page)
                });
                page.map_or(NodeAnswer::Absent, |HistoryPage { events, next }| {
                    let events = events.into_iter().map(Record::Event).collect();
                    NodeAnswer::ExpressEvents { events, next: next.map(|next| next.offset) }
                })
            }
            Question::StopExpress { scope, arn, failure } => {
                let Some(kept) = self.kept_express(&arn) else { return NodeAnswer::Absent };
                match self.stop_express_here(kept, (&scope, &arn), &failure).await {
                    None => NodeAnswer::Absent,
                    Some(Ok(at)) => NodeAnswer::Stopped { at },
                    Some(Err(OperationalError::Store(error))) => answer_of_error(error),
                    Some(Err(_)) => NodeAnswer::NotHere,
                }
            }
            Question::ListExpress { machine, version_arn, alias_arn, status, after, limit } => {
                let through = StartedThrough { version_arn, alias_arn };
                let is_of = |header: &ExecutionHeader| through.is_of(header);
                let asked = (status, after.map(ListCursor), limit as usize);
                let list = self.list_express_here(machine, is_of, asked);
                list.map_or(NodeAnswer::Absent, |ExecutionList { executions, next, .. }| {
                    let is_last = next.is_none();
                    NodeAnswer::ExpressExecutions { headers: executions, is_last }
                })
            }
            _ => unreachable!("no other question is of Express executions"),
        }
    }
}

/// Whether an answer leaves open what is there.
fn is_failure(answer: &NodeAnswer) -> bool {
    matches!(
        answer,
        NodeAnswer::NotHere
            | NodeAnswer::Refused { .. }
            | NodeAnswer::Unknown { .. }
            | NodeAnswer::Corrupt { .. }
            | NodeAnswer::Quarantined
            | NodeAnswer::Overloaded
    )
}

fn event_of(record: Record) -> Option<HistoryEvent> {
    match record {
        Record::Event(event) => Some(event),
        Record::Note(_) => None,
    }
}
