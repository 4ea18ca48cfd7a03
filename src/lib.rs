//! A client library of the ARGO Messaging Service (AMS), see [`client`], and an emulator of it, see [`emulator`].

pub mod backoff;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "emulator")]
pub mod emulator;
