//! Connections of EventBridge: what they add to a request. Where they are described and their
//! secrets kept is asked of EventBridge and of Secrets Manager, at whichever endpoint these are.
//! See <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection.html>.

use std::time::Duration;

use aws::{Call, CallError, Client, HttpLimits, Names, escaped};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use engine::Failure;
use hyper::Request;
use hyper::body::Bytes;
use json::{Object, Value};
use runtime::ServiceCall;

use super::request::Prepared;

const PATIENCE: Duration = Duration::from_secs(20);
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Adds what the connection holds; its values win over those of the request.
pub(super) async fn add(
    client: &Client,
    call: &ServiceCall,
    arn: &str,
    prepared: &mut Prepared,
) -> Result<(), Failure> {
    // arn:aws:events:<region>:<account>:connection/<name>/<id>
    let name = arn.split('/').nth(1).unwrap_or_default();
    let described =
        ask(client, call, "eventbridge", "describeConnection", [("Name", name)]).await?;
    let state = described.get("ConnectionState").and_then(Value::as_str).unwrap_or("AUTHORIZED");
    if state != "AUTHORIZED" {
        let cause = format!("The connection '{arn}' is {state}");
        return Err(Failure::new("Events.ConnectionResource.InvalidConnectionState", cause));
    }
    let secret_arn = described.get("SecretArn").and_then(Value::as_str).unwrap_or_default();
    let found =
        ask(client, call, "secretsmanager", "getSecretValue", [("SecretId", secret_arn)]).await?;
    let text = found.get("SecretString").and_then(Value::as_str).unwrap_or_default();
    let secret = json::parse(text).map_err(|_| unusable(arn, "its secret is not JSON"))?;
    let member = |name: &str| secret.get(name).and_then(Value::as_str).map(str::to_owned);
    let required = |name: &str| {
        member(name).ok_or_else(|| unusable(arn, &format!("its secret has no {name}")))
    };
    match described.get("AuthorizationType").and_then(Value::as_str) {
        Some("BASIC") => {
            let both = format!("{}:{}", required("username")?, required("password")?);
            set_header(
                prepared,
                "authorization",
                format!("Basic {}", BASE64_STANDARD.encode(both)),
            );
        }
        Some("API_KEY") => {
            set_header(prepared, &required("api_key_name")?, required("api_key_value")?);
        }
        Some("OAUTH_CLIENT_CREDENTIALS") => {
            let endpoint = required("authorization_endpoint")?;
            let fields = [
                ("grant_type", "client_credentials".to_owned()),
                ("client_id", required("client_id")?),
                ("client_secret", required("client_secret")?),
            ];
            let token = oauth_token(client, arn, &endpoint, &fields).await?;
            set_header(prepared, "authorization", format!("Bearer {token}"));
        }
        other => {
            let reason = format!("its authorization is {}", other.unwrap_or("missing"));
            return Err(unusable(arn, &reason));
        }
    }
    if let Some(more) = secret.get("invocation_http_parameters") {
        add_parameters(more, prepared);
    }
    Ok(())
}

/// Headers, parts of the query and members of the body that the connection has.
fn add_parameters(more: &Value, prepared: &mut Prepared) {
    let listed = |name: &str| {
        let items = more.get(name).and_then(Value::as_array).unwrap_or_default();
        let text =
            |item: &Value, name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        let pairs = items.iter().filter_map(|item| {
            let key = text(item, "key").or_else(|| text(item, "Key"))?;
            Some((key, text(item, "value").or_else(|| text(item, "Value"))?))
        });
        pairs.collect::<Vec<_>>()
    };
    for (name, value) in listed("header_parameters") {
        set_header(prepared, &name, value);
    }
    for (name, value) in listed("query_string_parameters") {
        prepared.query.retain(|(other, _)| *other != name);
        prepared.query.push((name, value));
    }
    let members = listed("body_parameters");
    if members.is_empty() {
        return;
    }
    let mut body = match &prepared.body {
        Some(Value::Object(body)) => Object::clone(body),
        _ => Object::new(),
    };
    members.into_iter().for_each(|(name, value)| body.insert(name, value));
    prepared.body = Some(body.into());
}

fn set_header(prepared: &mut Prepared, name: &str, value: String) {
    let name = name.to_ascii_lowercase();
    prepared.headers.retain(|(other, _)| *other != name);
    prepared.headers.push((name, value));
}

/// Asks for a token, as RFC 6749 has it in its section 4.4.
async fn oauth_token(
    client: &Client,
    arn: &str,
    endpoint: &str,
    fields: &[(&str, String)],
) -> Result<String, Failure> {
    let form = fields.iter().map(|(name, value)| format!("{name}={}", escaped(value)));
    let body = form.collect::<Vec<_>>().join("&");
    let request = Request::post(endpoint)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(body))
        .map_err(|_| unusable(arn, "its authorization endpoint is no URL"))?;
    let limits = HttpLimits { patience: PATIENCE, answer_bytes_max: ANSWER_BYTES_MAX };
    let answer = client.http().send(request, limits).await;
    let answer = answer.map_err(|error| {
        unusable(arn, &format!("its authorization endpoint does not answer: {error}"))
    })?;
    if !answer.status.is_success() {
        let status = answer.status.as_u16();
        return Err(unusable(arn, &format!("its authorization endpoint answered {status}")));
    }
    let text = String::from_utf8_lossy(&answer.body);
    let token = json::parse(&text).ok();
    let token = token.as_ref().and_then(|it| it.get("access_token")).and_then(Value::as_str);
    token.map(str::to_owned).ok_or_else(|| unusable(arn, "it got no access token"))
}

fn unusable(arn: &str, reason: &str) -> Failure {
    let cause = format!("The connection '{arn}' cannot be used: {reason}");
    Failure::new("Events.ConnectionResource.AccessDenied", cause)
}

async fn ask(
    client: &Client,
    call: &ServiceCall,
    service: &str,
    action: &str,
    parameters: [(&str, &str); 1],
) -> Result<Value, Failure> {
    let service = service_model::service(service).expect("there is a model of it");
    let operation = service.operation(action).expect("the model has it");
    let mut given = Object::new();
    parameters.into_iter().for_each(|(name, value)| given.insert(name, value));
    let asked = Call {
        service,
        operation,
        parameters: &given.into(),
        region: &call.scope.region,
        role: None,
        names: Names::Model,
        idempotency_token: "",
        patience: PATIENCE,
        answer_bytes_max: ANSWER_BYTES_MAX,
    };
    client.call(asked).await.map(|answer| answer.result).map_err(|error| match &error {
        CallError::Refused(refusal) if refusal.code.contains("ResourceNotFound") => {
            Failure::new("Events.ConnectionResource.NotFound", refusal.message.clone())
        }
        _ => Failure::new("Events.ConnectionResource.AccessDenied", error.to_string()),
    })
}
