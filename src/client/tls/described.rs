//! What people say of a certificate.

use crate::client::subject;
use std::{
    net::IpAddr,
    time::{Duration, SystemTime},
};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, time::ASN1Time, x509::X509Name};

/// Whose it is, whose signature it bears, and how long it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Described {
    /// As the services of ARGO write it.
    pub(crate) subject: String,
    pub(crate) issuer: String,
    pub(crate) begins: SystemTime,
    pub(crate) ends: SystemTime,
    pub(crate) signed_itself: bool,
}

impl Described {
    pub(crate) fn of(certificate: &X509Certificate<'_>) -> Self {
        let name = |name: &X509Name<'_>| match subject::written(name) {
            written if written.is_empty() => name.to_string(),
            written => written,
        };
        let time = |time: ASN1Time| {
            SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(time.timestamp()).unwrap_or(0))
        };
        Self {
            subject: name(certificate.subject()),
            issuer: name(certificate.issuer()),
            begins: time(certificate.validity().not_before),
            ends: time(certificate.validity().not_after),
            signed_itself: certificate.subject() == certificate.issuer(),
        }
    }
}

/// The DNS names and addresses that a certificate is for, in its order.
pub(crate) fn names_of(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else { return Vec::new() };
    let names = alternatives.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => address(bytes).map(|address| address.to_string()),
        _ => None,
    });
    names.collect()
}

fn address(bytes: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(bytes).map(IpAddr::from)).ok()
}
