//! The page that asks for an e-mail address, and for the code that proves it.

use askama::Template;

/// Between the answer of a country and the code for the broker: the client needs an e-mail address, and the
/// country has none to give.
///
/// Every form posts `token` and `handle` to `action`. `#email-send` sends `email`, which is `#email`;
/// `#email-confirm` sends `code`, which is `#email-code`; `#email-again` asks for another code to the same
/// address; `#cancel` goes back to the service.
#[derive(Clone, Template)]
#[template(path = "email.html", config = "src/web/askama.toml")]
pub struct EmailPage {
    /// The name of the service.
    pub service: String,
    /// Where a code was sent, if one was.
    pub sent_to: Option<String>,
    /// What was typed and could not be taken, to be mended.
    pub typed: String,
    /// What has to be said first, such as why the last code was not taken.
    pub notice: Option<String>,
    /// The reference number of something that went wrong on our side.
    pub reference: Option<String>,
    /// The path that all forms are posted to.
    pub action: String,
    /// Which paused login it is about, sent as the field `handle`.
    pub handle: String,
    /// The login's anti-forgery token, sent as the field `token`.
    pub token: String,
}

impl std::fmt::Debug for EmailPage {
    /// Without the address: it is somebody's.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("EmailPage")
    }
}
