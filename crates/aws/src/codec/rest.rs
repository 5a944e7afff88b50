//! The rest-json and rest-xml protocols: members in the path, the query, headers and the body.
//! See <https://smithy.io/2.0/spec/http-bindings.html>.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hyper::body::Bytes;
use json::{Object, Value};
use service_model::{
    Location, Member, Members, Operation, Protocol, Service, ShapeKind, TimestampFormat,
};

use super::{
    Element, Garbled, Reader, Unwritable, WireRequest, json_body, json_of, scalar, sorted, xml_body,
};
use crate::{Call, HttpAnswer, escaped};

/// The request that parameters stand for.
pub(crate) fn write(call: &Call<'_>, parameters: &Object) -> Result<WireRequest, Unwritable> {
    let service = call.service;
    let no_members = || (call.operation.request_uri.clone(), Vec::new());
    let (path, query) = call.operation.request_uri.split_once('?').map_or_else(no_members, |it| {
        let pairs = it.1.split('&').map(str::to_owned).collect::<Vec<_>>();
        (it.0.to_owned(), pairs)
    });
    let mut draft = Draft { service, path, query, headers: Vec::new(), in_body: Vec::new() };
    let mut body = Bytes::new();
    let kind = call.operation.input.map(|input| &service.shape(input).kind);
    if let Some(ShapeKind::Structure(members)) = kind {
        for (key, value) in parameters.iter().filter(|(_, value)| !value.is_null()) {
            if let Some(member) = members.parameter(key) {
                draft.add(member, value)?;
            }
        }
        body = draft.body(call.operation, members)?;
    }
    let mut path_and_query = draft.path;
    if !draft.query.is_empty() {
        path_and_query.push('?');
        path_and_query.push_str(&draft.query.join("&"));
    }
    let (method, headers) = (call.operation.http_method.clone(), draft.headers);
    Ok(WireRequest { method, path_and_query, headers, body })
}

struct Draft<'a> {
    service: &'static Service,
    path: String,
    query: Vec<String>,
    headers: Vec<(String, String)>,
    in_body: Vec<(&'a Member, &'a Value)>,
}

impl<'a> Draft<'a> {
    fn add(&mut self, member: &'a Member, value: &'a Value) -> Result<(), Unwritable> {
        match member.wire.location {
            None => self.in_body.push((member, value)),
            Some(Location::Uri) => self.add_to_path(member, value)?,
            Some(Location::QueryString) => self.add_to_query(member, value)?,
            Some(Location::Header) => {
                let text = self.header(member, value)?;
                self.headers.push((member.wire_name().to_owned(), text));
            }
            Some(Location::Headers) => {
                for (key, value) in value.as_object().into_iter().flat_map(Object::iter) {
                    let name = format!("{}{key}", member.wire_name());
                    self.headers.push((name, scalar::text(value)));
                }
            }
            Some(Location::StatusCode) => {}
        }
        Ok(())
    }

    fn text(
        &self,
        member: &Member,
        value: &Value,
        format: TimestampFormat,
    ) -> Result<String, Unwritable> {
        let kind = &self.service.shape(member.shape).kind;
        let format = member.wire.timestamp_format.unwrap_or(format);
        scalar::written(&member.parameter, kind, value, format)
    }

    fn add_to_path(&mut self, member: &Member, value: &Value) -> Result<(), Unwritable> {
        let text = self.text(member, value, TimestampFormat::Iso8601)?;
        let text = if self.service.name == "route53" { without_kind(&text) } else { &text };
        let name = member.wire_name();
        let greedy = format!("{{{name}+}}");
        let is_greedy = self.path.contains(&greedy);
        if !self.keeps_its_place(text, is_greedy) {
            let expected = "a part of a path other than '.' and '..'";
            return Err(Unwritable { name: member.parameter.clone(), expected });
        }
        if is_greedy {
            let escaped = text.split('/').map(escaped).collect::<Vec<_>>().join("/");
            self.path = self.path.replace(&greedy, &escaped);
        } else {
            self.path = self.path.replace(&format!("{{{name}}}"), &escaped(text));
        }
        Ok(())
    }

