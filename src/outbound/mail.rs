//! Mail goes out here, over SMTP, to one server that the operator has named. One letter to one address at a
//! time; nothing is queued and nothing is tried twice: the person waits for it.
//!
//! What a server answers may quote the address, so none of it is passed on: an error says how far we got and
//! the number of the answer.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, MessageBuilder, SinglePart};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

use super::tls::{self, TlsFault};
use super::{SYSTEM_CA_FILE, is_local_host};
use crate::clock::Timestamp;
use crate::secret::{Personal, Secret};

/// A mail server and how to reach it.
#[derive(Clone, Debug)]
pub struct MailServer {
    /// Its name, which its certificate must bear.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// What protects the connection.
    pub security: MailSecurity,
    /// User and password, if it asks for them.
    pub credentials: Option<(String, Secret<String>)>,
    /// The sender: `login@example.org`, or `Login <login@example.org>`.
    pub from: String,
    /// How long the whole exchange may take.
    pub time: Duration,
    /// PEM file with the certification authorities that are trusted; the system's when `None`.
    pub ca_file: Option<PathBuf>,
}

/// What protects the connection to a mail server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailSecurity {
    /// TLS from the first octet (RFC 8314 §3.3).
    Tls,
    /// TLS after STARTTLS, and nothing without it (RFC 3207).
    StartTls,
    /// Nothing: on this machine only.
    None,
}

/// A letter of plain text to one person.
#[derive(Clone, Debug)]
pub struct Letter {
    /// To whom: an address that was checked.
    pub to: Personal<String>,
    /// Its subject.
    pub subject: String,
    /// Its text.
    pub text: Personal<String>,
    /// Its Message-ID, without the angle brackets.
    pub id: String,
    /// When it is written.
    pub date: Timestamp,
}

/// Why a letter was not sent. Nothing of it names the person.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// The server cannot be reached, or the connection broke.
    #[error("no connection to the mail server")]
    Connect,
    /// TLS could not be had: no STARTTLS, or a certificate that we do not believe.
    #[error("no TLS with the mail server")]
    Tls,
    /// Our own settings for TLS.
    #[error(transparent)]
    Settings(#[from] TlsFault),
    /// The exchange took too long.
    #[error("the mail server took longer than {0} seconds")]
    TooLate(u64),
    /// The server does not take our user and password, the sender, the recipient or the letter.
    #[error("the mail server refused with {0}")]
    Refused(u16),
    /// The server does not speak as it should, or cannot do what is needed.
    #[error("the mail server cannot do what is needed")]
    Unable,
    /// The letter cannot be written: the sender, the recipient or the plain connection is not allowed.
    #[error("this letter cannot be sent")]
    Letter,
}

impl MailError {
    /// A stable word for scripts and logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Connect => "connect_failed",
            Self::Tls => "tls",
            Self::Settings(_) => "ca_file",
            Self::TooLate(_) => "timeout",
            Self::Refused(_) => "refused",
            Self::Unable => "unable",
            Self::Letter => "letter",
        }
    }
}

/// Sends letters.
pub struct Mailer {
    server: MailServer,
    // Made at the first letter: reading the system's certification authorities would delay the start.
    tls: OnceLock<Result<TlsParameters, TlsFault>>,
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mailer").field("server", &self.server).finish_non_exhaustive()
    }
}

type Transport = AsyncSmtpTransport<Tokio1Executor>;

impl Mailer {
    /// A sender of letters through `server`. Nothing is read or connected yet.
    #[must_use]
    pub fn new(server: MailServer) -> Self {
        Self { server, tls: OnceLock::new() }
    }

