//! The front page: what answers here, and where its documents are.

use askama::Template;

/// `/`: what this is, with links to what machines read.
#[derive(Clone, Debug, Template)]
#[template(path = "index.html", config = "src/web/askama.toml")]
pub struct IndexPage {
    /// The OpenID Provider's issuer.
    pub issuer: String,
    /// The address of the discovery document.
    pub discovery: String,
    /// The address of the eIDAS connector metadata, which is our entityID.
    pub metadata: String,
    /// The address of the signing keys.
    pub jwks: String,
    /// The countries that can be chosen now, by name.
    pub countries: Vec<String>,
}
