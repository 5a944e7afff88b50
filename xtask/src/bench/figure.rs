//! A figure, the limit of the machine that it is set against, and the bar that it should clear.

/// What the machine can do at most, each measured in the same run as the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    /// Milliseconds until a small write is durable.
    Sync,
    /// Records a second of a bare log, synced once for as many as there are clients.
    Log,
    /// Requests a second of a server that does nothing.
    BareRate,
    /// Milliseconds of processor time that such a server uses for a request.
    BareCpu,
    /// Milliseconds that such a request takes with one client.
    BareLatency,
    /// Milliseconds to parse a document of 1 KiB.
    Parse,
}

impl Limit {
    /// All of them, in the order in which they are shown.
    pub(super) const ALL: [Limit; 6] = [
        Limit::Sync,
        Limit::Log,
        Limit::BareRate,
        Limit::BareCpu,
        Limit::BareLatency,
        Limit::Parse,
    ];

    /// What it is called beside a ratio.
    pub(super) fn short(self) -> &'static str {
        match self {
            Limit::Sync => "a sync",
            Limit::Log => "the log",
            Limit::BareRate | Limit::BareCpu | Limit::BareLatency => "bare HTTP",
            Limit::Parse => "parsing 1 KiB",
        }
    }

    /// What it is called in the table, and its unit.
    pub(super) fn words(self) -> (&'static str, &'static str) {
        match self {
            Limit::Sync => ("Limit: 4 KiB written and synced", "ms"),
            Limit::Log => ("Limit: a bare log, 32 records of 3 KB per sync", "records/s"),
            Limit::BareRate => ("Limit: bare HTTP server, 32 clients", "requests/s"),
            Limit::BareCpu => ("Limit: bare HTTP server, processor time", "ms/request"),
            Limit::BareLatency => ("Limit: bare HTTP server, 1 client", "ms"),
            Limit::Parse => ("Limit: a JSON document of 1 KiB parsed", "ms"),
        }
    }
}

/// What a figure should reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bar {
    /// Whether more is better.
    at_least: bool,
    value: f64,
    /// A share of a limit that is as good, for machines on which the value is out of reach.
    ratio: Option<(Limit, f64)>,
}

impl Bar {
    /// This much or more.
    pub(super) fn at_least(value: f64) -> Bar {
        Bar { at_least: true, value, ratio: None }
    }

    /// This much or less.
    pub(super) fn at_most(value: f64) -> Bar {
        Bar { at_least: false, value, ratio: None }
    }

    /// Or this share of a limit.
    pub(super) fn or(mut self, share: f64, limit: Limit) -> Bar {
        self.ratio = Some((limit, share));
        self
    }

    /// Whether the figure reaches it.
    pub(super) fn holds(&self, figure: f64, limit: impl Fn(Limit) -> f64) -> bool {
        let reaches = |bar: f64| if self.at_least { figure >= bar } else { figure <= bar };
        reaches(self.value) || self.ratio.is_some_and(|(of, share)| reaches(share * limit(of)))
    }

    /// In words.
    pub(super) fn words(&self) -> String {
        let sign = if self.at_least { "≥" } else { "≤" };
        let value = super::report::figure(self.value);
        match self.ratio {
            None => format!("{sign} {value}"),
            Some((limit, share)) => format!("{sign} {value} or {share} of {}", limit.short()),
        }
    }
}

/// One figure of one run.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    /// In words; figures of several runs belong together by it.
    pub(super) name: String,
    pub(super) unit: &'static str,
    pub(super) value: f64,
    /// What it is shown as a ratio to.
    pub(super) against: &'static [Limit],
    pub(super) bar: Option<Bar>,
    /// The name under which the guard keeps its ratio to the first limit.
    pub(super) guard: Option<&'static str>,
}

impl Figure {
    pub(super) fn new(name: impl Into<String>, unit: &'static str, value: f64) -> Figure {
        Figure { name: name.into(), unit, value, against: &[], bar: None, guard: None }
    }

    /// Shown as a ratio to these.
    pub(super) fn against(mut self, limits: &'static [Limit]) -> Figure {
        self.against = limits;
        self
    }

    /// With what it should reach.
    pub(super) fn bar(mut self, bar: Bar) -> Figure {
        self.bar = Some(bar);
        self
    }

    /// Watched by the guard, as a cost: its ratio to the first limit may not grow.
    pub(super) fn guarded(mut self, name: &'static str) -> Figure {
        self.guard = Some(name);
        self
    }
}

/// Everything that one run measured.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub(super) limits: Vec<(Limit, f64)>,
    pub(super) figures: Vec<Figure>,
}

impl Run {
    /// What this run measured of a limit.
    pub(super) fn limit(&self, limit: Limit) -> f64 {
        let found = self.limits.iter().find(|(each, _)| *each == limit);
        found.map_or(f64::NAN, |(_, value)| *value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_reached_by_the_value_or_by_the_share() {
        let check = |bar: Bar, figure: f64, expected: bool| {
            assert_eq!(bar.holds(figure, |_| 1_000.0), expected, "{figure} {}", bar.words());
        };
        check(Bar::at_least(500.0), 500.0, true);
        check(Bar::at_least(500.0), 499.0, false);
        check(Bar::at_least(500.0).or(0.1, Limit::BareRate), 100.0, true);
        check(Bar::at_least(500.0).or(0.1, Limit::BareRate), 99.0, false);
        check(Bar::at_most(0.5), 0.6, false);
        check(Bar::at_most(0.5).or(0.003, Limit::Sync), 2.9, true);
        check(Bar::at_most(0.5).or(0.003, Limit::Sync), 3.1, false);
        check(Bar::at_most(0.5), f64::NAN, false);
    }
}
