//! ARNs of the service: read, checked and made.

use std::fmt;
use std::sync::Arc;

use store::Scope;

/// Characters that a name must not have, besides white space and control characters.
const FORBIDDEN: &str = "<>{}[]?*\"#%\\^|~`$&,;:/";

/// Characters in a name, at most.
pub(crate) const NAME_CHARACTERS_MAX: usize = 80;

/// Why a text is not the ARN that is asked for. The text is AWS's message of `InvalidArn`, or of
/// `ValidationException` for [`ArnError::Labelled`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ArnError {
    /// It does not begin as an ARN does. Holds the text.
    #[error("Invalid Arn: 'Invalid ARN prefix: {0}'")]
    Prefix(String),
    /// It is an ARN, of another kind. Holds the kind.
    #[error("Invalid Arn: 'Resource type not valid in this context: {0}'")]
    Type(String),
    /// Its kind is right, and the rest is not. Holds the text.
    #[error("Invalid Arn: '{0}'")]
    Form(String),
    /// It names a Map state by its label, which the operation does not take.
    /// `reason` of the `ValidationException`: `API_DOES_NOT_SUPPORT_LABELED_ARNS`.
    #[error("This operation does not support labeled state machine ARNs: '{0}'")]
    Labelled(String),
}

/// An ARN, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    /// The whole.
    pub text: &'a str,
    /// Twelve digits, as a rule.
    pub account: &'a str,
    /// Such as `us-east-1`.
    pub region: &'a str,
    /// What it names.
    pub resource: ResourceName<'a>,
}

/// What an ARN names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResourceName<'a> {
    /// `stateMachine:<name>`, `stateMachine:<name>:<version or alias>`, or with `/<label>`.
    StateMachine {
        /// The machine's name, without label.
        name: &'a str,
        /// The number of a version, or the name of an alias.
        qualifier: Option<&'a str>,
        /// The label of a Distributed Map.
        label: Option<&'a str>,
    },
    /// `execution:<machine>:<name>`; the machine may bear a label.
    Execution {
        /// The machine's name, with its label if it has one.
        state_machine: &'a str,
        /// The execution's name.
        name: &'a str,
    },
    /// `express:<machine>:<name>:<uuid>`
    Express {
        /// The machine's name.
        state_machine: &'a str,
        /// The execution's name.
        name: &'a str,
    },
    /// `activity:<name>`
    Activity {
        /// The activity's name.
        name: &'a str,
    },
    /// `mapRun:<machine>/<label>:<uuid>`
    MapRun,
}

