//! The thread that writes: lines that come together are written and synced together.

use std::borrow::Cow;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::strangers::Strangers;
use super::{Unwritten, begin_line, end_line};

/// How many lines are written at once.
const LINES_MAX: usize = 1_024;
/// How long records of strangers are counted before they may have as many again.
const WINDOW: Duration = Duration::from_secs(60);

/// Sends lines to the thread. Dropping it waits until they are written.
pub(super) struct Writer {
    messages: Option<Sender<Message>>,
    thread: Option<JoinHandle<()>>,
}

enum Message {
    Line(Line),
    Reopen,
    /// Whether a record would be written now.
    Check(oneshot::Sender<bool>),
}

struct Line {
    text: Vec<u8>,
    /// Whether it must survive a loss of power.
    is_durable: bool,
    /// Of somebody whom nobody knows.
    stranger: Option<IpAddr>,
    written: Option<oneshot::Sender<Result<(), Unwritten>>>,
}

impl Writer {
    pub(super) fn to_standard_output() -> Writer {
        Writer::start(Output::Standard { is_torn: false })
    }

    pub(super) fn to_file(path: PathBuf) -> io::Result<Writer> {
        let open = Some(Open::new(&path)?);
        Ok(Writer::start(Output::File { path, open }))
    }

    fn start(output: Output) -> Writer {
        let (messages, received) = channel();
        let trail = Trail {
            output,
            strangers: Strangers::default(),
            window_end: Instant::now() + WINDOW,
            is_failing: false,
        };
        let thread = std::thread::Builder::new().name("audit".to_owned());
        let thread = thread.spawn(move || trail.run(&received)).expect("the system has threads");
        Writer { messages: Some(messages), thread: Some(thread) }
    }

    fn send(&self, message: Message) {
        let messages = self.messages.as_ref().expect("it is there until the drop");
        // The thread ends after this sender alone; one that met a mistake answers nothing.
        let _ = messages.send(message);
    }

    /// Comes back when the line is on disk.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(super) async fn write_durably(&self, text: Vec<u8>) -> Result<(), Unwritten> {
        let (written, is_written) = oneshot::channel();
        let (is_durable, stranger) = (true, None);
        self.send(Message::Line(Line { text, is_durable, stranger, written: Some(written) }));
        is_written.await.unwrap_or(Err(Unwritten))
    }

    /// Comes back when the line is written, or left out for being one too many of a stranger.
    pub(super) async fn write(&self, text: Vec<u8>, stranger: Option<IpAddr>) {
        let (written, is_written) = oneshot::channel();
        let line = Line { text, is_durable: false, stranger, written: Some(written) };
        self.send(Message::Line(line));
        // The thread has told the log.
        let _ = is_written.await;
    }

    /// Writes it soon.
    pub(super) fn write_later(&self, text: Vec<u8>) {
        let line = Line { text, is_durable: false, stranger: None, written: None };
        self.send(Message::Line(line));
    }

    pub(super) fn reopen(&self) {
        self.send(Message::Reopen);
    }

    /// Whether records can be written. After one that could not, this is tried with a record.
    pub(super) async fn can_write(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        self.send(Message::Check(answer));
        answered.await.unwrap_or(false)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.messages = None;
        if let Some(thread) = self.thread.take() {
            // A thread that met a mistake has told it.
            let _ = thread.join();
        }
    }
}

/// Where the lines go.
enum Output {
    /// With whether the last line may lack its end.
    Standard { is_torn: bool },
    /// The file is closed after a failure, and before one is opened under the same name.
    File { path: PathBuf, open: Option<Open> },
}

/// A file that is open, and which one it is.
struct Open {
    file: File,
    /// Whether its last line lacks its end: what wrote it met a full disk, or lost its power.
    is_torn: bool,
    /// Device and inode.
    identity: (u64, u64),
    /// Whether it can be synced, as pipes and devices cannot.
    is_regular: bool,
}

impl Open {
    fn new(path: &Path) -> io::Result<Open> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        let metadata = file.metadata()?;
        let identity = (metadata.dev(), metadata.ino());
        let (is_regular, bytes) = (metadata.is_file(), metadata.len());
        let is_torn = is_regular && bytes > 0 && last_byte(path, bytes).is_ok_and(|it| it != b'\n');
        Ok(Open { file, is_torn, identity, is_regular })
    }
}

/// The last byte of a file of that length.
fn last_byte(path: &Path, bytes: u64) -> io::Result<u8> {
    let mut byte = [0];
    File::open(path)?.read_exact_at(&mut byte, bytes - 1)?;
    Ok(byte[0])
}

