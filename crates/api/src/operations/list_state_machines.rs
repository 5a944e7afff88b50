//! ListStateMachines.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListStateMachines.html>.

use runtime::ListStateMachines;

use super::describe_state_machine::type_text;
use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::token::{self, Listing};
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] =
    &[Member::page_size("maxResults"), Member::page_token("nextToken")];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let listing = Listing { operation: "ListStateMachines", scope: &request.scope, arguments: &[] };
    let now = api.runtime.now();
    let after = match request.text("nextToken") {
        Some(token) => Some(listing.cursor(now, token, token::read_name)?),
        None => None,
    };
    let page = ListStateMachines { after: after.as_deref(), limit: request.page_size() };
    let page = api.runtime.list_state_machines(&request.scope, page).await?;
    let mut out = JsonWriter::object();
    out.array("stateMachines", |out| {
        for machine in &page.state_machines {
            out.item(|out| {
                out.text("stateMachineArn", &machine.arn);
                out.text("name", &machine.name);
                out.text("type", type_text(machine.workflow_type));
                out.timestamp("creationDate", machine.creation_date);
            });
        }
    });
    if let Some(next) = page.next {
        out.text("nextToken", &listing.token(now, next.as_bytes()));
    }
    Ok(out.finish())
}
