//! UntagResource.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_UntagResource.html>.

use std::sync::Arc;

use super::nothing;
use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;

const KEY: Member = Member::text("TagKey", 1, 128);

pub(crate) const MEMBERS: &[Member] =
    &[Member::arn("resourceArn").required(), Member::list("tagKeys", &KEY).required()];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let arn = request.required_text("resourceArn");
    let keys = request.list("tagKeys").unwrap_or_default().iter();
    let keys: Vec<Arc<str>> = keys.filter_map(|key| key.as_str().map(Arc::from)).collect();
    api.runtime.untag_resource(&request.scope, arn, &keys).await?;
    Ok(nothing())
}
