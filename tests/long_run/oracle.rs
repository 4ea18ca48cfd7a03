//! The judgement: whether what arrived at one sink is what must have, given the truth. It goes through the messages in the
//! order of their arrival, and each that is not the next one needs a reason.

use std::collections::BTreeSet;

use super::arrivals::Arrivals;
use super::letters::Letters;
use super::scene::Channel;
use super::truth::{Id, Truth};

/// More faults than these are not told apart any more.
const TOLD: usize = 10;

/// So many of its neighbours are shown with a message that should not be there.
const AROUND: usize = 25;

/// What became of the messages of a subscription at one sink.
#[derive(Debug, Default)]
pub(crate) struct Account {
    /// Different messages that arrived.
    pub(crate) delivered: usize,
    /// That came a second time with the request in flight.
    pub(crate) repeated: usize,
    /// Among the dead letters, each time that they were passed.
    pub(crate) dead_lettered: usize,
    /// Jumps back that somebody wanted.
    pub(crate) rewinds: usize,
    /// Never arrived, each time that they were passed: retention or a seek, which is to be counted by the daemon.
    pub(crate) missing: Vec<Id>,
    /// Went with a log that was made anew.
    pub(crate) gone: usize,
    /// What cannot be explained.
    pub(crate) faults: Vec<String>,
}

/// Where it is in going through.
struct Walk<'a> {
    truth: &'a Truth,
    sink: &'a str,
    in_flight: u64,
    /// Those that have explained nothing yet.
    letters: Letters,
    account: Account,
    arrivals: &'a [Id],
    log: u64,
    /// One past the highest message since the last jump back.
    next: u64,
    /// Passed since then.
    absent: BTreeSet<u64>,
    /// The seeks before this one have had their effect.
    moves: usize,
    seen: BTreeSet<usize>,
}

impl Account {
    pub(crate) fn of(truth: &Truth, channel: &Channel, letters: &Letters, arrivals: &Arrivals) -> Self {
        let mut walk = Walk {
            truth,
            sink: channel.name,
            in_flight: channel.in_flight,
            letters: letters.clone(),
            account: Self::default(),
            arrivals: &arrivals.ids,
            log: 0,
            next: 0,
            absent: BTreeSet::new(),
            moves: 0,
            seen: BTreeSet::new(),
        };
        for (place, id) in arrivals.ids.iter().enumerate() {
            if !truth.was_published(*id) {
                walk.fault(format!("{id:?}, in place {place}, was never published"));
            }
            walk.step(place, *id);
        }
        walk.end()
    }
}

impl Walk<'_> {
    fn step(&mut self, place: usize, id: Id) {
        if id.log > self.log {
            self.turn_to_log(id.log);
        }
        if id.log < self.log {
            self.fault(format!("{id:?}, in place {place}, is of a log before the one at hand"));
        } else if id.offset >= self.next {
            self.absent.extend(self.next..id.offset);
            self.next = id.offset + 1;
        } else if self.next - id.offset <= self.in_flight {
            // A message that the sink sent ahead of others is no reason to miss those.
            if !self.absent.remove(&id.offset) {
                self.account.repeated += 1;
            }
        } else if let Some(from) = self.moved_back(id) {
            self.account.rewinds += 1;
            self.settle();
            self.absent = (from..id.offset).filter(|offset| !self.is_gone(id.log, *offset)).collect();
            self.next = id.offset + 1;
        } else {
            let next = self.next;
            self.fault(format!(
                "{id:?}, in place {place}, came again though nobody wanted it; {next} was next; around it: {:?}",
                self.around(place)
            ));
            self.next = id.offset + 1;
        }
    }

    fn is_refused(&self, log: u64, offset: u64) -> bool {
        self.letters.has(self.sink, Id { log, offset })
    }

    /// Nothing that the service can hand out any more.
    fn is_gone(&self, log: u64, offset: u64) -> bool {
        let id = Id { log, offset };
        self.truth.was_cut(id) || self.truth.is_poison(id)
    }

    /// Where a seek led that explains a jump back to this message: there, or to before it where nothing is any more, or
    /// nothing that the sink took; or else where the sink has sent this message ahead of those. Where it cannot be told
    /// which seek it was, the first one is used up, and none of the others is missed.
    fn moved_back(&mut self, id: Id) -> Option<u64> {
        let to = |seek: &usize| self.truth.moves[*seek].to;
        let is_nothing = |offset| self.is_gone(id.log, offset) || self.is_refused(id.log, offset);
        let is_before = |seek: &usize| self.truth.moves[*seek].log == id.log && to(seek) <= id.offset;
        let before = || (self.moves..self.truth.moves.len()).filter(is_before);
        let mut leading: Vec<_> = before().filter(|seek| (to(seek)..id.offset).all(is_nothing)).collect();
        if leading.is_empty() {
            leading.extend(before().find(|seek| id.offset - to(seek) < self.in_flight));
        }
        let nearest = leading.iter().map(to).max();
        self.moves = leading.first()? + 1;
        self.seen.extend(leading);
        nearest
    }

    /// What the old log had yet is gone with it.
    fn turn_to_log(&mut self, log: u64) {
        self.settle();
        let tails = (self.log..log).map(|log| self.truth.end_of(log));
        self.account.gone += usize::try_from(tails.sum::<u64>().saturating_sub(self.next)).unwrap();
        (self.log, self.next) = (log, 0);
    }

    /// What was passed and has not come since is missing.
    fn settle(&mut self) {
        for offset in std::mem::take(&mut self.absent) {
            let id = Id { log: self.log, offset };
            if self.letters.take(self.sink, id, self.truth.is_poison(id)) {
                self.account.dead_lettered += 1;
                continue;
            }
            if !self.truth.was_cut(id) && !self.truth.was_passed(id) {
                self.fault(format!("{id:?} is missing, and no retention, seek or dead letter explains it"));
            }
            self.account.missing.push(id);
        }
    }

    fn end(mut self) -> Account {
        let last = self.truth.number();
        if self.log < last {
            self.turn_to_log(last);
        }
        self.absent.extend(self.next..self.truth.end_of(last));
        self.settle();
        for (number, seek) in self.truth.moves.iter().enumerate() {
            let is_far = seek.from.saturating_sub(seek.to) > self.in_flight;
            if seek.is_seen && is_far && !self.seen.contains(&number) {
                self.fault(format!("nothing was delivered again after {seek:?}"));
            }
        }
        let distinct: BTreeSet<_> = self.arrivals.iter().collect();
        self.account.delivered = distinct.len();
        self.account
    }

    /// The offsets that came before and after a place.
    fn around(&self, place: usize) -> Vec<u64> {
        let places = place.saturating_sub(AROUND)..(place + AROUND).min(self.arrivals.len());
        self.arrivals[places].iter().map(|id| id.offset).collect()
    }

    fn fault(&mut self, what: String) {
        if self.account.faults.len() < TOLD {
            self.account.faults.push(what);
        }
    }
}

#[cfg(test)]
mod tests;
