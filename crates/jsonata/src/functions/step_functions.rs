//! What Step Functions adds to the language. Sizes and bounds are rounded towards zero.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::Arguments;
use crate::error::FailureFacts;
use crate::evaluate::{Evaluated, Evaluator};
use crate::value::Value;

/// `$partition(array, size)`: arrays of that many items, the last one of what is left; all in one
/// without a size.
pub(super) fn partition(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let array = arguments.take(0);
    if matches!(array, Value::Undefined) {
        return Ok(Value::Undefined);
    }
    if !matches!(array, Value::JsonArray(_) | Value::List(_)) {
        // Unlike a function of JSONata, this one makes no array of what is none.
        return Err(FailureFacts::new("T0412").with("index", "1").with("type", "undefined"));
    }
    let size = arguments.number(1).map_or(array.length() as f64, f64::trunc);
    if array.length() == 0 || size < 1.0 {
        return Ok(Value::Undefined);
    }
    let size = size as usize;
    evaluator.meter.items(array.length() * 2)?;
    let items = array.into_items();
    Ok(Value::list(items.chunks(size).map(|chunk| Value::list(chunk.to_vec())).collect()))
}

/// `$range(start, end, step)`: numbers up to the end, which may be among them.
pub(super) fn range(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let [Some(first), Some(last), Some(step)] =
        [0, 1, 2].map(|index| arguments.number(index).map(f64::trunc))
    else {
        return Ok(Value::Undefined);
    };
    let count = ((last - first) / step).floor() + 1.0;
    if step == 0.0 || !count.is_finite() || count < 1.0 {
        return Ok(Value::Undefined);
    }
    evaluator.meter.items(count as usize)?;
    let numbers = (0..count as usize).map(|index| Value::Number(first + step * index as f64));
    Ok(Value::sequence(numbers.collect()))
}

/// `$hash(text, algorithm)`, in hexadecimal.
pub(super) fn hash(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let (Some(text), Some(algorithm)) = (arguments.text(0), arguments.text(1)) else {
        return Ok(Value::Undefined);
    };
    evaluator.meter.work(text.len() / 4)?;
    let digest = match &*algorithm {
        "MD5" => Md5::digest(&*text).to_vec(),
        "SHA-1" => Sha1::digest(&*text).to_vec(),
        "SHA-256" => Sha256::digest(&*text).to_vec(),
        "SHA-384" => Sha384::digest(&*text).to_vec(),
        "SHA-512" => Sha512::digest(&*text).to_vec(),
        other => {
            let message = format!(
                "Hash algorithm '{other}' must be one of SHA-1, SHA-384, SHA-256, SHA-512, MD5"
            );
            return Err(FailureFacts::with_message("D3137", message));
        }
    };
    let hexadecimal: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(hexadecimal.into())
}

/// `$random(seed)`: the same number for the same seed, as the service gives it; a new one without.
pub(super) fn random(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let fraction = match arguments.number(0) {
        Some(seed) => first_of_seed(seed as i64),
        None => super::number::random_fraction(evaluator),
    };
    Ok(Value::Number(fraction))
}

/// The first `nextDouble` of a `java.util.Random` with that seed: a generator of 48 bits, of which
/// the upper 26 and 27 of two steps make the 53 of a number.
/// See <https://docs.oracle.com/javase/8/docs/api/java/util/Random.html>.
fn first_of_seed(seed: i64) -> f64 {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const BITS: u64 = (1 << 48) - 1;
    let step = |state: u64| state.wrapping_mul(MULTIPLIER).wrapping_add(0xB) & BITS;
    let first = step((seed as u64 ^ MULTIPLIER) & BITS);
    let second = step(first);
    let bits = ((first >> 22) << 27) + (second >> 21);
    bits as f64 / (1_u64 << 53) as f64
}

/// `$uuid()`, version 4.
pub(super) fn uuid(evaluator: &mut Evaluator<'_>, _: &mut Arguments<'_>) -> Evaluated {
    let mut bytes = [0; 16];
    evaluator.random.fill_bytes(&mut bytes);
    Ok(uuid::Builder::from_random_bytes(bytes).into_uuid().to_string().into())
}

/// `$parse(text)`: the value of a JSON text.
pub(super) fn parse(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let Some(text) = arguments.text(0) else { return Ok(Value::Undefined) };
    evaluator.meter.work(text.len() / 8)?;
    evaluator.meter.allocate(text.len() * 16)?;
    match json::parse(&text) {
        Ok(value) => Ok(Value::from(&value)),
        Err(_) => Err(FailureFacts::with_message("D3137", "Invalid JSON")),
    }
}
