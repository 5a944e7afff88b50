//! The Map state.

use json::Value;

use crate::expressions::{Offers, amount, expression, jsonata, payload};
use crate::fields::{Fields, PROCESSOR_CONFIG};
use crate::paths::{self, Sees};
use crate::state::StateReader;
use crate::states::distributed;
use crate::{Amount, Items, Map, Percentage, RegionIndex, WorkflowType};

/// The fields of a Map state; what is in its item processor is compiled with all other states.
pub(crate) fn compile(state: &mut StateReader<'_, '_>) -> Map {
    state.fields.one_of(&["ItemProcessor", "Iterator"], true, state.findings);
    state.fields.one_of(&["ItemSelector", "Parameters"], false, state.findings);
    state.fields.one_of(&["MaxConcurrency", "MaxConcurrencyPath"], false, state.findings);
    let mut distributed = None;
    for region in &state.outline.regions {
        distributed = processor_config(state, *region);
    }
    let distributed = match distributed {
        Some(execution_type) => Some(Box::new(distributed::compile(state, execution_type))),
        None => {
            distributed::refuse_fields(state);
            None
        }
    };
    if distributed.is_none()
        && let Some((Value::Object(_), place)) = state.fields.located("Items")
    {
        state.findings.error(&place, "Expected value of type [ARRAY]");
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
        tolerated_failure_count: tolerated_failure_count(state),
        tolerated_failure_percentage: tolerated_failure_percentage(state),
        distributed,
        transition: state.transition(),
    }
}

fn tolerated_failure_count(state: &mut StateReader<'_, '_>) -> Option<Amount> {
    const NAMES: &[&str] = &["ToleratedFailureCount", "ToleratedFailureCountPath"];
    state.fields.one_of(NAMES, false, state.findings);
    amount(state, NAMES[0], NAMES[1], Sees::Everything)
}

fn tolerated_failure_percentage(state: &mut StateReader<'_, '_>) -> Option<Percentage> {
    const NAMES: &[&str] = &["ToleratedFailurePercentage", "ToleratedFailurePercentagePath"];
    let fields = &state.fields;
    fields.one_of(NAMES, false, state.findings);
    if let Some(template) = expression(fields, NAMES[0], state.language, state.findings) {
        return Some(Percentage::Jsonata(template));
    }
    match fields.get(NAMES[0]).and_then(Value::as_number) {
        Some(number) => Some(Percentage::Literal(number.as_f64())),
        None => paths::single(fields.located(NAMES[1]), Sees::Everything, state.findings)
            .map(Percentage::Path),
    }
}

/// Checks `ProcessorConfig`; gives the type of the child executions where there are any.
fn processor_config(state: &mut StateReader<'_, '_>, region: RegionIndex) -> Option<WorkflowType> {
    let (config, place) = state.region(region).fields.located("ProcessorConfig")?;
    let config = config.as_object()?;
    let fields =
        Fields::check(config, PROCESSOR_CONFIG, state.language, place.clone(), state.findings);
    match (fields.text("Mode"), state.workflow_type) {
        (Some("DISTRIBUTED"), WorkflowType::Express) => {
            let message = "The field 'Mode' with value 'DISTRIBUTED' is not supported inside \
                           'EXPRESS' state machines";
            state.findings.error(&place.member("Mode"), message);
        }
        (Some("DISTRIBUTED"), WorkflowType::Standard) => {
            return Some(match fields.text("ExecutionType") {
                Some("EXPRESS") => WorkflowType::Express,
                _ => WorkflowType::Standard,
            });
        }
        // A mode that was refused says nothing of the other field.
        _ if fields.has("Mode") && fields.get("Mode").is_none() => {}
        _ if fields.has("ExecutionType") => {
            state.findings.error(&place, "Field 'ExecutionType' is not supported");
        }
        _ => {}
    }
    None
}
