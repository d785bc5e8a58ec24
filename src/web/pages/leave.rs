//! The page between a form of ours and the service.

use askama::Template;

/// The way back to the service after a form was posted to us. The browser follows a `Refresh` header by
/// itself; `#continue` is for those that do not. A redirect would not do: `form-action 'self'` holds for
/// all redirects that follow a form (seen in Chromium 156).
#[derive(Clone, Debug, Template)]
#[template(path = "leave.html", config = "src/web/askama.toml")]
pub struct LeavePage {
    /// The name of the service.
    pub service: String,
    /// What was handed over, in one sentence.
    pub explanation: String,
    /// Where the browser goes.
    pub address: String,
}
