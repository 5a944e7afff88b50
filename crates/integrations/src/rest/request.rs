//! The request that parameters stand for.

use hyper::Request;
use hyper::body::Bytes;
use json::{Object, Value};

use aws::escaped;
use runtime::HttpRequestTrace;

use crate::task_url::{TaskUrl, has_dot_segments};

/// Headers that no task may set.
/// See <https://docs.aws.amazon.com/step-functions/latest/dg/connect-api-gateway.html>.
const FORBIDDEN: &[&str] = &[
    "authorization",
    "connection",
    "content-md5",
    "date",
    "expect",
    "host",
    "max-forwards",
    "proxy-authenticate",
    "server",
    "te",
    "transfer-encoding",
    "trailer",
    "upgrade",
    "via",
    "www-authenticate",
];

/// A request in parts.
pub(super) struct Prepared {
    method: String,
    url: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) query: Vec<(String, String)>,
    pub(super) body: Option<Value>,
    form: Option<ArrayFormat>,
}

/// How a form has lists.
#[derive(Clone, Copy)]
enum ArrayFormat {
    Indices,
    Repeat,
    Commas,
    Brackets,
}

/// The connection that parameters name.
pub(super) fn connection_arn(parameters: &Value) -> Option<&str> {
    ["InvocationConfig", "Authentication"]
        .into_iter()
        .find_map(|name| parameters.get(name)?.get("ConnectionArn").and_then(Value::as_str))
}

impl Prepared {
    /// That of `http:invoke`.
    pub(super) fn of_http(parameters: &Value, region: &str) -> Result<Prepared, String> {
        let url = TaskUrl::parse(text(parameters, "ApiEndpoint")?, "ApiEndpoint")?;
        let url = url.as_str().to_owned();
        let mut headers = headers(parameters)?;
        let has_content_type = headers.iter().any(|(name, _)| name == "content-type");
        let transform = parameters.get("Transform");
        let encoding =
            transform.and_then(|it| it.get("RequestBodyEncoding")).and_then(Value::as_str);
        let form = match encoding {
            None | Some("NONE") => None,
            Some("URL_ENCODED") => Some(array_format(transform)?),
            Some(_) => return Err(invalid("Transform")),
        };
        if !has_content_type {
            let content_type = match form {
                Some(_) => "application/x-www-form-urlencoded",
                None => "application/json",
            };
            headers.push(("content-type".to_owned(), content_type.to_owned()));
        }
        let agent = format!("Amazon|StepFunctions|HttpInvoke|{region}");
        headers.push(("user-agent".to_owned(), agent));
        headers.push(("range".to_owned(), "bytes=0-262144".to_owned()));
        let method = method(parameters)?;
        let body = parameters.get("RequestBody").cloned();
        Ok(Prepared { method, url, headers, query: query(parameters)?, body, form })
    }

    /// That of `apigateway:invoke`.
    pub(super) fn of_api_gateway(parameters: &Value) -> Result<Prepared, String> {
        let url = api_gateway_url(parameters)?;
        let mut headers = headers(parameters)?;
        if !headers.iter().any(|(name, _)| name == "content-type") {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        let method = method(parameters)?;
        let keeps_null = parameters.get("AllowNullValues").and_then(Value::as_bool) == Some(true);
        let body = parameters.get("RequestBody").cloned();
        let body = if keeps_null { body } else { body.map(|body| without_null(&body)) };
        Ok(Prepared { method, url, headers, query: query(parameters)?, body, form: None })
    }

    /// The request itself.
    pub(super) fn request(&self) -> Result<Request<Bytes>, String> {
        let mut request = Request::builder().method(self.method.as_str()).uri(self.whole_url());
        for (name, value) in &self.headers {
            request = request.header(name.as_str(), value.as_str());
        }
        let body = self.body_text()?;
        // What is wrong may be the value of a header, which may be a secret.
        request.body(Bytes::from(body)).map_err(|_| "The request has an invalid format".to_owned())
    }
}

impl Prepared {
    /// `https`, or `http`.
    pub(super) fn protocol(&self) -> &str {
        self.url.split(':').next().unwrap_or_default()
    }

