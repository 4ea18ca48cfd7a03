//! Places where a test can end the process as a crash would: `AMS_FORWARDER_FAIL_POINT=NAME:N` ends it when it comes by
//! the place NAME for the Nth time. Only in builds with debug assertions; in others there is nothing of it.
//!
//! Each place is one call with its name as a literal, which is where the test finds them all.

#[cfg(debug_assertions)]
mod armed {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    struct Armed {
        name: String,
        left: AtomicU32,
    }

    static ARMED: LazyLock<Option<Armed>> = LazyLock::new(|| {
        let text = std::env::var("AMS_FORWARDER_FAIL_POINT").ok()?;
        let (name, left) = text.rsplit_once(':')?;
        Some(Armed { name: name.to_owned(), left: left.parse::<u32>().ok()?.into() })
    });

    pub(crate) fn is_armed() -> bool {
        ARMED.is_some()
    }

    pub(super) fn is_time(name: &str) -> bool {
        let armed = ARMED.as_ref().filter(|armed| armed.name == name);
        armed.is_some_and(|armed| armed.left.fetch_sub(1, Ordering::SeqCst) == 1)
    }
}

#[cfg(not(debug_assertions))]
mod armed {
    pub(crate) const fn is_armed() -> bool {
        false
    }

    pub(super) const fn is_time(_name: &str) -> bool {
        false
    }
}

/// Whether this process is to be ended at some place.
pub(crate) use armed::is_armed;

/// Ends the process if it is time.
#[inline]
pub(crate) fn pass(name: &str) {
    if armed::is_time(name) {
        std::process::abort();
    }
}

/// Ends the process if it is time, after `write` was done with the first half of `bytes`: a write that is torn.
#[inline]
pub(crate) fn tear(name: &str, bytes: &[u8], write: impl FnOnce(&[u8])) {
    if armed::is_time(name) {
        write(&bytes[..bytes.len() / 2]);
        std::process::abort();
    }
}
