//! Faults for tests that have the emulator in their own process.

use super::{Fault, FaultStatus, InvalidFault};
use crate::emulator::Emulator;

impl Emulator {
    /// Puts a fault in force and gives its number. Of several that are for one request the newest counts.
    pub fn inject(&self, fault: Fault) -> Result<u64, InvalidFault> {
        self.shared.faults.inject(fault).map(|status| status.id)
    }

    /// The faults that were injected, by whomever, oldest first, with how often each was met.
    #[must_use]
    pub fn faults(&self) -> Vec<FaultStatus> {
        self.shared.faults.list()
    }

    /// How many requests have met the fault of that number; `None` if it was removed.
    #[must_use]
    pub fn fault_hits(&self, id: u64) -> Option<u64> {
        self.shared.faults.find(id).map(|status| status.hits)
    }

    /// Ends a fault, if there is one of that number.
    pub fn remove_fault(&self, id: u64) {
        self.shared.faults.remove(id);
    }

    /// Ends all faults. What hangs already goes on hanging.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }
}
