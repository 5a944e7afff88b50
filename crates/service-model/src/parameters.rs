//! Whether parameters fit what an operation takes.
//!
//! A value that is only known when the task runs fits anything: one under a name that ends in
//! `.$`, one that holds an expression.

use json::{Object, Value};

use crate::names::capitalized;
use crate::{Member, Operation, Service, ShapeId, ShapeKind};

/// The parameters of a call, as far as they are known.
#[derive(Clone, Copy)]
pub struct Parameters {
    /// Whether a name that ends in `.$` stands for a value that is not known yet.
    pub has_paths: bool,
    /// Which texts stand for values that are not known yet.
    pub is_expression: fn(&str) -> bool,
    /// Whether a text stands for `{"S": …}` where DynamoDB has a value with its type, and such a
    /// value is held against its type.
    pub has_plain_texts: bool,
}

/// What of parameters does not fit.
#[derive(Clone, Debug, PartialEq)]
pub struct Unfit {
    /// Where, from the parameters: `/Tags[0]`; the empty text is the parameters themselves.
    pub pointer: String,
    /// What is wrong there.
    pub reason: UnfitReason,
}

/// Why parameters do not fit, in AWS's words as far as they are known.
#[derive(Clone, Debug, PartialEq)]
pub enum UnfitReason {
    /// A member that must be there is not.
    Missing(String),
    /// There is no such member.
    NotSupported(String),
    /// A member is of another kind.
    WrongKind {
        /// Its name.
        name: String,
        /// What it must be.
        expected: &'static str,
    },
}

impl std::fmt::Display for UnfitReason {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            UnfitReason::Missing(name) => {
                write!(formatter, "The field \"{name}\" is required but was missing")
            }
            UnfitReason::NotSupported(name) => {
                write!(formatter, "The field \"{name}\" is not supported by Step Functions")
            }
            UnfitReason::WrongKind { name, expected } => {
                write!(formatter, "The value for the field '{name}' must be {expected}")
            }
        }
    }
}

impl Parameters {
    /// Every value is known.
    pub const KNOWN: Parameters =
        Parameters { has_paths: false, is_expression: |_| false, has_plain_texts: false };

    /// What of the parameters does not fit the operation. Members that must be there are asked for
    /// at the top alone: further down, the service looks for them.
    pub fn check(self, service: &Service, operation: &Operation, value: &Value) -> Vec<Unfit> {
        let mut unfit = Vec::new();
        let none = Object::new();
        let given = value.as_object().unwrap_or(&none);
        let input = operation.input.map(|input| &service.shape(input).kind);
        if let Some(ShapeKind::Structure(members)) = input {
            // A token against being carried out twice is filled in when the call is made.
            let must_be_given =
                |member: &&Member| member.is_required && !member.is_idempotency_token;
            for member in members.members.iter().filter(must_be_given) {
                let names = [&member.parameter, &capitalized(&member.name)];
                if !names.into_iter().any(|name| self.has(given, name)) {
                    let reason = UnfitReason::Missing(member.parameter.clone());
                    unfit.push(Unfit { pointer: String::new(), reason });
                }
            }
        }
        match operation.input {
            Some(input) => self.check_shape(service, input, "", value, "", &mut unfit),
            None => {
                let names = given.iter().map(|(name, _)| name);
                let told = names.filter(|name| !(self.has_paths && name.ends_with(".$")));
                unfit.extend(told.map(|name| not_supported("", name)));
            }
        }
        unfit
    }

    fn has(self, given: &Object, name: &str) -> bool {
        given.get(name).is_some_and(|value| !value.is_null())
            || self.has_paths && given.contains(&format!("{name}.$"))
    }

