//! How the input and output of a state are made.

use crate::expressions::{self, Offers, jsonata};
use crate::language::QueryLanguage;
use crate::paths;
use crate::state::StateReader;
use crate::template::template;
use crate::{DataFlow, JsonPathFlow, JsonataFlow, Payload, ResultPath, Select, StateType};

/// The data flow of a state, in its query language.
pub(crate) fn data_flow(state: &mut StateReader<'_, '_>) -> DataFlow {
    match state.language {
        QueryLanguage::JsonPath => DataFlow::JsonPath(Box::new(json_path(state))),
        QueryLanguage::Jsonata => DataFlow::Jsonata(jsonata_flow(state)),
    }
}

/// Input and output as they come.
pub(crate) fn unchanged() -> DataFlow {
    DataFlow::JsonPath(Box::new(JsonPathFlow {
        input_path: Select::Whole,
        parameters: None,
        result_selector: None,
        result_path: ResultPath::Whole,
        output_path: Select::Whole,
    }))
}

fn jsonata_flow(state: &mut StateReader<'_, '_>) -> JsonataFlow {
    let offers = Offers::of(state.state_type);
    let fields = &state.fields;
    JsonataFlow {
        arguments: jsonata(fields.located("Arguments"), Offers::Nothing, state.findings),
        output: jsonata(fields.located("Output"), offers, state.findings),
    }
}

/// `Assign` of the state itself.
pub(crate) fn assign(state: &mut StateReader<'_, '_>) -> Option<Payload> {
    let offers = Offers::of(state.state_type);
    expressions::assign(state, state.fields.located("Assign"), offers)
}

fn json_path(state: &mut StateReader<'_, '_>) -> JsonPathFlow {
    let fields = &state.fields;
    // On a Map state the name stands for `ItemSelector`.
    let parameters = fields.located("Parameters").filter(|_| state.state_type != StateType::Map);
    JsonPathFlow {
        input_path: paths::select(fields.located("InputPath"), state.findings),
        parameters: template(parameters, state.findings),
        result_selector: template(fields.located("ResultSelector"), state.findings),
        result_path: paths::result_path(fields.located("ResultPath"), state.findings),
        output_path: paths::select(fields.located("OutputPath"), state.findings),
    }
}
