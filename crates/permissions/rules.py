"""What the service authorization reference does not say of operations, service by service.

Folders are those of botocore. A rule is (action, alternatives of its resource, when); without a
condition it always applies. src/resource.rs describes the form of resources and conditions.
"""

# The IAM prefix, where neither the signing name nor the folder is it.
# https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
PREFIXES = {
    "bedrock-runtime": "bedrock",
    "bedrock-agent-runtime": "bedrock",
    "cloudcontrol": "cloudformation",
    "cloudsearchdomain": "cloudsearch",
    "finspace-data": "finspace-api",
    "iot-data": "iot",
    "iot-jobs-data": "iotjobsdata",
    "iotevents-data": "iotevents",
    "iotsecuretunneling": "iot",
    "keyspaces": "cassandra",
    "mturk": "mechanicalturk",
    "neptunedata": "neptune-db",
    "partnercentral-account": "partnercentral",
    "partnercentral-benefits": "partnercentral",
    "partnercentral-channel": "partnercentral",
    "partnercentral-selling": "partnercentral",
    "resourcegroupstaggingapi": "tag",
    "taxsettings": "tax",
}

# Services whose actions are HTTP methods, on their paths.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html
BY_METHOD = {"apigateway", "apigatewayv2"}

# Operations named as others: a pattern of the whole name, and the action's name.
PATTERNS = {
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonkeyspacesforapachecassandra.html
    "keyspaces": [
        (r"(Create)(Keyspace|Table|Type)", r"Create"),
        (r"(Update)(Keyspace|Table)", r"Alter"),
        (r"(Delete)(Keyspace|Table|Type)", r"Drop"),
        (r"(Get|List)(Keyspaces?|Tables?|Types?|TableAutoScalingSettings|TagsForResource)",
         r"Select"),
        (r"RestoreTable", r"Restore"),
    ],
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsbudgetservice.html
    "budgets": [
        (r"(Create|Update|Delete)(Budget|Notification|Subscriber)", r"ModifyBudget"),
        (r"Describe(Budgets?|BudgetNotificationsForAccount|BudgetPerformanceHistory"
         r"|NotificationsForBudget|SubscribersForNotification)", r"ViewBudget"),
    ],
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonneptune.html
    "neptunedata": [
        (r"(Cancel)(Gremlin|OpenCypher)Query", r"CancelQuery"),
        (r"ExecuteFastReset", r"ResetDatabase"),
        (r"Execute(Gremlin|OpenCypher).*", r"ReadDataViaQuery"),
        (r"(Get|List)(Gremlin|OpenCypher)Quer(yStatus|ies)", r"GetQueryStatus"),
        (r"Delete(Propertygraph|Sparql)Statistics", r"DeleteStatistics"),
        (r"Manage(Propertygraph|Sparql)Statistics", r"ManageStatistics"),
        (r"Get(Propertygraph|Sparql)Statistics", r"GetStatisticsStatus"),
        (r"Get(Propertygraph|RDFGraph)Summary", r"GetGraphSummary"),
        (r"Get(Propertygraph|Sparql)Stream", r"GetStreamRecords"),
        (r"Get(MLDataProcessingJob|MLEndpoint|MLModelTrainingJob|MLModelTransformJob)",
         r"Get\1Status"),
    ],
}

# Types of resources whose ARN does not follow from the names of its page: the member that tells it,
# and how.
TYPES = {
    # The path of an identity is not in its name: without it the ARN is not known.
    **{("iam", kind): None for kind in ["group", "role", "user", "instance-profile",
                                        "server-certificate", "mfa", "saml-provider",
                                        "oidc-provider"]},
    ("iam", "policy"): ("PolicyArn", "{PolicyArn}"),
    # Six random characters follow the name of a secret: only its ARN has them.
    ("secretsmanager", "Secret"): ("SecretId", "{SecretId}"),
    # AWS asks for the key that an alias stands for, which is not known here.
    ("kms", "key"): ("KeyId", "arn:${Partition}:kms:${Region}:${Account}:key/{KeyId!alias/}"),
    # The name's first slash is not in the ARN.
    ("ssm", "parameter"): (
        "Name", "arn:${Partition}:ssm:${Region}:${Account}:parameter/{Name~}"),
    # A function may be named with its account, as `123456789012:function:name`.
    ("lambda", "function"): (
        "FunctionName",
        "arn:${Partition}:lambda:${Region}:${Account}:function:{FunctionName!:function:}"),
}

