//! Timestamps as the language writes them.

use jiff::civil::Date;

const NANOSECONDS_PER_SECOND: i128 = 1_000_000_000;
const FRACTION_DIGITS_MAX: usize = 9;

/// The instant that a timestamp names, in nanoseconds since 1970-01-01T00:00:00Z; negative before.
///
/// The form is the strict one of `Timestamp`, `TimestampPath`, `TimestampEquals` and
/// `IsTimestamp`: RFC 3339 with an upper-case `T`, seconds, at most nine digits of fraction, and
/// an upper-case `Z` or an offset such as `+01:00`. A text of any other form, a date that is in no
/// calendar, or a leap second is no timestamp.
/// See <https://states-language.net/spec.html#timestamps>.
pub fn parse_timestamp(text: &str) -> Option<i128> {
    let mut reader = Reader { rest: text.as_bytes() };
    let year = reader.number(4, 9999)?;
    reader.byte(b'-')?;
    let month = reader.number(2, 12)?;
    reader.byte(b'-')?;
    let day = reader.number(2, 31)?;
    reader.byte(b'T')?;
    let hour = reader.number(2, 23)?;
    reader.byte(b':')?;
    let minute = reader.number(2, 59)?;
    reader.byte(b':')?;
    let second = reader.number(2, 59)?;
    let nanoseconds = reader.fraction()?;
    let offset_seconds = reader.offset()?;
    if !reader.rest.is_empty() {
        return None;
    }
    let date =
        Date::new(i16::try_from(year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?)
            .ok()?;
    let midnight = date.duration_since(Date::constant(1970, 1, 1)).as_secs();
    let seconds = midnight + hour * 3600 + minute * 60 + second - offset_seconds;
    Some(i128::from(seconds) * NANOSECONDS_PER_SECOND + i128::from(nanoseconds))
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn byte(&mut self, expected: u8) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        (*first == expected).then_some(())
    }

    fn number(&mut self, digits: usize, max: i64) -> Option<i64> {
        let (text, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        let mut number = 0;
        for byte in text {
            number = number * 10 + i64::from(digit(*byte)?);
        }
        (number <= max).then_some(number)
    }

    /// Nanoseconds; nothing where no point follows.
    fn fraction(&mut self) -> Option<i64> {
        if self.rest.first() != Some(&b'.') {
            return Some(0);
        }
        self.byte(b'.')?;
        let count = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 || count > FRACTION_DIGITS_MAX {
            return None;
        }
        let mut nanoseconds = self.number(count, i64::MAX)?;
        for _ in count..FRACTION_DIGITS_MAX {
            nanoseconds *= 10;
        }
        Some(nanoseconds)
    }

    /// Seconds east of UTC.
    fn offset(&mut self) -> Option<i64> {
        let sign = match self.rest.first()? {
            b'Z' => {
                self.byte(b'Z')?;
                return Some(0);
            }
            b'+' => 1,
            b'-' => -1,
            _ => return None,
        };
        self.rest = &self.rest[1..];
        let hours = self.number(2, 23)?;
        self.byte(b':')?;
        let minutes = self.number(2, 59)?;
        Some(sign * (hours * 3600 + minutes * 60))
    }
}

fn digit(byte: u8) -> Option<u8> {
    byte.is_ascii_digit().then(|| byte - b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, nanoseconds: Option<i128>) {
        assert_eq!(parse_timestamp(text), nanoseconds, "{text}");
    }

    #[test]
    fn timestamps_name_instants() {
        check("1970-01-01T00:00:00Z", Some(0));
        check("1970-01-01T00:00:01.5Z", Some(1_500_000_000));
        check("1969-12-31T23:59:59.999999999Z", Some(-1));
        check("2016-03-05T21:29:29.243167252Z", Some(1_457_213_369_243_167_252));
        check("2012-10-09T19:00:55+01:00", Some(1_349_805_655_000_000_000));
        check("2012-10-09T19:00:55-00:30", Some(1_349_811_055_000_000_000));
        check("2024-02-29T00:00:00Z", Some(1_709_164_800_000_000_000));
        check("0000-01-01T00:00:00Z", Some(-62_167_219_200_000_000_000));
        check("9999-12-31T23:59:59-23:59", Some(253_402_387_139_000_000_000));
    }

    #[test]
    fn other_texts_are_no_timestamps() {
        for text in [
            "",
            "now",
            "2016-03-14",
            "2016-03-14T01:59:00",
            "2016-03-14t01:59:00Z",
            "2016-03-14T01:59:00z",
            "2016-03-14 01:59:00Z",
            "2023-02-24 12:15:56.832957",
            "05-12-2016T21:29:29Z",
            "2016-13-05T21:29:29Z",
            "2016-00-05T21:29:29Z",
            "2016-12-00T21:29:29Z",
            "2016-12-05T25:29:29Z",
            "2016-12-05T24:00:00Z",
            "2016-12-31T23:59:60Z",
            "2023-02-29T00:00:00Z",
            "2016-03-14T01:59Z",
            "2016-03-14T01:59:00.Z",
            "2016-03-14T01:59:00.1234567890Z",
            "2016-03-14T01:59:00+0100",
            "2016-03-14T01:59:00+24:00",
            "2016-03-14T01:59:00+01:60",
            "2016-03-14T01:59:00+01",
            "2016-03-14T01:59:00ZZ",
            " 2016-03-14T01:59:00Z",
            "2016-3-14T01:59:00Z",
            "+2016-03-14T01:59:00Z",
            "２016-03-14T01:59:00Z",
            "2016-03-14T01:59:0٣Z",
        ] {
            check(text, None);
        }
    }
}
