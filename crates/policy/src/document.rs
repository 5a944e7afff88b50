//! The text of a policy document, compiled.
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html>.

use json::{Object, Value};

use crate::condition::{self, Condition};
use crate::glob::Glob;
use crate::principal::{Naming, Principals};
use crate::template::{ArnPattern, Pattern};
use crate::{PolicyError, Request};

/// What a document is attached to decides what it must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DocumentType {
    /// Attached to a user or a role: says which resources.
    Identity,
    /// The trust policy of a role: says who.
    Trust,
}

/// A compiled policy document.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    statements: Box<[Statement]>,
    /// The keys of its variables, in lower case.
    variables: Box<[String]>,
}

/// What a statement does to the requests that it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It allows them.
    Allow,
    /// It forbids them, whatever allows them.
    Deny,
}

/// A compiled statement.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Statement {
    pub(crate) effect: Effect,
    principals: Option<Principals>,
    actions: Vec<Glob>,
    is_not_action: bool,
    /// None in trust policies: the resource is the role.
    resources: Option<Vec<ArnPattern>>,
    is_not_resource: bool,
    conditions: Vec<Condition>,
}

impl Policy {
    /// Compiles the text.
    ///
    /// # Errors
    /// Where it is no policy document of that type.
    pub fn parse(text: &str, document_type: DocumentType) -> Result<Policy, PolicyError> {
        let document = json::parse(text).map_err(|_| PolicyError::Syntax)?;
        if json::duplicate_keys(text).next().is_some() {
            return Err(PolicyError::Syntax);
        }
        let document = document.as_object().ok_or(PolicyError::Syntax)?;
        only(document, &["Version", "Id", "Statement"])?;
        let has_variables = match document.get("Version").map(Value::as_str) {
            None | Some(Some("2008-10-17")) => false,
            Some(Some("2012-10-17")) => true,
            Some(Some(other)) => return Err(PolicyError::Version(other.to_owned())),
            Some(None) => return Err(PolicyError::Syntax),
        };
        let statements = match document.get("Statement") {
            Some(Value::Array(items)) => items.iter().collect(),
            Some(statement @ Value::Object(_)) => vec![statement],
            _ => return Err(PolicyError::Syntax),
        };
        let mut sids: Vec<&str> = Vec::new();
        for sid in statements.iter().filter_map(|statement| statement.get("Sid")) {
            let sid = sid.as_str().ok_or(PolicyError::Syntax)?;
            if sids.contains(&sid) && !sid.is_empty() {
                return Err(PolicyError::RepeatedSid);
            }
            sids.push(sid);
        }
        let statements =
            statements.into_iter().map(|it| statement(it, document_type, has_variables));
        let variables = if has_variables { variables(text) } else { Vec::new() };
        let statements = statements.collect::<Result<_, _>>()?;
        Ok(Policy { statements, variables: variables.into() })
    }

    /// The condition keys that its conditions ask for, in lower case.
    pub fn condition_keys(&self) -> impl Iterator<Item = &str> {
        let conditions = self.statements.iter().flat_map(|statement| &statement.conditions);
        conditions.map(Condition::key)
    }

    /// The condition keys that its policy variables stand for, in lower case.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.variables.iter().map(String::as_str)
    }

    pub(crate) fn statements(&self) -> &[Statement] {
        &self.statements
    }
}

/// What stands in `${…}`, but for what stands for a character.
fn variables(text: &str) -> Vec<String> {
    let inside = text.split("${").skip(1).filter_map(|rest| rest.split([',', '}']).next());
    let keys = inside.map(|key| key.trim().to_ascii_lowercase());
    keys.filter(|key| key.contains(':')).collect()
}

fn only(object: &Object, known: &[&str]) -> Result<(), PolicyError> {
    match object.iter().find(|(name, _)| !known.contains(&&***name)) {
        Some((name, _)) => Err(PolicyError::UnknownElement(name.to_string())),
        None => Ok(()),
    }
}

const ELEMENTS: &[&str] = &[
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
];

fn statement(
    value: &Value,
    document_type: DocumentType,
    has_variables: bool,
) -> Result<Statement, PolicyError> {
    let object = value.as_object().ok_or(PolicyError::Syntax)?;
    only(object, ELEMENTS)?;
    if let Some(sid) = object.get("Sid").and_then(Value::as_str) {
        let is_plain = sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
        // Resource policies may use any characters.
        if !is_plain && document_type == DocumentType::Identity {
            return Err(PolicyError::Sid);
        }
    }
    let effect = match object.get("Effect").map(Value::as_str) {
        Some(Some("Allow")) => Effect::Allow,
        Some(Some("Deny")) => Effect::Deny,
        Some(Some(other)) => return Err(PolicyError::Effect(other.to_owned())),
        _ => return Err(PolicyError::Missing("Effect")),
    };
    let (actions, is_not_action) =
        either(object, "Action", "NotAction")?.ok_or(PolicyError::NoActions)?;
    let actions = actions.into_iter().map(action).collect::<Result<Vec<_>, _>>()?;
    let (resources, is_not_resource) = resources(object, document_type, has_variables)?;
    let conditions = match object.get("Condition") {
        Some(value) => condition::parse(value, has_variables)?,
        None => Vec::new(),
    };
    Ok(Statement {
        effect,
        principals: principals(object, document_type)?,
        actions,
        is_not_action,
        resources,
        is_not_resource,
        conditions,
    })
}

