//! ListStateMachineVersions. No version can be published yet, so that there are none to list;
//! Terraform asks whenever it reads a state machine.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_ListStateMachineVersions.html>.

use runtime::Arn;

use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::token;
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] = &[
    Member::arn("stateMachineArn").required(),
    Member::page_token("nextToken"),
    Member::page_size("maxResults"),
];

pub(crate) fn call(request: &Request) -> Result<Vec<u8>, ApiError> {
    Arn::state_machine(request.required_text("stateMachineArn"))?;
    if request.text("nextToken").is_some() {
        return Err(token::invalid());
    }
    let mut out = JsonWriter::object();
    out.array("stateMachineVersions", |_| {});
    Ok(out.finish())
}
