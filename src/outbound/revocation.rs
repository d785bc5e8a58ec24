//! Asking whether a certificate was revoked: a revocation list, or an OCSP responder.
//!
//! By plain http, as certificates name these addresses: the answers are signed, and https would ask for
//! revocation in turn (RFC 5280 §8). All other limits are those of every fetch.

use hyper::body::Bytes;
use hyper::header::{ACCEPT, CONTENT_TYPE};
use hyper::{Method, Request};

use super::address::{self, AddressRefused};
use super::{FetchError, Fetcher};

impl Fetcher {
    /// Fetches the revocation list at `url`, or posts an OCSP request to it (RFC 6960 Appendix A.1).
    ///
    /// # Errors
    /// As [`Fetcher::get`].
    pub async fn ask(&self, url: &str, post: Option<Vec<u8>>) -> Result<Vec<u8>, FetchError> {
        address::plain_url(url, &self.limits.allowed)?;
        let request = match &post {
            Some(_) => Request::builder()
                .method(Method::POST)
                .header(CONTENT_TYPE, "application/ocsp-request")
                .header(ACCEPT, "application/ocsp-response"),
            None => Request::builder(),
        };
        let request = request.uri(url).body(Bytes::from(post.unwrap_or_default()).into());
        let answer = self.within_time(request.map_err(|_| AddressRefused::NotAUrl)?).await?;
        Ok(answer.ok_or(FetchError::Status(304))?.1)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::super::{Allowed, Limits};
    use super::*;

    fn fetcher(allowed: Allowed) -> Fetcher {
        Fetcher::new(Limits { time: Duration::from_secs(5), size: 10, allowed, ca_file: None })
    }

    #[tokio::test]
    async fn a_responder_is_posted_to_and_a_list_is_fetched() {
        for (post, expected) in [(Some(b"question".to_vec()), "POST /x HTTP"), (None, "GET /x HTTP")] {
            let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
            let url = format!("http://127.0.0.1:{}/x", listener.local_addr().unwrap().port());
            let served = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = vec![0; 4096];
                let size = stream.read(&mut request).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await.unwrap();
                String::from_utf8_lossy(&request[..size]).into_owned()
            });
            let here = Allowed { networks: Vec::new(), loopback: true };
            assert_eq!(fetcher(here).ask(&url, post.clone()).await, Ok(b"ok".to_vec()));
            let request = served.await.unwrap();
            assert!(request.starts_with(expected), "{request}");
            assert_eq!(request.contains("application/ocsp-request"), post.is_some());
        }
    }

    #[tokio::test]
    async fn no_private_address_is_asked() {
        for url in ["http://169.254.169.254/crl", "http://[::1]/crl"] {
            let refused = fetcher(Allowed::default()).ask(url, None).await.unwrap_err();
            assert_eq!(refused.code(), "private_address", "{url}");
        }
        let refused = fetcher(Allowed::default()).ask("ldap://crl.example/", None).await.unwrap_err();
        assert_eq!(refused.code(), "bad_url");
    }
}
