//! What a role must be allowed for a call of one of AWS's services.
//! See <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>.

use aws::Refusal;
use json::Value;
use runtime::Permission;
use service_model::{Protocol, Service};
use store::Scope;

/// The permission for an operation. Its resource is known for the services whose parameters name it
/// plainly; for others any resource will do that the role is allowed.
pub(crate) fn permission(
    service: &Service,
    operation: &str,
    parameters: &Value,
    scope: &Scope,
) -> Permission {
    let prefix = match &*service.signing_name {
        "monitoring" => "cloudwatch",
        other => other,
    };
    let name = match (prefix, operation) {
        ("lambda", "Invoke") => "InvokeFunction",
        ("s3", "HeadObject") => "GetObject",
        ("s3", "ListObjects" | "ListObjectsV2" | "HeadBucket") => "ListBucket",
        ("s3", "ListBuckets") => "ListAllMyBuckets",
        ("s3", "DeleteObjects") => "DeleteObject",
        ("s3", "CopyObject" | "CreateMultipartUpload" | "UploadPart") => "PutObject",
        ("s3", "CompleteMultipartUpload") => "PutObject",
        (_, operation) => operation,
    };
    let resource = resource(prefix, name, parameters, scope);
    Permission::new(format!("{prefix}:{name}"), resource)
}

fn resource(prefix: &str, name: &str, parameters: &Value, scope: &Scope) -> Option<String> {
    let Scope { account, region } = scope;
    let text = |name: &str| parameters.get(name).and_then(Value::as_str);
    let arn = |service: &str, rest: String| format!("arn:aws:{service}:{region}:{account}:{rest}");
    match prefix {
        "sqs" => {
            // `https://sqs.us-east-1.amazonaws.com/123456789012/queue`
            let mut parts = text("QueueUrl")?.rsplit('/');
            let (queue, owner) = (parts.next()?, parts.next()?);
            Some(format!("arn:aws:sqs:{region}:{owner}:{queue}"))
        }
        "sns" => text("TopicArn").or(text("TargetArn")).map(str::to_owned),
        "dynamodb" => {
            let table = text("TableName")?;
            let is_arn = table.starts_with("arn:");
            Some(if is_arn { table.to_owned() } else { arn("dynamodb", format!("table/{table}")) })
        }
        "s3" => {
            let bucket = text("Bucket")?;
            let is_of_object = ["GetObject", "PutObject", "DeleteObject"].contains(&name);
            let key = text("Key").filter(|_| is_of_object);
            let key = key.map(|key| format!("/{key}")).unwrap_or_default();
            Some(format!("arn:aws:s3:::{bucket}{key}"))
        }
        "events" if name == "PutEvents" => {
            let bus = parameters.get("Entries")?.as_array()?.first()?;
            let bus = bus.get("EventBusName").and_then(Value::as_str).unwrap_or("default");
            let is_arn = bus.starts_with("arn:");
            Some(if is_arn { bus.to_owned() } else { arn("events", format!("event-bus/{bus}")) })
        }
        "lambda" => {
            let function = text("FunctionName")?;
            let is_arn = function.starts_with("arn:");
            let named = || arn("lambda", format!("function:{function}"));
            Some(if is_arn { function.to_owned() } else { named() })
        }
        _ => None,
    }
}

/// As the service itself would refuse.
pub(crate) fn refusal(service: &'static Service, message: &str, request_id: &str) -> Refusal {
    let (code, status) = match service.protocol {
        Protocol::Json | Protocol::Cbor => ("AccessDeniedException", 400),
        Protocol::RestJson => ("AccessDeniedException", 403),
        Protocol::RestXml | Protocol::Query => ("AccessDenied", 403),
        Protocol::Ec2 => ("UnauthorizedOperation", 403),
    };
    Refusal {
        shape: service.error(code),
        code: code.to_owned(),
        message: message.to_owned(),
        status,
        request_id: Some(request_id.to_owned()),
        extended_request_id: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_found_in_parameters() {
        let scope = Scope { account: "123456789012".into(), region: "us-east-1".into() };
        for (prefix, name, parameters, expected) in [
            (
                "sqs",
                "SendMessage",
                r#"{"QueueUrl":"http://127.0.0.1:9324/123456789012/q"}"#,
                Some("arn:aws:sqs:us-east-1:123456789012:q"),
            ),
            ("sns", "Publish", r#"{"TopicArn":"arn:t"}"#, Some("arn:t")),
            (
                "dynamodb",
                "GetItem",
                r#"{"TableName":"t"}"#,
                Some("arn:aws:dynamodb:us-east-1:123456789012:table/t"),
            ),
            ("s3", "GetObject", r#"{"Bucket":"b","Key":"k/l"}"#, Some("arn:aws:s3:::b/k/l")),
            ("s3", "ListBucket", r#"{"Bucket":"b"}"#, Some("arn:aws:s3:::b")),
            (
                "events",
                "PutEvents",
                r#"{"Entries":[{"Detail":{}}]}"#,
                Some("arn:aws:events:us-east-1:123456789012:event-bus/default"),
            ),
            ("ecs", "RunTask", r#"{"TaskDefinition":"t"}"#, None),
        ] {
            let parameters = json::parse(parameters).expect("the test says JSON");
            let found = resource(prefix, name, &parameters, &scope);
            assert_eq!(found.as_deref(), expected, "{prefix}:{name}");
        }
    }
}
