//! The services with optimised integrations, and what their errors are called.

/// A service.
pub(super) struct OptimisedService {
    /// `resourceType` of its tasks' events.
    pub(super) name: &'static str,
    /// Its model.
    pub(super) model: &'static str,
    /// What the names of its errors begin with.
    pub(super) prefix: &'static str,
    /// How the causes of its errors call it.
    pub(super) client: &'static str,
    /// The error that stands for those which the model does not have.
    pub(super) base_error: &'static str,
    /// Whether its results have `SdkHttpMetadata` and `SdkResponseMetadata`.
    pub(super) has_metadata: bool,
}

const fn row(
    name: &'static str,
    model: &'static str,
    prefix: &'static str,
    client: &'static str,
    base_error: &'static str,
) -> OptimisedService {
    OptimisedService { name, model, prefix, client, base_error, has_metadata: true }
}

/// Every service, under the names that the AWS SDK for Java 1 gives its clients and errors.
pub(super) const SERVICES: &[OptimisedService] = &[
    row("sqs", "sqs", "SQS", "AmazonSQS", "AmazonSQSException"),
    row("sns", "sns", "SNS", "AmazonSNS", "AmazonSNSException"),
    row("dynamodb", "dynamodb", "DynamoDB", "AmazonDynamoDBv2", "AmazonDynamoDBException"),
    OptimisedService {
        has_metadata: false,
        ..row(
            "events",
            "eventbridge",
            "EventBridge",
            "AmazonEventBridge",
            "AmazonEventBridgeException",
        )
    },
    row("ecs", "ecs", "ECS", "AmazonECS", "AmazonECSException"),
    row("batch", "batch", "Batch", "AWSBatch", "AWSBatchException"),
    row("glue", "glue", "Glue", "AWSGlue", "AWSGlueException"),
    row("databrew", "databrew", "DataBrew", "AWSGlueDataBrew", "AWSGlueDataBrewException"),
    row("codebuild", "codebuild", "CodeBuild", "AWSCodeBuild", "AWSCodeBuildException"),
    row("athena", "athena", "Athena", "AmazonAthena", "AmazonAthenaException"),
    row("bedrock", "bedrock", "Bedrock", "AmazonBedrock", "AmazonBedrockException"),
    row("sagemaker", "sagemaker", "SageMaker", "AmazonSageMaker", "AmazonSageMakerException"),
    row(
        "elasticmapreduce",
        "emr",
        "EMR",
        "AmazonElasticMapReduce",
        "AmazonElasticMapReduceException",
    ),
    row(
        "emr-containers",
        "emrcontainers",
        "EMRContainers",
        "AmazonEMRContainers",
        "AmazonEMRContainersException",
    ),
    row(
        "emr-serverless",
        "emrserverless",
        "EMRServerless",
        "AWSEMRServerless",
        "AWSEMRServerlessException",
    ),
    row("eks", "eks", "EKS", "AmazonEKS", "AmazonEKSException"),
    row(
        "mediaconvert",
        "mediaconvert",
        "MediaConvert",
        "AWSMediaConvert",
        "AWSMediaConvertException",
    ),
];