impl<'a> Arn<'a> {
    /// Takes an ARN apart.
    ///
    /// # Errors
    /// Where the text is no ARN of this service.
    pub fn parse(text: &'a str) -> Result<Arn<'a>, ArnError> {
        let prefix = || ArnError::Prefix(text.to_owned());
        let form = || ArnError::Form(text.to_owned());
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or_else(prefix);
        if next()? != "arn" || !next()?.starts_with("aws") || next()? != "states" {
            return Err(prefix());
        }
        let (region, account, resource) = (next()?, next()?, next()?);
        let (kind, rest) = resource.split_once(':').ok_or_else(form)?;
        let resource = match kind {
            "stateMachine" => state_machine(rest),
            "execution" => rest
                .split_once(':')
                .filter(|(_, name)| !name.contains(':'))
                .map(|(state_machine, name)| ResourceName::Execution { state_machine, name }),
            "express" => express(rest),
            "activity" => (!rest.contains(':')).then_some(ResourceName::Activity { name: rest }),
            "mapRun" => Some(ResourceName::MapRun),
            other => return Err(ArnError::Type(other.to_owned())),
        };
        Ok(Arn { text, account, region, resource: resource.ok_or_else(form)? })
    }

    /// Whether it belongs to that account and region.
    pub fn is_in(&self, scope: &Scope) -> bool {
        self.account == &*scope.account && self.region == &*scope.region
    }

    /// Takes the ARN of a state machine, possibly qualified, apart.
    ///
    /// # Errors
    /// Where it is none, or bears a label.
    pub fn state_machine(text: &'a str) -> Result<StateMachineArn<'a>, ArnError> {
        let arn = Arn::parse(text)?;
        match arn.resource {
            ResourceName::StateMachine { label: Some(_), .. } => {
                Err(ArnError::Labelled(text.to_owned()))
            }
            ResourceName::StateMachine { name, qualifier, label: None } => {
                let end =
                    qualifier.map_or(text.len(), |qualifier| text.len() - qualifier.len() - 1);
                Ok(StateMachineArn { arn, unqualified: &text[..end], name, qualifier })
            }
            other => Err(other.wrong_type()),
        }
    }

    /// Takes the ARN of a Standard execution apart.
    ///
    /// # Errors
    /// Where it is none; that of an Express execution is none either.
    pub fn execution(text: &'a str) -> Result<Arn<'a>, ArnError> {
        let arn = Arn::parse(text)?;
        match arn.resource {
            ResourceName::Execution { .. } => Ok(arn),
            other => Err(other.wrong_type()),
        }
    }

    /// Takes the ARN of an activity apart, and gives its name too.
    ///
    /// # Errors
    /// Where it is none.
    pub fn activity(text: &'a str) -> Result<(Arn<'a>, &'a str), ArnError> {
        let arn = Arn::parse(text)?;
        match arn.resource {
            ResourceName::Activity { name } => Ok((arn, name)),
            other => Err(other.wrong_type()),
        }
    }
}

/// The ARN of a state machine, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateMachineArn<'a> {
    /// The ARN.
    pub arn: Arn<'a>,
    /// The ARN without version or alias.
    pub unqualified: &'a str,
    /// The machine's name.
    pub name: &'a str,
    /// The number of a version, or the name of an alias.
    pub qualifier: Option<&'a str>,
}

impl ResourceName<'_> {
    pub(crate) fn wrong_type(self) -> ArnError {
        let kind = match self {
            ResourceName::StateMachine { .. } => "stateMachine",
            ResourceName::Execution { .. } => "execution",
            ResourceName::Express { .. } => "express",
            ResourceName::Activity { .. } => "activity",
            ResourceName::MapRun => "mapRun",
        };
        ArnError::Type(kind.to_owned())
    }
}

fn state_machine(rest: &str) -> Option<ResourceName<'_>> {
    let (name, qualifier) = match rest.split_once(':') {
        None => (rest, None),
        Some((_, qualifier)) if qualifier.is_empty() || qualifier.contains(':') => return None,
        Some((name, qualifier)) => (name, Some(qualifier)),
    };
    let (name, label) = match name.split_once('/') {
        None => (name, None),
        Some((name, label)) => (name, Some(label)),
    };
    (!name.is_empty()).then_some(ResourceName::StateMachine { name, qualifier, label })
}

fn express(rest: &str) -> Option<ResourceName<'_>> {
    let mut parts = rest.split(':');
    let (state_machine, name, _unique) = (parts.next()?, parts.next()?, parts.next()?);
    parts.next().is_none().then_some(ResourceName::Express { state_machine, name })
}

/// Whether a state machine, an execution or an activity may bear that name.
/// See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html>.
pub fn name_is_valid(name: &str) -> bool {
    let is_allowed = |character: char| {
        !character.is_whitespace()
            && !character.is_control()
            && !FORBIDDEN.contains(character)
            && !matches!(character, '\u{FFFE}' | '\u{FFFF}' | '\u{10FFFF}')
    };
    let length = name.chars().count();
    (1..=NAME_CHARACTERS_MAX).contains(&length) && name.chars().all(is_allowed)
}

/// Makes the ARNs of an account in a region.
pub(crate) struct ArnPrefix<'a>(pub(crate) &'a Scope);

impl ArnPrefix<'_> {
    /// `stateMachine:<name>`
    pub(crate) fn state_machine(&self, name: &str) -> Arc<str> {
        format!("{self}:stateMachine:{name}").into()
    }

    /// `execution:<machine>:<name>`
    pub(crate) fn execution(&self, state_machine: &str, name: &str) -> Arc<str> {
        format!("{self}:execution:{state_machine}:{name}").into()
    }

    /// `express:<machine>:<name>:<unique>`
    pub(crate) fn express(&self, state_machine: &str, name: &str, unique: &str) -> Arc<str> {
        format!("{self}:express:{state_machine}:{name}:{unique}").into()
    }

    /// `express:<machine>:<name>`: as a state that is tested sees its execution.
    pub(crate) fn tested(&self, state_machine: &str, name: &str) -> Arc<str> {
        format!("{self}:express:{state_machine}:{name}").into()
    }

    /// `activity:<name>`
    pub(crate) fn activity(&self, name: &str) -> Arc<str> {
        format!("{self}:activity:{name}").into()
    }
}

