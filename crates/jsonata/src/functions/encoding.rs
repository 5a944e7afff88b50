//! Base 64 and URL encoding.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::Arguments;
use crate::error::FailureFacts;
use crate::evaluate::{Evaluated, Evaluator};
use crate::value::Value;

/// Reads what others refuse: missing padding, and bits left over at the end.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Each character is a byte where all fit in one, as documented; else the text is taken as UTF-8.
pub(super) fn base64_encode(
    evaluator: &mut Evaluator<'_>,
    arguments: &mut Arguments<'_>,
) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    evaluator.meter.text(text.len() * 2)?;
    let bytes: Option<Vec<u8>> =
        text.chars().map(|character| u8::try_from(character).ok()).collect();
    Ok(LENIENT.encode(bytes.unwrap_or_else(|| text.as_bytes().to_vec())).into())
}

/// The bytes as UTF-8, or a character for each where they are not.
pub(super) fn base64_decode(
    evaluator: &mut Evaluator<'_>,
    arguments: &mut Arguments<'_>,
) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    evaluator.meter.text(text.len())?;
    let symbols = text.bytes().take_while(|byte| *byte != b'=').filter_map(|byte| match byte {
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        b'+' | b'/' => Some(byte),
        _ => byte.is_ascii_alphanumeric().then_some(byte),
    });
    let mut symbols: Vec<u8> = symbols.collect();
    if symbols.len() % 4 == 1 {
        // A single symbol is less than a byte.
        symbols.pop();
    }
    let bytes = LENIENT.decode(symbols).unwrap_or_default();
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(error) => error.into_bytes().into_iter().map(char::from).collect::<String>().into(),
    })
}

/// What stands for itself everywhere in a URL.
const UNRESERVED: &[u8] = b"-_.!~*'()";
/// What has a meaning in a URL.
const RESERVED: &[u8] = b";/?:@&=+$,#";

fn encode(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>, kept: &[u8]) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || UNRESERVED.contains(&byte) || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    evaluator.meter.text(encoded.len())?;
    Ok(encoded.into())
}

pub(super) fn encode_url(
    evaluator: &mut Evaluator<'_>,
    arguments: &mut Arguments<'_>,
) -> Evaluated {
    encode(evaluator, arguments, RESERVED)
}

pub(super) fn encode_url_component(
    evaluator: &mut Evaluator<'_>,
    arguments: &mut Arguments<'_>,
) -> Evaluated {
    encode(evaluator, arguments, b"")
}

fn decode(
    evaluator: &mut Evaluator<'_>,
    arguments: &mut Arguments<'_>,
    name: &str,
    kept: &[u8],
) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    evaluator.meter.text(text.len())?;
    decoded(&text, kept).map(Value::from).ok_or_else(|| {
        let text = json::Value::from(&*text).to_text();
        FailureFacts::new("D3140").with("value", text).of(name)
    })
}

fn decoded(text: &str, kept: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        rest = others;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let digit = |at: usize| char::from(*others.get(at)?).to_digit(16);
        let byte = (digit(0)? * 16 + digit(1)?) as u8;
        if kept.contains(&byte) {
            bytes.extend_from_slice(b"%");
            continue;
        }
        bytes.push(byte);
        rest = &others[2..];
    }
    String::from_utf8(bytes).ok()
}

pub(super) fn decode_url(
    evaluator: &mut Evaluator<'_>,
    arguments: &mut Arguments<'_>,
) -> Evaluated {
    decode(evaluator, arguments, "decodeUrl", RESERVED)
}

pub(super) fn decode_url_component(
    evaluator: &mut Evaluator<'_>,
    arguments: &mut Arguments<'_>,
) -> Evaluated {
    decode(evaluator, arguments, "decodeUrlComponent", b"")
}
