//! The answer of `/metrics`, to be asked for values.

/// The samples of one answer.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    pub(crate) text: String,
}

impl Metrics {
    /// The sum of the samples of `ams_forwarder_NAME` that have all of `labels`; fails if there is none.
    pub(crate) fn get(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        self.find(name, labels).unwrap_or_else(|| panic!("no {name}{labels:?} in:\n{}", self.text))
    }

    pub(crate) fn find(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut sum = None;
        for line in self.text.lines().filter(|line| !line.starts_with('#')) {
            let Some((series, value)) = line.rsplit_once(' ') else { continue };
            let (found, of) = series.split_once('{').unwrap_or((series, ""));
            let has = |(key, value): &(&str, &str)| of.contains(&format!("{key}=\"{value}\""));
            if found.strip_prefix("ams_forwarder_") == Some(name) && labels.iter().all(has) {
                *sum.get_or_insert(0.0) += value.parse::<f64>().unwrap();
            }
        }
        sum
    }

    /// A counter of the subscription `key`.
    pub(crate) fn of(&self, key: &str, name: &str) -> u64 {
        let value = self.get(name, &[("subscription", key)]);
        assert!(value >= 0.0 && value.fract() == 0.0, "{name}: {value}");
        format!("{value}").parse().unwrap()
    }
}

#[test]
fn samples_are_found_by_name_and_labels_and_summed() {
    let metrics = Metrics {
        text: "# HELP x y\nams_forwarder_a{k=\"1\",l=\"x\"} 2\nams_forwarder_a{k=\"1\",l=\"y\"} 3\nams_forwarder_b 1\n"
            .to_owned(),
    };
    assert!((metrics.get("a", &[("k", "1")]) - 5.0).abs() < 1e-9);
    assert!((metrics.get("a", &[("k", "1"), ("l", "y")]) - 3.0).abs() < 1e-9);
    assert!((metrics.get("b", &[]) - 1.0).abs() < 1e-9);
    assert_eq!(metrics.find("c", &[]), None);
}
