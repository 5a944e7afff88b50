//! Every row of the table of jobs, against a double of its service that is made from the model:
//! what starts it, what describes it, in which states it goes on, is done or has failed, what a
//! service that is away or does not know it yet means, and what stops it.

use expect_test::expect;
use service_model::{Operation, Service, ShapeId, ShapeKind};
use tokio::task::JoinSet;

use super::*;
use crate::double::{Answering, Double, parameters, sample, service_call};

/// A state that no job has.
const GOING_ON: &str = "GOING_ON";

/// A row, and what the test needs of its service.
#[derive(Clone, Copy)]
struct Row {
    job: &'static JobKind,
    model: &'static Service,
    prefix: &'static str,
}

impl Row {
    fn all() -> impl Iterator<Item = Row> {
        jobs::JOBS.iter().map(|job| {
            let service = SERVICES.iter().find(|row| row.name == job.service).expect(job.service);
            let model = service_model::service(service.model).expect(service.model);
            Row { job, model, prefix: service.prefix }
        })
    }

    fn operation(&self, action: &str) -> &'static Operation {
        self.model.operation(action).expect(action)
    }

    /// The parameters of a task: what the row takes from them is among them, and says its name.
    fn parameters(&self) -> Value {
        let by_hand = match (self.job.service, self.job.action) {
            ("elasticmapreduce", "terminateCluster") => r#"{"ClusterId":"ClusterId"}"#,
            ("elasticmapreduce", "addStep") => {
                r#"{"ClusterId":"ClusterId","Step":{"Name":"n","HadoopJarStep":{"Jar":"j"}}}"#
            }
            ("elasticmapreduce", _) => r#"{"Name":"n","Instances":{}}"#,
            _ => {
                let sources = self.job.asked.iter().chain(self.job.stop.map_or(&[][..], |it| it.1));
                let named = sources.filter_map(|(_, source)| match source {
                    Source::Parameter(name) => Some(*name),
                    Source::Submitted(_) | Source::SubmittedList(_) | Source::Text(_) => None,
                });
                let named: Vec<&str> = named.collect();
                return parameters(self.model, self.operation(self.job.action), &named);
            }
        };
        json::parse(by_hand).expect("the test says JSON")
    }

    fn call(&self) -> ServiceCall {
        let resource = format!("{}.sync", self.job.action);
        service_call(self.job.service, &resource, self.parameters())
    }

    /// A description of the job in a state, by the names of the wire.
    fn described(&self, state: &str) -> Answering {
        let output = self.operation(self.job.describe).output.expect("a description has members");
        let mut value = sample(self.model, output, "", 0);
        let pointer = format!("{}{}", self.job.found, self.job.state);
        self.set(output, &mut value, &pointer, state);
        Answering::Result(value)
    }

    /// The answer that says that the job is done.
    fn end(&self) -> Answering {
        match self.job.done.first() {
            Some(done) => self.described(done),
            None => Answering::Refusal(404, "ResourceNotFoundException"),
        }
    }

    /// Sets a text at a pointer in the names of parameters.
    fn set(&self, shape: ShapeId, value: &mut Value, pointer: &str, text: &str) {
        let Some((part, rest)) =
            pointer.strip_prefix('/').map(|it| it.split_at(it.find('/').unwrap_or(it.len())))
        else {
            *value = Value::from(text);
            return;
        };
        match (&self.model.shape(shape).kind, &mut *value) {
            (ShapeKind::Structure(members), Value::Object(object)) => {
                let member = members.parameter(part).expect(part);
                let name = member.wire_name();
                let mut inner = object.get(name).cloned().unwrap_or(Value::Null);
                self.set(member.shape, &mut inner, rest, text);
                let mut changed = Object::clone(object);
                changed.insert(name, inner);
                *value = changed.into();
            }
            (ShapeKind::List { item, .. }, Value::Array(items)) => {
                let mut inner = items.first().cloned().expect("samples of lists have an item");
                self.set(*item, &mut inner, rest, text);
                *value = Value::from(vec![inner]);
            }
            (kind, value) => panic!("{pointer} in {kind:?}: {value:?}"),
        }
    }

    /// The double, and the row's service that calls it. The script is that of the description.
    async fn double(&self, script: Vec<Answering>) -> (Double, Optimised) {
        let double = Double::start(self.model, self.job.describe, script).await;
        let service = SERVICES.iter().find(|row| row.name == self.job.service);
        let service = service.expect(self.job.service);
        let optimised = Optimised { service, client: double.client.clone() };
        (double, optimised)
    }

    async fn ends(&self, script: Vec<Answering>) -> (Result<Document, Failure>, Double) {
        let (double, optimised) = self.double(script).await;
        let submitted = optimised.call(self.call()).await;
        let submitted = submitted.unwrap_or_else(|failure| panic!("{self:?}: {failure:?}"));
        let outcome = optimised.await_job(self.call(), submitted).await;
        (outcome, double)
    }
}

