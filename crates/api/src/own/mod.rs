//! Stairwell's own operations, on AWS's wire: what the console asks for and AWS has no operation
//! for. `docs/own-operations.md` tells the requests and the answers.
//!
//! Promises: each needs AWS's permissions for what it shows, and shows nothing that AWS's
//! operations would refuse to this caller; none changes anything.
//!
//! Does not: serve tasks, which call AWS's operations alone.

mod check_access;
mod draw_graph;
mod get_events;
mod get_execution_tree;
mod get_execution_view;
mod get_server;
mod get_step_data;
mod list_machine_summaries;
mod list_pending_tasks;
mod read;
mod search_executions;

use identity::Facts;
use json::Object;

pub(crate) use get_server::open_answer;

use crate::Api;
use crate::authorization::{self, Asking};
use crate::constraint::Member;
use crate::error::{ApiError, ErrorCode};
use crate::request::Request;

/// What comes before the name of such an operation in `X-Amz-Target`.
pub(crate) const TARGET_PREFIX: &str = "Stairwell.";

const DESCRIBE_EXECUTION: &str = "DescribeExecution";
const HISTORY: &str = "GetExecutionHistory";
const DEFINITION: &str = "DescribeStateMachineForExecution";
const LIST_EXECUTIONS: &str = "ListExecutions";

/// The operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Own {
    CheckAccess,
    DrawGraph,
    GetEvents,
    GetExecutionTree,
    GetExecutionView,
    GetServer,
    GetStepData,
    ListMachineSummaries,
    ListPendingTasks,
    SearchExecutions,
}

/// An operation of Stairwell's own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnOperation {
    pub(crate) name: &'static str,
    own: Own,
    pub(crate) members: &'static [Member],
    /// The operations of AWS that show the same: who may do these may do this one.
    needs: &'static [&'static str],
}

const fn has(
    name: &'static str,
    own: Own,
    members: &'static [Member],
    needs: &'static [&'static str],
) -> OwnOperation {
    OwnOperation { name, own, members, needs }
}

const EXECUTION: &[&str] = &[DESCRIBE_EXECUTION, HISTORY];

const OPERATIONS: [OwnOperation; 10] = [
    has("CheckAccess", Own::CheckAccess, check_access::MEMBERS, &[]),
    has("DrawGraph", Own::DrawGraph, draw_graph::MEMBERS, &[]),
    has("GetEvents", Own::GetEvents, get_events::MEMBERS, &[HISTORY]),
    has("GetExecutionTree", Own::GetExecutionTree, get_execution_tree::MEMBERS, EXECUTION),
    has("GetExecutionView", Own::GetExecutionView, get_execution_view::MEMBERS, EXECUTION),
    has("GetServer", Own::GetServer, get_server::MEMBERS, &[]),
    has("GetStepData", Own::GetStepData, get_step_data::MEMBERS, &[HISTORY]),
    has(
        "ListMachineSummaries",
        Own::ListMachineSummaries,
        list_machine_summaries::MEMBERS,
        &["ListStateMachines"],
    ),
    has(
        "ListPendingTasks",
        Own::ListPendingTasks,
        list_pending_tasks::MEMBERS,
        &["ListStateMachines"],
    ),
    has(
        "SearchExecutions",
        Own::SearchExecutions,
        search_executions::MEMBERS,
        &["ListStateMachines"],
    ),
];

impl OwnOperation {
    /// The operation of that name.
    pub(crate) fn by_name(name: &str) -> Option<OwnOperation> {
        OPERATIONS.iter().find(|operation| operation.name == name).copied()
    }

    /// Whether somebody who is not known may ask it how to sign in.
    pub(crate) fn is_for_anybody(&self) -> bool {
        self.own == Own::GetServer
    }

    /// The operations of AWS that the caller must be allowed with these members.
    pub(crate) fn needs(&self, request: &Request) -> &'static [&'static str] {
        match self.own {
            Own::DrawGraph => draw_graph::needs(request),
            _ => self.needs,
        }
    }

    /// Does it, and gives the body of the answer.
    ///
    /// # Errors
    /// What is answered instead.
    pub(crate) async fn call(
        self,
        api: &Api,
        request: &Request,
        asker: &Asker<'_>,
    ) -> Result<Vec<u8>, ApiError> {
        let answer = match self.own {
            Own::CheckAccess => check_access::call(request, asker)?,
            Own::DrawGraph => draw_graph::call(api, request).await?,
            Own::GetEvents => get_events::call(api, request).await?,
            Own::GetExecutionTree => get_execution_tree::call(api, request, asker).await?,
            Own::GetExecutionView => get_execution_view::call(api, request, asker).await?,
            Own::GetServer => get_server::call(api, request, asker),
            Own::GetStepData => get_step_data::call(api, request, asker).await?,
            Own::ListMachineSummaries => list_machine_summaries::call(api, request, asker).await?,
            Own::ListPendingTasks => list_pending_tasks::call(api, request, asker).await?,
            Own::SearchExecutions => search_executions::call(api, request, asker).await?,
        };
        Ok(json::Value::from(answer).to_text().into_bytes())
    }
}

/// Who asks, for what is looked at besides the thing that was asked for.
pub(crate) struct Asker<'a> {
    pub(crate) asking: Asking<'a>,
    pub(crate) known: &'a Facts<'a>,
}

impl Asker<'_> {
    /// Whether an operation of AWS would be allowed, with that member alone.
    async fn may(
        &self,
        api: &Api,
        operation: &str,
        request: &Request,
        (member, arn): (&str, &str),
    ) -> Result<bool, ApiError> {
        if !self.asking.is_bound(api) {
            return Ok(true);
        }
        let mut members = Object::new();
        members.insert(member, arn);
        let request = Request::about(request.scope.clone(), members);
        let needed = authorization::needed(operation, &request);
        let checked =
            authorization::check(api, self.asking, operation, &request, &needed, self.known).await;
        match checked {
            Ok(()) => Ok(true),
            Err(error) if error.code == ErrorCode::AccessDeniedException => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Whether the caller may read the execution: its description and its history.
    async fn may_read(&self, api: &Api, request: &Request, arn: &str) -> Result<bool, ApiError> {
        for operation in EXECUTION {
            if !self.may(api, operation, request, ("executionArn", arn)).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_own_operation_needs_operations_that_aws_has_and_is_none_of_them() {
        for operation in OPERATIONS {
            assert!(crate::operations::Operation::by_name(operation.name).is_none());
            for needed in operation.needs {
                assert!(crate::operations::Operation::by_name(needed).is_some(), "{needed}");
            }
            let found = OwnOperation::by_name(operation.name).expect("it is in the table");
            assert_eq!(found.name, operation.name);
        }
        assert!(OwnOperation::by_name("DescribeExecution").is_none());
    }
}
