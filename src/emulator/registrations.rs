//! The routes of registrations: people ask for a user, and somebody accepts or declines.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::answer::{Answer, Outcome, Refusal};
use super::json::{Fields, WrongType};
use super::registry::{self, Registry};
use super::routes::Call;
use super::user::{Token, User};
use super::{Emulator, clock, users};

/// A registration, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Registration {
    pub(crate) uuid: String,
    pub(crate) name: String,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) organization: String,
    pub(crate) description: String,
    pub(crate) email: String,
    pub(crate) state: State,
    pub(crate) registered: Timestamp,
}

/// What has become of a registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// Nobody has looked at it yet.
    Pending {
        activation_token: Token,
    },
    /// It is a user now.
    Accepted(Decision),
    Declined {
        comment: String,
        decision: Decision,
    },
}

/// Who decided, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Decision {
    /// The UUID of a user; `None` for the service token.
    pub(crate) by: Option<String>,
    pub(crate) at: Timestamp,
}

impl Decision {
    fn now(call: &Call) -> Self {
        Self { by: call.identity.uuid().map(ToOwned::to_owned), at: clock::now() }
    }
}

/// All registrations, by UUID.
#[derive(Default)]
pub(crate) struct Registrations(RwLock<Registry<Registration>>);

impl Registrations {
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Registry<Registration>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> RwLockWriteGuard<'_, Registry<Registration>> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A registration as an answer shows one.
#[derive(Serialize)]
struct View<'a> {
    uuid: &'a str,
    name: &'a str,
    first_name: &'a str,
    last_name: &'a str,
    organization: &'a str,
    description: &'a str,
    email: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    decline_comment: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    activation_token: &'a str,
    registered_at: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    modified_by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified_at: Option<String>,
}

impl<'a> View<'a> {
    fn of(emulator: &Emulator, registration: &'a Registration) -> Self {
        let (decline_comment, activation_token, decision) = match &registration.state {
            State::Pending { activation_token } => ("", activation_token.expose(), None),
            State::Accepted(decision) => ("", "", Some(decision)),
            State::Declined { comment, decision } => (comment.as_str(), "", Some(decision)),
        };
        let by = decision.and_then(|decision| decision.by.as_deref());
        let by = by.and_then(|uuid| emulator.users().by_uuid(uuid).map(|user| user.name.clone()));
        Self {
            uuid: &registration.uuid,
            name: &registration.name,
            first_name: &registration.first_name,
            last_name: &registration.last_name,
            organization: &registration.organization,
            description: &registration.description,
            email: &registration.email,
            status: registration.state.name(),
            decline_comment,
            activation_token,
            registered_at: clock::seconds(registration.registered),
            modified_by: by.unwrap_or_default(),
            modified_at: decision.map(|decision| clock::seconds(decision.at)),
        }
    }
}

impl State {
    fn name(&self) -> &'static str {
        match self {
            Self::Pending { .. } => "pending",
            Self::Accepted(_) => "accepted",
            Self::Declined { .. } => "declined",
        }
    }
}

fn missing() -> Refusal {
    Refusal::not_found("User registration")
}

fn pending<'a>(all: &'a Registry<Registration>, uuid: &str) -> Result<&'a Arc<Registration>, Refusal> {
    let found = all.get(uuid).filter(|registration| matches!(registration.state, State::Pending { .. }));
    found.ok_or_else(missing)
}

/// Those that every given parameter fits, oldest first.
pub(crate) fn list(emulator: &Emulator, call: &Call) -> Answer {
    #[derive(Serialize)]
    struct List<'a> {
        user_registrations: Vec<View<'a>>,
    }
    let all: Vec<_> = emulator.registrations().read().iter().map(Arc::clone).collect();
    let views = all.iter().map(|registration| View::of(emulator, registration));
    let fits = |view: &View<'_>| {
        let values = [
            ("name", view.name),
            ("status", view.status),
            ("email", view.email),
            ("organization", view.organization),
            ("activation_token", view.activation_token),
        ];
        values.iter().all(|(key, value)| ["", value].contains(&call.parameter(key)))
    };
    Answer::json(&List { user_registrations: views.filter(fits).collect() })
}

/// The name may not be a user's; another registration may have it.
pub(crate) fn register(emulator: &Emulator, call: &Call) -> Outcome {
    let activation_token = users::new_token()?;
    let read = read(call, State::Pending { activation_token });
    let registration = read.map_err(|_| Refusal::invalid("Invalid User Arguments"))?;
    if users::find(emulator, &registration.name).is_ok() {
        return Err(Refusal::already_exists("User"));
    }
    let uuid = registration.uuid.clone();
    let registration = emulator.registrations().write().insert(&uuid, registration);
    Ok(Answer::json(&View::of(emulator, &registration)))
}

fn read(call: &Call, state: State) -> Result<Registration, WrongType> {
    let fields = Fields::parse(&call.body)?;
    let text = |name| fields.text(name).map(ToOwned::to_owned);
    for read_only in [
        "uuid",
        "status",
        "decline_comment",
        "activation_token",
        "registered_at",
        "modified_by",
        "modified_at",
    ] {
        text(read_only)?;
    }
    Ok(Registration {
        uuid: registry::new_uuid(),
        name: text("name")?,
        first_name: text("first_name")?,
        last_name: text("last_name")?,
        organization: text("organization")?,
        description: text("description")?,
        email: text("email")?,
        state,
        registered: clock::now(),
    })
}

pub(crate) fn show(emulator: &Emulator, uuid: &str) -> Outcome {
    let registration = emulator.registrations().read().get(uuid).cloned().ok_or_else(missing)?;
    Ok(Answer::json(&View::of(emulator, &registration)))
}

/// Makes it a user, without roles, and answers with that.
pub(crate) fn accept(emulator: &Emulator, uuid: &str, call: &Call) -> Outcome {
    let token = users::new_token()?;
    let mut all = emulator.registrations().write();
    let registration = Registration::clone(pending(&all, uuid)?);
    let user = User {
        email: registration.email.clone(),
        first_name: registration.first_name.clone(),
        last_name: registration.last_name.clone(),
        organization: registration.organization.clone(),
        description: registration.description.clone(),
        service_roles: Some(Vec::new()),
        created_by: call.identity.uuid().map(ToOwned::to_owned),
        ..User::new(&registration.name, token)
    };
    let answer = users::insert(emulator, user)?;
    all.put(uuid, Registration { state: State::Accepted(Decision::now(call)), ..registration });
    Ok(answer)
}

/// A comment may say why.
pub(crate) fn decline(emulator: &Emulator, uuid: &str, call: &Call) -> Outcome {
    let mut all = emulator.registrations().write();
    let registration = Registration::clone(pending(&all, uuid)?);
    let fields =
        Fields::parse(&call.body).ok().filter(Fields::only_texts).ok_or_else(Refusal::invalid_body)?;
    let comment = fields.exact_text("comment").unwrap_or_default().to_owned();
    let state = State::Declined { comment, decision: Decision::now(call) };
    all.put(uuid, Registration { state, ..registration });
    Ok(Answer::text(b"{}".to_vec()))
}

/// The user, if it became one, stays.
pub(crate) fn delete(emulator: &Emulator, uuid: &str) -> Outcome {
    emulator.registrations().write().remove(uuid).ok_or_else(missing)?;
    Ok(Answer::empty())
}
