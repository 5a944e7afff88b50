//! `[connections.NAME]` of `stairwell.toml`: what `http:invoke` adds to its requests, without any
//! EventBridge.
//!
//! Promises: no mistake is told with the value that is wrong, which may be a secret.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, bail};
use hyper::header::{HeaderName, HeaderValue};
use integrations::{Authorization, Connection, Connections, HttpParameters, Owners};
use serde::Deserialize;

use crate::spelling::with_suggestion;

/// A connection: one way to prove who calls, and what else is added.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ConnectionTable {
    /// Whose it is, where accounts are kept apart.
    account: Option<String>,
    basic: Option<BasicTable>,
    api_key: Option<ApiKeyTable>,
    oauth: Option<OAuthTable>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    query: BTreeMap<String, String>,
    #[serde(default)]
    body: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BasicTable {
    username: String,
    password: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApiKeyTable {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct OAuthTable {
    endpoint: String,
    method: Option<String>,
    client_id: String,
    client_secret: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    query: BTreeMap<String, String>,
    #[serde(default)]
    body: BTreeMap<String, String>,
}

/// The connections of the file. Where accounts are kept apart, those that say no account belong to
/// the default one.
///
/// # Errors
/// Where one is not what it must be.
pub(crate) fn connections(
    tables: BTreeMap<String, toml::Value>,
    keeps_accounts_apart: bool,
    default_account: &Arc<str>,
) -> anyhow::Result<Connections> {
    let (mut connections, mut accounts) = (BTreeMap::new(), BTreeMap::new());
    for (name, table) in tables {
        let found = connection(&name, table).with_context(|| format!("connections.{name}"))?;
        if let (_, Some(account)) = &found {
            accounts.insert(name.clone(), Arc::from(account.as_str()));
        }
        connections.insert(name, found.0);
    }
    let connections = Connections::new(connections);
    Ok(match keeps_accounts_apart {
        true => connections.owned(Owners { accounts, default_account: default_account.clone() }),
        false => connections,
    })
}

/// The connection, and the account that it says.
fn connection(name: &str, table: toml::Value) -> anyhow::Result<(Connection, Option<String>)> {
    let is_arn = name.starts_with("arn:") && name.contains(":connection/");
    if !is_arn && (name.is_empty() || name.contains([':', '/'])) {
        bail!("it is neither the name nor the ARN of a connection");
    }
    let table: ConnectionTable = table.try_into().map_err(|error: toml::de::Error| {
        // `invalid type: string "…", expected …`: what stands there may be a secret.
        let message = error.message().replace('\n', " ");
        match message.split_once(", expected ") {
            Some((found, expected)) if found.starts_with("invalid ") => {
                anyhow::anyhow!("a value is wrong: expected {expected}")
            }
            _ => anyhow::anyhow!("{}", with_suggestion(&message)),
        }
    })?;
    let ConnectionTable { account, basic, api_key, oauth, headers, query, body } = table;
    if is_arn && account.is_some() {
        bail!("its ARN says the account");
    }
    if account.as_deref().is_some_and(|account| !api::is_account(account)) {
        bail!("the account must have twelve digits");
    }
    let authorization = match (basic, api_key, oauth) {
        (Some(BasicTable { username, password }), None, None) => {
            Authorization::Basic { username, password }
        }
        (None, Some(ApiKeyTable { name, value }), None) => {
            check_header(&name, &value)?;
            Authorization::ApiKey { name, value }
        }
        (None, None, Some(table)) => of_oauth(table)?,
        _ => bail!("it must have one of basic, api-key and oauth"),
    };
    let parameters = parameters(headers, query, body)?;
    Ok((Connection { authorization, parameters }, account))
}

fn of_oauth(table: OAuthTable) -> anyhow::Result<Authorization> {
    let OAuthTable { endpoint, method, client_id, client_secret, headers, query, body } = table;
    let is_url = endpoint.starts_with("https://") || endpoint.starts_with("http://");
    if !is_url || endpoint.parse::<hyper::Uri>().is_err() {
        bail!("oauth.endpoint is no URL");
    }
    let method = method.unwrap_or_else(|| "POST".to_owned());
    if !["GET", "POST", "PUT"].contains(&&*method) {
        bail!("oauth.method is none of GET, POST and PUT");
    }
    let parameters = parameters(headers, query, body)?;
    Ok(Authorization::OAuth { endpoint, method, client_id, client_secret, parameters })
}

fn parameters(
    headers: BTreeMap<String, String>,
    query: BTreeMap<String, String>,
    body: BTreeMap<String, String>,
) -> anyhow::Result<HttpParameters> {
    headers.iter().try_for_each(|(name, value)| check_header(name, value))?;
    let pairs = |table: BTreeMap<String, String>| table.into_iter().collect();
    Ok(HttpParameters { headers: pairs(headers), query: pairs(query), body: pairs(body) })
}

fn check_header(name: &str, value: &str) -> anyhow::Result<()> {
    if HeaderName::from_bytes(name.as_bytes()).is_err() {
        bail!("'{name}' is no name of a header");
    }
    if HeaderValue::from_str(value).is_err() {
        bail!("the value of the header '{name}' is none");
    }
    Ok(())
}
