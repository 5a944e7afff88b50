//! UpdateMapRun.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateMapRun.html>.

use runtime::UpdateMapRun;

use super::nothing;
use crate::Api;
use crate::constraint::Member;
use crate::error::{ApiError, ValidationReason};
use crate::request::Request;

pub(crate) const MEMBERS: &[Member] = &[
    Member::long_arn("mapRunArn").required(),
    Member::integer("maxConcurrency", 0, i64::MAX),
    Member::float("toleratedFailurePercentage", 0, 100),
    Member::integer("toleratedFailureCount", 0, i64::MAX),
];

pub(crate) async fn call(api: &Api, request: &Request) -> Result<Vec<u8>, ApiError> {
    let integer = |name| request.integer(name).and_then(|number| u64::try_from(number).ok());
    let update = UpdateMapRun {
        map_run_arn: request.required_text("mapRunArn"),
        max_concurrency: integer("maxConcurrency"),
        tolerated_failure_count: integer("toleratedFailureCount"),
        tolerated_failure_percentage: request.float("toleratedFailurePercentage"),
    };
    let is_empty = update.max_concurrency.is_none()
        && update.tolerated_failure_count.is_none()
        && update.tolerated_failure_percentage.is_none();
    if is_empty {
        let message = "At least one of maxConcurrency, toleratedFailureCount or \
                       toleratedFailurePercentage must be specified";
        let error = ApiError::validation(message);
        return Err(error.because(ValidationReason::MissingRequiredParameter));
    }
    api.runtime.update_map_run(&request.scope, update).await?;
    Ok(nothing())
}
