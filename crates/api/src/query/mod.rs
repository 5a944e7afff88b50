//! The APIs of IAM and STS, which speak the Query protocol: forms in, XML out.
//! See <https://docs.aws.amazon.com/IAM/latest/APIReference/> and
//! <https://docs.aws.amazon.com/STS/latest/APIReference/>.

mod form;
mod iam;
mod sts;
mod xml;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use identity::{Caller, Facts, Identities, IdentityError};
use runtime::Runtime;
use signature::{CredentialScope, SignatureError};

use crate::Api;
use crate::audit::{Attempt, Outcome, Unwritten};
use crate::callers::Unauthenticated;
use crate::facts;
use crate::query::form::Form;
use crate::query::xml::Xml;
use crate::request_id::RequestId;
use crate::request_log::Cause;
use crate::router::Response;

const CONTENT_TYPE: &str = "application/x-www-form-urlencoded";

/// Which API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Service {
    Iam,
    Sts,
}

impl Service {
    /// Its signing name.
    fn name(self) -> &'static str {
        match self {
            Service::Iam => "iam",
            Service::Sts => "sts",
        }
    }

    fn namespace(self) -> &'static str {
        match self {
            Service::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Service::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
        }
    }
}

/// What an operation gets.
pub(crate) struct Asked<'a> {
    pub(crate) identities: &'a Identities,
    pub(crate) runtime: &'a Runtime,
    pub(crate) caller: &'a Caller,
    pub(crate) form: &'a Form,
    pub(crate) action: &'a str,
    /// What conditions of policies may ask of every request.
    pub(crate) facts: &'a Facts<'static>,
}

/// Why a request is answered with an error.
#[derive(Debug)]
pub(crate) struct Refused {
    code: &'static str,
    status: u16,
    message: String,
}

impl From<IdentityError> for Refused {
    fn from(error: IdentityError) -> Refused {
        let (code, status) = error.code();
        Refused { code, status, message: error.to_string() }
    }
}

impl From<SignatureError> for Refused {
    fn from(error: SignatureError) -> Refused {
        let (code, status, message) = match &error {
            SignatureError::Missing => {
                let message = "Request is missing Authentication Token".to_owned();
                ("MissingAuthenticationToken", 403, message)
            }
            SignatureError::Incomplete(message) => ("IncompleteSignature", 400, message.clone()),
            SignatureError::UnknownKey => ("InvalidClientTokenId", 403, error.to_string()),
            SignatureError::ExpiredToken => ("ExpiredToken", 403, error.to_string()),
            SignatureError::Invalid(message) => ("SignatureDoesNotMatch", 403, message.clone()),
        };
        Refused { code, status, message }
    }
}

impl From<Unwritten> for Refused {
    fn from(_: Unwritten) -> Refused {
        let message = Unwritten::MESSAGE.to_owned();
        Refused { code: "ServiceUnavailable", status: 503, message }
    }
}

impl From<Unauthenticated> for Refused {
    fn from(error: Unauthenticated) -> Refused {
        match error {
            Unauthenticated::Signature(error) => error.into(),
            Unauthenticated::Store(error) => IdentityError::from(error).into(),
        }
    }
}

/// Whether the request is of the Query protocol.
pub(crate) fn speaks(parts: &Parts) -> bool {
    let content_type = parts.headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok());
    let media_type = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    media_type.trim().eq_ignore_ascii_case(CONTENT_TYPE)
}

/// Whether it is a request that was signed in its query, to be sent by somebody else.
/// See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>.
pub(crate) fn is_presigned(parts: &Parts) -> bool {
    let query = parts.uri.query().unwrap_or_default();
    Form::parse(query.as_bytes())
        .is_some_and(|form| form.get("Action").is_some() && form.get("X-Amz-Signature").is_some())
}

