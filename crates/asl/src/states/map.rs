//! The Map state.

use crate::expressions::{Offers, amount, jsonata, payload};
use crate::fields::{Fields, PROCESSOR_CONFIG};
use crate::paths::{self, Sees};
use crate::state::StateReader;
use crate::{Amount, Items, Map, RegionIndex, WorkflowType};

/// The fields of a Map state; what is in its item processor is compiled with all other states.
pub(crate) fn compile(state: &mut StateReader<'_, '_>) -> Map {
    state.fields.one_of(&["ItemProcessor", "Iterator"], true, state.findings);
    state.fields.one_of(&["ItemSelector", "Parameters"], false, state.findings);
    state.fields.one_of(&["MaxConcurrency", "MaxConcurrencyPath"], false, state.findings);
    for region in &state.outline.regions {
        processor_config(state, *region);
    }
    let fields = &state.fields;
    let selector = fields.located("ItemSelector").or_else(|| fields.located("Parameters"));
    let path = paths::single(fields.located("ItemsPath"), Sees::Everything, state.findings);
    let items = jsonata(fields.located("Items"), Offers::Nothing, state.findings);
    let max_concurrency = amount(state, "MaxConcurrency", "MaxConcurrencyPath", Sees::Data);
    Map {
        items: match (path, items) {
            (Some(path), _) => Items::Path(path),
            (None, Some(items)) => Items::Jsonata(items),
            (None, None) => Items::Input,
        },
        item_selector: payload(state, selector, Offers::Nothing),
        processor: state.outline.regions.first().copied().unwrap_or(RegionIndex::ROOT),
        max_concurrency: max_concurrency.unwrap_or(Amount::Literal(0)),
        tolerated_failure: tolerated_failure(state),
        transition: state.transition(),
    }
}

fn tolerated_failure(state: &mut StateReader<'_, '_>) -> Vec<Amount> {
    const COUNT: &[&str] = &["ToleratedFailureCount", "ToleratedFailureCountPath"];
    const PERCENTAGE: &[&str] = &["ToleratedFailurePercentage", "ToleratedFailurePercentagePath"];
    let mut amounts = Vec::new();
    for names in [COUNT, PERCENTAGE] {
        state.fields.one_of(names, false, state.findings);
        amounts.extend(amount(state, names[0], names[1], Sees::Everything));
    }
    amounts
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
