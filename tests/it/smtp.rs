//! A mail server that keeps what it is given, and misbehaves when told to; and our mail client against it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use eidas_gateway::clock::Timestamp;
use eidas_gateway::outbound::{Letter, MailError, MailSecurity, MailServer, Mailer, provider};
use eidas_gateway::secret::{Personal, Secret};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// A mail as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    /// Header and body, as they came.
    pub(crate) data: String,
}

impl Mail {
    /// The eight digits in it.
    pub(crate) fn code(&self) -> String {
        let (_, body) = self.data.split_once("\r\n\r\n").unwrap();
        let line = body.lines().find(|line| line.trim().len() == 9 && line.starts_with("    ")).unwrap();
        line.chars().filter(char::is_ascii_digit).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let (head, _) = self.data.split_once("\r\n\r\n").unwrap();
        let start = format!("{name}: ");
        head.lines().filter_map(|line| line.strip_prefix(start.as_str())).collect()
    }
}

/// What the server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It takes everything.
    Good,
    /// It knows no such person.
    Unknown,
    /// It takes no mail from us.
    Unwilling,
    /// It hangs up on everybody.
    Closed,
    /// It never says a word.
    Silent,
}

/// A mail server on this machine.
#[derive(Clone)]
pub(crate) struct PostOffice {
    pub(crate) port: u16,
    mails: Arc<Mutex<Vec<Mail>>>,
    manner: Arc<Mutex<Manner>>,
}

impl PostOffice {
    /// A server without TLS.
    pub(crate) async fn open() -> Self {
        Self::with(MailSecurity::None).await
    }

    async fn with(security: MailSecurity) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let office = Self { port, mails: Arc::default(), manner: Arc::new(Mutex::new(Manner::Good)) };
        let at_work = office.clone();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let office = at_work.clone();
                // What a client does that is refused is its own affair.
                tokio::spawn(async move {
                    let _ = office.receive(stream, security).await;
                });
            }
        });
        office
    }

    pub(crate) fn behave(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.mails.lock().unwrap().clone()
    }

    /// The only mail since the last call.
    pub(crate) fn mail(&self) -> Mail {
        let mut mails = std::mem::take(&mut *self.mails.lock().unwrap());
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails.remove(0)
    }

    /// The section of the configuration that names it.
    pub(crate) fn section(&self) -> String {
        format!(
            "[smtp]\nhost = \"localhost\"\nport = {}\nsecurity = \"none\"\nfrom = \"a@b.org\"\n",
            self.port
        )
    }

    /// What sends mail through it.
    pub(crate) fn mailer(&self) -> Arc<Mailer> {
        Arc::new(Mailer::new(self.server(MailSecurity::None)))
    }

    fn server(&self, security: MailSecurity) -> MailServer {
        MailServer {
            host: "localhost".to_owned(),
            port: self.port,
            security,
            credentials: None,
            from: "Login <login@gateway.example>".to_owned(),
            time: Duration::from_secs(5),
            ca_file: Some(vectors("ca.pem")),
        }
    }

    async fn receive(&self, stream: TcpStream, security: MailSecurity) -> std::io::Result<()> {
        if *self.manner.lock().unwrap() == Manner::Closed {
            return Ok(());
        }
        match security {
            MailSecurity::Tls => {
                let stream = acceptor().accept(stream).await?;
                self.talk(BufStream::new(stream), true, false).await.map(|_| ())
            }
            MailSecurity::StartTls => {
                let plain = self.talk(BufStream::new(stream), true, true).await?;
                let Some(plain) = plain else { return Ok(()) };
                let stream = acceptor().accept(plain.into_inner()).await?;
                self.talk(BufStream::new(stream), false, false).await.map(|_| ())
            }
            MailSecurity::None => self.talk(BufStream::new(stream), true, false).await.map(|_| ()),
        }
    }

    /// Talks until the client has had enough, or wants TLS.
    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: BufStream<S>,
        greets: bool,
        starttls: bool,
    ) -> std::io::Result<Option<BufStream<S>>> {
        let manner = *self.manner.lock().unwrap();
        if manner == Manner::Silent {
            let _ = stream.read_line(&mut String::new()).await;
            return Ok(None);
        }
        let mut mail = Mail { from: String::new(), to: Vec::new(), data: String::new() };
        if greets {
            say(&mut stream, "220 hello").await?;
        }
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            let line = line.trim_end();
            let answer = match line.split(' ').next().unwrap_or_default() {
                "EHLO" if starttls => "250-here\r\n250-8BITMIME\r\n250 STARTTLS",
                "EHLO" => "250-here\r\n250-8BITMIME\r\n250 AUTH PLAIN",
                "STARTTLS" => {
                    say(&mut stream, "220 go on").await?;
                    return Ok(Some(stream));
                }
                "AUTH" if line == format!("AUTH PLAIN {GOOD_PASSWORD}") => "235 welcome",
                "AUTH" => "535 5.7.8 who are you",
                "MAIL" if manner == Manner::Unwilling => "554 5.7.1 not from you",
                "MAIL" => {
                    mail = Mail { from: between(line), to: Vec::new(), data: String::new() };
                    "250 yes"
                }
                "RCPT" if manner == Manner::Unknown => {
                    say(&mut stream, &format!("550 5.1.1 <{}>: nobody here", between(line))).await?;
                    continue;
                }
                "RCPT" => {
                    mail.to.push(between(line));
                    "250 yes"
                }
                "DATA" => {
                    say(&mut stream, "354 listening").await?;
                    while !mail.data.ends_with("\r\n.\r\n") {
                        if stream.read_line(&mut mail.data).await? == 0 {
                            return Ok(None);
                        }
                    }
                    self.mails.lock().unwrap().push(mail.clone());
                    "250 taken"
                }
                "QUIT" => {
                    say(&mut stream, "221 bye").await?;
                    return Ok(None);
                }
                _ => "250 yes",
            };
            say(&mut stream, answer).await?;
        }
    }
}

