//! `stairwell policy`: the least policy that a definition needs, in the form of AWS's pages.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/service-integration-iam-templates.html>
//! and <https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html>.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use asl::WorkflowType;
use json::{Object, Value};
use store::Scope;

use crate::arguments::PolicyArguments;
use crate::{input, policy_check, print};

/// What is allowed together: actions, on these resources. In the order of AWS's pages.
struct Statement {
    actions: Vec<String>,
    resources: BTreeSet<String>,
}

const RULE: &str = "StepFunctionsGetEventsForStepFunctionsExecutionRule";
const EVENTS: [&str; 3] = ["events:PutTargets", "events:PutRule", "events:DescribeRule"];

/// Prints the policy.
pub(crate) fn policy(arguments: &PolicyArguments) -> anyhow::Result<ExitCode> {
    if arguments.check {
        return policy_check::check(&input::read_file(&arguments.file)?);
    }
    let definition = input::read_file(&arguments.file)?;
    let analysis = asl::compile(&definition, WorkflowType::Standard);
    if analysis.program.is_none() {
        bail!("the definition has mistakes: stairwell validate tells them");
    }
    let mut needs = Needs::of(arguments.state_machine.as_deref())?;
    needs.gather(&json::parse(&definition)?);
    if arguments.logs {
        needs.add(&identity::LOG_DELIVERY, "*");
    }
    let statements: Vec<Value> = needs.statements.into_iter().map(Value::from).collect();
    let mut policy = Object::new();
    policy.insert("Version", "2012-10-17");
    policy.insert("Statement", statements);
    print::line(Value::from(policy).to_pretty_string())?;
    Ok(ExitCode::SUCCESS)
}

impl From<Statement> for Value {
    fn from(Statement { actions, resources }: Statement) -> Value {
        let texts = |texts: Vec<String>| texts.into_iter().map(Value::from).collect::<Vec<_>>();
        let mut statement = Object::new();
        statement.insert("Effect", "Allow");
        statement.insert("Action", texts(actions));
        statement.insert("Resource", texts(resources.into_iter().collect()));
        statement.into()
    }
}

/// What is needed, by a state machine of that scope and name; `*` is any.
struct Needs {
    scope: Scope,
    machine: String,
    statements: Vec<Statement>,
}

impl Needs {
    /// For the state machine of that ARN, or for any.
    fn of(state_machine_arn: Option<&str>) -> anyhow::Result<Needs> {
        let fields: Vec<&str> = state_machine_arn.unwrap_or_default().split(':').collect();
        let (region, account, machine) = match *fields {
            [""] => ("*", "*", "*"),
            ["arn", _, "states", region, account, "stateMachine", name, ..] => {
                (region, account, name)
            }
            _ => bail!("--state-machine is not the ARN of a state machine"),
        };
        let scope = Scope { account: Arc::from(account), region: Arc::from(region) };
        Ok(Needs { scope, machine: machine.to_owned(), statements: Vec::new() })
    }

    fn add(&mut self, actions: &[&str], resource: impl Into<String>) {
        let resource = resource.into();
        match self.statements.iter_mut().find(|statement| statement.actions == actions) {
            Some(statement) => drop(statement.resources.insert(resource)),
            None => self.statements.push(Statement {
                actions: actions.iter().map(|action| (*action).to_owned()).collect(),
                resources: [resource].into(),
            }),
        }
    }

    /// `arn:aws:states:<region>:<account>:<rest>`
    fn own_arn(&self, rest: &str) -> String {
        let Scope { account, region } = &self.scope;
        format!("arn:aws:states:{region}:{account}:{rest}")
    }

    fn add_events(&mut self, region: &str, account: &str, rule: &str) {
        self.add(&EVENTS, format!("arn:aws:events:{region}:{account}:rule/{rule}"));
    }

    /// Every state, however deep.
    fn gather(&mut self, value: &Value) {
        match value {
            Value::Object(object) => {
                match object.get("Type").and_then(Value::as_str) {
                    Some("Task") => self.task(object),
                    Some("Map") => self.map(object),
                    _ => {}
                }
                object.iter().for_each(|(_, value)| self.gather(value));
            }
            Value::Array(items) => items.iter().for_each(|item| self.gather(item)),
            _ => {}
        }
    }

