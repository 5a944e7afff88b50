//! The service integrations: what Task states can call beside activities and functions by their
//! ARN. The optimised ones are tables here; those of the AWS SDK are every operation of the models.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/integrate-services.html>.

mod optimised;

use json::{Object, Value};
use service_model::{Operation, Parameters, Service, UnfitReason};

use crate::IntegrationPattern;
use crate::fields::{Field, Shape};
use crate::language::QueryLanguage;

/// An action of a service that Task states can call.
#[derive(Clone, Copy)]
pub struct Integration {
    /// `resourceType` of its events: `lambda`, `aws-sdk:sfn`, ….
    pub service: &'static str,
    /// The action, in camel case: `invoke`.
    pub action: &'static str,
    /// How a task may wait for it.
    pub patterns: &'static [IntegrationPattern],
    /// What `Parameters` may hold.
    pub(crate) parameters: ParameterTable,
}

/// What the parameters of an action may be.
#[derive(Clone, Copy)]
pub(crate) enum ParameterTable {
    /// These.
    Fields(&'static [Field]),
    /// Those of an operation of a service's API, by their names in the model.
    Model {
        /// The name of the service: `dynamodb`.
        service: &'static str,
        /// The action: `putItem`.
        action: &'static str,
        /// Whether a plain text stands for an attribute of DynamoDB.
        has_plain_texts: bool,
    },
}

impl std::fmt::Debug for Integration {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}", self.service, self.action)
    }
}

impl Integration {
    /// The parameter that Step Functions adds to those of a task with that pattern, and its value,
    /// where the task has none of that name.
    pub fn added(&self, pattern: IntegrationPattern) -> Option<(&'static str, &'static str)> {
        let is_added = self.service == "ecs" && pattern == IntegrationPattern::Sync;
        is_added.then_some(("StartedBy", "AWS Step Functions"))
    }

    /// Looks for what AWS refuses of parameters that are known in full.
    ///
    /// # Errors
    /// What is wrong, in AWS's words.
    pub fn check(&self, parameters: &Value) -> Result<(), String> {
        match self.parameters {
            ParameterTable::Fields(table) => {
                check_fields(table, parameters)?;
                check_payload(table, parameters)?;
                let has_lists = matches!(self.service, "apigateway" | "eks");
                if has_lists { check_lists(parameters) } else { Ok(()) }
            }
            ParameterTable::Model { .. } => {
                match self.parameters.unfit(parameters, Parameters::KNOWN).into_iter().next() {
                    None => Ok(()),
                    Some((_, reason)) => Err(reason),
                }
            }
        }
    }
}

/// API Gateway and Kubernetes take a list of values for each header and each part of the query.
fn check_lists(parameters: &Value) -> Result<(), String> {
    for name in ["Headers", "QueryParameters"] {
        let Some(given) = parameters.get(name).filter(|it| !it.is_null()) else { continue };
        let is_list = |(_, value): (_, &Value)| value.as_array().is_some();
        if !given.as_object().is_some_and(|given| given.iter().all(is_list)) {
            return Err(format!("The value of the field '{name}' has an invalid format"));
        }
    }
    Ok(())
}

/// What a Lambda function gets: a text, an object, a list, or nothing.
fn check_payload(table: &[Field], parameters: &Value) -> Result<(), String> {
    let takes_payload = table.iter().any(|field| field.name == PAYLOAD);
    match parameters.get(PAYLOAD) {
        Some(Value::Number(_) | Value::Bool(_)) if takes_payload => {
            Err(format!("The value for the field '{PAYLOAD}' must be a STRING"))
        }
        _ => Ok(()),
    }
}

/// The parameter of `lambda:invoke` that is the event.
const PAYLOAD: &str = "Payload";

fn check_fields(table: &[Field], parameters: &Value) -> Result<(), String> {
    let none = Object::new();
    let parameters = parameters.as_object().unwrap_or(&none);
    for field in table {
        let name = field.name;
        match parameters.get(name) {
            None if field.required => {
                return Err(UnfitReason::Missing(name.to_owned()).to_string());
            }
            Some(value) if field.is_text() && value.as_str().is_none() => {
                if field.required || !value.is_null() {
                    return Err(format!("The value for the field '{name}' must be a STRING"));
                }
            }
            Some(_) | None => {}
        }
    }
    let is_known = |name: &str| table.iter().any(|field| field.name == name);
    match parameters.iter().find(|(name, _)| !is_known(name)) {
        Some((name, _)) => Err(UnfitReason::NotSupported(name.to_string()).to_string()),
        None => Ok(()),
    }
}

