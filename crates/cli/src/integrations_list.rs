//! `stairwell integrations`: what Task states can call.

use std::process::ExitCode;

use crate::print;

/// Prints every integration, as `Resource` names it.
pub(crate) fn print() -> anyhow::Result<ExitCode> {
    for found in asl::integrations() {
        for pattern in found.patterns {
            let (service, action, suffix) = (found.service, found.action, pattern.suffix());
            print::line(format_args!("arn:aws:states:::{service}:{action}{suffix}"))?;
        }
    }
    for service in service_model::service_names() {
        print::line(format_args!("arn:aws:states:::aws-sdk:{service}:*"))?;
    }
    Ok(ExitCode::SUCCESS)
}
