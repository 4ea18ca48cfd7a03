//! Messages on standard output, for looking at them or for a program behind a pipe. Flushed, but not durable: what reads
//! the pipe may still lose them.

mod text;

use std::io::{self, IsTerminal, Write};
use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use super::worker::Worker;
use super::{Delivery, Encoder, Sink, SinkError, Slice, Source, Trouble};
use crate::client::Message;
use crate::config::{Format, OnClosed, StdoutConfig, StdoutFormat};
use crate::sink::jsonl::Unfit;
use text::Text;

/// Written in pieces of this size, so that a large batch needs no buffer of its own size.
const CHUNK: usize = 256 * 1024;

/// Whether what was written last broke off within a line; held while anything is written. All that write to one place
/// share it: whoever comes next ends that line.
pub(super) type Torn = Arc<Mutex<bool>>;

static TORN: LazyLock<Torn> = LazyLock::new(Torn::default);

/// Standard output. Lines of several subscriptions never mix within a line.
pub(crate) struct StdoutSink<W = io::Stdout> {
    worker: Worker<Printer<W>>,
}

struct Printer<W> {
    form: Form,
    on_closed: OnClosed,
    out: W,
    torn: Torn,
}

enum Form {
    Lines(Encoder),
    Text(Text),
}

impl Form {
    /// Appends the form of `message` to `out`; on an error `out` is as it was.
    fn push(&mut self, message: &Message<'_>, out: &mut Vec<u8>) -> Result<(), Unfit> {
        match self {
            Self::Lines(encoder) => encoder.encode(message, out),
            Self::Text(text) => {
                text.push(message, out);
                Ok(())
            }
        }
    }
}

impl StdoutSink {
    pub(crate) fn new(config: StdoutConfig, source: &Source) -> Self {
        let out = io::stdout();
        let colors = text::has_colors(config.color, out.is_terminal(), |name| std::env::var_os(name));
        Self::on(out, Arc::clone(&TORN), config, colors, source)
    }
}

impl<W: Write + Send + 'static> StdoutSink<W> {
    /// On something that others write to only while they hold `torn`.
    pub(super) fn on(out: W, torn: Torn, config: StdoutConfig, colors: bool, source: &Source) -> Self {
        let lines =
            |format| Form::Lines(Encoder::new(format, &source.subscription.qualified(&source.project)));
        let form = match config.format {
            StdoutFormat::Jsonl => lines(Format::Jsonl),
            StdoutFormat::Raw => lines(Format::Raw),
            StdoutFormat::Text => Form::Text(Text::new(&source.key, colors)),
        };
        Self { worker: Worker::new(Printer { form, on_closed: config.on_closed, out, torn }) }
    }
}

impl<W: Write + Send + 'static> Sink for StdoutSink<W> {
    fn is_busy(&self) -> bool {
        self.worker.is_busy()
    }

    fn deliver(&mut self, slice: Slice) -> Pin<Box<dyn Future<Output = Delivery> + Send + '_>> {
        Box::pin(async move {
            if let Some(late) = self.worker.late(&slice).await {
                return late;
            }
            let job = |printer: &mut Printer<W>, slice: &Slice| {
                printer.print(slice).map_err(|error| printer.trouble(&error))
            };
            self.worker.deliver(slice, job).await.unwrap_or_else(Delivery::failed)
        })
    }
}

impl<W: Write> Printer<W> {
    fn print(&mut self, slice: &Slice) -> io::Result<Delivery> {
        let mut buffer = Vec::with_capacity(CHUNK);
        let mut count = 0;
        let mut rejected = None;
        for message in slice.messages() {
            if let Err(unfit) = self.form.push(&message, &mut buffer) {
                rejected = Some(Trouble::Reject { message: message.id(), reason: unfit.0.into_owned() });
                break;
            }
            count += 1;
            if buffer.len() >= CHUNK {
                self.write(&buffer)?;
                buffer.clear();
            }
        }
        self.write(&buffer)?;
        self.out.flush()?;
        Ok(Delivery { receipt: slice.receipt(count), trouble: rejected })
    }

