//! XML bodies: those of rest-xml, and the answers of query and ec2.
//! See <https://smithy.io/2.0/spec/protocol-traits.html#xml-bindings>.

use json::{Object, Value};
use service_model::{Member, Service, ShapeId, ShapeKind, TimestampFormat, Wire};

use super::{Element, Reader, Unwritable, scalar, sorted};

/// The element that a value stands for.
pub(crate) fn write(
    service: &Service,
    shape: ShapeId,
    name: &str,
    value: &Value,
) -> Result<Element, Unwritable> {
    let wrong = |expected| Unwritable { name: name.to_owned(), expected };
    let mut element = Element::new(name);
    match &service.shape(shape).kind {
        ShapeKind::Structure(members) => {
            let given = value.as_object().ok_or_else(|| wrong("an OBJECT"))?;
            // In the model's order, which some services insist on.
            for member in members.members.iter().filter(|member| member.wire.location.is_none()) {
                let mut named = given.iter().filter(|(key, value)| {
                    let found = members.parameter(key);
                    !value.is_null() && found.is_some_and(|found| found.name == member.name)
                });
                if let Some((_, value)) = named.next() {
                    write_member(service, member, value, &mut element)?;
                }
            }
        }
        ShapeKind::List { item, wire, .. } => {
            let items = value.as_array().ok_or_else(|| wrong("an ARRAY"))?;
            let name = wire.location_name.as_deref().unwrap_or("member");
            for value in items.iter().filter(|value| !value.is_null()) {
                let mut child = write(service, *item, name, value)?;
                child.attributes.splice(0..0, namespace(wire));
                element.children.push(child);
            }
        }
        ShapeKind::Map { key, value: shape, key_name, value_name, .. } => {
            let given = value.as_object().ok_or_else(|| wrong("an OBJECT"))?;
            for (entry_key, value) in given.iter() {
                let mut entry = Element::new("entry");
                let key_name = key_name.as_deref().unwrap_or("key");
                let key = write(service, *key, key_name, &Value::from(entry_key.clone()))?;
                let value_name = value_name.as_deref().unwrap_or("value");
                entry.children = vec![key, write(service, *shape, value_name, value)?];
                element.children.push(entry);
            }
        }
        kind => element.text = scalar::written(name, kind, value, TimestampFormat::Iso8601)?,
    }
    Ok(element)
}

fn write_member(
    service: &Service,
    member: &Member,
    value: &Value,
    element: &mut Element,
) -> Result<(), Unwritable> {
    let name = member.wire_name();
    let kind = &service.shape(member.shape).kind;
    if member.wire.is_xml_attribute {
        let text = scalar::written(name, kind, value, TimestampFormat::Iso8601)?;
        element.attributes.push((name.to_owned(), text));
        return Ok(());
    }
    if let (ShapeKind::Timestamp { .. }, Some(format)) = (kind, member.wire.timestamp_format) {
        let text = scalar::instant(name, value, format)?;
        element.children.push(Element::with_text(name, text));
        return Ok(());
    }
    let mut child = write(service, member.shape, name, value)?;
    if is_flattened(kind, member) {
        let item_name = match kind {
            ShapeKind::List { wire, .. } => wire.location_name.as_deref().unwrap_or(name),
            _ => name,
        };
        for mut item in child.children {
            item.name = item_name.to_owned();
            element.children.push(item);
        }
        return Ok(());
    }
    child.attributes.splice(0..0, namespace(&member.wire));
    element.children.push(child);
    Ok(())
}

/// The attribute that says a namespace, where there is one.
pub(crate) fn namespace(wire: &Wire) -> Option<(String, String)> {
    let (uri, prefix) = wire.xml_namespace.as_ref()?;
    let name = prefix.as_ref().map_or("xmlns".to_owned(), |prefix| format!("xmlns:{prefix}"));
    Some((name, uri.clone()))
}

fn is_flattened(kind: &ShapeKind, member: &Member) -> bool {
    match kind {
        ShapeKind::List { is_flattened, .. } | ShapeKind::Map { is_flattened, .. } => {
            *is_flattened || member.wire.is_flattened
        }
        _ => false,
    }
}

/// The result that an element stands for. What the model does not have is left out.
pub(crate) fn read(reader: Reader, shape: ShapeId, element: &Element) -> Value {
    match reader.kind(shape) {
        ShapeKind::Structure(members) => {
            let members = members.members.iter().filter(|member| member.wire.location.is_none());
            let found = members.filter_map(|member| {
                Some((reader.name(member), read_member(reader, member, element)?))
            });
            sorted(found.collect())
        }
        // Whatever its items are called: stand-ins of AWS have other names than the model.
        ShapeKind::List { item, .. } => read_list(reader, *item, element.children.iter()),
        ShapeKind::Map { .. } => read_map(reader, shape, element.all("entry")),
        kind => scalar::read(reader, kind, &element.text),
    }
}

fn read_member(reader: Reader, member: &Member, element: &Element) -> Option<Value> {
    let name = member.wire_name();
    let kind = reader.kind(member.shape);
    if member.wire.is_xml_attribute {
        let local = |name: &str| name.rsplit(':').next().unwrap_or_default().to_owned();
        let mut found = element.attributes.iter().filter(|(it, _)| local(it) == local(name));
        return found.next().map(|(_, text)| scalar::read(reader, kind, text));
    }
    if !is_flattened(kind, member) {
        return element.child(name).map(|child| read(reader, member.shape, child));
    }
    let item_name = match kind {
        ShapeKind::List { wire, .. } => wire.location_name.as_deref().unwrap_or(name),
        _ => name,
    };
    // Some services wrap what their model says is flattened under the member's name.
    let mut items = element.all(name).chain(element.all(item_name).filter(|it| it.name != name));
    let items: Vec<&Element> = items.by_ref().collect();
    if items.is_empty() {
        return None;
    }
    match kind {
        ShapeKind::List { item, .. } => Some(read_list(reader, *item, items.into_iter())),
        _ => Some(read_map(reader, member.shape, items.into_iter())),
    }
}

fn read_list<'a>(
    reader: Reader,
    item: ShapeId,
    elements: impl Iterator<Item = &'a Element>,
) -> Value {
    Value::from(elements.map(|element| read(reader, item, element)).collect::<Vec<_>>())
}

fn read_map<'a>(
    reader: Reader,
    shape: ShapeId,
    entries: impl Iterator<Item = &'a Element>,
) -> Value {
    let ShapeKind::Map { value, key_name, value_name, .. } = reader.kind(shape) else {
        unreachable!("only maps are read as maps");
    };
    let mut map = Object::new();
    for entry in entries {
        let key = entry.text_of(key_name.as_deref().unwrap_or("key")).unwrap_or_default();
        if let Some(found) = entry.child(value_name.as_deref().unwrap_or("value")) {
            map.insert(key, read(reader, *value, found));
        }
    }
    map.into()
}
