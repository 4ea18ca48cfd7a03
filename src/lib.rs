//! Consumes subscriptions of the ARGO Messaging Service (AMS) and delivers every message.
//!
//! What is in the house, and how a message flows through it:
//!
//! ```text
//!              +---------------------- daemon: one pipeline per subscription ----------------------+
//! AMS -> client::pull -> pipeline::admit -> sink::deliver (file, stdout,  -> receipts -> ledger ---+
//!  ^                     (gap? rewind?       webhook, topic)                                       |
//!  +-- client::acknowledge <-- ack token, made only of the receipts of every required sink <------+
//! ```
//!
//! - [`client`]: the client library, usable alone (`default-features = false, features = ["client"]`).
//! - [`emulator`]: an AMS of one's own, faithful to the wire, traps included.
//! - [`config`]: the configuration file, every problem in it reported at once.
//! - [`pipeline`]: the loop, and what it knows of each subscription's progress.
//! - `sink`: where messages go.
//! - [`metrics`]: every metric, named once.
//! - [`maintenance`]: commands for what a daemon keeps on disk.
//! - [`migrate`]: makes configurations of those of other programs.
//! - [`daemon`]: starts and stops all of it, and tells how it is doing.
//! - `fail_point`: where tests end the process as a crash would.
//!
//! `client` knows nothing of the rest; `emulator` knows names and wire types of `client`; `sink` knows no
//! acknowledgement; `pipeline` alone sees both sinks and acknowledgements; `daemon` starts pipelines and knows nothing
//! of messages.

pub mod backoff;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "daemon")]
pub mod config;
#[cfg(feature = "daemon")]
pub mod daemon;
#[cfg(feature = "emulator")]
pub mod emulator;
#[cfg(feature = "daemon")]
mod fail_point;
#[cfg(feature = "daemon")]
pub mod maintenance;
#[cfg(feature = "daemon")]
pub mod metrics;
#[cfg(feature = "daemon")]
pub mod migrate;
#[cfg(feature = "daemon")]
pub mod pipeline;
#[cfg(feature = "daemon")]
mod sink;

/// The README's Rust code, compiled with the tests.
#[cfg(all(doctest, feature = "daemon"))]
#[doc = include_str!("../README.md")]
struct Readme;

/// The Rust code of the library's page, compiled with the tests.
#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../docs/library.md")]
struct LibraryPage;

/// The Rust code of the emulator's pages, compiled with the tests.
#[cfg(all(doctest, feature = "emulator"))]
#[doc = include_str!("../docs/emulator.md")]
struct EmulatorPages;