_SFN = "arn:${Partition}:states:${Region}:${Account}:"
_PASS = ("iam:PassRole", ["{roleArn}"], "roleArn")
_TABLE = "arn:${Partition}:dynamodb:${Region}:${Account}:table/"
_OBJECT = "arn:${Partition}:s3:::{Bucket}/{Key}"
_BUCKET = "arn:${Partition}:s3:::{Bucket}"
_QUEUE = "arn:${Partition}:sqs:${Region}:{QueueUrl#2}:{QueueUrl#1}"
_SOURCE = "arn:${Partition}:s3:::{CopySource~}"


def _step_functions():
    """Step Functions' own API: what is created is named, everything else has its ARN.

    https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html
    """
    rows = {
        "CreateActivity": [
            ("states:CreateActivity", [_SFN + "activity:{name}"]),
            ("states:TagResource", [_SFN + "activity:{name}"], "tags"),
        ],
        "CreateStateMachine": [
            ("states:CreateStateMachine", [_SFN + "stateMachine:{name}"]),
            ("states:TagResource", [_SFN + "stateMachine:{name}"], "tags"),
            ("states:PublishStateMachineVersion", [_SFN + "stateMachine:{name}"], "publish=true"),
            _PASS,
        ],
        "UpdateStateMachine": [
            ("states:UpdateStateMachine", ["{stateMachineArn}"]),
            ("states:PublishStateMachineVersion", ["{stateMachineArn}"], "publish=true"),
            _PASS,
        ],
        "CreateStateMachineAlias": [
            ("states:CreateStateMachineAlias", ["{routingConfiguration[].stateMachineVersionArn}"]),
        ],
        "TestState": [
            ("states:TestState", ["*"]),
            ("states:RevealSecrets", ["*"], "revealSecrets=true"),
            _PASS,
        ],
        "ListExecutions": [
            ("states:ListExecutions", ["{stateMachineArn}", "{mapRunArn}"]),
        ],
    }
    one = {
        "stateMachineArn": [
            "DeleteStateMachine", "DescribeStateMachine", "ListStateMachineAliases",
            "ListStateMachineVersions", "PublishStateMachineVersion", "StartExecution",
            "StartSyncExecution",
        ],
        "stateMachineAliasArn": [
            "DeleteStateMachineAlias", "DescribeStateMachineAlias", "UpdateStateMachineAlias",
        ],
        "stateMachineVersionArn": ["DeleteStateMachineVersion"],
        "activityArn": ["DeleteActivity", "DescribeActivity", "GetActivityTask"],
        "executionArn": [
            "DescribeExecution", "DescribeStateMachineForExecution", "GetExecutionHistory",
            "ListMapRuns", "RedriveExecution", "StopExecution",
        ],
        "mapRunArn": ["DescribeMapRun", "UpdateMapRun"],
        "resourceArn": ["ListTagsForResource", "TagResource", "UntagResource"],
    }
    for member, operations in one.items():
        for operation in operations:
            rows[operation] = [("states:" + operation, ["{%s}" % member])]
    for operation in ["ListActivities", "ListStateMachines", "SendTaskFailure", "SendTaskHeartbeat",
                      "SendTaskSuccess", "ValidateStateMachineDefinition"]:
        rows[operation] = [("states:" + operation, ["*"])]
    return {("stepfunctions", operation): row for operation, row in rows.items()}


