//! The configuration file of a server.

use std::str::from_utf8;

/// A file gives settings, or what is wrong with it, and always the same.
pub fn configuration(data: &[u8]) {
    let Ok(text) = from_utf8(data) else { return };
    let told = || stairwell::check_configuration(text).map_err(|error| format!("{error:#}"));
    let once = told();
    assert!(once.as_ref().err().is_none_or(|error| !error.is_empty()), "what is wrong is told");
    assert_eq!(once, told());
}

/// Files with every key.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    const FILES: [&str; 6] = [
        r#"
host = "127.0.0.1"
port = 8083
data = "./data"
in-memory = false
log = "info,stairwell_runtime=debug"
account = "123456789012"
region = "us-east-1"
retention-days = 7.5
express-history = "15m"
throttle = "aws,StartExecution=10/5"
key-file = "key"
[machine-retention-days]
nightly = "forever"
[quotas]
open-executions = 10
state-machines = 5
"#,
        r#"
[access-keys]
AKIDONE = "111111111111"
AKIDTWO = { account = "222222222222", secret = "s" }
[security]
require-auth = true
roles = "dry-run"
audit = "audit.jsonl"
tls-cert = "c.pem"
tls-key = "k.pem"
"#,
        r#"
lambda-endpoint = "http://127.0.0.1:9001"
s3-endpoint = "file:///srv/objects"
events-endpoint = "off"
log-executions = "file:x.jsonl"
mock-config = "m.json"
[lambda-functions.f]
command = ["python3", "-m", "awslambdaric", "app.handler"]
concurrency = 3
timeout-seconds = 3
idle-seconds = 300
environment = { A = "b" }
pass-environment = ["PATH"]
[lambda-functions."arn:aws:lambda:us-east-1:123456789012:function:g"]
url = "http://127.0.0.1:9000/x"
"#,
        r#"
[connections.orders]
account = "111111111111"
api-key = { name = "X-Api-Key", value = "v" }
headers = { X-Team = "blue" }
query = { tenant = "1" }
body = { source = "s" }
[connections.basic]
basic = { username = "me", password = "p" }
[connections."arn:aws:events:us-east-1:123456789012:connection/o/1"]
oauth = { endpoint = "https://id.example.com/token", client-id = "me", client-secret = "s" }
"#,
        "port = 70000\nhost = [1]\nunknown = 1",
        "[security]\nrequire-auth = true\ninsecure-no-auth = true",
    ];
    FILES.iter().map(|file| file.as_bytes().to_vec()).collect()
}