    /// Whether a path with that text in it means nothing but what it says. Who resolves `.` and
    /// `..`, as signatures do, would find another resource than the one that was asked about. Keys
    /// of S3 may have them as long as they lead to no other bucket.
    /// See <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>.
    fn keeps_its_place(&self, text: &str, is_greedy: bool) -> bool {
        if !is_greedy {
            return !matches!(text, "." | "..");
        }
        if self.service.name != "s3" {
            return !text.split('/').any(|part| matches!(part, "." | ".."));
        }
        let mut depth = 0_usize;
        text.split('/').all(|part| match part {
            ".." => depth.checked_sub(1).inspect(|less| depth = *less).is_some(),
            "." | "" => true,
            _ => {
                depth += 1;
                true
            }
        })
    }

    fn add_to_query(&mut self, member: &Member, value: &Value) -> Result<(), Unwritable> {
        let name = member.wire_name();
        let format = TimestampFormat::Iso8601;
        match (&self.service.shape(member.shape).kind, value) {
            (ShapeKind::List { item, .. }, Value::Array(items)) => {
                let kind = &self.service.shape(*item).kind;
                for value in items.iter() {
                    let text = scalar::written(name, kind, value, format)?;
                    self.query.push(format!("{}={}", escaped(name), escaped(&text)));
                }
            }
            (ShapeKind::Map { .. }, Value::Object(object)) => {
                for (key, value) in object.iter() {
                    let values = value.as_array().unwrap_or(std::slice::from_ref(value));
                    let values = values.iter().map(scalar::text);
                    self.query
                        .extend(values.map(|text| format!("{}={}", escaped(key), escaped(&text))));
                }
            }
            _ => {
                let text = self.text(member, value, format)?;
                self.query.push(format!("{}={}", escaped(name), escaped(&text)));
            }
        }
        Ok(())
    }

    fn header(&self, member: &Member, value: &Value) -> Result<String, Unwritable> {
        if member.is_json_text {
            return Ok(BASE64_STANDARD.encode(scalar::text(value)));
        }
        match (&self.service.shape(member.shape).kind, value) {
            (ShapeKind::List { item, .. }, Value::Array(items)) => {
                let kind = &self.service.shape(*item).kind;
                let name = &member.parameter;
                let texts = items
                    .iter()
                    .map(|value| scalar::written(name, kind, value, TimestampFormat::Rfc822));
                Ok(texts.collect::<Result<Vec<_>, _>>()?.join(","))
            }
            _ => self.text(member, value, TimestampFormat::Rfc822),
        }
    }

    fn body(&mut self, operation: &Operation, members: &Members) -> Result<Bytes, Unwritable> {
        if let Some(payload) = members.payload() {
            let given = self.in_body.iter().find(|(member, _)| member.name == payload.name);
            return match given.copied() {
                Some((member, value)) => self.payload(member, value),
                None => Ok(Bytes::new()),
            };
        }
        if !members.members.iter().any(|member| member.wire.location.is_none()) {
            return Ok(Bytes::new());
        }
        let mut given = Object::new();
        for (member, value) in &self.in_body {
            given.insert(member.parameter.as_str(), (*value).clone());
        }
        let Some(input) = operation.input else { return Ok(Bytes::new()) };
        if self.service.protocol == Protocol::RestJson {
            self.content_type("application/json");
            let body = json_body::write(self.service, input, &given)?;
            return Ok(Bytes::from(body.to_text()));
        }
        if given.is_empty() {
            return Ok(Bytes::new());
        }
        let name = operation.input_element.as_deref().unwrap_or(&operation.name);
        let mut element = xml_body::write(self.service, input, name, &Value::from(given))?;
        let namespace = operation.input_namespace.as_ref().or(self.service.xml_namespace.as_ref());
        if let Some(namespace) = namespace {
            element.attributes.insert(0, ("xmlns".to_owned(), namespace.clone()));
        }
        Ok(self.xml(&element))
    }

