//! Names that are not known: of variables and of keys of the configuration file. They are refused,
//! since whoever set one believes that it does something.

use std::collections::BTreeSet;
use std::ffi::OsString;

use anyhow::bail;
use clap::Command;

/// What the variables of options begin with.
const PREFIX: &str = "STAIRWELL_";

/// What the tests of Stairwell take. A server that they start sees them, too.
const OF_TESTS: [&str; 10] = [
    "STAIRWELL_BINARY",
    "STAIRWELL_DISK_MINUTES",
    "STAIRWELL_DISK_SEEDS",
    "STAIRWELL_FLIPS",
    "STAIRWELL_MAP_ITEMS",
    "STAIRWELL_MAP_KILLS",
    "STAIRWELL_PYTHON",
    "STAIRWELL_SEED",
    "STAIRWELL_TERRAFORM_PLUGINS",
    "STAIRWELL_TEST_DATABASE_URL",
];

/// Refuses variables that belong to no option of any command.
///
/// # Errors
/// Where there is one; with its name.
pub(crate) fn check_variables(
    command: &Command,
    names: impl Iterator<Item = OsString>,
) -> anyhow::Result<()> {
    let known = variables(command);
    for name in names {
        let name = name.to_string_lossy();
        let is_known = known.contains(&*name) || OF_TESTS.contains(&&*name);
        if !name.starts_with(PREFIX) || is_known {
            continue;
        }
        // A pod is told of the Services beside it.
        // https://kubernetes.io/docs/concepts/containers/container-environment/#cluster-information
        if ["_SERVICE_HOST", "_SERVICE_PORT", "_TCP", "_UDP"].iter().any(|it| name.contains(it)) {
            bail!(
                "the variable {name} belongs to no option: it looks like those that Kubernetes \
                 sets for a Service named stairwell, which enableServiceLinks: false leaves out"
            );
        }
        let known = known.iter().filter_map(|name| name.strip_prefix(PREFIX));
        match nearest(&name[PREFIX.len()..], known) {
            Some(meant) => {
                bail!("the variable {name} belongs to no option: did you mean {PREFIX}{meant}?")
            }
            None => bail!("the variable {name} belongs to no option: see stairwell serve --help"),
        }
    }
    Ok(())
}

/// The variables of a command and of its subcommands.
fn variables(command: &Command) -> BTreeSet<String> {
    let own = command.get_arguments().filter_map(|argument| argument.get_env());
    let own = own.map(|name| name.to_string_lossy().into_owned());
    own.chain(command.get_subcommands().flat_map(variables)).collect()
}

/// ``unknown field `prot`, expected one of `host`, `port` ``, with what may have been meant.
pub(crate) fn with_suggestion(message: &str) -> String {
    let message = message.replace('\n', " ");
    let meant = message.strip_prefix("unknown field `").and_then(|rest| {
        let (unknown, expected) = rest.split_once('`')?;
        nearest(unknown, expected.split('`').skip(1).step_by(2))
    });
    match meant {
        Some(meant) => format!("{message}; did you mean `{meant}`?"),
        None => message,
    }
}

/// The name that was most likely meant, where one is near enough.
fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |name: &&str| strsim::damerau_levenshtein(wrong, name);
    let near = known.filter(|name| distance(name) <= (wrong.len().min(name.len()) / 3).clamp(1, 3));
    near.min_by_key(distance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(name: &str) -> Option<String> {
        let checked = check_variables(&crate::arguments::command(), [name.into()].into_iter());
        checked.err().map(|error| error.to_string())
    }

    #[test]
    fn unknown_variables_are_refused_by_name() {
        for name in ["PATH", "STAIRWELL", "STAIRWELL_PORT", "STAIRWELL_BINARY"] {
            assert_eq!(refusal(name), None, "{name}");
        }
        let prefix = "the variable ";
        for (name, end) in [
            ("STAIRWELL_PROT", "did you mean STAIRWELL_PORT?"),
            ("STAIRWELL_REQUIREAUTH", "did you mean STAIRWELL_REQUIRE_AUTH?"),
            ("STAIRWELL_ACCESS_KEY", "did you mean STAIRWELL_ACCESS_KEYS?"),
            ("STAIRWELL_NONSENSE_OF_SOME_LENGTH", "see stairwell serve --help"),
            ("STAIRWELL_SERVICE_HOST", "which enableServiceLinks: false leaves out"),
        ] {
            let told = refusal(name).expect("it is refused");
            assert!(told.starts_with(&format!("{prefix}{name} ")) && told.ends_with(end), "{told}");
        }
    }

    #[test]
    fn what_was_meant_is_suggested_where_it_is_near() {
        let check = |unknown: &str, end: &str| {
            let message = format!("unknown field `{unknown}`, expected one of `host`, `port`");
            assert_eq!(with_suggestion(&message), format!("{message}{end}"));
        };
        check("prot", "; did you mean `port`?");
        check("hsot", "; did you mean `host`?");
        check("nonsense", "");
        assert_eq!(with_suggestion("invalid\ntype"), "invalid type");
    }
}
