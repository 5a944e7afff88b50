//! Draws definitions. Whatever a state does, it passes on an object with a number `n` and a list
//! `list`, so that any state can follow any other.

use serde_json::{Map, Value, json};

use crate::Draw;

/// How deep Parallel and Map states are nested.
const DEPTH_MAX: u64 = 2;

/// The activity whose workers answer in whatever way they like.
pub(crate) const ACTIVITY: &str = "work";

/// The machine whose executions are called back by their parents' watchers; see `outside`.
pub(crate) const CALLBACK: &str = "callback";

/// The account and region of every world.
pub(crate) const ARN_PREFIX: &str = "arn:aws:states:us-east-1:123456789012";

/// Writes one definition.
pub(crate) struct Author<'a> {
    pub(crate) draw: &'a mut Draw,
    pub(crate) is_ordered: bool,
    /// Whether the states run in an Express execution.
    pub(crate) is_express: bool,
    /// What may be started: the ends of ARNs of state machines, versions and aliases.
    children: &'a [String],
    /// How many states have a name.
    named: usize,
    /// How many states may still be written.
    left: u64,
    /// Whether other states run at the same time: an ordered world waits for nothing there.
    pub(crate) is_in_branch: bool,
}

impl<'a> Author<'a> {
    pub(crate) fn new(
        draw: &'a mut Draw,
        is_ordered: bool,
        is_express: bool,
        children: &'a [String],
    ) -> Author<'a> {
        let left = draw.between(1, 14);
        Author { draw, is_ordered, is_express, children, named: 0, left, is_in_branch: false }
    }

    /// The text.
    pub(crate) fn definition(mut self) -> String {
        let mut definition = self.region(0);
        if !self.is_ordered && self.draw.percent(10) {
            definition["TimeoutSeconds"] = json!(self.draw.between(1, 100));
        }
        definition.to_string()
    }

    /// A chain of states with an end.
    pub(crate) fn region(&mut self, depth: u64) -> Value {
        let length = self.draw.between(1, 4);
        let names: Vec<String> = (0..length).map(|_| self.name()).collect();
        let mut states = Map::new();
        for (index, name) in names.iter().enumerate() {
            let next = names.get(index + 1).cloned();
            self.state(name, next, depth, &mut states);
        }
        json!({"StartAt": names[0], "States": states})
    }

    pub(crate) fn name(&mut self) -> String {
        self.named += 1;
        self.left = self.left.saturating_sub(1);
        format!("S{}", self.named)
    }

    /// Writes the state of that name, and those that it needs besides.
    fn state(
        &mut self,
        name: &str,
        next: Option<String>,
        depth: u64,
        states: &mut Map<String, Value>,
    ) {
        let can_wait = !(self.is_ordered && self.is_in_branch);
        let can_nest = self.left > 0 && depth < DEPTH_MAX;
        let state = match self.draw.below(18) {
            0 | 1 => self.choice(name, next, states),
            2 => return self.counted_loop(name, next, states),
            3 | 4 if can_wait => {
                let wait = self.wait();
                self.then(wait, next)
            }
            5..=8 if can_wait => self.task(name, next, states),
            9 | 10 if can_nest => self.parallel(name, next, depth, states),
            11 | 12 if can_nest => self.map(name, next, depth, states),
            16 | 17 if can_nest && can_wait && !self.is_express => {
                self.distributed(name, next, depth, states)
            }
            13 if next.is_none() => self.end(),
            14 => return self.assignment(name, next, states),
            _ => {
                let pass = self.pass();
                self.then(pass, next)
            }
        };
        states.insert(name.to_owned(), state);
    }

    pub(crate) fn then(&self, mut state: Value, next: Option<String>) -> Value {
        match next {
            Some(next) => state["Next"] = json!(next),
            None => state["End"] = json!(true),
        }
        state
    }

    fn pass(&mut self) -> Value {
        match self.draw.below(6) {
            0 => json!({"Type": "Pass"}),
            5 => json!({"Type": "Pass", "QueryLanguage": "JSONata",
                "Output": "{% $merge([$states.input, {'twice': $states.input.n * 2}]) %}"}),
            1 => json!({"Type": "Pass", "Result": {"a": [1, 2.50, null]}, "ResultPath": "$.r"}),
            2 => json!({"Type": "Pass", "Parameters": {"sum.$": "States.MathAdd($.n, 1)",
                "text.$": "States.Format('{}-{}', $.n, $$.State.Name)"}, "ResultPath": "$.made"}),
            3 => json!({"Type": "Pass", "InputPath": "$.list", "ResultPath": "$.copy"}),
            _ if self.is_ordered => json!({"Type": "Pass", "Result": 1, "ResultPath": null}),
            _ => json!({"Type": "Pass", "Parameters": {"id.$": "States.UUID()"},
                "ResultPath": "$.id"}),
        }
    }

    fn wait(&mut self) -> Value {
        match self.draw.below(3) {
            0 => json!({"Type": "Wait", "QueryLanguage": "JSONata",
                "Seconds": "{% $states.input.n %}"}),
            _ => json!({"Type": "Wait", "SecondsPath": "$.n"}),
        }
    }

    /// Keeps a value in a variable, which the next state reads after the input has changed.
    fn assignment(&mut self, name: &str, next: Option<String>, states: &mut Map<String, Value>) {
        let read = format!("{name}Read");
        let assign = json!({format!("v{name}.$"): "$.list", format!("w{name}"): {"fixed": 1}});
        let state = json!({"Type": "Pass", "Assign": assign, "Next": read});
        states.insert(name.to_owned(), state);
        let state = match self.draw.below(2) {
            0 => json!({"Type": "Pass", "Parameters": {"read.$": format!("$v{name}[0:2]")},
                "ResultPath": "$.read"}),
            _ => {
                let variables = format!("{{'read': $v{name}, 'more': $w{name}}}");
                json!({"Type": "Pass", "QueryLanguage": "JSONata",
                    "Output": format!("{{% $merge([$states.input, {variables}]) %}}")})
            }
        };
        let state = self.then(state, next);
        states.insert(read, state);
    }

    fn end(&mut self) -> Value {
        match self.draw.below(3) {
            0 => json!({"Type": "Fail", "Error": "Custom", "Cause": "on purpose"}),
            1 => json!({"Type": "Fail", "ErrorPath": "States.Format('E{}', $.n)"}),
            _ => json!({"Type": "Succeed"}),
        }
    }

    fn choice(
        &mut self,
        name: &str,
        next: Option<String>,
        states: &mut Map<String, Value>,
    ) -> Value {
        let other = format!("{name}Other");
        let pass = self.pass();
        states.insert(other.clone(), self.then(pass, next.clone()));
        let target = match next {
            Some(next) => next,
            None => {
                let end = format!("{name}End");
                states.insert(end.clone(), json!({"Type": "Succeed"}));
                end
            }
        };
        let limit = self.draw.below(10);
        let rule = match self.draw.below(3) {
            0 => json!({"Variable": "$.n", "NumericGreaterThan": limit, "Next": target}),
            1 => json!({"And": [{"Variable": "$.r", "IsPresent": true},
                {"Variable": "$.n", "NumericLessThanEquals": limit}], "Next": target}),
            _ => json!({"Not": {"Variable": "$.list[0]", "IsPresent": true}, "Next": target}),
        };
        json!({"Type": "Choice", "Choices": [rule], "Default": other})
    }

    /// Goes round a few times: `n` grows until it is large enough.
    fn counted_loop(&mut self, name: &str, next: Option<String>, states: &mut Map<String, Value>) {
        let (ask, after) = (format!("{name}Ask"), format!("{name}After"));
        let count = json!({"Type": "Pass", "Next": ask, "Parameters":
            {"n.$": "States.MathAdd($.n, 1)", "list.$": "$.list"}});
        states.insert(name.to_owned(), count);
        let limit = self.draw.between(3, 12);
        let rule = json!({"Variable": "$.n", "NumericLessThan": limit, "Next": name});
        let ask_state = json!({"Type": "Choice", "Choices": [rule], "Default": after});
        states.insert(ask, ask_state);
        states.insert(after, self.then(json!({"Type": "Pass"}), next));
    }

    fn task(&mut self, name: &str, next: Option<String>, states: &mut Map<String, Value>) -> Value {
        let mut state = match self.draw.below(5) {
            _ if self.is_express => self.function(),
            4 => self.job(),
            0 if !self.is_ordered => self.activity(),
            3 => self.function(),
            1 => self.callback(),
            _ if !self.children.is_empty() => self.nested(),
            _ => self.callback(),
        };
        state["ResultPath"] = match self.draw.below(3) {
            0 => Value::Null,
            _ => json!("$.result"),
        };
        self.rescue(name, next.clone(), &mut state, states);
        self.then(state, next)
    }

    /// A task that a worker may never answer needs a limit, or its execution would never end.
    fn activity(&mut self) -> Value {
        let resource = format!("{ARN_PREFIX}:activity:{ACTIVITY}");
        let timeout_seconds = self.draw.between(5, 50);
        let mut state =
            json!({"Type": "Task", "Resource": resource, "TimeoutSeconds": timeout_seconds});
        if self.draw.percent(40) {
            state["HeartbeatSeconds"] = json!(self.draw.between(1, 4));
        }
        state
    }

    /// A function, by its ARN. What it answers depends on what it gets.
    fn function(&mut self) -> Value {
        let mut state = json!({"Type": "Task",
            "Resource": "arn:aws:lambda:us-east-1:123456789012:function:any",
            "Parameters": {"n.$": "$.n", "retries.$": "$$.State.RetryCount",
                "state.$": "$$.State.Name"}});
        if !self.is_ordered && self.draw.percent(30) {
            state["TimeoutSeconds"] = json!(self.draw.between(1, 3));
        }
        state
    }

    /// A nested execution whose token somebody brings back.
    fn callback(&mut self) -> Value {
        let mut state = json!({"Type": "Task",
            "Resource": "arn:aws:states:::states:startExecution.waitForTaskToken",
            "Parameters": {
                "StateMachineArn": format!("{ARN_PREFIX}:stateMachine:{CALLBACK}"),
                "Input": {"token.$": "$$.Task.Token", "parent.$": "$$.Execution.Id",
                    "retries.$": "$$.State.RetryCount",
                    "n.$": "$.n"}}});
        // Where executions are kept for a limited time, that with the token may be gone.
        if !self.is_ordered {
            state["TimeoutSeconds"] = json!(self.draw.between(5, 50));
        }
        if !self.is_ordered && self.draw.percent(30) {
            state["HeartbeatSeconds"] = json!(self.draw.between(1, 4));
        }
        state
    }

    fn nested(&mut self) -> Value {
        let patterns: &[&str] = match self.is_ordered {
            true => &[".sync", ".sync:2"],
            false => &["", ".sync", ".sync:2"],
        };
        let pattern = self.draw.pick(patterns);
        let child = self.draw.pick(self.children);
        let mut parameters = json!({
            "StateMachineArn": format!("{ARN_PREFIX}:stateMachine:{child}"),
            "Input": {"n.$": "$.n", "list.$": "$.list",
                "AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID.$": "$$.Execution.Id"}});
        if self.draw.percent(10) {
            // Taken when it is tried again.
            parameters["Name.$"] =
                json!("States.Format('{}-{}', $$.Execution.Name, $$.State.Name)");
        }
        let mut state = json!({"Type": "Task", "Parameters": parameters,
            "Resource": format!("arn:aws:states:::states:startExecution{pattern}")});
        if !self.is_ordered && self.draw.percent(30) {
            state["TimeoutSeconds"] = json!(self.draw.between(1, 30));
        }
        state
    }

    fn parallel(
        &mut self,
        name: &str,
        next: Option<String>,
        depth: u64,
        states: &mut Map<String, Value>,
    ) -> Value {
        let count = self.draw.between(1, 3);
        let branches: Vec<Value> =
            self.inside(|author| (0..count).map(|_| author.region(depth + 1)).collect());
        let mut state =
            json!({"Type": "Parallel", "Branches": branches, "ResultPath": "$.branches"});
        self.rescue(name, next.clone(), &mut state, states);
        self.then(state, next)
    }

    fn map(
        &mut self,
        name: &str,
        next: Option<String>,
        depth: u64,
        states: &mut Map<String, Value>,
    ) -> Value {
        let processor = self.inside(|author| author.region(depth + 1));
        let mut state = json!({"Type": "Map", "ItemsPath": "$.list", "ResultPath": "$.mapped",
            "ItemProcessor": processor, "MaxConcurrency": self.draw.below(4),
            "ItemSelector": {"n.$": "$$.Map.Item.Value", "list.$": "$.list",
                "index.$": "$$.Map.Item.Index"}});
        self.rescue(name, next.clone(), &mut state, states);
        self.then(state, next)
    }

    fn inside<T>(&mut self, write: impl FnOnce(&mut Self) -> T) -> T {
        let outside = std::mem::replace(&mut self.is_in_branch, true);
        let written = write(self);
        self.is_in_branch = outside;
        written
    }

    /// Retry and Catch, now and then. An ordered world cannot wait for a retry within a branch.
    pub(crate) fn rescue(
        &mut self,
        name: &str,
        next: Option<String>,
        state: &mut Value,
        states: &mut Map<String, Value>,
    ) {
        let can_wait = !(self.is_ordered && self.is_in_branch);
        if can_wait && self.draw.percent(50) {
            let errors = *self.draw.pick(&["States.ALL", "States.TaskFailed", "States.Timeout"]);
            let mut retrier = json!({"ErrorEquals": [errors],
                "IntervalSeconds": self.draw.between(1, 5),
                "MaxAttempts": self.draw.below(4),
                "BackoffRate": *self.draw.pick(&[1.0, 1.5, 2.0])});
            if !self.is_ordered && self.draw.percent(30) {
                retrier["JitterStrategy"] = json!("FULL");
            }
            state["Retry"] = json!([retrier]);
        }
        if self.draw.percent(40) {
            let handler = format!("{name}Caught");
            state["Catch"] = json!([{"ErrorEquals": ["States.ALL"], "ResultPath": "$.error",
                "Next": handler}]);
            states.insert(handler, self.then(json!({"Type": "Pass"}), next));
        }
    }
}
