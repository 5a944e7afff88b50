//! Connections of EventBridge: what they add to a request. Either the configuration has them, or
//! EventBridge describes them and Secrets Manager keeps their secrets, at whichever endpoint these
//! are.
//! See <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection.html>.
//!
//! Promises: nothing of what a connection holds is printed or part of an error.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws::{Call, CallError, Client, HttpLimits, Names};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use engine::Failure;
use hyper::Request;
use hyper::body::Bytes;
use json::{Object, Value};
use runtime::ServiceCall;

use super::request::Prepared;
use crate::task_url::TaskUrl;

const PATIENCE: Duration = Duration::from_secs(20);
const ANSWER_BYTES_MAX: usize = 256 * 1024;

/// What a connection adds to each request. Its values win over those of the request.
#[derive(Clone, PartialEq)]
pub struct Connection {
    /// How it proves who calls.
    pub authorization: Authorization,
    /// `InvocationHttpParameters`
    pub parameters: HttpParameters,
}

/// How a connection proves who calls.
#[derive(Clone, PartialEq)]
pub enum Authorization {
    /// `BASIC`
    Basic {
        /// `Username`
        username: String,
        /// `Password`
        password: String,
    },
    /// `API_KEY`: a header.
    ApiKey {
        /// `ApiKeyName`
        name: String,
        /// `ApiKeyValue`
        value: String,
    },
    /// `OAUTH_CLIENT_CREDENTIALS`: a token, which is asked for before each request.
    OAuth {
        /// `AuthorizationEndpoint`
        endpoint: String,
        /// `HttpMethod`: `GET`, `POST` or `PUT`.
        method: String,
        /// `ClientID`
        client_id: String,
        /// `ClientSecret`
        client_secret: String,
        /// `OAuthHttpParameters`: what is added to the request for the token.
        parameters: HttpParameters,
    },
}

/// Headers, parts of the query and members of the body: pairs of name and value.
#[derive(Clone, Default, PartialEq)]
pub struct HttpParameters {
    /// `HeaderParameters`
    pub headers: Vec<(String, String)>,
    /// `QueryStringParameters`
    pub query: Vec<(String, String)>,
    /// `BodyParameters`
    pub body: Vec<(String, String)>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connection").finish_non_exhaustive()
    }
}

/// The connections that are configured, by name or ARN.
#[derive(Clone, Debug, Default)]
pub struct Connections {
    connections: Arc<BTreeMap<String, Connection>>,
    owners: Option<Arc<Owners>>,
}

/// Whose connections they are, on a server that keeps accounts apart.
#[derive(Clone, Debug)]
pub struct Owners {
    /// The accounts of connections that are configured by name.
    pub accounts: BTreeMap<String, Arc<str>>,
    /// The account of the others.
    pub default_account: Arc<str>,
}

impl Connections {
    /// These, by name or ARN. Those by name are found in every account.
    pub fn new(connections: BTreeMap<String, Connection>) -> Connections {
        Connections { connections: Arc::new(connections), owners: None }
    }

    /// The same, where each belongs to an account: only executions of that account use it.
    #[must_use]
    pub fn owned(self, owners: Owners) -> Connections {
        Connections { owners: Some(Arc::new(owners)), ..self }
    }

    fn find(&self, arn: &str) -> Option<&Connection> {
        let by_name = || {
            let name = name_of(arn);
            let is_of_account = |owners: &Owners| {
                let owner = owners.accounts.get(name).unwrap_or(&owners.default_account);
                account_of(arn) == &**owner
            };
            let is_found = self.owners.as_deref().is_none_or(is_of_account);
            self.connections.get(name).filter(|_| is_found)
        };
        self.connections.get(arn).or_else(by_name)
    }

    /// Whether executions of that account may use the connection.
    fn lets(&self, account: &str, arn: &str) -> bool {
        self.owners.is_none() || account_of(arn) == account
    }
}

