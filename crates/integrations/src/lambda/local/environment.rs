//! The variables that the process of a function gets. What the server has in its environment, such
//! as credentials and access keys, is no business of a function.
//! See <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>.

use std::collections::BTreeMap;
use std::ffi::OsString;

/// What is passed on of the server's environment: what programs need to be found and to run, and
/// which region it is. Beside these, all that begin with `LC_`.
const PASSED: [&str; 9] = [
    "AWS_DEFAULT_REGION",
    "AWS_REGION",
    "HOME",
    "LANG",
    "LANGUAGE",
    "LD_LIBRARY_PATH",
    "PATH",
    "TMPDIR",
    "TZ",
];

/// The memory that Lambda gives where nothing else is said, in megabytes. Nothing limits it here.
const MEMORY_MEGABYTES: &str = "128";

/// The variables of a process of that function (a name or an ARN), whose runtime API is at the
/// address: what is passed on, what Lambda sets, and what is configured, which wins.
pub(super) fn of_process(
    server: impl Iterator<Item = (OsString, OsString)>,
    function: &str,
    runtime_api: &str,
    configured: &BTreeMap<String, String>,
) -> BTreeMap<OsString, OsString> {
    let is_passed = |name: &str| PASSED.contains(&name) || name.starts_with("LC_");
    let passed = server.filter(|(name, _)| name.to_str().is_some_and(is_passed));
    let (name, region) = name_and_region(function);
    let stream = format!("[$LATEST]{}", uuid::Uuid::new_v4().simple());
    let of_lambda = [
        ("AWS_LAMBDA_RUNTIME_API", runtime_api.to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", name.to_owned()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", MEMORY_MEGABYTES.to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", stream),
    ];
    let of_region = region.into_iter().flat_map(|region| {
        ["AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| (name, region.to_owned()))
    });
    let set = of_lambda.into_iter().chain(of_region);
    let set = set.map(|(name, value)| (name.into(), value.into()));
    let configured = configured.iter().map(|(name, value)| (name.into(), value.into()));
    passed.chain(set).chain(configured).collect()
}

/// Of `arn:aws:lambda:us-east-1:123456789012:function:name:alias`, `123456789012:function:name` or
/// `name:alias`. The region is that of the ARN.
fn name_and_region(function: &str) -> (&str, Option<&str>) {
    let parts: Vec<&str> = function.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "lambda", region, _, "function", name, ..] => (name, Some(region)),
        [_, "function", name, ..] => (name, None),
        [name, ..] => (name, None),
        [] => (function, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARN: &str = "arn:aws:lambda:eu-west-1:123456789012:function:f:live";

    fn of(server: &[(&str, &str)], function: &str, configured: &[(&str, &str)]) -> Vec<String> {
        let server = server.iter().map(|(name, value)| (name.into(), value.into()));
        let configured =
            configured.iter().map(|(name, value)| (name.to_string(), value.to_string()));
        let variables = of_process(server, function, "127.0.0.1:1", &configured.collect());
        let text = |text: &OsString| text.to_str().expect("text").to_owned();
        let lines = variables.iter().map(|(name, value)| format!("{}={}", text(name), text(value)));
        lines.filter(|line| !line.starts_with("AWS_LAMBDA_LOG_STREAM_NAME=[$LATEST]")).collect()
    }

    #[test]
    fn nothing_is_passed_on_but_what_is_listed() {
        let server = [
            ("PATH", "/bin"),
            ("LC_TIME", "C"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "AKID"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
            ("AWS_SESSION_TOKEN", "secret"),
            ("AWS_LAMBDA_RUNTIME_API", "another"),
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/secret"),
            ("STAIRWELL_ACCESS_KEYS", "AKID=123456789012:secret"),
            ("MY_TOKEN", "secret"),
        ];
        assert_eq!(
            of(&server, "f", &[("TABLE", "orders"), ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")]),
            [
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE=512",
                "AWS_LAMBDA_FUNCTION_NAME=f",
                "AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
                "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
                "AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/f",
                "AWS_LAMBDA_RUNTIME_API=127.0.0.1:1",
                "AWS_REGION=us-east-1",
                "LC_TIME=C",
                "PATH=/bin",
                "TABLE=orders",
            ]
        );
    }

    #[test]
    fn the_region_is_that_of_the_function() {
        let variables = of(&[("AWS_REGION", "us-east-1")], ARN, &[]);
        for line in ["AWS_REGION=eu-west-1", "AWS_DEFAULT_REGION=eu-west-1"] {
            assert!(variables.contains(&line.to_owned()), "{variables:?}");
        }
        assert!(variables.contains(&"AWS_LAMBDA_FUNCTION_NAME=f".to_owned()), "{variables:?}");
        assert_eq!(name_and_region("123456789012:function:f:1"), ("f", None));
        assert_eq!(name_and_region("f:live"), ("f", None));
    }
}
