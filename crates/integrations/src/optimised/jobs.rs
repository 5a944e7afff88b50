//! The jobs that `.sync` waits for: one table of how each is described, when it is over, and how it
//! is stopped.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html#connect-sync>.

/// A kind of job.
pub(super) struct JobKind {
    /// The service, as in the resources of tasks.
    pub(super) service: &'static str,
    /// The actions that start it.
    pub(super) action: &'static str,
    /// The action that tells of it.
    pub(super) describe: &'static str,
    /// What that is asked with.
    pub(super) asked: &'static [(&'static str, Source)],
    /// Where it stands in the answer; the empty text where it is the answer.
    pub(super) found: &'static str,
    /// Where its state stands in it.
    pub(super) state: &'static str,
    /// The states in which it is done.
    pub(super) done: &'static [&'static str],
    /// The states in which it has failed. In any other, it goes on.
    pub(super) failed: &'static [&'static str],
    /// Whether it is done when the service does not know it any more.
    pub(super) done_when_gone: bool,
    /// What the task gets.
    pub(super) output: Output,
    /// The action that stops it, and what that is asked with; none where nothing does.
    pub(super) stop: Option<(&'static str, &'static [(&'static str, Source)])>,
    /// The rule by which AWS's EventBridge tells Step Functions of its end; none where AWS asks, as
    /// Stairwell always does.
    pub(super) rule: Option<&'static str>,
}

/// Where a parameter comes from.
#[derive(Clone, Copy)]
pub(super) enum Source {
    /// The parameter of that name of the task; left out where it has none.
    Parameter(&'static str),
    /// That place in what the service answered the task.
    Submitted(&'static str),
    /// A list of that alone.
    SubmittedList(&'static str),

    /// A text.
    Text(&'static str),
}

/// What a task gets of its job.
#[derive(Clone, Copy)]
pub(super) enum Output {
    /// The job.
    Found,
    /// The whole answer of the description.
    Answer,
    /// The job, under that name.
    Named(&'static str),
    /// The cluster under `Cluster`, and its id under `ClusterId`.
    Cluster,
}

use Source::{Parameter, Submitted, SubmittedList, Text};

const STOPPED: &str = "The execution of AWS Step Functions that waited for it has stopped";

/// The kind of job that an action of a service starts.
pub(super) fn find(service: &str, action: &str) -> Option<&'static JobKind> {
    JOBS.iter().find(|job| job.service == service && job.action == action)
}

/// What most jobs have in common.
const JOB: JobKind = JobKind {
    service: "",
    action: "",
    describe: "",
    asked: &[],
    found: "",
    state: "/Status",
    done: &[],
    failed: &[],
    done_when_gone: false,
    output: Output::Answer,
    stop: None,
    rule: None,
};

/// Every kind of job.
pub(super) const JOBS: &[JobKind] = &[
    JobKind {
        service: "ecs",
        action: "runTask",
        describe: "describeTasks",
        asked: &[("Cluster", Parameter("Cluster")), ("Tasks", SubmittedList("/Tasks/0/TaskArn"))],
        found: "/Tasks/0",
        state: "/LastStatus",
        done: &["STOPPED"],
        output: Output::Found,
        stop: Some((
            "stopTask",
            &[
                ("Cluster", Parameter("Cluster")),
                ("Task", Submitted("/Tasks/0/TaskArn")),
                ("Reason", Text(STOPPED)),
            ],
        )),
        rule: Some("StepFunctionsGetEventsForECSTaskRule"),
        ..JOB
    },
    JobKind {
        service: "batch",
        action: "submitJob",
        describe: "describeJobs",
        asked: &[("Jobs", SubmittedList("/JobId"))],
        found: "/Jobs/0",
        done: &["SUCCEEDED"],
        failed: &["FAILED"],
        output: Output::Found,
        stop: Some(("terminateJob", &[("JobId", Submitted("/JobId")), ("Reason", Text(STOPPED))])),
        rule: Some("StepFunctionsGetEventsForBatchJobsRule"),
        ..JOB
    },
    JobKind {
        service: "glue",
        action: "startJobRun",
        describe: "getJobRun",
        asked: &[("JobName", Parameter("JobName")), ("RunId", Submitted("/JobRunId"))],
        found: "/JobRun",
        state: "/JobRunState",
        done: &["SUCCEEDED"],
        failed: &["FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED"],
        output: Output::Found,
        stop: Some((
            "batchStopJobRun",
            &[("JobName", Parameter("JobName")), ("JobRunIds", SubmittedList("/JobRunId"))],
        )),
        ..JOB
    },
    JobKind {
        service: "databrew",
        action: "startJobRun",
        describe: "describeJobRun",
        asked: &[("Name", Parameter("Name")), ("RunId", Submitted("/RunId"))],
        state: "/State",
        done: &["SUCCEEDED"],
        failed: &["FAILED", "STOPPED", "TIMEOUT"],
        stop: Some(("stopJobRun", &[("Name", Parameter("Name")), ("RunId", Submitted("/RunId"))])),
        ..JOB
    },
    JobKind {
        service: "codebuild",
        action: "startBuild",
        describe: "batchGetBuilds",
        asked: &[("Ids", SubmittedList("/Build/Id"))],
        found: "/Builds/0",
        state: "/BuildStatus",
        done: &["SUCCEEDED"],
        failed: BUILD_FAILED,
        output: Output::Named("Build"),
        stop: Some(("stopBuild", &[("Id", Submitted("/Build/Id"))])),
        rule: Some("StepFunctionsGetEventForCodeBuildStartBuildRule"),
        ..JOB
    },
    JobKind { action: "startBuildBatch", ..BUILD_BATCH },
    JobKind { action: "retryBuildBatch", ..BUILD_BATCH },
    JobKind {
        service: "athena",
        action: "startQueryExecution",
        describe: "getQueryExecution",
        asked: &[("QueryExecutionId", Submitted("/QueryExecutionId"))],
        found: "/QueryExecution",
        state: "/Status/State",
        done: &["SUCCEEDED"],
        failed: &["FAILED", "CANCELLED"],
        stop: Some(("stopQueryExecution", &[("QueryExecutionId", Submitted("/QueryExecutionId"))])),
        ..JOB
    },
    JobKind {
        service: "bedrock",
        action: "createModelCustomizationJob",
        describe: "getModelCustomizationJob",
        asked: &[("JobIdentifier", Submitted("/JobArn"))],
        done: &["Completed"],
        failed: &["Failed", "Stopped"],
        stop: Some(("stopModelCustomizationJob", &[("JobIdentifier", Submitted("/JobArn"))])),
        ..JOB
    },
    JobKind {
        action: "createTrainingJob",
        describe: "describeTrainingJob",
        asked: &[("TrainingJobName", Parameter("TrainingJobName"))],
        state: "/TrainingJobStatus",
        stop: Some(("stopTrainingJob", &[("TrainingJobName", Parameter("TrainingJobName"))])),
        rule: Some("StepFunctionsGetEventsForSageMakerTrainingJobsRule"),
        ..SAGEMAKER
    },
    JobKind {
        action: "createTransformJob",
        describe: "describeTransformJob",
        asked: &[("TransformJobName", Parameter("TransformJobName"))],
        state: "/TransformJobStatus",
        stop: Some(("stopTransformJob", &[("TransformJobName", Parameter("TransformJobName"))])),
        rule: Some("StepFunctionsGetEventsForSageMakerTransformJobsRule"),
        ..SAGEMAKER
    },
    JobKind {
        action: "createProcessingJob",
        describe: "describeProcessingJob",
        asked: &[("ProcessingJobName", Parameter("ProcessingJobName"))],
        state: "/ProcessingJobStatus",
        stop: Some(("stopProcessingJob", &[("ProcessingJobName", Parameter("ProcessingJobName"))])),
        rule: Some("StepFunctionsGetEventsForSageMakerProcessingJobsRule"),
        ..SAGEMAKER
    },
    JobKind {
        action: "createLabelingJob",
        describe: "describeLabelingJob",
        asked: &[("LabelingJobName", Parameter("LabelingJobName"))],
        state: "/LabelingJobStatus",
        stop: Some(("stopLabelingJob", &[("LabelingJobName", Parameter("LabelingJobName"))])),
        rule: Some("StepFunctionsGetEventsForSageMakerLabelingJobsRule"),
        ..SAGEMAKER
    },
    JobKind {
        action: "createHyperParameterTuningJob",
        describe: "describeHyperParameterTuningJob",
        asked: TUNING_JOB,
        state: "/HyperParameterTuningJobStatus",
        failed: &["Failed", "Stopped", "DeleteFailed"],
        stop: Some(("stopHyperParameterTuningJob", TUNING_JOB)),
        rule: Some("StepFunctionsGetEventsForSageMakerTuningJobsRule"),
        ..SAGEMAKER
    },
    JobKind {
        action: "createCluster",
        asked: &[("ClusterId", Submitted("/ClusterId"))],
        done: &["WAITING", "RUNNING"],
        failed: &["TERMINATED", "TERMINATED_WITH_ERRORS"],
        stop: Some(("terminateJobFlows", &[("JobFlowIds", SubmittedList("/ClusterId"))])),
        rule: Some("StepFunctionsGetEventForEMRRunJobFlowRule"),
        ..EMR_CLUSTER
    },
    JobKind {
        action: "terminateCluster",
        asked: &[("ClusterId", Parameter("ClusterId"))],
        done: &["TERMINATED", "TERMINATED_WITH_ERRORS"],
        rule: Some("StepFunctionsGetEventForEMRTerminateJobFlowsRule"),
        ..EMR_CLUSTER
    },
    JobKind {
        service: "elasticmapreduce",
        action: "addStep",
        describe: "describeStep",
        asked: &[("ClusterId", Parameter("ClusterId")), ("StepId", Submitted("/StepId"))],
        found: "/Step",
        state: "/Status/State",
        done: &["COMPLETED"],
        failed: &["CANCELLED", "FAILED", "INTERRUPTED"],
        stop: Some((
            "cancelSteps",
            &[("ClusterId", Parameter("ClusterId")), ("StepIds", SubmittedList("/StepId"))],
        )),
        rule: Some("StepFunctionsGetEventForEMRAddJobFlowStepsRule"),
        ..JOB
    },
    JobKind {
        service: "emr-containers",
        action: "startJobRun",
        describe: "describeJobRun",
        asked: &[("Id", Submitted("/Id")), ("VirtualClusterId", Parameter("VirtualClusterId"))],
        found: "/JobRun",
        state: "/State",
        done: &["COMPLETED"],
        failed: &["FAILED", "CANCELLED"],
        output: Output::Found,
        stop: Some((
            "cancelJobRun",
            &[("Id", Submitted("/Id")), ("VirtualClusterId", Parameter("VirtualClusterId"))],
        )),
        ..JOB
    },
    JobKind {
        service: "emr-containers",
        action: "deleteVirtualCluster",
        describe: "describeVirtualCluster",
        asked: &[("Id", Parameter("Id"))],
        found: "/VirtualCluster",
        state: "/State",
        done: &["TERMINATED"],
        failed: &["ARRESTED"],
        output: Output::Found,
        ..JOB
    },
    JobKind {
        service: "emr-serverless",
        action: "startJobRun",
        describe: "getJobRun",
        asked: &[
            ("ApplicationId", Parameter("ApplicationId")),
            ("JobRunId", Submitted("/JobRunId")),
        ],
        found: "/JobRun",
        state: "/State",
        done: &["SUCCESS"],
        failed: &["FAILED", "CANCELLED"],
        stop: Some((
            "cancelJobRun",
            &[("ApplicationId", Parameter("ApplicationId")), ("JobRunId", Submitted("/JobRunId"))],
        )),
        ..JOB
    },
    JobKind {
        service: "emr-serverless",
        action: "cancelJobRun",
        describe: "getJobRun",
        asked: &[
            ("ApplicationId", Parameter("ApplicationId")),
            ("JobRunId", Parameter("JobRunId")),
        ],
        found: "/JobRun",
        state: "/State",
        done: &["CANCELLED"],
        failed: &["FAILED", "SUCCESS"],
        ..JOB
    },
    JobKind {
        action: "createApplication",
        asked: &[("ApplicationId", Submitted("/ApplicationId"))],
        done: &["CREATED", "STARTED"],
        failed: &["TERMINATED"],
        ..APPLICATION
    },
    JobKind { action: "startApplication", done: &["STARTED"], ..APPLICATION },
    JobKind { action: "stopApplication", done: &["STOPPED"], ..APPLICATION },
    JobKind {
        action: "deleteApplication",
        done: &["TERMINATED"],
        failed: &[],
        done_when_gone: true,
        ..APPLICATION
    },
    JobKind { action: "createCluster", done: &["ACTIVE"], ..EKS_CLUSTER },
    JobKind { action: "deleteCluster", done_when_gone: true, ..EKS_CLUSTER },
    JobKind { action: "createNodegroup", done: &["ACTIVE"], ..NODEGROUP },
    JobKind { action: "deleteNodegroup", done_when_gone: true, ..NODEGROUP },
    JobKind { action: "createFargateProfile", done: &["ACTIVE"], ..FARGATE_PROFILE },
    JobKind { action: "deleteFargateProfile", done_when_gone: true, ..FARGATE_PROFILE },
    JobKind {
        service: "mediaconvert",
        action: "createJob",
        describe: "getJob",
        asked: &[("Id", Submitted("/Job/Id"))],
        found: "/Job",
        done: &["COMPLETE"],
        failed: &["ERROR", "CANCELED"],
        stop: Some(("cancelJob", &[("Id", Submitted("/Job/Id"))])),
        rule: Some("StepFunctionsGetEventsForMediaConvertJobRule"),
        ..JOB
    },
];

const BUILD_FAILED: &[&str] = &["FAILED", "FAULT", "TIMED_OUT", "STOPPED"];

const TUNING_JOB: &[(&str, Source)] =
    &[("HyperParameterTuningJobName", Parameter("HyperParameterTuningJobName"))];

const BUILD_BATCH: JobKind = JobKind {
    service: "codebuild",
    describe: "batchGetBuildBatches",
    asked: &[("Ids", SubmittedList("/BuildBatch/Id"))],
    found: "/BuildBatches/0",
    state: "/BuildBatchStatus",
    done: &["SUCCEEDED"],
    failed: BUILD_FAILED,
    output: Output::Named("BuildBatch"),
    stop: Some(("stopBuildBatch", &[("Id", Submitted("/BuildBatch/Id"))])),
    rule: Some("StepFunctionsGetEventForCodeBuildStartBuildBatchRule"),
    ..JOB
};

const SAGEMAKER: JobKind =
    JobKind { service: "sagemaker", done: &["Completed"], failed: &["Failed", "Stopped"], ..JOB };

const EMR_CLUSTER: JobKind = JobKind {
    service: "elasticmapreduce",
    describe: "describeCluster",
    found: "/Cluster",
    state: "/Status/State",
    output: Output::Cluster,
    ..JOB
};

const APPLICATION: JobKind = JobKind {
    service: "emr-serverless",
    describe: "getApplication",
    asked: &[("ApplicationId", Parameter("ApplicationId"))],
    found: "/Application",
    state: "/State",
    failed: &["TERMINATED"],
    ..JOB
};

const EKS_CLUSTER: JobKind = JobKind {
    service: "eks",
    describe: "describeCluster",
    asked: &[("Name", Parameter("Name"))],
    found: "/Cluster",
    failed: &["FAILED"],
    ..JOB
};

const NODEGROUP: JobKind = JobKind {
    service: "eks",
    describe: "describeNodegroup",
    asked: &[
        ("ClusterName", Parameter("ClusterName")),
        ("NodegroupName", Parameter("NodegroupName")),
    ],
    found: "/Nodegroup",
    failed: &["CREATE_FAILED", "DELETE_FAILED"],
    ..JOB
};

const FARGATE_PROFILE: JobKind = JobKind {
    service: "eks",
    describe: "describeFargateProfile",
    asked: &[
        ("ClusterName", Parameter("ClusterName")),
        ("FargateProfileName", Parameter("FargateProfileName")),
    ],
    found: "/FargateProfile",
    failed: &["CREATE_FAILED", "DELETE_FAILED"],
    ..JOB
};
