//! Functions of texts and objects. They return nothing for arguments that they refuse.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use json::{Number, Object, Value};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::Refusal;
use super::function::Function;

/// How long a text may be that is encoded, decoded or hashed, in UTF-16 units.
const CODED_LENGTH_MAX: usize = 10_000;

fn is_short_enough(text: &str) -> bool {
    // No text has more UTF-16 units than bytes.
    text.len() <= CODED_LENGTH_MAX || text.encode_utf16().count() <= CODED_LENGTH_MAX
}

/// `States.Base64Encode`
pub(super) fn base64_encode(text: &str) -> Option<Value> {
    is_short_enough(text).then(|| STANDARD.encode(text).into())
}

/// `States.Base64Decode`, as forgiving as AWS: what is no digit is skipped, both alphabets are
/// read, padding ends the text and may be missing.
pub(super) fn base64_decode(text: &str) -> Option<Value> {
    if !is_short_enough(text) {
        return None;
    }
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for digit in text.bytes().take_while(|byte| *byte != b'=').filter_map(base64_digit) {
        bits = (bits << 6) | digit;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
            bits &= (1 << count) - 1;
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned().into())
}

fn base64_digit(byte: u8) -> Option<u32> {
    let digit = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' | b'-' => 62,
        b'/' | b'_' => 63,
        _ => return None,
    };
    Some(u32::from(digit))
}

/// `States.Hash`: of a text, or of the JSON text of any other value; in lower-case hexadecimal.
pub(super) fn hash(data: &Value, algorithm: &str) -> Option<Value> {
    let json_text;
    let text = match data {
        Value::String(text) => text,
        other => {
            json_text = other.to_text();
            json_text.as_str()
        }
    };
    if !is_short_enough(text) {
        return None;
    }
    let digest = match algorithm {
        "MD5" => hexadecimal(&Md5::digest(text)),
        "SHA-1" => hexadecimal(&Sha1::digest(text)),
        "SHA-256" => hexadecimal(&Sha256::digest(text)),
        "SHA-384" => hexadecimal(&Sha384::digest(text)),
        "SHA-512" => hexadecimal(&Sha512::digest(text)),
        _ => return None,
    };
    Some(digest.into())
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
    }
    text
}

/// `States.JsonMerge`: the members of the right one in place of those of the left one. The third
/// argument must be `false`: there is no deep merge, and what is no boolean is refused.
pub(super) fn merge(left: &Object, right: &Object, deep: &Value) -> Option<Value> {
    if *deep != Value::Bool(false) {
        return None;
    }
    let mut merged = left.clone();
    for (name, value) in right.iter() {
        merged.insert(name.clone(), value.clone());
    }
    Some(merged.into())
}

/// `States.StringSplit`: each of the delimiters ends a token, and empty tokens do not count.
pub(super) fn split(text: &str, delimiters: &str) -> Value {
    let tokens = text.split(|character| delimiters.contains(character));
    tokens.filter(|token| !token.is_empty()).map(Value::from).collect()
}

/// `States.StringToJson`: `null` for a blank text.
///
/// # Errors
/// Where the text is no JSON, in the words of AWS's parser.
pub(super) fn string_to_json(text: &str) -> Result<Value, Refusal> {
    if text.chars().all(|character| matches!(character, ' ' | '\t' | '\n' | '\r')) {
        return Ok(Value::Null);
    }
    json::parse_with_numbers(text, java_number).map_err(|error| {
        Refusal(format!(
            "Cannot convert String to Json in {}, caused by: {}",
            Function::StringToJson.name(),
            error.located_message()
        ))
    })
}

/// A number as Java reads and prints it, such as `0` for `-0` and `1.1` for `1.10`.
fn java_number(text: &str) -> Number {
    let number = Number::parse(text).expect("the text of a number is one");
    if !matches!(number, Number::Text(_)) {
        return number;
    }
    match number.as_i64() {
        Some(integer) => integer.into(),
        None if number.is_integer_text() || !number.as_f64().is_finite() => number,
        None => number.as_f64().into(),
    }
}
