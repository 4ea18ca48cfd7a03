//! The token of a host: got with its certificate, kept, and got anew when there is a reason.
//!
//! Reasons are a token that the service refused, files that changed, and a certificate of which little time is left.
//! Of callers that need a token at the same time, one asks and the others take what it got. While there is a token that
//! nobody refused, a login that fails costs nothing but a warning.

use super::{
    Authn, NoToken, Token,
    authn::Given,
    look::{Stamp, aside},
};
use crate::client::{builder::BuildError, transport::date};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

/// After a renewal that failed, the next one is not tried before.
const RENEW_AGAIN: Duration = Duration::from_secs(30);

/// See the module.
pub(crate) struct HostLogin {
    authn: Authn,
    /// What there is, for everybody who asks.
    held: Mutex<Option<Held>>,
    /// How often was asked, so that who waited sees that somebody else has.
    asked: AtomicU64,
    /// Who asks holds it; it holds how that went.
    asking: tokio::sync::Mutex<Option<NoToken>>,
    ends: Mutex<Option<SystemTime>>,
}

#[derive(Clone)]
struct Held {
    token: Arc<Token>,
    files: Files,
    renew_at: Option<SystemTime>,
}

/// How the certificate and the key looked.
type Files = [Option<Stamp>; 2];

impl HostLogin {
    pub(in crate::client) fn new(authn: Authn) -> Self {
        Self {
            authn,
            held: Mutex::default(),
            asked: AtomicU64::new(0),
            asking: tokio::sync::Mutex::default(),
            ends: Mutex::default(),
        }
    }

    /// Reads the files, to find out now what is wrong with them. Blocks.
    pub(in crate::client) fn try_files(&self) -> Result<(), BuildError> {
        let (identity, _) = self.authn.prepare()?;
        self.set_end(identity.certificate.ends);
        Ok(())
    }

    pub(super) fn ends(&self) -> Option<SystemTime> {
        *self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) async fn current(self: &Arc<Self>) -> Result<Arc<Token>, NoToken> {
        let asked = self.asked.load(Ordering::SeqCst);
        let Some(held) = self.held() else {
            let mut asking = self.asking.lock().await;
            if let Some(outcome) = self.of_another(asked, asking.as_ref()) {
                return outcome;
            }
            return self.ask(&mut asking).await;
        };
        let files = aside(self, |login| Ok(login.authn.files().look())).await?;
        // Only one renews; for the others, and if it fails, what there is will do.
        if (files != held.files || held.renew_at.is_some_and(|at| at <= SystemTime::now()))
            && let Ok(mut asking) = self.asking.try_lock()
            && self.asked.load(Ordering::SeqCst) == asked
        {
            return Ok(self.renew(&mut asking, held, files).await);
        }
        Ok(held.token)
    }

    pub(super) async fn instead_of(
        self: &Arc<Self>,
        refused: &Arc<Token>,
    ) -> Result<Option<Arc<Token>>, NoToken> {
        let asked = self.asked.load(Ordering::SeqCst);
        let other = |token: Arc<Token>| (!token.is(refused)).then_some(token);
        let mut asking = self.asking.lock().await;
        if let Some(held) = self.held().filter(|held| !Arc::ptr_eq(&held.token, refused)) {
            return Ok(other(held.token));
        }
        if let Some(outcome) = self.of_another(asked, asking.as_ref()) {
            return outcome.map(other);
        }
        self.ask(&mut asking).await.map(other)
    }

    /// How it went for somebody who asked while this caller waited.
    fn of_another(&self, asked: u64, failed: Option<&NoToken>) -> Option<Result<Arc<Token>, NoToken>> {
        if self.asked.load(Ordering::SeqCst) == asked {
            return None;
        }
        match (failed, self.held()) {
            (Some(why), _) => Some(Err(why.clone())),
            (None, held) => held.map(|held| Ok(held.token)),
        }
    }

    /// Dropped on its way, it was as though nobody had asked.
    async fn ask(self: &Arc<Self>, outcome: &mut Option<NoToken>) -> Result<Arc<Token>, NoToken> {
        let answer = self.log_in().await;
        *outcome = answer.as_ref().err().cloned();
        if let Ok(held) = &answer {
            *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held.clone());
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        answer.map(|held| held.token)
    }

    async fn renew(
        self: &Arc<Self>,
        outcome: &mut Option<NoToken>,
        mut held: Held,
        files: Files,
    ) -> Arc<Token> {
        match self.ask(outcome).await {
            Ok(token) => token,
            Err(why) => {
                tracing::warn!("{}; the token at hand is used on", why.message);
                let token = Arc::clone(&held.token);
                let now = SystemTime::now();
                held.files = files;
                held.renew_at = self.ends().filter(|end| *end > now).map(|_| now + RENEW_AGAIN);
                *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(held);
                token
            }
        }
    }

    async fn log_in(self: &Arc<Self>) -> Result<Held, NoToken> {
        let prepare = |login: &Self| {
            // Looked at before they are read: a change in between shows at the next look.
            let files = login.authn.files().look();
            let (identity, http) = login.authn.prepare()?;
            Ok((files, identity, http))
        };
        let (files, identity, http) = aside(self, prepare).await?;
        self.set_end(identity.certificate.ends);
        let Given { token, certificate } = self.authn.ask(identity, http).await?;
        let left = certificate.ends.duration_since(SystemTime::now()).unwrap_or_default();
        tracing::info!(
            subject = certificate.subject,
            "logged in with the certificate {}, which ends on {}",
            self.authn.files().certificate.display(),
            date(certificate.ends)
        );
        Ok(Held { token: Arc::new(token), files, renew_at: renewal(SystemTime::now(), left) })
    }

    fn held(&self) -> Option<Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_end(&self, end: SystemTime) {
        *self.ends.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
    }
}

/// When to ask again with a certificate that has so much time left: with a tenth of it to go, for who replaces it late.
/// Once it has ended there is no use in it.
fn renewal(now: SystemTime, left: Duration) -> Option<SystemTime> {
    if left.is_zero() { None } else { now.checked_add((left / 10 * 9).max(RENEW_AGAIN)) }
}

#[cfg(test)]
mod tests;
