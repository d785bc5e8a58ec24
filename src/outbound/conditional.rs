//! Fetching a document again: only if it is another one than we have (RFC 9110 §13), and only if it is XML.

use hyper::HeaderMap;
use hyper::header::{
    CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED,
};

use super::{FetchError, Fetcher, Source};

/// By what the publisher recognises the copy that we have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    /// Its `ETag`.
    pub etag: Option<String>,
    /// Its `Last-Modified`.
    pub last_modified: Option<String>,
}

/// What a fetch brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// A document.
    New {
        /// The document.
        octets: Vec<u8>,
        /// By what to ask for it the next time.
        validators: Validators,
    },
    /// The publisher has the same as we (304).
    NotModified,
}

impl Fetcher {
    /// Fetches the XML document at `source`, unless it is the one that `known` stands for.
    ///
    /// # Errors
    /// As [`Fetcher::load`]; [`FetchError::ContentType`].
    pub async fn fetch(&self, source: &Source, known: &Validators) -> Result<Fetched, FetchError> {
        let Source::Url(url) = source else {
            let octets = self.load(source).await?;
            return Ok(Fetched::New { octets, validators: Validators::default() });
        };
        let Some((headers, octets)) = self.answer(url, &known.conditions()).await? else {
            return Ok(Fetched::NotModified);
        };
        is_xml(&headers)?;
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let validators = Validators { etag: text(ETAG), last_modified: text(LAST_MODIFIED) };
        Ok(Fetched::New { octets, validators })
    }
}

impl Validators {
    fn conditions(&self) -> Vec<(HeaderName, HeaderValue)> {
        let conditions = [(IF_NONE_MATCH, &self.etag), (IF_MODIFIED_SINCE, &self.last_modified)];
        let header =
            |(name, value): (HeaderName, &Option<String>)| Some((name, value.as_ref()?.parse().ok()?));
        conditions.into_iter().filter_map(header).collect()
    }
}

/// An answer of another type is an error page, or somebody else's document. Without a type the document has
/// to speak for itself.
fn is_xml(headers: &HeaderMap) -> Result<(), FetchError> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let text = String::from_utf8_lossy(value.as_bytes());
    let kind = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match kind.as_str() {
        "application/samlmetadata+xml" | "application/xml" | "text/xml" => Ok(()),
        _ => Err(FetchError::ContentType(kind.chars().filter(|c| !c.is_control()).take(100).collect())),
    }
}