    /// The request, as TestState shows it.
    pub(super) fn traced(&self) -> HttpRequestTrace {
        let headers = self.headers.iter().map(|(name, value)| (&**name, &**value));
        HttpRequestTrace {
            protocol: self.protocol().to_owned(),
            method: self.method.clone(),
            url: self.whole_url(),
            headers: listed(headers),
            body: self.body_text().ok().filter(|text| !text.is_empty()),
        }
    }

    fn whole_url(&self) -> String {
        let mut url = self.url.clone();
        for (name, value) in &self.query {
            url.push(if url.contains('?') { '&' } else { '?' });
            url.push_str(&format!("{}={}", escaped(name), escaped(value)));
        }
        url
    }

    fn body_text(&self) -> Result<String, String> {
        Ok(match (&self.body, self.form) {
            (None | Some(Value::Null), _) => String::new(),
            (Some(body), Some(format)) => form(body, format)?,
            (Some(Value::String(text)), None) => text.to_string(),
            (Some(body), None) => body.to_text(),
        })
    }
}

/// Headers as `inspectionData` has them.
pub(super) fn listed<'h>(headers: impl Iterator<Item = (&'h str, &'h str)>) -> String {
    let headers: Vec<String> = headers.map(|(name, value)| format!("{name}: {value}")).collect();
    format!("[{}]", headers.join(", "))
}

/// The URL of an API's resource. The endpoint is a host, or a plain URL of this machine.
fn api_gateway_url(parameters: &Value) -> Result<String, String> {
    const FIELD: &str = "ApiEndpoint";
    let endpoint = text(parameters, FIELD)?;
    let url = match endpoint.strip_prefix("http://") {
        Some(_) => TaskUrl::parse(endpoint, FIELD),
        None if endpoint.contains("://") => Err(invalid(FIELD)),
        None => TaskUrl::parse(&format!("http://{endpoint}"), FIELD)
            .or_else(|_| TaskUrl::parse(&format!("https://{endpoint}"), FIELD)),
    };
    let url = url.ok().filter(TaskUrl::is_host_alone).ok_or_else(|| invalid(FIELD))?;
    let mut url = url.as_str().trim_end_matches('/').to_owned();
    for field in ["Stage", "Path"] {
        let part = parameters.get(field).and_then(Value::as_str).unwrap_or_default();
        let part = part.trim_matches('/');
        // What IAM decides about is the path, as it is given.
        if part.contains(['?', '#']) || has_dot_segments(part) {
            return Err(invalid(field));
        }
        if !part.is_empty() {
            url.push('/');
            url.push_str(part);
        }
    }
    Ok(url)
}

fn invalid(field: &str) -> String {
    format!("The value of the field '{field}' has an invalid format")
}

fn text<'a>(parameters: &'a Value, name: &str) -> Result<&'a str, String> {
    parameters.get(name).and_then(Value::as_str).ok_or_else(|| invalid(name))
}

fn method(parameters: &Value) -> Result<String, String> {
    let method = text(parameters, "Method")?;
    let known = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
    if known.contains(&method) { Ok(method.to_owned()) } else { Err(invalid("Method")) }
}

/// Texts and lists of texts by name.
fn pairs(parameters: &Value, field: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    let Some(given) = parameters.get(field).filter(|it| !it.is_null()) else { return Ok(pairs) };
    let given = given.as_object().ok_or_else(|| invalid(field))?;
    for (name, value) in given.iter() {
        let values = value.as_array().unwrap_or(std::slice::from_ref(value));
        for value in values {
            let value = match value {
                Value::String(text) => text.to_string(),
                Value::Object(_) | Value::Array(_) | Value::Null => return Err(invalid(field)),
                value => value.to_text(),
            };
            pairs.push((name.to_string(), value));
        }
    }
    Ok(pairs)
}

