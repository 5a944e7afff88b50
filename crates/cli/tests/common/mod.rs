//! The command as its users run it.

#![allow(dead_code, reason = "each test file uses its part")]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// The command, in an empty folder of its own and without variables that would change it.
pub(crate) fn stairwell(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_stairwell"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("STAIRWELL_") {
            command.env_remove(name);
        }
    }
    command
}

/// A folder that is empty, for the test of that name.
pub(crate) fn folder(test: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    if path.exists() {
        fs::remove_dir_all(&path).expect("what an earlier run left goes");
    }
    fs::create_dir_all(&path).expect("the folder is made");
    path
}

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) status: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Outcome {
        Outcome {
            status: output.status.code().expect("it was not killed"),
            out: String::from_utf8(output.stdout).expect("text"),
            err: String::from_utf8(output.stderr).expect("text"),
        }
    }
}

/// Runs a command to its end.
pub(crate) fn outcome(command: &mut Command) -> Outcome {
    command.output().expect("the command starts").into()
}

/// Runs a command to its end, with that standard input.
pub(crate) fn outcome_with_input(command: &mut Command, input: &str) -> Outcome {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = command.spawn().expect("the command starts");
    let mut stdin = process.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("the command reads");
    drop(stdin);
    process.wait_with_output().expect("the command ends").into()
}

/// A server that listens.
pub(crate) struct Server {
    pub(crate) process: Child,
    pub(crate) first_line: String,
    pub(crate) rest: BufReader<ChildStdout>,
}

impl Server {
    /// Starts a command that serves, and waits for its first line.
    pub(crate) fn start(command: &mut Command) -> Server {
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = command.spawn().expect("the command starts");
        let mut rest = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut first_line = String::new();
        rest.read_line(&mut first_line).expect("a line");
        assert!(
            !first_line.is_empty(),
            "{:?}",
            Outcome::from(process.wait_with_output().expect(""))
        );
        Server { process, first_line, rest }
    }

    /// `127.0.0.1:8083`, of the first line.
    pub(crate) fn address(&self) -> &str {
        let (_, rest) = self.first_line.split_once("http://").expect("an address");
        rest.split([' ', '\n']).next().expect("split gives at least one")
    }

    /// Posts to an operation, and gives the whole answer.
    pub(crate) fn post(&self, operation: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(self.address()).expect("the server listens");
        let request = format!(
            "POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\
             content-type: application/x-amz-json-1.0\r\n\
             x-amz-target: AWSStepFunctions.{operation}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).expect("the server reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }

    pub(crate) fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &id]).status();
        assert!(status.expect("kill is there").success());
    }

    /// Waits for the end, and gives the status and what was said on standard error.
    pub(crate) fn end(mut self) -> (i32, String) {
        drop(self.rest);
        let mut err = String::new();
        let mut stderr = self.process.stderr.take().expect("a pipe");
        stderr.read_to_string(&mut err).expect("text");
        let status = self.process.wait().expect("it ends");
        (status.code().expect("it was not killed"), err)
    }
}
