//! The functions by name.

use json::Value;
use rand_core::Rng;

use super::format::Format;
use super::{Refusal, array, math, text};

/// What can be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Array,
    ArrayContains,
    ArrayGetItem,
    ArrayLength,
    ArrayPartition,
    ArrayRange,
    ArrayUnique,
    Base64Decode,
    Base64Encode,
    Format,
    Hash,
    JsonMerge,
    JsonToString,
    MathAdd,
    MathRandom,
    StringSplit,
    StringToJson,
    Uuid,
}

impl Function {
    const ALL: [Function; 18] = [
        Function::Array,
        Function::ArrayContains,
        Function::ArrayGetItem,
        Function::ArrayLength,
        Function::ArrayPartition,
        Function::ArrayRange,
        Function::ArrayUnique,
        Function::Base64Decode,
        Function::Base64Encode,
        Function::Format,
        Function::Hash,
        Function::JsonMerge,
        Function::JsonToString,
        Function::MathAdd,
        Function::MathRandom,
        Function::StringSplit,
        Function::StringToJson,
        Function::Uuid,
    ];

    pub(super) fn of(name: &str) -> Option<Function> {
        Function::ALL.into_iter().find(|function| function.name() == name)
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Function::Array => "States.Array",
            Function::ArrayContains => "States.ArrayContains",
            Function::ArrayGetItem => "States.ArrayGetItem",
            Function::ArrayLength => "States.ArrayLength",
            Function::ArrayPartition => "States.ArrayPartition",
            Function::ArrayRange => "States.ArrayRange",
            Function::ArrayUnique => "States.ArrayUnique",
            Function::Base64Decode => "States.Base64Decode",
            Function::Base64Encode => "States.Base64Encode",
            Function::Format => "States.Format",
            Function::Hash => "States.Hash",
            Function::JsonMerge => "States.JsonMerge",
            Function::JsonToString => "States.JsonToString",
            Function::MathAdd => "States.MathAdd",
            Function::MathRandom => "States.MathRandom",
            Function::StringSplit => "States.StringSplit",
            Function::StringToJson => "States.StringToJson",
            Function::Uuid => "States.UUID",
        }
    }

    /// Calls the function.
    ///
    /// # Errors
    /// Where the number or kinds of the arguments are not what it takes.
    pub(super) fn call(self, values: Vec<Value>, random: &mut dyn Rng) -> Result<Value, Refusal> {
        let refuse = || Refusal::arguments(self);
        if let Function::StringToJson = self {
            let [Value::String(text)] = &values[..] else { return Err(refuse()) };
            return text::string_to_json(text);
        }
        if let (Function::Format, [Value::String(template), arguments @ ..]) = (self, &values[..]) {
            return Format::parse(template)?.fill(arguments);
        }
        let result = match (self, &values[..]) {
            (Function::Array, _) => Some(values.into()),
            (Function::ArrayContains, [Value::Array(items), wanted]) => {
                Some(array::contains(items, wanted))
            }
            (Function::ArrayGetItem, [Value::Array(items), index]) => array::item(items, index),
            (Function::ArrayLength, [Value::Array(items)]) => Some((items.len() as i64).into()),
            (Function::ArrayPartition, [Value::Array(items), size]) => {
                array::partition(items, size)
            }
            (Function::ArrayRange, [first, last, step]) => array::range(first, last, step),
            (Function::ArrayUnique, [Value::Array(items)]) => Some(array::unique(items)),
            (Function::Base64Decode, [Value::String(text)]) => text::base64_decode(text),
            (Function::Base64Encode, [Value::String(text)]) => text::base64_encode(text),
            (Function::Hash, [data, Value::String(algorithm)]) => text::hash(data, algorithm),
            (Function::JsonMerge, [Value::Object(left), Value::Object(right), deep]) => {
                text::merge(left, right, deep)
            }
            (Function::JsonToString, [value]) => Some(value.to_text().into()),
            (Function::MathAdd, [left, right]) => math::add(left, right),
            (Function::MathRandom, [start, end]) => math::random(start, end, None, random),
            (Function::MathRandom, [start, end, seed]) => {
                math::random(start, end, Some(seed), random)
            }
            (Function::StringSplit, [Value::String(text), Value::String(delimiters)]) => {
                Some(text::split(text, delimiters))
            }
            (Function::Uuid, []) => Some(math::uuid(random)),
            _ => None,
        };
        result.ok_or_else(refuse)
    }
}
