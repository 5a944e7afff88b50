//! DescribeStateMachineAlias.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeStateMachineAlias.html>.

use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] = &[Member::arn("stateMachineAliasArn").required()];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let arn = request.required_text("stateMachineAliasArn");
    let alias = api.runtime.describe_state_machine_alias(&request.scope, arn).await?;
    let mut out = JsonWriter::object();
    out.text("stateMachineAliasArn", &alias.arn);
    out.text("name", &alias.name);
    out.optional_text("description", alias.description.as_deref());
    out.array("routingConfiguration", |out| {
        for (version_arn, weight) in &alias.routes {
            out.item(|out| {
                out.text("stateMachineVersionArn", version_arn);
                out.integer("weight", *weight);
            });
        }
    });
    out.timestamp("creationDate", alias.creation_date);
    out.timestamp("updateDate", alias.update_date);
    Ok(out.finish())
}
