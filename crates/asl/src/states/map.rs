//! The Map state.

use crate::fields::{Fields, PROCESSOR_CONFIG};
use crate::language::QueryLanguage;
use crate::paths::{self, Sees};
use crate::state::StateReader;
use crate::template::template;
use crate::{Amount, Map, RegionIndex, WorkflowType};

/// The fields of a Map state; what is in its item processor is compiled with all other states.
pub(crate) fn compile(state: &mut StateReader<'_, '_>) -> Map {
    state.fields.one_of(&["ItemProcessor", "Iterator"], true, state.findings);
    state.fields.one_of(&["ItemSelector", "Parameters"], false, state.findings);
    state.fields.one_of(&["MaxConcurrency", "MaxConcurrencyPath"], false, state.findings);
    for region in &state.outline.regions {
        processor_config(state, *region);
    }
    let fields = &state.fields;
    let is_json_path = state.language == QueryLanguage::JsonPath;
    let selector = fields.located("ItemSelector").or_else(|| fields.located("Parameters"));
    let max_concurrency =
        paths::single(fields.located("MaxConcurrencyPath"), Sees::Data, state.findings);
    Map {
        items_path: paths::single(fields.located("ItemsPath"), Sees::Everything, state.findings),
        item_selector: template(selector.filter(|_| is_json_path), state.findings),
        processor: state.outline.regions.first().copied().unwrap_or(RegionIndex::ROOT),
        max_concurrency: match max_concurrency {
            Some(path) => Amount::Path(path),
            None => Amount::Literal(fields.integer("MaxConcurrency").unwrap_or(0)),
        },
        transition: state.transition(),
    }
}

fn processor_config(state: &mut StateReader<'_, '_>, region: RegionIndex) {
    let Some((config, place)) = state.region(region).fields.located("ProcessorConfig") else {
        return;
    };
    let Some(config) = config.as_object() else { return };
    let fields =
        Fields::check(config, PROCESSOR_CONFIG, state.language, place.clone(), state.findings);
    match (fields.text("Mode"), state.workflow_type) {
        (Some("DISTRIBUTED"), WorkflowType::Express) => {
            let message = "The field 'Mode' with value 'DISTRIBUTED' is not supported inside \
                           'EXPRESS' state machines";
            state.findings.error(&place.member("Mode"), message);
        }
        (Some("DISTRIBUTED"), WorkflowType::Standard) => {
            let message = "The value 'DISTRIBUTED' of the field 'Mode' is not supported by this \
                           version of Stairwell";
            state.findings.error(&place.member("Mode"), message);
        }
        // A mode that was refused says nothing of the other field.
        _ if fields.has("Mode") && fields.get("Mode").is_none() => {}
        _ if fields.has("ExecutionType") => {
            state.findings.error(&place, "Field 'ExecutionType' is not supported");
        }
        _ => {}
    }
}
