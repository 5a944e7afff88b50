//! The rules of the house that no lint knows.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::process::root;

const FILE_LINES_MAX: usize = 800;
const LINE_COLUMNS_MAX: usize = 100;

/// The crates that must stay pure, with all that each may depend on.
const PURE: [(&str, &[&str]); 10] = [
    ("graph", &["json"]),
    ("story", &["graph", "jiff", "json"]),
    ("json", &["thiserror"]),
    (
        "jsonpath",
        &[
            "base64",
            "fancy-regex",
            "jiff",
            "json",
            "md-5",
            "rand_core",
            "regex",
            "sha1",
            "sha2",
            "thiserror",
            "uuid",
        ],
    ),
    (
        "jsonata",
        &[
            "base64",
            "fancy-regex",
            "jiff",
            "json",
            "md-5",
            "rand_core",
            "regex",
            "sha1",
            "sha2",
            "thiserror",
            "uuid",
        ],
    ),
    ("service-model", &["json", "miniz_oxide", "thiserror"]),
    ("permissions", &["json", "miniz_oxide", "service-model"]),
    ("asl", &["jiff", "json", "jsonata", "jsonpath", "service-model", "thiserror"]),
    ("engine", &["asl", "jiff", "json", "jsonata", "jsonpath", "rand_core", "thiserror", "uuid"]),
    ("policy", &["base64", "jiff", "json", "thiserror"]),
];

/// What the code of a pure crate does not say: clocks, chance, files, sockets, threads, globals.
const IMPURE: [&str; 20] = [
    "std::time",
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::io::stdin",
    "SystemTime",
    "Instant::now",
    "Zoned::now",
    "Timestamp::now",
    "new_v4",
    "now_v7",
    "OsRng",
    "SysRng",
    "getrandom",
    "thread_local!",
    "static mut",
    "async fn",
    "tokio",
];

/// Checks the tree, and prints each place that breaks a rule.
///
/// # Errors
/// Where there is such a place.
pub(crate) fn run() -> anyhow::Result<()> {
    let findings = findings(&root())?;
    findings.iter().for_each(|finding| println!("tidy: {finding}"));
    if !findings.is_empty() {
        bail!("tidy: {} findings", findings.len());
    }
    println!("tidy: nothing to complain of");
    Ok(())
}

/// Every place that breaks a rule.
fn findings(root: &Path) -> anyhow::Result<Vec<String>> {
    let mut findings = Vec::new();
    for folder in ["crates", "xtask", "fuzz"] {
        for path in rust_files(&root.join(folder))? {
            let text = read(&path)?;
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            findings.extend(file_findings(&name, &text));
        }
    }
    for (package, allowed) in PURE {
        let manifest = read(&root.join(format!("crates/{package}/Cargo.toml")))?;
        findings.extend(dependency_findings(package, &manifest, allowed)?);
        for path in rust_files(&root.join(format!("crates/{package}/src")))? {
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            findings.extend(purity_findings(&name, &read(&path)?));
        }
    }
    Ok(findings)
}

/// What any source file must keep to.
fn file_findings(name: &str, text: &str) -> Vec<String> {
    let mut findings = Vec::new();
    let code = without_tests(name, text);
    let lines = code.lines().count();
    if lines > FILE_LINES_MAX {
        findings.push(format!("{name} has {lines} lines without tests, over {FILE_LINES_MAX}"));
    }
    for (index, line) in code.lines().enumerate() {
        let columns = line.chars().count();
        if columns > LINE_COLUMNS_MAX && !line.contains("://") {
            findings.push(format!("{name}:{} has {columns} columns", index + 1));
        }
    }
    for (index, line) in text.lines().enumerate() {
        for word in [concat!("TO", "DO"), concat!("FIX", "ME")] {
            if line.contains(word) && !line.contains(&format!("{word}(#")) {
                findings.push(format!("{name}:{} has a {word} without an issue", index + 1));
            }
        }
    }
    if name.starts_with("crates/runtime/src/") {
        findings.extend(lots(name, text));
    }
    let is_root = ["src/lib.rs", "src/main.rs"].iter().any(|root| name.ends_with(root));
    if is_root && !text.starts_with("//!") {
        findings.push(format!("{name} does not open with what the crate is"));
    }
    findings
}

