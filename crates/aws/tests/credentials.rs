//! Where the client's own credentials come from, with a server that stands for whom it asks.

#![allow(clippy::unwrap_used)] // a test that cannot go on may panic

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use json::Value;
use stairwell_aws::{Assume, Call, Client, Names, Settings};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Mutex;

/// What a request may be told by, and what is answered to it.
type Answers = &'static [(&'static str, &'static str)];

/// A server that keeps the requests that it gets.
struct Server {
    url: String,
    got: Arc<Mutex<Vec<String>>>,
}

impl Server {
    async fn start(answers: Answers) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let got = Arc::<Mutex<Vec<String>>>::default();
        let kept = got.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                serve(stream, answers, &kept).await;
            }
        });
        Server { url, got }
    }

    async fn got(&self) -> Vec<String> {
        std::mem::take(&mut *self.got.lock().await)
    }
}

async fn serve(mut stream: TcpStream, answers: Answers, kept: &Mutex<Vec<String>>) {
    let mut request = Vec::new();
    loop {
        let mut buffer = [0; 8_192];
        let count = stream.read(&mut buffer).await.unwrap_or_default();
        request.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&request).to_lowercase();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            assert!(count > 0, "the request has no end");
            continue;
        };
        let length = head.split("content-length: ").nth(1).and_then(|it| it.lines().next());
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            break;
        }
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    let found = answers.iter().find(|(part, _)| text.contains(part));
    let (status, body) = found.map_or(("404 Not Found", ""), |(_, body)| ("200 OK", *body));
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n");
    kept.lock().await.push(text);
    let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
}

/// The answer of STS with the credentials of that key.
macro_rules! sts {
    ($action:literal, $key:literal) => {
        concat!(
            "<",
            $action,
            "Response><",
            $action,
            "Result><Credentials><AccessKeyId>",
            $key,
            "</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>",
            "<Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></",
            $action,
            "Result></",
            $action,
            "Response>"
        )
    };
}

const SERVICES: Answers = &[
    ("Action=AssumeRoleWithWebIdentity", sts!("AssumeRoleWithWebIdentity", "WEB")),
    ("role%2Fsecond", sts!("AssumeRole", "SECOND")),
    ("Action=AssumeRole", sts!("AssumeRole", "FIRST")),
    (
        "GET /federation/credentials",
        r#"{"roleCredentials":{"accessKeyId":"SSO",
        "secretAccessKey":"s","sessionToken":"t","expiration":32472144000000}}"#,
    ),
    ("POST /token", r#"{"accessToken":"new-token","expiresIn":3600,"refreshToken":"next"}"#),
    (
        "GET /container",
        r#"{"AccessKeyId":"CONTAINER","SecretAccessKey":"s","Token":"t",
        "Expiration":"2999-01-01T00:00:00Z"}"#,
    ),
    ("PUT /latest/api/token", "metadata-token"),
    (
        "GET /latest/meta-data/iam/security-credentials/role-of-instance",
        r#"{"AccessKeyId":
        "INSTANCE","SecretAccessKey":"s","Token":"t","Expiration":"2999-01-01T00:00:00Z"}"#,
    ),
    ("GET /latest/meta-data/iam/security-credentials/", "role-of-instance\n"),
    ("AmazonSQS.ListQueues", "{}"),
];

/// A folder that is HOME, and a server for everything.
struct World {
    home: TempDir,
    server: Server,
    variables: BTreeMap<String, String>,
}

impl World {
    async fn new(config: &str, credentials: &str) -> World {
        let home = TempDir::new().unwrap();
        fs::create_dir_all(home.path().join(".aws/sso/cache")).unwrap();
        fs::write(home.path().join(".aws/config"), config).unwrap();
        fs::write(home.path().join(".aws/credentials"), credentials).unwrap();
        let server = Server::start(SERVICES).await;
        let variables =
            [("HOME", home.path().to_str().unwrap()), ("AWS_ENDPOINT_URL", &server.url)];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        World { variables: variables.into(), home, server }
    }

