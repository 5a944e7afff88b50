//! `bedrock:invokeModel` with its body, its answer, or both in objects of S3.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/connect-bedrock.html>.

use aws::{Assume, Call, CallError, Names};
use engine::Failure;
use json::{Object, Value};
use runtime::{Permission, ServiceCall};
use store::Scope;

use super::{Optimised, PATIENCE};
use crate::permission;

/// How large a body may be, in bytes: what Bedrock takes.
const BODY_BYTES_MAX: usize = 25_000_000;

/// What AWS's messages call the service of the objects.
const S3: &str = "Amazon S3";

/// The objects that a task names.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ModelObjects {
    input: Option<ObjectUri>,
    output: Option<ObjectUri>,
}

/// `s3://<bucket>/<key>`
#[derive(Clone, Debug, PartialEq)]
struct ObjectUri {
    text: String,
    bucket: String,
    key: String,
}

impl ModelObjects {
    /// The objects of a call; none for every call but that of a model.
    ///
    /// # Errors
    /// Why the parameters cannot be used.
    pub(super) fn of(
        service: &str,
        action: &str,
        parameters: &Value,
    ) -> Result<ModelObjects, String> {
        if (service, action) != ("bedrock", "invokeModel") {
            return Ok(ModelObjects::default());
        }
        let has = |name: &str| parameters.get(name).is_some_and(|value| !value.is_null());
        match (has("Body"), has("Input")) {
            (true, true) => {
                return Err(
                    "There should only be one of the following fields: [Body, Input]".to_owned()
                );
            }
            (false, false) => {
                return Err("This object should have only one of the following fields: [Body, \
                            Input]"
                    .to_owned());
            }
            (true, false) | (false, true) => {}
        }
        let uri = |name: &str| has(name).then(|| ObjectUri::of(name, parameters)).transpose();
        Ok(ModelObjects { input: uri("Input")?, output: uri("Output")? })
    }

    /// What the role must be allowed besides the call.
    pub(super) fn permissions(&self, scope: &Scope) -> Vec<Permission> {
        let s3 = service_model::service("s3").expect("there is a model of S3");
        let operations = [("GetObject", &self.input), ("PutObject", &self.output)];
        let named = operations.into_iter().filter_map(|(operation, object)| {
            let parameters = Value::from(object.as_ref()?.parameters());
            Some(permission::permissions(s3, operation, &parameters, scope))
        });
        named.flatten().collect()
    }

    /// The parameters that the model is called with: the body is read from its object.
    ///
    /// # Errors
    /// The failure of the task.
    pub(super) async fn with_body(
        &self,
        caller: &Optimised,
        call: &ServiceCall,
        parameters: Value,
    ) -> Result<Value, Failure> {
        if *self == ModelObjects::default() {
            return Ok(parameters);
        }
        let mut asked = Object::new();
        for (name, value) in parameters.as_object().into_iter().flat_map(Object::iter) {
            if !matches!(&**name, "Input" | "Output") {
                asked.insert(name.clone(), value.clone());
            }
        }
        if let Some(input) = &self.input {
            let object = caller.ask_s3(call, "getObject", input.parameters()).await?;
            asked.insert("Body", object.get("Body").cloned().unwrap_or(Value::Null));
        }
        Ok(asked.into())
    }

    /// The answer of the model: its body is written to its object, and told by where that is.
    ///
    /// # Errors
    /// The failure of the task.
    pub(super) async fn without_body(
        &self,
        caller: &Optimised,
        call: &ServiceCall,
        answer: Value,
    ) -> Result<Value, Failure> {
        let (Some(output), Value::Object(members)) = (&self.output, &answer) else {
            return Ok(answer);
        };
        let mut parameters = output.parameters();
        parameters.insert("Body", members.get("Body").cloned().unwrap_or(Value::Null));
        if let Some(content_type) = members.get("ContentType") {
            parameters.insert("ContentType", content_type.clone());
        }
        caller.ask_s3(call, "putObject", parameters).await?;
        let mut members = Object::clone(members);
        members.insert("Body", output.text.as_str());
        Ok(members.into())
    }
}

impl ObjectUri {
    fn of(name: &str, parameters: &Value) -> Result<ObjectUri, String> {
        let text = parameters.get(name).and_then(|object| object.get("S3Uri"));
        let Some(text) = text.and_then(Value::as_str) else {
            return Err("The value for the field 'S3Uri' must be a STRING".to_owned());
        };
        let parts = text.strip_prefix("s3://").and_then(|rest| rest.split_once('/'));
        match parts {
            Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => Ok(ObjectUri {
                text: text.to_owned(),
                bucket: bucket.to_owned(),
                key: key.to_owned(),
            }),
            _ => Err("The value of the field 'S3Uri' has an invalid format".to_owned()),
        }
    }

    fn parameters(&self) -> Object {
        let mut parameters = Object::new();
        parameters.insert("Bucket", self.bucket.as_str());
        parameters.insert("Key", self.key.as_str());
        parameters
    }
}