    /// The member that is the body itself.
    fn payload(&mut self, member: &Member, value: &Value) -> Result<Bytes, Unwritable> {
        match &self.service.shape(member.shape).kind {
            ShapeKind::Blob | ShapeKind::Text { .. } => {
                let is_blob = matches!(self.service.shape(member.shape).kind, ShapeKind::Blob);
                self.content_type(if is_blob { BYTES } else { "text/plain" });
                Ok(Bytes::from(scalar::text(value)))
            }
            _ if self.service.protocol == Protocol::RestJson => {
                self.content_type("application/json");
                let name = &member.parameter;
                let body = json_body::write_value(self.service, member.shape, name, value)?;
                Ok(Bytes::from(body.to_text()))
            }
            _ => {
                let name = member.wire_name();
                let mut element = xml_body::write(self.service, member.shape, name, value)?;
                let namespace = xml_body::namespace(&member.wire);
                element.attributes.splice(0..0, namespace);
                Ok(self.xml(&element))
            }
        }
    }

    fn xml(&mut self, element: &Element) -> Bytes {
        self.content_type("application/xml");
        let mut text = String::new();
        element.write(&mut text);
        Bytes::from(text)
    }

    fn content_type(&mut self, content_type: &str) {
        let is_one = |name: &str| name.eq_ignore_ascii_case("content-type");
        if !self.headers.iter().any(|(name, _)| is_one(name)) {
            self.headers.push(("content-type".to_owned(), content_type.to_owned()));
        }
    }
}

const BYTES: &str = "application/octet-stream";

/// Route 53 gives ids with their kind, such as `/hostedzone/Z1`, and takes them without.
fn without_kind(id: &str) -> &str {
    let kinds = ["/hostedzone/", "/change/", "/delegationset/"];
    kinds.iter().find_map(|kind| id.strip_prefix(kind)).unwrap_or(id)
}

/// The result that an answer stands for.
pub(crate) fn read(
    reader: Reader,
    output: service_model::ShapeId,
    answer: &HttpAnswer,
) -> Result<Value, Garbled> {
    let ShapeKind::Structure(members) = reader.kind(output) else {
        return Ok(Object::new().into());
    };
    let mut found = Vec::new();
    let in_head = members.members.iter().filter(|member| member.wire.location.is_some());
    for member in in_head {
        found.extend(read_head(reader, member, answer).map(|it| (reader.name(member), it)));
    }
    let Some(payload) = members.payload() else {
        let has_body = members.members.iter().any(|member| member.wire.location.is_none());
        if has_body && !answer.body.is_empty() {
            found.extend(read_body(reader, output, answer)?);
        }
        return Ok(sorted(found));
    };
    let value = read_payload(reader, payload, answer)?;
    if !payload.is_streaming {
        found.extend(value.map(|value| (reader.name(payload), value)));
        return Ok(sorted(found));
    }
    // What the SDK gives as a stream comes after everything else.
    let result = sorted(found);
    let mut object = result.as_object().cloned().unwrap_or_default();
    if let Some(value) = value {
        object.insert(reader.name(payload), value);
    }
    Ok(object.into())
}

fn read_body(
    reader: Reader,
    output: service_model::ShapeId,
    answer: &HttpAnswer,
) -> Result<Vec<(String, Value)>, Garbled> {
    let body = match reader.service.protocol {
        Protocol::RestJson => {
            let body = json_of(&answer.body)?;
            json_body::read(reader, output, &body)
        }
        _ => xml_body::read(reader, output, &element_of(answer)?),
    };
    let members = body.as_object().into_iter().flat_map(Object::iter);
    Ok(members.map(|(name, value)| (name.to_string(), value.clone())).collect())
}

fn element_of(answer: &HttpAnswer) -> Result<Element, Garbled> {
    Element::parse(&answer.body).map_err(|error| Garbled(error.to_string()))
}

