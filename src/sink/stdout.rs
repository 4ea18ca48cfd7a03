//! Messages on standard output, for looking at them or for a program behind a pipe. Flushed, but not durable: what reads
//! the pipe may still lose them.

mod text;

use std::io::{self, IsTerminal, Write};
use std::pin::Pin;

use super::worker::Worker;
use super::{Delivery, Encoder, Sink, SinkError, Slice, Source, Trouble};
use crate::client::Message;
use crate::config::{Format, OnClosed, StdoutConfig, StdoutFormat};
use crate::sink::jsonl::Unfit;
use text::Text;

/// Written in pieces of this size, so that a large batch needs no buffer of its own size.
const CHUNK: usize = 256 * 1024;

/// Standard output. Lines of several subscriptions never mix within a line.
pub(crate) struct StdoutSink<W = io::Stdout> {
    worker: Worker<Printer<W>>,
}

struct Printer<W> {
    form: Form,
    on_closed: OnClosed,
    out: W,
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
        Self::on(out, config, colors, source)
    }
}

impl<W: Write + Send + 'static> StdoutSink<W> {
    /// On something that takes each piece whole, as standard output does.
    pub(super) fn on(out: W, config: StdoutConfig, colors: bool, source: &Source) -> Self {
        let lines =
            |format| Form::Lines(Encoder::new(format, &source.subscription.qualified(&source.project)));
        let form = match config.format {
            StdoutFormat::Jsonl => lines(Format::Jsonl),
            StdoutFormat::Raw => lines(Format::Raw),
            StdoutFormat::Text => Form::Text(Text::new(&source.key, colors)),
        };
        Self { worker: Worker::new(Printer { form, on_closed: config.on_closed, out }) }
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
                self.out.write_all(&buffer)?;
                buffer.clear();
            }
        }
        self.out.write_all(&buffer)?;
        self.out.flush()?;
        Ok(Delivery { receipt: slice.receipt(count), trouble: rejected })
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
        let delivery = StdoutSink::on(Fails(fails), config, false, &source()).deliver(slice(0, 3, 0)).await;
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
}
