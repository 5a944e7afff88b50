//! Throttling: a bucket of tokens for each account, region and operation, as AWS has them. Off
//! unless it is asked for.
//! See <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>.
//!
//! Does not: slow down the transitions of executions, which AWS also counts.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr;

use engine::Timestamp;
use parking_lot::Mutex;
use store::Scope;

use crate::error::{ApiError, ErrorCode};
use crate::operations::Operation;

/// How many buckets are kept; those that are full again make room.
const BUCKETS_MAX: usize = 10_000;

/// The regions to which AWS gives the larger buckets.
const LARGE_REGIONS: [&str; 3] = ["us-east-1", "us-west-2", "eu-west-1"];

/// The name that stands for StartExecution of Express machines, which has its own bucket.
pub(crate) const START_EXPRESS: &str = "StartExecution:Express";

/// How many requests a bucket takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many at once.
    pub bucket: u64,
    /// How many a second after that.
    pub refill_per_second: u64,
}

/// What is throttled: nothing by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Throttling {
    /// Whether AWS's buckets hold for operations that have no rate of their own.
    aws: bool,
    rates: BTreeMap<String, Rate>,
}

impl FromStr for Throttling {
    type Err = String;

    /// Reads a list with commas, such as `aws,StartExecution=10/5`: `aws` for AWS's own buckets,
    /// or `off`; and the name of an operation, how many requests its bucket holds, and how many
    /// come back each second.
    fn from_str(text: &str) -> Result<Throttling, String> {
        let mut throttling = Throttling::default();
        for part in text.split(',').map(str::trim).filter(|part| !matches!(*part, "" | "off")) {
            if part == "aws" {
                throttling.aws = true;
                continue;
            }
            let wrong = || format!("'{part}' is neither aws, off nor OPERATION=BUCKET/PER-SECOND");
            let (name, rate) = part.split_once('=').ok_or_else(wrong)?;
            let (bucket, refill) = rate.split_once('/').ok_or_else(wrong)?;
            let rate = Rate {
                bucket: bucket.parse().map_err(|_| wrong())?,
                refill_per_second: refill.parse().map_err(|_| wrong())?,
            };
            if name != START_EXPRESS && Operation::by_name(name).is_none() {
                return Err(format!("there is no operation '{name}' to throttle"));
            }
            throttling.rates.insert(name.to_owned(), rate);
        }
        Ok(throttling)
    }
}

impl Throttling {
    fn rate(&self, operation: &str, region: &str) -> Option<Rate> {
        let own = self.rates.get(operation).copied();
        own.or_else(|| self.aws.then(|| aws_rate(operation, region)).flatten())
    }

    /// Whether anything is throttled.
    pub fn is_on(&self) -> bool {
        self.aws || !self.rates.is_empty()
    }
}

/// AWS's bucket of an operation. StartSyncExecution has none.
fn aws_rate(operation: &str, region: &str) -> Option<Rate> {
    let is_large = LARGE_REGIONS.contains(&region);
    let (bucket, refill_per_second) = match operation {
        "StartSyncExecution" => return None,
        START_EXPRESS => (6_000, 6_000),
        "StartExecution" | "RedriveExecution" if is_large => (1_300, 300),
        "StartExecution" | "RedriveExecution" => (800, 150),
        "StopExecution" if is_large => (1_000, 200),
        "StopExecution" => (500, 25),
        "GetActivityTask" | "SendTaskFailure" | "SendTaskHeartbeat" | "SendTaskSuccess" => {
            if is_large {
                (3_000, 500)
            } else {
                (1_500, 300)
            }
        }
        "DescribeExecution" if is_large => (300, 15),
        "DescribeExecution" => (250, 10),
        "GetExecutionHistory" => (400, 20),
        "ListExecutions" if is_large => (200, 5),
        "ListExecutions" => (100, 2),
        "DescribeStateMachine" => (200, 20),
        "DescribeActivity"
        | "DescribeMapRun"
        | "DescribeStateMachineAlias"
        | "DescribeStateMachineForExecution"
        | "TagResource"
        | "UntagResource" => (200, 1),
        "ListActivities" => (100, 10),
        "ListStateMachines" => (100, 5),
        "TestState" => (50, 10),
        _ => (100, 1),
    };
    Some(Rate { bucket, refill_per_second })
}

/// The buckets.
#[derive(Debug, Default)]
pub(crate) struct Buckets {
    throttling: Throttling,
    levels: Mutex<HashMap<(Scope, &'static str), Level>>,
}

/// What is in a bucket: thousandths of tokens, so that a millisecond's refill is a whole number.
#[derive(Clone, Copy, Debug)]
struct Level {
    thousandths: u64,
    at: Timestamp,
}

impl Level {
    fn full(rate: Rate, now: Timestamp) -> Level {
        Level { thousandths: rate.bucket.saturating_mul(1_000), at: now }
    }

    fn refilled(self, rate: Rate, now: Timestamp) -> Level {
        let milliseconds = u64::try_from(now.0.saturating_sub(self.at.0)).unwrap_or(0);
        let refill = milliseconds.saturating_mul(rate.refill_per_second);
        let full = Level::full(rate, now);
        let thousandths = self.thousandths.saturating_add(refill).min(full.thousandths);
        Level { thousandths, at: now.max(self.at) }
    }
}

impl Buckets {
    pub(crate) fn new(throttling: Throttling) -> Buckets {
        Buckets { throttling, levels: Mutex::default() }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.throttling.is_on()
    }

