//! Pages for when something did not work, or has not finished: always what happened, what can be done, and
//! a way on.

use askama::Template;

use super::Cancel;

/// A login that did not succeed, while it can still be tried again.
///
/// `#retry` posts the same country again, `#other-country` leads to the country page, `#cancel` goes back
/// to the service.
#[derive(Clone, Debug, Template)]
#[template(path = "failure.html", config = "src/web/askama.toml")]
pub struct FailurePage {
    /// What happened, as a heading: “You cancelled the login in Spain”.
    pub heading: String,
    /// What it means and what the person can do, in plain words.
    pub explanation: String,
    /// The stable code for support and documentation.
    pub code: String,
    /// The reference number to quote.
    pub reference: String,
    /// The name of the service that asked.
    pub service: String,
    /// Trying the same country again, if that makes sense.
    pub retry: Option<Retry>,
    /// The path of the country page, if another country can be chosen.
    pub other_country: Option<String>,
    /// The way back to the service.
    pub cancel: Option<Cancel>,
}

/// A login that is under way at a node, when its citizen comes back without an answer (the back button, a
/// second tab, a node that ended in an error page of its own).
#[derive(Clone, Debug, Template)]
#[template(path = "waiting.html", config = "src/web/askama.toml")]
pub struct WaitingPage {
    /// The name of the country that was chosen.
    pub country: String,
    /// The name of the service that asked.
    pub service: String,
    /// Going to the same country again.
    pub retry: Retry,
    /// The path of the country page, if another country can be chosen.
    pub other_country: Option<String>,
    /// The way back to the service.
    pub cancel: Cancel,
}

/// The form that goes to a country again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The path that the form is posted to: that of the country page's form.
    pub action: String,
    /// The eIDAS code, sent as the field `country`.
    pub country: String,
    /// The country's name in English.
    pub country_name: String,
    /// The login's anti-forgery token, sent as the field `token`.
    pub token: String,
}

/// `/continue` in a browser that did not start the login (D9): nothing is released.
#[derive(Clone, Debug, Template)]
#[template(path = "wrong_browser.html", config = "src/web/askama.toml")]
pub struct WrongBrowserPage {
    /// The reference number to quote.
    pub reference: String,
}

/// Any other error: a heading, what can be done, the reference number. No internals.
#[derive(Clone, Debug, Template)]
#[template(path = "error.html", config = "src/web/askama.toml")]
pub struct ErrorPage {
    /// What happened, as a heading.
    pub heading: String,
    /// What it means and what the person can do, in plain words.
    pub explanation: String,
    /// The stable code for support and documentation, such as `redirect_uri_unknown`; empty for none.
    pub code: String,
    /// The reference number to quote.
    pub reference: String,
}