/// Where the scheduler would draw lots: the runtime has no chance but that of its seed.
fn lots(name: &str, text: &str) -> Vec<String> {
    let mut lines = text.lines().enumerate().peekable();
    let mut findings = Vec::new();
    while let Some((index, line)) = lines.next() {
        let is_biased = lines.peek().is_some_and(|(_, next)| next.trim() == "biased;");
        if line.contains("select! {") && !is_biased {
            findings.push(format!("{name}:{} has a select that is not biased", index + 1));
        }
    }
    findings
}

/// The part of a file before its tests; nothing of a file that is all tests.
fn without_tests<'a>(name: &str, text: &'a str) -> &'a str {
    let is_test = |part: &str| part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs");
    if name.split('/').any(is_test) {
        return "";
    }
    text.find("\n#[cfg(test)]\nmod ").map_or(text, |end| &text[..end])
}

/// Dependencies that a pure crate may not have.
fn dependency_findings(
    package: &str,
    manifest: &str,
    allowed: &[&str],
) -> anyhow::Result<Vec<String>> {
    let manifest: toml::Table = manifest.parse().context(package.to_owned())?;
    let dependencies = manifest.get("dependencies").and_then(|value| value.as_table());
    let names = dependencies.into_iter().flat_map(toml::Table::keys);
    Ok(names
        .filter(|name| !allowed.contains(&name.as_str()))
        .map(|name| format!("crates/{package} is pure, and may not depend on {name}"))
        .collect())
}

/// Words of the world outside in the code of a pure crate.
fn purity_findings(name: &str, text: &str) -> Vec<String> {
    let code = without_tests(name, text).lines().enumerate();
    code.filter(|(_, line)| !line.trim_start().starts_with("//"))
        .flat_map(|(index, line)| {
            IMPURE
                .into_iter()
                .filter(|word| line.contains(word))
                .map(move |word| format!("{name}:{}: a pure crate says `{word}`", index + 1))
        })
        .collect()
}

/// All Rust files below a folder, in order; none where the folder is not there.
fn rust_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if !folder.is_dir() {
        return Ok(files);
    }
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_break_a_rule_are_named() {
        let check = |name: &str, text: &str, expected: &[&str]| {
            assert_eq!(file_findings(name, text), expected, "{name}");
        };
        check("crates/a/src/b.rs", "fn a() {}\n", &[]);
        let long = "//\n".repeat(801);
        check("b.rs", &long, &["b.rs has 801 lines without tests, over 800"]);
        check("crates/a/tests/b.rs", &long, &[]);
        let tested = format!("//!\n\n#[cfg(test)]\nmod tests {{\n{long}}}\n");
        check("a/src/lib.rs", &tested, &[]);
        check("b.rs", &format!("//{}\n", "-".repeat(99)), &["b.rs:1 has 101 columns"]);
        let word = concat!("TO", "DO");
        let expected = format!("b.rs:2 has a {word} without an issue");
        check("b.rs", &format!("// {word}(#7): later\n// {word}: later\n"), &[&expected]);
        let expected = "a/src/lib.rs does not open with what the crate is";
        check("a/src/lib.rs", "mod a;\n", &[expected]);
        let select = "select! {\n    biased;\n}\nselect! {\n}\n";
        let expected = "crates/runtime/src/b.rs:4 has a select that is not biased";
        check("crates/runtime/src/b.rs", select, &[expected]);
        check("crates/api/src/b.rs", select, &[]);
    }

    #[test]
    fn pure_crates_depend_on_what_is_allowed() {
        let manifest = "[dependencies]\njson.workspace = true\ntokio = \"1\"\n";
        let findings = dependency_findings("asl", manifest, &["json"]).unwrap();
        assert_eq!(findings, ["crates/asl is pure, and may not depend on tokio"]);
    }

    #[test]
    fn pure_crates_do_not_say_words_of_the_world() {
        let text = "// std::fs is for others\nuse std::time::Instant;\n\n#[cfg(test)]\nmod tests {\nuse std::fs;\n}\n";
        assert_eq!(purity_findings("a.rs", text), ["a.rs:2: a pure crate says `std::time`"]);
    }
}
