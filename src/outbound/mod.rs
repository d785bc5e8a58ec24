//! Whatever goes out by itself. The only HTTP client fetches small public documents, with limits on time and
//! size, follows no redirects, and calls no private address unless told that it may ([`address`] decides). The
//! only mail client ([`Mailer`]) hands letters to the one server that the operator has named.
//!
//! By HTTP nothing is ever sent but a GET, and the question to an OCSP responder whether a certificate was
//! revoked; no secret, and nothing to brokers or browsers.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::header::{
    CONTENT_ENCODING, DATE, HeaderName, HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LOCATION, USER_AGENT,
};
use hyper::{HeaderMap, Request, StatusCode};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::io::AsyncReadExt as _;

use crate::clock::Timestamp;

mod address;
mod conditional;
mod document;
mod mail;
mod resolver;
mod revocation;
mod tls;

pub use address::{AddressRefused, Allowed, Network, UrlParts, is_local_host, url_parts};
pub use conditional::{Fetched, Validators};
pub use document::Kept;
pub use mail::{Letter, MailError, MailSecurity, MailServer, Mailer, is_sender};
pub use tls::{TlsFault, provider};

use resolver::Resolver;

/// How far a fetch may go.
#[derive(Clone, Debug)]
pub struct Limits {
    /// From the first octet sent to the last received.
    pub time: Duration,
    /// Most octets of a body.
    pub size: usize,
    /// What may be called beyond public https addresses.
    pub allowed: Allowed,
    /// PEM file with the certification authorities that are trusted; the system's when `None`.
    pub ca_file: Option<PathBuf>,
}

/// Fetches documents within its limits.
#[derive(Debug)]
pub struct Fetcher {
    limits: Limits,
    // Made at the first fetch: reading the system's certification authorities would delay the start.
    client: OnceLock<Result<HttpClient, TlsFault>>,
}

type HttpClient = Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>;

/// Where a document is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// In a file, which is read again each time.
    File(PathBuf),
    /// At an https address.
    Url(String),
    /// Where the MetadataServiceList of this name says, which has to be read first.
    Listed(String),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Url(url) => f.write_str(url),
            Self::Listed(name) => write!(f, "the list {name}"),
        }
    }
}

/// Why a document could not be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The address may not be called.
    #[error(transparent)]
    Address(#[from] AddressRefused),
    /// The host could not be reached, or TLS with it failed.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The body comes compressed although that was not asked for.
    #[error("the answer is compressed, which was not asked for")]
    Encoded,
    /// The body is no XML document, by its own words.
    #[error("the answer is of the type {0:?}, not XML")]
    ContentType(String),
    /// The file cannot be read.
    #[error("cannot read the file: {0}")]
    File(String),
    /// The address is not known before its list was read.
    #[error("the list {0} was not read")]
    Listed(String),
    /// The answer points elsewhere.
    #[error("the answer is a redirect to {0}, which is not followed")]
    Redirect(String),
    /// The answer is not 200.
    #[error("the answer has status {0}")]
    Status(u16),
    /// Our own certification authorities cannot be read.
    #[error(transparent)]
    Tls(#[from] TlsFault),
    /// The answer took too long.
    #[error("no complete answer within {0} seconds")]
    TooLate(u64),
    /// The answer is too large.
    #[error("the answer is larger than {0} octets")]
    TooLarge(usize),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Transport(String),
}

impl FetchError {
    /// A stable word for scripts and logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Address(AddressRefused::NotAUrl) => "bad_url",
            Self::Address(AddressRefused::PlainHttp) => "https_required",
            Self::Address(AddressRefused::Private(_)) => "private_address",
            Self::Connect(_) => "connect_failed",
            Self::ContentType(_) => "content_type",
            Self::Encoded => "compressed",
            Self::File(_) => "file_unreadable",
            Self::Listed(_) => "list_not_read",
            Self::Redirect(_) => "redirect",
            Self::Status(_) => "http_status",
            Self::Tls(_) => "ca_file",
            Self::TooLate(_) => "timeout",
            Self::TooLarge(_) => "too_large",
            Self::Transport(_) => "transport",
        }
    }
}

