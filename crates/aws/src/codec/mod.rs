//! Requests and answers as they are on the wire, by a service's protocol.
//! See <https://smithy.io/2.0/aws/protocols/index.html>.
//!
//! Parameters that are no texts where the model has a text or bytes are meant as their JSON text;
//! bytes are texts in UTF-8 on our side, as Step Functions has them.

mod json_body;
mod query;
mod refusal;
mod rest;
mod scalar;
mod xml;
mod xml_body;

use hyper::body::Bytes;
use json::{Object, Value};
use service_model::{
    Member, Operation, Parameters, Protocol, Service, ShapeId, ShapeKind, Unfit, UnfitReason,
};

use crate::{Call, CallError, HttpAnswer, Names, timestamp};

pub(crate) use refusal::{Fault, refusal};
pub(crate) use xml::Element;

/// A request, before it has a host and a signature.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WireRequest {
    pub(crate) method: String,
    /// The path, escaped, which begins with a slash, and the query.
    pub(crate) path_and_query: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

/// An answer that is not what the model says.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("the answer is not what the service's model says: {0}")]
pub(crate) struct Garbled(pub(crate) String);

/// A parameter that cannot be written.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Unwritable {
    /// Its name.
    pub(crate) name: String,
    /// What it must be.
    pub(crate) expected: &'static str,
}

impl From<Unwritable> for CallError {
    fn from(error: Unwritable) -> CallError {
        let Unwritable { name, expected } = error;
        let pointer = format!("/{name}");
        let reason = UnfitReason::WrongKind { name, expected };
        CallError::Unfit(vec![Unfit { pointer, reason }])
    }
}

/// Writes the request of a call.
pub(crate) fn request(call: &Call<'_>, parameters: &Object) -> Result<WireRequest, Unwritable> {
    let service = call.service;
    match service.protocol {
        Protocol::Json => {
            let body = match call.operation.input {
                Some(input) => json_body::write(service, input, parameters)?,
                None => Value::from(Object::new()),
            };
            let version = service.json_version.as_deref().unwrap_or("1.0");
            let target = service.target_prefix.as_deref().unwrap_or_default();
            Ok(WireRequest {
                method: "POST".to_owned(),
                path_and_query: "/".to_owned(),
                headers: vec![
                    ("content-type".to_owned(), format!("application/x-amz-json-{version}")),
                    ("x-amz-target".to_owned(), format!("{target}.{}", call.operation.name)),
                ],
                body: Bytes::from(body.to_text()),
            })
        }
        Protocol::RestJson | Protocol::RestXml => rest::write(call, parameters),
        Protocol::Query | Protocol::Ec2 => query::write(call, parameters),
        Protocol::Cbor => unreachable!("the client refuses what is only spoken in CBOR"),
    }
}

/// The JSON body of a call of a service that speaks JSON, for one that is in the same process.
///
/// # Errors
/// Where the parameters do not fit the operation.
pub fn json_request(
    service: &'static Service,
    operation: &'static Operation,
    parameters: &Value,
) -> Result<Value, CallError> {
    let unfit = Parameters::KNOWN.check(service, operation, parameters);
    if !unfit.is_empty() {
        return Err(CallError::Unfit(unfit));
    }
    let none = Object::new();
    let parameters = parameters.as_object().unwrap_or(&none);
    match operation.input {
        Some(input) => json_body::write(service, input, parameters).map_err(CallError::from),
        None => Ok(Object::new().into()),
    }
}

/// The result that such a service's answer stands for.
pub fn json_result(
    service: &'static Service,
    operation: &'static Operation,
    names: Names,
    answer: &Value,
) -> Value {
    let reader = Reader { service, names };
    operation
        .output
        .map_or_else(|| Object::new().into(), |output| json_body::read(reader, output, answer))
}

/// Reads the result of a call that was not refused.
pub(crate) fn result(call: &Call<'_>, answer: &HttpAnswer) -> Result<Value, Garbled> {
    let reader = Reader { service: call.service, names: call.names };
    let Some(output) = call.operation.output else { return Ok(Object::new().into()) };
    match call.service.protocol {
        Protocol::Json => {
            let body = json_of(&answer.body)?;
            Ok(json_body::read(reader, output, &body))
        }
        Protocol::RestJson | Protocol::RestXml => rest::read(reader, output, answer),
        Protocol::Query | Protocol::Ec2 => {
            let root = Element::parse(&answer.body).map_err(|error| Garbled(error.to_string()))?;
            let wrapper = call.operation.result_wrapper.as_deref();
            let element = match wrapper {
                Some(wrapper) => root.child(wrapper).unwrap_or(&root),
                None => &root,
            };
            Ok(xml_body::read(reader, output, element))
        }
        Protocol::Cbor => unreachable!("the client refuses what is only spoken in CBOR"),
    }
}

/// What answers are read by.
#[derive(Clone, Copy)]
pub(crate) struct Reader {
    pub(crate) service: &'static Service,
    pub(crate) names: Names,
}

impl Reader {
    pub(crate) fn kind(self, shape: ShapeId) -> &'static ShapeKind {
        &self.service.shape(shape).kind
    }

    /// An instant as the result has it.
    pub(crate) fn instant(self, instant: jiff::Timestamp) -> Value {
        match self.names {
            Names::Sdk | Names::Model => timestamp::instant(instant),
            Names::Optimised => Value::from(instant.as_millisecond()),
        }
    }

    /// What a member is called in the result.
    pub(crate) fn name(self, member: &Member) -> String {
        match self.names {
            Names::Sdk => member.parameter.clone(),
            Names::Model | Names::Optimised => {
                let mut characters = member.name.chars();
                let first = characters.next().into_iter().flat_map(char::to_uppercase);
                first.chain(characters).collect()
            }
        }
    }
}

/// An object of members, in alphabetical order.
pub(crate) fn sorted(mut members: Vec<(String, Value)>) -> Value {
    members.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut object = Object::with_capacity(members.len());
    members.into_iter().for_each(|(name, value)| object.insert(name, value));
    object.into()
}

/// The JSON of a body; an empty object where it is empty.
pub(crate) fn json_of(body: &[u8]) -> Result<Value, Garbled> {
    let text = std::str::from_utf8(body).map_err(|_| Garbled("it is not UTF-8".to_owned()))?;
    if text.trim().is_empty() {
        return Ok(Object::new().into());
    }
    json::parse(text).map_err(|error| Garbled(format!("it is no JSON: {error}")))
}