def _s3():
    """https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html"""
    read = [
        ("s3:GetObject", [_OBJECT], "!VersionId"),
        ("s3:GetObjectVersion", [_OBJECT], "VersionId"),
    ]
    write = [
        ("s3:PutObject", [_OBJECT]),
        ("s3:PutObjectAcl", [_OBJECT], "ACL"),
        ("s3:PutObjectTagging", [_OBJECT], "Tagging"),
    ]
    source = [
        ("s3:GetObject", [_SOURCE], "CopySource!~?versionId="),
        ("s3:GetObjectVersion", [_SOURCE], "CopySource~?versionId="),
    ]
    on_bucket = lambda action: [("s3:" + action, [_BUCKET])]
    on_object = lambda action: [("s3:" + action, [_OBJECT])]
    rows = {
        "GetObject": read,
        "HeadObject": read,
        "GetObjectAttributes": read + [
            ("s3:GetObjectAttributes", [_OBJECT], "!VersionId"),
            ("s3:GetObjectVersionAttributes", [_OBJECT], "VersionId"),
        ],
        "GetObjectTorrent": on_object("GetObjectTorrent"),
        "SelectObjectContent": on_object("GetObject"),
        "PutObject": write,
        "CreateMultipartUpload": write,
        "UploadPart": on_object("PutObject"),
        "CompleteMultipartUpload": on_object("PutObject"),
        "AbortMultipartUpload": on_object("AbortMultipartUpload"),
        "ListParts": on_object("ListMultipartUploadParts"),
        "CopyObject": write + source,
        "UploadPartCopy": on_object("PutObject") + source,
        "DeleteObject": [
            ("s3:DeleteObject", [_OBJECT], "!VersionId"),
            ("s3:DeleteObjectVersion", [_OBJECT], "VersionId"),
        ],
        "DeleteObjects": [
            ("s3:DeleteObject", ["arn:${Partition}:s3:::{Bucket}/{Delete.Objects[!VersionId].Key}"],
             "Delete.Objects[!VersionId].Key"),
            ("s3:DeleteObjectVersion",
             ["arn:${Partition}:s3:::{Bucket}/{Delete.Objects[VersionId].Key}"],
             "Delete.Objects[VersionId].Key"),
        ],
        "RenameObject": [("s3:PutObject", [_OBJECT]), ("s3:GetObject", [
            "arn:${Partition}:s3:::{Bucket}/{RenameSource~}"])],
        "UpdateObjectEncryption": [("s3:UpdateObjectEncryption", [_OBJECT])],
        "WriteGetObjectResponse": [("s3-object-lambda:WriteGetObjectResponse", ["*"])],
        "ListBuckets": [("s3:ListAllMyBuckets", ["*"])],
        "ListDirectoryBuckets": [("s3express:ListAllMyDirectoryBuckets", ["*"])],
        "CreateSession": [("s3express:CreateSession", [])],
        "HeadBucket": on_bucket("ListBucket"),
        "ListObjects": on_bucket("ListBucket"),
        "ListObjectsV2": on_bucket("ListBucket"),
        "ListObjectVersions": on_bucket("ListBucketVersions"),
        "ListMultipartUploads": on_bucket("ListBucketMultipartUploads"),
    }
    # Taking an object's acl, tags, retention or hold; those of versions have their own actions.
    for name in ["GetObjectAcl", "PutObjectAcl", "GetObjectTagging", "PutObjectTagging",
                 "DeleteObjectTagging"]:
        version = name.replace("Object", "ObjectVersion")
        rows[name] = [
            ("s3:" + name, [_OBJECT], "!VersionId"), ("s3:" + version, [_OBJECT], "VersionId"),
        ]
    for name in ["GetObjectRetention", "PutObjectRetention", "GetObjectLegalHold",
                 "PutObjectLegalHold", "RestoreObject"]:
        rows[name] = on_object(name)
    # Operations on buckets whose action has another name; deleting needs the right to put.
    named = {
        "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
        "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
        "GetBucketLifecycle": "GetLifecycleConfiguration",
        "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
        "PutBucketLifecycle": "PutLifecycleConfiguration",
        "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
        "DeleteBucketLifecycle": "PutLifecycleConfiguration",
        "GetBucketReplication": "GetReplicationConfiguration",
        "PutBucketReplication": "PutReplicationConfiguration",
        "DeleteBucketReplication": "PutReplicationConfiguration",
        "GetBucketEncryption": "GetEncryptionConfiguration",
        "PutBucketEncryption": "PutEncryptionConfiguration",
        "DeleteBucketEncryption": "PutEncryptionConfiguration",
        "GetBucketCors": "GetBucketCORS",
        "PutBucketCors": "PutBucketCORS",
        "DeleteBucketCors": "PutBucketCORS",
        "DeleteBucketTagging": "PutBucketTagging",
        "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
        "GetBucketNotificationConfiguration": "GetBucketNotification",
        "PutBucketNotificationConfiguration": "PutBucketNotification",
        "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
        "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
        "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
        "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
        "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
        "GetBucketAbac": "GetBucketAbac",
        "PutBucketAbac": "PutBucketAbac",
        "CreateBucketMetadataConfiguration": "CreateBucketMetadataTableConfiguration",
        "DeleteBucketMetadataConfiguration": "DeleteBucketMetadataTableConfiguration",
        "GetBucketMetadataConfiguration": "GetBucketMetadataTableConfiguration",
        "UpdateBucketMetadataInventoryTableConfiguration":
            "UpdateBucketMetadataInventoryTableConfiguration",
        "UpdateBucketMetadataJournalTableConfiguration":
            "UpdateBucketMetadataJournalTableConfiguration",
    }
    for kind in ["Analytics", "IntelligentTiering", "Inventory", "Metrics"]:
        for verb, right in [("Get", "Get"), ("List", "Get"), ("Put", "Put"), ("Delete", "Put")]:
            plural = "Configurations" if verb == "List" else "Configuration"
            named[f"{verb}Bucket{kind}{plural}"] = f"{right}{kind}Configuration"
    for operation, action in named.items():
        rows[operation] = on_bucket(action)
    return {("s3", operation): row for operation, row in rows.items()}


