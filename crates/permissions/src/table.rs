//! The embedded table, which `generate.py` writes.
//!
//! Its form is that of the service models: four bytes, little-endian, the length of the head; the
//! head, JSON, with the name, the packed and the unpacked length of each service, by name; the
//! services in that order, each one raw deflate stream of JSON. A service has its condition keys,
//! and for each operation its permissions: the action, the forms of its resource, the condition
//! under which it is needed, and the places of its keys. See [`crate::resource`] and
//! [`crate::member`] for the forms and the conditions.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use json::Value;

use crate::member::{self, Names};
use crate::resource;

static FILE: &[u8] = include_bytes!("../data/permissions.bin");

/// The head, and a place for each service once it is unpacked: a function of the embedded file
/// alone, so that nobody can tell whether it was kept or made again.
static TABLE: OnceLock<Vec<Entry>> = OnceLock::new();

struct Entry {
    name: String,
    packed: &'static [u8],
    bytes: usize,
    service: OnceLock<Service>,
}

struct Service {
    operations: BTreeMap<String, Vec<Row>>,
    unreferenced: Option<Unreferenced>,
}

/// One permission of an operation.
struct Row {
    action: String,
    forms: Vec<String>,
    condition: String,
    keys: Vec<String>,
}

/// The operations of a service that AWS's reference has no action for. They ask for the action of
/// their name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreferenced {
    /// Why it has none.
    pub reason: String,
    /// Their names.
    pub operations: Vec<String>,
}

/// What stands in ARNs that are made of names.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// `aws`
    pub partition: &'a str,
    /// Such as `us-east-1`.
    pub region: &'a str,
    /// Twelve digits.
    pub account: &'a str,
}

/// What a request must be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needed {
    /// Such as `states:StartExecution`.
    pub action: &'static str,
    /// The ARN of what it is done to, as the request names it; `*` where the action has no
    /// resource; none where it is not known.
    pub resource: Option<String>,
    /// The condition keys that AWS has for the action, beside those of every request.
    pub keys: &'static [String],
}

/// Everything that a request must be allowed; none where there is no such operation. Services and
/// operations are named as in `service-model`.
pub fn needed(
    service: &str,
    operation: &str,
    request: &Value,
    names: Names,
    place: &Place<'_>,
) -> Option<Vec<Needed>> {
    let rows = self::service(service)?.operations.get(operation)?;
    let applies = |row: &&Row| member::holds(&row.condition, request, names);
    let mut applying: Vec<&Row> = rows.iter().filter(applies).collect();
    if applying.is_empty() {
        // Nothing says which of them it is.
        applying.extend(rows);
    }
    let mut needed: Vec<Needed> = Vec::with_capacity(applying.len());
    for row in applying {
        for resource in resource::resources(&row.forms, request, names, place) {
            let one = Needed { action: &row.action, resource, keys: &row.keys };
            if !needed.contains(&one) {
                needed.push(one);
            }
        }
    }
    Some(needed)
}

/// The operations of a service, by name.
pub fn operations(service: &str) -> Option<impl Iterator<Item = &'static str>> {
    Some(self::service(service)?.operations.keys().map(String::as_str))
}

/// The operations of a service that AWS's reference lacks, if any.
pub fn unreferenced(service: &str) -> Option<&'static Unreferenced> {
    self::service(service)?.unreferenced.as_ref()
}

fn service(name: &str) -> Option<&'static Service> {
    let entries = TABLE.get_or_init(entries);
    let at = entries.binary_search_by(|entry| entry.name.as_str().cmp(name)).ok()?;
    let entry = &entries[at];
    Some(entry.service.get_or_init(|| entry.unpack()))
}

fn entries() -> Vec<Entry> {
    let (length, rest) = FILE.split_first_chunk::<4>().expect("the file has a head");
    let length = usize::try_from(u32::from_le_bytes(*length)).expect("a length fits");
    let (head, mut rest) = rest.split_at(length);
    let head = parse(head);
    let mut entries = Vec::new();
    for row in array(head.get("services")) {
        let row = array(Some(row));
        let (packed, after) = rest.split_at(number(row.get(1)));
        rest = after;
        let (name, bytes) = (text(row.first()), number(row.get(2)));
        entries.push(Entry { name, packed, bytes, service: OnceLock::new() });
    }
    assert!(rest.is_empty(), "the services fill the file");
    entries
}

impl Entry {
    fn unpack(&self) -> Service {
        let unpacked = miniz_oxide::inflate::decompress_to_vec_with_limit(self.packed, self.bytes)
            .expect("the file holds whole streams");
        let value = parse(&unpacked);
        let keys: Vec<String> = array(value.get("keys")).iter().map(|it| text(Some(it))).collect();
        let operations = value.get("operations").and_then(Value::as_object);
        let operations =
            operations.expect("a service has operations").iter().map(|(name, rows)| {
                let rows = array(Some(rows)).iter().map(|row| Row::read(array(Some(row)), &keys));
                (name.to_string(), rows.collect())
            });
        let unreferenced = array(value.get("unreferenced"));
        let unreferenced = (!unreferenced.is_empty()).then(|| Unreferenced {
            reason: text(unreferenced.first()),
            operations: array(unreferenced.get(1)).iter().map(|it| text(Some(it))).collect(),
        });
        Service { operations: operations.collect(), unreferenced }
    }
}

impl Row {
    fn read(row: &[Value], keys: &[String]) -> Row {
        let key = |place: &Value| keys[number(Some(place))].clone();
        Row {
            action: text(row.first()),
            forms: array(row.get(1)).iter().map(|it| text(Some(it))).collect(),
            condition: row.get(2).and_then(Value::as_str).unwrap_or_default().to_owned(),
            keys: array(row.get(3)).iter().map(key).collect(),
        }
    }
}

fn parse(bytes: &[u8]) -> Value {
    let text = std::str::from_utf8(bytes).expect("the file holds UTF-8");
    json::parse(text).expect("the file holds JSON")
}

fn array(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).unwrap_or_default()
}

fn text(value: Option<&Value>) -> String {
    value.and_then(Value::as_str).expect("the file holds a text here").to_owned()
}

fn number(value: Option<&Value>) -> usize {
    let number = value.and_then(Value::as_i64).and_then(|number| usize::try_from(number).ok());
    number.expect("the file holds a number here")
}
