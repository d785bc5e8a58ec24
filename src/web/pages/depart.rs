//! The page that posts a form to another host: a SAML request to a node, or a response to a broker.

use askama::Template;

/// The only script of the gateway: it sends the form `#post`. Without scripts there is `#continue`.
pub const POST_SCRIPT: &str = r#"document.getElementById("post").submit()"#;

/// The base64 SHA-256 of [`POST_SCRIPT`], for `script-src 'sha256-…'` (CSP 3 §2.3.1).
pub const POST_SCRIPT_SHA256: &str = "2Ff8hNqLvij0EuIwwVKsiBeHr3tFqV7C20eubiowIFo=";

/// Step 4 of a login: the browser posts a form by itself, or the citizen presses `#continue`.
#[derive(Clone, Debug, Template)]
#[template(path = "post.html", config = "src/web/askama.toml")]
pub struct PostPage {
    /// The heading, such as “Taking you to Spain”.
    pub heading: String,
    /// One sentence on what happens.
    pub sentence: String,
    /// The badge beside the heading: a country's code, or empty for none.
    pub badge: String,
    /// The address that the form is posted to.
    pub action: String,
    /// The form's fields.
    pub fields: Vec<Field>,
}

/// A hidden field of a form.
#[derive(Clone, PartialEq, Eq)]
pub struct Field {
    /// The field's name.
    pub name: String,
    /// Its value.
    pub value: String,
}

impl std::fmt::Debug for Field {
    /// Without the value: it can be a SAML message.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Field").field("name", &self.name).finish_non_exhaustive()
    }
}

impl PostPage {
    /// The page that carries an AuthnRequest to a node (SAML bindings §3.5): `saml_request` is base64.
    #[must_use]
    pub fn to_node(
        country_code: &str,
        country_name: &str,
        destination: &str,
        saml_request: &str,
        relay_state: Option<&str>,
    ) -> Self {
        let mut fields = vec![Field::new("SAMLRequest", saml_request)];
        fields.extend(relay_state.map(|state| Field::new("RelayState", state)));
        Self {
            heading: format!("Taking you to {country_name}"),
            sentence: format!(
                "You are on your way to the login of {country_name}. Log in there as you usually do; \
                 afterwards you come back here by yourself."
            ),
            badge: country_code.to_owned(),
            action: destination.to_owned(),
            fields,
        }
    }

    /// The page that carries an authorization response to `redirect_uri` (OAuth 2.0 Form Post Response
    /// Mode §2).
    #[must_use]
    pub fn to_broker(redirect_uri: &str, parameters: &[(&str, String)]) -> Self {
        Self {
            heading: "Taking you back to the service".to_owned(),
            sentence: "You are on your way back to the service that you came from.".to_owned(),
            badge: String::new(),
            action: redirect_uri.to_owned(),
            fields: parameters.iter().map(|(name, value)| Field::new(name, value)).collect(),
        }
    }

    fn script(&self) -> &'static str {
        POST_SCRIPT
    }
}

impl Field {
    /// A field `name` with `value`.
    #[must_use]
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: value.to_owned() }
    }
}
