//! Patterns with `*` and `?`.

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Glob {
    /// What the text must begin with.
    prefix: Box<str>,
    /// What must follow.
    units: Box<[Unit]>,
    /// Whether a wildcard that stays within its segment stands beside another wildcard, so that
    /// letting the last one take more is not enough.
    is_mixed: bool,
}

/// A part of a pattern.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Unit {
    /// This character.
    Character(char),
    /// `?`: one character.
    One,
    /// `*`: any characters.
    Run,
    /// `*` that stays within a segment: any characters but colons.
    RunWithin,
}

impl Unit {
    pub(crate) fn is_run(self) -> bool {
        matches!(self, Unit::Run | Unit::RunWithin)
    }
}

impl Glob {
    pub(crate) fn new(units: &[Unit]) -> Glob {
        let prefix: String = units
            .iter()
            .map_while(|unit| match unit {
                Unit::Character(character) => Some(*character),
                Unit::One | Unit::Run | Unit::RunWithin => None,
            })
            .collect();
        let units: Box<[Unit]> = units[prefix.chars().count()..].into();
        let runs = units.iter().filter(|unit| unit.is_run()).count();
        let is_mixed = runs > 1 && units.contains(&Unit::RunWithin);
        Glob { prefix: prefix.into(), units, is_mixed }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some(rest) = text.strip_prefix(&*self.prefix) else { return false };
        match &*self.units {
            [] => rest.is_empty(),
            [Unit::Run] => true,
            units if self.is_mixed => matches_any_way(units, rest),
            units => matches_greedily(units, rest),
        }
    }
}

/// Where the last `*` has stopped, and the unit to go on with.
struct Retry<'a> {
    unit: usize,
    rest: &'a str,
    is_within: bool,
}

/// For wildcards of one kind: it is enough to let the last one take more.
fn matches_greedily(units: &[Unit], text: &str) -> bool {
    let (mut unit, mut rest) = (0, text);
    let mut retry: Option<Retry<'_>> = None;
    loop {
        let mut characters = rest.chars();
        let next = characters.next();
        match (units.get(unit), next) {
            (Some(Unit::Run | Unit::RunWithin), _) => {
                let is_within = units[unit] == Unit::RunWithin;
                unit += 1;
                retry = Some(Retry { unit, rest, is_within });
                continue;
            }
            (Some(Unit::Character(expected)), Some(there)) if *expected == there => {
                (unit, rest) = (unit + 1, characters.as_str());
                continue;
            }
            (Some(Unit::One), Some(_)) => {
                (unit, rest) = (unit + 1, characters.as_str());
                continue;
            }
            (None, None) => return true,
            (Some(Unit::Character(_) | Unit::One) | None, _) => {}
        }
        let Some(last) = &mut retry else { return false };
        let mut taken = last.rest.chars();
        match taken.next() {
            Some(':') if last.is_within => return false,
            Some(_) => {}
            None => return false,
        }
        last.rest = taken.as_str();
        (unit, rest) = (last.unit, last.rest);
    }
}

/// For mixed wildcards: every place in the pattern that the text so far can lead to.
fn matches_any_way(units: &[Unit], text: &str) -> bool {
    let mut places = vec![false; units.len() + 1];
    places[0] = true;
    skip_runs(units, &mut places);
    for character in text.chars() {
        let mut reached = vec![false; units.len() + 1];
        for (place, unit) in units.iter().enumerate().filter(|(place, _)| places[*place]) {
            match unit {
                Unit::Character(expected) => reached[place + 1] |= *expected == character,
                Unit::One => reached[place + 1] = true,
                Unit::Run => reached[place] = true,
                Unit::RunWithin => reached[place] |= character != ':',
            }
        }
        skip_runs(units, &mut reached);
        places = reached;
    }
    places[units.len()]
}

/// A run may be empty.
fn skip_runs(units: &[Unit], places: &mut [bool]) {
    for (place, unit) in units.iter().enumerate() {
        if places[place] && unit.is_run() {
            places[place + 1] = true;
        }
    }
}
