//! Draws what tasks and Map states do far away: Distributed Maps, and jobs.

use serde_json::{Map, Value, json};

use crate::definitions::Author;

impl Author<'_> {
    /// A Map state in DISTRIBUTED mode. Its children are executions of their own: what they do is
    /// ordered, each by itself. In an ordered world, either all of them run or one after the other,
    /// since which others run when one fails is a matter of time.
    pub(crate) fn distributed(
        &mut self,
        name: &str,
        next: Option<String>,
        depth: u64,
        states: &mut Map<String, Value>,
    ) -> Value {
        let is_express = self.draw.percent(50);
        let mut processor = self.apart(is_express, |author| author.region(depth + 1));
        let execution_type = if is_express { "EXPRESS" } else { "STANDARD" };
        processor["ProcessorConfig"] =
            json!({"Mode": "DISTRIBUTED", "ExecutionType": execution_type});
        let mut state = json!({"Type": "Map", "Label": name, "ResultPath": "$.mapped",
            "ItemSelector": {"n.$": "$$.Map.Item.Value", "list.$": "$.list",
                "index.$": "$$.Map.Item.Index"}});
        match self.draw.below(3) {
            0 => state["MaxConcurrency"] = json!(1),
            1 => {
                state["ToleratedFailurePercentage"] = json!(100);
                state["MaxConcurrency"] = json!(self.draw.below(4));
            }
            _ => {
                state["ToleratedFailureCount"] = json!(self.draw.below(3));
                let concurrency = self.draw.below(4);
                state["MaxConcurrency"] = json!(if self.is_ordered { 1 } else { concurrency });
            }
        }
        if self.draw.percent(25) {
            state["ItemReader"] = json!({"Resource": "arn:aws:states:::s3:getObject",
                "ReaderConfig": {"InputType": "JSON"},
                "Parameters": {"Bucket": "items", "Key.$": "States.Format('{}', $.n)"}});
        } else {
            state["ItemsPath"] = json!("$.list");
        }
        if self.draw.percent(25) {
            self.batch(&mut state, &mut processor);
        }
        if self.draw.percent(25) {
            state["ResultWriter"] = json!({"Resource": "arn:aws:states:::s3:putObject",
                "Parameters": {"Bucket": "results", "Prefix": "of-a-run"}});
        }
        state["ItemProcessor"] = processor;
        self.rescue(name, next.clone(), &mut state, states);
        self.then(state, next)
    }

    /// Gives each child two items, of which it goes on with the first.
    fn batch(&mut self, state: &mut Value, processor: &mut Value) {
        state["ItemBatcher"] = json!({"MaxItemsPerBatch": 2});
        let first = self.name();
        let state = json!({"Type": "Pass", "Next": processor["StartAt"],
            "Parameters": {"n.$": "$.Items[0].n", "list.$": "$.Items[0].list"}});
        processor["States"][&first] = state;
        processor["StartAt"] = json!(first);
    }

    /// Writes for an execution of its own.
    fn apart<T>(&mut self, is_express: bool, write: impl FnOnce(&mut Self) -> T) -> T {
        let outside = (self.is_express, self.is_in_branch);
        (self.is_express, self.is_in_branch) = (is_express, false);
        let written = write(self);
        (self.is_express, self.is_in_branch) = outside;
        written
    }

    /// A job that is waited for.
    pub(crate) fn job(&mut self) -> Value {
        let mut state = json!({"Type": "Task",
            "Resource": "arn:aws:states:::glue:startJobRun.sync",
            "Parameters": {"JobName": "any", "Arguments": {"n.$": "States.Format('{}', $.n)",
                "retries.$": "States.Format('{}', $$.State.RetryCount)"}}});
        if !self.is_ordered && self.draw.percent(40) {
            state["TimeoutSeconds"] = json!(self.draw.between(1, 10));
        }
        state
    }
}