/// `arn:aws:events:<region>:<account>:connection/<name>/<id>`
fn name_of(arn: &str) -> &str {
    arn.split('/').nth(1).unwrap_or_default()
}

fn account_of(arn: &str) -> &str {
    arn.split(':').nth(4).unwrap_or_default()
}

/// Adds what the connection holds.
pub(super) async fn add(
    client: &Client,
    connections: &Connections,
    call: &ServiceCall,
    arn: &str,
    prepared: &mut Prepared,
) -> Result<(), Failure> {
    // A task with `Credentials` calls in the account of that role.
    let account = call.request.role_arn.as_deref().map_or(&*call.scope.account, account_of);
    if !connections.lets(account, arn) {
        let cause = format!("The connection '{arn}' belongs to another account");
        return Err(Failure::new("Events.ConnectionResource.AccessDenied", cause));
    }
    let described;
    let connection = match connections.find(arn) {
        Some(configured) => configured,
        None => {
            described = describe(client, call, arn).await?;
            &described
        }
    };
    match &connection.authorization {
        Authorization::Basic { username, password } => {
            let both = BASE64_STANDARD.encode(format!("{username}:{password}"));
            set_header(prepared, "authorization", format!("Basic {both}"));
        }
        Authorization::ApiKey { name, value } => set_header(prepared, name, value.clone()),
        Authorization::OAuth { endpoint, method, client_id, client_secret, parameters } => {
            let fields = [
                ("grant_type", "client_credentials"),
                ("client_id", client_id),
                ("client_secret", client_secret),
            ];
            let fields = fields.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let mut parameters = parameters.clone();
            parameters.body.splice(0..0, fields);
            let token = oauth_token(client, arn, endpoint, method, &parameters).await?;
            set_header(prepared, "authorization", format!("Bearer {token}"));
        }
    }
    add_parameters(&connection.parameters, prepared);
    Ok(())
}

/// Asks EventBridge for the connection, and Secrets Manager for its secret.
async fn describe(client: &Client, call: &ServiceCall, arn: &str) -> Result<Connection, Failure> {
    let name = name_of(arn);
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
    let authorization = match described.get("AuthorizationType").and_then(Value::as_str) {
        Some("BASIC") => Authorization::Basic {
            username: required("username")?,
            password: required("password")?,
        },
        Some("API_KEY") => Authorization::ApiKey {
            name: required("api_key_name")?,
            value: required("api_key_value")?,
        },
        Some("OAUTH_CLIENT_CREDENTIALS") => Authorization::OAuth {
            endpoint: required("authorization_endpoint")?,
            method: member("http_method").unwrap_or_else(|| "POST".to_owned()),
            client_id: required("client_id")?,
            client_secret: required("client_secret")?,
            parameters: parameters_of(secret.get("oauth_http_parameters")),
        },
        other => {
            let reason = format!("its authorization is {}", other.unwrap_or("missing"));
            return Err(unusable(arn, &reason));
        }
    };
    let parameters = parameters_of(secret.get("invocation_http_parameters"));
    Ok(Connection { authorization, parameters })
}

/// Headers, parts of the query and members of the body, as secrets have them.
fn parameters_of(more: Option<&Value>) -> HttpParameters {
    let listed = |name: &str| {
        let items = more.and_then(|more| more.get(name)).and_then(Value::as_array);
        let text =
            |item: &Value, name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
        let pairs = items.unwrap_or_default().iter().filter_map(|item| {
            let key = text(item, "key").or_else(|| text(item, "Key"))?;
            Some((key, text(item, "value").or_else(|| text(item, "Value"))?))
        });
        pairs.collect::<Vec<_>>()
    };
    HttpParameters {
        headers: listed("header_parameters"),
        query: listed("query_string_parameters"),
        body: listed("body_parameters"),
    }
}