def _s3_control():
    """https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_AWS_S3_Control.html"""
    rows = {
        "GetPublicAccessBlock": ("s3:GetAccountPublicAccessBlock", ["*"]),
        "PutPublicAccessBlock": ("s3:PutAccountPublicAccessBlock", ["*"]),
        "DeletePublicAccessBlock": ("s3:PutAccountPublicAccessBlock", ["*"]),
        "GetBucket": ("s3-outposts:GetBucket", []),
        "ListRegionalBuckets": ("s3-outposts:ListRegionalBuckets", []),
        "DeleteBucketLifecycleConfiguration": ("s3-outposts:PutLifecycleConfiguration", []),
        "DeleteBucketReplication": ("s3-outposts:PutReplicationConfiguration", []),
        "DeleteBucketTagging": ("s3-outposts:PutBucketTagging", []),
        "GetAccessPointScope": ("s3express:GetAccessPointScope", []),
        "PutAccessPointScope": ("s3express:PutAccessPointScope", []),
        "DeleteAccessPointScope": ("s3express:DeleteAccessPointScope", []),
        "ListAccessPointsForDirectoryBuckets": (
            "s3express:ListAccessPointsForDirectoryBuckets", []),
    }
    return {("s3control", operation): [row] for operation, row in rows.items()}


