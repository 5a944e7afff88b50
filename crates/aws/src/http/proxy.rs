//! Proxies, as environment variables name them.
//! See <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-proxy.html>.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::Uri;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use super::reach::names_own_machine;

/// The proxies that requests go through.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// None where no variable names one.
    matcher: Option<Arc<Matcher>>,
}

/// The value of a variable is no proxy that can be used. The value may have a password in it, and
/// is not told.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{variable} is not the URL of a proxy such as http://proxy.example.com:3128")]
pub struct ProxyError {
    /// The name of the variable.
    pub variable: String,
}

impl Proxies {
    /// Those of `HTTPS_PROXY`, `HTTP_PROXY` and `ALL_PROXY`, but not for the hosts of `NO_PROXY`.
    /// Their names may be in lower case. This machine's own services are never reached through one.
    ///
    /// # Errors
    /// Where a value is no URL of the schemes `http` and `https`.
    pub fn of(variables: &BTreeMap<String, String>) -> Result<Proxies, ProxyError> {
        let value = |name: &str| {
            let names = [name.to_owned(), name.to_lowercase()];
            let mut found = names.into_iter().filter_map(|it| variables.get_key_value(&it));
            found.find(|(_, value)| !value.is_empty())
        };
        let mut builder = Matcher::builder();
        let mut has_any = false;
        for name in ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"] {
            let Some((variable, url)) = value(name) else { continue };
            check(variable, url)?;
            has_any = true;
            builder = match name {
                "HTTPS_PROXY" => builder.https(url),
                "HTTP_PROXY" => builder.http(url),
                _ => builder.all(url),
            };
        }
        if let Some((_, hosts)) = value("NO_PROXY") {
            builder = builder.no(hosts);
        }
        Ok(Proxies { matcher: has_any.then(|| Arc::new(builder.build())) })
    }

    /// The proxy that requests of that URL go through; none where they go to the host itself.
    pub(super) fn find(&self, uri: &Uri) -> Option<Intercept> {
        let matcher = self.matcher.as_deref()?;
        let is_own = names_own_machine(uri.host().unwrap_or_default());
        if is_own { None } else { matcher.intercept(uri) }
    }
}

fn check(variable: &str, url: &str) -> Result<(), ProxyError> {
    let anything = Uri::from_static("http://example.com/");
    let found = Matcher::builder().http(url.to_owned()).build().intercept(&anything);
    let is_spoken = |found: &Intercept| matches!(found.uri().scheme_str(), Some("http" | "https"));
    match found.as_ref().is_some_and(is_spoken) {
        true => Ok(()),
        false => Err(ProxyError { variable: variable.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> Result<Proxies, ProxyError> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Proxies::of(&variables.iter().map(owned).collect())
    }

    #[test]
    fn proxies_come_from_variables() {
        let some = proxies(&[
            ("HTTPS_PROXY", "http://user:secret@secure:3128"),
            ("http_proxy", "plain:8080"),
            ("NO_PROXY", "internal.example, 10.0.0.0/8"),
        ]);
        let some = some.expect("they are URLs");
        for (url, expected) in [
            ("https://a.example/", Some("http://secure:3128/")),
            ("http://a.example/", Some("http://plain:8080/")),
            ("https://a.internal.example/", None),
            ("https://10.1.2.3/", None),
            ("https://11.1.2.3/", Some("http://secure:3128/")),
            ("http://localhost:4566/", None),
            ("http://127.0.0.1:4566/", None),
            ("http://[::1]:4566/", None),
        ] {
            let found = some.find(&url.parse().expect("the test says a URL"));
            assert_eq!(found.map(|it| it.uri().to_string()).as_deref(), expected, "{url}");
        }
        let all = proxies(&[("ALL_PROXY", "https://all"), ("HTTP_PROXY", "")]).expect("a URL");
        let found = all.find(&Uri::from_static("http://a.example/")).expect("there is one");
        assert_eq!(found.uri(), "https://all/");
        let none = proxies(&[("NO_PROXY", "*")]).expect("there is no URL");
        assert!(none.find(&Uri::from_static("http://a.example/")).is_none());
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_its_password() {
        for wrong in ["socks5://user:secret@host:1", "ftp://host", "http://", "a b"] {
            let error = proxies(&[("https_proxy", wrong)]).expect_err(wrong).to_string();
            assert!(error.starts_with("https_proxy is not"), "{error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }
}
