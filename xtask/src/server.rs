//! A server as a process of its own.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

/// A running server. Dropping it ends it.
pub(crate) struct Server {
    process: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
    /// From its start until it said where it listens.
    pub(crate) start_up: Duration,
}

impl Server {
    /// Starts `stairwell serve` on a data folder and a free port, and waits until it listens.
    ///
    /// # Errors
    /// Where it ends instead.
    pub(crate) fn start(binary: &Path, data: &Path) -> anyhow::Result<Server> {
        Server::start_with(binary, data, &[])
    }

    /// The same with more options.
    ///
    /// # Errors
    /// Where it ends instead.
    pub(crate) fn start_with(
        binary: &Path,
        data: &Path,
        options: &[&str],
    ) -> anyhow::Result<Server> {
        let mut command = Command::new(binary);
        command.args(["serve", "--port", "0", "--log", "warn", "--data"]).arg(data).args(options);
        Server::spawn(&mut command)
    }

    /// Starts `stairwell serve` on a free port, without a folder.
    ///
    /// # Errors
    /// Where it ends instead.
    pub(crate) fn start_in_memory(binary: &Path) -> anyhow::Result<Server> {
        let mut command = Command::new(binary);
        Server::spawn(command.args(["serve", "--in-memory", "--port", "0", "--log", "warn"]))
    }

    /// Starts a program that says on its standard output where it listens.
    ///
    /// # Errors
    /// Where it ends before it says so.
    pub(crate) fn spawn(command: &mut Command) -> anyhow::Result<Server> {
        Server::spawned(command.stdin(Stdio::null()))
    }

    /// As [`Server::spawn`], for a program that has others to end when its input ends.
    ///
    /// # Errors
    /// Where it ends before it says so.
    pub(crate) fn spawn_until_closed(command: &mut Command) -> anyhow::Result<Server> {
        Server::spawned(command.stdin(Stdio::piped()))
    }

    fn spawned(command: &mut Command) -> anyhow::Result<Server> {
        let began = Instant::now();
        let mut process = command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("{command:?} did not start"))?;
        let output = process.stdout.take().expect("the output is a pipe");
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next() {
            if let Some(address) = address_in(&line?) {
                let start_up = began.elapsed();
                // Somebody must go on reading, or the server would stand still at a full pipe.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(Server { process, address, start_up });
            }
        }
        bail!("{command:?} ended before it listened: {}", process.wait()?)
    }

    /// Has it end in order, with SIGTERM, and waits until it has.
    ///
    /// # Errors
    /// Where it cannot be told, or ends with a failure.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        crate::process::check(Command::new("kill").arg(self.process.id().to_string()))?;
        let status = self.process.wait()?;
        if !status.success() {
            bail!("the server ended with {status}");
        }
        Ok(())
    }

    /// Ends it with SIGKILL, as a loss of power would end it, but for the page cache.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }

    /// Milliseconds of processor time that it has used.
    pub(crate) fn cpu_milliseconds(&self) -> anyhow::Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        let fields = text.rsplit(')').next().context("no fields after the name")?;
        let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>);
        // The kernel tells it in hundredths of a second on every machine that it runs on.
        Ok(ticks.sum::<Result<f64, _>>()? * 10.0)
    }

    /// Bytes of memory that it holds.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        self.status_bytes("VmRSS:")
    }

    /// The most bytes of memory that it has held since its start.
    pub(crate) fn peak_bytes(&self) -> anyhow::Result<u64> {
        self.status_bytes("VmHWM:")
    }

    fn status_bytes(&self, name: &str) -> anyhow::Result<u64> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = text.lines().find(|line| line.starts_with(name)).context("no such line")?;
        let kibibytes: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kibibytes * 1_024)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = match self.process.stdin.take() {
            // Ends by itself, after those that it has started.
            Some(input) => {
                drop(input);
                self.process.wait().map(drop).map_err(anyhow::Error::from)
            }
            None => self.kill(),
        };
    }
}

/// The address in a line such as `listening on http://127.0.0.1:8083`.
fn address_in(line: &str) -> Option<SocketAddr> {
    let rest = line.split_once("http://")?.1;
    let end = rest.find(|c: char| !(c.is_ascii_digit() || ".:".contains(c)));
    rest[..end.unwrap_or(rest.len())].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_the_line_that_tells_it() {
        let check = |line, expected: Option<&str>| {
            assert_eq!(address_in(line).map(|address| address.to_string()).as_deref(), expected);
        };
        check("listening on http://127.0.0.1:8083", Some("127.0.0.1:8083"));
        check("Stairwell listens on http://127.0.0.1:80/ (data)", Some("127.0.0.1:80"));
        check("opening the store", None);
    }
}
