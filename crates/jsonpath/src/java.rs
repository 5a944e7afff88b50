//! What shows through of the Java objects that AWS keeps JSON in: their texts, their class names,
//! their hash codes and `java.util.Random`.

use std::fmt::Write;

use json::{Number, Object, Value};

/// The name of the class that holds the value.
pub(crate) fn class_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "java.lang.Boolean",
        Value::String(_) => "java.lang.String",
        Value::Array(_) => "java.util.ArrayList",
        Value::Object(_) => "java.util.LinkedHashMap",
        Value::Number(number) if !number.is_integer_text() => "java.lang.Double",
        Value::Number(number) => match number.as_i64() {
            Some(number) if i32::try_from(number).is_ok() => "java.lang.Integer",
            Some(_) => "java.lang.Long",
            None => "java.math.BigInteger",
        },
    }
}

/// A container that is being printed: what is left of it.
enum Rest<'a> {
    Items(std::slice::Iter<'a, Value>),
    Members(Box<dyn Iterator<Item = (&'a str, &'a Value)> + 'a>),
}

/// `toString` of the value: strings without quotes, `{name=value, other=[1, 2]}`.
pub(crate) fn to_string(value: &Value) -> String {
    let mut text = String::new();
    let mut stack = Vec::new();
    open(value, &mut text, &mut stack);
    // Without recursion, since values may be nested deeper than the stack.
    let mut is_first = true;
    while let Some(rest) = stack.last_mut() {
        let (next, close) = match rest {
            Rest::Items(items) => (items.next().map(|item| (None, item)), ']'),
            Rest::Members(members) => {
                (members.next().map(|(name, value)| (Some(name), value)), '}')
            }
        };
        let Some((name, value)) = next else {
            stack.pop();
            text.push(close);
            is_first = false;
            continue;
        };
        if !is_first {
            text.push_str(", ");
        }
        if let Some(name) = name {
            text.push_str(name);
            text.push('=');
        }
        let depth = stack.len();
        open(value, &mut text, &mut stack);
        is_first = stack.len() > depth;
    }
    text
}

fn open<'a>(value: &'a Value, text: &mut String, stack: &mut Vec<Rest<'a>>) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
        Value::Number(number) => {
            write!(text, "{number}").expect("writing to a string cannot fail");
        }
        Value::String(string) => text.push_str(string),
        Value::Array(items) => {
            stack.push(Rest::Items(items.iter()));
            text.push('[');
        }
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (&**name, value));
            stack.push(Rest::Members(Box::new(members)));
            text.push('{');
        }
    }
}

/// A container whose hash code is being computed.
struct Hashing<'a> {
    rest: Rest<'a>,
    name_hash: i32,
    hash: i32,
}

/// `hashCode` of the value.
pub(crate) fn hash_code(value: &Value) -> i32 {
    let mut stack: Vec<Hashing<'_>> = Vec::new();
    let mut done = begin_hash(value, &mut stack);
    while let Some(top) = stack.last_mut() {
        if let Some(hash) = done.take() {
            top.hash = match top.rest {
                Rest::Items(_) => top.hash.wrapping_mul(31).wrapping_add(hash),
                Rest::Members(_) => top.hash.wrapping_add(top.name_hash ^ hash),
            };
        }
        let next = match &mut top.rest {
            Rest::Items(items) => items.next(),
            Rest::Members(members) => members.next().map(|(name, value)| {
                top.name_hash = hash_of_text(name);
                value
            }),
        };
        done = match next {
            Some(child) => begin_hash(child, &mut stack),
            None => stack.pop().map(|finished| finished.hash),
        };
    }
    done.expect("the outermost value was finished last")
}

