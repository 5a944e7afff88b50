//! The services that tasks call in a world.

use std::time::Duration;

use async_trait::async_trait;
use engine::Failure;
use json::Document;
use runtime::{Integration, ServiceCall};

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
