//! What state machines and activities have in common in their requests: the configurations of
//! logging, tracing and encryption, the publishing of versions, and tags. Of the configurations,
//! only what asks for nothing is accepted yet; it is kept and shown as AWS shows it.

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

/// `loggingConfiguration`, in one form; none where it was not given.
///
/// # Errors
/// `InvalidLoggingConfiguration` where AWS has it, `ValidationException` for every level but `OFF`.
pub(crate) fn logging(request: &Request) -> Result<Option<Value>, ApiError> {
    let Some(given) = request.structure("loggingConfiguration") else { return Ok(None) };
    let level = text(given, "level").map_or("OFF", |level| level);
    let destinations = given.get("destinations").and_then(json::Value::as_array);
    if level != "OFF" {
        if destinations.is_none_or(|destinations| destinations.len() != 1) {
            let message =
                "Invalid Logging Configuration: Must specify exactly one Log Destination.";
            return Err(ApiError::new(ErrorCode::InvalidLoggingConfiguration, message));
        }
        let what = format!("loggingConfiguration with level {level}");
        return Err(ApiError::not_supported_yet(&what));
    }
    let include = given.get("includeExecutionData").and_then(json::Value::as_bool);
    let mut normalised = logging_off();
    normalised["includeExecutionData"] = include.unwrap_or(false).into();
    if let Some(destinations) = destinations {
        normalised["destinations"] = destinations.iter().map(destination).collect();
    }
    Ok(Some(normalised))
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
///
/// # Errors
/// `ValidationException` where it is enabled.
pub(crate) fn tracing(request: &Request) -> Result<Option<Value>, ApiError> {
    let Some(given) = request.structure("tracingConfiguration") else { return Ok(None) };
    if given.get("enabled").and_then(json::Value::as_bool) == Some(true) {
        return Err(ApiError::not_supported_yet("tracingConfiguration with enabled true"));
    }
    Ok(Some(tracing_off()))
}

/// `encryptionConfiguration`, in one form; none where it was not given.
///
/// # Errors
/// `ValidationException` for keys of the customer's.
pub(crate) fn encryption(request: &Request) -> Result<Option<Value>, ApiError> {
    let Some(given) = request.structure("encryptionConfiguration") else { return Ok(None) };
    let key_type = text(given, "type").map_or("AWS_OWNED_KEY", |key_type| key_type);
    if key_type != "AWS_OWNED_KEY" {
        let what = format!("encryptionConfiguration with type {key_type}");
        return Err(ApiError::not_supported_yet(&what));
    }
    for member in ["kmsKeyId", "kmsDataKeyReusePeriodSeconds"] {
        if given.get(member).is_some_and(|value| !value.is_null()) {
            let what = format!("encryptionConfiguration with {member}");
            return Err(ApiError::not_supported_yet(&what));
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