    fn check_shape(
        self,
        service: &Service,
        shape: ShapeId,
        name: &str,
        value: &Value,
        pointer: &str,
        unfit: &mut Vec<Unfit>,
    ) {
        if value.is_null() || value.as_str().is_some_and(self.is_expression) {
            return;
        }
        let mut wrong = |expected| {
            let reason = UnfitReason::WrongKind { name: name.to_owned(), expected };
            unfit.push(Unfit { pointer: pointer.to_owned(), reason });
        };
        match (&service.shape(shape).kind, value) {
            (ShapeKind::Structure(members), Value::Object(given)) => {
                for (key, value) in given.iter() {
                    let path = self.has_paths.then(|| key.strip_suffix(".$")).flatten();
                    match members.parameter(path.unwrap_or(key)) {
                        // AWS tells of an unknown name with a path when the state runs.
                        _ if path.is_some() => {}
                        None => unfit.push(not_supported(pointer, key)),
                        Some(_)
                            if self.has_plain_texts
                                && members.is_attribute_value()
                                && key_takes_text(key)
                                && matches!(value, Value::Object(_) | Value::Array(_)) =>
                        {
                            let reason = UnfitReason::WrongKind {
                                name: key.to_string(),
                                expected: "a STRING",
                            };
                            unfit.push(Unfit { pointer: format!("{pointer}/{key}"), reason });
                        }
                        Some(member) => {
                            let pointer = format!("{pointer}/{key}");
                            self.check_shape(service, member.shape, key, value, &pointer, unfit);
                        }
                    }
                }
            }
            (ShapeKind::Structure(members), Value::String(_))
                if self.has_plain_texts && members.is_attribute_value() => {}
            (ShapeKind::List { item, .. }, Value::Array(items)) => {
                for (index, value) in items.iter().enumerate() {
                    let pointer = format!("{pointer}[{index}]");
                    self.check_shape(service, *item, name, value, &pointer, unfit);
                }
            }
            (ShapeKind::Map { value: shape, .. }, Value::Object(given)) => {
                for (key, value) in given.iter() {
                    if !(self.has_paths && key.ends_with(".$")) {
                        let pointer = format!("{pointer}/{key}");
                        self.check_shape(service, *shape, key, value, &pointer, unfit);
                    }
                }
            }
            (ShapeKind::Structure(_) | ShapeKind::Map { .. }, _) => wrong("an OBJECT"),
            (ShapeKind::List { .. }, _) => wrong("an ARRAY"),
            (ShapeKind::Integer | ShapeKind::Long, value) if !is_number(value, true) => {
                wrong("an INTEGER");
            }
            (ShapeKind::Float | ShapeKind::Double, value) if !is_number(value, false) => {
                wrong("a NUMBER");
            }
            (ShapeKind::Boolean, value) if !is_boolean(value) => wrong("a BOOLEAN"),
            (ShapeKind::Timestamp { .. }, Value::Object(_) | Value::Array(_) | Value::Bool(_)) => {
                wrong("a TIMESTAMP");
            }
            // Whatever is no text is meant as its JSON text.
            (_, _) => {}
        }
    }
}

/// Whether the value of an attribute of that type is a text on the wire.
fn key_takes_text(attribute_type: &str) -> bool {
    matches!(attribute_type, "S" | "N" | "B")
}

fn not_supported(pointer: &str, name: &str) -> Unfit {
    let reason = UnfitReason::NotSupported(name.to_owned());
    Unfit { pointer: pointer.to_owned(), reason }
}

/// A number, or the text of one.
fn is_number(value: &Value, is_whole: bool) -> bool {
    let fits = |number: &json::Number| !is_whole || number.is_integer_text();
    match value {
        Value::Number(number) => fits(number),
        Value::String(text) => json::Number::parse(text).is_some_and(|number| fits(&number)),
        _ => false,
    }
}

