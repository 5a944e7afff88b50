//! TagResource.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_TagResource.html>.

use super::nothing;
use crate::Api;
use crate::configuration::{self, TAGS};
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;

pub(crate) const MEMBERS: &[Member] = &[Member::arn("resourceArn").required(), TAGS.required()];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let arn = request.required_text("resourceArn");
    let tags = configuration::given_tags(request)?;
    api.runtime.tag_resource(&request.scope, arn, &tags).await?;
    Ok(nothing())
}
