//! Registrations: people ask for a user, and a service admin accepts or declines.

use super::{
    AmsClient,
    error::Result,
    http::{Method, Request},
    users::{UserInfo, secret},
    word::words,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

words! {
    /// What has become of a registration.
    RegistrationStatus {
        /// Nobody has decided yet.
        Pending = "pending",
        /// It is a user now.
        Accepted = "accepted",
        /// It will not be one.
        Declined = "declined",
    }
}

const REGISTRATIONS: &str = "/v1/registrations";

/// A registration. Times are RFC 3339, as the service sent them.
///
/// Neither `Debug` nor `Serialize` shows the activation token.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RegistrationInfo {
    /// What it is known by.
    pub uuid: String,
    /// The name the user is to have.
    pub name: String,
    /// The person's first name.
    #[serde(default)]
    pub first_name: String,
    /// The person's last name.
    #[serde(default)]
    pub last_name: String,
    /// The person's organization.
    #[serde(default)]
    pub organization: String,
    /// A text for people.
    #[serde(default)]
    pub description: String,
    /// The e-mail address.
    #[serde(default)]
    pub email: String,
    /// What has become of it.
    pub status: RegistrationStatus,
    /// What the person can be recognized by later, while nobody has decided.
    #[serde(default, deserialize_with = "secret", skip_serializing)]
    pub activation_token: Option<SecretString>,
    /// Why it was declined.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub decline_comment: String,
    /// When it was made.
    #[serde(default)]
    pub registered_at: String,
    /// The user who decided, where the service says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_by: Option<String>,
    /// When it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modified_at: Option<String>,
}

/// Who asks for a user.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NewRegistration {
    /// The name the user is to have.
    pub name: String,
    /// The e-mail address.
    pub email: String,
    /// The person's first name.
    pub first_name: String,
    /// The person's last name.
    pub last_name: String,
    /// The person's organization.
    pub organization: String,
    /// A text for people.
    pub description: String,
}

/// Which registrations to list: those that all of this fits.
#[derive(Clone, Debug, Default)]
pub struct RegistrationFilter {
    /// What has become of them.
    pub status: Option<RegistrationStatus>,
    /// The name the user is to have.
    pub name: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The organization.
    pub organization: Option<String>,
    /// The activation token. The service wants it in the query, where logs of servers and proxies show it.
    pub activation_token: Option<SecretString>,
}

/// Registrations.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/example.rs"));
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let client = example_client().await?;
/// use ams_forwarder::client::{NewRegistration, RegistrationFilter, RegistrationStatus};
///
/// let wanted = NewRegistration {
///     name: "ann".to_owned(),
///     email: "ann@example.org".to_owned(),
///     ..NewRegistration::default()
/// };
/// client.register(&wanted).await?;
/// let pending =
///     RegistrationFilter { status: Some(RegistrationStatus::Pending), ..RegistrationFilter::default() };
/// for registration in client.registrations(&pending).await? {
///     let user = client.accept_registration(&registration.uuid).await?;
///     assert_eq!(user.name, "ann");
/// }
/// # Ok(())
/// # }
/// ```
impl AmsClient {
    /// Asks for a user. The service takes it from whoever has its admin token.
    ///
    /// [`Conflict`](super::ErrorKind::Conflict) when a user has that name. If the call is dropped or its answer is
    /// lost, it may have been made; asking again makes another one.
    pub async fn register(&self, registration: &NewRegistration) -> Result<RegistrationInfo> {
        let request = Request::new(Method::Post, REGISTRATIONS.to_owned()).json(registration);
        self.0.send(request).await?.json()
    }

    /// Lists registrations. Changes nothing, so dropping it loses nothing.
    pub async fn registrations(&self, filter: &RegistrationFilter) -> Result<Vec<RegistrationInfo>> {
        #[derive(Deserialize)]
        struct WireRegistrations {
            user_registrations: Vec<RegistrationInfo>,
        }
        let token = filter.activation_token.as_ref().map(ExposeSecret::expose_secret);
        let request = Request::new(Method::Get, REGISTRATIONS.to_owned())
            .maybe_query("status", filter.status.as_ref().map(RegistrationStatus::as_str))
            .maybe_query("name", filter.name.as_deref())
            .maybe_query("email", filter.email.as_deref())
            .maybe_query("organization", filter.organization.as_deref())
            .maybe_query("activation_token", token);
        let found: WireRegistrations = self.0.send(request).await?.json()?;
        Ok(found.user_registrations)
    }

    /// Shows a registration. Changes nothing, so dropping it loses nothing.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is none.
    pub async fn registration(&self, uuid: &str) -> Result<RegistrationInfo> {
        self.0.send(registration_request(Method::Get, uuid, "")?).await?.json()
    }

    /// Makes a registration a user, without roles; the user's token is in the answer.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is none, or somebody has decided already. If the call is
    /// dropped or its answer is lost, the user may have been created; [`refresh_user_token`](Self::refresh_user_token) then gives it a token
    /// that is known.
    pub async fn accept_registration(&self, uuid: &str) -> Result<UserInfo> {
        self.0.send(registration_request(Method::Post, uuid, ":accept")?).await?.json()
    }

    /// Declines a registration; the comment says why, and may be empty.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is none, or somebody has decided already. If the call is
    /// dropped or its answer is lost, it may have been declined.
    pub async fn decline_registration(&self, uuid: &str, comment: &str) -> Result<()> {
        let request = registration_request(Method::Post, uuid, ":decline")?;
        self.0.send(request.json(&json!({ "comment": comment }))).await?.nothing()
    }

    /// Deletes a registration. The user, if it became one, stays.
    ///
    /// [`NotFound`](super::ErrorKind::NotFound) when there is none. If the call is dropped or its answer is lost, it
    /// may be gone.
    pub async fn delete_registration(&self, uuid: &str) -> Result<()> {
        self.0.send(registration_request(Method::Delete, uuid, "")?).await?.nothing()
    }
}

fn registration_request(method: Method, uuid: &str, verb: &str) -> Result<Request> {
    Request::of_uuid(method, "/v1/registrations/", uuid, verb)
}
