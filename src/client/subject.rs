//! A certificate's subject as the service writes it.
//!
//! It is Go's way, with two additions of the service's own: only what Go has a name for, each kind once with all its
//! values, in Go's order whatever the certificate's; then the e-mail addresses in front and the DCs at the end.

use x509_parser::x509::X509Name;

const EMAIL: &str = "1.2.840.113549.1.9.1";
const DOMAIN_COMPONENT: &str = "0.9.2342.19200300.100.1.25";

/// What Go knows, most specific first, and whether there can be several.
const KINDS: [(&str, &str, bool); 9] = [
    ("SERIALNUMBER", "2.5.4.5", false),
    ("CN", "2.5.4.3", false),
    ("OU", "2.5.4.11", true),
    ("O", "2.5.4.10", true),
    ("POSTALCODE", "2.5.4.17", true),
    ("STREET", "2.5.4.9", true),
    ("L", "2.5.4.7", true),
    ("ST", "2.5.4.8", true),
    ("C", "2.5.4.6", true),
];

pub(crate) fn written(subject: &X509Name<'_>) -> String {
    let attributes: Vec<(String, &str)> = subject
        .iter_attributes()
        .filter_map(|attribute| Some((attribute.attr_type().to_id_string(), attribute.as_str().ok()?)))
        .collect();
    written_from(&attributes)
}

/// From pairs of an object identifier and a value, in the certificate's order.
fn written_from(attributes: &[(String, &str)]) -> String {
    let of = |wanted: &str| -> Vec<&str> {
        attributes.iter().filter(|(kind, _)| kind == wanted).map(|(_, value)| *value).collect()
    };
    let mut named = Vec::new();
    for (name, kind, several) in KINDS {
        let mut values = of(kind);
        values.retain(|value| several || !value.is_empty());
        // Of what there can be only one of, the last counts.
        let values = if several { &values[..] } else { &values[values.len().saturating_sub(1)..] };
        if !values.is_empty() {
            named.push(joined(name, values.iter().map(|value| escaped(value))));
        }
    }
    let plain = |name, kind| joined(name, of(kind).into_iter().map(ToOwned::to_owned));
    let (emails, domains) = (plain("E", EMAIL), plain("DC", DOMAIN_COMPONENT));
    // The commas are there even if nothing is between them, as in the service.
    let before = if emails.is_empty() { "" } else { "," };
    let behind = if domains.is_empty() { "" } else { "," };
    format!("{emails}{before}{}{behind}{domains}", named.join(","))
}

fn joined(name: &str, values: impl Iterator<Item = String>) -> String {
    values.map(|value| format!("{name}={value}")).collect::<Vec<_>>().join("+")
}

/// With a backslash before what would mean something (RFC 2253).
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for (at, c) in value.char_indices() {
        let means_something = match c {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' => true,
            ' ' => at == 0 || at + 1 == value.len(),
            '#' => at == 0,
            _ => false,
        };
        if means_something {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> String {
        let kind = |name: &str| match name {
            "E" => EMAIL.to_owned(),
            "DC" => DOMAIN_COMPONENT.to_owned(),
            "UID" => "0.9.2342.19200300.100.1.1".to_owned(),
            _ => KINDS.iter().find(|(known, ..)| *known == name).unwrap().1.to_owned(),
        };
        written_from(&pairs.iter().map(|(name, value)| (kind(name), *value)).collect::<Vec<_>>())
    }

    #[test]
    fn a_subject_of_a_grid_host_ends_with_its_domain_components_in_the_certificates_order() {
        let host = [("DC", "org"), ("DC", "example"), ("OU", "hosts"), ("CN", "client.example.org")];
        assert_eq!(of(&host), "CN=client.example.org,OU=hosts,DC=org+DC=example");
        assert_eq!(of(&[("DC", "org")]), ",DC=org");
        assert_eq!(of(&[]), "");
    }

    #[test]
    fn the_order_is_the_services_and_not_the_certificates() {
        let all = [
            ("E", "email@example.com"),
            ("C", "TC"),
            ("ST", "TN"),
            ("L", "CITY"),
            ("CN", "service/example.com"),
            ("STREET", "7 Street Ave"),
            ("POSTALCODE", "17121"),
            ("O", "COMPANY"),
            ("OU", "unit 2"),
            ("DC", "v1"),
            ("DC", "v2"),
            ("UID", "left out"),
        ];
        let want = "E=email@example.com,CN=service/example.com,OU=unit 2,O=COMPANY,POSTALCODE=17121,\
                    STREET=7 Street Ave,L=CITY,ST=TN,C=TC,DC=v1+DC=v2";
        assert_eq!(of(&all), want);
    }

    #[test]
    fn of_several_names_the_last_counts_and_several_units_are_joined() {
        assert_eq!(of(&[("CN", "a"), ("CN", "b"), ("OU", "x"), ("OU", "y")]), "CN=b,OU=x+OU=y");
    }

    #[test]
    fn what_would_mean_something_is_escaped() {
        assert_eq!(
            of(&[("CN", " #a,b+c\"d\\e<f>g;h "), ("OU", "#x # y")]),
            "CN=\\ #a\\,b\\+c\\\"d\\\\e\\<f\\>g\\;h\\ ,OU=\\#x # y"
        );
    }
}
