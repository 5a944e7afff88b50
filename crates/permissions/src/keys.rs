//! The condition keys that requests here ever have.
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>.
//!
//! A condition on any other key cannot be decided: what allows by it does not allow, and what
//! denies by it denies.

/// Whether a request ever has a key, and of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filled {
    /// Wherever AWS has it.
    Always,
    /// Never: its conditions cannot be decided.
    Never,
}

/// In lower case; what ends with a slash stands for all keys that begin so.
const FILLED: [&str; 35] = [
    "aws:currenttime",
    "aws:epochtime",
    "aws:multifactorauthage",
    "aws:multifactorauthpresent",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principalservicename",
    "aws:principaltag/",
    "aws:principaltype",
    "aws:requestedregion",
    "aws:requesttag/",
    "aws:resourceaccount",
    "aws:resourcetag/",
    "aws:securetransport",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:tagkeys",
    "aws:tokenissuetime",
    "aws:useragent",
    "aws:userid",
    "aws:username",
    "aws:viaawsservice",
    "iam:associatedresourcearn",
    "iam:passedtoservice",
    "iam:permissionsboundary",
    "iam:policyarn",
    "iam:resourcetag/",
    "s3:prefix",
    "states:httpendpoint",
    "states:httpmethod",
    "states:statemachinequalifier",
    "sts:externalid",
    "sts:rolesessionname",
];

/// Whether requests ever have the condition key.
pub fn is_filled(key: &str) -> Filled {
    let key = key.to_ascii_lowercase();
    let family = key.find('/').map_or(&*key, |slash| &key[..=slash]);
    match FILLED.binary_search(&family) {
        Ok(_) => Filled::Always,
        Err(_) => Filled::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_compared_without_case_and_families_by_their_beginning() {
        for key in ["aws:SourceIp", "AWS:principaltag/Team", "iam:PolicyARN", "s3:prefix"] {
            assert_eq!(is_filled(key), Filled::Always, "{key}");
        }
        for key in ["aws:SourceVpce", "aws:SourceIp/x", "aws:PrincipalTag", "s3:x-amz-acl", ""] {
            assert_eq!(is_filled(key), Filled::Never, "{key}");
        }
        assert!(FILLED.is_sorted());
    }
}
