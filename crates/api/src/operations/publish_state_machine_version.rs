//! PublishStateMachineVersion.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_PublishStateMachineVersion.html>.

use runtime::PublishStateMachineVersion;

use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] = &[
    Member::arn("stateMachineArn").required(),
    Member::text("revisionId", 0, usize::MAX),
    Member::text("description", 0, 256).sensitive(),
];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let publication = PublishStateMachineVersion {
        arn: request.required_text("stateMachineArn"),
        revision_id: request.text("revisionId").map(|revision| &**revision),
        description: request.text("description").map(|description| &**description),
    };
    let version = api.runtime.publish_state_machine_version(&request.scope, publication).await?;
    let mut out = JsonWriter::object();
    out.timestamp("creationDate", version.creation_date);
    out.text("stateMachineVersionArn", &version.arn);
    Ok(out.finish())
}
