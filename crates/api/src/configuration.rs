//! What state machines and activities have in common in their requests: the configurations of
//! logging, tracing and encryption, the publishing of versions, and tags.

use runtime::{Publish, Tag, Tags};
use serde_json::{Value, json};

use crate::constraint::Member;
use crate::error::{ApiError, ErrorCode};
use crate::request::{Request, text};

const TAG: Member =
    Member::structure("Tag", &[Member::text("key", 1, 128), Member::text("value", 0, 256)]);
const LOG_GROUP: Member =
    Member::structure("cloudWatchLogsLogGroup", &[Member::arn("logGroupArn")]);
const LOG_DESTINATION: Member = Member::structure("LogDestination", &[LOG_GROUP]);

pub(crate) const LOGGING: Member = Member::structure(
    "loggingConfiguration",
    &[
        Member::choice("level", &["ALL", "ERROR", "FATAL", "OFF"]),
        Member::boolean("includeExecutionData"),
        Member::list("destinations", &LOG_DESTINATION),
    ],
);
pub(crate) const TRACING: Member =
    Member::structure("tracingConfiguration", &[Member::boolean("enabled")]);
pub(crate) const ENCRYPTION: Member = Member::structure(
    "encryptionConfiguration",
    &[
        Member::text("kmsKeyId", 1, 2_048),
        Member::integer("kmsDataKeyReusePeriodSeconds", 60, 900),
        Member::choice("type", &["AWS_OWNED_KEY", "CUSTOMER_MANAGED_KMS_KEY"]).required(),
    ],
);
pub(crate) const TAGS: Member = Member::list("tags", &TAG);
pub(crate) const PUBLISH: Member = Member::boolean("publish");
pub(crate) const VERSION_DESCRIPTION: Member =
    Member::text("versionDescription", 0, 256).sensitive();

/// Refuses a role that is none by its form. Nothing looks for the role itself.
///
/// # Errors
/// `InvalidArn`
pub(crate) fn check_role(arn: &str) -> Result<(), ApiError> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let is_role = match parts.as_slice() {
        ["arn", partition, "iam", "", account, resource] => {
            let name = resource.strip_prefix("role/").and_then(|path| path.rsplit('/').next());
            partition.starts_with("aws")
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && name.is_some_and(|name| !name.is_empty())
        }
        _ => false,
    };
    let error = || ApiError::new(ErrorCode::InvalidArn, format!("Invalid Role Arn: '{arn}'"));
    if is_role { Ok(()) } else { Err(error()) }
}

/// `loggingConfiguration`, in one form; none where it was not given.
///
/// # Errors
/// `InvalidLoggingConfiguration` for every level but `OFF` without exactly one log group.
pub(crate) fn logging(request: &Request) -> Result<Option<Value>, ApiError> {
    let Some(given) = request.structure("loggingConfiguration") else { return Ok(None) };
    let level = text(given, "level").map_or("OFF", |level| level);
    let destinations = given.get("destinations").and_then(json::Value::as_array);
    if level != "OFF" {
        check_destinations(destinations.unwrap_or_default())?;
    }
    let include = given.get("includeExecutionData").and_then(json::Value::as_bool);
    let mut normalised = logging_off();
    normalised["level"] = level.into();
    normalised["includeExecutionData"] = include.unwrap_or(false).into();
    if let Some(destinations) = destinations {
        normalised["destinations"] = destinations.iter().map(destination).collect();
    }
    Ok(Some(normalised))
}

/// One log group, whose ARN is `arn:<partition>:logs:<region>:<account>:log-group:<name>:*`.
fn check_destinations(destinations: &[json::Value]) -> Result<(), ApiError> {
    let invalid = |reason: &str| {
        let message = format!("Invalid Logging Configuration: {reason}");
        Err(ApiError::new(ErrorCode::InvalidLoggingConfiguration, message))
    };
    let arn = match destinations {
        [destination] => destination
            .get("cloudWatchLogsLogGroup")
            .and_then(|group| group.get("logGroupArn"))
            .and_then(json::Value::as_str),
        _ => None,
    };
    let Some(arn) = arn else {
        return invalid("Must specify exactly one Log Destination.");
    };
    let parts: Vec<&str> = arn.splitn(7, ':').collect();
    match parts[..] {
        ["arn", partition, "logs", region, account, "log-group", name]
            if ![partition, region, account].contains(&"")
                && name.strip_suffix(":*").is_some_and(|name| !name.is_empty()) =>
        {
            Ok(())
        }
        _ => invalid("The Log Destination must be the ARN of a log group, and end in ':*'."),
    }
}