    /// Takes a token for a request: as many as there are nodes, since each has a bucket of the
    /// whole size, and calls are spread over them. A bucket that holds fewer lets one through.
    ///
    /// # Errors
    /// `ThrottlingException` where there is none.
    pub(crate) fn take(
        &self,
        scope: &Scope,
        operation: &'static str,
        now: Timestamp,
        nodes: u64,
    ) -> Result<(), ApiError> {
        let Some(rate) = self.throttling.rate(operation, &scope.region) else {
            return Ok(());
        };
        let mut levels = self.levels.lock();
        if levels.len() >= BUCKETS_MAX {
            let throttling = &self.throttling;
            levels.retain(|(scope, operation), level| {
                throttling.rate(operation, &scope.region).is_some_and(|rate| {
                    level.refilled(rate, now).thousandths < Level::full(rate, now).thousandths
                })
            });
        }
        let key = (scope.clone(), operation);
        let level = levels.entry(key).or_insert_with(|| Level::full(rate, now));
        *level = level.refilled(rate, now);
        let taken = nodes.min(rate.bucket).max(1).saturating_mul(1_000);
        match level.thousandths.checked_sub(taken) {
            Some(left) => level.thousandths = left,
            None => return Err(ApiError::new(ErrorCode::ThrottlingException, "Rate exceeded")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn scope(account: &str, region: &str) -> Scope {
        Scope { account: account.into(), region: region.into() }
    }

    fn taken(buckets: &Buckets, scope: &Scope, operation: &'static str, now: Timestamp) -> u64 {
        (0..10_000).take_while(|_| buckets.take(scope, operation, now, 1).is_ok()).count() as u64
    }

    #[test]
    fn a_bucket_empties_and_fills_again() {
        let buckets = Buckets::new("StartExecution=3/2".parse().expect("a rate"));
        let (mine, theirs) = (scope("1", "us-east-1"), scope("2", "us-east-1"));
        assert_eq!(taken(&buckets, &mine, "StartExecution", NOW), 3);
        let error = buckets.take(&mine, "StartExecution", NOW, 1).expect_err("it is empty");
        assert_eq!(error.to_string(), "ThrottlingException: Rate exceeded");
        assert_eq!(taken(&buckets, &theirs, "StartExecution", NOW), 3, "another account");
        let elsewhere = scope("1", "eu-west-1");
        assert_eq!(taken(&buckets, &elsewhere, "StartExecution", NOW), 3, "another region");
        assert_eq!(taken(&buckets, &mine, "StopExecution", NOW), 10_000, "another operation");
        let soon = NOW.plus_milliseconds(499);
        assert_eq!(taken(&buckets, &mine, "StartExecution", soon), 0);
        assert_eq!(taken(&buckets, &mine, "StartExecution", NOW.plus_milliseconds(500)), 1);
        assert_eq!(taken(&buckets, &mine, "StartExecution", NOW.plus_seconds(60)), 3);
        // A clock that goes back gives nothing, and takes nothing.
        assert_eq!(taken(&buckets, &mine, "StartExecution", NOW), 0);
    }

    #[test]
    fn aws_has_larger_buckets_in_large_regions() {
        let buckets = Buckets::new("aws,ListExecutions=7/0".parse().expect("rates"));
        for (region, operation, expected) in [
            ("us-east-1", "StartExecution", 1_300),
            ("eu-central-1", "StartExecution", 800),
            ("us-east-1", START_EXPRESS, 6_000),
            ("us-east-1", "StartSyncExecution", 10_000),
            ("eu-central-1", "SendTaskSuccess", 1_500),
            ("us-west-2", "CreateActivity", 100),
            ("us-west-2", "ListExecutions", 7),
        ] {
            let scope = scope("1", region);
            assert_eq!(taken(&buckets, &scope, operation, NOW), expected, "{operation}");
        }
    }

    #[test]
    fn what_is_no_rate_is_refused() {
        for (text, part) in [
            ("fast", "'fast' is neither"),
            ("StartExecution", "is neither"),
            ("StartExecution=1", "is neither"),
            ("StartExecution=a/1", "is neither"),
            ("Start=1/1", "no operation 'Start'"),
        ] {
            let error = text.parse::<Throttling>().expect_err(text);
            assert!(error.contains(part), "{error}");
        }
        assert_eq!("off".parse(), Ok(Throttling::default()));
        assert!(!Throttling::default().is_on());
    }

    #[test]
    fn nodes_share_what_a_bucket_holds_and_what_comes_back() {
        let buckets = Buckets::new("StartExecution=30/1,StopExecution=2/1".parse().expect("rates"));
        let scope = scope("1", "us-east-1");
        let taken = |operation, now| {
            let is_let = |_: &u64| buckets.take(&scope, operation, now, 3).is_ok();
            (0..100).take_while(is_let).count()
        };
        assert_eq!(taken("StartExecution", NOW), 10);
        // Asked each millisecond, no part of a token is lost.
        let milliseconds =
            (1..=30_000).map(|it| taken("StartExecution", NOW.plus_milliseconds(it)));
        assert_eq!(milliseconds.sum::<usize>(), 10);
        assert_eq!(taken("StopExecution", NOW), 1, "a bucket for fewer than there are nodes");
    }

    #[test]
    fn full_buckets_make_room() {
        let buckets = Buckets::new("aws".parse().expect("rates"));
        for account in 0..2 * BUCKETS_MAX {
            let now = NOW.plus_seconds(account as u64);
            let scope = scope(&account.to_string(), "us-east-1");
            buckets.take(&scope, "StartExecution", now, 1).expect("it is full");
        }
        assert!(buckets.levels.lock().len() <= BUCKETS_MAX);
    }
}
