//! What calls services in this process.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::future::pending;
use std::sync::{Arc, Weak};

use anyhow::Context;
use api::Api;
use aws::{Client, Endpoint, Reach, Settings};
use identity::Actor;
use integrations::{
    ApiCall, ApiGateway, AwsSdk, Connections, Eks, Https, Lambda, LocalFunctions, Optimised,
    Refusal, StepFunctions,
};
use runtime::Integrations;
use store::Scope;
use tokio::sync::watch;

use crate::objects::is_folder;

/// Everything that can call something.
pub(crate) fn integrations(
    aws: &Client,
    functions: LocalFunctions,
    connections: Connections,
    api: &OwnApi,
) -> Integrations {
    let api = api.clone();
    let call_api = move |call| api.clone().call(call);
    let integrations = Integrations::default()
        .with("lambda", Arc::new(Lambda::new(aws.clone()).with_functions(functions)))
        .with("aws-sdk:sfn", Arc::new(StepFunctions::new(call_api)))
        .with("http", Arc::new(Https::new(aws.clone()).with_connections(connections)))
        .with("apigateway", Arc::new(ApiGateway::new(aws.clone())))
        .with(Integrations::SDK, Arc::new(AwsSdk::new(aws.clone())));
    Optimised::all(aws)
        .fold(integrations, |integrations, (service, optimised)| {
            integrations.with(service, Arc::new(optimised))
        })
        .with("eks", Arc::new(Eks::new(aws)))
}

/// The API that tasks call, from when there is one: it is made of a runtime, which calls it.
#[derive(Clone, Debug)]
pub(crate) struct OwnApi(watch::Sender<Option<Weak<Api>>>);

impl Default for OwnApi {
    fn default() -> OwnApi {
        OwnApi(watch::Sender::new(None))
    }
}

impl OwnApi {
    /// From now on this is the API.
    pub(crate) fn is(&self, api: &Arc<Api>) {
        self.0.send_replace(Some(Arc::downgrade(api)));
    }

    /// The API, when there is one. Comes to no end where it is gone: the runtime closes then, and
    /// drops what calls.
    async fn get(&self) -> Arc<Api> {
        let mut slot = self.0.subscribe();
        let api = slot.wait_for(Option::is_some).await.ok().and_then(|api| api.clone());
        match api.and_then(|api| api.upgrade()) {
            Some(api) => api,
            None => pending().await,
        }
    }

    async fn call(self, call: ApiCall) -> Result<Vec<u8>, Refusal> {
        let ApiCall { runtime, scope, role_arn, execution_arn, request_id, operation, body } = call;
        let Scope { account, region } = scope.clone();
        let actor = Actor {
            role_arn: &role_arn,
            execution_arn: &execution_arn,
            account: &account,
            region: &region,
            now: runtime.now(),
        };
        let api = self.get().await;
        let answer = api.call_as(&actor, &operation, scope, &body, &request_id).await;
        answer.map_err(|error| Refusal {
            code: error.code.name().to_owned(),
            is_modelled: error.code.is_modelled(),
            status: error.code.status().as_u16(),
            message: error.message,
        })
    }
}

/// Says that no events of status changes are put, whatever variables say.
const NO_EVENTS: &str = "off";

/// The id of EventBridge, as its model has it.
const EVENTBRIDGE: &str = "EventBridge";

/// Another name for the variable with the endpoint of EventBridge.
const EVENTS_VARIABLE: (&str, &str) = ("AWS_ENDPOINT_URL_EVENTS", "AWS_ENDPOINT_URL_EVENTBRIDGE");

/// The client of AWS's services, as the environment says; Lambda, S3 and EventBridge are at the
/// endpoints that are given. A folder is none, and is not called. URLs of tasks may lead to private
/// addresses where that is allowed.
///
/// # Errors
/// Where an endpoint or a proxy is none.
pub(crate) fn aws_client(
    lambda: Option<&str>,
    s3: Option<&str>,
    events: Option<&str>,
    allow_private_addresses: bool,
) -> anyhow::Result<Client> {
    let text = |it: OsString| it.into_string().ok();
    let variables = env::vars_os().filter_map(|(name, value)| Some((text(name)?, text(value)?)));
    let variables = variables.filter(|(_, value)| !is_folder(value));
    let mut variables: BTreeMap<String, String> = variables.collect();
    let (other_name, name) = EVENTS_VARIABLE;
    if let Some(url) = variables.get(other_name).cloned() {
        variables.entry(name.to_owned()).or_insert(url);
    }
    let mut settings = Settings::of(&variables)?;
    settings.urls = settings.urls.reaching(Reach::Urls { private: allow_private_addresses });
    let given = [
        ("Lambda", "--lambda-endpoint", lambda),
        ("S3", "--s3-endpoint", s3),
        (EVENTBRIDGE, "--events-endpoint", events.filter(|url| *url != NO_EVENTS)),
    ];
    for (service, option, url) in given {
        if let Some(url) = url.filter(|url| !is_folder(url)) {
            let endpoint = Endpoint::parse(url).context(option)?;
            settings.endpoints = settings.endpoints.with(service, endpoint);
        }
    }
    Ok(Client::new(settings))
}

/// Whether events of status changes are put: where an endpoint of EventBridge is named.
pub(crate) fn puts_status_events(aws: &Client, events: Option<&str>) -> bool {
    events != Some(NO_EVENTS) && aws.endpoints().of_service_id(EVENTBRIDGE).is_some()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn all_that_a_definition_can_name_is_called_by_something() {
        let aws = Client::new(Settings::of(&BTreeMap::new()).expect("no URL is wrong"));
        let integrations = integrations(
            &aws,
            LocalFunctions::default(),
            Connections::default(),
            &OwnApi::default(),
        );
        for found in asl::integrations() {
            // Nested executions are started by the runtime itself.
            assert!(found.service == "states" || integrations.calls(found.service), "{found:?}");
        }
        for name in service_model::service_names() {
            assert!(integrations.calls(&format!("aws-sdk:{name}")), "{name}");
        }
        assert!(!integrations.calls("nothing"));
    }
}
