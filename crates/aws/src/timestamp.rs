//! Instants as tasks have them, and as services write them.

use jiff::Timestamp;
use json::{Number, Value};
use service_model::TimestampFormat;

/// An instant as results have it: ISO 8601, with milliseconds where there are any.
pub fn instant(instant: Timestamp) -> Value {
    let form = if instant.subsec_millisecond() == 0 {
        "%Y-%m-%dT%H:%M:%SZ"
    } else {
        "%Y-%m-%dT%H:%M:%S%.3fZ"
    };
    Value::from(instant.strftime(form).to_string())
}

/// Reads the instant that a parameter says: ISO 8601, or a number of seconds.
pub(crate) fn of_parameter(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(seconds) => of_seconds(seconds),
        Value::String(text) => {
            let of_number = || of_seconds(&Number::parse(text)?);
            let of_rfc822 = || of_rfc822(text);
            text.parse().ok().or_else(of_number).or_else(of_rfc822)
        }
        _ => None,
    }
}

/// Reads the instant that a service wrote, in whichever form.
pub(crate) fn of_answer(text: &str) -> Option<Timestamp> {
    of_parameter(&Value::from(text))
}

pub(crate) fn of_seconds(seconds: &Number) -> Option<Timestamp> {
    let milliseconds = (seconds.as_f64() * 1_000.0).round();
    Timestamp::from_millisecond(milliseconds as i64).ok()
}

fn of_rfc822(text: &str) -> Option<Timestamp> {
    let text = text.strip_suffix(" GMT")?;
    let time = jiff::civil::DateTime::strptime("%a, %d %b %Y %H:%M:%S", text).ok()?;
    time.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

/// Writes an instant as a service wants it.
pub(crate) fn written(instant: Timestamp, format: TimestampFormat) -> String {
    let milliseconds = instant.subsec_millisecond() != 0;
    match format {
        TimestampFormat::Iso8601 if milliseconds => {
            instant.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
        }
        TimestampFormat::Iso8601 => instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        TimestampFormat::Rfc822 => instant.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        TimestampFormat::UnixTimestamp if milliseconds => {
            format!("{}.{:03}", instant.as_second(), instant.subsec_millisecond())
        }
        TimestampFormat::UnixTimestamp => instant.as_second().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_and_written() {
        for (text, result) in [
            ("2015-01-02T03:04:05Z", "2015-01-02T03:04:05Z"),
            ("2015-01-02T03:04:05.600+01:00", "2015-01-02T02:04:05.600Z"),
            ("1420167845", "2015-01-02T03:04:05Z"),
            ("1420167845.25", "2015-01-02T03:04:05.250Z"),
            ("Fri, 02 Jan 2015 03:04:05 GMT", "2015-01-02T03:04:05Z"),
        ] {
            let read = of_answer(text).expect("it is an instant");
            assert_eq!(instant(read), Value::from(result), "{text}");
        }
        assert_eq!(of_answer("soon"), None);
        let read = of_answer("2015-01-02T03:04:05.600Z").expect("it is an instant");
        for (format, text) in [
            (TimestampFormat::Iso8601, "2015-01-02T03:04:05.600Z"),
            (TimestampFormat::Rfc822, "Fri, 02 Jan 2015 03:04:05 GMT"),
            (TimestampFormat::UnixTimestamp, "1420167845.600"),
        ] {
            assert_eq!(written(read, format), text);
        }
    }
}
