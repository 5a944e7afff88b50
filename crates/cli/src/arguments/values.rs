//! Values that mean more than their text.

use std::str::FromStr;
use std::time::Duration;

use runtime::ExpressHistory;
use serde::{Deserialize, Deserializer};

/// A number of days, or for ever.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Days(pub(crate) Option<f64>);

impl Days {
    /// For those who keep time in seconds.
    pub(crate) fn seconds(self) -> Option<u64> {
        // In range, since days are neither negative nor infinite.
        self.0.map(|days| (days * 86_400.0).round() as u64)
    }

    fn new(days: f64) -> Result<Days, String> {
        match days.is_finite() && days >= 0.0 {
            true => Ok(Days(Some(days))),
            false => Err("no number of days, which is 0 or more".to_owned()),
        }
    }
}

impl FromStr for Days {
    type Err = String;

    fn from_str(text: &str) -> Result<Days, String> {
        match (text, text.parse()) {
            ("forever", _) => Ok(Days(None)),
            (_, Ok(days)) => Days::new(days),
            (_, Err(_)) => Err("neither a number of days nor forever".to_owned()),
        }
    }
}

impl<'text> Deserialize<'text> for Days {
    fn deserialize<D: Deserializer<'text>>(deserializer: D) -> Result<Days, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(f64),
            Text(String),
        }
        match Form::deserialize(deserializer) {
            Ok(Form::Number(days)) => Days::new(days).map_err(serde::de::Error::custom),
            Ok(Form::Text(text)) if text == "forever" => Ok(Days(None)),
            _ => Err(serde::de::Error::custom("neither a number of days nor \"forever\"")),
        }
    }
}

/// How many Express executions are kept at most, where only their age is said.
const EXPRESS_EXECUTIONS_MAX: usize = 100_000;

/// How many bytes of Express executions are kept at most.
const EXPRESS_BYTES_MAX: usize = 256 << 20;

/// How much of Express executions is kept; none where it is off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ExpressHistoryBound(pub(crate) Option<ExpressHistory>);

impl FromStr for ExpressHistoryBound {
    type Err = String;

    fn from_str(text: &str) -> Result<ExpressHistoryBound, String> {
        let wrong = || "neither a time such as 15m, nor a number of executions, nor off".to_owned();
        if text == "off" {
            return Ok(ExpressHistoryBound(None));
        }
        let (digits, unit) =
            text.split_at(text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len()));
        let number: u32 = digits.parse().map_err(|_| wrong())?;
        if number == 0 {
            return Err(wrong());
        }
        let of_time = |seconds: u64| ExpressHistory {
            age_max: Duration::from_secs(u64::from(number) * seconds),
            executions_max: EXPRESS_EXECUTIONS_MAX,
            bytes_max: EXPRESS_BYTES_MAX,
        };
        Ok(ExpressHistoryBound(Some(match unit {
            "" => ExpressHistory {
                age_max: Duration::MAX,
                executions_max: number as usize,
                bytes_max: EXPRESS_BYTES_MAX,
            },
            "s" => of_time(1),
            "m" => of_time(60),
            "h" => of_time(60 * 60),
            _ => return Err(wrong()),
        })))
    }
}

impl<'text> Deserialize<'text> for ExpressHistoryBound {
    fn deserialize<D: Deserializer<'text>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(u32),
            Text(String),
        }
        let text = match Form::deserialize(deserializer) {
            Ok(Form::Number(number)) => number.to_string(),
            Ok(Form::Text(text)) => text,
            Err(_) => String::new(),
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_numbers_or_for_ever() {
        let seconds = |text: &str| text.parse().map(Days::seconds);
        assert_eq!(seconds("7"), Ok(Some(604_800)));
        assert_eq!(seconds("0.5"), Ok(Some(43_200)));
        assert_eq!(seconds("forever"), Ok(None));
        for text in ["", "-1", "NaN", "inf", "a week"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
