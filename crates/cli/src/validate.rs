//! `stairwell validate`: the mistakes of definitions, each with its place in the text.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use asl::{Diagnostic, Severity, WorkflowType};

use crate::arguments::{MachineType, ValidateArguments};
use crate::{input, print};

/// What became of one definition; the worst of them is the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    Valid,
    Invalid,
    Unreadable,
}

/// Tells of every definition what is wrong with it.
pub(crate) fn validate(arguments: &ValidateArguments) -> anyhow::Result<ExitCode> {
    let workflow_type = match arguments.machine_type {
        MachineType::Standard => WorkflowType::Standard,
        MachineType::Express => WorkflowType::Express,
    };
    let mut worst = Verdict::Valid;
    for file in &arguments.files {
        worst = worst.max(validate_file(file, workflow_type)?);
    }
    Ok(match worst {
        Verdict::Valid => ExitCode::SUCCESS,
        Verdict::Invalid => ExitCode::from(1),
        Verdict::Unreadable => ExitCode::from(2),
    })
}

fn validate_file(file: &Path, workflow_type: WorkflowType) -> io::Result<Verdict> {
    let definition = match input::read_file(file) {
        Ok(definition) => definition,
        Err(error) => {
            eprintln!("stairwell: {error:#}");
            return Ok(Verdict::Unreadable);
        }
    };
    let name = input::display_name(file);
    let analysis = asl::compile(&definition, workflow_type);
    let mut diagnostics: Vec<_> = analysis.diagnostics.iter().collect();
    diagnostics.sort_by_cached_key(|it| {
        let position = json::locate(&definition, &it.pointer);
        // What is said of the whole comes last.
        (it.pointer.is_empty(), position.line, position.column)
    });
    for diagnostic in diagnostics {
        print::line(line(&name, &definition, diagnostic))?;
        if !diagnostic.help.is_empty() {
            print::line(format_args!("    help: {}", diagnostic.help))?;
        }
    }
    if analysis.program.is_some() {
        print::line(format_args!("{name}: valid"))?;
        Ok(Verdict::Valid)
    } else {
        Ok(Verdict::Invalid)
    }
}

/// A finding as compilers tell theirs, so that editors can jump to it.
pub(crate) fn line(file: &str, definition: &str, diagnostic: &Diagnostic) -> String {
    let position = json::locate(definition, &diagnostic.pointer);
    let severity = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let Diagnostic { code, message, pointer, .. } = diagnostic;
    let code = code.as_str();
    let (at_line, at_column) = (position.line, position.column);
    let pointer = if pointer.is_empty() { "/" } else { pointer };
    let (message, pointer) = (input::plainly(message), input::plainly(pointer));
    format!("{file}:{at_line}:{at_column}: {severity}[{code}]: {message} (at {pointer})")
}
