//! What values are, and how they are written on the wire.
//! See <https://smithy.io/2.0/spec/simple-types.html> and, for the wire,
//! <https://smithy.io/2.0/spec/protocol-traits.html>.

use std::collections::BTreeMap;

use json::{Number, Value};

use crate::file::{array, optional_text, text};
use crate::names::{capitalized, parameter_name};

/// One of the shapes of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ShapeId(pub(crate) u32);

/// What a value may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Its kind, with what it is made of.
    pub kind: ShapeKind,
    /// The least number, or the least length: characters of a text, bytes of a blob, items of a
    /// list.
    pub minimum: Option<Number>,
    /// The greatest number, or the greatest length.
    pub maximum: Option<Number>,
}

/// The kinds of shapes.
#[derive(Clone, Debug, PartialEq)]
pub enum ShapeKind {
    /// A text; one of these, where there are any.
    Text {
        /// The values of an enumeration.
        allowed: Vec<String>,
    },
    /// Bytes.
    Blob,
    /// A whole number of 32 bits.
    Integer,
    /// A whole number of 64 bits.
    Long,
    /// A number of 32 bits.
    Float,
    /// A number of 64 bits.
    Double,
    /// True or false.
    Boolean,
    /// An instant.
    Timestamp {
        /// How it is written, where not as is usual at its place.
        format: Option<TimestampFormat>,
    },
    /// A list.
    List {
        /// What its items are.
        item: ShapeId,
        /// Whether its items stand where the list would.
        is_flattened: bool,
        /// How an item is written.
        wire: Wire,
    },
    /// A map from texts.
    Map {
        /// What its keys are.
        key: ShapeId,
        /// What its values are.
        value: ShapeId,
        /// Whether its entries stand where the map would.
        is_flattened: bool,
        /// The element of a key; `key` where there is none.
        key_name: Option<String>,
        /// The element of a value; `value` where there is none.
        value_name: Option<String>,
    },
    /// An object with known members.
    Structure(Members),
    /// Any JSON value at all.
    Document,
}

/// The members of a structure.
#[derive(Clone, Debug, PartialEq)]
pub struct Members {
    /// In the model's order.
    pub members: Vec<Member>,
    /// By the name of parameters.
    by_parameter: BTreeMap<String, usize>,
    /// Whether one member must be there, and one only.
    pub is_union: bool,
    /// Whether it stands for a stream of events.
    pub is_event_stream: bool,
    /// The namespace of its element.
    pub xml_namespace: Option<String>,
}

impl Members {
    /// Whether it is `AttributeValue` of DynamoDB: a value and its type, one of `S`, `N`, `L`, ….
    pub fn is_attribute_value(&self) -> bool {
        ["S", "N", "L", "M"].into_iter().all(|name| self.parameter(name).is_some())
    }
}

/// A member of a structure.
#[derive(Clone, Debug, PartialEq)]
pub struct Member {
    /// Its name in the model: `SSEKMSKeyId`.
    pub name: String,
    /// Its name among parameters and in results: `SsekmsKeyId`.
    pub parameter: String,
    /// What it is.
    pub shape: ShapeId,
    /// Whether it must be given.
    pub is_required: bool,
    /// Whether it is the whole body of the HTTP message.
    pub is_payload: bool,
    /// Whether a random text is to be given where there is none.
    pub is_idempotency_token: bool,
    /// Whether it is part of the host's name.
    pub is_host_label: bool,
    /// Whether it is JSON that is written as a text.
    pub is_json_text: bool,
    /// Whether it may be read and written piece by piece.
    pub is_streaming: bool,
    /// How it is written.
    pub wire: Wire,
}

/// How a member or an item is written on the wire.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wire {
    /// Where in the HTTP message; in its body where none is said.
    pub location: Option<Location>,
    /// Its name there, where not the member's own.
    pub location_name: Option<String>,
    /// Its name in the ec2 protocol, where it has one of its own there.
    pub query_name: Option<String>,
    /// Whether it is an attribute of its structure's element.
    pub is_xml_attribute: bool,
    /// Whether its items stand where it would itself.
    pub is_flattened: bool,
    /// How an instant is written, where not as is usual at its place.
    pub timestamp_format: Option<TimestampFormat>,
    /// The namespace of its element, and its prefix.
    pub xml_namespace: Option<(String, Option<String>)>,
}

/// Where a member is in an HTTP message, if not in its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Location {
    /// A part of the path.
    Uri,
    /// A parameter of the query.
    QueryString,
    /// One header.
    Header,
    /// All headers that begin with its name.
    Headers,
    /// The status.
    StatusCode,
}

/// How an instant is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampFormat {
    /// `2015-01-02T03:04:05Z`
    Iso8601,
    /// `Fri, 02 Jan 2015 03:04:05 GMT`
    Rfc822,
    /// `1420167845`
    UnixTimestamp,
}

