//! ListStateMachineAliases.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListStateMachineAliases.html>.

use runtime::ListStateMachineAliases;

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
    let (operation, scope) = ("ListStateMachineAliases", &request.scope);
    let listing = Listing { operation, scope, arguments: &[arn] };
    let now = api.runtime.now();
    let after = match request.text("nextToken") {
        Some(token) => Some(listing.cursor(now, token, token::read_number)?),
        None => None,
    };
    let page = ListStateMachineAliases { arn, after, limit: request.page_size() };
    let page = api.runtime.list_state_machine_aliases(scope, page).await?;
    let mut out = JsonWriter::object();
    out.array("stateMachineAliases", |out| {
        for alias in &page.aliases {
            out.item(|out| {
                out.text("stateMachineAliasArn", &alias.arn);
                out.timestamp("creationDate", alias.creation_date);
            });
        }
    });
    if let Some(next) = page.next {
        out.text("nextToken", &listing.token(now, &next.to_be_bytes()));
    }
    Ok(out.finish())
}
