//! A template that makes requests of messages, in the language of Jinja. It is compiled when the configuration is read.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use minijinja::{AutoEscape, Environment, Error, UndefinedBehavior, Value};

use crate::config::InvalidValue;

const NAME: &str = "template";
/// What a template knows of a message.
const FIELDS: [&str; 6] = ["messageId", "publishTime", "attributes", "data", "data_base64", "json"];

/// A compiled template.
#[derive(Clone)]
pub struct Template {
    environment: Arc<Environment<'static>>,
    source: String,
}

impl Template {
    /// With `json`, what it puts in is written as JSON. With `batched` there are several messages, and so no `message`.
    pub(super) fn compile(source: &str, json: bool, batched: bool) -> Result<Self, InvalidValue> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let escape = if json { AutoEscape::Json } else { AutoEscape::None };
        environment.set_auto_escape_callback(move |_| escape.clone());
        environment.add_template_owned(NAME, source.to_owned()).map_err(|error| {
            let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
            let what = format!("is no template: {}{}{detail}", in_line(&error), error.kind());
            InvalidValue::new(what, "a template as of Jinja")
        })?;
        let template = Self { environment: Arc::new(environment), source: source.to_owned() };
        template.check_names(batched)?;
        Ok(template)
    }

    /// What a template asks for and never gets would make every message one that is rejected.
    fn check_names(&self, batched: bool) -> Result<(), InvalidValue> {
        let globals: BTreeSet<_> = self.environment.globals().map(|(name, _)| name.to_owned()).collect();
        let is_known = |name: &str| {
            let mut parts = name.split('.');
            match (parts.next(), parts.next()) {
                (Some("message"), field) => !batched && field.is_none_or(|field| FIELDS.contains(&field)),
                (Some("messages" | "subscription" | "project"), _) => true,
                (root, _) => root.is_some_and(|root| globals.contains(root)),
            }
        };
        let used = self.environment.get_template(NAME).map(|template| template.undeclared_variables(true));
        let mut unknown: Vec<_> =
            used.unwrap_or_default().into_iter().filter(|name| !is_known(name)).collect();
        unknown.sort();
        let Some(name) = unknown.first() else { return Ok(()) };
        let message = if batched {
            "messages (a list, for batch is more than 1)".to_owned()
        } else {
            format!("message ({})", FIELDS.join(", "))
        };
        let hint = format!("it knows project, subscription and {message}");
        Err(InvalidValue::new(format!("uses {name}, which there is not"), hint))
    }

    /// What it makes of that. The error says in which line what went wrong, and nothing of what was put in.
    pub(crate) fn render(&self, context: Value) -> Result<String, String> {
        let rendered = self.environment.get_template(NAME).and_then(|template| template.render(context));
        rendered.map_err(|error| format!("the template fails: {}{}", in_line(&error), error.kind()))
    }
}

fn in_line(error: &Error) -> String {
    error.line().map(|line| format!("in line {line}: ")).unwrap_or_default()
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Template").field("bytes", &self.source.len()).finish_non_exhaustive()
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl Eq for Template {}
