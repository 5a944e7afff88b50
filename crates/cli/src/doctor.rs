//! `stairwell doctor`: what is damaged in a data folder, where no server is there to tell.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;
use serde_json::json;
use store::Store;
use store_embedded::doctor::{self, DamagedFile, Diagnosis, Part};

use crate::arguments::DoctorArguments;
use crate::print;
use crate::storage::open_folder;

/// Something is damaged.
const DAMAGED: u8 = 3;

/// Tells what is damaged, or lets executions go on.
pub(crate) fn doctor(arguments: &DoctorArguments) -> anyhow::Result<ExitCode> {
    for arn in &arguments.release {
        doctor::release(&arguments.data, arn).map_err(|error| anyhow::anyhow!("{arn}: {error}"))?;
        print::line(format_args!("released: {arn}"))?;
    }
    if !arguments.release.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    if arguments.forget_secrets {
        let count = forget_secrets(&arguments.data)?;
        print::line(format_args!("{count} access keys have no secret any more"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let diagnosis = doctor::examine(&arguments.data)?;
    match arguments.json {
        true => print::line(format_args!("{}", document(&diagnosis)))?,
        false => tell(&diagnosis)?,
    }
    Ok(if diagnosis.is_sound() { ExitCode::SUCCESS } else { ExitCode::from(DAMAGED) })
}

fn forget_secrets(folder: &Path) -> anyhow::Result<usize> {
    if !folder.is_dir() {
        bail!("there is no data folder {}", folder.display());
    }
    let threads = tokio::runtime::Builder::new_current_thread().build()?;
    let store = open_folder(folder)?;
    threads.block_on(async {
        let count = identity::forget_secrets(&store).await?;
        store.close().await?;
        Ok(count)
    })
}

fn tell(diagnosis: &Diagnosis) -> anyhow::Result<()> {
    for file in &diagnosis.files {
        let byte = file.byte.map_or_else(String::new, |byte| format!(" at byte {byte}"));
        print::line(format_args!("damaged: {}{byte}: {}", file.path.display(), file.what))?;
    }
    if let Some(file) = &diagnosis.torn {
        let byte = file.byte.unwrap_or_default();
        let path = file.path.display();
        let what = &file.what;
        print::line(format_args!("torn: {path} at byte {byte}: {what}; the next start drops it"))?;
    }
    for range in &diagnosis.lost {
        print::line(format_args!("lost: {range}"))?;
    }
    for hit in &diagnosis.hit {
        let name = hit.arn.as_ref().map_or_else(|| hit.id.to_string(), |arn| arn.to_string());
        let part = part_name(hit.part);
        print::line(format_args!("hit: {name}: {part}: {}", hit.reason))?;
    }
    let Diagnosis { tables, executions, .. } = diagnosis;
    let verdict = if diagnosis.is_sound() { "all is sound" } else { "not all is sound" };
    Ok(print::line(format_args!("{tables} tables, {executions} executions: {verdict}"))?)
}

fn document(diagnosis: &Diagnosis) -> serde_json::Value {
    let file = |file: &DamagedFile| {
        let path = file.path.display().to_string();
        json!({ "path": path, "byte": file.byte, "what": file.what })
    };
    let files = diagnosis.files.iter().map(file);
    let hit = diagnosis.hit.iter().map(|hit| {
        json!({
            "id": hit.id.to_string(),
            "arn": hit.arn.as_deref(),
            "part": part_name(hit.part),
            "reason": hit.reason,
        })
    });
    json!({
        "sound": diagnosis.is_sound(),
        "tables": diagnosis.tables,
        "executions": diagnosis.executions,
        "files": files.collect::<Vec<_>>(),
        "torn": diagnosis.torn.as_ref().map(file),
        "lost": diagnosis.lost,
        "hit": hit.collect::<Vec<_>>(),
    })
}

fn part_name(part: Part) -> &'static str {
    match part {
        Part::Header => "header",
        Part::Records => "records",
        Part::Agenda => "agenda",
    }
}
