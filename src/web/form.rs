//! Reading forms, with a limit that holds before anything is parsed.

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};

use crate::login::Failure;
use crate::oidc::form;

/// The fields of a form, in order.
pub(crate) struct Form(pub(crate) Vec<(String, String)>);

impl Form {
    /// Reads the body of a POST of at most `limit` octets.
    ///
    /// # Errors
    /// [`Failure::TooLarge`] or [`Failure::BadForm`].
    pub(crate) async fn read(request: Request<Body>, limit: usize) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let media_type = header(CONTENT_TYPE).and_then(|value| value.split(';').next()).unwrap_or_default();
        if !media_type.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Failure::BadForm);
        }
        if header(CONTENT_LENGTH).and_then(|value| value.parse().ok()).is_some_and(|size: usize| size > limit)
        {
            return Err(Failure::TooLarge);
        }
        let octets = to_bytes(body, limit).await.map_err(|_| Failure::TooLarge)?;
        let text = std::str::from_utf8(&octets).map_err(|_| Failure::BadForm)?;
        form::parse(text).map(Self).ok_or(Failure::BadForm)
    }

    /// Reads a query.
    ///
    /// # Errors
    /// [`Failure::BadForm`].
    pub(crate) fn of_query(request: &Request<Body>) -> Result<Self, Failure> {
        form::parse(request.uri().query().unwrap_or_default()).map(Self).ok_or(Failure::BadForm)
    }

    /// The value of a field that is there exactly once.
    pub(crate) fn only(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str());
        values.next().filter(|_| values.next().is_none())
    }

    /// How often a field is there.
    pub(crate) fn count(&self, name: &str) -> usize {
        self.0.iter().filter(|(n, _)| n == name).count()
    }
}
