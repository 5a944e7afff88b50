//! The figures, and how they stand to what the machine can do.

use std::fmt::Write;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    SyncMilliseconds,
    LogRate,
    BareRate,
    BareCpu,
    BareLatency,
    StartUp,
    IdleMemory,
    BusyMemory,
    ChainRate,
    ChainCpu,
    ChainLatency,
    NestedRate,
    NestedCpu,
    NestedLatency,
}

/// One figure of one run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure {
    key: Key,
    value: f64,
}

impl Measure {
    pub(super) fn new(key: Key, value: f64) -> Measure {
        Measure { key, value }
    }
}

/// A line of the table: its words, its unit, and the limits that it is set against.
const LINES: [(Key, &str, &str, &[Key]); 14] = [
    (Key::SyncMilliseconds, "Limit: 4 KiB written and synced", "ms", &[]),
    (Key::LogRate, "Limit: a bare log, 32 records of 3 KB per sync", "records/s", &[]),
    (Key::BareRate, "Limit: bare HTTP server, 32 clients", "requests/s", &[]),
    (Key::BareCpu, "Limit: bare HTTP server, processor time", "ms/request", &[]),
    (Key::BareLatency, "Limit: bare HTTP server, 1 client", "ms", &[]),
    (
        Key::ChainRate,
        "10 Pass states until seen to succeed, 32 clients",
        "executions/s",
        &[Key::LogRate, Key::BareRate],
    ),
    (Key::ChainCpu, "… processor time of the server", "ms/execution", &[Key::BareCpu]),
    (Key::ChainLatency, "… 1 client, median", "ms", &[Key::SyncMilliseconds, Key::BareLatency]),
    (
        Key::NestedRate,
        "Parent and child (`.sync:2`), 32 clients",
        "parents/s",
        &[Key::LogRate, Key::BareRate],
    ),
    (Key::NestedCpu, "… processor time of the server", "ms/parent", &[Key::BareCpu]),
    (Key::NestedLatency, "… 1 client, median", "ms", &[Key::SyncMilliseconds, Key::BareLatency]),
    (Key::StartUp, "Start of the process to its first answer, empty store", "ms", &[]),
    (Key::IdleMemory, "Memory when idle, empty store", "MB", &[]),
    (Key::BusyMemory, "Memory after the first workload", "MB", &[]),
];

/// The figures as a table in Markdown: the middle of the runs, their spread, and the ratios.
pub(super) fn table(runs: &[Vec<Measure>]) -> String {
    let mut table = String::from(
        "| what | unit | median | spread | to its limit |\n| --- | --- | ---: | ---: | --- |\n",
    );
    for (key, words, unit, limits) in LINES {
        let (middle, least, most) = middle(runs, key);
        let ratios: Vec<String> = limits
            .iter()
            .map(|limit| {
                format!("{} of {}", figure(middle / self::middle(runs, *limit).0), name(*limit))
            })
            .collect();
        let spread = format!("{}–{}", figure(least), figure(most));
        let ratios = ratios.join(", ");
        writeln!(table, "| {words} | {unit} | {} | {spread} | {ratios} |", figure(middle))
            .expect("a string takes everything");
    }
    table
}

/// Executions of ten states per request that the bare server answers.
pub(super) fn guard_ratio(run: &Vec<Measure>) -> f64 {
    let runs = std::slice::from_ref(run);
    middle(runs, Key::ChainRate).0 / middle(runs, Key::BareRate).0
}

/// The middle, the least and the most of a figure.
fn middle(runs: &[Vec<Measure>], key: Key) -> (f64, f64, f64) {
    let all = runs.iter().flatten().filter(|measure| measure.key == key);
    let mut values: Vec<f64> = all.map(|measure| measure.value).collect();
    values.sort_by(f64::total_cmp);
    let at = |index: usize| values.get(index).copied().unwrap_or(f64::NAN);
    (at(values.len() / 2), at(0), at(values.len().saturating_sub(1)))
}

/// What a limit is called beside a ratio.
fn name(limit: Key) -> &'static str {
    match limit {
        Key::SyncMilliseconds => "a sync",
        Key::LogRate => "the log",
        Key::BareRate | Key::BareCpu | Key::BareLatency => "bare HTTP",
        Key::StartUp
        | Key::IdleMemory
        | Key::BusyMemory
        | Key::ChainRate
        | Key::ChainCpu
        | Key::ChainLatency
        | Key::NestedRate
        | Key::NestedCpu
        | Key::NestedLatency => unreachable!("no limit"),
    }
}

/// Three figures that count.
fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_the_middle_the_spread_and_the_ratio() {
        let run =
            |chain: f64| vec![Measure::new(Key::ChainCpu, chain), Measure::new(Key::BareCpu, 0.01)];
        let table = table(&[run(0.3), run(0.1), run(0.2)]);
        let expected = "| … processor time of the server | ms/execution | 0.200 | 0.100–0.300 | \
                        20.0 of bare HTTP |";
        assert!(table.contains(expected), "{table}");
    }
}
