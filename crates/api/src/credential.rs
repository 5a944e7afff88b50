//! Whose request it is: the account and the region, from the SigV4 credential scope.
//!
//! Does not verify signatures: whoever reaches the port is trusted.

use std::collections::BTreeMap;
use std::sync::Arc;

use signature::CredentialScope;
use store::Scope;

/// Which account and region a request belongs to.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// The account of access keys that say nothing else: twelve digits.
    pub default_account: Arc<str>,
    /// The region of requests that name none, such as unsigned ones.
    pub default_region: Arc<str>,
    /// Accounts by access key.
    pub by_access_key: BTreeMap<String, Arc<str>>,
}

impl Default for Accounts {
    fn default() -> Self {
        Accounts {
            default_account: "123456789012".into(),
            default_region: "us-east-1".into(),
            by_access_key: BTreeMap::new(),
        }
    }
}

impl Accounts {
    pub(crate) fn scope(&self, credential: Option<&CredentialScope>) -> Scope {
        let access_key = credential.map_or("", |credential| &*credential.access_key);
        let region = credential.map(|credential| &*credential.region);
        let region = region.filter(|region| is_region(region));
        Scope {
            account: self.account(access_key),
            region: region.map_or_else(|| self.default_region.clone(), Arc::from),
        }
    }

    fn account(&self, access_key: &str) -> Arc<str> {
        if let Some(account) = self.by_access_key.get(access_key) {
            return account.clone();
        }
        if is_account(access_key) { access_key.into() } else { self.default_account.clone() }
    }
}

/// Whether it is a text of twelve digits.
pub fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it could be the name of a region, such as `eu-central-1`.
pub fn is_region(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: Option<&str>, uri: &str, account: &str, region: &str) {
        let mut request = hyper::Request::builder().uri(uri);
        if let Some(header) = header {
            request = request.header("Authorization", header);
        }
        let (parts, ()) = request.body(()).expect("the test's request is valid").into_parts();
        let by_access_key = BTreeMap::from([("AKIATEAM".to_owned(), "999999999999".into())]);
        let credential = CredentialScope::of(&parts);
        let scope = Accounts { by_access_key, ..Accounts::default() }.scope(credential.as_ref());
        assert_eq!((&*scope.account, &*scope.region), (account, region), "{header:?} {uri}");
    }

    #[test]
    fn region_and_account_come_from_the_credential_scope() {
        let header = |key: &str, region: &str| {
            format!(
                "AWS4-HMAC-SHA256 Credential={key}/20150830/{region}/states/aws4_request, \
                 SignedHeaders=host, Signature=00"
            )
        };
        let default = ("123456789012", "us-east-1");
        check(None, "/", default.0, default.1);
        check(Some("Bearer x"), "/", default.0, default.1);
        check(Some("AWS4-HMAC-SHA256 Credential="), "/", default.0, default.1);
        check(Some(&header("test", "eu-west-1")), "/", default.0, "eu-west-1");
        check(Some(&header("000000000001", "eu-west-1")), "/", "000000000001", "eu-west-1");
        check(Some(&header("AKIATEAM", "cn-north-1")), "/", "999999999999", "cn-north-1");
        check(Some(&header("test", "Not:A:Region")), "/", default.0, default.1);
        check(
            None,
            "/?X-Amz-Credential=000000000002%2F20150830%2Feu-west-2%2Fstates%2Faws4_request&X=1",
            "000000000002",
            "eu-west-2",
        );
    }
}
