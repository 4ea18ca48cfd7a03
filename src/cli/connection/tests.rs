use clap::Parser;
use secrecy::ExposeSecret;

use super::*;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: Options,
}

/// What `line` means in this environment.
fn resolved(line: &str, environment: &[(&str, &str)]) -> Result<Connection, String> {
    let options = Line::try_parse_from(["ams"].into_iter().chain(line.split_whitespace())).unwrap().options;
    let find = |name: &str| environment.iter().find(|(known, _)| *known == name);
    options.resolve(|name| find(name).map(|(_, value)| value.into())).map_err(|error| error.to_string())
}

/// The credential in short.
fn credential_of(connection: &Connection) -> String {
    match &connection.credential {
        None => "none".to_owned(),
        Some(Credential { secret: Secret::Token(token), .. }) => format!("token {}", token.expose_secret()),
        Some(Credential { secret: Secret::TokenFile(file), .. }) => format!("file {}", file.display()),
        Some(Credential { secret: Secret::Certificate { certificate, private_key }, .. }) => {
            format!("certificate {} {}", certificate.display(), private_key.display())
        }
    }
}

#[test]
fn the_command_line_wins_over_the_environment() {
    const ALL: &[(&str, &str)] = &[
        ("AMS_ENDPOINT", "http://env"),
        ("AMS_PROJECT", "ENV"),
        ("AMS_TOKEN", "env"),
        ("AMS_TOKEN_FILE", "env.token"),
        ("AMS_CERTIFICATE", "env.pem"),
        ("AMS_PRIVATE_KEY", "env.key"),
        ("AMS_AUTHN_ENDPOINT", "https://env:8443"),
        ("AMS_CA_FILE", "env-ca.pem"),
        ("AMS_CA_DIR", "env-ca"),
    ];
    for (line, credential) in [
        ("", "token env"),
        ("--token line", "token line"),
        ("--token-file line.token", "file line.token"),
        ("--certificate line.pem --private-key line.key", "certificate line.pem line.key"),
    ] {
        assert_eq!(credential_of(&resolved(line, ALL).unwrap()), credential, "{line}");
    }
    // Without a token in the environment, what else is there is used.
    assert_eq!(credential_of(&resolved("", &ALL[3..]).unwrap()), "file env.token");
    assert_eq!(credential_of(&resolved("", &ALL[4..]).unwrap()), "certificate env.pem env.key");
    assert_eq!(credential_of(&resolved("", &[]).unwrap()), "none");
    assert_eq!(credential_of(&resolved("", &[("AMS_TOKEN", "")]).unwrap()), "none");

    let whole =
        resolved("--endpoint http://line --project LINE --ca-dir line-ca --authn-endpoint https://line", ALL);
    let whole = whole.unwrap();
    assert_eq!(whole.endpoint.as_deref(), Some("http://line"));
    assert_eq!(whole.authn_endpoint.as_deref(), Some("https://line"));
    assert_eq!(whole.project.as_ref().map(ProjectName::as_str), Some("LINE"));
    assert!(matches!(whole.authorities, Some(Authorities::Directory(path)) if path.ends_with("line-ca")));
    let environment = resolved("", ALL).unwrap();
    assert_eq!(environment.endpoint.as_deref(), Some("http://env"));
    assert_eq!(environment.project.as_ref().map(ProjectName::as_str), Some("ENV"));
    assert!(matches!(environment.authorities, Some(Authorities::File(path)) if path.ends_with("env-ca.pem")));
}

#[test]
fn what_cannot_be_meant_is_wrong_usage() {
    for (line, environment, said) in [
        ("--token a --token-file b", &[][..], "--token and --token-file cannot be used together"),
        (
            "--token a --certificate b --private-key c",
            &[],
            "--token and --certificate cannot be used together",
        ),
        ("--ca-file a --ca-dir b", &[], "--ca-file and --ca-dir cannot be used together"),
        ("--certificate a", &[], "a certificate needs its key"),
        ("", &[("AMS_PRIVATE_KEY", "a")], "a certificate needs its key"),
        ("", &[("AMS_PROJECT", "a b")], "AMS_PROJECT: \"a b\" is no name of a project"),
    ] {
        let error = resolved(line, environment).unwrap_err();
        assert!(error.contains(said), "{line} {environment:?}: {error}");
    }
}

#[test]
fn no_token_is_shown() {
    let options = Line::try_parse_from(["ams", "--token", "geheim"]).unwrap().options;
    assert!(!format!("{options:?}").contains("geheim"));
    assert!(!format!("{:?}", resolved("--token geheim", &[]).unwrap()).contains("geheim"));
}
