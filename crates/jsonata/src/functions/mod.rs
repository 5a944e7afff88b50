//! The functions of the language.

mod aggregate;
mod array;
mod date;
mod encoding;
mod general;
mod higher_order;
mod matching;
mod number;
mod object;
mod step_functions;
mod string;

use std::sync::Arc;

use crate::evaluate::{Evaluated, Evaluator};
use crate::expression::Options;
use crate::signature::{ARRAY, BOOLEAN, FUNCTION, NUMBER, OBJECT, Parameter, STRING, Signature};
use crate::value::Value;

/// A function of the language.
pub(crate) struct Builtin {
    /// Without `$`.
    pub(crate) name: &'static str,
    /// What it takes.
    pub(crate) signature: Signature,
    /// How many arguments it looks at when it is itself an argument.
    pub(crate) arity: usize,
    /// What it does.
    pub(crate) body: Body,
}

type Body = fn(&mut Evaluator<'_>, &mut Arguments<'_>) -> Evaluated;

/// The arguments of a call, as the signature made them.
pub(crate) struct Arguments<'a> {
    values: Vec<Value>,
    /// `$` where the function is called.
    pub(crate) context: &'a Value,
}

impl<'a> Arguments<'a> {
    /// Those values.
    pub(crate) fn new(values: Vec<Value>, context: &'a Value) -> Self {
        Arguments { values, context }
    }

    /// The argument at that index, taken out.
    fn take(&mut self, index: usize) -> Value {
        self.values.get_mut(index).map_or(Value::Undefined, std::mem::take)
    }

    /// All of them.
    fn take_all(&mut self) -> Vec<Value> {
        std::mem::take(&mut self.values)
    }

    /// The text at that index, where there is one.
    fn text(&self, index: usize) -> Option<Arc<str>> {
        self.values.get(index).and_then(|value| value.as_text().cloned())
    }

    /// The number at that index, where there is one.
    fn number(&self, index: usize) -> Option<f64> {
        self.values.get(index).and_then(Value::as_number)
    }
}

const S: Parameter = Parameter::of(STRING);
const N: Parameter = Parameter::of(NUMBER);
const B: Parameter = Parameter::of(BOOLEAN);
const O: Parameter = Parameter::of(OBJECT);
const F: Parameter = Parameter::of(FUNCTION);
const X: Parameter = Parameter::ANY;
const J: Parameter = Parameter::ANY_JSON;
const A: Parameter = Parameter::LIST;
/// A string or a function that matches.
const PATTERN: Parameter = Parameter::either(STRING | FUNCTION);
const NUMBERS: Parameter = Parameter::list_of(NUMBER);
const STRINGS: Parameter = Parameter::list_of(STRING);
const OBJECTS: Parameter = Parameter::list_of(OBJECT);

const fn builtin(
    name: &'static str,
    parameters: &'static [Parameter],
    arity: usize,
    body: Body,
) -> Builtin {
    Builtin { name, signature: Signature::of(parameters), arity, body }
}

