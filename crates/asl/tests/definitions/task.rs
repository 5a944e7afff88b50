//! Task states and what they call.

use expect_test::{Expect, expect};

use crate::{check_express, check_state, machine};

const ACTIVITY: &str = "arn:aws:states:us-east-1:123456789012:activity:work";
const START: &str = "arn:aws:states:::states:startExecution";

fn check_resource(resource: &str, expect: Expect) {
    check_state(
        &format!(
            r#""Type":"Task","Resource":"{resource}","Parameters":{{"StateMachineArn":"a"}},
            "End":true"#
        ),
        expect,
    );
}

#[test]
fn activities_and_executions_can_be_called() {
    check_resource(ACTIVITY, expect!["ok"]);
    check_resource("arn:aws-cn:states:cn-north-1:123456789012:activity:a.b-c", expect!["ok"]);
    check_resource(START, expect!["ok"]);
    check_resource(&format!("{START}.sync"), expect!["ok"]);
    check_resource(&format!("{START}.sync:2"), expect!["ok"]);
    check_resource(&format!("{START}.waitForTaskToken"), expect!["ok"]);
}

#[test]
fn functions_and_services_can_be_called() {
    let function = "arn:aws:lambda:us-east-1:123456789012:function:f";
    for resource in [
        function.to_owned(),
        format!("{function}:3"),
        format!("{function}:$LATEST"),
        "arn:aws-cn:lambda:cn-north-1:123456789012:function:f:live".to_owned(),
    ] {
        check_resource(&resource, expect!["ok"]);
    }
    for suffix in [":", ":a:b"] {
        check_resource(
            &format!("{function}{suffix}"),
            expect![[r#"
                Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
                    Value is not a valid resource ARN"#]],
        );
    }
    let check = |resource: &str, parameters: &str, expect| {
        let arn = format!("arn:aws:states:::{resource}");
        let fields = format!(r#""Type":"Task","Resource":"{arn}","End":true{parameters}"#);
        check_state(&fields, expect);
    };
    check("lambda:invoke", r#","Parameters":{"FunctionName":"f"}"#, expect!["ok"]);
    check(
        "lambda:invoke.waitForTaskToken",
        r#","Parameters":{"FunctionName.$":"$.f","Payload":{"t.$":"$$.Task.Token"}}"#,
        expect!["ok"],
    );
    check(
        "lambda:invoke",
        r#","Parameters":{"functionName":"f"}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters
                The field "FunctionName" is required but was missing
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters
                The field "functionName" is not supported by Step Functions"#]],
    );
    check(
        "lambda:invoke",
        "",
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            Parameters field is required for resource ARN: arn:aws:states:::lambda:invoke"#]],
    );
    check(
        "lambda:invoke.sync",
        r#","Parameters":{"FunctionName":"f"}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            The resource provided arn:aws:states:::lambda:invoke.sync is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."#]],
    );
    check(
        "lambda:listFunctions",
        r#","Parameters":{}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            The resource provided arn:aws:states:::lambda:listFunctions is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."#]],
    );
    check(
        "aws-sdk:sfn:startExecution",
        r#","Parameters":{"StateMachineArn":"m","Input":{"a":1}}"#,
        expect!["ok"],
    );
    check("aws-sdk:sfn:listStateMachines", "", expect!["ok"]);
    check(
        "aws-sdk:sfn:sendTaskSuccess",
        r#","Parameters":{"taskToken":"t","Output":1}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters
                The field "TaskToken" is required but was missing
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters
                The field "taskToken" is not supported by Step Functions"#]],
    );
    check(
        "aws-sdk:sfn:StartExecution",
        "",
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            The resource provided arn:aws:states:::aws-sdk:sfn:StartExecution is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."#]],
    );
    check(
        "aws-sdk:sfn:startExecution.sync",
        "",
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            The resource provided arn:aws:states:::aws-sdk:sfn:startExecution.sync is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."#]],
    );
    check(
        "aws-sdk",
        "",
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            The resource provided arn:aws:states:::aws-sdk is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."#]],
    );
}

#[test]
fn services_of_the_sdk_are_those_of_the_models() {
    let check = |resource: &str, rest: &str, expected: Expect| {
        let resource = format!("arn:aws:states:::aws-sdk:{resource}");
        check_state(
            &format!(r#""Type":"Task","Resource":"{resource}","End":true{rest}"#),
            expected,
        );
    };
    check(
        "dynamodb:putItem",
        r#","Parameters":{"TableName.$":"$.t","Item":{"id":{"S.$":"$.i"},"b":{"Bool":true}}}"#,
        expect!["ok"],
    );
    check(
        "s3:putObject",
        r#","Parameters":{"Bucket":"b","Key":"k","Body":{"a":1}}"#,
        expect!["ok"],
    );
    check(
        "dynamodb:putItem",
        r#","Parameters":{"TableName":"t","Item":{"id":{"Z":"1"}},"Tags":[]}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters
                The field "Tags" is not supported by Step Functions
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters/Item/id
                The field "Z" is not supported by Step Functions"#]],
    );
    check(
        "dynamodb:putItems",
        r#","Parameters":{}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            The resource provided arn:aws:states:::aws-sdk:dynamodb:putItems is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."#]],
    );
    check(
        "dynamo:putItem",
        r#","Parameters":{}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            The resource provided arn:aws:states:::aws-sdk:dynamo:putItem is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."#]],
    );
    check(
        "sqs:listQueues.sync",
        "",
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            The resource provided arn:aws:states:::aws-sdk:sqs:listQueues.sync is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."#]],
    );
    check(
        "codecatalyst:getUserDetails",
        "",
        expect![[r#"
        Error INVALID_RESOURCE at /States/S/Resource
            The resource 'arn:aws:states:::aws-sdk:codecatalyst:getUserDetails' is not supported by this version of Stairwell: the service wants a bearer token"#]],
    );
    check(
        "sqs:receiveMessage",
        r#","QueryLanguage":"JSONata""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            Arguments field is required for resource ARN: arn:aws:states:::aws-sdk:sqs:receiveMessage"#]],
    );
    check(
        "sqs:receiveMessage",
        r#","QueryLanguage":"JSONata","Arguments":{"QueueUrl":"{% $q %}","Max":1}"#,
        expect![[r#"
            Warning UNDEFINED_VARIABLE at /States/S
                The variable '$q' is read here, and no state whose variables are seen here assigns it
            Error SCHEMA_VALIDATION_FAILED at /States/S/Arguments
                The field "Max" is not supported by Step Functions"#]],
    );
    check(
        "sqs:receiveMessage",
        r#","QueryLanguage":"JSONata","Arguments":"{% $a %}""#,
        expect![[r#"
            Warning UNDEFINED_VARIABLE at /States/S
                The variable '$a' is read here, and no state whose variables are seen here assigns it"#]],
    );
}

#[test]
fn credentials_are_a_role() {
    let check = |rest: &str, expected: Expect| {
        let resource = "arn:aws:states:::aws-sdk:sqs:listQueues";
        check_state(
            &format!(r#""Type":"Task","Resource":"{resource}","End":true{rest}"#),
            expected,
        );
    };
    check(r#","Credentials":{"RoleArn":"arn:aws:iam::1:role/r"}"#, expect!["ok"]);
    check(r#","Credentials":{"RoleArn.$":"$.role"}"#, expect!["ok"]);
    check(
        r#","QueryLanguage":"JSONata","Credentials":{"RoleArn":"{% $states.input.role %}"}"#,
        expect!["ok"],
    );
    check(
        r#","Credentials":{"Role":"r"}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Credentials
            These fields are required: [RoleArn]
        Error SCHEMA_VALIDATION_FAILED at /States/S/Credentials
            Field 'Role' is not supported"#]],
    );
    check(
        r#","Credentials":{"RoleArn":1}"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Credentials/RoleArn
            Expected value of type [STRING]"#]],
    );
    check(
        r#","Credentials":"r""#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Credentials
            Expected value of type [OBJECT]"#]],
    );
}

#[test]
fn integrations_are_found_by_their_resource() {
    let state = |resource: &str| {
        format!(
            r#""Type":"Task","Resource":"{resource}","End":true,
            "Parameters":{{"FunctionName":"f"}}"#
        )
    };
    let mut names = std::collections::BTreeSet::new();
    for integration in stairwell_asl::integrations() {
        assert!(names.insert(format!("{integration:?}")), "{integration:?} is there twice");
    }
    for (resource, found) in [
        ("arn:aws:states:::lambda:invoke", "lambda invoke RequestResponse"),
        ("arn:aws:states:::lambda:invoke.waitForTaskToken", "lambda invoke WaitForTaskToken"),
    ] {
        let program = crate::machine(&state(resource));
        let analysis = stairwell_asl::compile(&program, stairwell_asl::WorkflowType::Standard);
        let program = analysis.program.expect("the definition is valid");
        let stairwell_asl::StateKind::Task(task) = &program.states[0].kind else { panic!() };
        let stairwell_asl::Resource::Service { service, action, pattern } = &task.resource else {
            panic!("{:?}", task.resource)
        };
        assert_eq!(format!("{service} {action} {pattern:?}"), found);
    }
}

#[test]
fn other_resources_are_refused_by_name() {
    check_resource(
        "arn:aws:states:::teleport:beam",
        expect![[r#"
            Error INVALID_RESOURCE at /States/S/Resource
                The resource 'arn:aws:states:::teleport:beam' is not supported by this version of Stairwell. Supported are: activities, Lambda functions, every service of the AWS SDK (aws-sdk:<service>:<action>), and the integrations apigateway, athena, batch, bedrock, codebuild, databrew, dynamodb, ecs, eks, elasticmapreduce, emr-containers, emr-serverless, events, glue, http, lambda, mediaconvert, sagemaker, sns, sqs, states"#]],
    );
    check_resource(
        "arn:aws:states:::states:startExecution.sync:3",
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            The resource provided arn:aws:states:::states:startExecution.sync:3 is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."#]],
    );
    check_resource(
        "arn:aws:states:::states:stopExecution",
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            The resource provided arn:aws:states:::states:stopExecution is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."#]],
    );
}

#[test]
fn a_resource_is_an_arn() {
    check_resource(
        "startExecution",
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            Value is not a valid resource ARN"#]],
    );
    check_resource(
        "",
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            Value is not a valid resource ARN"#]],
    );
    check_resource(
        "arn:aws:states",
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            Value is not a valid resource ARN"#]],
    );
    check_resource(
        "arn:aws:states:us-east-1:123456789012:activity:",
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            Value is not a valid resource ARN"#]],
    );
    check_resource(
        "arn:aws:states::123456789012:activity:a",
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            Value is not a valid resource ARN"#]],
    );
    check_state(
        r#""Type":"Task","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            These fields are required: [Resource]"#]],
    );
    check_state(
        r#""Type":"Task","Resource":7,"End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            Expected value of type [STRING]"#]],
    );
    check_state(
        r#""Type":"Task","Resource.$":"$.r","End":true"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S
            These fields are required: [Resource]
        Error SCHEMA_VALIDATION_FAILED at /States/S
            Field 'Resource.$' is not supported"#]],
    );
}

#[test]
fn the_parameters_of_an_execution_are_known() {
    let check = |parameters: &str, expect| {
        check_state(
            &format!(r#""Type":"Task","Resource":"{START}","End":true{parameters}"#),
            expect,
        );
    };
    check(
        "",
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            Parameters field is required for resource ARN: arn:aws:states:::states:startExecution"#]],
    );
    check(
        r#","Parameters":{}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters
                The field "StateMachineArn" is required but was missing"#]],
    );
    check(
        r#","Parameters":[]"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters
            Expected value of type [OBJECT]"#]],
    );
    check(
        r#","Parameters":{"StateMachineArn.$":"$.arn","Input.$":"$","Name.$":"$.n",
            "TraceHeader.$":"$.t"}"#,
        expect!["ok"],
    );
    check(
        r#","Parameters":{"StateMachineArn":"a","Input":null,"Name":"n","TraceHeader":"t"}"#,
        expect!["ok"],
    );
    check(
        r#","Parameters":{"StateMachineArn":1,"Input":1,"Name":2,"TraceHeader":[]}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters/StateMachineArn
                Expected value of type [STRING]
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters/Name
                Expected value of type [STRING]
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters/TraceHeader
                Expected value of type [STRING]"#]],
    );
    check(
        r#","Parameters":{"stateMachineArn":"a","Foo.$":"$.foo","Bar":1}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters
                The field "StateMachineArn" is required but was missing
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters
                The field "stateMachineArn" is not supported by Step Functions
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters
                The field "Bar" is not supported by Step Functions"#]],
    );
}

#[test]
fn express_machines_do_not_wait() {
    let check = |resource: &str, expect| {
        let fields = format!(
            r#""Type":"Task","Resource":"{resource}","Parameters":{{"StateMachineArn":"a"}},
            "End":true"#
        );
        check_express(&machine(&fields), expect);
    };
    check(START, expect!["ok"]);
    check(
        &format!("{START}.sync"),
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            Express state machine does not support '.sync' service integration"#]],
    );
    check(
        &format!("{START}.sync:2"),
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            Express state machine does not support '.sync' service integration"#]],
    );
    check(
        &format!("{START}.waitForTaskToken"),
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            Express state machine does not support '.waitForTaskToken' service integration "#]],
    );
    check(
        ACTIVITY,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
            Express state machine does not support Activity ARN"#]],
    );
}

#[test]
fn tasks_time_out() {
    let check = |fields: &str, expect| {
        check_state(
            &format!(r#""Type":"Task","Resource":"{ACTIVITY}","End":true,{fields}"#),
            expect,
        );
    };
    check(r#""TimeoutSeconds":99999999,"HeartbeatSeconds":1"#, expect!["ok"]);
    check(r#""TimeoutSecondsPath":"$.t","HeartbeatSecondsPath":"$$.h""#, expect!["ok"]);
    check(r#""HeartbeatSeconds":60"#, expect!["ok"]);
    check(
        r#""TimeoutSeconds":0,"HeartbeatSeconds":100000000"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/TimeoutSeconds
            Minimum value is 1
        Error SCHEMA_VALIDATION_FAILED at /States/S/HeartbeatSeconds
            Maximum value is 99999999"#]],
    );
    check(
        r#""TimeoutSeconds":"60","HeartbeatSeconds":1.5"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/TimeoutSeconds
            Expected value of type Integer
        Error SCHEMA_VALIDATION_FAILED at /States/S/HeartbeatSeconds
            Expected value of type Integer"#]],
    );
    check(
        r#""TimeoutSeconds":10,"HeartbeatSeconds":10"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/HeartbeatSeconds
            HeartbeatSeconds must be smaller than TimeoutSeconds"#]],
    );
    check(
        r#""TimeoutSeconds":1,"TimeoutSecondsPath":"$.t",
            "HeartbeatSeconds":1,"HeartbeatSecondsPath":"$.h""#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S
                There should only be one of the following fields: [TimeoutSeconds, TimeoutSecondsPath]
            Error SCHEMA_VALIDATION_FAILED at /States/S
                There should only be one of the following fields: [HeartbeatSeconds, HeartbeatSecondsPath]
            Error SCHEMA_VALIDATION_FAILED at /States/S/HeartbeatSeconds
                HeartbeatSeconds must be smaller than TimeoutSeconds"#]],
    );
    check(
        r#""TimeoutSecondsPath":"$.t[*]","HeartbeatSecondsPath":"t""#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/TimeoutSecondsPath
                Value is not a Reference Path: it can select more than one value
            Error SCHEMA_VALIDATION_FAILED at /States/S/HeartbeatSecondsPath
                Value must be a valid JSONPath."#]],
    );
    check(
        r#""TimeoutSeconds":123456789012345678901234567890"#,
        expect![[r#"
        Error SCHEMA_VALIDATION_FAILED at /States/S/TimeoutSeconds
            Maximum value is 99999999"#]],
    );
}

#[test]
fn what_a_later_version_brings_is_refused_by_name() {
    check_state(
        &format!(
            r#""Type":"Task","Resource":"{ACTIVITY}","End":true,
            "Credentials":{{"RoleArn":"r"}},"Assign":{{"x":1}}"#
        ),
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S
                Field 'Credentials' is not supported"#]],
    );
}

#[test]
fn an_integration_may_name_the_region_and_the_account() {
    for (resource, parameters) in [
        ("aws-sdk:s3:listBuckets", "{}"),
        ("athena:getQueryExecution", r#"{"QueryExecutionId":"q"}"#),
        ("states:startExecution.sync:2", r#"{"StateMachineArn":"a"}"#),
    ] {
        for place in ["us-east-1:123456789012", ":"] {
            check_state(
                &format!(
                    r#""Type":"Task","Resource":"arn:aws:states:{place}:{resource}",
                    "Parameters":{parameters},"End":true"#
                ),
                expect!["ok"],
            );
        }
    }
    check_express(
        &machine(
            r#""Type":"Task","Resource":"arn:aws:states:us-east-1:123456789012:ecs:runTask.sync",
            "Parameters":{"TaskDefinition":"t"},"End":true"#,
        ),
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Resource
                Express state machine does not support '.sync' service integration"#]],
    );
}

#[test]
fn a_model_of_bedrock_gets_its_body_or_where_it_is() {
    let check = |parameters: &str, expect| {
        let resource = "arn:aws:states:::bedrock:invokeModel";
        let fields = format!(
            r#""Type":"Task","Resource":"{resource}","Parameters":{parameters},"End":true"#
        );
        check_state(&fields, expect);
    };
    check(
        r#"{"ModelId":"m","Input":{"S3Uri.$":"$.from"},"Output":{"S3Uri.$":"$.to"}}"#,
        expect!["ok"],
    );
    check(r#"{"ModelId":"m","Body.$":"$.body"}"#, expect!["ok"]);
    check(
        r#"{"ModelId":"m","Body":{},"Input":{"S3Uri":"s3://b/k"}}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters
                There should only be one of the following fields: [Body, Input]"#]],
    );
    check(
        r#"{"ModelId":"m"}"#,
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters
                This object should have only one of the following fields: [Body, Input]"#]],
    );
}

#[test]
fn an_endpoint_without_tls_is_told_of() {
    check_state(
        r#""Type":"Task","Resource":"arn:aws:states:::apigateway:invoke","End":true,
            "Parameters":{"ApiEndpoint":"http://localhost:4566","Method":"GET"}"#,
        expect![[r#"
            Warning PLAIN_ENDPOINT at /States/S/Parameters/ApiEndpoint
                An ApiEndpoint that begins with 'http://' is only taken by Stairwell, and only for a host of the own machine. AWS refuses it"#]],
    );
}

#[test]
fn an_attribute_of_dynamodb_may_be_a_text() {
    let item = r#"{"TableName":"parcels","Item":{"parcel.$":"$.parcel","stage":"received"}}"#;
    let fields = |resource: &str| {
        format!(
            r#""Type":"Task","Resource":"arn:aws:states:::{resource}","Parameters":{item},
            "End":true"#
        )
    };
    check_state(&fields("dynamodb:putItem"), expect!["ok"]);
    check_state(
        &fields("aws-sdk:dynamodb:putItem"),
        expect![[r#"
            Error SCHEMA_VALIDATION_FAILED at /States/S/Parameters/Item/stage
                The value for the field 'stage' must be an OBJECT"#]],
    );
}

#[test]
fn tokens_against_being_carried_out_twice_need_not_be_given() {
    check_state(
        r#""Type":"Task","Resource":"arn:aws:states:::emr-containers:startJobRun","End":true,
            "Parameters":{"VirtualClusterId":"v","ExecutionRoleArn":"r","ReleaseLabel":"l",
            "JobDriver":{}}"#,
        expect!["ok"],
    );
}