impl Fetcher {
    /// A client within `limits`. Nothing is read or connected yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, client: OnceLock::new() }
    }

    /// Reads the document at `source`, from the disk or from the net, within the same limit on its size.
    ///
    /// # Errors
    /// As [`Self::get`]; [`FetchError::File`].
    pub async fn load(&self, source: &Source) -> Result<Vec<u8>, FetchError> {
        match source {
            Source::Url(url) => self.get(url).await,
            Source::Listed(name) => Err(FetchError::Listed(name.clone())),
            Source::File(path) => {
                let unreadable = |error: std::io::Error| FetchError::File(error.to_string());
                let file = tokio::fs::File::open(path).await.map_err(unreadable)?;
                let mut octets = Vec::new();
                let most = u64::try_from(self.limits.size).unwrap_or(u64::MAX);
                file.take(most.saturating_add(1)).read_to_end(&mut octets).await.map_err(unreadable)?;
                if octets.len() > self.limits.size {
                    return Err(FetchError::TooLarge(self.limits.size));
                }
                Ok(octets)
            }
        }
    }

    /// Fetches the document at `url`.
    ///
    /// # Errors
    /// What was wrong with the address, the connection or the answer.
    pub async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError> {
        let (_, octets) = self.answer(url, &[]).await?.ok_or(FetchError::Status(304))?;
        Ok(octets)
    }

    /// The same, with the time that it was for whoever answered (`Date`, RFC 9110 §6.6.1), if that was said.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn get_dated(&self, url: &str) -> Result<(Vec<u8>, Option<Timestamp>), FetchError> {
        let (headers, octets) = self.answer(url, &[]).await?.ok_or(FetchError::Status(304))?;
        let date = headers.get(DATE).and_then(|date| Timestamp::parse_http(date.to_str().ok()?));
        Ok((octets, date))
    }

    /// The headers and the body of an answer to a GET under `conditions`; nothing if what they ask for has
    /// not changed.
    async fn answer(
        &self,
        url: &str,
        conditions: &[(HeaderName, HeaderValue)],
    ) -> Result<Option<(HeaderMap, Vec<u8>)>, FetchError> {
        address::url(url, &self.limits.allowed)?;
        let mut request = Request::get(url);
        for (name, value) in conditions {
            request = request.header(name, value);
        }
        self.within_time(request.body(Full::default()).map_err(|_| AddressRefused::NotAUrl)?).await
    }

    async fn within_time(
        &self,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Option<(HeaderMap, Vec<u8>)>, FetchError> {
        request.headers_mut().insert(USER_AGENT, HeaderValue::from_static(AGENT));
        let client = self.client.get_or_init(|| self.connect()).as_ref().map_err(Clone::clone)?;
        let late = FetchError::TooLate(self.limits.time.as_secs());
        tokio::time::timeout(self.limits.time, self.exchange(client, request)).await.unwrap_or(Err(late))
    }

    async fn exchange(
        &self,
        client: &HttpClient,
        request: Request<Full<Bytes>>,
    ) -> Result<Option<(HeaderMap, Vec<u8>)>, FetchError> {
        let conditional =
            [IF_NONE_MATCH, IF_MODIFIED_SINCE].iter().any(|h| request.headers().contains_key(h));
        let answer = client.request(request).await.map_err(|error| refusal(&error))?;
        if answer.status() == StatusCode::NOT_MODIFIED && conditional {
            return Ok(None);
        }
        if answer.status().is_redirection() {
            let to = answer.headers().get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("nowhere");
            return Err(FetchError::Redirect(to.chars().filter(|c| !c.is_control()).take(200).collect()));
        }
        if answer.status() != StatusCode::OK {
            return Err(FetchError::Status(answer.status().as_u16()));
        }
        if answer.headers().get(CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity") {
            return Err(FetchError::Encoded);
        }
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, self.limits.size).collect().await;
        let body = body.map_err(|error| match error.downcast_ref::<LengthLimitError>() {
            Some(_) => FetchError::TooLarge(self.limits.size),
            None => FetchError::Transport(innermost(error.as_ref())),
        })?;
        Ok(Some((head.headers, body.to_bytes().to_vec())))
    }

    fn connect(&self) -> Result<HttpClient, TlsFault> {
        let ca_file = self.limits.ca_file.as_deref();
        let tls = tls::client(ca_file.unwrap_or_else(|| Path::new(SYSTEM_CA_FILE)))?;
        let mut http = HttpConnector::new_with_resolver(Resolver::new(self.limits.allowed.clone()));
        http.enforce_http(false);
        let https = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls);
        // Plain http gets this far only where [`address::url`] allows it.
        let https = https.https_or_http().enable_http1().wrap_connector(http);
        Ok(Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(https))
    }
}

