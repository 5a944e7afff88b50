//! How what nodes ask each other is written. See [`super::engine_forms`] for the rules.

use super::engine_forms::{enums, member};
use super::row::{Malformed, RowReader, RowWriter, Stored};
use crate::cluster::{Answer, Question};

enums! {
    Question, "question of a node" {
        0 => Stop { execution, failure }
        1 => StopChild { execution, failure }
        2 => Redrive { execution, client_token }
        3 => TakeTask { execution, task, worker_name }
        4 => TaskSucceeded { execution, token, output }
        5 => TaskFailed { execution, token, failure }
        6 => TaskHeartbeat { execution, token }
        7 => ChildEnded { execution, task, child }
        8 => Await { child, execution, task }
        9 => UpdateMapRun {
            execution, scope, arn, max_concurrency, tolerated_failure_count,
            tolerated_failure_percentage
        }
        10 => Poll { activity_arn }
        11 => DescribeExpress { scope, arn }
        12 => ReadExpress { scope, arn, from, limit, reverse }
        13 => StopExpress { scope, arn, failure }
        14 => ListExpress { machine, version_arn, alias_arn, status, after, limit }
        15 => MachineChanged { scope, name }
    }
    Answer, "answer of a node" {
        0 => NotHere {}
        1 => Done {}
        2 => Stopped { at }
        3 => Redriven { at }
        4 => NotRedrivable { why }
        5 => Task { token, input }
        6 => NoTask {}
        7 => Reported { was_waited_for }
        8 => Absent {}
        9 => Refused { reason }
        10 => Unknown { reason }
        11 => Corrupt { reason }
        12 => Quarantined {}
        13 => Overloaded {}
        14 => NotRunning {}
        15 => Offered { execution, task }
        16 => ExpressExecution { header, input, output, failure }
        17 => ExpressEvents { events, next }
        18 => ExpressExecutions { headers, is_last }
    }
}
