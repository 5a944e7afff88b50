//! Times in words.

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Milliseconds, to two units: `212 ms`, `4.2 s`, `1 min 58 s`, `2 h 3 min`, `3 d 4 h`. What is
/// negative is nothing.
pub fn duration(milliseconds: i64) -> String {
    let two = |unit: i64, name: &str, part: i64, part_name: &str| {
        let (whole, rest) = (milliseconds / unit, milliseconds % unit / part);
        match rest {
            0 => format!("{whole} {name}"),
            _ => format!("{whole} {name} {rest} {part_name}"),
        }
    };
    match milliseconds {
        ..=0 => "0 ms".to_owned(),
        1..SECOND => format!("{milliseconds} ms"),
        SECOND..MINUTE => match milliseconds % SECOND / 100 {
            0 => format!("{} s", milliseconds / SECOND),
            tenths => format!("{}.{tenths} s", milliseconds / SECOND),
        },
        MINUTE..HOUR => two(MINUTE, "min", SECOND, "s"),
        HOUR..DAY => two(HOUR, "h", MINUTE, "min"),
        DAY.. => two(DAY, "d", HOUR, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_have_two_units() {
        let cases = [
            (-5, "0 ms"),
            (0, "0 ms"),
            (999, "999 ms"),
            (1_000, "1 s"),
            (59_999, "59.9 s"),
            (118_004, "1 min 58 s"),
            (3_600_000, "1 h"),
            (7_380_000, "2 h 3 min"),
            (273_600_000, "3 d 4 h"),
        ];
        for (milliseconds, words) in cases {
            assert_eq!(duration(milliseconds), words, "{milliseconds}");
        }
    }
}
