//! Rows as they lie in the database: one byte that says how, then the row as it is, or compressed
//! by LZ4 behind its length in four bytes, the lowest first.

use store::StoreError;

const PLAIN: u8 = 0;
const LZ4: u8 = 1;

/// Shorter rows are left as they are: there is nothing to gain.
const COMPRESSED_BYTES_MIN: usize = 512;

/// LZ4 makes nothing smaller than that: a length beyond it is none.
const LZ4_RATIO_MAX: usize = 256;

/// The bytes of a row in the database: compressed where that saves an eighth.
pub(crate) fn pack(row: &[u8]) -> Vec<u8> {
    if row.len() >= COMPRESSED_BYTES_MIN
        && let Ok(length) = u32::try_from(row.len())
    {
        let compressed = lz4_flex::block::compress(row);
        if compressed.len() + 4 <= row.len() - row.len() / 8 {
            return [&[LZ4][..], &length.to_le_bytes(), &compressed].concat();
        }
    }
    [&[PLAIN][..], row].concat()
}

/// What [`pack`] packed.
///
/// # Errors
/// [`StoreError::Corrupt`] where it is something else.
pub(crate) fn unpack(packed: &[u8]) -> Result<Vec<u8>, StoreError> {
    let corrupt = |reason: &str| StoreError::Corrupt(format!("a row of the database: {reason}"));
    match packed {
        [PLAIN, row @ ..] => Ok(row.to_vec()),
        [LZ4, rest @ ..] => {
            let (length, compressed) =
                rest.split_first_chunk().ok_or_else(|| corrupt("it has no length"))?;
            let length = u32::from_le_bytes(*length) as usize;
            if length > compressed.len().saturating_mul(LZ4_RATIO_MAX) {
                return Err(corrupt("its length is wrong"));
            }
            let row = lz4_flex::block::decompress(compressed, length)
                .map_err(|error| corrupt(&error.to_string()))?;
            if row.len() != length {
                return Err(corrupt("its length is wrong"));
            }
            Ok(row)
        }
        [form, ..] => Err(corrupt(&format!(
            "form {form}, of which this version of Stairwell knows nothing (it reads 0 and 1)"
        ))),
        [] => Err(corrupt("it is empty")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_packed_is_unpacked() {
        for length in [0, 1, 511, 512, 513, 100_000] {
            let repeated = vec![7; length];
            let varied: Vec<u8> =
                (0..length).map(|it| (it.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
            for row in [repeated, varied] {
                assert_eq!(unpack(&pack(&row)), Ok(row));
            }
        }
    }

    #[test]
    fn only_what_becomes_smaller_is_compressed() {
        assert_eq!(pack(&[7; 511])[0], PLAIN);
        let compressed = pack(&[7; 4_096]);
        assert_eq!(compressed[0], LZ4);
        assert!(compressed.len() < 100, "{} bytes", compressed.len());
        let mut state = 1_u64;
        let noise: Vec<u8> = (0..4_096)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 56) as u8
            })
            .collect();
        assert_eq!(pack(&noise)[0], PLAIN);
    }

    #[test]
    fn anything_else_is_corrupt() {
        let packed = pack(&[7; 4_096]);
        let mut long = packed.clone();
        long[4] = 0xFF;
        let mut short = packed.clone();
        short[1] ^= 1;
        for wrong in [&[][..], &[2, 0], &[LZ4], &[LZ4, 1, 0], &long, &short, &packed[..9]] {
            assert!(matches!(unpack(wrong), Err(StoreError::Corrupt(_))), "{wrong:?}");
        }
    }
}