impl Shape {
    /// Reads `[kind, …]`, as `generate.py` writes it.
    pub(crate) fn read(row: &Value, service: &str) -> Shape {
        let row = row.as_array().expect("a shape is a row");
        let at = |index: usize| row.get(index);
        let is_set = |index: usize| at(index).and_then(Value::as_i64) == Some(1);
        let kind = match row.first().and_then(Value::as_str).expect("a shape has a kind") {
            "s" => ShapeKind::Text {
                allowed: array(at(3)).iter().map(|value| text(Some(value))).collect(),
            },
            "b" => ShapeKind::Blob,
            "i" => ShapeKind::Integer,
            "l" => ShapeKind::Long,
            "f" => ShapeKind::Float,
            "d" => ShapeKind::Double,
            "t" => ShapeKind::Boolean,
            "w" => ShapeKind::Timestamp { format: timestamp_format(at(4)) },
            "a" => {
                let mut wire = Wire::read(at(6));
                wire.location_name = optional_text(at(5));
                ShapeKind::List { item: shape_id(at(1)), is_flattened: is_set(4), wire }
            }
            "m" => ShapeKind::Map {
                key: shape_id(at(1)),
                value: shape_id(at(2)),
                is_flattened: is_set(3),
                key_name: optional_text(at(4)),
                value_name: optional_text(at(5)),
            },
            "o" => return Shape::of(structure(row, service)),
            other => unreachable!("no shape is of the kind {other}"),
        };
        let bounds = if matches!(kind, ShapeKind::List { .. }) { 2..4 } else { 1..3 };
        let bound = |index: usize| at(index).and_then(Value::as_number).cloned();
        match kind {
            ShapeKind::Map { .. } => Shape::of(kind),
            kind => Shape { kind, minimum: bound(bounds.start), maximum: bound(bounds.end - 1) },
        }
    }

    fn of(kind: ShapeKind) -> Shape {
        Shape { kind, minimum: None, maximum: None }
    }
}

fn structure(row: &[Value], service: &str) -> ShapeKind {
    let marks = row.get(2).and_then(Value::as_str).unwrap_or_default();
    if marks.contains('d') {
        return ShapeKind::Document;
    }
    let members: Vec<Member> =
        array(row.get(1)).iter().map(|row| Member::read(row, service)).collect();
    let names = members.iter().map(|member| member.parameter.clone());
    ShapeKind::Structure(Members {
        by_parameter: names.enumerate().map(|(index, name)| (name, index)).collect(),
        members,
        is_union: marks.contains('u'),
        is_event_stream: marks.contains('e'),
        xml_namespace: optional_text(row.get(3)),
    })
}

impl Members {
    /// The member of that name among parameters; the name in the model, with a capital, is
    /// understood as well.
    pub fn parameter(&self, name: &str) -> Option<&Member> {
        if let Some(index) = self.by_parameter.get(name) {
            return self.members.get(*index);
        }
        self.members.iter().find(|member| capitalized(&member.name) == name)
    }

    /// The member that is the body of the HTTP message.
    pub fn payload(&self) -> Option<&Member> {
        self.members.iter().find(|member| member.is_payload)
    }
}

impl Member {
    fn read(row: &Value, service: &str) -> Member {
        let row = row.as_array().expect("a member is a row");
        let name = text(row.first());
        let traits = row.get(2);
        let has = |letter: &str| traits.is_some_and(|traits| traits.get(letter).is_some());
        let parameter = match (service, name.as_str()) {
            // The one member that the SDK's customizations rename.
            ("dynamodb" | "dynamodbstreams", "NULL") => "Nul".to_owned(),
            _ => parameter_name(&name),
        };
        Member {
            parameter,
            shape: shape_id(row.get(1)),
            is_required: has("r"),
            is_payload: has("p"),
            is_idempotency_token: has("i"),
            is_host_label: has("h"),
            is_json_text: has("j"),
            is_streaming: has("s"),
            wire: Wire::read(traits),
            name,
        }
    }

    /// Its name on the wire.
    pub fn wire_name(&self) -> &str {
        self.wire.location_name.as_deref().unwrap_or(&self.name)
    }
}

impl Wire {
    fn read(traits: Option<&Value>) -> Wire {
        let of = |letter: &str| traits.and_then(|traits| traits.get(letter));
        let location = of("l").and_then(Value::as_str).map(|letter| match letter {
            "u" => Location::Uri,
            "q" => Location::QueryString,
            "h" => Location::Header,
            "H" => Location::Headers,
            "c" => Location::StatusCode,
            other => unreachable!("no location is {other}"),
        });
        let namespace = array(of("x"));
        Wire {
            location,
            location_name: optional_text(of("n")),
            query_name: optional_text(of("q")),
            is_xml_attribute: of("a").is_some(),
            is_flattened: of("f").is_some(),
            timestamp_format: timestamp_format(of("t")),
            xml_namespace: optional_text(namespace.first())
                .map(|uri| (uri, optional_text(namespace.get(1)))),
        }
    }
}

fn timestamp_format(value: Option<&Value>) -> Option<TimestampFormat> {
    value.and_then(Value::as_str).map(|format| match format {
        "iso8601" => TimestampFormat::Iso8601,
        "rfc822" => TimestampFormat::Rfc822,
        "unixTimestamp" => TimestampFormat::UnixTimestamp,
        other => unreachable!("no instant is written as {other}"),
    })
}

pub(crate) fn shape_id(value: Option<&Value>) -> ShapeId {
    optional_shape_id(value).expect("the file holds a shape here")
}

pub(crate) fn optional_shape_id(value: Option<&Value>) -> Option<ShapeId> {
    u32::try_from(value.and_then(Value::as_i64)?).ok().map(ShapeId)
}
