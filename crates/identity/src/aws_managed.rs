//! The managed policies of AWS that matter here.
//! See <https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html>.

use crate::record::{ManagedPolicy, PolicyVersion};

/// Path, name, actions.
const POLICIES: &[(&str, &str, &str)] = &[
    ("/", "AdministratorAccess", r#""*""#),
    ("/", "AWSStepFunctionsFullAccess", r#""states:*""#),
    (
        "/",
        "AWSStepFunctionsReadOnlyAccess",
        r#"[
            "states:ListStateMachines",
            "states:ListActivities",
            "states:DescribeStateMachine",
            "states:DescribeStateMachineForExecution",
            "states:ListExecutions",
            "states:DescribeExecution",
            "states:GetExecutionHistory",
            "states:DescribeActivity",
            "states:ListTagsForResource",
            "states:ListMapRuns",
            "states:DescribeMapRun",
            "states:ListStateMachineVersions",
            "states:ListStateMachineAliases",
            "states:DescribeStateMachineAlias",
            "states:ValidateStateMachineDefinition"
        ]"#,
    ),
    ("/", "AmazonSQSFullAccess", r#""sqs:*""#),
    ("/", "AmazonSNSFullAccess", r#""sns:*""#),
    ("/", "AWSLambda_FullAccess", r#""lambda:*""#),
    ("/", "IAMFullAccess", r#""iam:*""#),
    ("/service-role/", "AWSLambdaRole", r#""lambda:InvokeFunction""#),
];

pub(crate) fn find(arn: &str) -> Option<ManagedPolicy> {
    let (path, name, actions) = POLICIES
        .iter()
        .find(|(path, name, _)| arn == format!("arn:aws:iam::aws:policy{path}{name}"))?;
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":[
            {{"Effect":"Allow","Action":{actions},"Resource":"*"}}]}}"#
    );
    Some(ManagedPolicy {
        name: (*name).to_owned(),
        path: (*path).to_owned(),
        id: "ANPA00000000000000000".to_owned(),
        created: 0,
        updated: 0,
        description: None,
        versions: vec![PolicyVersion { number: 1, created: 0, document: document.into() }],
        default_version: 1,
        next_version: 2,
        tags: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use policy::{DocumentType, Policy};

    use super::*;

    #[test]
    fn every_policy_of_aws_is_one() {
        for (path, name, _) in POLICIES {
            let policy =
                find(&format!("arn:aws:iam::aws:policy{path}{name}")).expect("it is there");
            Policy::parse(&policy.default().document, DocumentType::Identity).expect(name);
        }
        assert_eq!(find("arn:aws:iam::aws:policy/Nothing"), None);
    }
}
