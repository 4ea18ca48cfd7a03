use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256};

use super::*;

fn signed(names: &[&str]) -> (String, KeyPair) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
    let params = CertificateParams::new(names).unwrap();
    (params.self_signed(&key).unwrap().pem(), key)
}

#[test]
fn the_names_of_the_certificate_are_known_and_whether_it_signed_itself() {
    let (certificate, key) = signed(&["ams.example.org", "127.0.0.1"]);
    let tls = Tls::from_pem(certificate.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    assert_eq!(tls.names(), ["ams.example.org", "127.0.0.1"]);
    assert!(tls.is_self_signed());
    assert_eq!(format!("{tls:?}"), r#"Tls { names: ["ams.example.org", "127.0.0.1"], .. }"#);

    let mut ca = CertificateParams::new(Vec::new()).unwrap();
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(rcgen::DnType::CommonName, "a CA");
    let issuer = rcgen::Issuer::new(ca, KeyPair::generate().unwrap());
    let leaf = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let leaf = leaf.signed_by(&key, &issuer).unwrap().pem();
    let tls = Tls::from_pem(leaf.as_bytes(), key.serialize_pem().as_bytes()).unwrap();
    assert!(!tls.is_self_signed());
}

#[test]
fn what_is_wrong_with_the_files_is_said() {
    let (certificate, key) = signed(&["localhost"]);
    let key = key.serialize_pem();
    let (_, other) = signed(&["localhost"]);
    let refused = |certificate: &str, key: &str| {
        Tls::from_pem(certificate.as_bytes(), key.as_bytes()).unwrap_err().to_string()
    };
    assert!(refused("", &key).starts_with("there is no certificate in the certificate;"));
    assert!(refused(&key, &key).starts_with("there is no certificate in"));
    assert!(refused(&certificate, &certificate).starts_with("there is no private key in the private key;"));
    assert_eq!(refused(&certificate, &other.serialize_pem()), "certificate and key cannot be used");
    let missing = Tls::from_files(Path::new("/nosuch/cert.pem"), Path::new("/nosuch/key.pem")).unwrap_err();
    assert_eq!(missing.to_string(), "cannot read /nosuch/cert.pem");
}
