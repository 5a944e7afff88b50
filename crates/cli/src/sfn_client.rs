//! A client of the API of Step Functions, for commands that ask a server: the one that is named, or
//! the one that the variables of the AWS SDKs name.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use aws::{Call, Client, Endpoint, Names, Settings};
use json::{Object, Value};

/// Where a server is, where nothing says.
const ENDPOINT: &str = "http://127.0.0.1:8083";
/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a page of a history may be.
const PAGE_BYTES_MAX: usize = 1 << 30;
/// How many events a page has: few enough that a page stays small where payloads are large.
const PAGE_EVENTS: i64 = 200;

/// Calls operations of Step Functions in a region.
pub(crate) struct SfnClient<'a> {
    client: Client,
    region: &'a str,
}

impl<'a> SfnClient<'a> {
    /// A client of that server; else of what `AWS_ENDPOINT_URL_SFN` or `AWS_ENDPOINT_URL` name,
    /// else of the one on this machine.
    ///
    /// # Errors
    /// Where the endpoint is no URL, or a variable of the SDKs says what cannot be.
    pub(crate) fn new(endpoint: Option<&str>, region: &'a str) -> anyhow::Result<SfnClient<'a>> {
        let variables: BTreeMap<String, String> = std::env::vars().collect();
        let mut settings = Settings::of(&variables)?;
        let sfn = service_model::service("sfn").expect("there is a model of Step Functions");
        let is_known = settings.endpoints.of_service(sfn).is_some();
        if let Some(url) = endpoint.or((!is_known).then_some(ENDPOINT)) {
            let endpoint = Endpoint::parse(url).context("--endpoint")?;
            settings.endpoints = settings.endpoints.with(&sfn.id, endpoint);
        }
        Ok(SfnClient { client: Client::new(settings), region })
    }

    /// All events of an execution.
    ///
    /// # Errors
    /// As [`SfnClient::call`].
    pub(crate) async fn history(&self, execution_arn: &str) -> anyhow::Result<Vec<Value>> {
        let mut parameters = Object::new();
        parameters.insert("ExecutionArn", execution_arn);
        parameters.insert("MaxResults", PAGE_EVENTS);
        let mut events: Vec<Value> = Vec::new();
        loop {
            let page = self.call("getExecutionHistory", parameters.clone()).await?;
            events.extend_from_slice(page.get("Events").and_then(Value::as_array).unwrap_or(&[]));
            match page.get("NextToken") {
                Some(token) => parameters.insert("NextToken", token.clone()),
                None => return Ok(events),
            }
        }
    }

    /// Calls an operation. Members have the names that Task states give them: `ExecutionArn`.
    ///
    /// # Errors
    /// Where the server is not reached, or refuses.
    pub(crate) async fn call(&self, action: &str, parameters: Object) -> anyhow::Result<Value> {
        let service = service_model::service("sfn").expect("there is a model of Step Functions");
        let operation = service.operation(action).expect("Step Functions has the operation");
        let call = Call {
            service,
            operation,
            parameters: &Value::from(parameters),
            account: "",
            region: self.region,
            role: None,
            names: Names::Model,
            idempotency_token: "",
            patience: PATIENCE,
            answer_bytes_max: PAGE_BYTES_MAX,
        };
        let place = self.client.endpoints().place(service, Some(operation), self.region)?;
        let answer = self.client.call(call).await;
        Ok(answer.with_context(|| format!("{} at {}", operation.name, place.url))?.result)
    }
}
