//! What Step Functions adds to the language. Sizes and bounds are rounded towards zero.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::Arguments;
use crate::error::FailureFacts;
use crate::evaluate::{Evaluated, Evaluator};
use crate::value::Value;

/// `$partition(array, size)`: arrays of that many items, the last one of what is left.
pub(super) fn partition(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let array = arguments.take(0);
    let size = arguments.number(1).unwrap_or(0.0).trunc();
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
            let message = format!("{other} is not a supported hashing algorithm");
            return Err(FailureFacts::with_message("D3137", message));
        }
    };
    let hexadecimal: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(hexadecimal.into())
}

/// `$random(seed)`: the same number for the same seed; a new one without.
pub(super) fn random(evaluator: &mut Evaluator<'_>, arguments: &mut Arguments<'_>) -> Evaluated {
    let fraction = match arguments.number(0) {
        Some(seed) => super::number::fraction(mixed(seed.to_bits())),
        None => super::number::random_fraction(evaluator),
    };
    Ok(Value::Number(fraction))
}

/// Bits that look random, the same for the same seed (the finaliser of SplitMix64).
fn mixed(seed: u64) -> u64 {
    let mut bits = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
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
        Err(error) => Err(FailureFacts::with_message("D3137", error.message)),
    }
}
