//! What nodes ask each other, and what they answer.

use std::sync::Arc;

use engine::{EventId, ExecutionId, Failure, FrameId, Status, TaskId, TaskToken, Timestamp};
use json::Document;
use stairwell_store::cluster::{Answer, Question};
use stairwell_store::encoding::{decode_answer, decode_question, encode_answer, encode_question};

use crate::tape::Tape;
use stairwell_store::{MachineId, Scope};

fn task() -> TaskId {
    TaskId { frame: FrameId(3), scheduled: EventId(4) }
}

fn questions() -> Vec<Question> {
    let (execution, child) = (ExecutionId([1; 16]), ExecutionId([2; 16]));
    let task = task();
    let failure = Failure::new("Error", "because");
    let token = TaskToken("token".into());
    let output = Document::from_trusted_text(r#"{"a":[1,2]}"#);
    vec![
        Question::Stop { execution, failure: Failure::default() },
        Question::StopChild { execution, failure: failure.clone() },
        Question::Redrive { execution, client_token: Some("once".into()) },
        Question::TakeTask { execution, task, worker_name: None },
        Question::TaskSucceeded { execution, token: token.clone(), output },
        Question::TaskFailed { execution, token: token.clone(), failure },
        Question::TaskHeartbeat { execution, token },
        Question::ChildEnded { execution, task, child },
        Question::Await { child: execution, execution: child, task },
        Question::Poll { activity_arn: "arn".into() },
        Question::UpdateMapRun {
            execution,
            scope: Scope { account: "1".into(), region: "r".into() },
            arn: "arn".into(),
            max_concurrency: Some(0),
            tolerated_failure_count: None,
            tolerated_failure_percentage: Some(12.5),
        },
    ]
    .into_iter()
    .chain(questions_of_express())
    .collect()
}

fn questions_of_express() -> [Question; 5] {
    let (scope, arn) = (Scope { account: "1".into(), region: "r".into() }, Arc::<str>::from("arn"));
    [
        Question::MachineChanged { scope: scope.clone(), name: "M".into() },
        Question::DescribeExpress { scope: scope.clone(), arn: arn.clone() },
        Question::ReadExpress {
            scope: scope.clone(),
            arn: arn.clone(),
            from: Some(7),
            limit: 1_000,
            reverse: true,
        },
        Question::StopExpress { scope, arn: arn.clone(), failure: Failure::new("Error", "why") },
        Question::ListExpress {
            machine: MachineId([3; 16]),
            version_arn: None,
            alias_arn: Some(arn),
            status: Some(Status::Failed),
            after: Some(ExecutionId([1; 16])),
            limit: 100,
        },
    ]
}

fn answers() -> Vec<Answer> {
    let at = Timestamp(1_700_000_000_000);
    let reason = || "because".into();
    let (token, input) = (TaskToken("token".into()), Document::from_trusted_text("[]"));
    vec![
        Answer::NotHere,
        Answer::Done,
        Answer::Stopped { at },
        Answer::Redriven { at },
        Answer::NotRedrivable { why: reason() },
        Answer::Task { token, input },
        Answer::NoTask,
        Answer::Reported { was_waited_for: true },
        Answer::Reported { was_waited_for: false },
        Answer::Absent,
        Answer::Refused { reason: reason() },
        Answer::Unknown { reason: reason() },
        Answer::Corrupt { reason: reason() },
        Answer::Quarantined,
        Answer::Overloaded,
        Answer::NotRunning,
        Answer::Offered { execution: ExecutionId([1; 16]), task: task() },
        Answer::ExpressExecution {
            header: Box::new(Tape::new(&[]).header()),
            input: Document::from_trusted_text("[]"),
            output: Some(Document::from_trusted_text("{}")),
            failure: Some(Failure::default()),
        },
        Answer::ExpressEvents { events: Vec::new(), next: Some(3) },
        Answer::ExpressExecutions { headers: vec![Tape::new(&[]).header()], is_last: false },
    ]
}

#[test]
fn frames_come_back_and_nothing_else_is_taken_for_one() {
    for question in questions() {
        let bytes = encode_question(&question);
        assert_eq!(decode_question(&bytes), Ok(question));
        for cut in 0..bytes.len() {
            assert!(decode_question(&bytes[..cut]).is_err(), "{cut} bytes of {bytes:?}");
        }
    }
    for answer in answers() {
        let bytes = encode_answer(&answer);
        assert_eq!(decode_answer(&bytes), Ok(answer));
        for cut in 0..bytes.len() {
            assert!(decode_answer(&bytes[..cut]).is_err(), "{cut} bytes of {bytes:?}");
        }
    }
}

#[test]
fn a_question_is_for_the_holder_of_its_execution() {
    for question in questions() {
        let is_for_all = matches!(
            question,
            Question::Poll { .. }
                | Question::MachineChanged { .. }
                | Question::DescribeExpress { .. }
                | Question::ReadExpress { .. }
                | Question::StopExpress { .. }
                | Question::ListExpress { .. }
        );
        assert_eq!(question.subject(), (!is_for_all).then_some(ExecutionId([1; 16])));
    }
}