def _dynamodb():
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/api-permissions-reference.html"""
    table = lambda member: [_TABLE + "{%s}" % member]
    index = lambda action: [
        ("dynamodb:" + action, table("TableName"), "!IndexName"),
        ("dynamodb:" + action, [_TABLE + "{TableName}/index/{IndexName}"], "IndexName"),
    ]
    rows = {
        "TransactWriteItems": [
            ("dynamodb:ConditionCheckItem",
             table("TransactItems[ConditionCheck].ConditionCheck.TableName"),
             "TransactItems[ConditionCheck]"),
            ("dynamodb:PutItem", table("TransactItems[Put].Put.TableName"), "TransactItems[Put]"),
            ("dynamodb:UpdateItem", table("TransactItems[Update].Update.TableName"),
             "TransactItems[Update]"),
            ("dynamodb:DeleteItem", table("TransactItems[Delete].Delete.TableName"),
             "TransactItems[Delete]"),
        ],
        "Query": index("Query"),
        "Scan": index("Scan"),
        "TransactGetItems": [("dynamodb:GetItem", table("TransactItems[].Get.TableName"))],
        "BatchGetItem": [("dynamodb:BatchGetItem", table("RequestItems[*]"))],
        "BatchWriteItem": [("dynamodb:BatchWriteItem", table("RequestItems[*]"))],
    }
    for operation, member in [("ExecuteStatement", "Statement"),
                              ("BatchExecuteStatement", "Statements[].Statement"),
                              ("ExecuteTransaction", "TransactStatements[].Statement")]:
        # The table is within the statement: PartiQL is not read, so any that is allowed will do.
        rows[operation] = [
            ("dynamodb:PartiQL" + verb, [], f"{member}^{verb.lower()}")
            for verb in ["Select", "Insert", "Update", "Delete"]
        ]
        # `EXISTS(SELECT …)` of a transaction only reads.
        rows[operation].append(("dynamodb:PartiQLSelect", [], f"{member}^exists"))
    return {("dynamodb", operation): row for operation, row in rows.items()}


def _others():
    send = lambda action: [("sqs:" + action, [_QUEUE])]
    bus = "arn:${Partition}:events:${Region}:${Account}:event-bus/{Entries[].EventBusName|default}"
    converse = lambda action: [("bedrock:" + action, ["{modelId}"])]
    invoke = [("lambda:InvokeFunction", [
        "arn:${Partition}:lambda:${Region}:${Account}:function:{FunctionName!:function:}"])]
    manage = [("execute-api:ManageConnections", [])]
    rows = {
        ("events", "PutEvents"): [("events:PutEvents", [bus])],
        # https://docs.aws.amazon.com/sns/latest/dg/sns-using-identity-based-policies.html
        ("sns", "Publish"): [
            ("sns:Publish", ["{TopicArn}", "{TargetArn}"], "!PhoneNumber"),
            ("sns:Publish", ["*"], "PhoneNumber"),
        ],
        ("sns", "PublishBatch"): [("sns:Publish", ["{TopicArn}"])],
        # https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
        ("lambda", "Invoke"): invoke,
        ("lambda", "InvokeAsync"): invoke,
        ("lambda", "InvokeWithResponseStream"): invoke,
        ("lambda", "GetLayerVersionByArn"): [("lambda:GetLayerVersion", ["{Arn}"])],
        # https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
        ("bedrock-runtime", "Converse"): converse("InvokeModel"),
        ("bedrock-runtime", "ConverseStream"): converse("InvokeModelWithResponseStream"),
        ("bedrock-runtime", "InvokeModel"): converse("InvokeModel"),
        ("bedrock-runtime", "InvokeModelWithResponseStream"):
            converse("InvokeModelWithResponseStream"),
        ("bedrock-runtime", "InvokeModelWithBidirectionalStream"): converse("InvokeModel"),
        ("bedrock-runtime", "StartAsyncInvoke"): converse("InvokeModel"),
        ("bedrock-agent-runtime", "RetrieveAndGenerateStream"): [
            ("bedrock:RetrieveAndGenerate", ["*"])],
        # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-control-access-iam.html
        ("apigatewaymanagementapi", "PostToConnection"): manage,
        ("apigatewaymanagementapi", "GetConnection"): manage,
        ("apigatewaymanagementapi", "DeleteConnection"): manage,
        # https://docs.aws.amazon.com/cloudsearch/latest/developerguide/configuring-access.html
        ("cloudsearchdomain", "UploadDocuments"): [("cloudsearch:document", [])],
        ("cloudsearchdomain", "Search"): [("cloudsearch:search", [])],
        ("cloudsearchdomain", "Suggest"): [("cloudsearch:suggest", [])],
        # https://docs.aws.amazon.com/kms/latest/APIReference/API_ReEncrypt.html
        ("kms", "ReEncrypt"): [
            ("kms:ReEncryptFrom", ["{SourceKeyId}"]), ("kms:ReEncryptTo", ["{DestinationKeyId}"])],
        # https://docs.aws.amazon.com/neptune-analytics/latest/apiref/API_ExecuteQuery.html
        ("neptune-graph", "ExecuteQuery"): [("neptune-graph:ReadDataViaQuery", [])],
        # https://docs.aws.amazon.com/timestream/latest/developerguide/security_iam_service-with-iam.html
        ("timestream-query", "Query"): [("timestream:Select", [])],
        # https://docs.aws.amazon.com/verifiedpermissions/latest/apireference/API_BatchIsAuthorized.html
        ("verifiedpermissions", "BatchIsAuthorized"): [
            ("verifiedpermissions:IsAuthorized", [])],
        ("verifiedpermissions", "BatchIsAuthorizedWithToken"): [
            ("verifiedpermissions:IsAuthorizedWithToken", [])],
        ("verifiedpermissions", "BatchGetPolicy"): [("verifiedpermissions:GetPolicy", [])],
        # https://docs.aws.amazon.com/tax-settings/latest/APIReference/
        ("taxsettings", "BatchGetTaxExemptions"): [("tax:GetExemptions", ["*"])],
        ("taxsettings", "GetTaxExemptionTypes"): [("tax:GetExemptions", ["*"])],
        ("taxsettings", "ListTaxExemptions"): [("tax:GetExemptions", ["*"])],
        ("taxsettings", "PutTaxExemption"): [("tax:UpdateExemptions", ["*"])],
        ("cloudfront", "CreateDistributionWithTags"): [
            ("cloudfront:CreateDistribution", ["*"]), ("cloudfront:TagResource", [])],
        ("iotfleetwise", "BatchCreateVehicle"): [("iotfleetwise:CreateVehicle", [])],
        ("iotfleetwise", "BatchUpdateVehicle"): [("iotfleetwise:UpdateVehicle", [])],
        # https://docs.aws.amazon.com/quicksight/latest/APIReference/API_DescribeDashboardDefinition.html
        ("quicksight", "DescribeAnalysisDefinition"): [("quicksight:DescribeAnalysis", [])],
        ("quicksight", "DescribeDashboardDefinition"): [("quicksight:DescribeDashboard", [])],
        ("quicksight", "DescribeTemplateDefinition"): [("quicksight:DescribeTemplate", [])],
        ("redshift-data", "GetStatementResultV2"): [("redshift-data:GetStatementResult", [])],
        # Whoever calls is told who that is, whatever policies say.
        # https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
        ("sts", "GetCallerIdentity"): [],
    }
    for action in ["SendMessage", "DeleteMessage", "ChangeMessageVisibility"]:
        rows["sqs", action + "Batch"] = send(action)
    for action in ["AddPermission", "CancelMessageMoveTask", "ChangeMessageVisibility",
                   "DeleteMessage", "DeleteQueue", "GetQueueAttributes",
                   "ListDeadLetterSourceQueues", "ListQueueTags", "PurgeQueue", "ReceiveMessage",
                   "RemovePermission", "SendMessage", "SetQueueAttributes", "TagQueue",
                   "UntagQueue"]:
        if action != "CancelMessageMoveTask":
            rows["sqs", action] = send(action)
    return rows


# Permissions that differ from "the action of the operation's name on the resource of its page".
OPERATIONS = {**_step_functions(), **_s3(), **_s3_control(), **_dynamodb(), **_others()}

# Why the reference has no action for operations of a service. Such an operation asks for the action
# of its own name; where AWS has none of that name, only a policy with `*` allows it.
_NEWER = "the operations are newer than the reference"
_ENDED = "the service has ended, and its page with it"
_TOKEN = "the caller is known by a token of its own, and AWS asks no policy"
_UNLISTED = "its page does not list them"
UNREFERENCED = {
    "applicationcostprofiler": _ENDED,
    "appstream": _NEWER,
    "bedrock-agentcore": _NEWER,
    "cloudfront": _NEWER,
    "cloudhsm": _ENDED,
    "cloudtrail": _NEWER,
    "cloudwatch": _NEWER,
    "codecatalyst": _TOKEN,
    "cognito-idp": _TOKEN,
    "comprehendmedical": _UNLISTED,
    "connect": _NEWER,
    "connectparticipant": _TOKEN,
    "datazone": _UNLISTED,
    "deadline": _NEWER,
    "dms": _NEWER,
    "ecr": _NEWER,
    "finspace-data": _ENDED,
    "geo-maps": "styles, glyphs and sprites are public",
    "glue": _NEWER,
    "iam": _NEWER,
    "iot-jobs-data": _NEWER,
    "iotthingsgraph": _ENDED,
    "lakeformation": _UNLISTED,
    "lexv2-models": _UNLISTED,
    "logs": _NEWER,
    "marketplace-catalog": _UNLISTED,
    "mediaconnect": _NEWER,
    "mediaconvert": _NEWER,
    "mediatailor": _NEWER,
    "outposts": _NEWER,
    "qapps": _UNLISTED,
    "rds": _NEWER,
    "redshift": _NEWER,
    "redshift-serverless": _NEWER,
    "resource-explorer-2": _NEWER,
    "securityhub": _NEWER,
    "sso": _TOKEN,
    "sso-oidc": _TOKEN,
    "vpc-lattice": _NEWER,
    "wickr": _NEWER,
}
