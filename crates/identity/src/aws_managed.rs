//! AWS's managed policies, but for those of service-linked roles.
//! See <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html>.
//!
//! They are in the embedded file that `generate.py` writes. Its form: the packed and the unpacked
//! length of the head, four bytes each, little-endian; the head; blocks of documents. Each is a raw
//! deflate stream of JSON. The head has the packed and the unpacked length of each block, and of
//! each policy, by path and name: the number of its version, when it was made and changed, its
//! block, and its place there.

use std::sync::OnceLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::record::{ManagedPolicy, PolicyVersion};

static FILE: &[u8] = include_bytes!("../data/managed_policies.bin");
static TABLE: OnceLock<Table> = OnceLock::new();

/// Path and name, version, created, updated, block, place.
type Row = (String, u32, i64, i64, usize, usize);

#[derive(Deserialize)]
struct Head {
    blocks: Vec<(usize, usize)>,
    policies: Vec<Row>,
}

struct Table {
    policies: Vec<Row>,
    /// With the length when it is unpacked.
    blocks: Vec<(&'static [u8], usize)>,
}

const PREFIX: &str = "arn:aws:iam::aws:policy";

/// The policy with that ARN.
pub(crate) fn find(arn: &str) -> Option<ManagedPolicy> {
    let wanted = arn.strip_prefix(PREFIX)?;
    let table = TABLE.get_or_init(Table::read);
    let at = table.policies.binary_search_by(|row| row.0.as_str().cmp(wanted)).ok()?;
    Some(table.policy(at, &table.documents(table.policies[at].4)))
}

/// All of them, by path and name.
pub(crate) fn all() -> Vec<ManagedPolicy> {
    let table = TABLE.get_or_init(Table::read);
    let mut documents: Option<(usize, Vec<String>)> = None;
    let mut policies = Vec::with_capacity(table.policies.len());
    for (at, row) in table.policies.iter().enumerate() {
        let block = documents.take().filter(|(block, _)| *block == row.4);
        let block = block.unwrap_or_else(|| (row.4, table.documents(row.4)));
        policies.push(table.policy(at, &block.1));
        documents = Some(block);
    }
    policies
}

impl Table {
    fn read() -> Table {
        let (lengths, rest) = FILE.split_at(8);
        let length = |at: usize| {
            let bytes = lengths[at..at + 4].try_into().expect("four bytes");
            usize::try_from(u32::from_le_bytes(bytes)).expect("a length fits")
        };
        let (head, mut rest) = rest.split_at(length(0));
        let head: Head = unpacked(head, length(4));
        let mut blocks = Vec::with_capacity(head.blocks.len());
        for (packed, bytes) in head.blocks {
            let (block, after) = rest.split_at(packed);
            blocks.push((block, bytes));
            rest = after;
        }
        assert!(rest.is_empty(), "the blocks fill the file");
        Table { policies: head.policies, blocks }
    }

    fn documents(&self, block: usize) -> Vec<String> {
        let (packed, bytes) = self.blocks[block];
        unpacked(packed, bytes)
    }

    fn policy(&self, at: usize, documents: &[String]) -> ManagedPolicy {
        let (full_name, version, created, updated, _, place) = &self.policies[at];
        let slash = full_name.rfind('/').expect("a path begins with a slash");
        let (path, name) = full_name.split_at(slash + 1);
        ManagedPolicy {
            name: name.to_owned(),
            path: path.to_owned(),
            id: format!("ANPA{at:017}"),
            created: *created,
            updated: *updated,
            description: None,
            versions: vec![PolicyVersion {
                number: *version,
                created: *updated,
                document: documents[*place].as_str().into(),
            }],
            default_version: *version,
            next_version: version + 1,
            tags: Vec::new(),
        }
    }
}

fn unpacked<T: DeserializeOwned>(packed: &[u8], bytes: usize) -> T {
    let text = miniz_oxide::inflate::decompress_to_vec_with_limit(packed, bytes)
        .expect("the file holds whole streams");
    serde_json::from_slice(&text).expect("the file holds JSON")
}

#[cfg(test)]
mod tests {
    use policy::{DocumentType, Policy};

    use super::*;

    #[test]
    fn every_policy_of_aws_is_one() {
        let all = all();
        for policy in &all {
            let document = &policy.default().document;
            Policy::parse(document, DocumentType::Identity)
                .unwrap_or_else(|error| panic!("{}: {error}", policy.name));
            let arn = policy.arn("aws");
            assert!(arn.starts_with(PREFIX), "{arn}");
        }
        assert!(all.len() > 1_000, "{}", all.len());
    }

    #[test]
    fn what_modules_attach_is_there() {
        for name in [
            "/AdministratorAccess",
            "/AmazonDynamoDBFullAccess",
            "/AWSStepFunctionsFullAccess",
            "/AWSXrayWriteOnlyAccess",
            "/IAMFullAccess",
            "/PowerUserAccess",
            "/ReadOnlyAccess",
            "/job-function/ViewOnlyAccess",
            "/service-role/AWSLambdaBasicExecutionRole",
            "/service-role/AWSLambdaRole",
            "/service-role/AmazonECSTaskExecutionRolePolicy",
        ] {
            let arn = format!("{PREFIX}{name}");
            let found = find(&arn).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(found.arn("aws"), arn);
        }
        for name in ["/Nothing", "", "AdministratorAccess", "/aws-service-role/Nothing"] {
            assert_eq!(find(&format!("{PREFIX}{name}")), None, "{name}");
        }
    }
}
