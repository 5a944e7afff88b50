//! Patterns with `*` and `?`.

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Glob {
    /// What the text must begin with.
    prefix: Box<str>,
    /// What must follow, up to the last wildcard.
    units: Box<[Unit]>,
    /// What the text must end with: of many patterns, most are told apart by that.
    suffix: Box<str>,
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
        let character = |unit: &Unit| match unit {
            Unit::Character(character) => Some(*character),
            Unit::One | Unit::Run | Unit::RunWithin => None,
        };
        let prefix: String = units.iter().map_while(character).collect();
        let units = &units[prefix.chars().count()..];
        let mut suffix: Vec<char> = units.iter().rev().map_while(character).collect();
        suffix.reverse();
        let units: Box<[Unit]> = units[..units.len() - suffix.len()].into();
        let runs = units.iter().filter(|unit| unit.is_run()).count();
        let is_mixed = runs > 1 && units.contains(&Unit::RunWithin);
        let suffix = suffix.into_iter().collect::<String>().into();
        Glob { prefix: prefix.into(), units, suffix, is_mixed }
    }

    /// What stands between prefix and suffix. Compared byte by byte, from where patterns of a kind
    /// differ: calling `memcmp` for so few bytes was most of what a decision cost.
    fn between<'a>(&self, text: &'a str) -> Option<&'a str> {
        let (prefix, suffix) = (self.prefix.as_bytes(), self.suffix.as_bytes());
        let bytes = text.as_bytes();
        let end = bytes.len().checked_sub(suffix.len()).filter(|end| *end >= prefix.len())?;
        let are_equal = |(one, other): (&u8, &u8)| one == other;
        let has_suffix = bytes[end..].iter().rev().zip(suffix.iter().rev()).all(are_equal);
        let has_prefix = has_suffix && bytes.iter().zip(prefix).all(are_equal);
        // Both are whole characters, so that what is between them is as well.
        if has_prefix { text.get(prefix.len()..end) } else { None }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let Some(rest) = self.between(text) else { return false };
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
