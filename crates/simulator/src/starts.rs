//! Those who start executions, and those who change the settings of Map Runs.

use std::time::Duration;

use runtime::{ListMapRuns, MapRunError, StartError, StartExecution, SyncExecution, UpdateMapRun};
use store::MapRunStatus;

use crate::outside::{Caller, PAUSE, machine_arn};
use crate::plan::StartPlan;
use crate::world::scope;

/// What became of a try.
enum Tried {
    Started(std::sync::Arc<str>),
    Refused,
    Again,
}

impl Caller {
    pub(crate) async fn start_all(&self, starts: Vec<(usize, StartPlan)>) {
        let steps = self.plan.steps().len();
        while self.outside.borrow().steps_done < steps {
            tokio::time::sleep(PAUSE).await;
        }
        for (number, start) in starts {
            if !self.outside.borrow().has_started(number) {
                self.running.sleep_until(start.at_milliseconds).await;
                self.start(number, &start).await;
            }
        }
    }

    async fn start(&self, number: usize, start: &StartPlan) {
        let machine = machine_arn(&self.plan.machines[start.machine].name);
        let arn = format!("{machine}{}", start.target.suffix());
        loop {
            let request = StartExecution {
                state_machine_arn: &arn,
                name: Some(&start.name),
                input: Some(&start.input),
                trace_header: None,
            };
            let tried = match start.waits {
                true => self.start_and_wait(number, request).await,
                false => self.try_start(number, request).await,
            };
            match tried {
                Ok(Tried::Again) => tokio::time::sleep(PAUSE).await,
                Ok(Tried::Started(arn)) => {
                    self.outside.borrow_mut().started[number] = Some(arn);
                    return;
                }
                Ok(Tried::Refused) if self.plan.goes_away(start.machine) => {
                    self.outside.borrow_mut().refused[number] = true;
                    return;
                }
                Ok(Tried::Refused) => return self.complain(format!("{} was refused", start.name)),
                Err(other) => return self.complain(format!("{}: {other}", start.name)),
            }
        }
    }

    async fn try_start(
        &self,
        number: usize,
        request: StartExecution<'_>,
    ) -> Result<Tried, StartError> {
        let was_tried = std::mem::replace(&mut self.outside.borrow_mut().tried[number], true);
        match self.runtime.start_execution(&scope(), request).await {
            Ok(started) => Ok(Tried::Started(started.execution_arn)),
            Err(StartError::AlreadyExists(arn)) if was_tried => Ok(Tried::Started(arn)),
            Err(error) => failed(error),
        }
    }

    async fn start_and_wait(
        &self,
        number: usize,
        request: StartExecution<'_>,
    ) -> Result<Tried, StartError> {
        match self.runtime.start_sync_execution(&scope(), request).await {
            Ok(ended) => {
                let SyncExecution { status, output, failure, execution_arn, .. } = ended;
                let output = output.map(|output| output.text().to_owned());
                let told = format!("{status:?} {output:?} {failure:?}");
                self.outside.borrow_mut().results[number] = Some(told);
                Ok(Tried::Started(execution_arn))
            }
            Err(error) => failed(error),
        }
    }

    /// Changes the settings of Map Runs while they run.
    pub(crate) async fn update_map_runs(&self) {
        loop {
            tokio::time::sleep(Duration::from_millis(900)).await;
            let arn = {
                let outside = &mut *self.outside.borrow_mut();
                let index = outside.draw.below(outside.started.len() as u64) as usize;
                outside.started[index].clone()
            };
            let Some(execution_arn) = arn.as_deref().filter(|arn| !arn.contains(":express:"))
            else {
                continue;
            };
            let request = ListMapRuns { execution_arn, after: None, limit: 10 };
            let list = self.runtime.list_map_runs(&scope(), request).await;
            let runs = list.into_iter().flat_map(|list| list.runs);
            for run in runs.filter(|run| run.status == MapRunStatus::Running) {
                let request = {
                    let draw = &mut self.outside.borrow_mut().draw;
                    let max_concurrency = draw.percent(60).then(|| draw.below(4));
                    let tolerated_failure_percentage =
                        (max_concurrency.is_none() || draw.percent(40)).then_some(100.0);
                    UpdateMapRun {
                        map_run_arn: &run.arn,
                        max_concurrency,
                        tolerated_failure_count: None,
                        tolerated_failure_percentage,
                    }
                };
                match self.runtime.update_map_run(&scope(), request).await {
                    Ok(()) => {}
                    Err(
                        MapRunError::NotRunning(_)
                        | MapRunError::NotFound(_)
                        | MapRunError::Operational(_),
                    ) => {}
                    Err(other) => return self.complain(format!("update {}: {other}", run.arn)),
                }
            }
        }
    }
}

fn failed(error: StartError) -> Result<Tried, StartError> {
    match error {
        StartError::Operational(_) => Ok(Tried::Again),
        StartError::StateMachineDoesNotExist(_) | StartError::StateMachineDeleting(_) => {
            Ok(Tried::Refused)
        }
        other => Err(other),
    }
}