    /// Writes whole lines, on a line of their own.
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let mut torn = self.torn.lock().unwrap_or_else(PoisonError::into_inner);
        let end: &[u8] = if *torn { b"\n" } else { b"" };
        for mut left in [end, lines] {
            while !left.is_empty() {
                // Not `write_all`, which does not tell how far it got.
                let (written, rest) = match self.out.write(left) {
                    Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                    Ok(count) => left.split_at(count),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(error),
                };
                *torn = !written.ends_with(b"\n");
                left = rest;
            }
        }
        Ok(())
    }

    fn trouble(&self, error: &io::Error) -> Trouble {
        if error.kind() == io::ErrorKind::BrokenPipe {
            let error = SinkError::new("io", "whoever read standard output has closed it");
            return Trouble::Closed { error, then: self.on_closed };
        }
        Trouble::from_io("writing to standard output", error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Color;
    use crate::sink::tests::{slice, source};

    struct Fails(io::ErrorKind);

    impl Write for Fails {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    async fn trouble(fails: io::ErrorKind, on_closed: OnClosed) -> Trouble {
        let config = StdoutConfig { format: StdoutFormat::Text, color: Color::Never, on_closed };
        let mut sink = StdoutSink::on(Fails(fails), Torn::default(), config, false, &source());
        let delivery = sink.deliver(slice(0, 3, 0)).await;
        assert_eq!(delivery.receipt, None);
        delivery.trouble.unwrap()
    }

    #[tokio::test]
    async fn a_reader_that_has_left_is_told_from_a_disk_that_is_full() {
        for then in [OnClosed::End, OnClosed::Disable] {
            let closed = trouble(io::ErrorKind::BrokenPipe, then).await;
            assert!(matches!(closed, Trouble::Closed { then: now, .. } if now == then), "{closed:?}");
        }
        let full = trouble(io::ErrorKind::StorageFull, OnClosed::End).await;
        assert!(matches!(full, Trouble::Retry { .. }), "{full:?}");
    }

    /// Takes so many bytes more, from all that write to it.
    #[derive(Clone, Default)]
    struct Room(Arc<Mutex<(Vec<u8>, usize)>>);

    impl Write for Room {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (written, room) = &mut *self.0.lock().unwrap();
            let count = bytes.len().min(*room);
            if count == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            written.extend(&bytes[..count]);
            *room -= count;
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn a_line_that_broke_off_is_ended_by_whoever_writes_next_and_no_other_is() {
        let config =
            StdoutConfig { format: StdoutFormat::Jsonl, color: Color::Never, on_closed: OnClosed::End };
        for (fits, broken) in [(0, None), (9, Some("{\"message"))] {
            let (room, torn) = (Room::default(), Torn::default());
            let sink = || StdoutSink::on(room.clone(), Arc::clone(&torn), config, false, &source());
            let (mut one, mut other) = (sink(), sink());
            room.0.lock().unwrap().1 = fits;
            assert!(one.deliver(slice(0, 1, 0)).await.trouble.is_some());
            room.0.lock().unwrap().1 = usize::MAX;
            assert!(other.deliver(slice(5, 6, 0)).await.trouble.is_none());
            assert!(one.deliver(slice(0, 1, 0)).await.trouble.is_none());
            let written = String::from_utf8(room.0.lock().unwrap().0.clone()).unwrap();
            let mut lines = written.lines();
            assert_eq!(broken.and_then(|_| lines.next()), broken);
            for (line, id) in lines.zip(["5", "0"]) {
                assert_eq!(serde_json::from_str::<serde_json::Value>(line).unwrap()["messageId"], id);
            }
            assert_eq!(written.lines().count(), 2 + usize::from(broken.is_some()));
        }
    }
}
