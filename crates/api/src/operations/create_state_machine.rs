//! CreateStateMachine.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html>.

use asl::WorkflowType;
use runtime::{Configurations, CreateStateMachine};

use crate::Api;
use crate::configuration::{
    self, ENCRYPTION, LOGGING, PUBLISH, TAGS, TRACING, VERSION_DESCRIPTION,
};
use crate::constraint::Member;
use crate::error::ApiError;
use crate::request::Request;
use crate::write::JsonWriter;

pub(crate) const TYPE: Member = Member::choice("type", &["STANDARD", "EXPRESS"]);

pub(crate) const MEMBERS: &[Member] = &[
    Member::name("name").required(),
    Member::definition("definition").required(),
    Member::arn("roleArn").required(),
    TYPE,
    LOGGING,
    TAGS,
    TRACING,
    PUBLISH,
    VERSION_DESCRIPTION,
    ENCRYPTION,
];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let role_arn = request.required_text("roleArn");
    configuration::check_role(role_arn)?;
    let publish = configuration::publish(request)?;
    let tags = configuration::tags(request)?;
    // Defaults are written out, so that giving one and giving none is the same to the comparison
    // that makes the call idempotent.
    let logging = configuration::logging(request)?.or_else(|| Some(configuration::logging_off()));
    api.callers
        .check_log_delivery(&request.scope, role_arn, logging.as_ref(), api.runtime.now())
        .await?;
    let tracing = configuration::tracing(request).or_else(|| Some(configuration::tracing_off()));
    let encryption = configuration::encryption(request)?;
    let encryption = encryption.or_else(|| Some(configuration::owned_key()));
    let creation = CreateStateMachine {
        name: request.required_text("name"),
        definition: request.required_text("definition"),
        role_arn,
        workflow_type: workflow_type(request),
        configurations: Configurations { logging, tracing, encryption },
    };
    let scope = &request.scope;
    let created = api.runtime.create_state_machine_with(scope, creation, publish, tags).await?;
    let mut out = JsonWriter::object();
    out.text("stateMachineArn", &created.arn);
    out.timestamp("creationDate", created.creation_date);
    out.optional_text("stateMachineVersionArn", created.version_arn.as_deref());
    Ok(out.finish())
}

/// `type`, `STANDARD` where it is not given.
pub(crate) fn workflow_type(request: &Request) -> WorkflowType {
    match request.text("type").map(|given| &**given) {
        Some("EXPRESS") => WorkflowType::Express,
        _ => WorkflowType::Standard,
    }
}
