//! Which requests a fault is for.

/// A method, or any, and a pattern of paths in which `*` stands for any characters, none and slashes included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    method: Option<String>,
    path: String,
}

impl Route {
    /// `POST /v1/projects/*/subscriptions/s:pull`, `*:pull`, `*`.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let (method, path) = match text.split_once(' ') {
            Some((method, path)) => (Some(method), path.trim_start()),
            None => (None, text),
        };
        if method.is_some_and(|method| method.is_empty() || !method.bytes().all(|b| b.is_ascii_uppercase())) {
            return Err("begins with no method; GET, POST, PUT and DELETE are some");
        }
        if !path.starts_with(['/', '*']) {
            return Err("names no path; a path begins with / or *");
        }
        Ok(Self { method: method.map(ToOwned::to_owned), path: path.to_owned() })
    }

    pub(crate) fn is_for(&self, method: &str, path: &str) -> bool {
        self.method.as_deref().is_none_or(|wanted| wanted == method) && matches(&self.path, path)
    }
}

/// Whether a text fits a pattern. The first part must begin it, the last one end it, the others follow each other.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*').filter(|part| !part.is_empty()) {
        match text.split_once(part) {
            Some((_, after)) => text = after,
            None => return false,
        }
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_characters() {
        let pull = "/v1/projects/P/subscriptions/s:pull";
        for pattern in
            ["*", "*:pull", "/v1/*", "/v1/projects/*/subscriptions/s:pull", "*P*s:pull", "**", pull]
        {
            assert!(matches(pattern, pull), "{pattern}");
        }
        for pattern in ["/", "/v1", ":pull", "*:acknowledge", "/v1/*/topics/*", "*s:pull*s:pull", "*s:*P*"] {
            assert!(!matches(pattern, pull), "{pattern}");
        }
        assert!(matches("/a*a", "/aa") && !matches("/a*a", "/a"), "the parts do not overlap");
    }

    #[test]
    fn a_route_has_a_method_or_not() {
        let route = Route::parse("POST *:pull").unwrap();
        assert!(route.is_for("POST", "/s:pull") && !route.is_for("GET", "/s:pull"));
        assert!(Route::parse("/v1/status").unwrap().is_for("GET", "/v1/status"));
        for wrong in ["", " /v1", "post /v1", "GET", "v1/status", "GET v1"] {
            assert!(Route::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
