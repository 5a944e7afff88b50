//! Reads executions into stories.

use anyhow::{Context, bail};
use aws::CallError;
use json::{Object, Value};
use story::{Event, Gap, Story};

use crate::arguments::Asked;
use crate::sfn_client::SfnClient;

/// Reads executions at one server.
pub(super) struct Reader<'a> {
    pub(super) api: SfnClient<'a>,
}

impl<'a> Reader<'a> {
    /// A reader of the server that the execution is at.
    ///
    /// # Errors
    /// Where that is no ARN of an execution, or the endpoint is none.
    pub(super) fn new(asked: &'a Asked) -> anyhow::Result<Reader<'a>> {
        let arn = &asked.execution_arn;
        let parts: Vec<&str> = arn.split(':').collect();
        match parts.as_slice() {
            ["arn", _, "states", region, _, "execution" | "express", _, ..] => {
                Ok(Reader { api: SfnClient::new(asked.endpoint.as_deref(), region)? })
            }
            _ => bail!("'{arn}' is not the ARN of an execution"),
        }
    }

    /// What happened in an execution so far.
    ///
    /// # Errors
    /// Where its history cannot be read.
    pub(super) async fn story(&self, arn: &str) -> anyhow::Result<Story> {
        let events = self.api.history(arn).await?;
        let mut story = Story::default();
        events.iter().filter_map(Event::read).for_each(|event| story.take(&event));
        Ok(story)
    }

    /// The same of a nested execution, which may be gone or not be for this caller.
    ///
    /// # Errors
    /// Where the server is not reached, or has another trouble.
    pub(super) async fn nested(&self, arn: &str) -> anyhow::Result<Result<Story, Gap>> {
        match self.story(arn).await {
            Ok(story) => Ok(Ok(story)),
            Err(error) => match error.downcast_ref::<CallError>() {
                Some(CallError::Refused(refusal)) => Ok(Err(match &*refusal.code {
                    "ExecutionDoesNotExist" => Gap::Gone,
                    "AccessDeniedException" => Gap::Denied,
                    code => Gap::Other(format!("{code}: {}", refusal.message)),
                })),
                _ => Err(error),
            },
        }
    }

    /// A failed child of a Map Run, where one is left.
    ///
    /// # Errors
    /// Where the server is not reached, or refuses.
    pub(super) async fn failed_child(&self, map_run: &str) -> anyhow::Result<Option<String>> {
        let mut parameters = Object::new();
        parameters.insert("MapRunArn", map_run);
        parameters.insert("StatusFilter", "FAILED");
        parameters.insert("MaxResults", 1_i64);
        let page = self.api.call("listExecutions", parameters).await?;
        let first = page.get("Executions").and_then(Value::as_array).and_then(|it| it.first());
        let arn = first.and_then(|it| it.get("ExecutionArn")).and_then(Value::as_str);
        Ok(arn.map(str::to_owned))
    }

    /// The description of an execution.
    ///
    /// # Errors
    /// Where the server is not reached, or refuses.
    pub(super) async fn describe(&self, arn: &str) -> anyhow::Result<Value> {
        let mut parameters = Object::new();
        parameters.insert("ExecutionArn", arn);
        self.api.call("describeExecution", parameters).await
    }

    /// The status in a description.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn status(described: &Value) -> anyhow::Result<&str> {
        described.get("Status").and_then(Value::as_str).context("the answer has no status")
    }
}

/// The moment, in milliseconds since 1970.
pub(super) fn now() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// An answer with the names of the wire, as the `aws` command prints it. The names of variables are
/// kept.
pub(super) fn as_on_the_wire(value: &Value) -> Value {
    if let Some(array) = value.as_array() {
        return array.iter().map(as_on_the_wire).collect::<Vec<_>>().into();
    }
    let Some(object) = value.as_object() else { return value.clone() };
    let mut wire = Object::with_capacity(object.len());
    for (name, value) in object.iter() {
        let mut letters = name.chars();
        let first = letters.next().map(|it| it.to_ascii_lowercase());
        let name: String = first.into_iter().chain(letters).collect();
        let is_data = name == "assignedVariables";
        wire.insert(name, if is_data { value.clone() } else { as_on_the_wire(value) });
    }
    wire.into()
}