fn query(parameters: &Value) -> Result<Vec<(String, String)>, String> {
    pairs(parameters, "QueryParameters")
}

fn headers(parameters: &Value) -> Result<Vec<(String, String)>, String> {
    let mut headers = pairs(parameters, "Headers")?;
    for (name, _) in &mut headers {
        let lower = name.to_ascii_lowercase();
        if FORBIDDEN.contains(&lower.as_str())
            || ["x-forwarded", "x-amz", "x-amzn"].iter().any(|it| lower.starts_with(it))
        {
            return Err(format!("The header '{name}' is not supported by Step Functions"));
        }
        *name = lower;
    }
    Ok(headers)
}

fn array_format(transform: Option<&Value>) -> Result<ArrayFormat, String> {
    let options = transform.and_then(|it| it.get("RequestEncodingOptions"));
    match options.and_then(|it| it.get("ArrayFormat")).and_then(Value::as_str) {
        None | Some("INDICES") => Ok(ArrayFormat::Indices),
        Some("REPEAT") => Ok(ArrayFormat::Repeat),
        Some("COMMAS") => Ok(ArrayFormat::Commas),
        Some("BRACKETS") => Ok(ArrayFormat::Brackets),
        Some(_) => Err(invalid("Transform")),
    }
}

/// A body as a form.
fn form(body: &Value, format: ArrayFormat) -> Result<String, String> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for (name, value) in body.as_object().ok_or_else(|| invalid("RequestBody"))?.iter() {
        add_field(name, value, format, &mut fields);
    }
    Ok(aws::form(&fields))
}

fn add_field(name: &str, value: &Value, format: ArrayFormat, fields: &mut Vec<(String, String)>) {
    match (value, format) {
        (Value::Object(members), _) => {
            for (member, value) in members.iter() {
                add_field(&format!("{name}[{member}]"), value, format, fields);
            }
        }
        (Value::Array(items), ArrayFormat::Commas) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            fields.push((name.to_owned(), items.join(",")));
        }
        (Value::Array(items), format) => {
            for (index, item) in items.iter().enumerate() {
                let name = match format {
                    ArrayFormat::Indices => format!("{name}[{index}]"),
                    ArrayFormat::Brackets => format!("{name}[]"),
                    ArrayFormat::Repeat | ArrayFormat::Commas => name.to_owned(),
                };
                add_field(&name, item, format, fields);
            }
        }
        (value, _) => fields.push((name.to_owned(), plain(value))),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.to_string(),
        value => value.to_text(),
    }
}

