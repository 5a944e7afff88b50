//! What an ARN of Step Functions stands for.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/auth-version-alias.html>.

/// The condition key of the version or the alias that is named, in lower case.
pub const QUALIFIER: &str = "states:statemachinequalifier";

/// The ARN of the state machine of a version or an alias, and which that is; any other ARN itself.
/// What follows a `#` names a test case of mocked answers, and is not part of the name.
pub fn without_qualifier(arn: &str) -> (&str, Option<&str>) {
    if !arn.contains(":stateMachine:") {
        return (arn, None);
    }
    let arn = arn.split('#').next().unwrap_or(arn);
    match arn.match_indices(':').nth(6) {
        Some((end, _)) => (&arn[..end], Some(&arn[end + 1..])),
        None => (arn, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_aliases_and_test_cases_belong_to_their_machine() {
        const MACHINE: &str = "arn:aws:states:r:1:stateMachine:m";
        for (arn, expected) in [
            ("arn:aws:states:r:1:stateMachine:m:3", (MACHINE, Some("3"))),
            ("arn:aws:states:r:1:stateMachine:m:PROD", (MACHINE, Some("PROD"))),
            ("arn:aws:states:r:1:stateMachine:m#Case", (MACHINE, None)),
            ("arn:aws:states:r:1:stateMachine:m:PROD#Case", (MACHINE, Some("PROD"))),
            (MACHINE, (MACHINE, None)),
            ("arn:aws:states:r:1:execution:m:e", ("arn:aws:states:r:1:execution:m:e", None)),
            ("nothing", ("nothing", None)),
        ] {
            assert_eq!(without_qualifier(arn), expected);
        }
    }
}
