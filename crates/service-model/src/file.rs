//! The embedded file of all services, which `generate.py` writes.
//!
//! Its form: four bytes, little-endian, the length of the head; the head, JSON, with the name, the
//! packed and the unpacked length of each service, by name; the services in that order, each one
//! raw deflate stream of JSON. Services are read as `service.rs` and `shape.rs` say.

use std::sync::OnceLock;

use json::Value;

use crate::Service;

static FILE: &[u8] = include_bytes!("../models/services.bin");

/// The head, and a place for each service once it is unpacked. What is kept is a function of the
/// embedded file alone, so that nobody can tell whether it was kept or made again.
static TABLE: OnceLock<Table> = OnceLock::new();

struct Table {
    entries: Vec<Entry>,
    /// Partition, domain, domain of dual-stack endpoints.
    partitions: Vec<(String, String, String)>,
}

struct Entry {
    name: String,
    packed: &'static [u8],
    bytes: usize,
    service: OnceLock<Service>,
}

/// The service of that name in resources, such as `dynamodb`.
pub fn service(name: &str) -> Option<&'static Service> {
    let entries = &table().entries;
    let at = entries.binary_search_by(|entry| entry.name.as_str().cmp(name)).ok()?;
    let entry = &entries[at];
    Some(entry.service.get_or_init(|| entry.unpack()))
}

/// The names of all services, sorted.
pub fn service_names() -> impl ExactSizeIterator<Item = &'static str> {
    table().entries.iter().map(|entry| entry.name.as_str())
}

/// The partition of a region.
/// See <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html>.
pub fn partition(region: &str) -> &'static str {
    let of_prefix = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("us-iso-", "aws-iso"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
    ];
    let found = of_prefix.into_iter().find(|(prefix, _)| region.starts_with(prefix));
    found.map_or("aws", |(_, partition)| partition)
}

/// The domains that the endpoints of a partition are in: `amazonaws.com`, and `api.aws` for those
/// of dual-stack.
pub(crate) fn domains(partition: &str) -> (&'static str, &'static str) {
    let found = table().partitions.iter().find(|(name, ..)| name == partition);
    found.map_or(("amazonaws.com", "api.aws"), |(_, domain, dual_stack)| (domain, dual_stack))
}

fn table() -> &'static Table {
    TABLE.get_or_init(Table::read)
}

impl Table {
    fn read() -> Table {
        let (length, rest) = FILE.split_first_chunk::<4>().expect("the file has a head");
        let length = usize::try_from(u32::from_le_bytes(*length)).expect("a length fits");
        let (head, mut rest) = rest.split_at(length);
        let head = parse(head);
        let mut entries = Vec::new();
        for row in array(head.get("services")) {
            let packed_bytes = size(row.as_array().and_then(|row| row.get(1)));
            let (packed, after) = rest.split_at(packed_bytes);
            rest = after;
            let row = row.as_array().expect("a service has a row");
            let bytes = size(row.get(2));
            let name = text(row.first());
            entries.push(Entry { name, packed, bytes, service: OnceLock::new() });
        }
        assert!(rest.is_empty(), "the services fill the file");
        let partitions = array(head.get("partitions"));
        let partitions = partitions.iter().map(|row| {
            let row = row.as_array().expect("a partition has a row");
            (text(row.first()), text(row.get(1)), text(row.get(2)))
        });
        Table { entries, partitions: partitions.collect() }
    }
}

impl Entry {
    fn unpack(&self) -> Service {
        let unpacked = miniz_oxide::inflate::decompress_to_vec_with_limit(self.packed, self.bytes)
            .expect("the file holds whole streams");
        Service::read(&self.name, &parse(&unpacked))
    }
}

fn parse(bytes: &[u8]) -> Value {
    let text = std::str::from_utf8(bytes).expect("the file holds UTF-8");
    json::parse(text).expect("the file holds JSON")
}

/// The items of an array; none where there is none.
pub(crate) fn array(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).unwrap_or_default()
}

/// A text that must be there.
pub(crate) fn text(value: Option<&Value>) -> String {
    optional_text(value).expect("the file holds a text here")
}

/// A text that may be there.
pub(crate) fn optional_text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}

/// A length or a place, which must be there.
pub(crate) fn size(value: Option<&Value>) -> usize {
    let number = value.and_then(Value::as_i64).and_then(|number| usize::try_from(number).ok());
    number.expect("the file holds a length here")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_can_be_unpacked() {
        assert!(service_names().len() > 400);
        for name in service_names() {
            let service = service(name).expect("it is in the list");
            assert_eq!(service.name, name);
            assert!(service.operations().next().is_some(), "{name} has no operation");
            for operation in service.operations() {
                assert_eq!(service.operation(&operation.action), Some(operation), "{name}");
            }
        }
        assert!(service("DynamoDB").is_none());
        assert!(service("").is_none());
    }
}
