//! Reads messages from the lines of standard input.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::os::fd::AsFd;
use std::str;

use tokio::sync::mpsc;

use super::{Batch, LineFormat};
use crate::cli::Error;
use crate::client::NewMessage;

/// A batch ends with so many lines, or so many bytes of them, or where the next line would have to be waited for.
const MOST_LINES: usize = 1000;
const MOST_BYTES: usize = 512 * 1024;
/// So many batches are read ahead.
const AHEAD: usize = 2;
/// A longer line is none that a topic takes; base64 and JSON count.
const LONGEST_LINE: u64 = 4 << 20;

/// Reads on a thread of its own, which waits when it is too far ahead. What it gives ends with standard input, or with
/// an error: then everything before the error was given.
///
/// Each message has the attributes of `model`, and of them those that it says otherwise.
pub(super) fn read(format: LineFormat, model: NewMessage) -> mpsc::Receiver<Result<Batch, Error>> {
    let (batches, received) = mpsc::channel(AHEAD);
    // It is not waited for at the end: it may wait for a line that never comes.
    std::thread::spawn(move || {
        let input = match io::stdin().as_fd().try_clone_to_owned() {
            Ok(input) => BufReader::with_capacity(MOST_BYTES, File::from(input)),
            // Whoever receives may be gone: then nobody cares.
            Err(error) => return drop(batches.blocking_send(Err(Error::Input(error)))),
        };
        let mut lines = Lines { input, format, model, line: Vec::new(), number: 0 };
        loop {
            let (batch, end) = lines.next_batch();
            let sent = batch.messages.is_empty() || batches.blocking_send(Ok(batch)).is_ok();
            match end {
                Ok(true) if sent => {}
                Ok(_) => return,
                Err(error) => return drop(batches.blocking_send(Err(error))),
            }
        }
    });
    received
}

struct Lines<R> {
    input: BufReader<R>,
    format: LineFormat,
    model: NewMessage,
    line: Vec<u8>,
    /// Of the line that was read last, counted from 1.
    number: u64,
}

impl<R: Read> Lines<R> {
    /// What can be read without waiting, one line at least; and whether there may be more.
    fn next_batch(&mut self) -> (Batch, Result<bool, Error>) {
        let mut batch = Batch { first: self.number + 1, messages: Vec::new() };
        let mut bytes = 0;
        loop {
            match self.next_line() {
                Ok(true) => {}
                end => return (batch, end),
            }
            bytes += self.line.len();
            match self.message() {
                Ok(message) => batch.messages.push(message),
                Err(reason) => return (batch, Err(Error::Line { number: self.number, reason })),
            }
            let full = batch.messages.len() >= MOST_LINES || bytes >= MOST_BYTES;
            if full || !self.input.buffer().contains(&b'\n') {
                return (batch, Ok(true));
            }
        }
    }

    /// Reads a line, without its end. False when there is none.
    fn next_line(&mut self) -> Result<bool, Error> {
        self.line.clear();
        let read = self.input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut self.line);
        if read.map_err(Error::Input)? == 0 {
            return Ok(false);
        }
        self.number += 1;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if self.line.len() as u64 == LONGEST_LINE {
            let reason = format!("it is longer than {LONGEST_LINE} bytes");
            return Err(Error::Line { number: self.number, reason });
        }
        Ok(true)
    }

    fn message(&self) -> Result<NewMessage, String> {
        let message = match self.format {
            LineFormat::Text => NewMessage::new(self.line.as_slice()),
            LineFormat::Jsonl => {
                let line = str::from_utf8(&self.line).map_err(|_| "it is no UTF-8".to_owned())?;
                NewMessage::from_json_line(line).map_err(|why| why.to_string())?
            }
        };
        // Those of the command line give way to the line's own.
        let own: Vec<_> = message.attributes().map(|(key, _)| key.to_owned()).collect();
        let mut missing = self.model.attributes().filter(|(key, _)| !own.iter().any(|known| known == key));
        let message =
            missing.try_fold(message.clone(), |message, (key, value)| message.attribute(key, value));
        message.map_err(|why| why.to_string())
    }
}

#[cfg(test)]
mod tests;