fn add_parameters(parameters: &HttpParameters, prepared: &mut Prepared) {
    let HttpParameters { headers, query, body: members } = parameters;
    for (name, value) in headers {
        set_header(prepared, name, value.clone());
    }
    for (name, value) in query {
        prepared.query.retain(|(other, _)| other != name);
        prepared.query.push((name.clone(), value.clone()));
    }
    if members.is_empty() {
        return;
    }
    let mut body = match &prepared.body {
        Some(Value::Object(body)) => Object::clone(body),
        _ => Object::new(),
    };
    members.iter().for_each(|(name, value)| body.insert(name.as_str(), value.as_str()));
    prepared.body = Some(body.into());
}

fn set_header(prepared: &mut Prepared, name: &str, value: String) {
    let name = name.to_ascii_lowercase();
    prepared.headers.retain(|(other, _)| *other != name);
    prepared.headers.push((name, value));
}

/// Asks for a token, as RFC 6749 has it in its section 4.4. With GET the fields of the body are
/// parts of the query.
async fn oauth_token(
    client: &Client,
    arn: &str,
    endpoint: &str,
    method: &str,
    parameters: &HttpParameters,
) -> Result<String, Failure> {
    let endpoint = TaskUrl::parse(endpoint, "AuthorizationEndpoint");
    let endpoint = endpoint.map_err(|reason| unusable(arn, &reason))?;
    let (mut query, mut body) = (aws::form(&parameters.query), aws::form(&parameters.body));
    if method == "GET" {
        query = [query, std::mem::take(&mut body)]
            .into_iter()
            .filter(|it| !it.is_empty())
            .collect::<Vec<_>>()
            .join("&");
    }
    let separator = match (query.is_empty(), endpoint.as_str().contains('?')) {
        (true, _) => "",
        (false, true) => "&",
        (false, false) => "?",
    };
    let mut request = Request::builder()
        .method(method)
        .uri(format!("{}{separator}{query}", endpoint.as_str()))
        .header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in &parameters.headers {
        request = request.header(name.as_str(), value.as_str());
    }
    let request = request
        .body(Bytes::from(body))
        .map_err(|_| unusable(arn, "the request for its token has an invalid format"))?;
    let limits = HttpLimits { patience: PATIENCE, answer_bytes_max: ANSWER_BYTES_MAX };
    let answer = client.urls().send(request, limits).await;
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
        account: &call.scope.account,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(value: &str) -> Connection {
        let (name, value) = ("X-Key".to_owned(), value.to_owned());
        let authorization = Authorization::ApiKey { name, value };
        Connection { authorization, parameters: HttpParameters::default() }
    }

    #[test]
    fn a_connection_belongs_to_an_account_where_accounts_are_kept_apart() {
        let arn = |account: &str, name: &str| {
            format!("arn:aws:events:us-east-1:{account}:connection/{name}/id")
        };
        let all = ["plain".to_owned(), "theirs".to_owned(), arn("3", "whole")];
        let all = all.map(|name| (name.clone(), connection(&name)));
        let open = Connections::new(all.into_iter().collect());
        let accounts = BTreeMap::from([("theirs".to_owned(), "2".into())]);
        let apart = open.clone().owned(Owners { accounts, default_account: "1".into() });
        for (account, name, is_found_apart) in [
            ("1", "plain", true),
            ("2", "plain", false),
            ("2", "theirs", true),
            ("1", "theirs", false),
            ("3", "whole", true),
        ] {
            let arn = arn(account, name);
            assert!(open.find(&arn).is_some(), "{arn}");
            assert_eq!(apart.find(&arn).is_some(), is_found_apart, "{arn}");
            for user in ["1", "2", "3"] {
                assert!(open.lets(user, &arn), "{arn}");
                assert_eq!(apart.lets(user, &arn), user == account, "{user} {arn}");
            }
        }
        assert_eq!(open.find(&arn("2", "whole")), None);
    }
}
