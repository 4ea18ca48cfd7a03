//! Numbers as the service's language writes them.

use serde_json::{Number, Value};

/// `value` with every number as the service's store brings it back: a whole one without a fraction.
pub(super) fn normal(value: &Value) -> Value {
    match value {
        Value::Number(number) => Value::Number(whole(number).unwrap_or_else(|| number.clone())),
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), normal(value))).collect(),
        other => other.clone(),
    }
}

fn whole(number: &Number) -> Option<Number> {
    // Up to here a float has no gaps, and is written without an exponent.
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    let float = if number.is_f64() { number.as_f64()? } else { return None };
    if float.fract() != 0.0 || float.abs() > LIMIT {
        return None;
    }
    format!("{float:.0}").parse::<i64>().ok().map(Number::from)
}

/// A limit of a schema in complaints: ten digits, with an exponent where it is large or small.
pub(super) fn general(limit: &Value) -> String {
    const DIGITS: i32 = 10;
    let Some(float) = limit.as_f64().filter(|float| *float != 0.0) else { return limit.to_string() };
    let scientific = format!("{float:.9e}");
    let Some((mantissa, exponent)) = scientific.split_once('e') else { return scientific };
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..DIGITS).contains(&exponent) {
        let decimals = usize::try_from(DIGITS - 1 - exponent).unwrap_or_default();
        return trimmed(&format!("{float:.decimals$}")).to_owned();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs())
}

/// Without the zeros behind the last digit of a fraction.
fn trimmed(decimal: &str) -> &str {
    if decimal.contains('.') { decimal.trim_end_matches('0').trim_end_matches('.') } else { decimal }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn limits_are_written_with_ten_digits_and_an_exponent_where_one_is_due() {
        for (limit, written) in [
            (json!(5), "5"),
            (json!(0), "0"),
            (json!(-2.50), "-2.5"),
            (json!(0.3), "0.3"),
            (json!(0.0001), "0.0001"),
            (json!(0.00001), "1e-05"),
            (json!(1_000_000_000), "1000000000"),
            (json!(10_000_000_000_u64), "1e+10"),
            (json!(12_345_678_901_u64), "1.23456789e+10"),
            (json!(1.5e300), "1.5e+300"),
            (json!(9_999_999_999.9), "1e+10"),
        ] {
            assert_eq!(general(&limit), written, "{limit}");
        }
    }

    #[test]
    fn whole_numbers_lose_their_fraction() {
        assert_eq!(normal(&json!({"a": [1.0, 2.5, 1e3, 7]})).to_string(), r#"{"a":[1,2.5,1000,7]}"#);
    }
}
