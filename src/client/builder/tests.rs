use super::*;
use crate::client::testing::{TOKEN, builder};

fn refused(builder: AmsClientBuilder) -> String {
    builder.build().unwrap_err().to_string()
}

#[test]
fn an_endpoint_is_a_base_url_without_secrets() {
    let table = [
        ("https://msg.example.org", "https://msg.example.org", "msg.example.org:443"),
        ("https://msg.example.org/", "https://msg.example.org", "msg.example.org:443"),
        ("http://127.0.0.1:8538", "http://127.0.0.1:8538", "127.0.0.1:8538"),
        (" https://[::1]:8443/ams/ ", "https://[::1]:8443/ams", "[::1]:8443"),
    ];
    for (given, endpoint, authority) in table {
        let client = builder(given).token(TOKEN.into()).build().unwrap();
        assert_eq!((client.endpoint(), client.authority().as_str()), (endpoint, authority));
    }
    for (given, what) in [
        ("", "no URL"),
        ("msg.example.org", "no URL"),
        ("ftp://msg.example.org", "neither with https:// nor with http://"),
        ("https://user:geheim@msg.example.org", "user name or password"),
        ("https://msg.example.org/?key=geheim", "query"),
        ("https://msg.example.org/v1/", "/v1"),
    ] {
        let error = refused(builder(given).token(TOKEN.into()));
        assert!(error.contains(what) && !error.contains("geheim"), "{given}: {error}");
    }
}

#[test]
fn a_client_needs_a_token_that_fits_a_header() {
    let endpoint = "http://127.0.0.1:1";
    assert_eq!(builder(endpoint).build().unwrap_err(), BuildError::NoToken);
    for bad in ["", "  \n", "geheim\ngeheim", "geheim geheim", "gehe\u{ef}m"] {
        let error = builder(endpoint).token(bad.into()).build().unwrap_err();
        assert_eq!(error, BuildError::Token);
        assert!(!error.to_string().contains("geheim"));
    }
    assert!(builder(endpoint).token(format!(" {TOKEN}\n").into()).build().is_ok());
    assert!(builder(endpoint).token_file("/nonexistent").build().is_ok(), "the file may come later");
}

#[test]
fn there_always_is_a_timeout() {
    let zero = Duration::ZERO;
    let with_token = || builder("http://127.0.0.1:1").token(TOKEN.into());
    assert_eq!(refused(with_token().timeout(zero)), "the timeout is zero");
    assert_eq!(refused(with_token().connect_timeout(zero)), "the connect timeout is zero");
}

#[test]
fn a_proxy_is_a_url_and_its_password_is_never_shown() {
    let with_token = || builder("http://127.0.0.1:1").token(TOKEN.into());
    assert!(with_token().proxy("http://user:geheim@proxy.example.org:3128").build().is_ok());
    for bad in ["user:geheim@proxy", "socks5://user:geheim@proxy", "", "http://"] {
        let error = with_token().proxy(bad).build().unwrap_err();
        assert_eq!(error, BuildError::Proxy, "{bad}");
        assert!(!error.to_string().contains("geheim"));
    }
}

#[test]
fn debug_shows_no_secret() {
    let builder =
        builder("https://user:geheim@msg.example.org").token(TOKEN.into()).proxy("http://u:geheim@p");
    let shown = format!("{builder:?}");
    assert!(!shown.contains("geheim") && !shown.contains(TOKEN), "{shown}");
    let client = crate::client::testing::client("https://msg.example.org");
    let shown = format!("{client:?}");
    assert!(shown.contains("https://msg.example.org") && !shown.contains(TOKEN), "{shown}");
}

#[test]
fn a_user_agent_fits_a_header() {
    let with_token = || builder("http://127.0.0.1:1").token(TOKEN.into());
    assert!(refused(with_token().user_agent("a\nb")).contains("user agent"));
}
