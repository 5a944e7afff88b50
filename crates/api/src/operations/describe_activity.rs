//! DescribeActivity.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeActivity.html>.

use crate::Api;
use crate::configuration;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] = &[Member::arn("activityArn").required()];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let arn = request.required_text("activityArn");
    let activity = api.runtime.describe_activity(&request.scope, arn).await?;
    let mut out = JsonWriter::object();
    out.text("activityArn", &activity.arn);
    out.text("name", &activity.name);
    out.timestamp("creationDate", activity.creation_date);
    let encryption = activity.encryption.unwrap_or_else(configuration::owned_key);
    out.json("encryptionConfiguration", &encryption);
    Ok(out.finish())
}