impl std::fmt::Debug for Row {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.job.service, self.job.action)
    }
}

/// All rows at once: each waits between its questions.
async fn for_every_row<F>(test: impl Fn(Row) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut tests = JoinSet::new();
    for row in Row::all() {
        tests.spawn(test(row));
    }
    while let Some(ended) = tests.join_next().await {
        ended.expect("the row is right");
    }
}

/// What a job was asked for, or stopped with, is what the task gave or the service answered: the
/// samples say the names of their members.
fn check_asked(row: Row, double: &Double, action: &str, asked: &[(&str, Source)]) {
    let operation = row.operation(action);
    let requests = double.asked();
    let request = requests.iter().find(|it| it.action == operation.action);
    let request = request.unwrap_or_else(|| panic!("{row:?}: {action} of {requests:?}"));
    for (_, source) in asked {
        let expected = match source {
            Source::Parameter(name) => name,
            Source::Text(text) => text,
            Source::Submitted(pointer) | Source::SubmittedList(pointer) => {
                match (row.job.service, pointer.rsplit('/').next().unwrap_or_default()) {
                    // The service's name for what the task gets as `ClusterId`, `StepId`.
                    ("elasticmapreduce", "ClusterId") => "JobFlowId",
                    ("elasticmapreduce", "StepId") => "StepIds",
                    (_, name) => name,
                }
            }
        };
        assert!(request.text.contains(expected), "{row:?}: {expected} in {}", request.text);
    }
}

#[tokio::test]
async fn every_job_goes_on_until_it_is_done() {
    for_every_row(|row| async move {
        for (index, done) in row.job.done.iter().enumerate() {
            let going_on = (index == 0).then(|| row.described(GOING_ON));
            let script = going_on.into_iter().chain([row.described(done)]).collect();
            let (outcome, double) = row.ends(script).await;
            let output = outcome.unwrap_or_else(|failure| panic!("{row:?} {done}: {failure:?}"));
            let output = output.value();
            let found = match row.job.output {
                Output::Found => Some(output),
                Output::Answer => action::at(output, row.job.found),
                Output::Named(name) => output.get(name),
                Output::Cluster => output.get("Cluster"),
            };
            let state = found.and_then(|found| action::at(found, row.job.state));
            assert_eq!(state.and_then(Value::as_str), Some(*done), "{row:?}: {output:?}");
            assert!(output.get("SdkHttpMetadata").is_none(), "{row:?}: {output:?}");
            let asked = double.asked().len();
            assert_eq!(asked, if index == 0 { 3 } else { 2 }, "{row:?}: {:?}", double.asked());
            check_asked(row, &double, row.job.describe, row.job.asked);
        }
    })
    .await;
}

