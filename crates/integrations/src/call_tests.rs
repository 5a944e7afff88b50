//! That no task can succeed without having called anything: every integration that a definition can
//! name, and one operation of every service of the AWS SDK, against a server that answers anything
//! and counts. Where nobody answers, none of them succeeds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws::{Client, Settings};
use http_body_util::{BodyExt, Full};
use hyper::Response;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use json::Value;
use runtime::{Integration, ServiceCall};
use tokio::net::TcpListener;

use crate::double::{parameters, service_call};
use crate::{ApiCall, ApiGateway, AwsSdk, Eks, Https, Lambda, Optimised, Refusal, StepFunctions};

/// Next to nothing: what EMR's fleets and groups are looked for in.
const ANSWER: &str =
    r#"{"InstanceFleets":[{"Name":"n","Id":"i"}],"InstanceGroups":[{"Name":"n","Id":"i"}]}"#;

/// A server that answers everything alike, and counts.
async fn counting_server() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it is bound").to_string();
    let count: Arc<AtomicUsize> = Arc::default();
    let counted = count.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let counted = counted.clone();
            let answer = service_fn(move |request: hyper::Request<Incoming>| {
                let counted = counted.clone();
                async move {
                    let is_form = request.headers().get("content-type").is_some_and(|it| {
                        it.to_str().is_ok_and(|it| it.contains("form-urlencoded"))
                    });
                    let _ = request.into_body().collect().await;
                    counted.fetch_add(1, Ordering::SeqCst);
                    let body = if is_form { "<R/>" } else { ANSWER };
                    Ok::<_, hyper::Error>(Response::new(Full::new(Bytes::from(body))))
                }
            });
            tokio::spawn(async move {
                // The client closes the connection.
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), answer)
                    .await;
            });
        }
    });
    (address, count)
}

fn client(address: &str) -> Client {
    let variables = [
        ("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned()),
        ("AWS_ENDPOINT_URL".to_owned(), format!("http://{address}")),
    ];
    Client::new(Settings::of(&variables.into()).expect("it is a URL"))
}

/// What calls a service, as the server wires it.
fn integration(client: &Client, service: &str) -> Box<dyn Integration> {
    match service {
        "lambda" => Box::new(Lambda::new(client.clone())),
        "http" => Box::new(Https::new(client.clone())),
        "eks" => Box::new(Eks::new(client)),
        "apigateway" => Box::new(ApiGateway::new(client.clone())),
        sdk if sdk.starts_with("aws-sdk:") => Box::new(AwsSdk::new(client.clone())),
        optimised => {
            let found = Optimised::all(client).find(|(name, _)| *name == optimised);
            Box::new(found.unwrap_or_else(|| panic!("nothing calls {optimised}")).1)
        }
    }
}

/// Parameters that an action can be called with.
fn fitting(service: &str, model: &str, action: &str, address: &str) -> Value {
    let by_hand = match (service, action) {
        ("lambda", _) => r#"{"FunctionName":"f"}"#.to_owned(),
        ("apigateway", _) => format!(r#"{{"ApiEndpoint":"{address}","Method":"GET"}}"#),
        ("http", _) => format!(r#"{{"ApiEndpoint":"http://{address}","Method":"GET"}}"#),
        ("eks", "call") => format!(
            r#"{{"ClusterName":"c","CertificateAuthority":"","Endpoint":"http://{address}",
            "Method":"GET","Path":"/"}}"#
        ),
        ("eks", "runJob") => format!(
            r#"{{"ClusterName":"c","CertificateAuthority":"","Endpoint":"http://{address}",
            "Job":{{}}}}"#
        ),
        ("bedrock", "invokeModel") => r#"{"ModelId":"m","Body":{}}"#.to_owned(),
        ("elasticmapreduce", "terminateCluster") => r#"{"ClusterId":"c"}"#.to_owned(),
        ("elasticmapreduce", "addStep") => {
            r#"{"ClusterId":"c","Step":{"Name":"n","HadoopJarStep":{"Jar":"j"}}}"#.to_owned()
        }
        ("elasticmapreduce", "cancelStep") => r#"{"ClusterId":"c","StepId":"s"}"#.to_owned(),
        ("elasticmapreduce", "setClusterTerminationProtection") => {
            r#"{"ClusterId":"c","TerminationProtected":true}"#.to_owned()
        }
        ("elasticmapreduce", "modifyInstanceFleetByName") => {
            r#"{"ClusterId":"c","InstanceFleetName":"n","InstanceFleet":{}}"#.to_owned()
        }
        ("elasticmapreduce", "modifyInstanceGroupByName") => {
            r#"{"ClusterId":"c","InstanceGroupName":"n","InstanceGroup":{}}"#.to_owned()
        }
        ("elasticmapreduce", _) => r#"{"Name":"n","Instances":{}}"#.to_owned(),
        ("sqs", _) => {
            r#"{"QueueUrl":"https://sqs.us-east-1.amazonaws.com/1/q","MessageBody":"m"}"#.to_owned()
        }
        _ => {
            let model = service_model::service(model).expect(model);
            return parameters(model, model.operation(action).expect(action), &[]);
        }
    };
    json::parse(&by_hand).expect("the test says JSON")
}

