//! `stairwell policy`: the least policy that a definition's tasks need, in the form of AWS's page.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/stepfunctions-iam.html>.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::bail;
use asl::WorkflowType;
use json::Value;
use serde_json::json;

use crate::arguments::PolicyArguments;
use crate::{input, print};

/// Resources by the actions that are needed on them.
type Needs = BTreeMap<Vec<String>, BTreeSet<String>>;

const RULE: &str = "rule/StepFunctionsGetEventsForStepFunctionsExecutionRule";

/// Prints the policy.
pub(crate) fn policy(arguments: &PolicyArguments) -> anyhow::Result<ExitCode> {
    let definition = input::read_file(&arguments.file)?;
    let analysis = asl::compile(&definition, WorkflowType::Standard);
    if analysis.program.is_none() {
        bail!("the definition has mistakes: stairwell validate tells them");
    }
    let mut needs = Needs::new();
    gather(&json::parse(&definition)?, &mut needs);
    let statements: Vec<_> = needs
        .into_iter()
        .map(|(actions, resources)| {
            json!({"Effect": "Allow", "Action": actions, "Resource": resources})
        })
        .collect();
    let policy = json!({"Version": "2012-10-17", "Statement": statements});
    print::line(format_args!("{policy:#}"))?;
    Ok(ExitCode::SUCCESS)
}

/// Every Task state, however deep.
fn gather(value: &Value, needs: &mut Needs) {
    match value {
        Value::Object(object) => {
            let resource = object.get("Resource").and_then(Value::as_str);
            let is_task = object.get("Type").and_then(Value::as_str) == Some("Task");
            if let Some(resource) = resource.filter(|_| is_task) {
                let arguments = object.get("Parameters").or(object.get("Arguments"));
                task(resource, arguments.unwrap_or(&Value::Null), needs);
            }
            object.iter().for_each(|(_, value)| gather(value, needs));
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, needs)),
        _ => {}
    }
}

fn task(resource: &str, arguments: &Value, needs: &mut Needs) {
    let mut need = |actions: &[&str], resource: String| {
        let actions = actions.iter().map(|action| (*action).to_owned()).collect();
        needs.entry(actions).or_default().insert(resource);
    };
    // What is known only when the task runs may be anything.
    let text = |name: &str| {
        let text = arguments.get(name).and_then(Value::as_str);
        text.filter(|text| !text.starts_with("{%")).map(str::to_owned)
    };
    if resource.contains(":function:") {
        return need(&["lambda:InvokeFunction"], resource.to_owned());
    }
    let Some((_, called)) = resource.split_once(":states:::") else { return };
    let (called, pattern) = called.split_once('.').unwrap_or((called, ""));
    let (service, action) = called.rsplit_once(':').unwrap_or((called, ""));
    match (service, action) {
        ("states", "startExecution") => {
            let machine = text("StateMachineArn").unwrap_or_else(|| "*".to_owned());
            if pattern.starts_with("sync") {
                let fields: Vec<&str> = machine.split(':').collect();
                let (executions, rule) = match *fields {
                    [arn, partition, _, region, account, _, name, ..] => (
                        format!("{arn}:{partition}:states:{region}:{account}:execution:{name}:*"),
                        format!("{arn}:{partition}:events:{region}:{account}:{RULE}"),
                    ),
                    _ => ("*".to_owned(), format!("arn:aws:events:*:*:{RULE}")),
                };
                need(&["states:DescribeExecution", "states:StopExecution"], executions);
                need(&["events:PutTargets", "events:PutRule", "events:DescribeRule"], rule);
            }
            need(&["states:StartExecution"], machine);
        }
        ("lambda", "invoke") => {
            let function = text("FunctionName").filter(|name| name.starts_with("arn:"));
            need(&["lambda:InvokeFunction"], function.unwrap_or_else(|| "*".to_owned()));
        }
        (service, action) => {
            let prefix = match service.strip_prefix("aws-sdk:") {
                Some(name) => service_model::service(name).map_or(name, |it| &*it.signing_name),
                None => service,
            };
            let (first, rest) = action.split_at_checked(1).unwrap_or_default();
            let action = format!("{prefix}:{}{rest}", first.to_ascii_uppercase());
            let names: &[&str] = match prefix {
                "states" => &["ExecutionArn", "StateMachineArn", "ActivityArn", "MapRunArn"],
                "sns" => &["TopicArn"],
                _ => &[],
            };
            let arn = names.iter().find_map(|name| text(name));
            need(&[&*action], arn.unwrap_or_else(|| "*".to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(resource: &str, expected: &[(&str, &str)]) {
        let machine = "arn:aws:states:us-east-1:123456789012:stateMachine:child";
        let definition = format!(
            r#"{{"StartAt":"A","States":{{"A":{{"Type":"Task","End":true,"Resource":
            "arn:aws:states:::{resource}","Parameters":{{"StateMachineArn":"{machine}"}}}}}}}}"#
        );
        let mut needs = Needs::new();
        gather(&json::parse(&definition).expect("JSON"), &mut needs);
        let told: Vec<(String, String)> = needs
            .into_iter()
            .map(|(actions, on)| (actions.join(" "), on.into_iter().collect::<Vec<_>>().join(" ")))
            .collect();
        let told: Vec<(&str, &str)> = told.iter().map(|(one, other)| (&**one, &**other)).collect();
        assert_eq!(told, expected, "{resource}");
    }

    #[test]
    fn each_pattern_needs_what_the_page_says() {
        let start =
            ("states:StartExecution", "arn:aws:states:us-east-1:123456789012:stateMachine:child");
        let describe = (
            "states:DescribeExecution states:StopExecution",
            "arn:aws:states:us-east-1:123456789012:execution:child:*",
        );
        let events = (
            "events:PutTargets events:PutRule events:DescribeRule",
            "arn:aws:events:us-east-1:123456789012:\
             rule/StepFunctionsGetEventsForStepFunctionsExecutionRule",
        );
        check("states:startExecution", &[start]);
        check("states:startExecution.waitForTaskToken", &[start]);
        check("states:startExecution.sync", &[events, describe, start]);
        check("states:startExecution.sync:2", &[events, describe, start]);
        check("aws-sdk:sfn:startSyncExecution", &[("states:StartSyncExecution", start.1)]);
        check("sqs:sendMessage", &[("sqs:SendMessage", "*")]);
    }
}
