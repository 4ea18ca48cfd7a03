//! What an emulator is told to do wrong: the rules in force, and which of them a request meets.
//!
//! A [`Fault`] is a rule as somebody writes it down, `rule` what it means, `route` and `subject` which requests it is for,
//! `broker` what the handlers must know of it; `carry_out` does it to a request, `interface` takes rules over HTTP. While there
//! is no rule, a request costs one load of a flag.

mod broker;
mod carry_out;
mod fault;
mod inject;
mod interface;
mod route;
mod rule;
mod subject;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use broker::Broker;
pub(crate) use carry_out::answer;
pub use fault::{Fault, InvalidFault};
pub(crate) use interface::perform;
pub use rule::FaultStatus;
use rule::{Effect, Hit, Rule};
use subject::Subject;

use super::control;

/// What all faults are asked for under.
pub(crate) const PATH: &str = "/emulator/faults";

/// The most rules that are kept. Used up ones make room first.
const MOST: usize = 1_000;

/// The rules of one emulator, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    /// Whether there is a rule that may still be met.
    armed: AtomicBool,
    rules: Mutex<Rules>,
}

#[derive(Debug, Default)]
struct Rules {
    last_id: u64,
    rules: Vec<Rule>,
}

impl Faults {
    /// Whether there is a rule that a request of this path may meet.
    fn may_befall(&self, path: &str) -> bool {
        self.armed.load(Ordering::Acquire) && !path.starts_with(control::PATH)
    }

    /// What becomes of a request. Of several rules that are for it the newest counts; those that are beside others all
    /// do.
    fn meet(&self, subject: &Subject) -> (Option<Hit>, Vec<Effect>) {
        let mut rules = self.rules();
        let (mut hit, mut beside) = (None, Vec::new());
        for rule in rules.rules.iter_mut().rev() {
            if rule.is_beside() {
                beside.extend(rule.meet(subject).map(|hit| hit.effect));
            } else if hit.is_none() {
                hit = rule.meet(subject);
            }
        }
        self.arm(&rules);
        (hit, beside)
    }

    /// Puts a rule in force.
    pub(crate) fn inject(&self, fault: Fault) -> Result<FaultStatus, InvalidFault> {
        let mut rules = self.rules();
        let rule = Rule::new(rules.last_id + 1, fault)?;
        if rules.rules.len() >= MOST {
            rules.rules.retain(Rule::is_in_force);
        }
        if rules.rules.len() >= MOST {
            return Err(InvalidFault::new("there are too many of them already"));
        }
        rules.last_id += 1;
        let status = rule.status();
        rules.rules.push(rule);
        self.arm(&rules);
        Ok(status)
    }

    pub(crate) fn list(&self) -> Vec<FaultStatus> {
        self.rules().rules.iter().map(Rule::status).collect()
    }

    pub(crate) fn find(&self, id: u64) -> Option<FaultStatus> {
        self.rules().rules.iter().find(|rule| rule.id() == id).map(Rule::status)
    }

    /// Removes the rule of that number and says whether there was one.
    pub(crate) fn remove(&self, id: u64) -> bool {
        let mut rules = self.rules();
        let before = rules.rules.len();
        rules.rules.retain(|rule| rule.id() != id);
        self.arm(&rules);
        rules.rules.len() < before
    }

    pub(crate) fn clear(&self) {
        let mut rules = self.rules();
        rules.rules.clear();
        self.arm(&rules);
    }

    fn arm(&self, rules: &Rules) {
        self.armed.store(rules.rules.iter().any(Rule::is_in_force), Ordering::Release);
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