/// The refusal of an address may lie deep inside what the client reports.
fn refusal(error: &(dyn std::error::Error + 'static)) -> FetchError {
    let mut inner = Some(error);
    while let Some(error) = inner {
        if let Some(refused) = error.downcast_ref::<AddressRefused>() {
            return refused.clone().into();
        }
        inner = error.source();
    }
    FetchError::Connect(innermost(error))
}

/// The cause at the bottom, which is the one that says something.
fn innermost(mut error: &(dyn std::error::Error + 'static)) -> String {
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

const AGENT: &str = concat!("eidas-gateway/", env!("CARGO_PKG_VERSION"));

/// Where Debian, Ubuntu, Alpine and Arch keep the certification authorities of the web.
const SYSTEM_CA_FILE: &str = "/etc/ssl/certs/ca-certificates.crt";

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;

    /// Fetches from a server on this machine that answers with `answer`, then stays silent.
    async fn get(answer: &'static [u8], allowed: Allowed, host: &str) -> Result<Vec<u8>, FetchError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await;
            stream.write_all(answer).await.unwrap();
            let _ = stream.read(&mut [0; 1]).await;
        });
        let limits = Limits { time: Duration::from_millis(300), size: 10, allowed, ca_file: None };
        Fetcher::new(limits).get(&format!("http://{host}:{port}/metadata")).await
    }

    fn here() -> Allowed {
        Allowed { networks: Vec::new(), loopback: true }
    }

    #[tokio::test]
    async fn a_document_is_fetched_from_a_name_under_localhost() {
        let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789";
        assert_eq!(get(answer, here(), "xa.node.localhost").await, Ok(b"0123456789".to_vec()));
    }

    #[tokio::test]
    async fn what_is_not_a_plain_answer_of_moderate_size_is_refused() {
        let rows: &[(&'static [u8], FetchError)] = &[
            (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", FetchError::Status(404)),
            (
                b"HTTP/1.1 302 Found\r\nLocation: https://10.0.0.1/\r\nContent-Length: 0\r\n\r\n",
                FetchError::Redirect("https://10.0.0.1/".to_owned()),
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
                FetchError::Encoded,
            ),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890", FetchError::TooLarge(10)),
            (
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n",
                FetchError::TooLarge(10),
            ),
            // Drips, and never ends.
            (b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123", FetchError::TooLate(0)),
        ];
        for (answer, expected) in rows {
            assert_eq!(get(answer, here(), "127.0.0.1").await.as_ref(), Err(expected));
        }
    }

    #[tokio::test]
    async fn a_name_that_leads_to_a_private_address_is_refused_when_it_is_resolved() {
        let limits =
            Limits { time: Duration::from_secs(5), size: 10, allowed: Allowed::default(), ca_file: None };
        let refused = Fetcher::new(limits).get("https://node.localhost/metadata").await.unwrap_err();
        assert_eq!(refused, AddressRefused::Private(std::net::Ipv4Addr::LOCALHOST.into()).into());
        assert_eq!(refused.code(), "private_address");
    }

    #[tokio::test]
    async fn certification_authorities_that_cannot_be_read_are_named() {
        let file = PathBuf::from("no/such/file.pem");
        let limits =
            Limits { time: Duration::from_secs(5), size: 10, allowed: here(), ca_file: Some(file.clone()) };
        let refused = Fetcher::new(limits).get("https://localhost:1/").await.unwrap_err();
        assert!(matches!(refused, FetchError::Tls(TlsFault::CaFile(named, _)) if named == file));
    }
}
