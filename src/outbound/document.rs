//! Fetching a document together with how long its publisher wants it to be kept (RFC 9111 §5.2.2).

use std::time::Duration;

use hyper::HeaderMap;
use hyper::header::CACHE_CONTROL;

use super::{FetchError, Fetcher};

/// A document, and how long it is fresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The document.
    pub octets: Vec<u8>,
    /// What `Cache-Control` says: zero for `no-store` and `no-cache`, nothing without a word.
    pub fresh_for: Option<Duration>,
}

impl Fetcher {
    /// Fetches the document at `url`, of whatever type.
    ///
    /// # Errors
    /// As [`Fetcher::get`].
    pub async fn get_kept(&self, url: &str) -> Result<Kept, FetchError> {
        let (headers, octets) = self.answer(url, &[]).await?.ok_or(FetchError::Status(304))?;
        Ok(Kept { octets, fresh_for: fresh_for(&headers) })
    }
}

fn fresh_for(headers: &HeaderMap) -> Option<Duration> {
    let values = headers.get_all(CACHE_CONTROL).into_iter().filter_map(|value| value.to_str().ok());
    let directives: Vec<_> = values.flat_map(|value| value.split(',')).map(str::trim).collect();
    let forbids =
        |word: &&str| word.eq_ignore_ascii_case("no-store") || word.eq_ignore_ascii_case("no-cache");
    if directives.iter().any(forbids) {
        return Some(Duration::ZERO);
    }
    directives.iter().find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        let seconds = value.trim_matches('"').parse().ok()?;
        name.eq_ignore_ascii_case("max-age").then_some(Duration::from_secs(seconds))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freshness_is_what_cache_control_says() {
        let rows = [
            (&[][..], None),
            (&["private"], None),
            (&["max-age=60"], Some(60)),
            (&["public, Max-Age=\"3600\""], Some(3600)),
            (&["public", "max-age=5"], Some(5)),
            (&["max-age=60, no-store"], Some(0)),
            (&["no-cache"], Some(0)),
            (&["max-age=soon"], None),
            (&["s-maxage=60"], None),
        ];
        for (values, expected) in rows {
            let headers = values.iter().map(|value| (CACHE_CONTROL, value.parse().unwrap())).collect();
            assert_eq!(fresh_for(&headers), expected.map(Duration::from_secs), "{values:?}");
        }
    }
}