/// The models of the optimised services that are not named as these are.
fn model_of(service: &str) -> &str {
    match service {
        "events" => "eventbridge",
        "emr-containers" => "emrcontainers",
        "emr-serverless" => "emrserverless",
        other => other,
    }
}

/// Whether the call succeeded, and how many requests it sent.
async fn called(
    integration: &dyn Integration,
    call: ServiceCall,
    count: &AtomicUsize,
) -> (Result<(), String>, usize) {
    let before = count.load(Ordering::SeqCst);
    let outcome = integration.call(call).await;
    let outcome =
        outcome.map(drop).map_err(|failure| failure.error.unwrap_or_default().to_string());
    (outcome, count.load(Ordering::SeqCst) - before)
}

#[tokio::test]
async fn every_optimised_integration_calls_something_before_it_succeeds() {
    let (address, count) = counting_server().await;
    let client = client(&address);
    // Nobody listens there.
    let nowhere = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let nobody = nowhere.local_addr().expect("it is bound").to_string();
    drop(nowhere);
    let client_of_nobody = self::client(&nobody);
    let mut actions = 0;
    for found in asl::integrations() {
        if found.service == "states" {
            // The engine starts nested executions; nothing outside is called.
            continue;
        }
        for pattern in found.patterns {
            let resource = format!("{}{}", found.action, pattern.suffix());
            let call = |address: &str| {
                let model = model_of(found.service);
                let given = fitting(found.service, model, found.action, address);
                service_call(found.service, &resource, given)
            };
            let integration = integration(&client, found.service);
            let (outcome, requests) = called(&*integration, call(&address), &count).await;
            // What has a name is looked up before.
            let expected = if found.action.ends_with("ByName") { 2 } else { 1 };
            assert_eq!((outcome, requests), (Ok(()), expected), "{found:?}{}", pattern.suffix());
            let integration = self::integration(&client_of_nobody, found.service);
            let (outcome, _) = called(&*integration, call(&nobody), &count).await;
            assert!(outcome.is_err(), "{found:?}{} succeeded by itself", pattern.suffix());
            actions += 1;
        }
    }
    assert!(actions > 90, "{actions} resources");
}

#[tokio::test]
async fn every_service_of_the_sdk_is_called_or_refuses() {
    let (address, count) = counting_server().await;
    let client = client(&address);
    let (mut services, mut succeeded) = (0, 0);
    for name in service_model::service_names() {
        let service = service_model::service(name).expect(name);
        let operation = service.operations().next().expect("it has operations");
        let given = parameters(service, operation, &[]);
        let call = service_call(&service.resource_type, &operation.action, given);
        let integration = integration(&client, &service.resource_type);
        let (outcome, requests) = called(&*integration, call, &count).await;
        services += 1;
        if outcome.is_ok() {
            assert_eq!(requests, 1, "{name}:{}", operation.action);
            succeeded += 1;
        }
    }
    assert!(services > 300 && succeeded * 10 > services * 9, "{succeeded} of {services}");
}

#[tokio::test]
async fn step_functions_of_the_sdk_succeeds_only_by_its_api() {
    let count: Arc<AtomicUsize> = Arc::default();
    let counted = count.clone();
    let api = StepFunctions::new(move |_: ApiCall| {
        counted.fetch_add(1, Ordering::SeqCst);
        async { Ok::<_, Refusal>(b"{}".to_vec()) }
    });
    let service = service_model::service("sfn").expect("there is a model of it");
    for operation in service.operations() {
        let given = parameters(service, operation, &[]);
        let call = service_call("aws-sdk:sfn", &operation.action, given);
        assert_eq!(called(&api, call, &count).await, (Ok(()), 1), "{}", operation.action);
    }
}
