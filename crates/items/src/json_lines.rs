//! JSON Lines: each line is an item.

use crate::failure::{ITEM_BYTES_MAX, ReadError};
use crate::split::{Found, Place, Split, Step, Window, json_item};

/// Makes items of lines; those with nothing but white space are none.
#[derive(Debug, Default)]
pub(crate) struct JsonLines {
    /// How much of the window is known to hold no end of a line.
    scanned: usize,
}

impl Split for JsonLines {
    fn next(&mut self, window: &mut Window, at_end: bool) -> Result<Step, ReadError> {
        if !window.take_byte_order_mark(at_end) {
            return Ok(Step::More);
        }
        loop {
            let unread = window.unread();
            let end = unread[self.scanned..].iter().position(|byte| *byte == b'\n');
            let (line, length) = match end {
                Some(end) => (&unread[..self.scanned + end], self.scanned + end + 1),
                None if at_end && unread.is_empty() => return Ok(Step::End),
                None if at_end => (unread, unread.len()),
                None => {
                    self.scanned = unread.len();
                    if self.scanned > ITEM_BYTES_MAX {
                        return Err(ReadError::LargeItem { at: window.offset() });
                    }
                    return Ok(Step::More);
                }
            };
            self.scanned = 0;
            let line = line.trim_ascii();
            if line.is_empty() {
                window.take(length);
                continue;
            }
            if line.len() > ITEM_BYTES_MAX {
                return Err(ReadError::LargeItem { at: window.offset() });
            }
            let value = json_item(line, window.offset())?;
            window.take(length);
            return Ok(Step::Item(Found { value, key: None }));
        }
    }

    fn at(&self, window: &Window) -> Place {
        Place { offset: window.offset(), members: false }
    }
}
