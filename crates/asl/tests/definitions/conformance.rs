//! Every definition of the recordings, when they are at hand.

use std::fs;
use std::path::{Path, PathBuf};

use ::json::Value;
use asl::{Analysis, Code, Diagnostic, Severity, WorkflowType, compile, diagnostics_message};

/// A definition that was sent to AWS.
struct Sent {
    definition: Value,
    workflow_type: WorkflowType,
    /// Whether it is a state alone, as TestState takes it.
    is_state: bool,
    /// AWS's message, where it refused the definition and the message is known.
    refusal: Option<Option<String>>,
}

#[test]
fn definitions_that_aws_knows() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/conformance/cases");
    if !cases.is_dir() {
        println!("skipped: there are no recordings at {}", cases.display());
        return;
    }
    let mut files = Vec::new();
    list(&cases, &mut files);
    let (mut accepted, mut later, mut refused, mut wrong) = (0, 0, 0, Vec::new());
    for file in files {
        let text = fs::read_to_string(&file).expect("a case can be read");
        let case = ::json::parse(&text).expect("a case is JSON");
        for sent in sent(&case) {
            let analysis = compile(&prepare(&sent), sent.workflow_type);
            match judge(&sent, &analysis) {
                Verdict::Accepted => accepted += 1,
                Verdict::Later => later += 1,
                Verdict::Refused => refused += 1,
                Verdict::Wrong(why) => wrong.push(format!("{}: {why}", file.display())),
            }
        }
    }
    println!("{accepted} accepted, {refused} refused as by AWS, {later} use what is to come");
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(accepted > 0, "there are recordings, and none was understood");
}

enum Verdict {
    Accepted,
    /// Only refused because of what this version does not have.
    Later,
    Refused,
    Wrong(String),
}

fn judge(sent: &Sent, analysis: &Analysis) -> Verdict {
    let errors: Vec<&Diagnostic> = analysis
        .diagnostics
        .iter()
        .filter(|found| found.severity == Severity::Error)
        .filter(|found| !(sent.is_state && is_about_the_way(found.code)))
        .collect();
    let message = diagnostics_message(&analysis.diagnostics);
    match &sent.refusal {
        Some(None) if !errors.is_empty() => Verdict::Refused,
        Some(Some(expected)) if expected.contains(&message) => Verdict::Refused,
        Some(expected) => Verdict::Wrong(format!("AWS said {expected:?}, here {message}")),
        None if errors.is_empty() => Verdict::Accepted,
        None if errors.iter().all(|found| is_to_come(found)) => Verdict::Later,
        None => Verdict::Wrong(message),
    }
}

fn is_about_the_way(code: Code) -> bool {
    matches!(code, Code::MissingTransitionTarget | Code::MissingEndState)
}

fn is_to_come(found: &Diagnostic) -> bool {
    found.message.contains("is not supported by this version of Stairwell")
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            list(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
}

/// All definitions that a case sends: its own, those of its runs, and those of its steps.
fn sent(case: &Value) -> Vec<Sent> {
    let list = |name: &str| case.get(name).and_then(Value::as_array).unwrap_or_default();
    let none = Value::Null;
    let expect = case.get("expect");
    if expect.and_then(Value::as_object).is_some_and(|expect| expect.is_empty()) {
        // Nothing is known of what became of it.
        return Vec::new();
    }
    let mut all: Vec<Option<Sent>> = vec![sent_with(case, expect, &none)];
    all.extend(list("runs").iter().map(|run| sent_with(run, None, &none)));
    all.extend(list("steps").iter().map(|step| {
        let call = step.get("call").unwrap_or(&none);
        sent_with(step.get("params")?, step.get("expect"), call)
    }));
    all.into_iter().flatten().collect()
}

fn sent_with(params: &Value, expect: Option<&Value>, call: &Value) -> Option<Sent> {
    let definition = params.get("definition")?;
    let definition = match definition.get("$json").unwrap_or(definition) {
        Value::String(text) => ::json::parse(text).ok()?,
        other => other.clone(),
    };
    let expect = expect.map(|expect| expect.get("error").unwrap_or(expect));
    let error = expect.and_then(|expect| expect.get("Error").or(Some(expect)));
    let of_error = |name: &str| error.and_then(|error| error.get(name)?.as_str());
    let message = of_error("Message").map(str::to_owned);
    let is_refused = of_error("Code") == Some("InvalidDefinition");
    let failed_validation = of_error("result") == Some("FAIL");
    let is_state = call.as_str() == Some("TestState");
    if is_state && is_refused && !message.as_ref()?.starts_with("Invalid State Machine") {
        // About what the operation can do, not about the definition.
        return None;
    }
    let is_express = params.get("type").and_then(Value::as_str) == Some("EXPRESS");
    Some(Sent {
        definition,
        workflow_type: if is_express { WorkflowType::Express } else { WorkflowType::Standard },
        is_state,
        refusal: (is_refused || failed_validation).then_some(message),
    })
}

/// The text, with something sensible for each placeholder.
fn prepare(sent: &Sent) -> String {
    let is_alone = sent.is_state && sent.definition.get("States").is_none();
    let text = sent.definition.to_string();
    let text = if is_alone {
        format!(r#"{{"StartAt":"StateName","States":{{"StateName":{text}}}}}"#)
    } else {
        text
    };
    let mut prepared = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}').expect("placeholders are closed");
        prepared.push_str(before);
        prepared.push_str(match name {
            "region" => "us-east-1",
            "account" => "123456789012",
            _ if name.ends_with("activityArn") => {
                "arn:aws:states:us-east-1:123456789012:activity:a"
            }
            _ => "x",
        });
        rest = after;
    }
    prepared + rest
}