impl Optimised {
    async fn ask_s3(
        &self,
        call: &ServiceCall,
        action: &str,
        parameters: Object,
    ) -> Result<Value, Failure> {
        let service = service_model::service("s3").expect("there is a model of S3");
        let operation = service.operation(action).expect("S3 has the operation");
        let role = call.request.role_arn.as_deref();
        let role = role.map(|role_arn| Assume { role_arn, external_id: None });
        let asked = Call {
            service,
            operation,
            parameters: &parameters.into(),
            account: &call.scope.account,
            region: &call.scope.region,
            role: role.as_ref(),
            names: Names::Model,
            idempotency_token: &call.idempotency_token,
            patience: PATIENCE,
            answer_bytes_max: BODY_BYTES_MAX,
        };
        self.client.call(asked).await.map(|answer| answer.result).map_err(|error| match error {
            CallError::Refused(refusal) => {
                let class = refusal.shape.map_or("AmazonS3Exception", |shape| &shape.class);
                Failure::new(
                    format!("S3.{class}"),
                    format!(
                        "{} (Service: {S3}; Status Code: {}; Error Code: {}; Request ID: {}; \
                         Proxy: null)",
                        refusal.message,
                        refusal.status,
                        refusal.code,
                        refusal.request_id.as_deref().unwrap_or("null")
                    ),
                )
            }
            error => Failure::new("S3.SdkClientException", error.to_string()),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use aws::{Client, Settings};
    use http_body_util::{BodyExt, Full};
    use hyper::body::{Bytes, Incoming};
    use hyper::service::service_fn;
    use hyper::{Method, Request, Response};
    use hyper_util::rt::TokioIo;
    use parking_lot::Mutex;
    use runtime::Integration;
    use tokio::net::TcpListener;

    use super::*;
    use crate::double::service_call;

    /// What stands in for S3 and Bedrock: an object holds the question, and what was asked is noted.
    async fn server() -> (Optimised, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it is bound");
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let seen = seen.clone();
                let answer = service_fn(move |request: Request<Incoming>| {
                    let seen = seen.clone();
                    async move {
                        let (head, body) = request.into_parts();
                        let body = body.collect().await.expect("a body").to_bytes();
                        let path = head.uri.path();
                        let body = String::from_utf8_lossy(&body);
                        seen.lock().push(format!("{} {path} {body}", head.method));
                        let answer = match head.method {
                            Method::GET => r#"{"question":1}"#,
                            Method::POST => r#"{"answer":2}"#,
                            _ => "",
                        };
                        Ok::<_, hyper::Error>(Response::new(Full::new(Bytes::from(answer))))
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
        let variables = [
            ("AWS_EC2_METADATA_DISABLED".to_owned(), "true".to_owned()),
            ("AWS_ENDPOINT_URL".to_owned(), format!("http://{address}")),
        ];
        let client = Client::new(Settings::of(&variables.into()).expect("it is a URL"));
        let mut services = Optimised::all(&client);
        let bedrock = services.find(|(name, _)| *name == "bedrock").expect("it is in the table");
        (bedrock.1, asked)
    }

    fn parameters(text: &str) -> Value {
        json::parse(text).expect("the test says JSON")
    }

    #[tokio::test]
    async fn a_body_is_read_from_its_object_and_the_answer_written_to_another() {
        let (bedrock, asked) = server().await;
        let given = parameters(
            r#"{"ModelId":"m","Input":{"S3Uri":"s3://stones/question.json"},
                "Output":{"S3Uri":"s3://stones/answer.json"}}"#,
        );
        let result = bedrock.call(service_call("bedrock", "invokeModel", given)).await;
        let result = result.expect("the model answers");
        let body = result.value().get("Body").and_then(Value::as_str);
        assert_eq!(body, Some("s3://stones/answer.json"));
        assert_eq!(
            *asked.lock(),
            [
                "GET /stones/question.json ",
                r#"POST /model/m/invoke {"question":1}"#,
                r#"PUT /stones/answer.json {"answer":2}"#,
            ]
        );
    }

    #[tokio::test]
    async fn what_names_no_object_is_refused_before_anything_is_called() {
        let (bedrock, asked) = server().await;
        for (given, reason) in [
            (
                r#"{"ModelId":"m","Body":{},"Input":{"S3Uri":"s3://b/k"}}"#,
                "There should only be one of the following fields: [Body, Input]",
            ),
            (
                r#"{"ModelId":"m","Input":{"S3Uri":"stones/question.json"}}"#,
                "The value of the field 'S3Uri' has an invalid format",
            ),
            (
                r#"{"ModelId":"m","Body":{},"Output":{"S3Uri":5}}"#,
                "The value for the field 'S3Uri' must be a STRING",
            ),
        ] {
            let call = service_call("bedrock", "invokeModel", parameters(given));
            let failure = bedrock.call(call).await.expect_err("it cannot be called");
            assert_eq!(failure.error.as_deref(), Some("States.Runtime"));
            let cause = failure.cause.expect("it says why");
            assert!(cause.ends_with(&format!("[{reason}]")), "{cause}");
        }
        assert_eq!(*asked.lock(), Vec::<String>::new());
    }

    #[test]
    fn the_role_is_asked_for_the_objects() {
        let given = parameters(
            r#"{"ModelId":"m","Input":{"S3Uri":"s3://b/in"},"Output":{"S3Uri":"s3://c/out"}}"#,
        );
        let objects = ModelObjects::of("bedrock", "invokeModel", &given).expect("they are named");
        let scope = Scope { account: "123456789012".into(), region: "us-east-1".into() };
        assert_eq!(
            objects.permissions(&scope),
            [
                Permission::new("s3:GetObject", Some("arn:aws:s3:::b/in".to_owned())),
                Permission::new("s3:PutObject", Some("arn:aws:s3:::c/out".to_owned())),
            ]
        );
    }
}
