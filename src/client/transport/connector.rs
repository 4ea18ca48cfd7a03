//! An HTTP client that is made again after a server could not be trusted, when it could not be made, and when the
//! certificate changed that it shows: the files that it is made of may have been mended.

use super::{NoAnswer, Transport};
use crate::client::{builder::BuildError, credential::Stamp, error::ErrorKind, tls::IdentityFiles};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// See the module.
pub(crate) struct Connector {
    plan: Arc<Plan>,
    made: Mutex<Option<Made>>,
}

/// What a client is made of.
struct Plan {
    transport: Transport,
    identity: Option<IdentityFiles>,
}

#[derive(Clone)]
struct Made {
    http: reqwest::Client,
    /// How the certificate and its key looked.
    files: Option<[Option<Stamp>; 2]>,
}

impl Connector {
    /// Reads the certificates. Blocks.
    pub(crate) fn new(transport: Transport) -> Result<Self, BuildError> {
        let plan = Plan { transport, identity: None };
        let made = plan.make()?;
        Ok(Self { plan: Arc::new(plan), made: Mutex::new(Some(made)) })
    }

    /// The same, for who runs long and must start: files that cannot be used yet are looked at again with each request.
    pub(crate) fn patient(transport: Transport) -> Result<Self, BuildError> {
        Self::patient_with(transport, None)
    }

    /// The same, with a certificate to show to servers that ask for one. While new files of it cannot be used, that of
    /// before is shown.
    pub(crate) fn patient_with(
        transport: Transport,
        identity: Option<IdentityFiles>,
    ) -> Result<Self, BuildError> {
        let plan = Plan { transport, identity };
        let made = match plan.make() {
            Ok(made) => Some(made),
            Err(error) if error.path().is_some() => None,
            Err(error) => return Err(error),
        };
        Ok(Self { plan: Arc::new(plan), made: Mutex::new(made) })
    }

    /// The client, or which file is in the way.
    pub(crate) async fn http(&self) -> Result<reqwest::Client, NoAnswer> {
        let made = self.made().clone();
        if let (Some(made), None) = (&made, &self.plan.identity) {
            return Ok(made.http.clone());
        }
        let plan = Arc::clone(&self.plan);
        match tokio::task::spawn_blocking(move || plan.renew(made)).await {
            Ok(Ok(made)) => Ok(self.made().insert(made).http.clone()),
            Ok(Err(error)) => Err(NoAnswer::of(ErrorKind::Untrusted, error.to_string())),
            Err(_) => Err(NoAnswer::of(ErrorKind::Transient, "the runtime ends".to_owned())),
        }
    }

    /// Reads the certificates again before the next request, if it is their fault that there was no answer.
    pub(crate) fn learn_from(&self, failed: &NoAnswer) {
        if failed.kind == ErrorKind::Untrusted {
            *self.made() = None;
        }
    }

    fn made(&self) -> MutexGuard<'_, Option<Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    /// Reads all files. Blocks.
    fn make(&self) -> Result<Made, BuildError> {
        // Looked at before they are read: a change in between shows at the next look.
        let files = self.identity.as_ref().map(IdentityFiles::look);
        let identity = self.identity.as_ref().map(IdentityFiles::read).transpose()?;
        Ok(Made { http: self.transport.build(identity.as_ref())?, files })
    }

    /// The client at hand as long as its files are as they were, or cannot be used. Blocks.
    fn renew(&self, made: Option<Made>) -> Result<Made, BuildError> {
        let files = self.identity.as_ref().map(IdentityFiles::look);
        match made {
            Some(made) if made.files == files => Ok(made),
            Some(made) => Ok(self.make().unwrap_or_else(|error| {
                tracing::warn!("{error}; the certificate at hand is shown on");
                Made { files, ..made }
            })),
            None => self.make(),
        }
    }
}
