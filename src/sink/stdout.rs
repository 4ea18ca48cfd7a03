//! Messages on standard output, for looking at them. Flushed, but not durable: what reads the pipe may still lose
//! them.

use std::io::{self, Write};
use std::pin::Pin;

use super::worker::Worker;
use super::{Delivery, Encoder, Sink, Slice, Trouble};

/// Written in pieces of this size, so that a large batch needs no buffer of its own size.
const CHUNK: usize = 256 * 1024;

/// Standard output. Lines of several subscriptions never mix within a line.
pub(crate) struct StdoutSink<W = io::Stdout> {
    worker: Worker<Printer<W>>,
}

struct Printer<W> {
    encoder: Encoder,
    out: W,
}

impl StdoutSink {
    pub(crate) fn new(encoder: Encoder) -> Self {
        Self::on(encoder, io::stdout())
    }
}

impl<W: Write + Send + 'static> StdoutSink<W> {
    /// On something that takes each piece whole, as standard output does.
    pub(super) fn on(encoder: Encoder, out: W) -> Self {
        Self { worker: Worker::new(Printer { encoder, out }) }
    }
}

impl<W: Write + Send + 'static> Sink for StdoutSink<W> {
    fn is_busy(&self) -> bool {
        self.worker.is_busy()
    }

    fn deliver(&mut self, slice: Slice) -> Pin<Box<dyn Future<Output = Delivery> + Send + '_>> {
        Box::pin(self.worker.run(move |printer| print(&mut printer.encoder, &slice, &mut printer.out)))
    }
}

fn print(encoder: &mut Encoder, slice: &Slice, out: &mut impl Write) -> Delivery {
    let mut buffer = Vec::with_capacity(CHUNK);
    let mut count = 0;
    let mut rejected = None;
    for message in slice.messages() {
        if let Err(unfit) = encoder.encode(&message, &mut buffer) {
            rejected = Some(Trouble::Reject { message: message.id(), reason: unfit.0.into_owned() });
            break;
        }
        count += 1;
        if buffer.len() >= CHUNK {
            if let Err(error) = out.write_all(&buffer) {
                return failed(&error);
            }
            buffer.clear();
        }
    }
    match out.write_all(&buffer).and_then(|()| out.flush()) {
        Ok(()) => Delivery { receipt: slice.receipt(count), trouble: rejected },
        Err(error) => failed(&error),
    }
}

fn failed(error: &io::Error) -> Delivery {
    Delivery { receipt: None, trouble: Some(Trouble::from_io("writing to standard output", error)) }
}
