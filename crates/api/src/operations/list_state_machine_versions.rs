//! ListStateMachineVersions.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListStateMachineVersions.html>.

use runtime::ListStateMachineVersions;

use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::token::{self, Listing};
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] = &[
    Member::arn("stateMachineArn").required(),
    Member::page_token("nextToken"),
    Member::page_size("maxResults"),
];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let arn = request.required_text("stateMachineArn");
    let (operation, scope) = ("ListStateMachineVersions", &request.scope);
    let listing = Listing { operation, scope, arguments: &[arn] };
    let now = api.runtime.now();
    let before = match request.text("nextToken") {
        Some(token) => Some(listing.cursor(now, token, token::read_number)?),
        None => None,
    };
    let page = ListStateMachineVersions { arn, before, limit: request.page_size() };
    let page = api.runtime.list_state_machine_versions(scope, page).await?;
    let mut out = JsonWriter::object();
    out.array("stateMachineVersions", |out| {
        for version in &page.versions {
            out.item(|out| {
                out.text("stateMachineVersionArn", &version.arn);
                out.timestamp("creationDate", version.creation_date);
            });
        }
    });
    if let Some(next) = page.next {
        out.text("nextToken", &listing.token(now, &next.to_be_bytes()));
    }
    Ok(out.finish())
}
