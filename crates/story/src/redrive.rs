//! What a redrive would run again.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>.

use json::{Object, Value};

use crate::chain::texts;
use crate::fold::Story;

/// What a redrive would run again, as far as the history tells. Whether one is possible,
/// DescribeExecution tells in `redriveStatus`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Redrive {
    /// How many steps run again, those around them not counted.
    pub steps: usize,
    /// Their states, each once, in the order in which they were entered first.
    pub states: Vec<String>,
    /// Those of them that are Fail states: the execution will fail there again.
    pub fail_states: Vec<String>,
}

impl Redrive {
    /// As JSON.
    pub fn to_json(&self) -> Value {
        let mut json = Object::new();
        json.insert("steps", self.steps as i64);
        json.insert("states", texts(&self.states));
        json.insert("failStates", texts(&self.fail_states));
        json.into()
    }
}

impl Story {
    /// What a redrive would run again; none of an execution that runs or succeeded.
    pub fn redrive(&self) -> Option<Redrive> {
        if !self.status.is_bad() {
            return None;
        }
        let mut redrive = Redrive::default();
        let mut steps = self.resumed();
        steps.sort();
        for index in steps {
            redrive.steps += 1;
            let step = self.step(index);
            if !redrive.states.contains(&step.name) {
                redrive.states.push(step.name.clone());
                if step.state_type == "Fail" {
                    redrive.fail_states.push(step.name.clone());
                }
            }
        }
        Some(redrive)
    }
}
