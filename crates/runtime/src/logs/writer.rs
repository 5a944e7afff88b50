//! Execution logs to something that takes bytes: a line for each event.

use std::io::Write;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::{Counts, Line};

/// How many lines are written before they are flushed, at most.
const LINES_AT_A_TIME: usize = 1_000;

/// Writes lines in a thread of its own until the runtime closes, and then what is left.
pub(super) fn deliver(
    mut writer: Box<dyn Write + Send + Sync>,
    mut lines: mpsc::UnboundedReceiver<Line>,
    closing: oneshot::Receiver<()>,
    counts: Arc<Counts>,
    done: oneshot::Sender<()>,
) {
    let (sender, mut batches) = mpsc::channel::<Vec<Line>>(1);
    // A pipe that nobody reads blocks for ever: only this thread waits for it.
    let spawned = std::thread::Builder::new().name("execution-log".to_owned()).spawn(move || {
        while let Some(batch) = batches.blocking_recv() {
            if let Err(error) = write(&mut *writer, &batch) {
                counts.drop_events(batch.len() as u64, &error);
            }
            counts.done(&batch);
        }
        // A shutdown that does not wait any more does not want to know.
        let _ = done.send(());
    });
    if let Err(error) = spawned {
        tracing::error!(%error, "execution logs are not written");
        return;
    }
    tokio::spawn(async move {
        let mut closing = closing;
        loop {
            let mut batch = Vec::new();
            tokio::select! {
                biased;
                received = lines.recv_many(&mut batch, LINES_AT_A_TIME) => {
                    if received == 0 || sender.send(batch).await.is_err() {
                        return;
                    }
                }
                _ = &mut closing => {
                    lines.close();
                    while lines.recv_many(&mut batch, LINES_AT_A_TIME).await > 0 {
                        if sender.send(std::mem::take(&mut batch)).await.is_err() {
                            return;
                        }
                    }
                    return;
                }
            }
        }
    });
}

fn write(writer: &mut dyn Write, lines: &[Line]) -> std::io::Result<()> {
    let mut text = String::with_capacity(lines.iter().map(|line| line.text.len() + 1).sum());
    for line in lines {
        text.push_str(&line.text);
        text.push('\n');
    }
    writer.write_all(text.as_bytes())?;
    writer.flush()
}
