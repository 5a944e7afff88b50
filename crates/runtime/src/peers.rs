//! What nodes ask each other about executions, and how it is answered.
//!
//! Promises: a question is answered by the node that holds the home of its execution, or with
//! "not here"; an answer comes after the commit that it tells of.
//!
//! Does not: pass a question on. Whoever asked finds out who holds the home now.

use std::sync::Arc;
use std::time::Duration;

use engine::ExecutionId;
use store::cluster::{Answer as NodeAnswer, Node, Place, Question};
use store::encoding::{decode_answer, decode_question, encode_answer, encode_question};
use store::{ResourceKey, StoreError};
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::homes::CROSSING_MAX;
use crate::live::{Answer, Ask, Message, Reply, Report, Undone};
use crate::machines::machine_key;
use crate::network::NetworkError;
use crate::redrive::reason_not_redrivable;
use crate::shell::Shell;
use crate::{ActivityTask, OperationalError, Runtime};

/// How long a change waits until the other nodes have heard of it.
const TELLING_MAX: Duration = Duration::from_millis(100);

impl Runtime {
    /// Answers what another node asked by [`Network::ask`].
    ///
    /// [`Network::ask`]: crate::Network::ask
    pub async fn answer_node(&self, frame: &[u8]) -> Vec<u8> {
        let answer = match decode_question(frame) {
            Ok(question) => self.shell.answer_question(question).await,
            Err(error) => answer_of_error(error),
        };
        encode_answer(&answer)
    }
}

impl Shell {
    /// Asks another node.
    pub(crate) async fn ask_node(
        &self,
        node: &Node,
        question: &Question,
    ) -> Result<NodeAnswer, NetworkError> {
        let network = self.config.network.as_ref().ok_or(NetworkError::NotSent)?;
        let asked = network.0.ask(node, encode_question(question));
        let answered = tokio::time::timeout(CROSSING_MAX, asked).await;
        let frame = answered.map_err(|_| NetworkError::Lost)??;
        decode_answer(&frame).map_err(|error| {
            tracing::error!(address = %node.address, %error, "another node's answer is unreadable");
            NetworkError::Lost
        })
    }

    /// The nodes that live, without this one.
    pub(crate) fn other_nodes(&self) -> Vec<Node> {
        let (mut nodes, me) = (self.nodes.borrow().clone(), self.store.node());
        nodes.retain(|node| Some(node.number) != me);
        nodes
    }

