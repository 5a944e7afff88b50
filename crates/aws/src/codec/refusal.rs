//! What services say where they refuse.

use json::Value;
use service_model::{Protocol, Service};

use super::{Element, json_of};
use crate::{HttpAnswer, Refusal};

/// The parts of a refusal that are in the body.
#[derive(Debug, Default)]
pub(crate) struct Fault {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) request_id: Option<String>,
    pub(crate) host_id: Option<String>,
}

/// Reads a refusal. Whatever was answered is one: what is not understood has no code.
pub(crate) fn refusal(service: &'static Service, answer: &HttpAnswer) -> Refusal {
    let fault = match service.protocol {
        Protocol::Json | Protocol::RestJson | Protocol::Cbor => of_json(answer),
        Protocol::RestXml | Protocol::Query | Protocol::Ec2 => Fault::of_xml(&answer.body),
    };
    let header = |names: &[&str]| names.iter().find_map(|name| answer.header(name));
    let request_id = header(&["x-amzn-requestid", "x-amz-request-id", "x-amz-requestid"]);
    let code = fault.code.unwrap_or_default();
    Refusal {
        shape: service.error(&code),
        code,
        message: fault.message.unwrap_or_default(),
        status: answer.status.as_u16(),
        request_id: request_id.map(str::to_owned).or(fault.request_id),
        extended_request_id: header(&["x-amz-id-2"]).map(str::to_owned).or(fault.host_id),
    }
}

fn of_json(answer: &HttpAnswer) -> Fault {
    let body = json_of(&answer.body).unwrap_or(Value::Null);
    let text = |names: &[&str]| {
        let found = names.iter().find_map(|name| body.get(name).and_then(Value::as_str));
        found.map(str::to_owned)
    };
    let code = answer.header("x-amzn-errortype").map(str::to_owned);
    let code = code.or_else(|| text(&["__type", "code", "Code"]));
    Fault {
        code: code.as_deref().map(bare).map(str::to_owned),
        message: text(&["message", "Message", "errorMessage"]),
        ..Fault::default()
    }
}

/// The name alone, of `com.amazon#Name`, `Name:http://…` and the like.
fn bare(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or_default();
    code.rsplit('#').next().unwrap_or_default()
}

impl Fault {
    /// Reads `<Error>`, alone, in `<ErrorResponse>`, or in `<Response><Errors>` as EC2 has it.
    pub(crate) fn of_xml(body: &[u8]) -> Fault {
        let Ok(root) = Element::parse(body) else { return Fault::default() };
        let errors = root.child("Errors").unwrap_or(&root);
        let error = errors.child("Error").unwrap_or(errors);
        let text = |element: &Element, names: &[&str]| {
            let found = names.iter().find_map(|name| element.text_of(name));
            found.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let ids = ["RequestId", "RequestID", "requestId"];
        let metadata = root.child("ResponseMetadata").unwrap_or(&root);
        Fault {
            code: text(error, &["Code"]),
            message: text(error, &["Message"]),
            request_id: text(error, &ids).or_else(|| text(metadata, &ids)),
            host_id: text(error, &["HostId"]),
        }
    }
}
