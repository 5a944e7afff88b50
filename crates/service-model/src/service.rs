//! A service: its operations, its errors, and where and how it is spoken to.

use std::collections::BTreeMap;

use json::Value;

use crate::endpoint::EndpointRules;
use crate::file::{array, optional_text, size, text};
use crate::names::uncapitalized;
use crate::shape::optional_shape_id;
use crate::{Shape, ShapeId, error_class};

/// A service of AWS.
#[derive(Debug, PartialEq)]
pub struct Service {
    /// As resources name it: `dynamodb`.
    pub name: String,
    /// As the events of its tasks name it: `aws-sdk:dynamodb`.
    pub resource_type: String,
    /// As AWS writes it: `DynamoDB`, `Cost Explorer`.
    pub id: String,
    /// As the names of its errors begin, and as their causes call it: `DynamoDb`, `CostExplorer`.
    pub class: String,
    /// What it speaks.
    pub protocol: Protocol,
    /// How its endpoints begin: `dynamodb` in `dynamodb.eu-west-1.amazonaws.com`.
    pub endpoint_prefix: String,
    /// What requests are signed for.
    pub signing_name: String,
    /// How requests are signed.
    pub signature: Signature,
    /// The version in the content type of the json protocol: `1.0`.
    pub json_version: Option<String>,
    /// What `X-Amz-Target` begins with, in the json protocol.
    pub target_prefix: Option<String>,
    /// `Version` in the query and ec2 protocols.
    pub api_version: Option<String>,
    /// The namespace of XML requests.
    pub xml_namespace: Option<String>,
    /// Whether errors name their older code in a header of their own.
    pub has_query_error_header: bool,
    pub(crate) endpoints: Vec<EndpointRules>,
    /// The errors that its model has.
    pub errors: Vec<ErrorShape>,
    operations: Vec<Operation>,
    /// By action.
    by_action: BTreeMap<String, usize>,
    shapes: Vec<Shape>,
}

/// What a service speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// JSON, with the operation in a header.
    Json,
    /// HTTP's methods and paths, with JSON bodies.
    RestJson,
    /// The same, with XML bodies.
    RestXml,
    /// Forms; answers in XML.
    Query,
    /// The query protocol of EC2.
    Ec2,
    /// CBOR, which no client here speaks yet.
    Cbor,
}

/// How requests are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// Signature version 4.
    V4,
    /// The same with S3's ways: paths are escaped once, the body's hash is a header.
    S3,
    /// A token in place of a signature, as CodeCatalyst has it.
    Bearer,
    /// Signature version 2, as SimpleDB has it.
    V2,
}

/// An error that a service may answer.
#[derive(Debug, PartialEq)]
pub struct ErrorShape {
    /// Its name in the model: `NoSuchBucket`.
    pub name: String,
    /// Its code on the wire.
    pub code: String,
    /// Its name in Step Functions, after the service's: `NoSuchBucketException`.
    pub class: String,
    /// Its HTTP status, where the model says it.
    pub status: Option<u16>,
}

/// An operation of a service.
#[derive(Debug, PartialEq)]
pub struct Operation {
    /// On the wire: `PutItem`.
    pub name: String,
    /// As resources name it: `putItem`.
    pub action: String,
    /// What it takes; none where it takes nothing.
    pub input: Option<ShapeId>,
    /// What it gives; none where it gives nothing.
    pub output: Option<ShapeId>,
    /// Which of the service's [`Service::errors`] it names as its own.
    pub errors: Vec<usize>,
    /// The method of the HTTP request.
    pub http_method: String,
    /// The path, with `{name}` and `{name+}` for members: `/{Bucket}/{Key+}?uploads`.
    pub request_uri: String,
    /// The element of the request, in XML protocols.
    pub input_element: Option<String>,
    /// The namespace of that element.
    pub input_namespace: Option<String>,
    /// The element around the result, in the query protocol.
    pub result_wrapper: Option<String>,
    /// What the host's name begins with, with `{name}` for members.
    pub host_prefix: Option<String>,
    /// Which of the service's endpoints it has.
    pub(crate) endpoint: usize,
    /// Whether the body must come with its MD5 or another checksum.
    pub needs_checksum: bool,
    /// Whether requests are not signed.
    pub is_anonymous: bool,
}

