//! Quotas other than AWS's.

use anyhow::bail;
use serde::Deserialize;

/// Quotas other than AWS's, where they are set.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Quotas {
    /// Open executions per account and region.
    pub(crate) open_executions: Option<u64>,
    /// State machines per account and region.
    pub(crate) state_machines: Option<u64>,
    /// Activities per account and region.
    pub(crate) activities: Option<u64>,
    /// Workers that poll an activity at a time.
    pub(crate) activity_pollers: Option<usize>,
}

/// The quotas of the file, and those that the command line has in their place.
///
/// # Errors
/// Where a pair is none, or names no quota.
pub(crate) fn quotas(pairs: &[String], of_file: Quotas) -> anyhow::Result<Quotas> {
    let mut quotas = of_file;
    for pair in pairs {
        let wrong = || anyhow::anyhow!("the quota '{pair}' is not of the form NAME=NUMBER");
        let (name, number) = pair.split_once('=').ok_or_else(wrong)?;
        let number: u32 = number.parse().map_err(|_| wrong())?;
        match name {
            "open-executions" => quotas.open_executions = Some(number.into()),
            "state-machines" => quotas.state_machines = Some(number.into()),
            "activities" => quotas.activities = Some(number.into()),
            "activity-pollers" => quotas.activity_pollers = Some(number as usize),
            _ => bail!("there is no quota '{name}'"),
        }
    }
    Ok(quotas)
}
