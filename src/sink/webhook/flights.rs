//! Which messages make the next requests, and what became of those that were sent.
//!
//! A flight is some neighbouring messages that go in one request. Flights that were sent stay as they are until they are
//! taken or refused: sent again, they are the same requests. One of several messages that is refused becomes two. One
//! that is taken before those in front of it is remembered until these are taken too.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::encoding::{Encoding, Request, Unfit};
use crate::sink::Slice;
use crate::sink::span::Span;

/// How often the rest of an unanswered request is waited for before its messages go without it. The service may answer
/// a pull with less than there is; that it does so again and again is for a reason that lasts.
const PATIENCE: u32 = 5;

/// Kept as long as the daemon runs, so that requests that are under way when their pipeline panics or gives the batch
/// back are the same again. What is under way, and what was taken ahead, is noted down as well, so that a kill changes
/// nothing of that.
///
/// That is not always possible: where the batch is pulled again and again without all messages of a request
/// (`max_batch_bytes` cuts it, say), or the service has lost some of them or was moved into their middle, what there is
/// makes another request, with a key of its own.
#[derive(Debug)]
pub(super) struct Flights {
    most: usize,
    at_once: usize,
    /// In the order of the log.
    known: Vec<Flight>,
    /// How often not all of one was there to be sent again.
    incomplete: u32,
}

#[derive(Debug)]
struct Flight {
    span: Span,
    state: State,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// To be sent: a part of what was refused.
    Cut,
    /// It was sent, and neither taken nor refused. Unheard, if an attempt had no answer: it may have been taken.
    Sent {
        unheard: bool,
    },
    Taken,
    /// A single message that is refused.
    Refused(String),
}

/// A request that is to be sent now.
pub(super) struct Outgoing {
    pub(super) request: Request,
    span: Span,
    /// An earlier attempt had no answer.
    pub(super) unheard: bool,
}

/// What is noted down of a flight.
#[derive(Serialize, Deserialize)]
pub(super) struct Noted {
    span: Span,
    taken: bool,
}

impl Flights {
    /// At most so many messages in a request, and so many requests at once.
    pub(super) fn new(most: usize, at_once: usize) -> Self {
        Self { most: most.max(1), at_once: at_once.max(1), known: Vec::new(), incomplete: 0 }
    }

    /// What was under way when the process before this one ended: it may have been taken.
    pub(super) fn resume(&mut self, noted: Vec<Noted>) {
        if self.known.is_empty() {
            let state = |taken| if taken { State::Taken } else { State::Sent { unheard: true } };
            let flight = |Noted { span, taken }| Flight { span, state: state(taken) };
            self.known = noted.into_iter().map(flight).collect();
        }
    }

    /// What is to be noted down to resume after a kill. A single message always makes the same request; that it was taken
    /// must be known.
    pub(super) fn noted(&self) -> Option<Vec<Noted>> {
        let matters = |state: &State| match state {
            State::Sent { .. } => self.most > 1,
            State::Taken => true,
            State::Cut | State::Refused(_) => false,
        };
        if !self.known.iter().any(|flight| matters(&flight.state)) {
            return None;
        }
        let under_way = self.known.iter().filter(|flight| flight.is_sent() || flight.is_taken());
        Some(under_way.map(|flight| Noted { span: flight.span, taken: flight.is_taken() }).collect())
    }

    /// The requests to send now, in order, of the first messages of `slice` that are not taken; none, if there is
    /// something to be said of what was sent before. `None` if messages are missing of a request that is to be sent again,
    /// and they are worth waiting for.
    pub(super) fn next(&mut self, slice: &Slice, encoding: &Encoding) -> Option<Vec<Outgoing>> {
        let before = std::mem::take(&mut self.known).into_iter();
        let mut queue: VecDeque<_> = before.filter(|flight| flight.span.reaches(slice)).collect();
        let (mut wave, mut rest, mut waits) = (Vec::new(), Some(slice.clone()), false);
        while let Some(here) = rest.take()
            && wave.len() < self.at_once
        {
            let flight = queue.pop_front();
            let (wanted, unheard) = match flight {
                None => (self.most, None),
                Some(flight) if flight.is_taken() && flight.span.touches(&here) => {
                    rest = here.after(flight.span.count(&here));
                    self.known.push(flight);
                    continue;
                }
                Some(flight) if flight.span.covered_by(&here) => {
                    if let State::Refused(_) = flight.state {
                        self.known.push(flight);
                        if wave.is_empty() {
                            break;
                        }
                        rest = here.after(1);
                        continue;
                    }
                    (
                        flight.span.messages(),
                        (flight.state == State::Sent { unheard: true }).then_some(flight.span),
                    )
                }
                Some(flight)
                    if flight.is_sent()
                        && flight.span.begins(&here)
                        && flight.span.outlasts(&here)
                        && self.incomplete < PATIENCE =>
                {
                    queue.push_front(flight);
                    waits = true;
                    break;
                }
                Some(flight) if flight.span.touches(&here) => {
                    rest = Some(here);
                    continue;
                }
                // What lies between.
                Some(flight) => {
                    let wanted = self.most.min(flight.span.before(&here));
                    queue.push_front(flight);
                    (wanted, None)
                }
            };
            match encoding.request(&here, wanted) {
                Ok(request) => {
                    let span = Span::of(&here, request.messages)?;
                    rest = here.after(request.messages);
                    // Until there is an answer: it may be given up on its way.
                    self.known.push(Flight { span, state: State::Sent { unheard: true } });
                    wave.push(Outgoing { request, span, unheard: unheard == Some(span) });
                }
                Err(Unfit { messages, reason }) => {
                    let parts = refused(Span::of(&here, messages)?, &here, reason.into_owned());
                    parts.into_iter().rev().for_each(|part| queue.push_front(part));
                    rest = Some(here);
                }
            }
        }
        let taken = self.known.iter().any(Flight::is_taken);
        self.known.extend(queue);
        if waits && wave.is_empty() && !taken {
            self.incomplete += 1;
            return None;
        }
        self.incomplete = 0;
        Some(wave)
    }