#[tokio::test]
async fn every_job_that_fails_fails_its_task_with_its_description() {
    for_every_row(|row| async move {
        for failed in row.job.failed {
            let (outcome, _) = row.ends(vec![row.described(failed)]).await;
            let failure = outcome.expect_err(failed);
            assert_eq!(failure.error.as_deref(), Some("States.TaskFailed"), "{row:?} {failed}");
            let cause = failure.cause.expect("it has a cause");
            assert!(json::parse(&cause).is_ok(), "{row:?} {failed}: {cause}");
            assert!(cause.contains(&format!("\"{failed}\"")), "{row:?} {failed}: {cause}");
        }
    })
    .await;
}

/// A throttled, failing, absent and forgetful service in a row: the job is asked for again.
#[tokio::test]
async fn every_job_outlives_a_service_that_is_away() {
    for_every_row(|row| async move {
        let script = vec![
            Answering::Refusal(400, "ThrottlingException"),
            Answering::Refusal(503, "ServiceUnavailable"),
            Answering::Nothing,
            row.end(),
        ];
        let (outcome, double) = row.ends(script).await;
        assert!(outcome.is_ok(), "{row:?}: {outcome:?}");
        let describes = double.asked();
        let action = &row.operation(row.job.describe).action;
        let describes = describes.iter().filter(|it| it.action == *action).count();
        // A client may ask again on a new connection where an old one was closed.
        assert!((4..=5).contains(&describes), "{row:?}: {describes}");
    })
    .await;
}

#[tokio::test]
async fn every_description_that_is_refused_fails_the_task_with_the_name_of_the_service() {
    for_every_row(|row| async move {
        let (outcome, _) = row.ends(vec![Answering::Refusal(403, "AccessDenied")]).await;
        let error = outcome.expect_err("it is refused").error.expect("it has a name");
        assert!(error.starts_with(&format!("{}.", row.prefix)), "{row:?}: {error}");
        let gone = vec![Answering::Refusal(404, "ResourceNotFoundException")];
        let (outcome, _) = row.ends(gone).await;
        match (row.job.done_when_gone, outcome) {
            (true, outcome) => assert!(outcome.is_ok(), "{row:?}: {outcome:?}"),
            (false, outcome) => {
                let error = outcome.expect_err("it is refused").error.expect("it has a name");
                assert!(error.starts_with(&format!("{}.", row.prefix)), "{row:?}: {error}");
            }
        }
    })
    .await;
}

#[tokio::test]
async fn every_job_that_can_be_stopped_is_stopped() {
    for_every_row(|row| async move {
        let (double, optimised) = row.double(vec![row.described(GOING_ON)]).await;
        let submitted = optimised.call(row.call()).await.expect("it starts");
        let before = double.asked().len();
        let stopped = optimised.stop_job(row.call(), submitted).await;
        assert_eq!(stopped, Ok(()), "{row:?}");
        match row.job.stop {
            Some((action, asked)) => check_asked(row, &double, action, asked),
            None => assert_eq!(double.asked().len(), before, "{row:?}"),
        }
    })
    .await;
}

