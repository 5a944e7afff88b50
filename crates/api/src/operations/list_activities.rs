//! ListActivities.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListActivities.html>.

use runtime::ListActivities;

use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::token::{self, Listing};
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] =
    &[Member::page_size("maxResults"), Member::page_token("nextToken")];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let listing = Listing { operation: "ListActivities", scope: &request.scope, arguments: &[] };
    let now = api.runtime.now();
    let after = match request.text("nextToken") {
        Some(token) => Some(listing.cursor(now, token, token::read_name)?),
        None => None,
    };
    let page = ListActivities { after: after.as_deref(), limit: request.page_size() };
    let page = api.runtime.list_activities(&request.scope, page).await?;
    let mut out = JsonWriter::object();
    out.array("activities", |out| {
        for activity in &page.activities {
            out.item(|out| {
                out.text("activityArn", &activity.arn);
                out.text("name", &activity.name);
                out.timestamp("creationDate", activity.creation_date);
            });
        }
    });
    if let Some(next) = page.next {
        out.text("nextToken", &listing.token(now, next.as_bytes()));
    }
    Ok(out.finish())
}
