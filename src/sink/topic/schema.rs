//! Which message of a publish does not fit the schema of its topic.
//!
//! The service holds all messages against the schema before it publishes any. Of those that do not fit it names the first,
//! by its place in the publish, and says what is wrong: `Message 1 data is not valid,(root): name is required`.

use crate::sink::Slice;

/// A message that the service has named; those of the same publish that stand before it fit.
#[derive(Debug)]
pub(super) struct Misfit {
    epoch: u64,
    pub(super) message: u64,
    pub(super) reason: String,
}

impl Misfit {
    /// The one that `said` names of the first `count` messages of `slice`, if it does.
    pub(super) fn named(said: &str, slice: &Slice, count: usize) -> Option<Self> {
        let (place, what) = said.strip_prefix("Message ")?.split_once(' ')?;
        if !what.starts_with("data is not ") && !what.starts_with("is not valid") {
            return None;
        }
        let message = slice.messages().take(count).nth(place.parse().ok()?)?.id();
        Some(Self { epoch: slice.epoch, message, reason: without_foreign_names(what) })
    }

    /// Whether it is in `slice`.
    pub(super) fn is_in(&self, slice: &Slice) -> bool {
        self.epoch == slice.epoch && slice.message(self.message).is_some()
    }

    /// Whether it is the first message of `slice`.
    pub(super) fn is_first_of(&self, slice: &Slice) -> bool {
        self.epoch == slice.epoch && slice.first().is_some_and(|first| first.id() == self.message)
    }
}

/// The service repeats no value of a message. The names of properties that the schema does not know are left out here: they
/// may be anything, and a reason gets into logs. The path to the fault is not, which may have names that the message chose.
fn without_foreign_names(what: &str) -> String {
    let mut text = what.to_owned();
    for (before, after) in [
        ("Additional property ", " is not allowed"),
        ("Property \"", "\" does not match"),
        ("Property name of \"", "\" does not match"),
    ] {
        let Some(start) = text.find(before).map(|at| at + before.len()) else { continue };
        // Up to the last one: a name may look like the text around it. What is said may be cut off in a name, too.
        let last_name = text.rfind(before).map_or(start, |at| at + before.len());
        let end = text.rfind(after).filter(|end| *end >= last_name).unwrap_or(text.len());
        text.replace_range(start..end, "…");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sink::tests::slice;

    fn named(said: &str) -> Option<(u64, String)> {
        Misfit::named(said, &slice(5, 9, 0), 3).map(|misfit| (misfit.message, misfit.reason))
    }

    #[test]
    fn the_message_is_named_by_its_place_in_the_publish() {
        for (said, message, reason) in [
            (
                "Message 1 data is not valid,(root): name is required",
                6,
                "data is not valid,(root): name is required",
            ),
            (
                "Message 0 data is not valid.1)(root): name is required.2)n: Invalid type. Expected: integer, given: string.",
                5,
                "data is not valid.1)(root): name is required.2)n: Invalid type. Expected: integer, given: string.",
            ),
            (
                "Message 2 data is not valid JSON format,unexpected EOF",
                7,
                "data is not valid JSON format,unexpected EOF",
            ),
            (
                "Message 0 is not valid.cannot decode binary record \"R\" field \"name\": short buffer",
                5,
                "is not valid.cannot decode binary record \"R\" field \"name\": short buffer",
            ),
        ] {
            assert_eq!(named(said), Some((message, reason.to_owned())));
        }
    }

    #[test]
    fn nobody_is_named_by_anything_else() {
        for said in [
            "Invalid Message Arguments",
            "Message 3 data is not valid,(root): name is required",
            "Message -1 data is not valid,x",
            "Message one is not valid.x",
            "Message 0 was fine",
            "Message 0",
            "",
        ] {
            assert_eq!(named(said), None, "{said}");
        }
    }

    #[test]
    fn names_that_the_schema_does_not_know_are_not_repeated() {
        for (said, reason) in [
            (
                "(root): Additional property s3cret is not allowed",
                "(root): Additional property … is not allowed",
            ),
            (
                "1)a: Additional property s3cret is not allowed.2)n: Additional property s3cret is not allowed.",
                "1)a: Additional property … is not allowed.",
            ),
            (
                "(root): Additional property x is not allowed s3cret is not allowed",
                "(root): Additional property … is not allowed",
            ),
            (
                "(root): Property \"s3cret\" does not match pattern ^a",
                "(root): Property \"…\" does not match pattern ^a",
            ),
            (
                "(root): Property name of \"s3cret\" does not match",
                "(root): Property name of \"…\" does not match",
            ),
            (
                "1)a: Additional property b is not allowed.2)c: Additional property s3cr",
                "1)a: Additional property …",
            ),
        ] {
            let said = format!("Message 0 data is not valid,{said}");
            assert_eq!(named(&said).map(|(_, reason)| reason), Some(format!("data is not valid,{reason}")));
        }
    }
}