    /// Tells the other nodes that a state machine was written, so that they use it as it is now.
    /// Waits for them for a moment only: who does not hear of it is told by the store soon.
    pub(crate) async fn tell_machine_changed(&self, key: &ResourceKey) {
        let Some(network) = self.config.network.clone() else { return };
        let (scope, name) = (key.scope.clone(), key.name.clone());
        let frame = encode_question(&Question::MachineChanged { scope, name });
        let mut told = JoinSet::new();
        for node in self.other_nodes() {
            let (network, frame) = (network.clone(), frame.clone());
            told.spawn(async move { network.0.ask(&node, frame).await.map(drop) });
        }
        let all = async { while told.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(TELLING_MAX, all).await;
    }

    async fn answer_question(self: &Arc<Self>, question: Question) -> NodeAnswer {
        if let Question::Poll { activity_arn } = &question {
            return self.lend_task(activity_arn);
        }
        if let Question::MachineChanged { scope, name } = question {
            self.forget_machine(&machine_key(&scope, &name));
            return NodeAnswer::Done;
        }
        let Some(id) = question.subject() else { return self.answer_of_express(question).await };
        match self.store.locate(id).await {
            Ok(Place::Here) if !self.is_closing() => {}
            Ok(_) => return NodeAnswer::NotHere,
            Err(error) => return answer_of_error(error),
        }
        let ask = match question {
            Question::Stop { failure, .. } => Ask::Stop(failure),
            Question::StopChild { failure, .. } => Ask::StopChild(failure),
            Question::Redrive { client_token, .. } => Ask::Redrive(client_token),
            Question::TakeTask { task, worker_name, .. } => Ask::TakeTask { task, worker_name },
            Question::TaskSucceeded { token, output, .. } => {
                Ask::Report { token, report: Report::Finished(Ok(output)) }
            }
            Question::TaskFailed { token, failure, .. } => {
                Ask::Report { token, report: Report::Finished(Err(failure)) }
            }
            Question::TaskHeartbeat { token, .. } => {
                Ask::Report { token, report: Report::Heartbeat }
            }
            Question::ChildEnded { execution, task, child } => {
                return answer_of_result(self.tell_stored_end((execution, task), child).await);
            }
            Question::Poll { .. }
            | Question::MachineChanged { .. }
            | Question::DescribeExpress { .. }
            | Question::ReadExpress { .. }
            | Question::StopExpress { .. }
            | Question::ListExpress { .. } => unreachable!("they are answered above"),
            Question::UpdateMapRun { .. } => return self.update_map_run_here(question).await,
            Question::Await { child, execution, task } => {
                return answer_of_result(self.await_here((execution, task), child).await);
            }
        };
        let (sender, receiver) = oneshot::channel();
        self.push(id, [Message::new(ask, Some(sender))].into());
        let lost = Err(Undone::Operational(OperationalError::Quarantined));
        answer_of(receiver.await.unwrap_or(lost))
    }
}

impl Ask {
    /// The question to another node. None for what that node finds out by itself: it performs what
    /// is pending, and wakes what is due, when it takes the home.
    pub(crate) fn question(&self, execution: ExecutionId) -> Option<Question> {
        Some(match self {
            Ask::Recover | Ask::Input(_) => return None,
            Ask::ChildEnded { task, child } => {
                Question::ChildEnded { execution, task: *task, child: child.header.id }
            }
            Ask::Stop(failure) => Question::Stop { execution, failure: failure.clone() },
            Ask::StopChild(failure) => Question::StopChild { execution, failure: failure.clone() },
            Ask::Redrive(client_token) => {
                Question::Redrive { execution, client_token: client_token.clone() }
            }
            Ask::TakeTask { task, worker_name } => {
                Question::TakeTask { execution, task: *task, worker_name: worker_name.clone() }
            }
            Ask::Report { token, report } => {
                let token = token.clone();
                match report {
                    Report::Finished(Ok(output)) => {
                        Question::TaskSucceeded { execution, token, output: output.clone() }
                    }
                    Report::Finished(Err(failure)) => {
                        Question::TaskFailed { execution, token, failure: failure.clone() }
                    }
                    Report::Heartbeat => Question::TaskHeartbeat { execution, token },
                }
            }
        })
    }
}

/// What another node's answer means to the one who asked; none where the execution is not there
/// any more.
pub(crate) fn reply_of(answer: NodeAnswer) -> Option<Reply> {
    let failed = |error: OperationalError| Err(Undone::Operational(error));
    Some(match answer {
        NodeAnswer::NotHere => return None,
        NodeAnswer::Done => Ok(Answer::Done),
        NodeAnswer::Stopped { at } => Ok(Answer::Stopped(at)),
        NodeAnswer::Redriven { at } => Ok(Answer::Redriven(Ok(at))),
        NodeAnswer::NotRedrivable { why } => Ok(Answer::Redriven(Err(reason_not_redrivable(&why)))),
        NodeAnswer::Task { token, input } => Ok(Answer::Task(Some(ActivityTask { token, input }))),
        NodeAnswer::NoTask => Ok(Answer::Task(None)),
        NodeAnswer::Reported { was_waited_for } => Ok(Answer::Reported(was_waited_for)),
        NodeAnswer::Absent | NodeAnswer::NotRunning | NodeAnswer::Offered { .. } => {
            Err(Undone::Absent)
        }
        NodeAnswer::ExpressExecution { .. }
        | NodeAnswer::ExpressEvents { .. }
        | NodeAnswer::ExpressExecutions { .. } => Err(Undone::Absent),
        NodeAnswer::Refused { reason } => failed(StoreError::Refused(reason.to_string()).into()),
        NodeAnswer::Unknown { reason } => failed(StoreError::Unknown(reason.to_string()).into()),
        NodeAnswer::Corrupt { reason } => failed(StoreError::Corrupt(reason.to_string()).into()),
        NodeAnswer::Quarantined => failed(OperationalError::Quarantined),
        NodeAnswer::Overloaded => failed(OperationalError::Overloaded),
    })
}

fn answer_of(reply: Reply) -> NodeAnswer {
    match reply {
        Ok(Answer::Done) => NodeAnswer::Done,
        Ok(Answer::Stopped(at)) => NodeAnswer::Stopped { at },
        Ok(Answer::Redriven(Ok(at))) => NodeAnswer::Redriven { at },
        Ok(Answer::Redriven(Err(why))) => NodeAnswer::NotRedrivable { why: why.into() },
        Ok(Answer::Task(Some(ActivityTask { token, input }))) => NodeAnswer::Task { token, input },
        Ok(Answer::Task(None)) => NodeAnswer::NoTask,
        Ok(Answer::Reported(was_waited_for)) => NodeAnswer::Reported { was_waited_for },
        Err(Undone::Absent) => NodeAnswer::Absent,
        Err(Undone::Operational(OperationalError::Store(error))) => answer_of_error(error),
        Err(Undone::Operational(OperationalError::Quarantined)) => NodeAnswer::Quarantined,
        Err(Undone::Operational(OperationalError::Overloaded)) => NodeAnswer::Overloaded,
        Err(Undone::Operational(OperationalError::ShuttingDown)) => NodeAnswer::NotHere,
    }
}

fn answer_of_result(result: Result<(), StoreError>) -> NodeAnswer {
    result.map_or_else(answer_of_error, |()| NodeAnswer::Done)
}

pub(crate) fn answer_of_error(error: StoreError) -> NodeAnswer {
    match error {
        StoreError::Elsewhere => NodeAnswer::NotHere,
        StoreError::Conflict => NodeAnswer::Refused { reason: error.to_string().into() },
        StoreError::Refused(reason) => NodeAnswer::Refused { reason: reason.into() },
        StoreError::Unknown(reason) => NodeAnswer::Unknown { reason: reason.into() },
        StoreError::Corrupt(reason) => NodeAnswer::Corrupt { reason: reason.into() },
    }
}