    fn task(&mut self, state: &Object) {
        let Some(resource) = state.get("Resource").and_then(Value::as_str) else { return };
        if let Some(credentials) = state.get("Credentials") {
            // All else is asked of that role.
            let role = text(&known(credentials), "RoleArn").unwrap_or_else(|| "*".to_owned());
            return self.add(&["sts:AssumeRole"], role);
        }
        let arguments = arguments(state);
        if resource.contains(":function:") {
            return self.add(&["lambda:InvokeFunction"], resource);
        }
        let Some((_, called)) = resource.split_once(":states:::") else { return };
        let (called, pattern) = called.split_once('.').unwrap_or((called, ""));
        let (service, action) = called.rsplit_once(':').unwrap_or((called, ""));
        let waits = pattern.starts_with("sync");
        match (service, action) {
            ("states", "startExecution") => self.nested(&arguments, waits),
            ("lambda", "invoke") => {
                let function = text(&arguments, "FunctionName");
                let function = function.filter(|name| name.starts_with("arn:"));
                self.add(&["lambda:InvokeFunction"], function.unwrap_or_else(|| "*".to_owned()));
            }
            ("http", "invoke") => self.http(&arguments),
            ("apigateway", "invoke") => {
                if text(&arguments, "AuthType").as_deref() == Some("IAM_ROLE") {
                    self.add(&["execute-api:Invoke"], "*");
                }
            }
            _ => self.service(service, action, waits, &arguments),
        }
    }

    fn nested(&mut self, arguments: &Value, waits: bool) {
        // That of the machine stands for its versions and aliases.
        let machine = text(arguments, "StateMachineArn").unwrap_or_else(|| "*".to_owned());
        let machine = runtime::without_qualifier(&machine).0.to_owned();
        self.add(&["states:StartExecution"], machine.clone());
        if waits {
            const DESCRIBE: [&str; 2] = ["states:DescribeExecution", "states:StopExecution"];
            match *machine.split(':').collect::<Vec<_>>() {
                [arn, partition, _, region, account, _, name, ..] => {
                    let runs =
                        format!("{arn}:{partition}:states:{region}:{account}:execution:{name}:*");
                    self.add(&DESCRIBE, runs);
                    self.add_events(region, account, RULE);
                }
                _ => {
                    self.add(&DESCRIBE, "*");
                    self.add_events("*", "*", RULE);
                }
            }
        }
    }

    fn http(&mut self, arguments: &Value) {
        let machine = self.own_arn(&format!("stateMachine:{}", self.machine));
        self.add(&["states:InvokeHTTPEndpoint"], machine);
        let connection = arguments.get("Authentication").map(known);
        let connection = connection.and_then(|it| text(&it, "ConnectionArn"));
        self.add(
            &["events:RetrieveConnectionCredentials"],
            connection.unwrap_or_else(|| "*".to_owned()),
        );
        const SECRET: [&str; 2] =
            ["secretsmanager:GetSecretValue", "secretsmanager:DescribeSecret"];
        self.add(&SECRET, "arn:aws:secretsmanager:*:*:secret:events!connection/*");
    }

    fn service(&mut self, service: &str, action: &str, waits: bool, arguments: &Value) {
        let needs = integrations::task_permissions(service, action, waits, arguments, &self.scope);
        let Some(needs) = needs else { return };
        // Together what is done to the same; what the job is asked for may be any.
        let mut by_resource: Vec<(&str, Vec<&str>)> = Vec::new();
        let more = needs.more.iter().map(|permission| ("*", &*permission.action));
        let call = needs.call.iter();
        let call = call.map(|it| (it.resource.as_deref().unwrap_or("*"), &*it.action));
        for (resource, action) in call.chain(more) {
            match by_resource.iter_mut().find(|(there, _)| *there == resource) {
                Some((_, actions)) if actions.contains(&action) => {}
                Some((_, actions)) => actions.push(action),
                None => by_resource.push((resource, vec![action])),
            }
        }
        for (resource, actions) in by_resource {
            self.add(&actions, resource);
        }
        if let Some(rule) = needs.events_rule {
            let Scope { account, region } = self.scope.clone();
            self.add_events(&region, &account, rule);
        }
    }

