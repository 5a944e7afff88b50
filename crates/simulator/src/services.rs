//! The services that tasks call in a world, and what they remember: it outlives every process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use engine::{Failure, Timestamp};
use json::{Document, Value};
use runtime::{
    ExecutionDescription, Integration, Item, ItemReader, MapRunData, OpenItems, Permission,
    ReaderPosition, ResultSource, ServiceCall, WriteResults,
};

use crate::Draw;
use crate::world::Running;

/// What the services remember.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    /// What EventBridge was told.
    pub(crate) told: Mutex<Vec<String>>,
    /// The attempts for which Standard executions called the function, by their idempotency tokens.
    pub(crate) calls: Mutex<BTreeSet<String>>,
    /// The jobs, by their ids.
    pub(crate) jobs: Mutex<BTreeMap<String, Job>>,
    /// What should not have happened.
    pub(crate) complaints: Mutex<Vec<String>>,
}

/// A job.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    ends: Timestamp,
    fails: bool,
    /// Whether somebody was told of its end, or stopped it.
    pub(crate) is_over: bool,
}

/// A mutex that nobody panics with.
fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().expect("nobody panics with it")
}

/// What follows from parameters alone, so that what is done twice comes to the same.
fn draw_of(seed: u64, parameters: &Document) -> Draw {
    let mix = |sum: u64, byte: u8| sum.rotate_left(5) ^ u64::from(byte);
    Draw::new(parameters.text().bytes().fold(seed, mix))
}

/// A function that takes its time, and answers or fails.
pub(crate) struct Function {
    pub(crate) seed: u64,
    pub(crate) journal: Arc<Journal>,
}

#[async_trait]
impl Integration for Function {
    async fn call(&self, call: ServiceCall) -> Result<Document, Failure> {
        if !call.execution_arn.contains(":express:") {
            held(&self.journal.calls).insert(call.idempotency_token);
        }
        let event = call.request.parameters;
        let mut draw = draw_of(self.seed, &event);
        tokio::time::sleep(Duration::from_millis(draw.below(2_500))).await;
        match draw.below(5) {
            0 => Err(Failure::new("Custom", "of the function")),
            1 => Err(Failure::named("Custom")),
            _ => Ok(event),
        }
    }

    fn permissions(&self, _: &ServiceCall) -> Vec<Permission> {
        vec![Permission::new("lambda:InvokeFunction", None)]
    }
}

/// Runs jobs: one for each attempt of a task, however often it is asked for.
pub(crate) struct Jobs {
    pub(crate) seed: u64,
    pub(crate) running: Running,
    pub(crate) journal: Arc<Journal>,
}

/// The id of the job that was submitted.
pub(crate) fn job_id(submitted: &Document) -> Option<String> {
    Some(submitted.value().get("JobRunId")?.as_str()?.to_owned())
}