fn read_payload(
    reader: Reader,
    member: &Member,
    answer: &HttpAnswer,
) -> Result<Option<Value>, Garbled> {
    match reader.kind(member.shape) {
        ShapeKind::Structure(members) if members.is_event_stream => Ok(None),
        ShapeKind::Blob | ShapeKind::Text { .. } => {
            Ok(Some(Value::from(String::from_utf8_lossy(&answer.body).into_owned())))
        }
        _ if answer.body.is_empty() => Ok(None),
        _ if reader.service.protocol == Protocol::RestJson => {
            let body = json_of(&answer.body)?;
            Ok(Some(json_body::read(reader, member.shape, &body)))
        }
        _ => Ok(Some(xml_body::read(reader, member.shape, &element_of(answer)?))),
    }
}

fn read_head(reader: Reader, member: &Member, answer: &HttpAnswer) -> Option<Value> {
    let kind = reader.kind(member.shape);
    match member.wire.location? {
        Location::StatusCode => Some(Value::from(i64::from(answer.status.as_u16()))),
        Location::Headers => {
            let prefix = member.wire_name().to_lowercase();
            let mut map = Object::new();
            for (name, value) in &answer.headers {
                if let (Some(key), Ok(value)) =
                    (name.as_str().strip_prefix(&prefix), value.to_str())
                {
                    map.insert(key, value);
                }
            }
            Some(map.into())
        }
        Location::Header => {
            let text = answer.header(&member.wire_name().to_lowercase())?;
            match kind {
                ShapeKind::List { item, .. } => {
                    let kind = reader.kind(*item);
                    let items = text.split(',').map(|item| scalar::read(reader, kind, item.trim()));
                    Some(Value::from(items.collect::<Vec<_>>()))
                }
                _ if member.is_json_text => Some(Value::from(scalar::of_base64(text))),
                kind => Some(scalar::read(reader, kind, text)),
            }
        }
        Location::Uri | Location::QueryString => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(service: &str, action: &str, parameters: &str) -> Result<String, String> {
        let parameters = json::parse(parameters).expect("the test says JSON");
        let call = Call::of_test(service, action, &parameters);
        let given = parameters.as_object().expect("parameters are an object");
        let written = write(&call, given).map(|wire| wire.path_and_query);
        written.map_err(|error| format!("{} must be {}", error.name, error.expected))
    }

    #[test]
    fn a_label_is_no_way_to_another_resource() {
        let refused =
            |name: &str| Err(format!("{name} must be a part of a path other than '.' and '..'"));
        for name in ["..", "."] {
            let function = format!(r#"{{"FunctionName":"{name}"}}"#);
            assert_eq!(path("lambda", "getFunction", &function), refused("FunctionName"));
            let bucket = format!(r#"{{"Bucket":"{name}","Key":"k"}}"#);
            assert_eq!(path("s3", "getObject", &bucket), refused("Bucket"));
        }
        for (name, expected) in [
            ("a", "/2015-03-31/functions/a"),
            ("...", "/2015-03-31/functions/..."),
            ("../x", "/2015-03-31/functions/..%2Fx"),
        ] {
            let function = format!(r#"{{"FunctionName":"{name}"}}"#);
            assert_eq!(path("lambda", "getFunction", &function).as_deref(), Ok(expected));
        }
        for (key, expected) in [
            ("a/b", Some("/b/a/b")),
            ("a/../b", Some("/b/a/../b")),
            ("./a", Some("/b/./a")),
            ("../other/k", None),
            ("a/../../other/k", None),
            ("a/./../../k", None),
            ("a//../../k", None),
        ] {
            let object = format!(r#"{{"Bucket":"b","Key":"{key}"}}"#);
            let expected = expected.map_or_else(|| refused("Key"), |path| Ok(path.to_owned()));
            assert_eq!(path("s3", "getObject", &object), expected, "{key}");
        }
    }
}
