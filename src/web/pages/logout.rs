//! Pages about the end of a session.

use askama::Template;

use super::Field;

/// Whether the person wants to be logged out. One form posts `decision` (`logout` or `stay`), `token` and `fields`
/// to `action`; its buttons are `#logout` and `#stay`.
#[derive(Clone, Debug, Template)]
#[template(path = "logout.html", config = "src/web/askama.toml")]
pub struct LogoutPage {
    /// The name of the service that asks, if it is known.
    pub service: Option<String>,
    /// The path that the decision is posted to.
    pub action: String,
    /// The anti-forgery token, sent as the field `token`.
    pub token: String,
    /// What the service sent.
    pub fields: Vec<Field>,
}

/// One thing is said, and there is nothing to do.
#[derive(Clone, Debug, Template)]
#[template(path = "said.html", config = "src/web/askama.toml")]
pub struct SaidPage {
    /// What is so now.
    pub heading: &'static str,
    /// What it means.
    pub explanation: &'static str,
}

impl SaidPage {
    /// After a logout.
    #[must_use]
    pub fn logged_out() -> Self {
        Self {
            heading: "You are logged out",
            explanation: "This gateway does not know you any more. The service that you used, and the login of your \
                          country, may have sessions of their own: log out there too, above all on a computer \
                          that others use.",
        }
    }

    /// After somebody did not want to.
    #[must_use]
    pub fn still_logged_in() -> Self {
        Self {
            heading: "Nothing has changed",
            explanation: "You were not logged out. You can close this page and go back to the service.",
        }
    }
}
