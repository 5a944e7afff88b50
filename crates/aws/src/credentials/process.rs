//! Credentials that a command prints.
//! See <https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html>.

use std::process::Stdio;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use json::Value;
use tokio::process::Command;

use super::of_members;
use crate::timestamp;

/// How long the command may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs the command by the shell, and reads what it prints. Nothing of that is part of an error.
pub(crate) async fn run(command: &str) -> Result<Credentials, String> {
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
    let output = tokio::time::timeout(PATIENCE, shell.output()).await;
    let output = output.map_err(|_| format!("it took longer than {} s", PATIENCE.as_secs()))?;
    let output = output.map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("it ended with {}", output.status));
    }
    let text = std::str::from_utf8(&output.stdout).ok();
    let printed = text.and_then(|text| json::parse(text).ok());
    let printed = printed.ok_or("it printed no JSON")?;
    if printed.get("Version").and_then(Value::as_i64) != Some(1) {
        return Err("what it printed is not of Version 1".to_owned());
    }
    let mut credentials = of_members(&printed, "SessionToken", "a process")
        .ok_or("it printed no AccessKeyId and SecretAccessKey")?;
    if let Some(text) = printed.get("Expiration").and_then(Value::as_str) {
        let instant = timestamp::of_answer(text);
        let instant = instant.ok_or("the Expiration that it printed is no instant")?;
        *credentials.expiry_mut() = Some(SystemTime::from(instant));
    }
    Ok(credentials)
}