/// What the thread has.
struct Trail {
    output: Output,
    strangers: Strangers,
    /// When the window of the strangers ends.
    window_end: Instant,
    /// Whether the last attempt to write failed, so that the log is told once.
    is_failing: bool,
}

impl Trail {
    fn run(mut self, messages: &Receiver<Message>) {
        loop {
            let left = self.window_end.saturating_duration_since(Instant::now());
            match messages.recv_timeout(left) {
                Ok(first) => {
                    let more = messages.try_iter().take(LINES_MAX - 1);
                    self.take(std::iter::once(first).chain(more));
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.end_window(),
            }
            if Instant::now() >= self.window_end {
                self.end_window();
            }
        }
    }

    /// Writes lines, and opens the file anew where that was asked for between them.
    fn take(&mut self, messages: impl Iterator<Item = Message>) {
        let mut lines = Vec::new();
        for message in messages {
            match message {
                Message::Line(line) => lines.push(line),
                Message::Check(answer) => {
                    self.write_all(std::mem::take(&mut lines));
                    let can_write = !self.is_failing
                        || self.write(&end_line(begin_line("resumed")), true).is_ok();
                    // The caller may have stopped waiting.
                    let _ = answer.send(can_write);
                }
                Message::Reopen => {
                    self.write_all(std::mem::take(&mut lines));
                    if let Output::File { path, open } = &mut self.output {
                        *open = None;
                        tracing::info!(path = %path.display(), "the audit is opened anew");
                    }
                }
            }
        }
        self.write_all(lines);
    }

    fn write_all(&mut self, lines: Vec<Line>) {
        let (mut text, mut is_durable) = (Vec::new(), false);
        for line in &lines {
            if line.stranger.is_none_or(|address| self.strangers.admit(address)) {
                text.extend_from_slice(&line.text);
                is_durable |= line.is_durable;
            }
        }
        let result = if text.is_empty() { Ok(()) } else { self.write(&text, is_durable) };
        for line in lines {
            if let Some(written) = line.written {
                // Whoever asked may be gone.
                let _ = written.send(result);
            }
        }
    }

    fn write(&mut self, text: &[u8], is_durable: bool) -> Result<(), Unwritten> {
        match self.try_write(text, is_durable) {
            Ok(()) => {
                if std::mem::take(&mut self.is_failing) {
                    tracing::warn!("the audit can be written again");
                }
                Ok(())
            }
            Err(error) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    tracing::error!(%error, "{}", UNWRITTEN);
                }
                Err(Unwritten)
            }
        }
    }

    fn try_write(&mut self, text: &[u8], is_durable: bool) -> io::Result<()> {
        match &mut self.output {
            Output::Standard { is_torn } => {
                let text = after_torn(std::mem::replace(is_torn, true), text);
                let mut out = io::stdout().lock();
                out.write_all(&text)?;
                out.flush()?;
                *is_torn = false;
            }
            Output::File { path, open } => {
                let is_current = |open: &Open| {
                    std::fs::metadata(&*path)
                        .is_ok_and(|metadata| open.identity == (metadata.dev(), metadata.ino()))
                };
                // One that was renamed or removed is not written to any more: nobody would see it.
                let mut current = match open.take().filter(is_current) {
                    Some(current) => current,
                    None => Open::new(path)?,
                };
                current.file.write_all(&after_torn(current.is_torn, text))?;
                current.is_torn = false;
                if is_durable && current.is_regular {
                    current.file.sync_data()?;
                }
                *open = Some(current);
            }
        }
        Ok(())
    }

    /// Tells how many records of strangers were left out.
    fn end_window(&mut self) {
        self.window_end = Instant::now() + WINDOW;
        let mut text = Vec::new();
        for (address, count) in self.strangers.end() {
            let mut line = begin_line("omitted");
            line.optional_text("peer", address.map(|address| address.to_string()).as_deref());
            line.integer("count", count);
            text.extend(end_line(line));
        }
        if !text.is_empty() {
            // The log is told of a failure.
            let _ = self.write(&text, false);
        }
    }
}

/// The text, so that a line before it that lacks its end spoils none of it.
fn after_torn(is_torn: bool, text: &[u8]) -> Cow<'_, [u8]> {
    match is_torn {
        true => Cow::Owned([b"\n", text].concat()),
        false => Cow::Borrowed(text),
    }
}

const UNWRITTEN: &str = "the audit cannot be written: calls that change something are refused";
