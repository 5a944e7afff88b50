//! DescribeStateMachineForExecution.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeStateMachineForExecution.html>.

use super::describe_execution::INCLUDED_DATA;
use super::describe_state_machine::{write_configurations, write_variable_references};
use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] = &[Member::arn("executionArn").required(), INCLUDED_DATA];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let arn = request.required_text("executionArn");
    let machine = api.runtime.describe_state_machine_for_execution(&request.scope, arn).await?;
    let mut out = JsonWriter::object();
    out.text("stateMachineArn", &machine.arn);
    out.text("name", &machine.name);
    out.text("definition", if request.is_metadata_only() { "{}" } else { &machine.definition });
    out.text("roleArn", &machine.role_arn);
    out.timestamp("updateDate", machine.update_date);
    out.optional_text("mapRunArn", machine.map_run_arn.as_deref());
    let label = machine.map_run_arn.as_ref().and(machine.arn.rsplit_once('/'));
    out.optional_text("label", label.map(|(_, label)| label));
    write_configurations(&mut out, &machine.configurations);
    out.optional_text("revisionId", machine.revision_id.as_deref());
    write_variable_references(&mut out, &machine.definition);
    Ok(out.finish())
}
