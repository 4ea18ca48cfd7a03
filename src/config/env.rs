//! Variables in strings: `${NAME}`, `${NAME:-default}`, and `$$` for a dollar sign.
//!
//! What a variable holds is taken as it is, never searched for variables again.

use super::InvalidValue;

/// Where variables come from; the process environment, or a test's own.
pub(super) type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

const HINT: &str = "${NAME} or ${NAME:-default} for a variable of the environment, $$ for a dollar sign";

/// Puts the variables' values in. The error names a missing variable and nothing else of the text, which may be secret.
pub(super) fn expand(text: &str, environment: Environment<'_>) -> Result<String, InvalidValue> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let after = &from[1..];
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = after.strip_prefix('{') {
            let (inside, after) =
                after.split_once('}').ok_or_else(|| InvalidValue::new("has a ${ without its }", HINT))?;
            out.push_str(&variable(inside, environment)?);
            rest = after;
        } else {
            return Err(InvalidValue::new("has a $ that begins no variable", HINT));
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn variable(inside: &str, environment: Environment<'_>) -> Result<String, InvalidValue> {
    let (name, default) = match inside.split_once(":-") {
        Some((name, default)) => (name, Some(default)),
        None => (inside, None),
    };
    let named = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !named {
        return Err(InvalidValue::new("has a ${…} without a variable's name", HINT));
    }
    if default.is_some_and(|default| default.contains('$')) {
        return Err(InvalidValue::new("has a $ in the default of a variable", "a default is plain text"));
    }
    match (environment(name), default) {
        (Some(value), Some(default)) if value.is_empty() => Ok(default.to_owned()),
        (Some(value), _) => Ok(value),
        (None, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(InvalidValue::new(
            format!("needs the environment variable {name}, which is not set"),
            format!("set {name}, or give a default: ${{{name}:-default}}"),
        )),
    }
}

#[cfg(test)]
mod tests;
