//! What the commands read: files, standard input, and JSON given on the command line.

use std::fs;
use std::io::Read;
use std::path::Path;

use anyhow::Context;

/// The text of a file; of standard input for `-`.
pub(crate) fn read_file(path: &Path) -> anyhow::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("standard input cannot be read")?;
        return Ok(text);
    }
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}

/// What messages call the file.
pub(crate) fn display_name(path: &Path) -> String {
    if path == Path::new("-") { "<stdin>".to_owned() } else { path.display().to_string() }
}

/// JSON text as it was given, or the text of the file that `@FILE` names.
pub(crate) fn read_json(argument: &str) -> anyhow::Result<String> {
    let text = match argument.strip_prefix('@') {
        Some(path) => read_file(Path::new(path))?,
        None => argument.to_owned(),
    };
    json::validate(&text).map_err(|error| {
        let position = error.position;
        anyhow::anyhow!(
            "the input is not JSON: {} (line {}, column {})",
            error.message,
            position.line,
            position.column
        )
    })?;
    Ok(text)
}
