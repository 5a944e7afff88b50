//! Days and times of the Gregorian calendar, without leap seconds, in UTC.

/// A day has so many milliseconds.
pub(crate) const DAY: i64 = 86_400_000;
/// As far as JavaScript's dates reach, either side of 1970.
pub(crate) const MILLISECONDS_MAX: f64 = 8.64e15;

/// A moment in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) year: i64,
    /// From 1.
    pub(crate) month: i64,
    /// From 1.
    pub(crate) day: i64,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    pub(crate) millisecond: i64,
}

impl Moment {
    /// The moment so many milliseconds after the start of 1970.
    pub(crate) fn of(milliseconds: i64) -> Moment {
        let (days, time) = (milliseconds.div_euclid(DAY), milliseconds.rem_euclid(DAY));
        let (year, month, day) = date(days);
        Moment {
            year,
            month,
            day,
            hour: time / 3_600_000,
            minute: time / 60_000 % 60,
            second: time / 1_000 % 60,
            millisecond: time % 1_000,
        }
    }

    /// The day, counted from the start of 1970.
    pub(crate) fn days(&self) -> i64 {
        days(self.year, self.month, self.day)
    }

    /// Milliseconds since the start of 1970. Parts beyond their range carry over; they may be up to
    /// a thousand million.
    pub(crate) fn milliseconds(&self) -> f64 {
        let months = self.year * 12 + self.month - 1;
        let days = days(months.div_euclid(12), months.rem_euclid(12) + 1, 1) + self.day - 1;
        let seconds = (self.hour * 60 + self.minute) * 60 + self.second;
        days as f64 * DAY as f64 + (seconds * 1_000 + self.millisecond) as f64
    }

    /// From 1 for Monday to 7.
    pub(crate) fn weekday(&self) -> i64 {
        weekday(self.days())
    }

    /// From 1.
    pub(crate) fn day_of_year(&self) -> i64 {
        self.days() - days(self.year, 1, 1) + 1
    }

    /// The week, from 1, of the year (`months` is 12) or of the month (1), and the year and month
    /// that it belongs to: those that have its Thursday.
    pub(crate) fn week(&self, period: Period) -> (i64, i64, i64) {
        let thursday = self.days() - (self.weekday() - 4);
        let (year, month, _) = date(thursday);
        let month = if period == Period::Year { 1 } else { month };
        let week = (thursday - days(year, month, 1)) / 7 + 1;
        (week, year, month)
    }
}

/// What weeks are counted in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Period {
    Year,
    Month,
}

/// From 1 for Monday; the first day of 1970 was a Thursday.
fn weekday(days: i64) -> i64 {
    (days + 3).rem_euclid(7) + 1
}

/// Days from the start of 1970 to a date. Years are counted from March, so that the leap day is
/// the last one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Year, month and day of a day counted from the start of 1970.
fn date(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, day) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_dates_agree() {
        for day in (-1_000_000..1_000_000).step_by(97) {
            let (year, month, day_of_month) = date(day);
            assert_eq!(days(year, month, day_of_month), day);
        }
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(weekday(0), 4);
    }
}
