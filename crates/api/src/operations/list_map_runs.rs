//! ListMapRuns.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListMapRuns.html>.

use runtime::{ListMapRuns, MapRunList};

use crate::Api;
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::token::{self, Listing};
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] = &[
    Member::arn("executionArn").required(),
    Member::page_size("maxResults"),
    Member::page_token("nextToken"),
];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let execution_arn = request.required_text("executionArn");
    let (operation, scope) = ("ListMapRuns", &request.scope);
    let listing = Listing { operation, scope, arguments: &[execution_arn] };
    let now = api.runtime.now();
    let after = match request.text("nextToken") {
        Some(token) => Some(listing.cursor(now, token, token::read_name)?),
        None => None,
    };
    let limit = request.page_size();
    let page = ListMapRuns { execution_arn, after: after.as_deref(), limit };
    let page = api.runtime.list_map_runs(scope, page).await?;
    let mut out = JsonWriter::object();
    out.array("mapRuns", |out| {
        for run in &page.runs {
            out.item(|out| {
                out.text("executionArn", &run.execution_arn);
                out.text("mapRunArn", &run.arn);
                out.text("stateMachineArn", &MapRunList::state_machine_arn(run));
                out.timestamp("startDate", run.start);
                out.optional_timestamp("stopDate", run.stop);
            });
        }
    });
    if let Some(next) = page.next {
        out.text("nextToken", &listing.token(now, next.as_bytes()));
    }
    Ok(out.finish())
}
