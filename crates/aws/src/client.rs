//! The client.

mod credentials;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::SystemTime;

use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use json::{Object, Value};
use md5::{Digest, Md5};
use parking_lot::Mutex;
use service_model::{
    EndpointVariant, Operation, Parameters, Protocol, Service, ShapeKind, Signature,
};

use crate::call::Assume;
use crate::checksum;
use crate::codec::{self, Fault, Unwritable, WireRequest};
use crate::credentials::{Assumed, ProfileSettings, Source};
use crate::endpoint::Place;
use crate::http::HttpLimits;
use crate::sign::{self, add_signature};
use crate::{
    Answer, Call, CallError, CredentialChain, EndpointError, Endpoints, Environment, HttpAnswer,
    HttpClient, HttpError, Proxies, ProxyError, Reach,
};

/// What the owner of a Kubernetes token is asked of STS by.
const IDENTITY_QUERY: &str = "?Action=GetCallerIdentity&Version=2011-06-15";

/// How many roles are remembered at most; then all are forgotten.
const ROLES_MAX: usize = 1_000;

/// What a client needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The endpoints that are not AWS's own.
    pub endpoints: Endpoints,
    /// Where credentials come from.
    pub credentials: Arc<CredentialChain>,
    /// What sends requests to services.
    pub http: HttpClient,
    /// What sends requests to URLs that tasks name.
    pub urls: HttpClient,
}

/// Why variables make no settings.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SettingsError {
    /// One of them should be an endpoint.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// One of them should be a proxy.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The file of more certificates cannot be read: its path, and why.
    #[error("the certificates to trust in {0} cannot be read: {1}")]
    Certificates(String, String),
}

impl Settings {
    /// What environment variables and the profile that they name say: endpoints, credentials,
    /// proxies, and the file of more certificates to trust (`AWS_CA_BUNDLE`, `ca_bundle`). URLs of
    /// tasks have public addresses. Reads the shared files, and blocks while it does.
    ///
    /// # Errors
    /// Where one of them holds no URL or boolean, or the certificates cannot be read.
    pub fn of(variables: &BTreeMap<String, String>) -> Result<Settings, SettingsError> {
        let environment = Environment::of(variables.clone());
        let settings = ProfileSettings::read(&environment);
        let endpoints = Endpoints::of(variables, &settings)?;
        let bundle = variables.get("AWS_CA_BUNDLE").map(String::as_str);
        let bundle = bundle.filter(|path| !path.is_empty()).or(settings.profile.get("ca_bundle"));
        let bundle = bundle.map(|path| {
            let read = std::fs::read(path);
            read.map_err(|error| SettingsError::Certificates(path.to_owned(), error.to_string()))
        });
        let http = HttpClient::new(bundle.transpose()?.as_deref(), Proxies::of(variables)?);
        // The metadata of instances and containers is on the machine's own link.
        let own = http.without_proxies().reaching(Reach::Anything);
        let credentials = CredentialChain::new(environment, own);
        let urls = http.reaching(Reach::Urls { private: false });
        Ok(Settings { endpoints, credentials, http, urls })
    }
}

/// A client of all of AWS's services. Clones share connections and credentials.
#[derive(Clone, Debug)]
pub struct Client {
    shared: Arc<Shared>,
}

/// What was assumed, by role and external id.
type AssumedRoles = BTreeMap<(String, Option<String>), Arc<Assumed>>;

#[derive(Debug)]
struct Shared {
    settings: Settings,
    roles: Mutex<AssumedRoles>,
    /// The source of the process's own credentials, and what it gave.
    own: Mutex<Option<(Source, Arc<Assumed>)>>,
}

impl Answer {
    /// What is answered to a call.
    ///
    /// # Errors
    /// Where the service refuses, or the answer is not what its model says.
    pub fn read(call: &Call<'_>, answer: HttpAnswer) -> Result<Answer, CallError> {
        if let Some(refusal) = refused(call.service, &answer) {
            return Err(CallError::Refused(Box::new(refusal)));
        }
        let result = codec::result(call, &answer);
        let result = result.map_err(|error| CallError::Client(error.to_string()))?;
        let header = |names: &[&str]| names.iter().find_map(|name| answer.header(name));
        let request_id = header(&["x-amzn-requestid", "x-amz-request-id", "x-amz-requestid"]);
        let request_id = request_id.map(str::to_owned);
        let in_body = || Fault::of_xml(&answer.body).request_id;
        Ok(Answer {
            result,
            status: answer.status.as_u16(),
            request_id: request_id.or_else(in_body).unwrap_or_default(),
            headers: answer.headers,
        })
    }
}

impl Client {
    /// A client with these settings.
    pub fn new(settings: Settings) -> Client {
        Client {
            shared: Arc::new(Shared { settings, roles: Mutex::default(), own: Mutex::default() }),
        }
    }

    /// What sends its requests, for calls that are written by hand and for URLs that are
    /// configured.
    pub fn http(&self) -> &HttpClient {
        &self.shared.settings.http
    }

    /// What sends requests to URLs that tasks name.
    pub fn urls(&self) -> &HttpClient {
        &self.shared.settings.urls
    }

