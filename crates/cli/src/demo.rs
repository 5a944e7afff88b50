//! `stairwell demo`: nested executions, step by step, on a real server.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use api::{Accounts, Throttling};
use runtime::Retention;
use serde_json::{Value, json};

use crate::arguments::DemoArguments;
use crate::client::Client;
use crate::configuration::Settings;
use crate::objects::ObjectsAt;
use crate::peer_listener::PeerOptions;
use crate::quotas::Quotas;
use crate::security::Security;
use crate::serve::{self, EndSignals, Server};
use crate::storage::Storage;
use crate::{print, services, threads, words};

const PARENT: &str = include_str!("../../../examples/parent.asl.json");
const CHILD: &str = include_str!("../../../examples/child.asl.json");
const ROLE: &str = "arn:aws:iam::123456789012:role/stairwell-demo";
const INPUT: &str = r#"{"customer":"Ann","items":["cup","plate","spoon"]}"#;
const LOOK_AFTER: Duration = Duration::from_millis(50);

/// Starts a server, shows what it does, and serves until SIGINT or SIGTERM.
pub(crate) fn demo(arguments: &DemoArguments) -> anyhow::Result<ExitCode> {
    serve::log_to_standard_error("warn")?;
    threads::block_on(async {
        let end = EndSignals::watch()?;
        let folder = TemporaryFolder::create()?;
        let data = arguments.data.clone().unwrap_or_else(|| folder.0.join("data"));
        let aws = services::aws_client(None, None, None, false)?;
        let settings = Settings {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, arguments.port)),
            storage: Storage::Folder(data),
            peers: PeerOptions::default(),
            log: String::new(),
            accounts: Accounts::default(),
            aws: aws.clone(),
            log_executions: None,
            puts_status_events: false,
            objects: ObjectsAt::find(None, &aws)?,
            mock_config: None,
            functions: integrations::LocalFunctions::default(),
            connections: integrations::Connections::default(),
            retention: Retention::default(),
            express_history: None,
            throttling: Throttling::default(),
            quotas: Quotas::default(),
            security: Security::default(),
            key_file: None,
        };
        let server = Server::start(&settings).await?;
        server.announce()?;
        let demo = Demo { client: Client { address: server.address()? }, folder: &folder.0 };
        tokio::select! {
            () = server.run(end) => Ok(ExitCode::SUCCESS),
            error = demo.show_and_wait() => Err(error),
        }
    })?
}

/// A folder that goes when the demonstration ends.
struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    fn create() -> anyhow::Result<TemporaryFolder> {
        let name = format!("stairwell-demo-{}", uuid::Uuid::new_v4().simple());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).with_context(|| format!("cannot create {}", path.display()))?;
        Ok(TemporaryFolder(path))
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            eprintln!("stairwell: {} could not be removed: {error}", self.0.display());
        }
    }
}

struct Demo<'a> {
    client: Client,
    /// Where the definitions are put, so that the commands shown can be copied.
    folder: &'a Path,
}

impl Demo<'_> {
    /// Returns where something went wrong, and never else.
    async fn show_and_wait(&self) -> anyhow::Error {
        match self.show().await {
            Ok(()) => std::future::pending().await,
            Err(error) => error,
        }
    }

    async fn show(&self) -> anyhow::Result<()> {
        print::line("\nThe commands below do the same by hand. Before the first:")?;
        print::line(
            "  export AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any AWS_REGION=us-east-1",
        )?;

        print::line(
            "\n1. Two state machines: the parent has orders packed by executions of the child.",
        )?;
        self.create("child", CHILD).await?;
        let parent = self.create("parent", PARENT).await?;

        print::line("\n2. An execution of the parent starts.")?;
        self.say(format!("start-execution --state-machine-arn {parent} --input '{INPUT}'"))?;
        let start = json!({"stateMachineArn": parent, "input": INPUT});
        let started = self.client.call("StartExecution", &start).await?;
        let execution = text(&started, "executionArn")?;

        print::line("\n3. What it does, as it happens; the child takes a second.")?;
        self.say(format!("get-execution-history --execution-arn {execution}"))?;
        let events = self.watch(&execution).await?;

        print::line("\n4. What the child did meanwhile.")?;
        let child = started_by(&events).context("the parent started no execution")?;
        self.say(format!("get-execution-history --execution-arn {child}"))?;
        self.watch(&child).await?;

        print::line(
            "\n5. Each knows of the other: the parent's TaskSubmitted event names the child, and",
        )?;
        print::line("   the child's input names the parent.")?;
        self.say(format!("describe-execution --execution-arn {child} --query input"))?;
        let described = self.client.call("DescribeExecution", &arn(&child)).await?;
        print::line(format_args!("  {}", text(&described, "input")?))?;

        print::line("\n6. The outcome.")?;
        self.say(format!("describe-execution --execution-arn {execution}"))?;
        let described = self.client.call("DescribeExecution", &arn(&execution)).await?;
        let (status, output) = (text(&described, "status")?, text(&described, "output")?);
        print::line(format_args!("  {status}: {output}"))?;

        print::line("\nThe server goes on until Ctrl-C ends it.")?;
        Ok(())
    }

    async fn create(&self, name: &str, definition: &str) -> anyhow::Result<String> {
        let file = self.folder.join(format!("{name}.asl.json"));
        fs::write(&file, definition).with_context(|| format!("cannot write {}", file.display()))?;
        let file = file.display();
        self.say(format!(
            "create-state-machine --name {name} --role-arn {ROLE} --definition file://{file}"
        ))?;
        let creation = json!({"name": name, "definition": definition, "roleArn": ROLE});
        let created = self.client.call("CreateStateMachine", &creation).await?;
        text(&created, "stateMachineArn")
    }

    /// Tells the events of an execution until it has ended, and returns them.
    async fn watch(&self, execution: &str) -> anyhow::Result<Vec<Value>> {
        let mut told = 0;
        loop {
            let described = self.client.call("DescribeExecution", &arn(execution)).await?;
            // Its few events fit a page.
            let history = self.client.call("GetExecutionHistory", &arn(execution)).await?;
            let events = history["events"].as_array().context("no events")?;
            for event in &events[told..] {
                print::line(format_args!("  {}", words::line(event)))?;
            }
            told = events.len();
            if described["status"] != "RUNNING" {
                return Ok(events.clone());
            }
            tokio::time::sleep(LOOK_AFTER).await;
        }
    }

    fn say(&self, command: String) -> anyhow::Result<()> {
        let address = self.client.address;
        print::line(format_args!(
            "  $ aws stepfunctions {command} --endpoint-url http://{address}"
        ))?;
        Ok(())
    }
}

fn arn(execution: &str) -> Value {
    json!({"executionArn": execution})
}

fn text(answer: &Value, name: &str) -> anyhow::Result<String> {
    let text = answer[name].as_str().with_context(|| format!("the answer has no {name}"))?;
    Ok(text.to_owned())
}

/// The execution that a TaskSubmitted event names.
fn started_by(events: &[Value]) -> Option<String> {
    let submitted = events.iter().find(|event| event["type"] == "TaskSubmitted")?;
    let output = submitted["taskSubmittedEventDetails"]["output"].as_str()?;
    let output: Value = serde_json::from_str(output).ok()?;
    Some(output["ExecutionArn"].as_str()?.to_owned())
}
