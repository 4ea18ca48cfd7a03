//! A standard output that nobody reads until the test wants it: a sink that is as slow as one likes.

use std::io::{PipeReader, Read};
use std::process::Stdio;

use super::PATIENCE;

/// More than a pipe holds, so that writing it waits for the reader.
pub(crate) const MORE_THAN_A_PIPE_HOLDS: usize = 200 * 1024;

/// The reading end.
pub(crate) struct Pipe {
    reader: PipeReader,
    read: Vec<u8>,
}

impl Pipe {
    /// The reading end, and the other one for a daemon.
    pub(crate) fn new() -> (Self, Stdio) {
        let (reader, writer) = std::io::pipe().unwrap();
        (Self { reader, read: Vec::new() }, writer.into())
    }

    /// The same with a second way in, as when standard output and standard error are one terminal.
    pub(crate) fn with_two_writers() -> (Self, Stdio, Stdio) {
        let (reader, writer) = std::io::pipe().unwrap();
        let second = writer.try_clone().unwrap();
        (Self { reader, read: Vec::new() }, writer.into(), second.into())
    }

    /// Waits until something is written, which is then in the middle of being written if it is long.
    pub(crate) async fn has_begun(self) -> Self {
        self.reading(|pipe| {
            let mut byte = [0];
            pipe.reader.read_exact(&mut byte).unwrap();
            pipe.read.extend(byte);
        })
        .await
    }

    /// Reads on, until there is no writer any more. All that was written.
    pub(crate) async fn read_to_end(self) -> String {
        let all = self.reading(|pipe| {
            pipe.reader.read_to_end(&mut pipe.read).unwrap();
        });
        String::from_utf8(all.await.read).unwrap()
    }

    async fn reading(mut self, read: impl FnOnce(&mut Self) + Send + 'static) -> Self {
        let reading = tokio::task::spawn_blocking(move || {
            read(&mut self);
            self
        });
        tokio::time::timeout(PATIENCE, reading).await.expect("nothing came out of the pipe").unwrap()
    }
}