    /// The server, as `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}:{}", self.server.host, self.server.port)
    }

    /// Hands `letter` to the server, which has taken it when this returns.
    ///
    /// # Errors
    /// How far we got.
    pub async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        let message = self.message(letter).ok_or(MailError::Letter)?;
        let transport = self.transport()?;
        self.in_time(async { transport.send(message).await.map(|_| ()) }).await
    }

    /// Whether the server can be reached and takes our user and password. Sends nothing.
    ///
    /// # Errors
    /// How far we got.
    pub async fn check(&self) -> Result<(), MailError> {
        let transport = self.transport()?;
        let connected = self.in_time(transport.test_connection()).await?;
        if connected { Ok(()) } else { Err(MailError::Unable) }
    }

    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
    ) -> Result<T, MailError> {
        let late = MailError::TooLate(self.server.time.as_secs());
        match tokio::time::timeout(self.server.time, work).await {
            Ok(done) => done.map_err(|error| fact(&error)),
            Err(_) => Err(late),
        }
    }

    fn transport(&self) -> Result<Transport, MailError> {
        let server = &self.server;
        let tls = match server.security {
            MailSecurity::Tls => Tls::Wrapper(self.tls()?),
            MailSecurity::StartTls => Tls::Required(self.tls()?),
            MailSecurity::None if is_local_host(&server.host) => Tls::None,
            MailSecurity::None => return Err(MailError::Letter),
        };
        let (_, domain) = sender(&server.from).ok_or(MailError::Letter)?;
        let mut builder = Transport::builder_dangerous(&server.host)
            .port(server.port)
            .tls(tls)
            .timeout(Some(server.time))
            .hello_name(ClientId::Domain(domain));
        if let Some((user, password)) = &server.credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.expose().clone()));
        }
        Ok(builder.build())
    }

    fn tls(&self) -> Result<TlsParameters, MailError> {
        let made = self.tls.get_or_init(|| {
            let ca_file = self.server.ca_file.as_deref().unwrap_or_else(|| Path::new(SYSTEM_CA_FILE));
            let settings = |error: lettre::transport::smtp::Error| TlsFault::Settings(error.to_string());
            // The library takes its cryptography from the process.
            tls::install_provider();
            let mut builder =
                TlsParameters::builder(self.server.host.clone()).certificate_store(CertificateStore::None);
            for authority in tls::authorities(ca_file)? {
                builder = builder.add_root_certificate(Certificate::from_der(authority).map_err(settings)?);
            }
            builder.build_rustls().map_err(settings)
        });
        Ok(made.clone()?)
    }

    fn message(&self, letter: &Letter) -> Option<Message> {
        let (from, domain) = sender(&self.server.from)?;
        let to: Address = letter.to.expose().parse().ok()?;
        let envelope = Envelope::new(Some(from.email.clone()), vec![to.clone()]).ok()?;
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(letter.date.unix()).ok()?);
        let builder = MessageBuilder::new()
            .envelope(envelope)
            .from(from)
            .to(Mailbox::new(None, to))
            .date(date)
            .subject(&letter.subject)
            .message_id(Some(format!("<{}@{domain}>", letter.id)))
            // Nobody's holiday notice shall come back (RFC 3834 §5).
            .raw_header(HeaderValue::new(
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ));
        let text = SinglePart::builder()
            .header(ContentType::TEXT_PLAIN)
            .header(ContentTransferEncoding::QuotedPrintable)
            .body(letter.text.expose().clone());
        builder.singlepart(text).ok()
    }
}

/// The sender and its domain.
fn sender(from: &str) -> Option<(Mailbox, String)> {
    let mailbox: Mailbox = from.parse().ok()?;
    let domain = mailbox.email.domain().to_owned();
    Some((mailbox, domain))
}

/// Whether `from` can be a sender: an address, with or without a name before it.
#[must_use]
pub fn is_sender(from: &str) -> bool {
    !from.chars().any(char::is_control) && sender(from).is_some()
}

/// What happened, without the server's words.
fn fact(error: &lettre::transport::smtp::Error) -> MailError {
    if let Some(code) = error.status() {
        MailError::Refused(code.into())
    } else if error.is_tls() || is_tls(error) {
        MailError::Tls
    } else if error.is_client() || error.is_response() {
        MailError::Unable
    } else {
        MailError::Connect
    }
}

/// Whether TLS is what failed, somewhere below.
fn is_tls(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut inner = Some(error);
    while let Some(error) = inner {
        if error.is::<rustls::Error>() {
            return true;
        }
        let within = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if within.is_some_and(|within| within.is::<rustls::Error>()) {
            return true;
        }
        inner = error.source();
    }
    false
}
