//! `stairwell purge`: removes executions that ended long ago, where no server is there to do it.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::bail;
use runtime::{Clock, Retention};
use store::Store;

use crate::arguments::PurgeArguments;
use crate::{configuration, print, storage, threads};

/// Removes them, or tells how many there are.
pub(crate) fn purge(arguments: &PurgeArguments) -> anyhow::Result<ExitCode> {
    let (folder, retention) = configuration::purge_settings(arguments)?;
    if !folder.exists() {
        bail!("there is no data folder {}", folder.display());
    }
    let store: Arc<dyn Store> = Arc::new(storage::open_folder(&folder)?);
    threads::block_on(purge_store(&store, &retention, arguments.dry_run))??;
    Ok(ExitCode::SUCCESS)
}

async fn purge_store(
    store: &Arc<dyn Store>,
    retention: &Retention,
    dry_run: bool,
) -> anyhow::Result<()> {
    let clock = Clock::system_of(&**store).await?;
    if clock.is_doubted() && !dry_run {
        eprintln!(
            "stairwell: the machine's clock is watched for a minute before anything is removed"
        );
        clock.believed().await;
    }
    let purged = runtime::purge(store, retention, clock.day(), !dry_run).await;
    store.close().await?;
    let purged = purged?;
    for (state_machine_arn, executions) in &purged {
        print::line(format_args!("{executions:>12} of {state_machine_arn}"))?;
    }
    let verb = if dry_run { "would be removed" } else { "removed" };
    print::line(format_args!("{:>12} executions {verb}", purged.values().sum::<u64>()))?;
    Ok(())
}
