//! STS: who calls, and sessions of roles.

use identity::{AssumeRole, IdentityError};

use crate::audit::Attempt;
use crate::query::xml::Xml;
use crate::query::{Asked, Refused};

/// Does what is asked; nothing where there is no such operation.
///
/// # Errors
/// Those of IAM.
pub(crate) async fn call(
    asked: &Asked<'_>,
    attempt: &mut Attempt<'_>,
) -> Result<Option<String>, Refused> {
    Ok(Some(match asked.action {
        "GetCallerIdentity" => caller_identity(asked),
        "AssumeRole" => {
            if let Some(role_arn) = asked.form.get("RoleArn") {
                attempt.is_on(role_arn.chars().take(ARN_CHARACTERS_MAX).collect::<String>());
            }
            attempt.begin().await?;
            assume_role(asked).await?
        }
        _ => return Ok(None),
    }))
}

/// AWS's limit for an ARN.
const ARN_CHARACTERS_MAX: usize = 2_048;

fn caller_identity(asked: &Asked<'_>) -> String {
    let mut xml = Xml::default();
    xml.text("Arn", &asked.caller.arn());
    xml.text("UserId", &asked.caller.user_id());
    xml.text("Account", asked.caller.account());
    xml.finish()
}

const MEMBERS: &[&str] =
    &["RoleArn", "RoleSessionName", "DurationSeconds", "Policy", "PolicyArns", "ExternalId"];

async fn assume_role(asked: &Asked<'_>) -> Result<String, IdentityError> {
    let form = asked.form;
    if let Some(unknown) = form.unknown(MEMBERS) {
        return Err(IdentityError::Validation(format!("Stairwell does not support {unknown} yet")));
    }
    let mut policies: Vec<String> = form.owned("Policy").into_iter().collect();
    for number in 1..=10 {
        let Some(arn) = form.get(&format!("PolicyArns.member.{number}.arn")) else { break };
        let policy = asked.identities.managed_policy(asked.caller.account(), arn).await?;
        policies.push(policy.default().document.to_string());
    }
    let request = AssumeRole {
        role_arn: form.required("RoleArn")?.to_owned(),
        session_name: form.required("RoleSessionName")?.to_owned(),
        seconds: form.number("DurationSeconds", 3_600)?,
        policies,
        external_id: form.owned("ExternalId"),
        facts: asked.facts.clone(),
    };
    let now = asked.runtime.now();
    let assumed = asked.identities.assume_role(asked.caller, request, now).await?;
    let mut xml = Xml::default();
    xml.element("AssumedRoleUser", |xml| {
        xml.text("AssumedRoleId", &assumed.id);
        xml.text("Arn", &assumed.arn);
    });
    xml.element("Credentials", |xml| {
        xml.text("AccessKeyId", &assumed.credentials.access_key);
        xml.text("SecretAccessKey", &assumed.credentials.secret);
        xml.optional("SessionToken", assumed.credentials.session_token.as_deref());
        xml.instant("Expiration", assumed.expiration);
    });
    Ok(xml.finish())
}
