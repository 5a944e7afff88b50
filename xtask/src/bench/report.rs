//! The figures of all runs as a table in Markdown.

use std::fmt::Write;

use super::figure::{Figure, Limit, Run};

/// The middle of the runs, their spread, the ratios to the limits, and the bars.
pub(super) fn table(runs: &[Run]) -> String {
    let mut table = String::from(
        "| what | unit | median | spread | to its limit | bar | |\n\
         | --- | --- | ---: | ---: | --- | --- | --- |\n",
    );
    for limit in Limit::ALL {
        let (words, unit) = limit.words();
        let values = runs.iter().map(|run| run.limit(limit)).collect();
        line(&mut table, &[words, unit, &middle_and_spread(values), "", "", ""]);
    }
    let Some(first) = runs.first() else { return table };
    for figure in &first.figures {
        let ratios: Vec<String> =
            figure.against.iter().map(|of| ratio(runs, figure, *of)).collect();
        let bar = figure.bar.as_ref().map(super::figure::Bar::words).unwrap_or_default();
        let held = match holds(runs, figure) {
            None => "",
            Some(true) => "holds",
            Some(false) => "**missed**",
        };
        let values = middle_and_spread(values(runs, figure));
        line(&mut table, &[&figure.name, figure.unit, &values, &ratios.join(", "), &bar, held]);
    }
    table
}

/// Whether the middle of the runs reaches the figure's bar.
pub(super) fn holds(runs: &[Run], figure: &Figure) -> Option<bool> {
    let limit = |limit| middle(runs.iter().map(|run| run.limit(limit)).collect());
    figure.bar.map(|bar| bar.holds(middle(values(runs, figure)), limit))
}

fn ratio(runs: &[Run], figure: &Figure, limit: Limit) -> String {
    let ratios = runs.iter().flat_map(|run| {
        let same = run.figures.iter().filter(|each| each.name == figure.name);
        same.map(|each| each.value / run.limit(limit))
    });
    format!("{} of {}", self::figure(middle(ratios.collect())), limit.short())
}

fn values(runs: &[Run], figure: &Figure) -> Vec<f64> {
    let all = runs.iter().flat_map(|run| &run.figures);
    all.filter(|each| each.name == figure.name).map(|each| each.value).collect()
}

fn middle_and_spread(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    let at = |index: usize| figure(values.get(index).copied().unwrap_or(f64::NAN));
    format!("{} | {}–{}", at(values.len() / 2), at(0), at(values.len().saturating_sub(1)))
}

/// The value in the middle.
pub(super) fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn line(table: &mut String, cells: &[&str]) {
    writeln!(table, "| {} |", cells.join(" | ")).expect("a string takes everything");
}

/// Three figures that count.
pub(super) fn figure(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        size if size >= 0.1 || size == 0.0 => format!("{value:.3}"),
        size if size >= 0.01 => format!("{value:.4}"),
        _ => format!("{value:.5}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::figure::Bar;

    #[test]
    fn the_table_shows_the_middle_the_spread_the_ratio_and_the_bar() {
        let run = |value: f64| Run {
            limits: vec![(Limit::BareCpu, 0.01)],
            figures: vec![
                Figure::new("A chain", "ms", value)
                    .against(&[Limit::BareCpu])
                    .bar(Bar::at_most(0.25)),
            ],
        };
        let table = table(&[run(0.3), run(0.1), run(0.2)]);
        let expected =
            "| A chain | ms | 0.200 | 0.100–0.300 | 20.0 of bare HTTP | ≤ 0.250 | holds |";
        assert!(table.contains(expected), "{table}");
    }
}