    /// The endpoints that are not AWS's own.
    pub fn endpoints(&self) -> &Endpoints {
        &self.shared.settings.endpoints
    }

    /// Calls an operation. One request is sent, and none again.
    ///
    /// # Errors
    /// Where the parameters do not fit, there is no answer, or the service refuses.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, CallError> {
        let answer = self.call_raw(call).await?;
        Answer::read(&call, answer)
    }

    async fn call_raw(&self, call: Call<'_>) -> Result<HttpAnswer, CallError> {
        let request = self.request(&call).await?;
        let limits =
            HttpLimits { patience: call.patience, answer_bytes_max: call.answer_bytes_max };
        self.http().send(request, limits).await.map_err(|error| match error {
            HttpError::TooLong(bytes) => CallError::TooLong(bytes),
            HttpError::Broken(reason) => CallError::Client(reason),
            HttpError::Late => CallError::Client(error.to_string()),
        })
    }

    /// Calls an operation, and gives the answer as soon as its head is there, refusals too.
    pub(crate) async fn open(&self, call: Call<'_>) -> Result<Response<Incoming>, CallError> {
        let request = self.request(&call).await?;
        let opened = self.http().open(request).await;
        opened.map_err(|error| CallError::Client(error.to_string()))
    }

    /// What the service refused with.
    pub(crate) fn refusal_of(&self, service: &'static Service, answer: &HttpAnswer) -> CallError {
        let refusal = refused(service, answer).unwrap_or_else(|| codec::refusal(service, answer));
        CallError::Refused(Box::new(refusal))
    }

    async fn request(&self, call: &Call<'_>) -> Result<Request<Bytes>, CallError> {
        check_spoken(call.service)?;
        let parameters = parameters(call)?;
        let mut wire = codec::request(call, &parameters)?;
        checksum::add(call, &mut wire);
        let target = self.target(call, &parameters)?;
        self.signed(call, wire, &target).await
    }

    async fn signed(
        &self,
        call: &Call<'_>,
        wire: WireRequest,
        target: &Place,
    ) -> Result<Request<Bytes>, CallError> {
        let path = if target.is_own { own_path(call, &wire) } else { wire.path_and_query.clone() };
        let unsent = |reason: String| CallError::Client(reason);
        let mut request = Request::builder()
            .method(wire.method.as_str())
            .uri(format!("{}{path}", target.url))
            .header("user-agent", concat!("stairwell/", env!("CARGO_PKG_VERSION")));
        if call.operation.needs_checksum {
            let digest = Md5::digest(&wire.body);
            let digest = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, digest);
            request = request.header("content-md5", digest);
        }
        if call.service.name == "apigateway" {
            request = request.header("accept", "application/json");
        }
        for (name, value) in &wire.headers {
            request = request.header(name.as_str(), value.as_str());
        }
        let mut request = request.body(wire.body).map_err(|error| unsent(error.to_string()))?;
        if call.operation.is_anonymous {
            return Ok(request);
        }
        let credentials =
            self.credentials(call.role, (call.account, call.region), target.is_plain()).await?;
        let scope = sign::Scope {
            service: &target.signing_name,
            region: &target.region,
            signature: call.service.signature,
        };
        add_signature(&mut request, &credentials, scope, SystemTime::now())
            .map_err(|error| unsent(error.to_string()))?;
        Ok(request)
    }

    /// Signs a request that is written by hand, for a service, an account and a region.
    ///
    /// # Errors
    /// Where there are no credentials.
    pub async fn sign(
        &self,
        request: &mut Request<Bytes>,
        service: &'static Service,
        (account, region): (&str, &str),
        role: Option<&Assume<'_>>,
    ) -> Result<(), CallError> {
        let is_plain = request.uri().scheme_str() == Some("http");
        let credentials = self.credentials(role, (account, region), is_plain).await?;
        let (name, signature) = (&service.signing_name, service.signature);
        let scope = sign::Scope { service: name, region, signature };
        add_signature(request, &credentials, scope, SystemTime::now())
            .map_err(|error| CallError::Client(error.to_string()))
    }

    /// What proves to the Kubernetes API of a cluster of EKS who calls: a request to STS, signed in
    /// its URL, which the cluster makes.
    /// See <https://github.com/kubernetes-sigs/aws-iam-authenticator>.
    ///
    /// # Errors
    /// Where there are no credentials.
    pub async fn kubernetes_token(
        &self,
        cluster: &str,
        (account, region): (&str, &str),
        role: Option<&Assume<'_>>,
        is_plain: bool,
    ) -> Result<String, CallError> {
        let credentials = self.credentials(role, (account, region), is_plain).await?;
        let unsent = |error: &dyn std::error::Error| CallError::Client(error.to_string());
        let sts = service_model::service("sts").expect("there is a model of STS");
        // The cluster knows STS by this name, whichever endpoint is configured here.
        let place = sts.endpoint(None, region, EndpointVariant::default());
        let host = place.expect("STS is in every region").place;
        let mut request = Request::get(format!("https://{host}/{IDENTITY_QUERY}"))
            .header("x-k8s-aws-id", cluster)
            .body(Bytes::new())
            .map_err(|error| unsent(&error))?;
        let scope = sign::Scope { service: "sts", region, signature: Signature::V4 };
        sign::add_signature_to_url(&mut request, &credentials, scope, SystemTime::now())
            .map_err(|error| unsent(&error))?;
        let url = request.uri().to_string();
        let encoded = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, url);
        Ok(format!("k8s-aws-v1.{encoded}"))
    }

    fn target(&self, call: &Call<'_>, parameters: &Object) -> Result<Place, CallError> {
        let mut place = self.endpoints().place(call.service, Some(call.operation), call.region)?;
        if let (true, Some(host)) = (place.is_own, place.url.strip_prefix("https://")) {
            let prefix = host_prefix(call.service, call.operation, parameters)?.unwrap_or_default();
            let bucket = bucket_in_host(call.service, parameters);
            let bucket = bucket.map(|bucket| format!("{bucket}.")).unwrap_or_default();
            place.url = format!("https://{bucket}{prefix}{host}");
        }
        Ok(place)
    }
}

