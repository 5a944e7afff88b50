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
        let looks_like_file = argument.ends_with(".json") || Path::new(argument).is_file();
        anyhow::anyhow!(
            "the input is not JSON: {} (line {}, column {}){}",
            plainly(&error.message),
            position.line,
            position.column,
            match looks_like_file {
                true => format!("; the input that is in a file is given as @{argument}"),
                false => String::new(),
            }
        )
    })?;
    Ok(text)
}

/// A message about JSON without the inside of AWS's parser: `[Source: …; line: 1, column: 2]` is
/// `line 1, column 2`.
pub(crate) fn plainly(message: &str) -> String {
    let (mut plain, mut rest) = (String::new(), message);
    while let Some((before, after)) = rest.split_once("[Source: ") {
        let Some((source, end)) = after.split_once(']') else { break };
        let Some((_, place)) = source.rsplit_once("line: ") else { break };
        plain.push_str(&format!("{before}line {}", place.replace("column: ", "column ")));
        rest = end;
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_plainly() {
        let close = "expected close marker for Object (start marker at [Source: REDACTED \
                     (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, \
                     column: 1])";
        assert_eq!(
            plainly(close),
            "expected close marker for Object (start marker at line 1, column 1)"
        );
        assert_eq!(plainly("[Source: UNKNOWN; line: 4, column: 39]"), "line 4, column 39");
        for as_it_is in ["", "no place", "[Source: cut off"] {
            assert_eq!(plainly(as_it_is), as_it_is);
        }
    }
}
