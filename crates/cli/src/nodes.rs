//! `stairwell nodes`: the servers of a database.

use std::process::ExitCode;

use anyhow::bail;
use serde_json::json;
use store_postgres::{Watched, WatchedServer};

use crate::arguments::NodesArguments;
use crate::{configuration, print, storage, threads};

/// Prints who serves a database.
pub(crate) fn nodes(arguments: &NodesArguments) -> anyhow::Result<ExitCode> {
    let store = match &arguments.store {
        Some(store) => Some(store.clone()),
        None => configuration::store_named(arguments.configuration.config.as_deref())?,
    };
    let Some(store) = store else {
        bail!(
            "no database is named: --store (or STAIRWELL_STORE, or store in stairwell.toml) says \
             which"
        );
    };
    let address = storage::database_address(&store)?;
    let watched = threads::block_on(store_postgres::watch(address))??;
    match arguments.json {
        true => print::line(format_args!("{:#}", as_json(&watched)))?,
        false => as_table(&watched)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(watched: &Watched) -> serde_json::Value {
    let Watched { servers, homes_free, clock_offset_milliseconds } = watched;
    let nodes = servers.iter().map(|server| {
        let WatchedServer { number, address, release, lives, homes, open_executions } = server;
        json!({
            "node": number,
            "address": address,
            "release": release,
            "lives": lives,
            "homes": homes,
            "openExecutions": open_executions,
        })
    });
    json!({
        "nodes": nodes.collect::<Vec<_>>(),
        "homesFree": homes_free,
        "clockOffsetMilliseconds": clock_offset_milliseconds,
    })
}

fn as_table(watched: &Watched) -> anyhow::Result<()> {
    let title = ["node", "address", "release", "state", "homes", "open executions"];
    let mut rows = vec![title.map(str::to_owned)];
    for server in &watched.servers {
        let WatchedServer { number, address, release, lives, homes, open_executions } = server;
        let state = if *lives { "lives" } else { "silent" };
        rows.push([
            number.to_string(),
            address.clone(),
            release.clone(),
            state.to_owned(),
            homes.to_string(),
            open_executions.to_string(),
        ]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let widths: [usize; 6] = std::array::from_fn(width);
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        print::line(format_args!("{}", cells.collect::<Vec<_>>().join("  ").trim_end()))?;
    }
    if watched.homes_free > 0 {
        print::line(format_args!("{} homes are held by nobody", watched.homes_free))?;
    }
    let offset = watched.clock_offset_milliseconds;
    print::line(format_args!("the database's clock is {offset} ms ahead of this machine's"))?;
    Ok(())
}
