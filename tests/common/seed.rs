//! Chance that can be had again.

use std::io::Write;

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

const VARIABLE: &str = "EMULATOR_SEED";

/// The seed of a test: from the environment, or a new one. It is said either way, whether the test passes or not.
pub(crate) fn seed(test: &str) -> u64 {
    seed_from(VARIABLE, test)
}

/// The same from another variable.
pub(crate) fn seed_from(variable: &str, test: &str) -> u64 {
    let given = std::env::var(variable).ok();
    let seed = given.map_or_else(|| fastrand::u64(..), |text| text.parse().unwrap());
    // Past the harness, which shows what is printed by tests that fail only.
    let _ = writeln!(std::io::stderr(), "{test}: again with {variable}={seed}");
    seed
}

/// Runs this many cases of a property test, from [`seed`].
pub(crate) fn cases(test: &str, cases: u32) -> TestRunner {
    let seed = seed(test).to_le_bytes();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 4].concat());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, rng)
}
