use super::*;
use crate::client::testing::{OFFSETS, TOKEN, builder, offsets};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::{fs, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::{TlsAcceptor, rustls::ServerConfig};

/// A CA and a server certificate of it for 127.0.0.1.
struct Authority {
    pem: String,
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    let ca_key = KeyPair::generate().unwrap();
    let ca = params.self_signed(&ca_key).unwrap();
    let issuer = Issuer::new(params, ca_key);
    let key = KeyPair::generate().unwrap();
    let server =
        CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().signed_by(&key, &issuer).unwrap();
    Authority { pem: ca.pem(), chain: vec![server.der().clone()], key: key.serialize_der() }
}

/// Answers every request over TLS with offsets; returns the endpoint.
async fn serve(authority: &Authority) -> String {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = rustls::pki_types::PrivateKeyDer::try_from(authority.key.clone()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(authority.chain.clone(), key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                continue;
            };
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n")
                && stream.read_buf(&mut request).await.is_ok_and(|read| read > 0)
            {}
            let answer = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{OFFSETS}",
                OFFSETS.len()
            );
            stream.write_all(answer.as_bytes()).await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    endpoint
}

#[tokio::test]
async fn a_ca_file_is_trusted_and_no_process_wide_provider_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (authority("ours"), authority("other"));
    let endpoint = serve(&ours).await;
    let (good, bad) = (folder.path().join("ours"), folder.path().join("other"));
    fs::write(&good, &ours.pem).unwrap();
    fs::write(&bad, &other.pem).unwrap();
    let trusting = builder(&endpoint).token(TOKEN.into()).ca_file(&good).build().unwrap();
    assert_eq!(offsets(&trusting).await.unwrap().max, 3);

    for builder in [builder(&endpoint).ca_file(&bad), builder(&endpoint)] {
        let error = offsets(&builder.token(TOKEN.into()).build().unwrap()).await.unwrap_err();
        assert!(error.class() == "untrusted" && !error.may_have_happened(), "{error}");
        assert!(error.message().contains("is of the CA CN=ours, which is not among the "), "{error}");
    }
    assert!(rustls::crypto::CryptoProvider::get_default().is_none());
}

#[tokio::test]
async fn a_broken_file_in_a_ca_directory_stops_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &[u8]| fs::write(folder.path().join(name), text).unwrap();
    let ours = authority("ours");
    put("0-broken.pem", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    put("1-half.pem", b"-----BEGIN CERTIFICATE-----\nAAAA");
    put("2-empty.0", b"");
    put("3-binary.0", &[0, 159, 146, 150]);
    fs::create_dir(folder.path().join("4-folder.pem")).unwrap();
    put("ours.pem", ours.pem.as_bytes());
    put("12ab34cd.0", ours.pem.as_bytes());
    put("12ab34cd.r0", b"a revocation list");
    put("12ab34cd.signing_policy", b"access_id_CA X509");
    put("12ab34cd.namespaces", b"TO Issuer SELF PERMIT Subject");
    put("ours.info", b"alias = ours");

    let store = directory(folder.path()).unwrap();
    assert_eq!(store.len(), 1, "each certificate counts once");

    // Another CA of the same hash, in binary form; and the first one in binary form too.
    let binary = |authority: &Authority| CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap();
    put("12ab34cd.1", &binary(&authority("other")));
    put("5-binary.pem", &binary(&ours));
    assert_eq!(directory(folder.path()).unwrap().len(), 2);
    let endpoint = serve(&ours).await;
    let client = builder(&endpoint).token(TOKEN.into()).ca_dir(folder.path()).build().unwrap();
    assert_eq!(offsets(&client).await.unwrap().max, 3);
}

#[test]
fn a_directory_or_file_without_any_certificate_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    fs::write(path.join("broken.pem"), "no certificate").unwrap();
    let with_token = || builder("https://127.0.0.1:1").token(TOKEN.into());
    let error = with_token().ca_dir(path).build().unwrap_err();
    assert_eq!(error.path(), Some(path));
    assert!(error.to_string().ends_with("it holds no usable certificate (*.pem, *.0)"), "{error}");
    assert!(with_token().ca_dir(path.join("nosuch")).build().is_err());
    assert!(with_token().ca_file(path.join("nosuch")).build().is_err());
    let error = with_token().ca_file(path.join("broken.pem")).build().unwrap_err();
    assert!(error.to_string().ends_with("no certificate in it"), "{error}");
}

#[test]
fn there_are_roots_even_without_a_system_store() {
    assert!(!system().is_empty());
    assert!(!webpki_roots::TLS_SERVER_ROOTS.is_empty());
}
