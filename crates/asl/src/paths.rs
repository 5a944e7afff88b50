//! Paths, and the words in which AWS refuses what is none.

use json::Value;
use jsonpath::{Path, ReferencePath, Root};

use crate::findings::Findings;
use crate::place::Place;
use crate::{ResultPath, Select};

/// `InputPath` and `OutputPath`.
pub(crate) fn select<'a>(
    field: Option<(&'a Value, Place<'a>)>,
    findings: &mut Findings<'a>,
) -> Select {
    match field {
        Some((Value::Null, _)) => Select::Nothing,
        Some((Value::String(text), place)) if **text != *"$" => {
            path(text, &place, findings).map_or(Select::Whole, Select::At)
        }
        _ => Select::Whole,
    }
}

/// `ResultPath`
pub(crate) fn result_path<'a>(
    field: Option<(&'a Value, Place<'a>)>,
    findings: &mut Findings<'a>,
) -> ResultPath {
    let (text, place) = match &field {
        Some((Value::Null, _)) => return ResultPath::Discard,
        Some((Value::String(text), place)) if **text != *"$" => (text, place),
        _ => return ResultPath::Whole,
    };
    match ReferencePath::parse(text) {
        Ok(path) => ResultPath::At(path),
        Err(error) => {
            if path(text, place, findings).is_some() {
                refuse_reference(place, &error.message, findings);
            }
            ResultPath::Whole
        }
    }
}

/// What the path of a field may look at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sees {
    Everything,
    /// Not the context object.
    Data,
}

/// A path that selects one value, such as `SecondsPath`.
pub(crate) fn single<'a>(
    field: Option<(&'a Value, Place<'a>)>,
    sees: Sees,
    findings: &mut Findings<'a>,
) -> Option<Path> {
    let (value, place) = field?;
    let path = path(value.as_str()?, &place, findings)?;
    selects_one(path, sees, &place, findings)
}

/// The path, where it selects one value.
pub(crate) fn selects_one<'a>(
    path: Path,
    sees: Sees,
    place: &Place<'a>,
    findings: &mut Findings<'a>,
) -> Option<Path> {
    let reason = if !path.is_definite() {
        "it can select more than one value"
    } else if sees == Sees::Data && *path.root() == Root::Context {
        "the context object is not available here"
    } else {
        return Some(path);
    };
    refuse_reference(place, reason, findings);
    None
}

/// `Variable` and the operands of Choice rules: as [`single`], with other words where it is no
/// path at all.
pub(crate) fn in_rule<'a>(
    value: &'a Value,
    place: &Place<'a>,
    findings: &mut Findings<'a>,
) -> Option<Path> {
    let text = value.as_str()?;
    let reason = match Path::parse(text) {
        _ if !text.starts_with('$') => "Reference path didn't start with '$'".to_owned(),
        Ok(path) => return selects_one(path, Sees::Everything, place, findings),
        Err(error) => error.message,
    };
    refuse_reference(place, &reason, findings);
    None
}

fn path<'a>(text: &str, place: &Place<'a>, findings: &mut Findings<'a>) -> Option<Path> {
    let path = Path::parse(text);
    if path.is_err() {
        findings
            .error(place, "Value must be a valid JSONPath.")
            .help("a path begins with $, such as $.order.id or $.items[0]");
    }
    path.ok()
}

fn refuse_reference<'a>(place: &Place<'a>, reason: &str, findings: &mut Findings<'a>) {
    findings
        .error(place, format_args!("Value is not a Reference Path: {reason}"))
        .help("write a path to one value, of names and indexes only, such as $.order.items[0]");
}
