//! The pages of a simulated member state: its front page, the national login, the error page from which
//! nothing comes back, and the page that posts the Response.

use askama::Template;

use super::citizens::Citizen;
use super::response::Misbehaviour;
use super::{Fault, MemberState, Received};
use crate::web::pages::{POST_SCRIPT, words};

/// `/`: what this is.
#[derive(Template)]
#[template(path = "node_home.html", config = "src/node/askama.toml")]
pub(super) struct HomePage<'a> {
    pub(super) node: &'a MemberState,
}

/// The national login: pick a citizen.
#[derive(Template)]
#[template(path = "node_login.html", config = "src/node/askama.toml")]
pub(super) struct LoginPage<'a> {
    pub(super) node: &'a MemberState,
    pub(super) request: &'a Received,
    pub(super) token: &'a str,
    pub(super) citizens: &'a [Citizen],
}

/// The CEF node's error page: HTTP 200, a code, and the end of the road.
#[derive(Template)]
#[template(path = "node_error.html", config = "src/node/askama.toml")]
pub(super) struct ErrorPage<'a> {
    pub(super) node: &'a MemberState,
    pub(super) fault: &'a Fault,
}

/// The form that takes the Response to the connector.
#[derive(Template)]
#[template(path = "node_post.html", config = "src/node/askama.toml")]
pub(super) struct ReturnPage<'a> {
    pub(super) node: &'a MemberState,
    pub(super) acs: &'a str,
    pub(super) saml_response: &'a str,
    pub(super) relay_state: &'a str,
}

impl LoginPage<'_> {
    fn service(&self) -> &str {
        self.request.provider_name.as_deref().unwrap_or(&self.request.connector)
    }

    fn asked(&self) -> String {
        let names = self.request.attributes.iter().map(|a| words::attribute(a.friendly_name()));
        names.collect::<Vec<_>>().join(", ")
    }

    fn levels(&self) -> String {
        let levels: Vec<_> = self.request.levels.iter().map(|level| short(level)).collect();
        if self.request.comparison == "minimum" {
            return format!("{} or higher", levels.join(", "));
        }
        format!("exactly one of: {}", levels.join(", "))
    }

    fn fits(&self, citizen: &Citizen) -> bool {
        let kind = citizen.kind();
        let asked = self.request.attributes.iter().any(|attribute| attribute.kind() == kind);
        asked && self.request.is_met_by(citizen.level)
    }

    fn misbehaviours(&self) -> [(Misbehaviour, &'static str, &'static str); 6] {
        Misbehaviour::ALL
    }
}

impl Citizen {
    fn level_name(&self) -> String {
        short(self.level)
    }

    fn initials(&self) -> String {
        let words = self.name.split([' ', '-']).filter_map(|word| word.chars().next());
        words.filter(|c| c.is_uppercase()).take(2).collect()
    }
}

impl ReturnPage<'_> {
    fn script(&self) -> &'static str {
        POST_SCRIPT
    }
}

/// The last part of a level's URI, marked if it is not notified.
fn short(level: &str) -> String {
    let last = level.rsplit('/').next().unwrap_or(level);
    if level.contains("/NotNotified/") { format!("{last}, not notified") } else { last.to_owned() }
}
