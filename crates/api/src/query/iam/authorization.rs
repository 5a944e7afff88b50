//! What a caller's policies must allow for an operation of IAM.
//! See <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html>.

use identity::{Caller, Facts, IdentityError, PrincipalType, TagRecord, describe_resource_tags};

use super::{Operation, PolicyVerb, PrincipalVerb, user_name};
use crate::audit::Attempt;
use crate::query::Asked;

/// Checks that the caller may do the operation, and notes down what is decided upon. An existing
/// user, role or policy is decided upon by its own ARN, whatever the spelling of its name in the
/// request; a new one by the ARN that it would have.
///
/// # Errors
/// `AccessDenied`, and those of the store.
pub(super) async fn authorize(
    asked: &Asked<'_>,
    operation: Operation,
    attempt: &mut Attempt<'_>,
) -> Result<(), IdentityError> {
    let is_trusted = matches!(asked.caller, Caller::Trusted { .. });
    if is_trusted && !attempt.is_recorded() {
        return Ok(());
    }
    let mut facts = asked.facts.clone();
    let resource = match operation {
        Operation::Policy(PolicyVerb::List) | Operation::Principal(PrincipalVerb::List, _) => {
            "*".to_owned()
        }
        Operation::Policy(verb) => policy_resource(asked, verb, &mut facts).await?,
        Operation::Principal(verb, principal_type) => {
            principal_resource(asked, verb, principal_type, &mut facts).await?
        }
        Operation::Key(_) => {
            let (verb, kind) = (PrincipalVerb::Get, PrincipalType::User);
            principal_resource(asked, verb, kind, &mut facts).await?
        }
    };
    attempt.is_on(&*resource);
    if is_trusted {
        return Ok(());
    }
    describe_request(asked, operation, &mut facts);
    let checked = asked.caller.check(&format!("iam:{}", asked.action), &resource, facts);
    checked.map_err(IdentityError::AccessDenied)
}

/// Adds what conditions may ask of the members.
/// See <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html#awsidentityandaccessmanagementiam-policy-keys>.
fn describe_request(asked: &Asked<'_>, operation: Operation, facts: &mut Facts<'_>) {
    let form = asked.form;
    if let Operation::Principal(verb, _) = operation {
        if matches!(verb, PrincipalVerb::Attach | PrincipalVerb::Detach)
            && let Some(arn) = form.owned("PolicyArn")
        {
            facts.insert("iam:policyarn", arn);
        }
        if let Some(arn) = form.owned("PermissionsBoundary") {
            facts.insert("iam:permissionsboundary", arn);
        }
    }
    let tags = form.tags();
    let mut keys: Vec<String> = tags.iter().map(|tag| tag.key.clone()).collect();
    keys.extend(form.list("TagKeys"));
    for tag in tags {
        facts.insert(format!("aws:requesttag/{}", tag.key), tag.value);
    }
    if !keys.is_empty() {
        facts.insert_many("aws:tagkeys", keys.into_iter().map(Into::into).collect());
    }
}

fn describe_resource(facts: &mut Facts<'_>, account: &str, tags: &[TagRecord]) {
    facts.insert("aws:resourceaccount", account.to_owned());
    describe_resource_tags(facts, tags);
}

/// The ARN of a managed policy.
async fn policy_resource(
    asked: &Asked<'_>,
    verb: PolicyVerb,
    facts: &mut Facts<'_>,
) -> Result<String, IdentityError> {
    let account = asked.caller.account();
    if verb == PolicyVerb::Create {
        let name = asked.form.get("PolicyName").unwrap_or_default();
        let path = asked.form.get("Path").unwrap_or("/");
        return Ok(format!("arn:aws:iam::{account}:policy{path}{name}"));
    }
    let named = asked.form.get("PolicyArn").unwrap_or("*");
    match asked.identities.managed_policy(account, named).await {
        Ok(policy) => describe_resource(facts, account, &policy.tags),
        // Who may not know is told no more than that.
        Err(IdentityError::NoSuchEntity(_)) => {}
        Err(error) => return Err(error),
    }
    Ok(named.to_owned())
}

/// The ARN of a user or a role.
async fn principal_resource(
    asked: &Asked<'_>,
    verb: PrincipalVerb,
    principal_type: PrincipalType,
    facts: &mut Facts<'_>,
) -> Result<String, IdentityError> {
    let account = asked.caller.account();
    let (kind, name) = match principal_type {
        PrincipalType::Role => ("role", asked.form.owned("RoleName").unwrap_or_default()),
        PrincipalType::User => ("user", user_name(asked).unwrap_or_default()),
    };
    if verb == PrincipalVerb::Create {
        let path = asked.form.get("Path").unwrap_or("/");
        return Ok(format!("arn:aws:iam::{account}:{kind}{path}{name}"));
    }
    match asked.identities.principal(account, principal_type, &name).await {
        Ok(record) => {
            describe_resource(facts, account, &record.tags);
            if let Some(boundary) = &record.boundary {
                facts.insert("iam:permissionsboundary", boundary.clone());
            }
            Ok(record.arn(account))
        }
        Err(IdentityError::NoSuchEntity(_)) => Ok(format!("arn:aws:iam::{account}:{kind}/{name}")),
        Err(error) => Err(error),
    }
}
