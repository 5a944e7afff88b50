//! What the compiler has found so far.

use std::fmt::Display;

use json::Value;

use crate::place::Place;
use crate::{Code, Diagnostic, Severity};

/// More findings than this are counted and not kept: nobody reads them, and a definition of a
/// megabyte that is wrong everywhere must not make an answer of gigabytes.
pub(crate) const KEPT_MAX: usize = 1_000;
/// The same, for the bytes of all pointers and messages together.
const KEPT_BYTES_MAX: usize = 1 << 20;

/// Collects findings in any order and gives them out as AWS does: first what is wrong with a thing
/// alone, then what is wrong with how the states hang together, each in document order.
#[derive(Default)]
pub(crate) struct Findings<'a> {
    kept: Vec<Finding<'a>>,
    kept_bytes: usize,
    has_error: bool,
}

struct Finding<'a> {
    severity: Severity,
    code: Code,
    message: String,
    help: String,
    at: At<'a>,
}

/// A finding that was just kept, if there was room for it.
pub(crate) struct Kept<'f>(Option<&'f mut String>);

impl Kept<'_> {
    /// Says how to mend it, where the message does not.
    pub(crate) fn help(self, text: impl Display) {
        if let Some(help) = self.0 {
            *help = text.to_string();
        }
    }
}

enum At<'a> {
    /// A place in the definition.
    Place(Place<'a>),
    /// None that AWS would name; comes after everything else within the place.
    EndOf(Place<'a>),
}

impl<'a> Findings<'a> {
    /// A mistake that AWS puts under its most general code.
    pub(crate) fn error(&mut self, place: &Place<'a>, message: impl Display) -> Kept<'_> {
        self.error_with(Code::SchemaValidationFailed, place, message)
    }

    /// A mistake with a code of its own.
    pub(crate) fn error_with(
        &mut self,
        code: Code,
        place: &Place<'a>,
        message: impl Display,
    ) -> Kept<'_> {
        self.keep(Severity::Error, code, At::Place(place.clone()), message)
    }

    /// A mistake of a whole region, which comes after those of its states.
    pub(crate) fn error_at_end_of(
        &mut self,
        code: Code,
        region: &Place<'a>,
        message: &str,
    ) -> Kept<'_> {
        self.keep(Severity::Error, code, At::EndOf(region.clone()), message)
    }

    /// Something that runs, and probably not as its author thinks.
    pub(crate) fn warning(
        &mut self,
        code: Code,
        place: &Place<'a>,
        message: impl Display,
    ) -> Kept<'_> {
        self.keep(Severity::Warning, code, At::Place(place.clone()), message)
    }

    /// Whether the definition must be refused.
    pub(crate) fn has_error(&self) -> bool {
        self.has_error
    }

    fn keep(
        &mut self,
        severity: Severity,
        code: Code,
        at: At<'a>,
        message: impl Display,
    ) -> Kept<'_> {
        self.has_error |= severity == Severity::Error;
        let (At::Place(place) | At::EndOf(place)) = &at;
        let pointer_bytes = place.pointer_bytes();
        let has_room = self.kept.len() < KEPT_MAX
            && (self.kept.is_empty() || self.kept_bytes + pointer_bytes < KEPT_BYTES_MAX);
        if !has_room {
            return Kept(None);
        }
        let message = message.to_string();
        self.kept_bytes += pointer_bytes + message.len();
        self.kept.push(Finding { severity, code, message, help: String::new(), at });
        Kept(self.kept.last_mut().map(|finding| &mut finding.help))
    }

    /// The findings, as the outside sees them.
    pub(crate) fn into_diagnostics(self, definition: &Value) -> Vec<Diagnostic> {
        let mut ordered: Vec<((bool, Vec<usize>), Diagnostic)> =
            self.kept.into_iter().map(|finding| finding.place_in(definition)).collect();
        ordered.sort_by(|left, right| left.0.cmp(&right.0));
        ordered.into_iter().map(|(_, diagnostic)| diagnostic).collect()
    }
}

impl Finding<'_> {
    /// With what it is ordered by.
    fn place_in(self, definition: &Value) -> ((bool, Vec<usize>), Diagnostic) {
        let (order, pointer) = match &self.at {
            At::Place(place) => (place.order(definition), place.to_string()),
            At::EndOf(region) => {
                let mut order = region.order(definition);
                let pointer = if order.is_empty() { String::new() } else { region.to_string() };
                order.push(usize::MAX);
                (order, pointer)
            }
        };
        let Finding { severity, code, message, help, .. } = self;
        let is_of_graph = matches!(code, Code::MissingTransitionTarget | Code::MissingEndState);
        ((is_of_graph, order), Diagnostic { severity, code, message, help, pointer })
    }
}