async fn say<S: AsyncWrite + Unpin>(stream: &mut S, answer: &str) -> std::io::Result<()> {
    stream.write_all(format!("{answer}\r\n").as_bytes()).await?;
    stream.flush().await
}

fn between(line: &str) -> String {
    line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).unwrap().0.to_owned()
}

fn acceptor() -> TlsAcceptor {
    let chain = CertificateDer::pem_file_iter(vectors("server.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(vectors("server.key")).unwrap();
    let settings = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.map(Result::unwrap).collect(), key)
        .unwrap();
    TlsAcceptor::from(Arc::new(settings))
}

fn vectors(file: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/tls").join(file)
}

/// `\0login\0s3cret`.
const GOOD_PASSWORD: &str = "AGxvZ2luAHMzY3JldA==";

fn letter(to: &str) -> Letter {
    Letter {
        to: Personal::new(to.to_owned()),
        subject: "Your code for Bürgeramt".to_owned(),
        text: Personal::new("Grüße\r\n\r\n    1234 5678\r\n".to_owned()),
        id: "abc".to_owned(),
        date: Timestamp::parse("2026-11-21T12:00:00Z").unwrap(),
    }
}

#[tokio::test]
async fn a_letter_arrives_as_it_was_written() {
    let office = PostOffice::open().await;
    office.mailer().send(&letter("maria@example.org")).await.unwrap();
    let mail = office.mail();
    assert_eq!(
        (mail.from.as_str(), mail.to.as_slice()),
        ("login@gateway.example", &["maria@example.org".to_owned()][..])
    );
    assert_eq!(mail.header("From"), ["Login <login@gateway.example>"]);
    assert_eq!(mail.header("To"), ["maria@example.org"]);
    assert_eq!(mail.header("Date"), ["Sat, 21 Nov 2026 12:00:00 +0000"]);
    assert_eq!(mail.header("Message-ID"), ["<abc@gateway.example>"]);
    assert_eq!(mail.header("Auto-Submitted"), ["auto-generated"]);
    assert_eq!(mail.header("Content-Type"), ["text/plain; charset=utf-8"]);
    assert!(mail.data.is_ascii());
    assert_eq!(mail.code(), "12345678");
}

#[tokio::test]
async fn mail_goes_through_tls_only_where_that_is_asked_for() {
    for security in [MailSecurity::Tls, MailSecurity::StartTls] {
        let office = PostOffice::with(security).await;
        let credentials = Some(("login".to_owned(), Secret::new("s3cret".to_owned())));
        let good = MailServer { credentials, ..office.server(security) };
        Mailer::new(good.clone()).check().await.unwrap();
        Mailer::new(good.clone()).send(&letter("maria@example.org")).await.unwrap();
        assert_eq!(office.mail().to, ["maria@example.org"]);
        // Neither to a server with another name, nor to one of an authority that we do not trust.
        let other = MailServer { host: "127.0.0.1".to_owned(), ..good.clone() };
        assert_eq!(Mailer::new(other).send(&letter("maria@example.org")).await, Err(MailError::Tls));
        let untrusted = MailServer { ca_file: Some(vectors("server.pem")), ..good.clone() };
        assert_eq!(Mailer::new(untrusted).send(&letter("maria@example.org")).await, Err(MailError::Tls));
        let wrong = Some(("login".to_owned(), Secret::new("guess".to_owned())));
        let wrong = MailServer { credentials: wrong, ..good };
        assert_eq!(Mailer::new(wrong).check().await, Err(MailError::Refused(535)));
        assert_eq!(office.mails(), []);
    }
    // A server that offers no STARTTLS hears nothing.
    let plain = PostOffice::open().await;
    let strict = Mailer::new(plain.server(MailSecurity::StartTls));
    assert_eq!(strict.send(&letter("maria@example.org")).await, Err(MailError::Unable));
    // Without TLS nothing leaves this machine.
    let far = MailServer { host: "mail.example.org".to_owned(), ..plain.server(MailSecurity::None) };
    assert_eq!(Mailer::new(far).send(&letter("maria@example.org")).await, Err(MailError::Letter));
    assert_eq!(plain.mails(), []);
}

#[tokio::test]
async fn what_a_mail_server_refuses_is_told_without_its_words() {
    let office = PostOffice::open().await;
    let mailer = office.mailer();
    for (manner, expected) in [
        (Manner::Unknown, MailError::Refused(550)),
        (Manner::Unwilling, MailError::Refused(554)),
        (Manner::Closed, MailError::Unable),
    ] {
        office.behave(manner);
        let error = mailer.send(&letter("maria@example.org")).await.unwrap_err();
        assert_eq!(error, expected);
        assert!(!format!("{error} {error:?}").contains("maria"));
    }
    office.behave(Manner::Silent);
    let impatient = MailServer { time: Duration::from_millis(50), ..office.server(MailSecurity::None) };
    assert_eq!(Mailer::new(impatient).send(&letter("maria@example.org")).await, Err(MailError::TooLate(0)));
    let nobody = MailServer { port: 1, ..office.server(MailSecurity::None) };
    assert_eq!(Mailer::new(nobody).send(&letter("maria@example.org")).await, Err(MailError::Connect));
    let nowhere = MailServer { ca_file: Some(vectors("none.pem")), ..office.server(MailSecurity::Tls) };
    assert_eq!(Mailer::new(nowhere).check().await.unwrap_err().code(), "ca_file");
}

#[tokio::test]
async fn no_address_makes_a_second_header_or_a_second_recipient() {
    let office = PostOffice::open().await;
    for to in ["a@b.org\r\nBcc: c@d.org", "a@b.org>\r\nRCPT TO:<c@d.org", "a@b.org, c@d.org", "a@b.org\n"] {
        assert_eq!(office.mailer().send(&letter(to)).await, Err(MailError::Letter), "{to:?}");
    }
    assert_eq!(office.mails(), []);
    let mut injecting = letter("a@b.org");
    injecting.subject = "Your code\r\nBcc: c@d.org\r\n\r\nbody".to_owned();
    office.mailer().send(&injecting).await.unwrap();
    let mail = office.mail();
    assert_eq!(mail.header("Bcc"), [] as [&str; 0]);
    assert_eq!(mail.to, ["a@b.org"]);
}
