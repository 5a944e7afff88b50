//! UpdateStateMachine.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateStateMachine.html>.

use runtime::{Configurations, UpdateStateMachine};
use serde_json::Value;

use crate::Api;
use crate::configuration::{self, ENCRYPTION, LOGGING, PUBLISH, TRACING, VERSION_DESCRIPTION};
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::write::JsonWriter;

pub(crate) const MEMBERS: &[Member] = &[
    Member::arn("stateMachineArn").required(),
    Member::definition("definition"),
    Member::arn("roleArn"),
    LOGGING,
    TRACING,
    PUBLISH,
    VERSION_DESCRIPTION,
    ENCRYPTION,
];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    request.text("roleArn").map_or(Ok(()), |role| configuration::check_role(role))?;
    let publish = configuration::publish(request)?;
    let logging = configuration::logging(request)?;
    check_log_delivery(api, request, logging.as_ref()).await?;
    let update = UpdateStateMachine {
        arn: request.required_text("stateMachineArn"),
        definition: request.text("definition").map(|definition| &**definition),
        role_arn: request.text("roleArn").map(|role| &**role),
        configurations: Configurations {
            logging,
            tracing: configuration::tracing(request),
            encryption: configuration::encryption(request)?,
        },
    };
    let updated = api.runtime.update_state_machine_with(&request.scope, update, publish).await?;
    let mut out = JsonWriter::object();
    out.timestamp("updateDate", updated.update_date);
    out.optional_text("revisionId", updated.revision_id.as_deref());
    out.optional_text("stateMachineVersionArn", updated.version_arn.as_deref());
    Ok(out.finish())
}

/// Checks that the role which executions are to run with may have the logs delivered that there are
/// to be, where the one or the other changes.
async fn check_log_delivery(
    api: &Api,
    request: &Request,
    logging: Option<&Value>,
) -> Result<(), ApiError> {
    let role_arn = request.text("roleArn").map(|role| &**role);
    if role_arn.is_none() && logging.is_none() {
        return Ok(());
    }
    let arn = request.required_text("stateMachineArn");
    // A machine that is not there is told of by the update.
    let Ok((machine, _)) = api.runtime.describe_state_machine(&request.scope, arn).await else {
        return Ok(());
    };
    let role_arn = role_arn.unwrap_or(&machine.role_arn);
    let logging = logging.or(machine.configurations.logging.as_ref());
    api.callers.check_log_delivery(&request.scope, role_arn, logging, api.runtime.now()).await
}