impl fmt::Display for ArnPrefix<'_> {
    /// `arn:<partition>:states:<region>:<account>`
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Scope { account, region } = self.0;
        let partition = service_model::partition(region);
        write!(formatter, "arn:{partition}:states:{region}:{account}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "arn:aws:states:us-east-1:111111111111";

    fn check(rest: &str, expected: ResourceName<'_>) {
        let text = format!("{HEAD}:{rest}");
        let arn = Arn::parse(&text).unwrap();
        assert_eq!((arn.account, arn.region), ("111111111111", "us-east-1"));
        assert_eq!(arn.resource, expected);
    }

    #[test]
    fn every_kind_is_taken_apart() {
        let machine = |qualifier, label| ResourceName::StateMachine { name: "m", qualifier, label };
        check("stateMachine:m", machine(None, None));
        check("stateMachine:m:7", machine(Some("7"), None));
        check("stateMachine:m:live", machine(Some("live"), None));
        check("stateMachine:m/label", machine(None, Some("label")));
        let execution = ResourceName::Execution { state_machine: "m", name: "e" };
        check("execution:m:e", execution);
        let child = ResourceName::Execution { state_machine: "m/label", name: "e" };
        check("execution:m/label:e", child);
        check("express:m:e:u", ResourceName::Express { state_machine: "m", name: "e" });
        check("activity:a", ResourceName::Activity { name: "a" });
        check("mapRun:m/label:u", ResourceName::MapRun);
    }

    #[test]
    fn what_is_no_arn_is_refused_in_the_words_of_aws() {
        let refused = |text: &str| Arn::parse(text).unwrap_err().to_string();
        for text in ["", "x", "arn", "arn:aws:states", "arn:aws:lambda:r:a:stateMachine:m"] {
            assert_eq!(refused(text), format!("Invalid Arn: 'Invalid ARN prefix: {text}'"));
        }
        for rest in ["stateMachine", "stateMachine:", "stateMachine:m:", "stateMachine:m:1:2"]
            .into_iter()
            .chain(["execution:m", "execution:m:e:f", "express:m:e", "activity:a:b"])
        {
            let text = format!("{HEAD}:{rest}");
            assert_eq!(refused(&text), format!("Invalid Arn: '{text}'"));
        }
        let express = format!("{HEAD}:express:m:e:u");
        assert_eq!(
            Arn::execution(&express).unwrap_err().to_string(),
            "Invalid Arn: 'Resource type not valid in this context: express'"
        );
        let labelled = format!("{HEAD}:stateMachine:m/l");
        assert_eq!(Arn::state_machine(&labelled), Err(ArnError::Labelled(labelled.clone())));
    }

    #[test]
    fn a_qualifier_is_no_part_of_the_machine() {
        for (rest, qualifier) in [("", None), (":1", Some("1")), (":live", Some("live"))] {
            let text = format!("{HEAD}:stateMachine:m{rest}");
            let arn = Arn::state_machine(&text).unwrap();
            assert_eq!(arn.unqualified, format!("{HEAD}:stateMachine:m"));
            assert_eq!((arn.name, arn.qualifier), ("m", qualifier));
        }
    }

    #[test]
    fn names() {
        for name in ["a", "a.b-c_d", "äöü", &"x".repeat(80), "日本", "1", "a=b@c(d)+e!"] {
            assert!(name_is_valid(name), "{name}");
        }
        for name in ["", "a b", "a\tb", "a:b", "a/b", "a\u{7f}", "a\u{85}", "\u{FFFE}"] {
            assert!(!name_is_valid(name), "{name:?}");
        }
        assert!(!name_is_valid(&"x".repeat(81)));
        assert!(FORBIDDEN.chars().all(|character| !name_is_valid(&character.to_string())));
    }

    #[test]
    fn arns_are_made_for_the_partition_of_the_region() {
        for (region, partition) in [
            ("us-east-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-west-1", "aws-us-gov"),
            ("us-iso-east-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            let scope = Scope { account: "1".into(), region: region.into() };
            let expected = format!("arn:{partition}:states:{region}:1:execution:m:e");
            assert_eq!(*ArnPrefix(&scope).execution("m", "e"), expected);
        }
    }
}
