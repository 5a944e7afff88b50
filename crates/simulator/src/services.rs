//! The services that tasks call in a world.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use engine::Failure;
use json::Document;
use json::Value;
use runtime::{ExecutionDescription, Integration, ServiceCall};

use crate::Draw;

/// A function that takes its time, and answers or fails. Which of them depends on its event alone,
/// so that a call that is made twice comes to the same.
pub(crate) struct Function {
    pub(crate) seed: u64,
}

#[async_trait]
impl Integration for Function {
    async fn call(&self, call: ServiceCall) -> Result<Document, Failure> {
        let event = call.request.parameters;
        let mix = |sum: u64, byte: u8| sum.rotate_left(5) ^ u64::from(byte);
        let mut draw = Draw::new(event.text().bytes().fold(self.seed, mix));
        tokio::time::sleep(Duration::from_millis(draw.below(2_500))).await;
        match draw.below(5) {
            0 => Err(Failure::new("Custom", "of the function")),
            1 => Err(Failure::named("Custom")),
            _ => Ok(event),
        }
    }
}

/// EventBridge, which is away now and then, or takes events and does not get its answer through.
pub(crate) struct EventBridge {
    pub(crate) told: Arc<Mutex<Vec<String>>>,
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
        let luck = self.draw.lock().expect("nobody panics with it").below(4);
        if luck != 0 {
            let detail = |entry: &Value| entry.get("Detail")?.as_str().map(str::to_owned);
            let mut told = self.told.lock().expect("nobody panics with it");
            told.extend(entries.iter().filter_map(detail));
        }
        match luck {
            0 | 1 => Err(Failure::named("EventBridge.SdkClientException")),
            _ => Ok(Document::from_trusted_text("{}")),
        }
    }
}
