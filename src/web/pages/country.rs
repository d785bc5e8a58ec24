//! The country page: who asks, for what, and where the citizen's eID comes from.

use askama::Template;

use super::{Cancel, words};

/// Step 2 of a login: the citizen picks the country that issued their eID.
///
/// One form posts `country` (the eIDAS code) and `token` to `action`; each country is a button
/// `#country-XX`. `#cancel` goes back to the service.
#[derive(Clone, Debug, Template)]
#[template(path = "country.html", config = "src/web/askama.toml")]
pub struct CountryPage {
    /// The name of the service that asks, as the operator registered it.
    pub service: String,
    /// Why it asks, in one sentence, if the operator has said.
    pub purpose: Option<String>,
    /// Whether a company or other legal person is to be identified, not a natural person.
    pub legal_person: bool,
    /// The level of assurance asked for: `low`, `substantial`, `high`, or a URI as it stands.
    pub level: String,
    /// What will be handed to the service, in words (see [`words::attribute`]).
    pub released: Vec<String>,
    /// The countries, in the order in which they are shown.
    pub countries: Vec<Country>,
    /// The path that the choice is posted to.
    pub action: String,
    /// The login's anti-forgery token, sent as the field `token`.
    pub token: String,
    /// The way back to the service.
    pub cancel: Cancel,
    /// Something to say first, such as why the last attempt ended.
    pub notice: Option<String>,
}

/// A country on the country page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Country {
    /// The eIDAS code, `EL` for Greece.
    pub code: String,
    /// The name in English.
    pub name: String,
    /// Why it cannot be chosen, in plain words; `None` if it can.
    pub unavailable: Option<String>,
}

impl CountryPage {
    fn level_name(&self) -> &str {
        words::level_name(&self.level)
    }

    fn level_meaning(&self) -> &'static str {
        words::level_meaning(&self.level)
    }

    fn nothing_available(&self) -> bool {
        self.countries.iter().all(|country| country.unavailable.is_some())
    }
}