    /// A Map state: in DISTRIBUTED mode it starts executions of its own state machine.
    fn map(&mut self, state: &Object) {
        let processor = state.get("ItemProcessor").and_then(|it| it.get("ProcessorConfig"));
        let mode = processor.and_then(|config| config.get("Mode")).and_then(Value::as_str);
        if mode != Some("DISTRIBUTED") {
            return;
        }
        let machine = self.machine.clone();
        self.add(&["states:StartExecution"], self.own_arn(&format!("stateMachine:{machine}")));
        self.add(
            &["states:DescribeExecution", "states:StopExecution"],
            self.own_arn(&format!("execution:{machine}:*")),
        );
        let children = self.own_arn(&format!("execution:{machine}/*:*"));
        self.add(&["states:RedriveExecution"], children);
        if let Some(reader) = state.get("ItemReader") {
            self.reader(reader);
        }
        if let Some(writer) = state.get("ResultWriter").filter(|it| it.get("Resource").is_some()) {
            const WRITE: [&str; 4] = [
                "s3:PutObject",
                "s3:GetObject",
                "s3:ListMultipartUploadParts",
                "s3:AbortMultipartUpload",
            ];
            let arguments = writer.as_object().map_or(Value::Null, arguments);
            let prefix = text(&arguments, "Prefix").unwrap_or_default();
            let prefix = prefix.strip_suffix('/').unwrap_or(&prefix);
            let slash = if prefix.is_empty() { "" } else { "/" };
            let all = in_bucket(&arguments, &format!("/{prefix}{slash}*"));
            self.add(&WRITE, all);
        }
    }

    fn reader(&mut self, reader: &Value) {
        let arguments = reader.as_object().map_or(Value::Null, arguments);
        let config = |name: &str| reader.get("ReaderConfig")?.get(name)?.as_str();
        let is_listing =
            reader.get("Resource").and_then(Value::as_str).is_some_and(|it| it.contains("list"));
        if is_listing {
            self.add(&["s3:ListBucket"], in_bucket(&arguments, ""));
            if config("Transformation") == Some("LOAD_AND_FLATTEN") {
                let prefix = text(&arguments, "Prefix").unwrap_or_default();
                self.add(&["s3:GetObject"], in_bucket(&arguments, &format!("/{prefix}*")));
            }
            return;
        }
        let is_manifest =
            config("InputType") == Some("MANIFEST") || config("ManifestType").is_some();
        let key = text(&arguments, "Key").filter(|_| !is_manifest);
        let is_version = arguments.get("VersionId").is_some();
        let action = if is_version { "s3:GetObjectVersion" } else { "s3:GetObject" };
        let key = key.unwrap_or_else(|| "*".to_owned());
        self.add(&[action], in_bucket(&arguments, &format!("/{key}")));
    }
}

/// The ARN of what is in the bucket that is named; of what is in any where none is.
fn in_bucket(arguments: &Value, rest: &str) -> String {
    format!("arn:aws:s3:::{}{rest}", text(arguments, "Bucket").as_deref().unwrap_or("*"))
}

/// `Parameters` or `Arguments`, as far as they are known.
fn arguments(object: &Object) -> Value {
    object.get("Parameters").or(object.get("Arguments")).map_or(Value::Null, known)
}

/// A value without what is known only when the state runs.
fn known(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let mut left = Object::new();
            for (name, value) in object.iter() {
                let is_expression = value.as_str().is_some_and(|text| text.starts_with("{%"));
                if !is_expression && !name.ends_with(".$") {
                    left.insert(name.clone(), known(value));
                }
            }
            left.into()
        }
        Value::Array(items) => Value::from(items.iter().map(known).collect::<Vec<_>>()),
        other => other.clone(),
    }
}

