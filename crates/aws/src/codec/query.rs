//! Requests of the query and ec2 protocols: forms.
//! See <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>.

use hyper::body::Bytes;
use json::{Object, Value};
use service_model::{Member, Protocol, Service, ShapeId, ShapeKind, TimestampFormat};

use super::{Unwritable, WireRequest, scalar};
use crate::Call;

/// The form that parameters stand for.
pub(crate) fn write(call: &Call<'_>, parameters: &Object) -> Result<WireRequest, Unwritable> {
    let service = call.service;
    let mut form = Form { service, pairs: Vec::new() };
    form.add("Action", call.operation.name.clone());
    form.add("Version", service.api_version.clone().unwrap_or_default());
    if let Some(input) = call.operation.input {
        form.write(input, "", &Value::from(parameters.clone()))?;
    }
    let content_type = "application/x-www-form-urlencoded; charset=utf-8";
    Ok(WireRequest {
        method: "POST".to_owned(),
        path_and_query: "/".to_owned(),
        headers: vec![("content-type".to_owned(), content_type.to_owned())],
        body: Bytes::from(crate::form(&form.pairs)),
    })
}

struct Form {
    service: &'static Service,
    pairs: Vec<(String, String)>,
}

impl Form {
    fn add(&mut self, name: &str, value: String) {
        self.pairs.push((name.to_owned(), value));
    }

    fn is_ec2(&self) -> bool {
        self.service.protocol == Protocol::Ec2
    }

    fn write(&mut self, shape: ShapeId, prefix: &str, value: &Value) -> Result<(), Unwritable> {
        let service = self.service;
        let wrong = |expected| Unwritable { name: prefix.to_owned(), expected };
        match &service.shape(shape).kind {
            ShapeKind::Structure(members) => {
                let given = value.as_object().ok_or_else(|| wrong("an OBJECT"))?;
                for (key, value) in given.iter().filter(|(_, value)| !value.is_null()) {
                    if let Some(member) = members.parameter(key) {
                        self.write_member(member, prefix, value)?;
                    }
                }
            }
            ShapeKind::List { item, is_flattened, wire } => {
                let items = value.as_array().ok_or_else(|| wrong("an ARRAY"))?;
                let name = wire.location_name.as_deref();
                let base = match (self.is_ec2(), is_flattened, name) {
                    (true, _, _) | (false, true, None) => prefix.to_owned(),
                    // The items of a flattened list may have a name in place of the list's.
                    (false, true, Some(name)) => match prefix.rsplit_once('.') {
                        Some((before, _)) => format!("{before}.{name}"),
                        None => name.to_owned(),
                    },
                    (false, false, name) => format!("{prefix}.{}", name.unwrap_or("member")),
                };
                if items.is_empty() && !self.is_ec2() {
                    self.add(prefix, String::new());
                }
                for (index, value) in items.iter().enumerate() {
                    self.write(*item, &format!("{base}.{}", index + 1), value)?;
                }
            }
            ShapeKind::Map { key, value: shape, is_flattened, key_name, value_name } => {
                let given = value.as_object().ok_or_else(|| wrong("an OBJECT"))?;
                let base =
                    if *is_flattened { prefix.to_owned() } else { format!("{prefix}.entry") };
                for (index, (entry_key, value)) in given.iter().enumerate() {
                    let entry = format!("{base}.{}", index + 1);
                    let name = key_name.as_deref().unwrap_or("key");
                    self.write(*key, &format!("{entry}.{name}"), &Value::from(entry_key.clone()))?;
                    let name = value_name.as_deref().unwrap_or("value");
                    self.write(*shape, &format!("{entry}.{name}"), value)?;
                }
            }
            kind => {
                let text = scalar::written(prefix, kind, value, TimestampFormat::Iso8601)?;
                self.add(prefix, text);
            }
        }
        Ok(())
    }

    fn write_member(
        &mut self,
        member: &Member,
        prefix: &str,
        value: &Value,
    ) -> Result<(), Unwritable> {
        let name = if self.is_ec2() { ec2_name(member) } else { member.wire_name().to_owned() };
        let name = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        self.write(member.shape, &name, value)
    }
}

/// What a member is called in EC2's forms: by a name of its own, else with a capital.
fn ec2_name(member: &Member) -> String {
    if let Some(name) = &member.wire.query_name {
        return name.clone();
    }
    let mut characters = member.wire_name().chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).collect()
}
