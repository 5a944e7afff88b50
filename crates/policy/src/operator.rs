//! The operators of conditions.
//! See <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html>.

use std::cmp::Ordering;

use jiff::Timestamp;
use json::Number;

use crate::template::{ArnPattern, Pattern, Template};
use crate::value::{Network, bytes, instant, number};
use crate::{Context, PolicyError};

/// How a value of the request is compared with those of the policy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Operator {
    comparison: Comparison,
    /// Whether the condition holds where no value matches.
    pub(crate) is_negated: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Comparison {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Numeric(Order),
    Date(Order),
    Bool,
    Binary,
    IpAddress,
    Arn,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

impl Order {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Order::Equals => ordering.is_eq(),
            Order::LessThan => ordering.is_lt(),
            Order::LessThanEquals => ordering.is_le(),
            Order::GreaterThan => ordering.is_gt(),
            Order::GreaterThanEquals => ordering.is_ge(),
        }
    }
}

/// A value of the policy, ready to be compared with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operand {
    Text(Box<str>),
    Template(Template),
    Pattern(Pattern),
    Arn(ArnPattern),
    Number(Number),
    Instant(Timestamp),
    Bool(bool),
    Bytes(Vec<u8>),
    Network(Network),
}

impl Operator {
    /// The operator of that name; neither `Null` nor with prefix or suffix.
    pub(crate) fn by_name(name: &str) -> Option<Operator> {
        use Comparison as It;
        let plain = |comparison| Some(Operator { comparison, is_negated: false });
        let negated = |comparison| Some(Operator { comparison, is_negated: true });
        match name {
            "StringEquals" => plain(It::StringEquals),
            "StringNotEquals" => negated(It::StringEquals),
            "StringEqualsIgnoreCase" => plain(It::StringEqualsIgnoreCase),
            "StringNotEqualsIgnoreCase" => negated(It::StringEqualsIgnoreCase),
            "StringLike" => plain(It::StringLike),
            "StringNotLike" => negated(It::StringLike),
            "NumericNotEquals" => negated(It::Numeric(Order::Equals)),
            "DateNotEquals" => negated(It::Date(Order::Equals)),
            "Bool" => plain(It::Bool),
            "BinaryEquals" => plain(It::Binary),
            "IpAddress" => plain(It::IpAddress),
            "NotIpAddress" => negated(It::IpAddress),
            "ArnEquals" | "ArnLike" => plain(It::Arn),
            "ArnNotEquals" | "ArnNotLike" => negated(It::Arn),
            other => {
                let (kind, order): (fn(Order) -> It, _) = match other.strip_prefix("Numeric") {
                    Some(order) => (It::Numeric, order),
                    None => (It::Date, other.strip_prefix("Date")?),
                };
                let order = match order {
                    "Equals" => Order::Equals,
                    "LessThan" => Order::LessThan,
                    "LessThanEquals" => Order::LessThanEquals,
                    "GreaterThan" => Order::GreaterThan,
                    "GreaterThanEquals" => Order::GreaterThanEquals,
                    _ => return None,
                };
                plain(kind(order))
            }
        }
    }

    /// Makes a value of the policy ready; none where the operator cannot compare with it.
    pub(crate) fn operand(
        self,
        text: &str,
        has_variables: bool,
    ) -> Result<Option<Operand>, PolicyError> {
        Ok(match self.comparison {
            Comparison::StringEquals | Comparison::StringEqualsIgnoreCase => {
                let template = Template::parse(text, has_variables)?;
                Some(if template.has_variables() {
                    Operand::Template(template)
                } else {
                    let text = template.text(&Context::default());
                    Operand::Text(text.expect("there are no variables").into())
                })
            }
            Comparison::StringLike => Some(Operand::Pattern(Pattern::parse(text, has_variables)?)),
            Comparison::Arn => Some(Operand::Arn(ArnPattern::parse(text, has_variables)?)),
            Comparison::Numeric(_) => number(text).map(Operand::Number),
            Comparison::Date(_) => instant(text).map(Operand::Instant),
            Comparison::Bool => truth(text).map(Operand::Bool),
            Comparison::Binary => bytes(text).map(Operand::Bytes),
            Comparison::IpAddress => Network::parse(text).map(Operand::Network),
        })
    }

    /// Whether a value of the request matches a value of the policy, negation aside.
    pub(crate) fn matches(self, value: &str, operand: &Operand, context: &Context<'_>) -> bool {
        let equals = |text: &str| match self.comparison {
            Comparison::StringEqualsIgnoreCase => equals_ignoring_case(text, value),
            _ => text == value,
        };
        match operand {
            Operand::Text(text) => equals(text),
            Operand::Template(template) => template.text(context).is_some_and(|it| equals(&it)),
            Operand::Pattern(pattern) => pattern.matches(value, context),
            Operand::Arn(pattern) => pattern.matches(value, context),
            Operand::Number(theirs) => {
                number(value).is_some_and(|it| self.holds(it.compare(theirs)))
            }
            Operand::Instant(theirs) => instant(value).is_some_and(|it| self.holds(it.cmp(theirs))),
            Operand::Bool(theirs) => truth(value) == Some(*theirs),
            Operand::Bytes(theirs) => bytes(value).as_ref() == Some(theirs),
            Operand::Network(network) => value.parse().is_ok_and(|it| network.contains(it)),
        }
    }

    fn holds(self, ordering: Ordering) -> bool {
        match self.comparison {
            Comparison::Numeric(order) | Comparison::Date(order) => order.holds(ordering),
            _ => unreachable!("only numbers and instants are ordered"),
        }
    }
}

fn truth(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        return Some(true);
    }
    text.eq_ignore_ascii_case("false").then_some(false)
}

fn equals_ignoring_case(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || one.to_lowercase() == other.to_lowercase()
}
