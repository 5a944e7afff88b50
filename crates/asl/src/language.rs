//! The query language of a state.

use std::fmt;

use json::Object;

use crate::findings::Findings;
use crate::place::Place;

/// The two languages in which a state says what its data is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum QueryLanguage {
    JsonPath,
    Jsonata,
}

impl QueryLanguage {
    /// The language of the machine, or of a state within a machine of that language. The language
    /// comes from the machine, never from the Parallel or Map state around a state.
    ///
    /// What is no language at all is left to the check of the field.
    pub(crate) fn of<'a>(
        object: &'a Object,
        machine: Option<QueryLanguage>,
        place: &Place<'a>,
        findings: &mut Findings<'a>,
    ) -> QueryLanguage {
        let named = object.get("QueryLanguage").and_then(|value| value.as_str());
        match (named, machine) {
            (Some("JSONPath"), Some(QueryLanguage::Jsonata)) => {
                let message = "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for \
                               whole state machine";
                findings.error(place, message).help(
                    "remove it, or set \"QueryLanguage\": \"JSONata\" on single states and not on \
                     the state machine",
                );
                QueryLanguage::JsonPath
            }
            (Some("JSONPath"), _) => QueryLanguage::JsonPath,
            (Some("JSONata"), _) => QueryLanguage::Jsonata,
            (_, machine) => machine.unwrap_or(QueryLanguage::JsonPath),
        }
    }
}

impl fmt::Display for QueryLanguage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            QueryLanguage::JsonPath => "JSONPath",
            QueryLanguage::Jsonata => "JSONata",
        })
    }
}
