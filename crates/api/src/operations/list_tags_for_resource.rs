//! ListTagsForResource. Nothing can be tagged yet, so that there are no tags to list; Terraform
//! asks whenever it reads a state machine or an activity.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListTagsForResource.html>.

use runtime::{ActivityError, Arn, ResourceName, StateMachineError};

use crate::Api;
use crate::constraint::Member;
use crate::error::{ApiError, ErrorCode};
use crate::request::Request;
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] = &[Member::arn("resourceArn").required()];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let arn = &**request.required_text("resourceArn");
    let scope = &request.scope;
    if let ResourceName::Activity { .. } = Arn::parse(arn)?.resource {
        match api.runtime.describe_activity(scope, arn).await {
            Err(ActivityError::DoesNotExist(_)) => return Err(not_found(arn)),
            found => drop(found?),
        }
    } else {
        match api.runtime.describe_state_machine(scope, arn).await {
            Err(StateMachineError::DoesNotExist(_)) => return Err(not_found(arn)),
            found => drop(found?),
        }
    }
    let mut out = JsonWriter::object();
    out.array("tags", |_| {});
    Ok(out.finish())
}

fn not_found(arn: &str) -> ApiError {
    ApiError::new(ErrorCode::ResourceNotFound, format!("Resource not found: '{arn}'"))
}
