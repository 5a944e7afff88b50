//! What an operation answers: the check of a result that somebody made up.
//! See <https://docs.aws.amazon.com/step-functions/latest/apireference/API_MockInput.html>.

use json::{Number, Value};

use crate::{Members, Operation, Service, ShapeId, ShapeKind};

/// Greatest numbers that Step Functions holds results against, where the models of today allow
/// more than those that it has: by service and member.
const OLDER_MAXIMA: [(&str, &str, f64); 1] = [("lambda", "MemorySize", 10_240.0)];

/// How a result does not follow the model: AWS's words where they are known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResultMisfit {
    /// A member that every answer has is missing.
    #[error("Required field '{0}' is missing")]
    Missing(String),
    /// A member is of another kind.
    #[error("Field '{name}' must be {expected}")]
    WrongKind {
        /// Its name.
        name: String,
        /// What it must be.
        expected: &'static str,
    },
    /// A member is out of its bounds, or not one of its values.
    #[error("Field '{name}' {reason}")]
    OutOfBounds {
        /// Its name.
        name: String,
        /// In which way.
        reason: &'static str,
    },
}

/// A check of results.
#[derive(Clone, Copy, Debug)]
pub struct ResultCheck<'a> {
    /// The service that answers.
    pub service: &'a Service,
    /// Whether what every answer has must be there.
    pub asks_for_required: bool,
    /// Members at the top that may be anything.
    pub free: &'a [&'a str],
}

impl ResultCheck<'_> {
    /// The first thing in the result that the operation would not answer. Members that the model
    /// does not know may be there.
    ///
    /// # Errors
    /// Where there is one.
    pub fn check(self, operation: &Operation, result: &Value) -> Result<(), ResultMisfit> {
        match operation.output {
            None => Ok(()),
            Some(output) => self.check_shape(output, "", result),
        }
    }

    fn check_shape(self, shape: ShapeId, name: &str, value: &Value) -> Result<(), ResultMisfit> {
        if value.is_null() {
            return Ok(());
        }
        let expected = match (&self.service.shape(shape).kind, value) {
            (ShapeKind::Structure(members), Value::Object(_)) => {
                return self.check_members(members, value);
            }
            (ShapeKind::List { item, .. }, Value::Array(items)) => {
                self.check_length(shape, name, items.len())?;
                return items.iter().try_for_each(|value| self.check_shape(*item, name, value));
            }
            (ShapeKind::Map { value: shape, .. }, Value::Object(members)) => {
                let mut members = members.iter();
                return members.try_for_each(|(name, value)| self.check_shape(*shape, name, value));
            }
            (ShapeKind::Text { allowed }, Value::String(text)) => {
                if !allowed.is_empty() && !allowed.iter().any(|allowed| **allowed == **text) {
                    return Err(out_of_bounds(name, "is not an expected value"));
                }
                return self.check_length(shape, name, text.chars().count());
            }
            (ShapeKind::Blob, Value::String(text)) => {
                return self.check_length(shape, name, text.chars().count());
            }
            (
                ShapeKind::Integer | ShapeKind::Long | ShapeKind::Float | ShapeKind::Double,
                Value::Number(number),
            ) => return self.check_bounds(shape, name, number),
            (ShapeKind::Boolean, Value::Bool(_))
            | (ShapeKind::Timestamp { .. }, Value::String(_))
            | (ShapeKind::Document, _) => return Ok(()),
            (ShapeKind::Structure(_) | ShapeKind::Map { .. }, _) => "an object",
            (ShapeKind::List { .. }, _) => "an array",
            (ShapeKind::Text { .. } | ShapeKind::Blob | ShapeKind::Timestamp { .. }, _) => {
                "a string"
            }
            (ShapeKind::Integer | ShapeKind::Long | ShapeKind::Float | ShapeKind::Double, _) => {
                "a number"
            }
            (ShapeKind::Boolean, _) => "a boolean",
        };
        Err(ResultMisfit::WrongKind { name: name.to_owned(), expected })
    }

    fn check_members(self, members: &Members, value: &Value) -> Result<(), ResultMisfit> {
        for member in &members.members {
            let given = value.get(&member.parameter);
            if given.is_none() && member.is_required && self.asks_for_required {
                return Err(ResultMisfit::Missing(member.parameter.clone()));
            }
        }
        for member in &members.members {
            if self.free.contains(&&*member.parameter) {
                continue;
            }
            if let Some(value) = value.get(&member.parameter) {
                self.check_shape(member.shape, &member.parameter, value)?;
            }
        }
        Ok(())
    }

    fn check_length(self, shape: ShapeId, name: &str, length: usize) -> Result<(), ResultMisfit> {
        let shape = self.service.shape(shape);
        let length = length as f64;
        if shape.minimum.as_ref().is_some_and(|minimum| length < minimum.as_f64()) {
            return Err(out_of_bounds(name, "is smaller than the minimum length"));
        }
        if shape.maximum.as_ref().is_some_and(|maximum| length > maximum.as_f64()) {
            return Err(out_of_bounds(name, "exceeds the maximum length"));
        }
        Ok(())
    }

    fn check_bounds(self, shape: ShapeId, name: &str, number: &Number) -> Result<(), ResultMisfit> {
        let shape = self.service.shape(shape);
        let number = number.as_f64();
        if shape.minimum.as_ref().is_some_and(|minimum| number < minimum.as_f64()) {
            return Err(out_of_bounds(name, "is less than the minimum value"));
        }
        let older = OLDER_MAXIMA.iter().find(|it| (it.0, it.1) == (&*self.service.name, name));
        let maximum = match older {
            Some((_, _, maximum)) => Some(*maximum),
            None => shape.maximum.as_ref().map(Number::as_f64),
        };
        if maximum.is_some_and(|maximum| number > maximum) {
            return Err(out_of_bounds(name, "exceeds the maximum value"));
        }
        Ok(())
    }
}

