//! Endpoints of AWS's services, compared with where botocore finds them.

#![allow(clippy::unwrap_used)] // a test that cannot go on may panic

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use json::Value;
use service_model::{EndpointVariant, Service};

/// A Python with botocore in it. `cargo xtask test` says where one is.
const PYTHON: &str = "STAIRWELL_PYTHON";

#[test]
fn services_are_where_botocore_finds_them() {
    let Some(python) = std::env::var_os(PYTHON) else {
        println!("skipped: {PYTHON} names no Python with botocore");
        return;
    };
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/botocore_endpoints.py");
    let output = Command::new(python).arg(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let services = service_model::service_names().map(|name| service_model::service(name).unwrap());
    let services: BTreeMap<&str, &Service> = services.map(|it| (it.id.as_str(), it)).collect();
    let (mut compared, mut seen) = (0, BTreeSet::new());
    let mut wrong = Vec::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let line = json::parse(line).unwrap();
        let row = line.as_array().unwrap();
        let text = |at: usize| row[at].as_str();
        let (id, region) = (text(0).unwrap(), text(1).unwrap());
        // One of two folders with the same service under another id is left out.
        let Some(service) = services.get(id) else { continue };
        let is_true = |at: usize| row[at] == Value::Bool(true);
        let variant = EndpointVariant { fips: is_true(2), dual_stack: is_true(3) };
        let found = service.endpoint(None, region, variant);
        let url = found.as_ref().map(|it| format!("https://{}", it.place));
        let signing = found.as_ref().map(|it| it.signing_region.as_str());
        // Of what clients send, the host alone is shown.
        let host = |url: &str| url.split('/').take(3).collect::<Vec<_>>().join("/");
        let is_there = url.as_deref() == text(4) || url.as_deref().map(host).as_deref() == text(4);
        let is_same = is_there && signing == text(5);
        if !is_same {
            wrong.push(format!("{id} {region} {variant:?}: {found:?} is not {row:?}"));
        }
        seen.insert(id.to_owned());
        compared += 1;
    }
    assert!(wrong.is_empty(), "{} of {compared}:\n{}", wrong.len(), wrong.join("\n"));
    assert_eq!(seen.len(), services.len(), "every service was compared");
}