/// The texts of the one element or of the other, and whether it is the other.
fn either<'a>(
    object: &'a Object,
    plain: &str,
    negated: &str,
) -> Result<Option<(Vec<&'a str>, bool)>, PolicyError> {
    let (value, is_negated) = match (object.get(plain), object.get(negated)) {
        (Some(value), None) => (value, false),
        (None, Some(value)) => (value, true),
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(PolicyError::Syntax),
    };
    let texts: Vec<&str> = match value {
        Value::String(text) => vec![text],
        Value::Array(items) => {
            let texts = items.iter().map(|item| item.as_str().ok_or(PolicyError::Syntax));
            texts.collect::<Result<_, _>>()?
        }
        _ => return Err(PolicyError::Syntax),
    };
    Ok((!texts.is_empty()).then_some((texts, is_negated)))
}

fn action(text: &str) -> Result<Glob, PolicyError> {
    if text != "*" {
        let (vendor, name) = text.split_once(':').ok_or(PolicyError::NoVendor)?;
        let is_valid = |byte: u8| byte.is_ascii_alphanumeric() || b"-*?".contains(&byte);
        if vendor.is_empty() || !vendor.bytes().all(is_valid) {
            return Err(PolicyError::Vendor(vendor.to_owned()));
        }
        if name.is_empty() {
            return Err(PolicyError::NoVendor);
        }
        if name.contains(':') {
            return Err(PolicyError::Colons);
        }
    }
    match Pattern::parse(&text.to_ascii_lowercase(), false)? {
        Pattern::Fixed(glob) => Ok(glob),
        Pattern::Variable(_) => unreachable!("actions have no variables"),
    }
}

type Resources = (Option<Vec<ArnPattern>>, bool);

fn resources(
    object: &Object,
    document_type: DocumentType,
    has_variables: bool,
) -> Result<Resources, PolicyError> {
    if document_type == DocumentType::Trust {
        return match (object.contains("Resource"), object.contains("NotResource")) {
            (true, _) => Err(PolicyError::Prohibited("Resource")),
            (_, true) => Err(PolicyError::Prohibited("NotResource")),
            (false, false) => Ok((None, false)),
        };
    }
    let (texts, is_negated) =
        either(object, "Resource", "NotResource")?.ok_or(PolicyError::NoResources)?;
    let pattern = |text: &str| {
        let is_arn = text == "*" || text.starts_with("arn:") && text.len() > 4;
        // `*` may stand for the beginning of an ARN, as in `*:execution:*`, for none that says
        // nothing of one.
        if !is_arn && !text.starts_with("*:") {
            return Err(PolicyError::Resource(text.to_owned()));
        }
        ArnPattern::parse(text, has_variables)
    };
    let patterns = texts.into_iter().map(pattern).collect::<Result<_, _>>()?;
    Ok((Some(patterns), is_negated))
}

fn principals(
    object: &Object,
    document_type: DocumentType,
) -> Result<Option<Principals>, PolicyError> {
    match (document_type, object.get("Principal"), object.get("NotPrincipal")) {
        (DocumentType::Identity, Some(_), _) => Err(PolicyError::Prohibited("Principal")),
        (DocumentType::Identity, None, Some(_)) => Err(PolicyError::Prohibited("NotPrincipal")),
        (DocumentType::Identity, None, None) => Ok(None),
        (DocumentType::Trust, Some(value), None) => Principals::parse(value, false).map(Some),
        (DocumentType::Trust, None, Some(value)) => Principals::parse(value, true).map(Some),
        (DocumentType::Trust, Some(_), Some(_)) => Err(PolicyError::Syntax),
        (DocumentType::Trust, None, None) => Err(PolicyError::Missing("Principal")),
    }
}

impl Statement {
    /// How the statement is about the request, where it is.
    pub(crate) fn applies(&self, request: &Request<'_>) -> Option<Naming> {
        let has_action = self.actions.iter().any(|glob| glob.matches(&request.action));
        if has_action == self.is_not_action {
            return None;
        }
        if self.resources.as_ref().is_some_and(|it| !self.has_resource(it, request)) {
            return None;
        }
        let naming = match &self.principals {
            Some(principals) => principals.naming(&request.principal)?,
            None => Naming::Self_,
        };
        self.conditions_hold(request).then_some(naming)
    }

    fn has_resource(&self, patterns: &[ArnPattern], request: &Request<'_>) -> bool {
        let Some(resource) = request.resource else {
            let all = patterns.contains(&ArnPattern::Any) != self.is_not_resource;
            return match self.effect {
                // There is one that it allows, but for `"NotResource": "*"`.
                Effect::Allow => all || !patterns.contains(&ArnPattern::Any),
                Effect::Deny => all && !self.is_not_resource,
            };
        };
        let matches = |pattern: &ArnPattern| pattern.matches(resource, &request.context);
        patterns.iter().any(matches) != self.is_not_resource
    }

    fn conditions_hold(&self, request: &Request<'_>) -> bool {
        // Nobody gets past a denial because its key is not known here.
        let is_unknown = |condition: &Condition| {
            self.effect == Effect::Deny && !(request.is_filled)(condition.key())
        };
        let mut conditions = self.conditions.iter();
        conditions.all(|condition| is_unknown(condition) || condition.holds(&request.context))
    }
}
