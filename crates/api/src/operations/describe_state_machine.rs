//! DescribeStateMachine.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeStateMachine.html>.

use asl::WorkflowType;
use runtime::{Configurations, StateMachineStatus};

use super::describe_execution::INCLUDED_DATA;
use crate::Api;
use crate::configuration;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] = &[Member::arn("stateMachineArn").required(), INCLUDED_DATA];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let arn = request.required_text("stateMachineArn");
    let (machine, definition) = api.runtime.describe_state_machine(&request.scope, arn).await?;
    let mut out = JsonWriter::object();
    out.text("stateMachineArn", &machine.arn);
    out.text("name", &machine.name);
    let status = match machine.status {
        StateMachineStatus::Active => "ACTIVE",
        StateMachineStatus::Deleting => "DELETING",
    };
    out.text("status", status);
    out.text("definition", if request.is_metadata_only() { "{}" } else { &definition });
    out.text("roleArn", &machine.role_arn);
    out.text("type", type_text(machine.workflow_type));
    out.timestamp("creationDate", machine.creation_date);
    write_configurations(&mut out, &machine.configurations);
    out.optional_text("revisionId", machine.revision_id.as_deref());
    out.optional_text("description", machine.description.as_deref());
    write_variable_references(&mut out, &definition);
    Ok(out.finish())
}

/// `variableReferences`, where a state reads a variable.
pub(crate) fn write_variable_references(out: &mut JsonWriter, definition: &str) {
    // What an Express machine accepts, a Standard one accepts, too.
    let Some(program) = asl::compile(definition, WorkflowType::Standard).program else { return };
    let references = program.variable_references();
    if references.is_empty() {
        return;
    }
    out.member("variableReferences", |out| {
        for (state, names) in references {
            let names: Vec<&str> = names.iter().map(|name| &**name).collect();
            out.json(state, &names.into());
        }
    });
}

/// `type`, as AWS writes it.
pub(crate) fn type_text(workflow_type: WorkflowType) -> &'static str {
    match workflow_type {
        WorkflowType::Standard => "STANDARD",
        WorkflowType::Express => "EXPRESS",
    }
}

/// Those that were given, and the defaults of the others.
pub(crate) fn write_configurations(out: &mut JsonWriter, configurations: &Configurations) {
    let Configurations { logging, tracing, encryption } = configurations;
    let mut write = |name, given: &Option<serde_json::Value>, default: fn() -> _| match given {
        Some(given) => out.json(name, given),
        None => out.json(name, &default()),
    };
    write("loggingConfiguration", logging, configuration::logging_off);
    write("tracingConfiguration", tracing, configuration::tracing_off);
    write("encryptionConfiguration", encryption, configuration::owned_key);
}
