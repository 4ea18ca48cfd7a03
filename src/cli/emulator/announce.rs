//! What `ams emulator` says when it takes requests.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::emulator::Tls;

/// The first line is for scripts to wait for, the others are to be copied into a shell.
pub(super) struct Announcement<'a> {
    pub(super) address: SocketAddr,
    pub(super) tls: Option<&'a Tls>,
    pub(super) certificate: Option<&'a Path>,
    pub(super) token: &'a str,
    pub(super) project: Option<&'a str>,
    pub(super) authn: Option<SocketAddr>,
}

impl Announcement<'_> {
    pub(super) fn print(&self) -> io::Result<()> {
        let mut out = io::stdout().lock();
        out.write_all(self.text().as_bytes())?;
        out.flush()
    }

    fn text(&self) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let mut lines = vec![format!("listening on {scheme}://{}", self.address)];
        lines.extend(self.authn.map(|address| format!("tokens for host certificates on https://{address}")));
        let mut export = |name: &str, value: &str| lines.push(format!("export {name}={}", shell_word(value)));
        export("AMS_ENDPOINT", &format!("{scheme}://{}", self.reached_at()));
        export("AMS_TOKEN", self.token);
        if let Some(project) = self.project {
            export("AMS_PROJECT", project);
        }
        if self.tls.is_some_and(Tls::is_self_signed)
            && let Some(certificate) = self.certificate
        {
            let whole = std::path::absolute(certificate).unwrap_or_else(|_| certificate.to_owned());
            export("AMS_CA_FILE", &whole.to_string_lossy());
        }
        lines.push(String::new());
        lines.join("\n")
    }

    /// Host and port for a client on this machine: the address, or a name of the certificate if the address is none of
    /// its names.
    fn reached_at(&self) -> String {
        let mut address = self.address;
        match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
            IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
            _ => {}
        }
        let names = self.tls.map(Tls::names).unwrap_or_default();
        let is_literal = |name: &String| name.parse::<IpAddr>().is_ok() || name.starts_with('*');
        let known = names.iter().any(|name| *name == address.ip().to_string());
        let localhost = names.iter().find(|name| *name == "localhost");
        match localhost.or_else(|| names.iter().find(|name| !is_literal(name))) {
            Some(name) if !known => format!("{name}:{}", address.port()),
            _ => address.to_string(),
        }
    }
}

/// `text` as one word for a shell.
fn shell_word(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@%+=,".contains(&byte);
    if text.bytes().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_the_shell() {
        assert_eq!(shell_word("emulator"), "emulator");
        assert_eq!(shell_word("a b$c"), "'a b$c'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
    }

    fn announced(names: &[&str], address: &str) -> String {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let tls = Tls::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap();
        let announcement = Announcement {
            address: address.parse().unwrap(),
            tls: Some(&tls),
            certificate: Some(Path::new("/tmp/a cert.pem")),
            token: "emulator",
            project: Some("P"),
            authn: None,
        };
        announcement.text()
    }

    #[test]
    fn the_endpoint_is_one_that_the_certificate_is_for() {
        let text = announced(&["localhost", "127.0.0.1"], "127.0.0.1:8538");
        assert_eq!(
            text,
            "listening on https://127.0.0.1:8538\nexport AMS_ENDPOINT=https://127.0.0.1:8538\n\
             export AMS_TOKEN=emulator\nexport AMS_PROJECT=P\nexport AMS_CA_FILE='/tmp/a cert.pem'\n"
        );
        for (names, listen, endpoint) in [
            (&["localhost"][..], "127.0.0.1:1", "https://localhost:1"),
            (&["ams.example.org", "localhost"], "0.0.0.0:1", "https://localhost:1"),
            (&["ams.example.org"], "0.0.0.0:1", "https://ams.example.org:1"),
            (&["192.0.2.1"], "127.0.0.1:1", "https://127.0.0.1:1"),
            (&["::1"], "[::]:1", "https://[::1]:1"),
        ] {
            let text = announced(names, listen);
            assert!(text.contains(&format!("AMS_ENDPOINT={}\n", shell_word(endpoint))), "{text}");
        }
    }
}
