//! A success by its status, to be understood as what was asked for.
//!
//! Captive portals, login pages and proxies answer 200 too; what is not of the form the call expects is an
//! error, never an empty result.

use super::request::{Method, Request};
use crate::client::{
    batch::{self, Batch},
    error::{Error, ErrorKind, Result},
};
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use std::time::Instant;

/// A success, with its body still to be understood.
pub(in crate::client) struct Answer {
    pub(super) body: Vec<u8>,
    pub(super) status: StatusCode,
    pub(super) started: Instant,
    pub(super) method: Method,
    pub(super) path: String,
}

impl Answer {
    /// The answer to a request that turned out to have been carried out before.
    pub(in crate::client) fn done_before(request: &Request) -> Self {
        let Request { method, path, .. } = request;
        let (status, started) = (StatusCode::OK, Instant::now());
        Self { body: Vec::new(), status, started, method: *method, path: path.clone() }
    }

    /// Reads the messages of a pull, in place.
    pub(in crate::client) fn batch(mut self) -> Result<Batch> {
        Batch::from_json(std::mem::take(&mut self.body)).map_err(|why| self.not_ams(&why.to_string()))
    }

    pub(in crate::client) fn json<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|error| self.not_ams(&batch::place(&error)))
    }

    /// For calls whose answer says nothing: empty, or an object.
    pub(in crate::client) fn nothing(&self) -> Result<()> {
        if self.body.trim_ascii().is_empty() { Ok(()) } else { self.object() }
    }

    /// For calls answered with an object whose content does not matter. A page of somebody in between is no
    /// success.
    pub(in crate::client) fn object(&self) -> Result<()> {
        let object: serde_json::Map<String, serde_json::Value> = self.json()?;
        if object.contains_key("error") {
            Err(self.not_ams("an error with the status of a success"))
        } else {
            Ok(())
        }
    }

    /// The error of an answer that is a success by its status alone. Nothing of the body is shown: it may be
    /// content.
    pub(in crate::client) fn not_ams(&self, what: &str) -> Error {
        let what = if self.is_page() { "a page of HTML or XML" } else { what };
        let message = format!("this is no answer of AMS: {what}");
        Error::new(ErrorKind::Transient, self.method.as_str(), &*self.path, message)
            .with_status(self.status.as_u16())
            .with_elapsed(self.started.elapsed())
    }

    /// Somebody in between answers with a page.
    pub(super) fn is_page(&self) -> bool {
        self.body.trim_ascii_start().starts_with(b"<")
    }
}
