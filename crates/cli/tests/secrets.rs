//! Secrets of the command: none is shown, and the key file seals those that are stored.

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{Outcome, Server, folder, outcome, stairwell};

fn serve(folder: &Path, arguments: &[&str]) -> Server {
    Server::start(&mut stairwell(folder, &[&["serve", "--port", "0"], arguments].concat()))
}

/// The words that begin the lines of a section of a help.
fn section(help: &str, title: &str) -> Vec<String> {
    let (_, rest) = help.split_once(title).expect("the help has that section");
    let lines = rest.lines().skip(1).take_while(|line| line.starts_with(' '));
    lines.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// The variables that a help names.
fn variables(help: &str) -> Vec<String> {
    let parts = help.split("[env: ").skip(1);
    let names = parts.filter_map(|part| part.split(['=', ']']).next());
    names.map(str::to_owned).collect()
}

#[test]
fn no_help_shows_the_environment() {
    let folder = folder("secrets_help");
    let help = |arguments: &[&str], environment: &[String]| -> Outcome {
        let mut command = stairwell(&folder, arguments);
        for name in environment {
            command.env(name, "value-of-the-environment");
        }
        outcome(&mut command)
    };
    let all = help(&["--help"], &[]);
    let commands = section(&all.out, "Commands:");
    assert!(commands.contains(&"serve".to_owned()) && commands.len() > 10, "{commands:?}");
    let mut named = 0;
    for command in commands.iter().filter(|name| *name != "help") {
        let environment = variables(&help(&[command, "--help"], &[]).out);
        named += environment.len();
        for flag in ["--help", "-h"] {
            let shown = help(&[command, flag], &environment);
            assert_eq!(shown.status, 0, "{command} {flag}: {}", shown.err);
            assert_eq!(variables(&shown.out), environment, "the variables are named");
            let text = format!("{}{}", shown.out, shown.err);
            assert!(!text.contains("value-of-the-environment"), "{command} {flag}: {text}");
        }
        let wrong = help(&[command, "--no-such-option"], &environment);
        assert!(!wrong.err.contains("value-of-the-environment"), "{command}: {}", wrong.err);
    }
    assert!(named > 20, "{named} variables");
}

/// Starts a server that cannot start, and gives what it says.
fn refused(folder: &Path, arguments: &[&str]) -> String {
    let refused = outcome(&mut stairwell(folder, &[&["serve", "--port", "0"], arguments].concat()));
    assert_eq!((refused.status, &*refused.out), (1, ""), "{}", refused.err);
    refused.err
}

fn stop(server: Server) -> String {
    server.signal("TERM");
    let (status, err) = server.end();
    assert_eq!(status, 0, "{err}");
    err
}

#[test]
fn a_key_file_is_made_once_and_must_come_back() {
    let folder = folder("secrets_key_file");
    // In the data folder where nothing else is said, and where it is said otherwise.
    assert!(stop(serve(&folder, &["--data", "one"])).contains("a key file was made"));
    let made = fs::read_to_string(folder.join("one/KEY")).expect("it was made");
    assert!(made.starts_with("stairwell-key-1 "), "the form is in the file");
    let again = stop(serve(&folder, &["--data", "one"]));
    assert!(!again.contains("a key file was made"), "{again}");
    assert_eq!(fs::read_to_string(folder.join("one/KEY")).expect("it stays"), made);
    fs::write(folder.join("stairwell.toml"), "key-file = \"elsewhere\"\n").expect("written");
    stop(serve(&folder, &["--data", "two"]));
    assert!(folder.join("elsewhere").exists() && !folder.join("two/KEY").exists());
    stop(serve(&folder, &["--in-memory"]));

    // Another one, none, and what is no key.
    let said = refused(&folder, &["--data", "one"]);
    assert!(said.contains("and elsewhere holds the key"), "{said}");
    assert!(said.contains("--key-file") && said.contains("doctor one --forget-secrets"), "{said}");
    fs::remove_file(folder.join("stairwell.toml")).expect("it is there");
    let said = refused(&folder, &["--data", "two"]);
    assert!(said.contains("two/KEY is not there: name the file that sealed them"), "{said}");
    fs::write(folder.join("wrong"), "no key").expect("written");
    let said = refused(&folder, &["--data", "one", "--key-file", "wrong"]);
    assert!(said.contains("wrong is no key file") && !said.contains("no key\n"), "{said}");

    // Where it is lost for good.
    let forgotten = outcome(&mut stairwell(&folder, &["doctor", "two", "--forget-secrets"]));
    assert_eq!((forgotten.status, &*forgotten.out), (0, "0 access keys have no secret any more\n"));
    assert!(stop(serve(&folder, &["--data", "two"])).contains("a key file was made"));
    let absent = outcome(&mut stairwell(&folder, &["doctor", "none", "--forget-secrets"]));
    assert_eq!((absent.status, &*absent.err), (1, "stairwell: there is no data folder none\n"));
    assert!(!folder.join("none").exists());
}

#[cfg(unix)]
#[test]
fn a_key_file_that_others_can_read_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let folder = folder("secrets_key_file_mode");
    stop(serve(&folder, &["--data", "data"]));
    let file: PathBuf = folder.join("data/KEY");
    let about = fs::metadata(&file).expect("it was made");
    assert_eq!(about.permissions().mode() & 0o777, 0o600);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("it is ours");
    let said = stop(serve(&folder, &["--data", "data"]));
    assert!(said.contains("others can read the key file"), "{said}");
}