impl Service {
    pub(crate) fn read(name: &str, model: &Value) -> Service {
        let optional = |key: &str| optional_text(model.get(key));
        let endpoint_prefix = text(model.get("endpoint"));
        let operations: Vec<Operation> =
            array(model.get("operations")).iter().map(Operation::read).collect();
        let actions = operations.iter().map(|operation| operation.action.clone());
        Service {
            name: name.to_owned(),
            resource_type: format!("aws-sdk:{name}"),
            id: text(model.get("id")),
            class: text(model.get("java")),
            protocol: protocol(&text(model.get("protocol"))),
            signing_name: optional("signing").unwrap_or_else(|| endpoint_prefix.clone()),
            endpoint_prefix,
            signature: signature(&text(model.get("signature"))),
            json_version: optional("json"),
            target_prefix: optional("target"),
            api_version: optional("version"),
            xml_namespace: optional("xmlns"),
            has_query_error_header: model.get("query_errors").is_some(),
            endpoints: array(model.get("endpoints")).iter().map(EndpointRules::read).collect(),
            errors: array(model.get("errors")).iter().map(ErrorShape::read).collect(),
            by_action: actions.enumerate().map(|(index, action)| (action, index)).collect(),
            operations,
            shapes: array(model.get("shapes")).iter().map(|row| Shape::read(row, name)).collect(),
        }
    }

    /// Its operations, in the model's order.
    pub fn operations(&self) -> impl ExactSizeIterator<Item = &Operation> {
        self.operations.iter()
    }

    /// The operation of that action: `putItem`.
    pub fn operation(&self, action: &str) -> Option<&Operation> {
        self.by_action.get(action).map(|index| &self.operations[*index])
    }

    /// One of its shapes.
    pub fn shape(&self, id: ShapeId) -> &Shape {
        self.shapes.get(id.0 as usize).expect("an id comes from the service that it is asked of")
    }

    /// The error that a code on the wire, or its name in the model, stands for.
    pub fn error(&self, code: &str) -> Option<&ErrorShape> {
        let by_code = self.errors.iter().find(|error| error.code == code);
        by_code.or_else(|| self.errors.iter().find(|error| error.name == code))
    }

    /// Why no client here can call it, where none can: `speaks only CBOR`.
    pub fn unspoken(&self) -> Option<&'static str> {
        match (self.protocol, self.signature) {
            (Protocol::Cbor, _) => Some("speaks only CBOR"),
            (_, Signature::Bearer) => Some("wants a bearer token"),
            (_, Signature::V2) => Some("wants signatures of version 2"),
            (_, Signature::V4 | Signature::S3) => None,
        }
    }
}

fn protocol(name: &str) -> Protocol {
    match name {
        "json" => Protocol::Json,
        "rest-json" => Protocol::RestJson,
        "rest-xml" => Protocol::RestXml,
        "query" => Protocol::Query,
        "ec2" => Protocol::Ec2,
        "smithy-rpc-v2-cbor" => Protocol::Cbor,
        other => unreachable!("no service speaks {other}"),
    }
}

fn signature(name: &str) -> Signature {
    match name {
        "v4" => Signature::V4,
        "s3" | "s3v4" => Signature::S3,
        "bearer" => Signature::Bearer,
        "v2" => Signature::V2,
        other => unreachable!("no service has its requests signed by {other}"),
    }
}

impl Operation {
    fn read(row: &Value) -> Operation {
        let row = row.as_array().expect("an operation is a row");
        let extras = row.get(4);
        let extra = |letter: &str| extras.and_then(|extras| extras.get(letter));
        let errors = array(row.get(3)).iter().filter_map(Value::as_i64);
        let name = text(row.first());
        Operation {
            action: uncapitalized(&name),
            name,
            input: optional_shape_id(row.get(1)),
            output: optional_shape_id(row.get(2)),
            errors: errors.filter_map(|index| usize::try_from(index).ok()).collect(),
            http_method: optional_text(row.get(5)).unwrap_or_else(|| "POST".to_owned()),
            request_uri: optional_text(row.get(6)).unwrap_or_else(|| "/".to_owned()),
            input_element: optional_text(extra("n")),
            input_namespace: optional_text(extra("x")),
            result_wrapper: optional_text(extra("w")),
            host_prefix: optional_text(extra("h")),
            endpoint: extra("e").map_or(0, |place| size(Some(place))),
            needs_checksum: extra("c").is_some(),
            is_anonymous: extra("a").is_some(),
        }
    }
}

impl ErrorShape {
    fn read(row: &Value) -> ErrorShape {
        let row = row.as_array().expect("an error is a row");
        let name = text(row.first());
        let status = row.get(2).and_then(Value::as_i64);
        ErrorShape {
            code: optional_text(row.get(1)).unwrap_or_else(|| name.clone()),
            class: error_class(&name),
            status: status.and_then(|status| u16::try_from(status).ok()),
            name,
        }
    }
}