/// Refuses what only speaks what is not spoken here.
fn check_spoken(service: &Service) -> Result<(), CallError> {
    let Some(what) = service.unspoken() else { return Ok(()) };
    let message = format!("{} {what}, which this version of Stairwell does not have", service.id);
    Err(CallError::Unsupported(message))
}

/// The parameters, once they are found to fit, with a token against being carried out twice.
fn parameters(call: &Call<'_>) -> Result<Object, CallError> {
    let unfit = Parameters::KNOWN.check(call.service, call.operation, call.parameters);
    if !unfit.is_empty() {
        return Err(CallError::Unfit(unfit));
    }
    let mut parameters = call.parameters.as_object().cloned().unwrap_or_default();
    let input = call.operation.input.map(|input| &call.service.shape(input).kind);
    if let Some(ShapeKind::Structure(members)) = input {
        for member in members.members.iter().filter(|member| member.is_idempotency_token) {
            let given = |(name, value): (&Arc<str>, &Value)| {
                let found = members.parameter(name);
                !value.is_null() && found.is_some_and(|found| found.name == member.name)
            };
            if !parameters.iter().any(given) {
                parameters.insert(member.parameter.as_str(), call.idempotency_token);
            }
        }
    }
    Ok(parameters)
}

/// What the service refused with; none where it did not. An error of S3 may come with status 200.
fn refused(service: &'static Service, answer: &HttpAnswer) -> Option<crate::Refusal> {
    let is_hidden = || {
        service.protocol == Protocol::RestXml
            && answer.body.len() < 4_096
            && codec::Element::parse(&answer.body).is_ok_and(|root| root.name == "Error")
    };
    if answer.status.is_success() && !is_hidden() {
        return None;
    }
    let mut refusal = codec::refusal(service, answer);
    if answer.status.is_redirection() && refusal.message.is_empty() {
        let to = answer.header("location").unwrap_or("nowhere");
        refusal.message =
            format!("The service answered with a redirect to {to}, which is not followed");
    }
    Some(refusal)
}

/// What the host begins with, for operations that say so.
fn host_prefix(
    service: &Service,
    operation: &Operation,
    parameters: &Object,
) -> Result<Option<String>, CallError> {
    let (Some(prefix), Some(input)) = (&operation.host_prefix, operation.input) else {
        return Ok(None);
    };
    let ShapeKind::Structure(members) = &service.shape(input).kind else { return Ok(None) };
    let mut prefix = prefix.clone();
    for member in members.members.iter().filter(|member| member.is_host_label) {
        let value = parameters.get(&member.parameter).and_then(Value::as_str).unwrap_or_default();
        // Anything else would be another host than the service's.
        let is_label = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if value.is_empty() || value.len() > 63 || !value.bytes().all(is_label) {
            let name = member.parameter.clone();
            return Err(Unwritable { name, expected: "a part of a host's name" }.into());
        }
        prefix = prefix.replace(&format!("{{{}}}", member.name), value);
    }
    Ok(Some(prefix))
}

/// The bucket that is part of the host's name at S3 itself. One that cannot be stays in the path.
fn bucket_in_host<'a>(service: &Service, parameters: &'a Object) -> Option<&'a str> {
    let bucket = parameters.get("Bucket").and_then(Value::as_str)?;
    let is_label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (service.name == "s3" && bucket.bytes().all(is_label)).then_some(bucket)
}

/// The path at S3 itself, where the bucket is part of the host's name.
fn own_path(call: &Call<'_>, wire: &WireRequest) -> String {
    let none = Object::new();
    let parameters = call.parameters.as_object().unwrap_or(&none);
    let path = match bucket_in_host(call.service, parameters) {
        Some(bucket) => {
            let path = wire.path_and_query.strip_prefix('/').unwrap_or_default();
            path.strip_prefix(bucket).unwrap_or(path)
        }
        None => wire.path_and_query.as_str(),
    };
    if path.starts_with('/') { path.to_owned() } else { format!("/{path}") }
}
