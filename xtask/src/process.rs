//! Running other programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// The root of the source tree.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().expect("xtask lies in a folder of the tree").to_owned()
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// Cargo, in the root of the tree.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // Build scripts watch what cargo said of xtask, and would run again each time that somebody
    // calls cargo by hand in between.
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    for name in names.filter(|it| it.starts_with("CARGO_PKG_") || it.starts_with("CARGO_MANIFEST_"))
    {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(root());
    command
}

/// The folder of that name below the target folder, with these packages of npm in it: a name, or
/// name and version with an `@` between. They are installed where one is not there.
///
/// # Errors
/// Where they cannot be installed.
pub(crate) fn npm_packages(name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let folder = target().join(name);
    let is_there = |package: &&str| {
        // A name may begin with an `@`, too.
        let (name, version) = match package.rsplit_once('@').filter(|(name, _)| !name.is_empty()) {
            Some((name, version)) => (name, Some(version)),
            None => (*package, None),
        };
        let installed = folder.join("node_modules").join(name).join("package.json");
        let wanted = version.map(|version| format!("\"version\": \"{version}\""));
        let about = std::fs::read_to_string(installed);
        about.is_ok_and(|about| wanted.is_none_or(|wanted| about.contains(&wanted)))
    };
    if !packages.iter().all(is_there) {
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("package.json"), r#"{"private": true}"#)?;
        let mut command = Command::new("npm");
        command.args(["install", "--no-audit", "--no-fund", "--silent", "--ignore-scripts"]);
        command.args(packages).current_dir(&folder);
        check(&mut command).context("npm installs it")?;
    }
    if !packages.iter().all(is_there) {
        bail!("npm installed something else");
    }
    Ok(folder)
}

/// Runs the command, its output shown.
///
/// # Errors
/// Where it cannot be started, or ends with anything but 0.
pub(crate) fn check(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("{command:?} did not start"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

/// Builds a binary of the workspace with optimisation, and runs it with these arguments.
///
/// # Errors
/// Where it cannot be built, or ends with anything but 0.
pub(crate) fn run_binary(name: &str, arguments: &[String]) -> anyhow::Result<()> {
    check(Command::new(binary(name)?).args(arguments).current_dir(root()))
}

/// Builds all binaries with optimisation, and returns where this one is. All together: what a part
/// of the workspace asks of a dependency is then the same each time, and it is built once.
///
/// # Errors
/// Where they cannot be built.
pub(crate) fn binary(name: &str) -> anyhow::Result<PathBuf> {
    check(&mut cargo(&["build", "--quiet", "--release", "--workspace", "--bins"]))?;
    Ok(target().join("release").join(name))
}

/// Builds the binary as it is packed, with optimisation across crates, and returns where it is.
///
/// # Errors
/// Where it cannot be built.
pub(crate) fn packed_binary() -> anyhow::Result<PathBuf> {
    check(&mut cargo(&["build", "--quiet", "--profile", "dist", "--package", "stairwell"]))?;
    Ok(target().join("dist/stairwell"))
}