/// Sorted by name.
static BUILTINS: [Builtin; 65] = [
    builtin("abs", &[N.or_context()], 1, number::abs),
    builtin("append", &[X, X], 2, array::append),
    builtin("assert", &[B, S.optional()], 2, general::assert),
    builtin("average", &[NUMBERS], 1, aggregate::average),
    builtin("base64decode", &[S.or_context()], 1, encoding::base64_decode),
    builtin("base64encode", &[S.or_context()], 1, encoding::base64_encode),
    builtin("boolean", &[X.or_context()], 1, general::boolean),
    builtin("ceil", &[N.or_context()], 1, number::ceil),
    builtin("clone", &[Parameter::either(OBJECT | ARRAY).or_context()], 1, general::clone),
    builtin("contains", &[S.or_context(), PATTERN], 2, matching::contains),
    builtin("count", &[A], 1, aggregate::count),
    builtin("decodeUrl", &[S.or_context()], 1, encoding::decode_url),
    builtin("decodeUrlComponent", &[S.or_context()], 1, encoding::decode_url_component),
    builtin("distinct", &[X], 1, array::distinct),
    builtin("each", &[O.or_context(), F], 2, higher_order::each),
    builtin("encodeUrl", &[S.or_context()], 1, encoding::encode_url),
    builtin("encodeUrlComponent", &[S.or_context()], 1, encoding::encode_url_component),
    builtin("error", &[S.optional()], 1, general::error),
    builtin("eval", &[S, X.optional()], 2, general::eval),
    builtin("exists", &[X], 1, general::exists),
    builtin("filter", &[A, F], 2, higher_order::filter),
    builtin("floor", &[N.or_context()], 1, number::floor),
    builtin("formatBase", &[N.or_context(), N.optional()], 2, number::format_base),
    builtin("formatInteger", &[N.or_context(), S], 2, number::format_integer),
    builtin("formatNumber", &[N.or_context(), S, O.optional()], 3, number::format_number),
    builtin("fromMillis", &[N.or_context(), S.optional(), S.optional()], 3, date::from_millis),
    builtin("join", &[STRINGS, S.optional()], 2, string::join),
    builtin("keys", &[X.or_context()], 1, object::keys),
    builtin("length", &[S.or_context()], 1, string::length),
    builtin("lookup", &[X.or_context(), S], 2, object::lookup),
    builtin("lowercase", &[S.or_context()], 1, string::lowercase),
    builtin("map", &[A, F], 2, higher_order::map),
    builtin("match", &[S.or_context(), F, N.optional()], 3, matching::find_matches),
    builtin("max", &[NUMBERS], 1, aggregate::max),
    builtin("merge", &[OBJECTS], 1, object::merge),
    builtin("millis", &[], 0, date::millis),
    builtin("min", &[NUMBERS], 1, aggregate::min),
    builtin("not", &[X.or_context()], 1, general::not),
    builtin("now", &[S.optional(), S.optional()], 2, date::now),
    builtin(
        "number",
        &[Parameter::either(NUMBER | STRING | BOOLEAN).or_context()],
        1,
        number::number,
    ),
    builtin("pad", &[S.or_context(), N, S.optional()], 3, string::pad),
    builtin("parseInteger", &[S.or_context(), S], 2, number::parse_integer),
    builtin("power", &[N.or_context(), N], 2, number::power),
    builtin("random", &[], 0, number::random),
    builtin("reduce", &[A, F, J.optional()], 3, higher_order::reduce),
    builtin("replace", &[S.or_context(), PATTERN, PATTERN, N.optional()], 4, matching::replace),
    builtin("reverse", &[A], 1, array::reverse),
    builtin("round", &[N.or_context(), N.optional()], 2, number::round),
    builtin("shuffle", &[A], 1, array::shuffle),
    builtin("sift", &[O.or_context(), F.optional()], 2, higher_order::sift),
    builtin("single", &[A, F.optional()], 2, higher_order::single),
    builtin("sort", &[A, F.optional()], 2, higher_order::sort),
    builtin("split", &[S.or_context(), PATTERN, N.optional()], 3, matching::split),
    builtin("spread", &[X.or_context()], 1, object::spread),
    builtin("sqrt", &[N.or_context()], 1, number::sqrt),
    builtin("string", &[X.or_context(), B.optional()], 1, string::string),
    builtin("substring", &[S.or_context(), N, N.optional()], 3, string::substring),
    builtin("substringAfter", &[S.or_context(), S], 2, string::substring_after),
    builtin("substringBefore", &[S.or_context(), S], 2, string::substring_before),
    builtin("sum", &[NUMBERS], 1, aggregate::sum),
    builtin("toMillis", &[S.or_context(), S.optional()], 2, date::to_millis),
    builtin("trim", &[S.or_context()], 1, string::trim),
    builtin("type", &[X], 1, general::type_of),
    builtin("uppercase", &[S.or_context()], 1, string::uppercase),
    builtin("zip", &[A.repeated()], 0, array::zip),
];

/// What Step Functions adds; sorted by name.
static STEP_FUNCTIONS: [Builtin; 6] = [
    builtin("hash", &[S, S.optional()], 2, step_functions::hash),
    builtin("parse", &[S.optional()], 1, step_functions::parse),
    builtin("partition", &[X, N.optional()], 2, step_functions::partition),
    builtin("random", &[N.optional()], 0, step_functions::random),
    builtin("range", &[N, N, N.optional()], 3, step_functions::range),
    builtin("uuid", &[], 0, step_functions::uuid),
];

impl Builtin {
    /// The function of that name in that language.
    pub(crate) fn find(name: &str, options: &Options) -> Option<&'static Builtin> {
        if options.step_functions
            && let Ok(index) = STEP_FUNCTIONS.binary_search_by_key(&name, |builtin| builtin.name)
        {
            return Some(&STEP_FUNCTIONS[index]);
        }
        if name == "eval" && !options.eval {
            return None;
        }
        let index = BUILTINS.binary_search_by_key(&name, |builtin| builtin.name).ok()?;
        Some(&BUILTINS[index])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted() {
        assert!(BUILTINS.is_sorted_by_key(|builtin| builtin.name));
        assert!(STEP_FUNCTIONS.is_sorted_by_key(|builtin| builtin.name));
    }
}
