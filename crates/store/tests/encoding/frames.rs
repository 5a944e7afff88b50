//! What nodes ask each other, and what they answer.

use engine::{EventId, ExecutionId, Failure, FrameId, TaskId, TaskToken, Timestamp};
use json::Document;
use stairwell_store::Scope;
use stairwell_store::cluster::{Answer, Question};
use stairwell_store::encoding::{decode_answer, decode_question, encode_answer, encode_question};

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
        let is_for_all = matches!(question, Question::Poll { .. });
        assert_eq!(question.subject(), (!is_for_all).then_some(ExecutionId([1; 16])));
    }
}