    fn with(mut self, name: &str, value: &str) -> World {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    fn client(&self) -> Client {
        Client::new(Settings::of(&self.variables).unwrap())
    }

    /// The access key that a request is signed with, or why there is none.
    async fn key(&self, client: &Client, role: Option<&Assume<'_>>) -> String {
        let service = service_model::service("sqs").unwrap();
        let nothing = Value::from(json::Object::new());
        let called = client.call(Call {
            service,
            operation: service.operation("listQueues").unwrap(),
            parameters: &nothing,
            account: "123456789012",
            region: "eu-west-1",
            role,
            names: Names::Model,
            idempotency_token: "",
            patience: Duration::from_secs(10),
            answer_bytes_max: 10_000,
        });
        if let Err(error) = called.await {
            return error.to_string();
        }
        let got = self.server.got.lock().await;
        let signed = got.iter().rev().find(|it| it.contains("AmazonSQS.ListQueues")).unwrap();
        key_of(signed)
    }
}

fn key_of(request: &str) -> String {
    let credential = request.split("Credential=").nth(1).unwrap_or_default();
    credential.split('/').next().unwrap().to_owned()
}

const CONFIG: &str = "
[profile keys]
aws_access_key_id = PROFILE
aws_secret_access_key = s
[profile first]
role_arn = arn:aws:iam::1:role/first
source_profile = keys
duration_seconds = 900
role_session_name = me
[profile second]
role_arn = arn:aws:iam::2:role/second
source_profile = first
external_id = secret-handshake
[profile sso]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Reader
[sso-session corp]
sso_region = us-east-1
sso_start_url = https://corp.awsapps.com/start
[profile instance]
role_arn = arn:aws:iam::1:role/first
credential_source = Ec2InstanceMetadata
";

#[tokio::test]
async fn keys_of_the_environment_come_first() {
    let world = World::new(CONFIG, "[default]\naws_access_key_id = D\naws_secret_access_key = s\n");
    let world = world.await;
    assert_eq!(world.key(&world.client(), None).await, "D");
    let world = world.with("AWS_PROFILE", "keys");
    assert_eq!(world.key(&world.client(), None).await, "PROFILE");
    let world = world.with("AWS_ACCESS_KEY_ID", "ENV").with("AWS_SECRET_ACCESS_KEY", "s");
    assert_eq!(world.key(&world.client(), None).await, "ENV");
}

#[tokio::test]
async fn roles_are_assumed_one_after_the_other() {
    let world = World::new(CONFIG, "").await.with("AWS_PROFILE", "second");
    let client = world.client();
    assert_eq!(world.key(&client, None).await, "SECOND");
    let got = world.server.got().await;
    let [first, second, call] = got.as_slice() else { panic!("{got:#?}") };
    assert_eq!([first, second, call].map(|it| key_of(it)), ["PROFILE", "FIRST", "SECOND"]);
    assert!(first.contains("RoleSessionName=me&DurationSeconds=900"), "{first}");
    assert!(second.contains("ExternalId=secret-handshake"), "{second}");
    // They are kept.
    assert_eq!(world.key(&client, None).await, "SECOND");
    assert_eq!(world.server.got().await.len(), 1);
    // A task's role is assumed by them.
    let role = Assume { role_arn: "arn:aws:iam::3:role/task", external_id: None };
    assert_eq!(world.key(&client, Some(&role)).await, "FIRST");
    assert_eq!(key_of(&world.server.got().await[0]), "SECOND");
}

#[tokio::test]
async fn a_command_gives_credentials() {
    let command = |printed: &str| {
        format!("[default]\ncredential_process = echo run >> \"$HOME_OF_TEST\"/runs; {printed}\n")
    };
    let right = r#"echo '{"Version":1,"AccessKeyId":"PROCESS","SecretAccessKey":"s"}'"#;
    for (printed, expected) in [
        (right, "PROCESS"),
        ("echo '{\"Version\":2}'", "what it printed is not of Version 1"),
        ("echo '{\"Version\":1}'", "it printed no AccessKeyId and SecretAccessKey"),
        ("echo secret-text", "it printed no JSON"),
        ("exit 3", "it ended with exit status: 3"),
        (
            r#"echo '{"Version":1,"AccessKeyId":"P","SecretAccessKey":"s","Expiration":"soon"}'"#,
            "the Expiration that it printed is no instant",
        ),
    ] {
        let world = World::new("", "").await;
        let home = world.home.path().display().to_string();
        let text = command(printed).replace("\"$HOME_OF_TEST\"", &home);
        fs::write(world.home.path().join(".aws/config"), text).unwrap();
        let client = world.client();
        let found = world.key(&client, None).await;
        let wrong = format!("Unable to load credentials from credential_process: {expected}");
        assert!(found == expected || found == wrong, "{printed}: {found}");
        if expected == "PROCESS" {
            assert_eq!(world.key(&client, None).await, expected);
            let runs = fs::read_to_string(world.home.path().join("runs")).unwrap();
            assert_eq!(runs, "run\n", "they are kept");
        }
    }
}

/// Where `aws sso login` keeps what it got for the session `corp`: by its SHA-1.
fn token_file(world: &World) -> std::path::PathBuf {
    world.home.path().join(".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json")
}

#[tokio::test]
async fn a_token_of_sso_gives_credentials() {
    let world = World::new(CONFIG, "").await.with("AWS_PROFILE", "sso");
    let found = world.key(&world.client(), None).await;
    assert!(found.contains("there is no token; `aws sso login` gets one"), "{found}");
    let file = token_file(&world);
    fs::write(&file, r#"{"accessToken":"the-token","expiresAt":"2999-01-01T00:00:00UTC"}"#)
        .unwrap();
    assert_eq!(world.key(&world.client(), None).await, "SSO");
    let got = world.server.got().await;
    let asked = got.iter().find(|it| it.starts_with("GET /federation")).unwrap();
    assert!(asked.contains("role_name=Reader"), "{asked}");
    assert!(asked.contains("account_id=123456789012"), "{asked}");
    assert!(asked.contains("x-amz-sso_bearer_token: the-token"), "{asked}");
    fs::write(&file, r#"{"accessToken":"old-token","expiresAt":"2001-01-01T00:00:00Z"}"#).unwrap();
    let found = world.key(&world.client(), None).await;
    assert!(found.contains("the token has expired; `aws sso login` gets one"), "{found}");
    assert!(!found.contains("old-token"), "{found}");
}

#[tokio::test]
async fn a_token_of_sso_is_renewed() {
    use std::os::unix::fs::PermissionsExt;
    let world = World::new(CONFIG, "").await.with("AWS_PROFILE", "sso");
    let file = token_file(&world);
    let text = r#"{"startUrl":"https://corp.awsapps.com/start","accessToken":"old-token",
        "expiresAt":"2001-01-01T00:00:00Z","clientId":"client","clientSecret":"hush",
        "refreshToken":"refresh","registrationExpiresAt":"2999-01-01T00:00:00Z"}"#;
    fs::write(&file, text).unwrap();
    assert_eq!(world.key(&world.client(), None).await, "SSO");
    let got = world.server.got().await;
    let asked = got.iter().find(|it| it.starts_with("POST /token")).unwrap();
    assert!(asked.contains(r#""grantType":"refresh_token""#), "{asked}");
    assert!(asked.contains(r#""refreshToken":"refresh""#), "{asked}");
    assert!(got.iter().any(|it| it.contains("x-amz-sso_bearer_token: new-token")), "{got:#?}");
    let kept = json::parse(&fs::read_to_string(&file).unwrap()).unwrap();
    let text = |name: &str| kept.get(name).and_then(Value::as_str).unwrap().to_owned();
    assert_eq!(text("accessToken"), "new-token");
    assert_eq!(text("refreshToken"), "next");
    assert_eq!(text("startUrl"), "https://corp.awsapps.com/start");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    // The next process finds it there.
    assert_eq!(world.key(&world.client(), None).await, "SSO");
    assert!(world.server.got().await.iter().all(|it| !it.starts_with("POST /token")));
}

#[tokio::test]
async fn a_web_identity_a_container_and_an_instance_give_credentials() {
    let world = World::new(CONFIG, "").await;
    let token = world.home.path().join("token");
    fs::write(&token, "web-token\n").unwrap();
    let web = world
        .with("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap())
        .with("AWS_ROLE_ARN", "arn:aws:iam::1:role/web");
    assert_eq!(web.key(&web.client(), None).await, "WEB");
    let got = web.server.got().await;
    assert!(got[0].contains("WebIdentityToken=web-token&") || got[0].ends_with("=web-token"));
    assert!(!got[0].to_lowercase().contains("authorization:"), "it is not signed: {}", got[0]);

    let world = World::new(CONFIG, "").await;
    fs::write(world.home.path().join("token"), "container-token\n").unwrap();
    let file = world.home.path().join("token").display().to_string();
    let url = format!("{}/container", world.server.url);
    let container = world
        .with("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url)
        .with("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", &file);
    assert_eq!(container.key(&container.client(), None).await, "CONTAINER");
    let got = container.server.got().await;
    assert!(got[0].contains("authorization: container-token\r\n"), "{}", got[0]);
    let elsewhere = "http://container.example/credentials";
    let container = container.with("AWS_CONTAINER_CREDENTIALS_FULL_URI", elsewhere);
    let found = container.key(&container.client(), None).await;
    assert!(found.contains("neither an HTTPS URL nor one of this machine"), "{found}");

    let world = World::new(CONFIG, "").await;
    let url = world.server.url.clone();
    let instance =
        world.with("AWS_EC2_METADATA_SERVICE_ENDPOINT", &url).with("AWS_PROFILE", "instance");
    assert_eq!(instance.key(&instance.client(), None).await, "FIRST");
    let got = instance.server.got().await;
    assert!(got[1].contains("x-aws-ec2-metadata-token: metadata-token\r\n"), "{}", got[1]);
    assert_eq!(key_of(&got[3]), "INSTANCE");
}

#[tokio::test]
async fn a_stand_in_is_called_by_the_account_where_there_are_no_credentials() {
    let world = World::new("", "").await;
    assert_eq!(world.key(&world.client(), None).await, "123456789012");
    // What a profile says and cannot be is told.
    let world = world.with("AWS_PROFILE", "nobody");
    let found = world.key(&world.client(), None).await;
    assert!(found.contains("there is no profile 'nobody'"), "{found}");
}

#[tokio::test]
async fn the_profile_says_where_services_are() {
    let world = World::new("", "").await;
    let text = format!(
        "[default]\nservices = local\nendpoint_url = http://127.0.0.1:1\n[services local]\n\
         sqs =\n  endpoint_url = {}\n",
        world.server.url
    );
    fs::write(world.home.path().join(".aws/config"), text).unwrap();
    let mut variables = world.variables.clone();
    variables.remove("AWS_ENDPOINT_URL");
    let place = |variables: &BTreeMap<String, String>, service: &str| {
        let settings = Settings::of(variables).unwrap();
        let service = service_model::service(service).unwrap();
        settings.endpoints.place(service, None, "eu-west-1").map(|it| it.url)
    };
    assert_eq!(place(&variables, "sqs").unwrap(), world.server.url);
    assert_eq!(place(&variables, "sns").unwrap(), "http://127.0.0.1:1");
    variables.insert("AWS_ENDPOINT_URL".to_owned(), "http://127.0.0.1:2".to_owned());
    assert_eq!(place(&variables, "sqs").unwrap(), "http://127.0.0.1:2");
    variables.insert("AWS_ENDPOINT_URL_SQS".to_owned(), "http://127.0.0.1:3".to_owned());
    assert_eq!(place(&variables, "sqs").unwrap(), "http://127.0.0.1:3");
    variables.insert("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS".to_owned(), "true".to_owned());
    assert_eq!(place(&variables, "sqs").unwrap(), "https://sqs.eu-west-1.amazonaws.com");
    let fips = "[default]\nuse_fips_endpoint = true\nuse_dualstack_endpoint = true\n";
    fs::write(world.home.path().join(".aws/config"), fips).unwrap();
    assert_eq!(place(&variables, "sqs").unwrap(), "https://sqs-fips.eu-west-1.api.aws");
    variables.insert("AWS_USE_FIPS_ENDPOINT".to_owned(), "false".to_owned());
    assert_eq!(place(&variables, "sqs").unwrap(), "https://sqs.eu-west-1.api.aws");
    fs::write(world.home.path().join(".aws/config"), "[default]\nca_bundle = /nowhere\n").unwrap();
    let error = Settings::of(&variables).expect_err("there is no such file").to_string();
    assert!(error.starts_with("the certificates to trust in /nowhere cannot be read"), "{error}");
}