#[async_trait]
impl Integration for Jobs {
    async fn call(&self, call: ServiceCall) -> Result<Document, Failure> {
        let token = &call.idempotency_token;
        let parts = [&token[..8], &token[8..12], &token[12..16], &token[16..20], &token[20..32]];
        let id = parts.join("-");
        let mut draw = draw_of(self.seed, &call.request.parameters);
        let ends = self.running.now().plus_milliseconds(draw.below(8_000));
        let job = Job { ends, fails: draw.percent(25), is_over: false };
        held(&self.journal.jobs).entry(id.clone()).or_insert(job);
        tokio::time::sleep(Duration::from_millis(draw.below(300))).await;
        Ok(Document::from_trusted_text(&format!(r#"{{"JobRunId":"{id}"}}"#)))
    }

    async fn await_job(&self, _: ServiceCall, submitted: Document) -> Result<Document, Failure> {
        let find = || job_id(&submitted).and_then(|id| held(&self.journal.jobs).get(&id).cloned());
        let Some(job) = find() else {
            held(&self.journal.complaints).push(format!("no job {}", submitted.text()));
            return Err(Failure::named("NoSuchJob"));
        };
        let missing = u64::try_from(job.ends.0 - self.running.now().0).unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(missing)).await;
        self.finish(&submitted);
        match job.fails {
            true => Err(Failure::new("States.TaskFailed", "of the job")),
            false => Ok(submitted),
        }
    }

    async fn stop_job(&self, _: ServiceCall, submitted: Document) -> Result<(), Failure> {
        self.finish(&submitted);
        Ok(())
    }
}

impl Jobs {
    fn finish(&self, submitted: &Document) {
        let id = job_id(submitted).unwrap_or_default();
        if let Some(job) = held(&self.journal.jobs).get_mut(&id) {
            job.is_over = true;
        }
    }
}

/// EventBridge, which is away now and then, or takes events and does not get its answer through.
pub(crate) struct EventBridge {
    pub(crate) journal: Arc<Journal>,
    pub(crate) draw: Mutex<Draw>,
}

/// The detail of an event: what tells it from every other.
pub(crate) fn status_detail(described: &ExecutionDescription) -> String {
    let header = &described.header;
    format!("{} {:?} {}", header.arn, header.status, header.redrive_count)
}

#[async_trait]
impl Integration for EventBridge {
    async fn call(&self, call: ServiceCall) -> Result<Document, Failure> {
        let entries = call.request.parameters.value().get("Entries");
        let entries = entries.and_then(Value::as_array).unwrap_or_default();
        let luck = held(&self.draw).below(4);
        if luck != 0 {
            let detail = |entry: &Value| entry.get("Detail")?.as_str().map(str::to_owned);
            held(&self.journal.told).extend(entries.iter().filter_map(detail));
        }
        match luck {
            0 | 1 => Err(Failure::named("EventBridge.SdkClientException")),
            _ => Ok(Document::from_trusted_text("{}")),
        }
    }
}

/// The objects that Map Runs read and write: `key` holds the numbers below `key` modulo 5.
pub(crate) struct Bucket {
    pub(crate) journal: Arc<Journal>,
}

struct Numbers {
    next: u64,
    end: u64,
}

#[async_trait]
impl MapRunData for Bucket {
    async fn open(&self, request: OpenItems) -> Result<Box<dyn ItemReader>, Failure> {
        let key = request.parameters.value().get("Key").and_then(Value::as_str);
        let end = key.and_then(|key| key.parse::<f64>().ok()).unwrap_or(0.0) as u64 % 5;
        let read = |position: ReaderPosition| position.0.first().map_or(0, |next| u64::from(*next));
        Ok(Box::new(Numbers { next: request.position.map_or(0, read), end }))
    }

    async fn write(
        &self,
        request: WriteResults,
        results: &mut dyn ResultSource,
    ) -> Result<Document, Failure> {
        let mut seen = BTreeSet::new();
        loop {
            let page = results.next().await;
            let page = page.map_err(|_| Failure::named("States.ResultWriterFailed"))?;
            if page.is_empty() {
                break;
            }
            for result in page {
                if !seen.insert(result.index) {
                    let run = &request.map_run_arn;
                    let twice = format!("{run} has two results of child {}", result.index);
                    held(&self.journal.complaints).push(twice);
                }
            }
        }
        let (run, count) = (&request.map_run_arn, seen.len());
        let details = format!(r#"{{"Bucket":"results","Key":"{count}"}}"#);
        let text = format!(r#"{{"MapRunArn":"{run}","ResultWriterDetails":{details}}}"#);
        Ok(Document::from_trusted_text(&text))
    }
}

#[async_trait]
impl ItemReader for Numbers {
    async fn read(&mut self, limit: usize) -> Result<Vec<Item>, Failure> {
        let first = self.next;
        self.next = self.end.min(first + limit as u64).max(first);
        let item = |number: u64| Item {
            value: Document::from_trusted_text(&number.to_string()),
            key: None,
            source: "s3://items/numbers".into(),
        };
        Ok((first..self.next).map(item).collect())
    }

    fn position(&self) -> ReaderPosition {
        ReaderPosition(vec![self.next as u8])
    }
}