impl ParameterTable {
    /// Whether there is a parameter that must be there.
    pub(crate) fn has_required(self) -> bool {
        match self {
            ParameterTable::Fields(table) => table.iter().any(|field| field.required),
            ParameterTable::Model { .. } => {
                !self.unfit(&Object::new().into(), Parameters::KNOWN).is_empty()
            }
        }
    }

    /// What of parameters does not fit the model: pointers into them, and reasons.
    pub(crate) fn unfit(self, parameters: &Value, known: Parameters) -> Vec<(String, String)> {
        let Some((service, operation)) = self.model() else { return Vec::new() };
        let has_plain_texts = matches!(self, ParameterTable::Model { has_plain_texts: true, .. });
        let known = Parameters { has_plain_texts, ..known };
        // What is null is there: the service looks at it.
        let is_null = |name: &str| parameters.get(name).is_some_and(Value::is_null);
        let unfit = known.check(service, operation, parameters).into_iter();
        unfit
            .filter(|unfit| !matches!(&unfit.reason, UnfitReason::Missing(name) if is_null(name)))
            .map(|unfit| (unfit.pointer, unfit.reason.to_string()))
            .collect()
    }

    fn model(self) -> Option<(&'static Service, &'static Operation)> {
        let ParameterTable::Model { service, action, .. } = self else { return None };
        let service = service_model::service(service)?;
        Some((service, service.operation(action)?))
    }
}

/// How parameters stand for values that are not known yet, in a query language.
pub(crate) fn as_written(language: QueryLanguage) -> Parameters {
    match language {
        QueryLanguage::JsonPath => Parameters { has_paths: true, ..Parameters::KNOWN },
        QueryLanguage::Jsonata => Parameters {
            is_expression: |text| jsonata::expression_text(text).is_some(),
            ..Parameters::KNOWN
        },
    }
}

/// The action of that service and name. The services of the AWS SDK are named `aws-sdk:` and their
/// name there.
pub fn integration(service: &str, action: &str) -> Option<Integration> {
    let Some(name) = service.strip_prefix(SDK) else {
        return integrations().find(|found| found.service == service && found.action == action);
    };
    let service = service_model::service(name)?;
    Some(of_sdk(service, service.operation(action)?))
}

/// Every optimised integration, by service. Those of the AWS SDK are every operation of every
/// service of [`service_model::service_names`].
pub fn integrations() -> impl Iterator<Item = Integration> {
    optimised::integrations()
}

/// Every action of a service of the AWS SDK; none where there is no such service.
pub(crate) fn sdk_integrations(name: &str) -> impl Iterator<Item = Integration> + use<> {
    let service = service_model::service(name);
    service
        .into_iter()
        .flat_map(|service| service.operations().map(move |operation| of_sdk(service, operation)))
}

/// What the names of services of the AWS SDK begin with.
pub(crate) const SDK: &str = "aws-sdk:";

fn of_sdk(service: &'static Service, operation: &'static Operation) -> Integration {
    Integration {
        service: &service.resource_type,
        action: &operation.action,
        patterns: CALLBACK,
        parameters: ParameterTable::Model {
            service: &service.name,
            action: &operation.action,
            has_plain_texts: false,
        },
    }
}

/// Whether there is any action of that service.
pub(crate) fn is_service(service: &str) -> bool {
    match service.strip_prefix(SDK) {
        Some(name) => service_model::service(name).is_some(),
        None => integrations().any(|integration| integration.service == service),
    }
}

/// The action that the end of a resource names, such as `startExecution.sync:2`.
pub(crate) fn find(service: &str, resource: &str) -> Option<(Integration, IntegrationPattern)> {
    let (action, suffix) = resource.split_at(resource.find('.').unwrap_or(resource.len()));
    let integration = integration(service, action)?;
    let pattern = integration.patterns.iter().find(|pattern| pattern.suffix() == suffix)?;
    Some((integration, *pattern))
}

const CALLBACK: &[IntegrationPattern] =
    &[IntegrationPattern::RequestResponse, IntegrationPattern::WaitForTaskToken];

const fn text(name: &'static str) -> Field {
    Field::new(name, Shape::Text)
}

const fn any(name: &'static str) -> Field {
    Field::new(name, Shape::Any)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_of_a_model_is_in_it() {
        for integration in integrations() {
            if matches!(integration.parameters, ParameterTable::Model { .. }) {
                assert!(integration.parameters.model().is_some(), "{integration:?}");
            }
        }
    }
}