/// The hash of a scalar; none yet of a container, which goes onto the stack.
fn begin_hash<'a>(value: &'a Value, stack: &mut Vec<Hashing<'a>>) -> Option<i32> {
    match value {
        Value::Null => Some(0),
        Value::Bool(truth) => Some(if *truth { 1_231 } else { 1_237 }),
        Value::Number(number) => Some(hash_of_number(number)),
        Value::String(text) => Some(hash_of_text(text)),
        Value::Array(items) => {
            stack.push(Hashing { rest: Rest::Items(items.iter()), name_hash: 0, hash: 1 });
            None
        }
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (&**name, value));
            let rest = Rest::Members(Box::new(members));
            stack.push(Hashing { rest, name_hash: 0, hash: 0 });
            None
        }
    }
}

fn hash_of_text(text: &str) -> i32 {
    text.encode_utf16()
        .fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit)))
}

fn hash_of_number(number: &Number) -> i32 {
    let bits = match number.as_i64().filter(|_| number.is_integer_text()) {
        Some(integer) => match i32::try_from(integer) {
            Ok(integer) => return integer,
            Err(_) => integer as u64,
        },
        // Integers beyond 64 bits are hashed in another way there, which nobody can tell but by
        // the order in which `States.ArrayUnique` returns them.
        None => number.as_f64().to_bits(),
    };
    (bits ^ (bits >> 32)) as i32
}

/// `equals` of the two values: as JSON, but that `1` and `1.0` differ.
pub(crate) fn equals(left: &Value, right: &Value) -> bool {
    let mut open = vec![(left, right)];
    while let Some((left, right)) = open.pop() {
        let equal = match (left, right) {
            (Value::Number(left), Value::Number(right)) => {
                left.is_integer_text() == right.is_integer_text() && left == right
            }
            (Value::Array(left), Value::Array(right)) => {
                open.extend(left.iter().zip(right.iter()));
                left.len() == right.len()
            }
            (Value::Object(left), Value::Object(right)) => same_names(left, right, &mut open),
            (scalar, other) => scalar == other,
        };
        if !equal {
            return false;
        }
    }
    true
}

fn same_names<'a>(
    left: &'a Object,
    right: &'a Object,
    open: &mut Vec<(&'a Value, &'a Value)>,
) -> bool {
    left.len() == right.len()
        && left.iter().all(|(name, value)| match right.get(name) {
            Some(other) => {
                open.push((value, other));
                true
            }
            None => false,
        })
}

/// `Math.round`: halves toward positive infinity, and the nearest 64-bit integer where the result
/// would be beyond.
pub(crate) fn round(number: f64) -> i64 {
    let below = number.floor();
    // Not `(number + 0.5).floor()`, which rounds twice: 0.49999999999999994 would become 1.
    (if number - below >= 0.5 { below + 1.0 } else { below }) as i64
}

/// `java.util.Random`.
pub(crate) struct Random {
    state: u64,
}

impl Random {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const MASK: u64 = (1 << 48) - 1;

    pub(crate) fn new(seed: i64) -> Self {
        Random { state: (seed as u64 ^ Self::MULTIPLIER) & Self::MASK }
    }

    fn next_bits(&mut self, bits: u32) -> i32 {
        self.state = self.state.wrapping_mul(Self::MULTIPLIER).wrapping_add(0xB) & Self::MASK;
        (self.state >> (48 - bits)) as i32
    }

    /// One of the numbers from `start` up to and not including `end`, which must be greater.
    pub(crate) fn between(&mut self, start: i32, end: i32) -> i32 {
        match end.checked_sub(start) {
            Some(count) => start + self.below(count),
            // More numbers than an integer can count: most draws fit.
            None => loop {
                let draw = self.next_bits(32);
                if (start..end).contains(&draw) {
                    return draw;
                }
            },
        }
    }

    /// `nextInt(bound)`
    fn below(&mut self, bound: i32) -> i32 {
        if bound & (bound - 1) == 0 {
            return ((i64::from(bound) * i64::from(self.next_bits(31))) >> 31) as i32;
        }
        loop {
            let bits = self.next_bits(31);
            let value = bits % bound;
            // Refuses the last, incomplete run of values, so that all are equally likely.
            if bits.checked_sub(value).and_then(|run| run.checked_add(bound - 1)).is_some() {
                return value;
            }
        }
    }
}
