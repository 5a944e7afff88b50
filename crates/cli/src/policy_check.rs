//! `stairwell policy --check`: what a policy document asks for that is never known here.

use std::process::ExitCode;

use policy::{DocumentType, Policy};

use crate::print;

/// Tells what is wrong with a policy document, one line each.
///
/// # Errors
/// Where it is none.
pub(crate) fn check(document: &str) -> anyhow::Result<ExitCode> {
    // Trust policies say whom they are about.
    let is_trust = document.contains("\"Principal\"") || document.contains("\"NotPrincipal\"");
    let document_type = if is_trust { DocumentType::Trust } else { DocumentType::Identity };
    let policy = Policy::parse(document, document_type)?;
    let keys = identity::unfilled_keys(&policy);
    for key in &keys {
        print::line(format_args!(
            "warning: no request has the condition key {key} here: what denies by it denies, and \
             what allows by it does not allow"
        ))?;
    }
    Ok(if keys.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_no_request_has_are_told() {
        let check = |condition: &str| {
            let document = format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Deny","Action":"*",
                "Resource":"*","Condition":{{"StringEquals":{{"{condition}":"x"}}}}}}}}"#
            );
            super::check(&document).expect("a policy")
        };
        assert_eq!(check("aws:PrincipalArn"), ExitCode::SUCCESS);
        assert_eq!(check("aws:SourceVpce"), ExitCode::FAILURE);
        assert!(super::check("{}").is_err());
    }
}
