//! A client library of the ARGO Messaging Service (AMS): see [`client`].

pub mod backoff;
#[cfg(feature = "client")]
pub mod client;
