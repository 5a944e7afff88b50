//! What is measured: one file per kind of work, with the bars that it should clear.

mod chains;
mod growth;
mod identity;
mod language;
mod loops;
mod map_runs;
mod nested;
mod overload;
mod process;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::Bench;
use super::figure::Figure;

/// Something to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    /// Ten Pass states, Standard, durable
    Chain,
    /// A parent that waits for a child
    Nested,
    /// Ten Pass states, Express, in one request
    Express,
    /// An inline Map of 1,000 items
    Map,
    /// A counting loop of 1,000 rounds, and a long chain
    Loops,
    /// Expressions, the interpreter and the validator, without a server
    Language,
    /// What a task costs its role, and a request its signature, without a server
    Identity,
    /// From the start of the process to its first answer, and its memory
    StartUp,
    /// A Map Run of many items; not part of a plain run
    MapRuns,
    /// Many executions that wait for a day; not part of a plain run
    Parked,
    /// Many executions that have ended; not part of a plain run
    Closed,
    /// Half of the possible rate for a long time; not part of a plain run
    Hour,
    /// Long expressions, and many executions due at once, beside other callers; not part of a
    /// plain run
    Beside,
    /// A restart with many executions due at once; not part of a plain run
    DueAtOnce,
}

impl Workload {
    /// Those of a plain run.
    pub(super) const PLAIN: [Workload; 8] = [
        Workload::StartUp,
        Workload::Chain,
        Workload::Nested,
        Workload::Express,
        Workload::Map,
        Workload::Loops,
        Workload::Language,
        Workload::Identity,
    ];

    /// Those that the guard watches.
    pub(super) const GUARDED: [Workload; 3] =
        [Workload::Chain, Workload::Nested, Workload::Express];

    /// As it is typed.
    pub(super) fn name(self) -> String {
        let value = self.to_possible_value().expect("every workload can be named");
        value.get_name().to_owned()
    }

    /// Measures it.
    pub(super) async fn measure(self, bench: &Bench) -> anyhow::Result<Vec<Figure>> {
        match self {
            Workload::Chain => chains::standard(bench).await,
            Workload::Nested => nested::nested(bench).await,
            Workload::Express => chains::express(bench).await,
            Workload::Map => loops::map(bench).await,
            Workload::Loops => loops::loops(bench).await,
            Workload::Language => language::language(bench),
            Workload::Identity => identity::identity().await,
            Workload::StartUp => process::start_up(bench).await,
            Workload::MapRuns => map_runs::map_runs(bench).await,
            Workload::Parked => growth::parked(bench).await,
            Workload::Closed => growth::closed(bench).await,
            Workload::Hour => growth::hour(bench).await,
            Workload::Beside => overload::beside(bench).await,
            Workload::DueAtOnce => overload::due_at_once(bench).await,
        }
    }
}

/// Pass states, one after the other, each with a small result.
pub(super) fn chain(length: usize) -> Value {
    let mut states = serde_json::Map::new();
    for index in 0..length {
        let mut state = json!({"Type": "Pass", "Result": {"step": index, "of": length}});
        if index + 1 == length {
            state["End"] = json!(true);
        } else {
            state["Next"] = json!(format!("S{}", index + 1));
        }
        states.insert(format!("S{index}"), state);
    }
    json!({"StartAt": "S0", "States": states})
}