/// Answers a request of the Query protocol.
pub(crate) async fn answer(api: &Api, parts: &Parts, body: &[u8]) -> Response {
    let request_id = RequestId::of(parts).to_string();
    let form = match parts.method {
        Method::GET => Form::parse(parts.uri.query().unwrap_or_default().as_bytes()),
        _ => Form::parse(body),
    };
    let form = form.unwrap_or_default();
    let service = service(parts, &form);
    let (status, text, cause) = match call(api, parts, body, &form, service).await {
        Ok(result) => {
            let action = form.get("Action").unwrap_or_default();
            (200, success(service, action, &result, &request_id), None)
        }
        Err(refused) => {
            let (status, text) = (refused.status, failure(service, &refused, &request_id));
            (status, text, (status >= 500).then_some(Cause(refused.message)))
        }
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = StatusCode::from_u16(status).expect("the table has valid ones");
    if let Some(cause) = cause {
        response.extensions_mut().insert(cause);
    }
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml"));
    response
}

/// The signing name tells; of an unsigned request the version of the API.
fn service(parts: &Parts, form: &Form) -> Service {
    match CredentialScope::of(parts) {
        Some(scope) if scope.service == "sts" => Service::Sts,
        Some(scope) if scope.service == "iam" => Service::Iam,
        Some(_) | None if form.get("Version") == Some("2011-06-15") => Service::Sts,
        Some(_) | None => Service::Iam,
    }
}

async fn call(
    api: &Api,
    parts: &Parts,
    body: &[u8],
    form: &Form,
    service: Service,
) -> Result<String, Refused> {
    let invalid = |action: &str| Refused {
        code: "InvalidAction",
        status: 400,
        message: format!("Could not find operation {action} for version {}", {
            form.get("Version").unwrap_or("NO_VERSION_SPECIFIED")
        }),
    };
    let action = form.get("Action").unwrap_or_default();
    // Whoever is not known may send anything.
    let is_name = |byte: u8| byte.is_ascii_alphanumeric();
    if action.len() > ACTION_BYTES_MAX || !action.bytes().all(is_name) {
        return Err(invalid(&action.chars().take(ACTION_BYTES_MAX).collect::<String>()));
    }
    let mut attempt = Attempt::of_request(&api.audit, service.name(), action, parts);
    let result = attempted(api, parts, body, form, service, &mut attempt).await;
    let outcome = match &result {
        // There is nothing that could be done.
        Ok(None) => return Err(invalid(action)),
        Ok(Some(_)) => Outcome::Done,
        Err(Refused { code, message, .. }) => Outcome::Refused(code, message),
    };
    attempt.end(outcome).await;
    result.map(|result| result.expect("an action that is not there was refused"))
}

/// Does what is asked; nothing where there is no such action.
async fn attempted(
    api: &Api,
    parts: &Parts,
    body: &[u8],
    form: &Form,
    service: Service,
    attempt: &mut Attempt<'_>,
) -> Result<Option<String>, Refused> {
    let Some(identities) = api.callers.identities() else { return Ok(None) };
    let authenticated = api.callers.authenticate(&api.accounts, parts, body, service.name()).await;
    let (caller, scope) = authenticated.inspect_err(|why| attempt.is_refused_by(why))?;
    attempt.is_by(&caller, &scope);
    // A link may be put before anybody: only who signed it is asked.
    if matches!(caller, Caller::Trusted { .. }) && parts.method == Method::GET {
        return Err(SignatureError::UnknownKey.into());
    }
    let now = api.runtime.now();
    let facts = &facts::of(parts, &scope.region, now);
    let action = form.get("Action").unwrap_or_default();
    let (runtime, caller) = (&api.runtime, &caller);
    let asked = Asked { identities, runtime, caller, form, action, facts };
    match service {
        Service::Iam => iam::call(&asked, attempt).await,
        Service::Sts => sts::call(&asked, attempt).await,
    }
}

/// The longest names of operations have half of that.
const ACTION_BYTES_MAX: usize = 128;

fn success(service: Service, action: &str, result: &str, request_id: &str) -> String {
    let mut xml = Xml::default();
    let response = format!("{action}Response xmlns=\"{}\"", service.namespace());
    xml.element(&response, |xml| {
        // The only operation with a result that has nothing in it.
        if !result.is_empty() || action == "UpdateRole" {
            xml.element(&format!("{action}Result"), |xml| xml.push_written(result));
        }
        xml.element("ResponseMetadata", |xml| xml.text("RequestId", request_id));
    });
    xml.finish()
}

fn failure(service: Service, refused: &Refused, request_id: &str) -> String {
    let mut xml = Xml::default();
    xml.element(&format!("ErrorResponse xmlns=\"{}\"", service.namespace()), |xml| {
        xml.element("Error", |xml| {
            xml.text("Type", if refused.status < 500 { "Sender" } else { "Receiver" });
            xml.text("Code", refused.code);
            xml.text("Message", &refused.message);
        });
        xml.text("RequestId", request_id);
    });
    xml.finish()
}