fn text(arguments: &Value, name: &str) -> Option<String> {
    arguments.get(name).and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: &str = "arn:aws:states:us-east-1:123456789012:stateMachine:m";

    fn check(states: &str, expected: &[(&str, &str)]) {
        for machine in [None, Some(MACHINE)] {
            let mut needs = Needs::of(machine).expect("an ARN");
            needs.gather(&json::parse(states).expect("JSON"));
            let told: Vec<(String, String)> = needs
                .statements
                .into_iter()
                .map(|Statement { actions, resources }| {
                    (actions.join(" "), resources.into_iter().collect::<Vec<_>>().join(" "))
                })
                .collect();
            let told: Vec<(&str, &str)> =
                told.iter().map(|(one, other)| (&**one, &**other)).collect();
            let (place, name) = match machine {
                None => ("*:*", "*"),
                Some(_) => ("us-east-1:123456789012", "m"),
            };
            let expected: Vec<(&str, String)> = expected
                .iter()
                .map(|(actions, on)| (*actions, on.replace("PLACE", place).replace("NAME", name)))
                .collect();
            let expected: Vec<(&str, &str)> =
                expected.iter().map(|(one, other)| (*one, &**other)).collect();
            assert_eq!(told, expected, "{states} {machine:?}");
        }
    }

    fn check_task(resource: &str, parameters: &str, expected: &[(&str, &str)]) {
        let state = format!(
            r#"{{"Type":"Task","Resource":"arn:aws:states:::{resource}","Parameters":{parameters}}}"#
        );
        check(&state, expected);
    }

    #[test]
    fn each_pattern_of_nested_executions_needs_what_the_page_says() {
        let child = "arn:aws:states:us-east-1:123456789012:stateMachine:child";
        let parameters = format!(r#"{{"StateMachineArn":"{child}"}}"#);
        let start = ("states:StartExecution", child);
        let describe = (
            "states:DescribeExecution states:StopExecution",
            "arn:aws:states:us-east-1:123456789012:execution:child:*",
        );
        let events = (
            "events:PutTargets events:PutRule events:DescribeRule",
            "arn:aws:events:us-east-1:123456789012:\
             rule/StepFunctionsGetEventsForStepFunctionsExecutionRule",
        );
        check_task("states:startExecution", &parameters, &[start]);
        check_task("states:startExecution.waitForTaskToken", &parameters, &[start]);
        check_task("states:startExecution.sync", &parameters, &[start, describe, events]);
        check_task("states:startExecution.sync:2", &parameters, &[start, describe, events]);
        check_task(
            "aws-sdk:sfn:startSyncExecution",
            &parameters,
            &[("states:StartSyncExecution", child)],
        );
    }

    #[test]
    fn a_policy_is_written_as_on_the_page() {
        let statement = Statement {
            actions: vec!["states:StartExecution".to_owned()],
            resources: ["arn:aws:states:r:1:stateMachine:m".to_owned()].into(),
        };
        let expected = r#"{"Effect":"Allow","Action":["states:StartExecution"],"Resource":["arn:aws:states:r:1:stateMachine:m"]}"#;
        assert_eq!(Value::from(statement).to_text(), expected);
    }

    #[test]
    fn each_service_needs_its_actions() {
        check_task("sns:publish", r#"{"TopicArn":"arn:t"}"#, &[("sns:Publish", "arn:t")]);
        check_task("sqs:sendMessage", r#"{"QueueUrl.$":"$.q"}"#, &[("sqs:SendMessage", "*")]);
        check_task("sqs:sendMessage", r#"{"QueueUrl":"{% $q %}"}"#, &[("sqs:SendMessage", "*")]);
        check_task(
            "aws-sdk:s3:getObject",
            r#"{"Bucket":"b","Key":"k"}"#,
            &[("s3:GetObject", "arn:aws:s3:::b/k")],
        );
        check_task(
            "aws-sdk:s3:listObjectsV2",
            r#"{"Bucket":"b"}"#,
            &[("s3:ListBucket", "arn:aws:s3:::b")],
        );
        check_task(
            "lambda:invoke",
            r#"{"FunctionName":"arn:aws:lambda:r:1:function:f"}"#,
            &[("lambda:InvokeFunction", "arn:aws:lambda:r:1:function:f")],
        );
        check_task(
            "http:invoke",
            r#"{"Authentication":{"ConnectionArn":"arn:c"}}"#,
            &[
                ("states:InvokeHTTPEndpoint", "arn:aws:states:PLACE:stateMachine:NAME"),
                ("events:RetrieveConnectionCredentials", "arn:c"),
                (
                    "secretsmanager:GetSecretValue secretsmanager:DescribeSecret",
                    "arn:aws:secretsmanager:*:*:secret:events!connection/*",
                ),
            ],
        );
        check(
            r#"{"Type":"Task","Resource":"arn:aws:states:::sns:publish",
                "Credentials":{"RoleArn":"arn:role"},"Parameters":{"TopicArn":"arn:t"}}"#,
            &[("sts:AssumeRole", "arn:role")],
        );
    }

    #[test]
    fn jobs_that_are_waited_for_are_asked_for_and_stopped() {
        let events = "events:PutTargets events:PutRule events:DescribeRule";
        check_task("batch:submitJob", "{}", &[("batch:SubmitJob", "*")]);
        check_task(
            "batch:submitJob.sync",
            "{}",
            &[
                ("batch:SubmitJob batch:DescribeJobs batch:TerminateJob", "*"),
                (events, "arn:aws:events:PLACE:rule/StepFunctionsGetEventsForBatchJobsRule"),
            ],
        );
        check_task(
            "ecs:runTask.sync",
            "{}",
            &[
                ("ecs:RunTask ecs:DescribeTasks ecs:StopTask", "*"),
                (events, "arn:aws:events:PLACE:rule/StepFunctionsGetEventsForECSTaskRule"),
            ],
        );
        check_task(
            "glue:startJobRun.sync",
            "{}",
            &[("glue:StartJobRun glue:GetJobRun glue:BatchStopJobRun", "*")],
        );
        check_task(
            "elasticmapreduce:modifyInstanceGroupByName",
            "{}",
            &[("elasticmapreduce:ModifyInstanceGroups elasticmapreduce:ListInstanceGroups", "*")],
        );
        check_task(
            "elasticmapreduce:createCluster.sync",
            "{}",
            &[
                (
                    "elasticmapreduce:RunJobFlow elasticmapreduce:DescribeCluster \
                     elasticmapreduce:TerminateJobFlows",
                    "*",
                ),
                (events, "arn:aws:events:PLACE:rule/StepFunctionsGetEventForEMRRunJobFlowRule"),
            ],
        );
    }

    #[test]
    fn a_distributed_map_starts_itself_and_touches_objects() {
        let map = |more: &str| {
            format!(
                r#"{{"Type":"Map","ItemProcessor":{{"ProcessorConfig":{{"Mode":"DISTRIBUTED"}},
                "States":{{}}}}{more}}}"#
            )
        };
        let start = ("states:StartExecution", "arn:aws:states:PLACE:stateMachine:NAME");
        let describe = (
            "states:DescribeExecution states:StopExecution",
            "arn:aws:states:PLACE:execution:NAME:*",
        );
        let redrive = ("states:RedriveExecution", "arn:aws:states:PLACE:execution:NAME/*:*");
        check(&map(""), &[start, describe, redrive]);
        check(r#"{"Type":"Map","ItemProcessor":{"ProcessorConfig":{"Mode":"INLINE"}}}"#, &[]);
        let write = "s3:PutObject s3:GetObject s3:ListMultipartUploadParts s3:AbortMultipartUpload";
        for (fields, actions, on) in [
            (
                r#""ItemReader":{"Resource":"arn:aws:states:::s3:getObject",
                "ReaderConfig":{"InputType":"CSV"},"Parameters":{"Bucket":"b","Key":"k.csv"}}"#,
                "s3:GetObject",
                "arn:aws:s3:::b/k.csv",
            ),
            (
                r#""ItemReader":{"Resource":"arn:aws:states:::s3:getObject",
                "ReaderConfig":{"InputType":"MANIFEST"},"Parameters":{"Bucket":"b","Key":"m"}}"#,
                "s3:GetObject",
                "arn:aws:s3:::b/*",
            ),
            (
                r#""ItemReader":{"Resource":"arn:aws:states:::s3:listObjectsV2",
                "Arguments":{"Bucket":"b","Prefix":"{% $p %}"}}"#,
                "s3:ListBucket",
                "arn:aws:s3:::b",
            ),
            (
                r#""ResultWriter":{"Resource":"arn:aws:states:::s3:putObject",
                "Parameters":{"Bucket":"b","Prefix":"out/"}}"#,
                write,
                "arn:aws:s3:::b/out/*",
            ),
            (
                r#""ResultWriter":{"Resource":"arn:aws:states:::s3:putObject",
                "Parameters":{"Bucket.$":"$.b"}}"#,
                write,
                "arn:aws:s3:::*/*",
            ),
        ] {
            let object = (actions, on);
            check(&map(&format!(",{fields}")), &[start, describe, redrive, object]);
        }
    }

    #[test]
    fn only_state_machines_have_policies() {
        assert!(Needs::of(Some("arn:aws:states:r:1:activity:a")).is_err());
        assert!(Needs::of(Some("m")).is_err());
    }
}