fn without_null(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut kept = Object::new();
            for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
                kept.insert(name.clone(), without_null(value));
            }
            kept.into()
        }
        value => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parameters: &str, expected: &str) {
        let parameters = json::parse(parameters).expect("the test says JSON");
        let told = match Prepared::of_http(&parameters, "eu-west-1").and_then(|it| it.request()) {
            Ok(request) => {
                let body = String::from_utf8_lossy(request.body()).into_owned();
                format!("{} {} {body}", request.method(), request.uri())
            }
            Err(reason) => reason,
        };
        assert_eq!(told, expected);
    }

    #[test]
    fn parameters_become_a_request() {
        check(
            r#"{"ApiEndpoint":"https://a.b/c","Method":"GET","QueryParameters":{"x":["1","ä"],"y":2}}"#,
            "GET https://a.b/c?x=1&x=%C3%A4&y=2 ",
        );
        check(
            r#"{"ApiEndpoint":"https://a.b/c?d=e","Method":"POST","RequestBody":{"a":1},"QueryParameters":{"x":"1"}}"#,
            r#"POST https://a.b/c?d=e&x=1 {"a":1}"#,
        );
        check(
            r#"{"ApiEndpoint":"https://a.b","Method":"POST","RequestBody":"as is"}"#,
            "POST https://a.b/ as is",
        );
        check(
            r#"{"ApiEndpoint":"http://a.b","Method":"GET"}"#,
            "The value of the field 'ApiEndpoint' must be an HTTPS URL",
        );
        check(
            r#"{"ApiEndpoint":"https://a.b","Method":"TRACE"}"#,
            "The value of the field 'Method' has an invalid format",
        );
        check(
            r#"{"ApiEndpoint":"https://a.b","Method":"GET","Headers":{"Host":"x"}}"#,
            "The header 'Host' is not supported by Step Functions",
        );
    }

    #[test]
    fn an_api_of_the_own_machine_is_spoken_to_without_tls() {
        for (endpoint, expected) in [
            (
                "a.execute-api.us-east-1.amazonaws.com",
                "https://a.execute-api.us-east-1.amazonaws.com/s/p",
            ),
            ("http://127.0.0.1:4566", "http://127.0.0.1:4566/s/p"),
            ("http://localhost:4566/", "http://localhost:4566/s/p"),
            ("localhost:4566", "http://localhost:4566/s/p"),
            ("http://a.b", "The value of the field 'ApiEndpoint' has an invalid format"),
            ("https://a.b", "The value of the field 'ApiEndpoint' has an invalid format"),
            ("a.b/c", "The value of the field 'ApiEndpoint' has an invalid format"),
            ("a.b?c", "The value of the field 'ApiEndpoint' has an invalid format"),
            ("127.0.0.1:1@a.b", "The value of the field 'ApiEndpoint' has an invalid format"),
            ("2130706433", "The value of the field 'ApiEndpoint' has an invalid format"),
            ("127.0.0.1.a.b", "https://127.0.0.1.a.b/s/p"),
        ] {
            let parameters =
                format!(r#"{{"ApiEndpoint":"{endpoint}","Method":"GET","Stage":"s","Path":"/p"}}"#);
            let parameters = json::parse(&parameters).expect("the test says JSON");
            let told = match Prepared::of_api_gateway(&parameters).and_then(|it| it.request()) {
                Ok(request) => request.uri().to_string(),
                Err(reason) => reason,
            };
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn a_path_is_what_it_says() {
        for (stage, path, expected) in [
            ("s", "/a/b", "https://a.b/s/a/b"),
            ("", "", "https://a.b/"),
            ("s", "/a/../b", "The value of the field 'Path' has an invalid format"),
            ("s", "/a/%2e%2e/b", "The value of the field 'Path' has an invalid format"),
            ("s", "/a?b=c", "The value of the field 'Path' has an invalid format"),
            ("s", "/a#b", "The value of the field 'Path' has an invalid format"),
            ("..", "/a", "The value of the field 'Stage' has an invalid format"),
        ] {
            let parameters = format!(
                r#"{{"ApiEndpoint":"a.b","Method":"GET","Stage":"{stage}","Path":"{path}"}}"#
            );
            let parameters = json::parse(&parameters).expect("the test says JSON");
            let told = match Prepared::of_api_gateway(&parameters).and_then(|it| it.request()) {
                Ok(request) => request.uri().to_string(),
                Err(reason) => reason,
            };
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn lists_in_forms_are_written_as_asked_for() {
        for (format, expected) in [
            ("INDICES", "a%5B0%5D=1&a%5B1%5D=2&b%5Bc%5D=d"),
            ("REPEAT", "a=1&a=2&b%5Bc%5D=d"),
            ("COMMAS", "a=1%2C2&b%5Bc%5D=d"),
            ("BRACKETS", "a%5B%5D=1&a%5B%5D=2&b%5Bc%5D=d"),
        ] {
            let parameters = format!(
                r#"{{"ApiEndpoint":"https://a.b","Method":"POST","RequestBody":{{"a":[1,2],"b":{{"c":"d"}}}},
                "Transform":{{"RequestBodyEncoding":"URL_ENCODED","RequestEncodingOptions":{{"ArrayFormat":"{format}"}}}}}}"#
            );
            check(&parameters, &format!("POST https://a.b/ {expected}"));
        }
    }
}