fn out_of_bounds(name: &str, reason: &'static str) -> ResultMisfit {
    ResultMisfit::OutOfBounds { name: name.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service;

    #[track_caller]
    fn check(action: &str, asks_for_required: bool, result: &str, expected: &str) {
        let (name, action) = action.split_once(':').expect("a service and an action");
        let service = service(name).expect("the test names a service");
        let operation = service.operation(action).expect("the test names an action");
        let result = json::parse(result).expect("the test says JSON");
        let check = ResultCheck { service, asks_for_required, free: &["LogResult"] };
        let misfit = check.check(operation, &result).err();
        assert_eq!(misfit.map(|misfit| misfit.to_string()).unwrap_or_default(), expected);
    }

    #[test]
    fn what_every_answer_has_must_be_there_where_it_is_asked_for() {
        check("sfn:startExecution", true, "{}", "Required field 'ExecutionArn' is missing");
        check("sfn:startExecution", false, "{}", "");
        let lower_case = r#"{"executionArn":1}"#;
        check("sfn:startExecution", false, lower_case, "");
        check("sqs:sendMessage", true, r#"{"Unknown":1}"#, "");
    }

    #[test]
    fn members_are_of_their_kind() {
        let arn = r#""ExecutionArn":"arn""#;
        for date in ["1", "true", "{}"] {
            let result = format!(r#"{{{arn},"StartDate":{date}}}"#);
            check("sfn:startExecution", true, &result, "Field 'StartDate' must be a string");
        }
        check("sfn:startExecution", true, &format!(r#"{{{arn},"StartDate":"now"}}"#), "");
        for (action, result, expected) in [
            ("eventbridge:putEvents", r#"{"Entries":"x"}"#, "Field 'Entries' must be an array"),
            (
                "eventbridge:putEvents",
                r#"{"Entries":[{"EventId":"a"},{"EventId":[]}]}"#,
                "Field 'EventId' must be a string",
            ),
            ("eventbridge:putEvents", r#"{"Entries":[1]}"#, "Field 'Entries' must be an object"),
            ("s3:getObject", r#"{"ContentLength":"1"}"#, "Field 'ContentLength' must be a number"),
            ("s3:getObject", r#"{"DeleteMarker":1}"#, "Field 'DeleteMarker' must be a boolean"),
            ("s3:getObject", r#"{"Metadata":{"a":1}}"#, "Field 'a' must be a string"),
            ("lambda:invoke", r#"{"LogResult":{"any":"thing"},"StatusCode":200}"#, ""),
        ] {
            check(action, false, result, expected);
        }
    }

    #[test]
    fn members_keep_their_bounds() {
        for (action, result, expected) in [
            (
                "kms:encrypt",
                r#"{"CiphertextBlob":""}"#,
                "Field 'CiphertextBlob' is smaller than the minimum length",
            ),
            (
                "lambda:getFunction",
                r#"{"Configuration":{"MemorySize":127}}"#,
                "Field 'MemorySize' is less than the minimum value",
            ),
            (
                "lambda:getFunction",
                r#"{"Configuration":{"MemorySize":10241}}"#,
                "Field 'MemorySize' exceeds the maximum value",
            ),
            (
                "s3:getObject",
                r#"{"StorageClass":"Papyrus"}"#,
                "Field 'StorageClass' is not an expected value",
            ),
            ("s3:getObject", r#"{"StorageClass":"GLACIER"}"#, ""),
        ] {
            check(action, false, result, expected);
        }
    }
}