fn destination(given: &json::Value) -> Value {
    let group = given.get("cloudWatchLogsLogGroup");
    match group.map(|group| group.get("logGroupArn").and_then(json::Value::as_str)) {
        None => json!({}),
        Some(None) => json!({"cloudWatchLogsLogGroup": {}}),
        Some(Some(arn)) => json!({"cloudWatchLogsLogGroup": {"logGroupArn": arn}}),
    }
}

/// `tracingConfiguration`, in one form; none where it was not given.
pub(crate) fn tracing(request: &Request) -> Option<Value> {
    let given = request.structure("tracingConfiguration")?;
    let mut normalised = tracing_off();
    normalised["enabled"] =
        (given.get("enabled").and_then(json::Value::as_bool) == Some(true)).into();
    Some(normalised)
}

/// `encryptionConfiguration`, in one form; none where it was not given.
///
/// # Errors
/// `InvalidEncryptionConfiguration` for what contradicts itself, and for keys of the customer's,
/// with which Stairwell encrypts nothing.
pub(crate) fn encryption(request: &Request) -> Result<Option<Value>, ApiError> {
    let Some(given) = request.structure("encryptionConfiguration") else { return Ok(None) };
    let invalid = |reason: &str| {
        let message = format!("Invalid Encryption Configuration: {reason}");
        Err(ApiError::new(ErrorCode::InvalidEncryptionConfiguration, message))
    };
    let has = |member: &str| given.get(member).is_some_and(|value| !value.is_null());
    if text(given, "type").is_some_and(|it| &**it == "CUSTOMER_MANAGED_KMS_KEY") {
        if !has("kmsKeyId") {
            return invalid("kmsKeyId must be specified with type CUSTOMER_MANAGED_KMS_KEY");
        }
        return invalid("Stairwell does not support type CUSTOMER_MANAGED_KMS_KEY");
    }
    for member in ["kmsKeyId", "kmsDataKeyReusePeriodSeconds"] {
        if has(member) {
            let reason = format!("{member} must not be specified with type AWS_OWNED_KEY");
            return invalid(&reason);
        }
    }
    Ok(Some(owned_key()))
}

/// `publish` and `versionDescription`; none where nothing is to be published.
///
/// # Errors
/// `ValidationException` for a description of what is not published.
pub(crate) fn publish(request: &Request) -> Result<Option<Publish<'_>>, ApiError> {
    let description = request.text("versionDescription").map(|description| &**description);
    if request.boolean("publish") == Some(true) {
        return Ok(Some(Publish { description }));
    }
    match description {
        None => Ok(None),
        Some(_) => {
            let message = "Version description can only be set when publish is true";
            Err(ApiError::validation(message))
        }
    }
}

/// `tags`; none where they were not given. A tag without a value has an empty one.
///
/// # Errors
/// `TooManyTags`; `ValidationException` for what AWS takes no tags of, and for tags without key.
pub(crate) fn tags(request: &Request) -> Result<Tags, ApiError> {
    Ok(Tags::new(given_tags(request)?)?)
}

/// As [`tags`], without a look at what is in them.
///
/// # Errors
/// `ValidationException` for tags without key.
pub(crate) fn given_tags(request: &Request) -> Result<Vec<Tag>, ApiError> {
    let given = request.list("tags").unwrap_or_default().iter();
    given
        .map(|tag| {
            let member = |name| tag.get(name).and_then(json::Value::as_str);
            let key = member("key").ok_or_else(|| ApiError::validation("Every tag needs a key"))?;
            Ok(Tag { key: key.into(), value: member("value").unwrap_or_default().into() })
        })
        .collect()
}

/// What a state machine without `loggingConfiguration` has.
pub(crate) fn logging_off() -> Value {
    json!({"includeExecutionData": false, "level": "OFF"})
}

/// What a state machine without `tracingConfiguration` has.
pub(crate) fn tracing_off() -> Value {
    json!({"enabled": false})
}

/// What a state machine or an activity without `encryptionConfiguration` has.
pub(crate) fn owned_key() -> Value {
    json!({"type": "AWS_OWNED_KEY"})
}
