//! ListTagsForResource.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListTagsForResource.html>.

use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] = &[Member::arn("resourceArn").required()];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let arn = request.required_text("resourceArn");
    let tags = api.runtime.list_tags_for_resource(&request.scope, arn).await?;
    let mut out = JsonWriter::object();
    out.array("tags", |out| {
        for tag in tags.iter() {
            out.item(|out| {
                out.text("key", &tag.key);
                out.text("value", &tag.value);
            });
        }
    });
    Ok(out.finish())
}
