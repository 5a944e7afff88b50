//! CreateActivity.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateActivity.html>.

use runtime::CreateActivity;

use crate::Api;
use crate::configuration::{self, ENCRYPTION, TAGS};
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] = &[Member::name("name").required(), TAGS, ENCRYPTION];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let tags = configuration::tags(request)?;
    let encryption = configuration::encryption(request)?;
    let encryption = encryption.or_else(|| Some(configuration::owned_key()));
    let creation = CreateActivity { name: request.required_text("name"), encryption };
    let activity = api.runtime.create_activity_with(&request.scope, creation, tags).await?;
    let mut out = JsonWriter::object();
    out.text("activityArn", &activity.arn);
    out.timestamp("creationDate", activity.creation_date);
    Ok(out.finish())
}
