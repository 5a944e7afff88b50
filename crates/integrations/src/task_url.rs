//! URLs that tasks name.
//!
//! They are parsed, and what is judged is the host that requests are sent to. Where that host is
//! found to be is judged once more when there is to be a connection: see [`aws::Reach`].

use hyper::Uri;

/// A URL whose host a task may name: an HTTPS one, or one of this machine.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct TaskUrl {
    /// As it was given, without its fragment.
    text: String,
    uri: Uri,
}

impl TaskUrl {
    /// The URL in that field.
    ///
    /// # Errors
    /// Where it is none, has a user in it, is not of HTTPS and not of this machine, or where its
    /// host is an address that is not written in full. What is wrong, in words for the user.
    pub(crate) fn parse(text: &str, field: &str) -> Result<TaskUrl, String> {
        let invalid = || format!("The value of the field '{field}' has an invalid format");
        let not_https = || format!("The value of the field '{field}' must be an HTTPS URL");
        if !text.starts_with("https://") && !text.starts_with("http://") {
            return Err(not_https());
        }
        let text = text.split('#').next().unwrap_or_default();
        let uri: Uri = text.parse().map_err(|_| invalid())?;
        let host = uri.host().filter(|host| !host.is_empty()).ok_or_else(invalid)?;
        let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        if has_user || !is_host(host) {
            return Err(invalid());
        }
        let url = TaskUrl { text: text.to_owned(), uri };
        if url.is_plain() && !aws::names_own_machine(url.host()) {
            return Err(not_https());
        }
        Ok(url)
    }

    /// Whether it is spoken to without TLS.
    pub(crate) fn is_plain(&self) -> bool {
        self.uri.scheme_str() == Some("http")
    }

    /// Its text, which has a host and no fragment.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The host that requests are sent to.
    pub(crate) fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }

    /// Whether it names a host, and nothing there.
    pub(crate) fn is_host_alone(&self) -> bool {
        self.uri.path() == "/" && self.uri.query().is_none()
    }
}

/// Whether a host is a name, or an address that everybody reads alike. `127.1`, `0x7f000001` and
/// `2130706433` are addresses to a resolver, and names to others.
fn is_host(host: &str) -> bool {
    if host.starts_with('[') {
        return true;
    }
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last.strip_prefix("0x").or(last.strip_prefix("0X")).is_some();
    !is_number || host.parse::<std::net::Ipv4Addr>().is_ok()
}

/// Whether a path may mean another one than it says: where a part of it is `.` or `..`, which
/// servers and signatures may resolve.
pub(crate) fn has_dot_segments(path: &str) -> bool {
    path.split(['/', '\\']).any(|segment| {
        let segment = segment.replace("%2e", ".").replace("%2E", ".");
        segment == "." || segment == ".."
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<TaskUrl, String> {
        TaskUrl::parse(text, "Url")
    }

    #[test]
    fn a_task_may_name_https_hosts_and_this_machine() {
        for (text, host, is_plain) in [
            ("https://example.com", "example.com", false),
            ("https://example.com:8443/a/b?c=d", "example.com", false),
            ("https://8.8.8.8/", "8.8.8.8", false),
            ("https://[2600:1f18::1]/", "[2600:1f18::1]", false),
            ("https://127.0.0.1:1/", "127.0.0.1", false),
            ("http://127.0.0.1:9001/a", "127.0.0.1", true),
            ("http://127.9.8.7", "127.9.8.7", true),
            ("http://localhost:4566/", "localhost", true),
            ("http://LOCALHOST", "LOCALHOST", true),
            ("http://[::1]:4566/", "[::1]", true),
        ] {
            let url = parse(text).expect(text);
            assert_eq!((url.host(), url.is_plain(), url.as_str()), (host, is_plain, text));
        }
        assert_eq!(parse("https://a.b/c?d#e").expect("a URL").as_str(), "https://a.b/c?d");
    }

    #[test]
    fn any_other_url_is_refused() {
        for text in [
            "http://example.com",
            "http://127.anything.example/",
            "http://localhost.example/",
            "http://127.0.0.1.example.com/",
            "http://a.localhost/",
            "http://localhost./",
            "http://10.0.0.1/",
            "http://169.254.169.254/latest/api/token",
            "http://0.0.0.0/",
            "http://[::]/",
            "http://[fe80::1]/",
            "ftp://example.com",
            "example.com",
            "",
            "HTTP://127.0.0.1/",
            "//127.0.0.1/",
        ] {
            let reason = parse(text).expect_err(text);
            assert_eq!(reason, "The value of the field 'Url' must be an HTTPS URL", "{text}");
        }
        for text in [
            "http://127.0.0.1:1@169.254.169.254/",
            "https://user@example.com/",
            "https://user:secret@example.com/",
            "http://@127.0.0.1/",
            "https://a@b@c/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0x7f.0.0.1/",
            "http://127.1/",
            "http://0177.0.0.1/",
            "https://2852039166/",
            "https://169.254.43518/",
            "https://0xa9fea9fe/",
            "https://127.0.0.1./",
            "https://",
            "https://:80/",
            "https://exa mple/",
            "https://a\\@b/",
            "http://127.0.0.1\\@b/",
            "https://[::1/",
        ] {
            let reason = parse(text).expect_err(text);
            let expected = "The value of the field 'Url' has an invalid format";
            assert_eq!(reason, expected, "{text}");
        }
    }

    #[test]
    fn dot_segments_are_found_however_they_are_written() {
        for path in ["..", "/a/../b", "a/.", "./a", "/a/%2e%2E/b", "/.%2e", "a\\..\\b"] {
            assert!(has_dot_segments(path), "{path}");
        }
        for path in ["", "/", "/a/b", "/...", "/a..b/.c", "/a.", "//"] {
            assert!(!has_dot_segments(path), "{path}");
        }
    }
}