fn is_boolean(value: &Value) -> bool {
    match value {
        Value::Bool(_) => true,
        Value::String(text) => matches!(&**text, "true" | "false"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service;

    const PATHS: Parameters = Parameters { has_paths: true, ..Parameters::KNOWN };

    #[track_caller]
    fn check(
        parameters: Parameters,
        service_name: &str,
        action: &str,
        value: &str,
        expected: &str,
    ) {
        let service = service(service_name).expect("the test names a service");
        let operation = service.operation(action).expect("the test names an action");
        let value = json::parse(value).expect("the test says JSON");
        let unfit = parameters.check(service, operation, &value);
        let unfit: Vec<String> =
            unfit.iter().map(|unfit| format!("{}: {}", unfit.pointer, unfit.reason)).collect();
        assert_eq!(unfit.join("; "), expected);
    }

    #[test]
    fn parameters_are_those_of_the_model() {
        check(PATHS, "dynamodb", "putItem", r#"{"TableName.$":"$.a","Item":{"a.$":"$"}}"#, "");
        check(
            PATHS,
            "dynamodb",
            "putItem",
            r#"{"TableNam.$":"$.a","Item":{"a":{"X":"1"}}}"#,
            ": The field \"TableName\" is required but was missing; \
             /Item/a: The field \"X\" is not supported by Step Functions",
        );
        check(
            Parameters::KNOWN,
            "sfn",
            "startExecution",
            r#"{"StateMachineArn":"a","Input":{"free":true}}"#,
            "",
        );
        check(
            Parameters::KNOWN,
            "sfn",
            "listExecutions",
            r#"{"MaxResults":"many","stateMachineArn":"a"}"#,
            "/MaxResults: The value for the field 'MaxResults' must be an INTEGER; \
             : The field \"stateMachineArn\" is not supported by Step Functions",
        );
        check(
            Parameters::KNOWN,
            "sfn",
            "tagResource",
            r#"{"ResourceArn":"a","Tags":{"Key":"k"}}"#,
            "/Tags: The value for the field 'Tags' must be an ARRAY",
        );
    }

    #[test]
    fn both_names_of_a_member_are_understood() {
        for name in ["SSEKMSKeyId", "SsekmsKeyId"] {
            let value = format!(r#"{{"Bucket":"b","Key":"k","{name}":"i"}}"#);
            check(Parameters::KNOWN, "s3", "putObject", &value, "");
        }
    }

    #[test]
    fn a_text_stands_for_an_attribute_where_that_is_said() {
        let plain = Parameters { has_plain_texts: true, ..PATHS };
        let item = r#"{"TableName":"t","Item":{"a":"x","b":{"L":["y",{"M":{"c":"z"}}]}}}"#;
        check(plain, "dynamodb", "putItem", item, "");
        check(
            PATHS,
            "dynamodb",
            "putItem",
            r#"{"TableName":"t","Item":{"a":"x"}}"#,
            "/Item/a: The value for the field 'a' must be an OBJECT",
        );
        check(
            plain,
            "dynamodb",
            "putItem",
            r#"{"TableName":"t","Item":{"a":{"S":{"n":1}},"b":{"N":5}}}"#,
            "/Item/a/S: The value for the field 'S' must be a STRING",
        );
    }

    #[test]
    fn tokens_against_being_carried_out_twice_need_not_be_given() {
        check(PATHS, "emrserverless", "startApplication", r#"{"ApplicationId":"a"}"#, "");
        let job = r#"{"ApplicationId":"a","ExecutionRoleArn":"r"}"#;
        check(PATHS, "emrserverless", "startJobRun", job, "");
        check(PATHS, "emrcontainers", "startJobRun", r#"{"VirtualClusterId":"v"}"#, "");
    }

    #[test]
    fn expressions_fit_anything() {
        let jsonata =
            Parameters { is_expression: |text| text.starts_with("{%"), ..Parameters::KNOWN };
        check(jsonata, "sfn", "listExecutions", r#"{"MaxResults":"{% 1 %}"}"#, "");
        check(jsonata, "sfn", "describeExecution", r#"{"ExecutionArn":"{% 1 %}"}"#, "");
    }
}