/// The states of the table are states that the model has, and those that it has besides go on.
#[test]
fn every_state_is_one_of_the_model_and_the_others_go_on() {
    let mut told = String::new();
    for row in Row::all() {
        let mut shape = row.operation(row.job.describe).output.expect("it has members");
        let pointer = format!("{}{}", row.job.found, row.job.state);
        for part in pointer.split('/').skip(1) {
            shape = match &row.model.shape(shape).kind {
                ShapeKind::Structure(members) => members.parameter(part).expect(part).shape,
                ShapeKind::List { item, .. } => *item,
                kind => panic!("{row:?}: {part} in {kind:?}"),
            };
        }
        let ShapeKind::Text { allowed } = &row.model.shape(shape).kind else {
            panic!("{row:?}: a state is a text")
        };
        let ends: Vec<&str> = row.job.done.iter().chain(row.job.failed).copied().collect();
        let unknown = ends.iter().find(|state| !allowed.iter().any(|it| it == *state));
        assert!(allowed.is_empty() || unknown.is_none(), "{row:?}: {unknown:?}");
        let going_on: Vec<&str> =
            allowed.iter().map(|it| &**it).filter(|state| !ends.contains(state)).collect();
        told.push_str(&format!("{row:?} goes on in {}\n", going_on.join(" ")));
    }
    expect![[r#"
        ecs:runTask goes on in 
        batch:submitJob goes on in SUBMITTED PENDING RUNNABLE STARTING RUNNING
        glue:startJobRun goes on in STARTING RUNNING STOPPING WAITING
        databrew:startJobRun goes on in STARTING RUNNING STOPPING
        codebuild:startBuild goes on in IN_PROGRESS
        codebuild:startBuildBatch goes on in IN_PROGRESS
        codebuild:retryBuildBatch goes on in IN_PROGRESS
        athena:startQueryExecution goes on in QUEUED RUNNING
        bedrock:createModelCustomizationJob goes on in InProgress Stopping
        sagemaker:createTrainingJob goes on in InProgress Stopping Deleting
        sagemaker:createTransformJob goes on in InProgress Stopping
        sagemaker:createProcessingJob goes on in InProgress Stopping
        sagemaker:createLabelingJob goes on in Initializing InProgress Stopping
        sagemaker:createHyperParameterTuningJob goes on in InProgress Stopping Deleting
        elasticmapreduce:createCluster goes on in STARTING BOOTSTRAPPING TERMINATING
        elasticmapreduce:terminateCluster goes on in STARTING BOOTSTRAPPING RUNNING WAITING TERMINATING
        elasticmapreduce:addStep goes on in PENDING CANCEL_PENDING RUNNING
        emr-containers:startJobRun goes on in PENDING SUBMITTED RUNNING CANCEL_PENDING
        emr-containers:deleteVirtualCluster goes on in RUNNING TERMINATING
        emr-serverless:startJobRun goes on in SUBMITTED PENDING SCHEDULED RUNNING CANCELLING QUEUED
        emr-serverless:cancelJobRun goes on in SUBMITTED PENDING SCHEDULED RUNNING CANCELLING QUEUED
        emr-serverless:createApplication goes on in CREATING STARTING STOPPING STOPPED
        emr-serverless:startApplication goes on in CREATING CREATED STARTING STOPPING STOPPED
        emr-serverless:stopApplication goes on in CREATING CREATED STARTING STARTED STOPPING
        emr-serverless:deleteApplication goes on in CREATING CREATED STARTING STARTED STOPPING STOPPED
        eks:createCluster goes on in CREATING DELETING UPDATING PENDING
        eks:deleteCluster goes on in CREATING ACTIVE DELETING UPDATING PENDING
        eks:createNodegroup goes on in CREATING UPDATING DELETING DEGRADED
        eks:deleteNodegroup goes on in CREATING ACTIVE UPDATING DELETING DEGRADED
        eks:createFargateProfile goes on in CREATING DELETING
        eks:deleteFargateProfile goes on in CREATING ACTIVE DELETING
        mediaconvert:createJob goes on in SUBMITTED PROGRESSING
    "#]].assert_eq(&told);
}

/// Which containers of a task of ECS failed decides, since all of its tasks end as `STOPPED`.
#[tokio::test]
async fn a_task_of_ecs_fails_with_its_containers() {
    let row = Row::all().find(|row| row.job.service == "ecs").expect("it is there");
    for (task, has_failed) in [
        (r#"{"lastStatus":"STOPPED","containers":[{"exitCode":0}]}"#, false),
        (r#"{"lastStatus":"STOPPED","containers":[{"exitCode":0},{"exitCode":3}]}"#, true),
        (r#"{"lastStatus":"STOPPED","stopCode":"TaskFailedToStart"}"#, true),
        (r#"{"lastStatus":"STOPPED","stopCode":"UserInitiated","containers":[{}]}"#, false),
    ] {
        let answer = json::parse(&format!(r#"{{"tasks":[{task}]}}"#)).expect("it is JSON");
        let (outcome, _) = row.ends(vec![Answering::Result(answer)]).await;
        assert_eq!(outcome.is_err(), has_failed, "{task}: {outcome:?}");
    }
}

/// Results have the service's instants as numbers of milliseconds, as the AWS SDK for Java 1 has.
#[tokio::test]
async fn a_result_is_the_description_by_the_names_of_the_service() {
    let row = Row::all().find(|row| row.job.service == "batch").expect("it is there");
    let answer = r#"{"jobs":[{"jobId":"1","status":"SUCCEEDED","createdAt":1420167845000,
        "container":{"exitCode":0,"logStreamName":"l"},"attempts":[{"startedAt":1}]}]}"#;
    let answer = json::parse(answer).expect("it is JSON");
    let (outcome, _) = row.ends(vec![Answering::Result(answer)]).await;
    expect![[r#"{"Attempts":[{"StartedAt":1}],"Container":{"ExitCode":0,"LogStreamName":"l"},"CreatedAt":1420167845000,"JobId":"1","Status":"SUCCEEDED"}"#]].assert_eq(outcome.expect("it is done").text());
}

/// What EMR has by its id is looked for by its name, page by page.
#[tokio::test]
async fn fleets_and_groups_of_emr_are_found_by_their_names() {
    let model = service_model::service("emr").expect("there is a model of it");
    let page = |text: &str| Answering::Result(json::parse(text).expect("it is JSON"));
    for (action, list, parameters, items, asked) in [
        (
            "modifyInstanceFleetByName",
            "listInstanceFleets",
            r#"{"ClusterId":"c","InstanceFleetName":"mine","InstanceFleet":{"TargetSpotCapacity":2}}"#,
            "InstanceFleets",
            r#"{"ClusterId":"c","InstanceFleet":{"TargetSpotCapacity":2,"InstanceFleetId":"id"}}"#,
        ),
        (
            "modifyInstanceGroupByName",
            "listInstanceGroups",
            r#"{"ClusterId":"c","InstanceGroupName":"mine","InstanceGroup":{"InstanceCount":8}}"#,
            "InstanceGroups",
            r#"{"ClusterId":"c","InstanceGroups":[{"InstanceCount":8,"InstanceGroupId":"id"}]}"#,
        ),
    ] {
        let first = page(&format!(r#"{{"{items}":[{{"Id":"x","Name":"other"}}],"Marker":"m"}}"#));
        let last = page(&format!(r#"{{"{items}":[{{"Id":"id","Name":"mine"}}]}}"#));
        let service = SERVICES.iter().find(|row| row.name == "elasticmapreduce");
        let service = service.expect("it is there");
        let call = || {
            let parameters = json::parse(parameters).expect("it is JSON");
            service_call("elasticmapreduce", action, parameters)
        };
        let double = Double::start(model, list, vec![first.clone(), last]).await;
        let optimised = Optimised { service, client: double.client.clone() };
        let outcome = optimised.call(call()).await;
        assert!(outcome.is_ok(), "{outcome:?}");
        let requests = double.asked();
        assert_eq!(requests.len(), 3, "{requests:?}");
        assert!(requests[1].text.contains(r#""Marker":"m""#), "{requests:?}");
        assert!(requests[2].text.ends_with(asked), "{requests:?}");
        let none = page(&format!(r#"{{"{items}":[]}}"#));
        let double = Double::start(model, list, vec![none]).await;
        let optimised = Optimised { service, client: double.client.clone() };
        let failure = optimised.call(call()).await.expect_err("there is none of that name");
        assert_eq!(failure.error.as_deref(), Some("EMR.AmazonElasticMapReduceException"));
        assert!(failure.cause.expect("it has one").contains("'mine' is not found"));
    }
}