    /// It arrived.
    pub(super) fn taken(&mut self, sent: &Outgoing) {
        self.land(sent, State::Taken);
    }

    /// It is to be sent again as it is.
    pub(super) fn failed(&mut self, sent: &Outgoing, unheard: bool) {
        self.land(sent, State::Sent { unheard });
    }

    /// It is not to be had in one request: one message is refused for good, of several it may be some.
    pub(super) fn refused(&mut self, sent: &Outgoing, slice: &Slice, reason: String) {
        if let Some(at) = self.known.iter().position(|flight| flight.span == sent.span) {
            self.known.splice(at..=at, refused(sent.span, slice, reason));
        }
    }

    fn land(&mut self, sent: &Outgoing, state: State) {
        if let Some(flight) = self.known.iter_mut().find(|flight| flight.span == sent.span) {
            flight.state = state;
        }
    }

    /// How many messages of `slice`, from its first on, are taken.
    pub(super) fn taken_of(&self, slice: &Slice) -> usize {
        let (mut lead, mut rest) = (0, Some(slice.clone()));
        for flight in self.known.iter().take_while(|flight| flight.is_taken()) {
            let Some(here) = rest.take().filter(|here| flight.span.touches(here)) else { break };
            let count = flight.span.count(&here);
            lead += count;
            rest = here.after(count);
        }
        lead
    }

    /// The same, and which one behind them is refused, and why. It is tried again if it is given again.
    pub(super) fn outcome(&mut self, slice: &Slice) -> (usize, Option<(u64, String)>) {
        let lead = self.taken_of(slice);
        let next = self.known.iter_mut().find(|flight| !flight.is_taken());
        let rejected = next.zip(slice.after(lead)).and_then(|(flight, rest)| {
            let State::Refused(reason) = &mut flight.state else { return None };
            let reason = std::mem::take(reason);
            flight.state = State::Cut;
            Some((rest.first().filter(|_| flight.span.begins(&rest))?.id(), reason))
        });
        (lead, rejected)
    }

    /// Forgets what is taken, unless something is under way or some of it lies behind the first `lead` messages of
    /// `slice`, which are taken. Whether there is anything left that was taken ahead of others.
    ///
    /// What is kept is joined only where no id lies between, for there may be a message with that id. So there is at most
    /// one flight for each message of the longest pull: `next` forgets those that end before a pull begins.
    pub(super) fn tidy(&mut self, slice: &Slice, lead: usize) -> bool {
        self.known.dedup_by(|next, flight| {
            let joins = flight.is_taken() && next.is_taken() && flight.span.meets(next.span);
            if joins {
                flight.span = flight.span.with(next.span);
            }
            joins
        });
        let delivered = Span::of(slice, lead);
        let ends_in = |span: Span| delivered.is_some_and(|delivered| span.ends_in(delivered));
        let is_kept = |flight: &Flight| flight.is_sent() || flight.is_taken() && !ends_in(flight.span);
        if !self.known.iter().any(is_kept) {
            self.known.retain(|flight| !flight.is_taken());
        }
        self.known.iter().any(Flight::is_taken)
    }
}

impl Flight {
    fn is_taken(&self) -> bool {
        self.state == State::Taken
    }

    fn is_sent(&self) -> bool {
        matches!(self.state, State::Sent { .. })
    }
}

/// What a refused request becomes.
fn refused(span: Span, slice: &Slice, reason: String) -> Vec<Flight> {
    match span.halves(slice) {
        Some(halves) => halves.map(|span| Flight { span, state: State::Cut }).into(),
        None => vec![Flight { span, state: State::Refused(reason) }],
    }
}

#[cfg(test)]
mod tests;
