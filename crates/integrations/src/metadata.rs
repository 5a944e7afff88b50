//! `SdkHttpMetadata` and `SdkResponseMetadata`, which optimised integrations add to results.

use hyper::HeaderMap;
use json::{Object, Value};

/// `SdkHttpMetadata`: the status and the headers of an answer.
pub(crate) fn http(status: u16, headers: &HeaderMap) -> Object {
    let (mut all, mut first) = (Object::new(), Object::new());
    for name in headers.keys() {
        let values = texts(headers, name.as_str());
        if let Some(value) = values.first() {
            first.insert(spelled(name.as_str()), value.clone());
            all.insert(spelled(name.as_str()), values);
        }
    }
    let mut metadata = Object::new();
    metadata.insert("AllHttpHeaders", all);
    metadata.insert("HttpHeaders", first);
    metadata.insert("HttpStatusCode", i64::from(status));
    metadata
}

/// `SdkResponseMetadata`: the service's name of the request.
pub(crate) fn response(request_id: &str) -> Object {
    let mut response = Object::new();
    response.insert("RequestId", request_id);
    response
}

/// Every value of a header, as far as they are texts.
pub(crate) fn texts(headers: &HeaderMap, name: &str) -> Vec<Value> {
    let values = headers.get_all(name).iter();
    values.filter_map(|value| value.to_str().ok()).map(Value::from).collect()
}

/// The name of a header as AWS spells it. On the way, spelling is lost.
pub(crate) fn spelled(name: &str) -> &str {
    match name {
        "connection" => "Connection",
        "content-length" => "Content-Length",
        "content-type" => "Content-Type",
        "date" => "Date",
        "server" => "Server",
        "x-amz-executed-version" => "X-Amz-Executed-Version",
        "x-amz-function-error" => "X-Amz-Function-Error",
        "x-amz-log-result" => "X-Amz-Log-Result",
        "x-amzn-remapped-content-length" => "x-amzn-Remapped-Content-Length",
        "x-amzn-requestid" => "x-amzn-RequestId",
        "x-amzn-trace-id" => "X-Amzn-Trace-Id",
        other => other,
    }
}
