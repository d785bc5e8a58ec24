//! Between step 8 and step 9: the person is asked for an e-mail address, and for the code that proves it.
//!
//! What a form sends counts once, whichever instance it reaches: it takes the paused login, and puts it back
//! before anything is shown or sent. The page keeps its handle, so that a reload or a second click of it finds
//! the login where it is.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::interlude::{hold, proceed, refused, resume};
use super::{Way, store_trouble};
use crate::audit::Event;
use crate::ids;
use crate::login::email::{CODES_A_DAY, Dialogue, EmailAddress, Mailbox, NotTaken, PAUSE, Tried};
use crate::login::{Failure, Interlude, Normalised, Paused, interlude, step, vault};
use crate::outbound::{Letter, MailError};
use crate::secret::Personal;
use crate::store::{StoreError, Use};
use crate::web::answer;
use crate::web::pages::EmailPage;
use crate::web::services::Services;
use crate::web::trouble::Trouble;

/// Adds the address that this person has proven at an earlier login, if the client needs one.
///
/// # Errors
/// What to show instead.
pub(super) async fn recall(
    services: &Services,
    way: &Way<'_>,
    normalised: Normalised,
) -> Result<Normalised, Response> {
    if !normalised.lacks_email(&way.login.request, way.policy) {
        return Ok(normalised);
    }
    let mailbox = normalised.mailbox(&services.subject_key, way.policy);
    match services.store.find_mailbox(&mailbox.tag()).await {
        Ok(sealed) => Ok(match sealed.and_then(|sealed| mailbox.open(&sealed)) {
            Some(address) => normalised.with_email(&address),
            None => normalised,
        }),
        Err(error) => Err(no_store(services, way, &error)),
    }
}

/// The page as the person first sees it.
pub(super) fn page(way: &Way<'_>, paused: &Paused, handle: String) -> Response {
    show(way, &paused.progress.email, handle, StatusCode::OK, Said::default())
}

/// `POST /login/{id}/email`: an address, a code, the wish for another code, or no.
pub(in crate::web) async fn answer(State(services): State<Arc<Services>>, request: Request) -> Response {
    let resumed = match resume(&services, request).await {
        Ok(resumed) => resumed,
        Err(shown) => return shown,
    };
    let way = match resumed.way(&services) {
        Ok(way) => way,
        Err(trouble) => return trouble.page(&services),
    };
    let (form, paused) = (&resumed.form, resumed.paused.clone());
    if interlude::next(way.policy, &way.login.request, &paused) != Some(Interlude::Email) {
        // The page was another one, or the configuration has changed.
        return proceed(&services, &way, paused).await;
    }
    if form.only("decision").is_some() {
        return refused(&services, &way, Failure::CancelledHere).await;
    }
    let here = Here { services: &services, way: &way, handle: form.only("handle").unwrap_or_default() };
    if let Some(code) = form.only("code") {
        return here.try_code(paused, code).await;
    }
    let known = paused.progress.email.address().filter(|_| form.only("again").is_some()).cloned();
    let typed = form.only("email").unwrap_or_default();
    match known.or_else(|| EmailAddress::parse(typed)) {
        Some(address) => here.send(paused, address).await,
        None => {
            let notice = "This is not an e-mail address that we can send to. Please look at it again.";
            let typed = typed.chars().take(254).collect();
            here.stay(&paused, Said { notice: Some(notice.to_owned()), typed, reference: None }).await
        }
    }
}

/// The page that a form came from.
struct Here<'a> {
    services: &'a Services,
    way: &'a Way<'a>,
    handle: &'a str,
}

impl Here<'_> {
    async fn try_code(&self, mut paused: Paused, typed: &str) -> Response {
        let services = self.services;
        let (dialogue, why) = match std::mem::take(&mut paused.progress.email).try_code(typed, services.now())
        {
            Tried::Right(address) => return self.proven(paused, &address).await,
            Tried::Wrong(dialogue, why) => (dialogue, why),
        };
        paused.progress.email = dialogue;
        self.refuse(why.code());
        let notice = match why {
            NotTaken::Wrong { left: 1 } => "This is not the code. You can try once more.".to_owned(),
            NotTaken::Wrong { left } => format!("This is not the code. You can try {left} more times."),
            NotTaken::Exhausted => {
                "This was not the code, and it has been tried too often. Have a new code sent.".to_owned()
            }
            NotTaken::Expired | NotTaken::NoneSent => {
                "This code is no longer good. Have a new code sent.".to_owned()
            }
        };
        self.stay(&paused, Said::notice(notice)).await
    }

    async fn proven(&self, paused: Paused, address: &EmailAddress) -> Response {
        let services = self.services;
        let mailbox = paused.normalised.mailbox(&services.subject_key, self.way.policy);
        let sealed = mailbox.seal(address, &*services.random);
        if let Err(error) = services.store.put_mailbox(&mailbox.tag(), &sealed).await {
            return no_store(services, self.way, &error);
        }
        let (login, client) = self.names();
        services.record(&Event::EmailVerified { login, client });
        let paused = Paused { normalised: paused.normalised.with_email(address), ..paused };
        proceed(services, self.way, paused).await
    }

    async fn send(&self, mut paused: Paused, address: EmailAddress) -> Response {
        let services = self.services;
        let mailbox = paused.normalised.mailbox(&services.subject_key, self.way.policy);
        match admit(services, &mailbox).await {
            Ok(Admitted::Yes) => {}
            Ok(Admitted::TooSoon) => {
                self.refuse("too_soon");
                let notice = "A code was sent to you less than a minute ago. If it does not arrive, wait a minute \
                              and try again.";
                return self.stay(&paused, Said::notice(notice)).await;
            }
            Ok(Admitted::TooMany) => {
                self.refuse("too_many");
                let notice = "So many codes were sent to you today that we send no more. Try again tomorrow.";
                return self.stay(&paused, Said::notice(notice)).await;
            }
            Err(error) => return no_store(services, self.way, &error),
        }
        let (dialogue, code) = Dialogue::send(address.clone(), services.now(), &*services.random);
        paused.progress.email = dialogue;
        let sealed = paused.seal_under(self.handle, &*services.random);
        if let Err(shown) = hold(services, self.way, self.handle, sealed).await {
            return shown;
        }
        let (status, said) = match self.post(&address, &code).await {
            Ok(()) => {
                let (login, client) = self.names();
                services.record(&Event::EmailSent { login, client });
                (StatusCode::OK, Said::default())
            }
            Err(error) => self.not_sent(&error),
        };
        show(self.way, &paused.progress.email, self.handle.to_owned(), status, said)
    }

    async fn post(&self, address: &EmailAddress, code: &Personal<String>) -> Result<(), MailError> {
        let mailer = self.services.mailer.as_ref().ok_or(MailError::Connect)?;
        let service = &self.way.policy.service;
        let letter = Letter {
            to: Personal::new(address.expose().to_owned()),
            subject: format!("Your code for {service}"),
            text: text(service, code.expose()),
            id: ids::handle(&*self.services.random),
            date: self.services.now(),
        };
        mailer.send(&letter).await
    }

    /// What is wrong with the server is told. Whether there is such a mailbox is not: the page would be a way to
    /// ask for other people's.
    fn not_sent(&self, error: &MailError) -> (StatusCode, Said) {
        let trouble = Trouble::new(step::RELEASE, Failure::MailNotSent).rule(error.code()).detail(error);
        let reference = trouble.login(self.way.login).note(self.services);
        if matches!(error, MailError::Refused(NO_MAILBOX_FIRST..=NO_MAILBOX_LAST)) {
            return (StatusCode::OK, Said::default());
        }
        let notice =
            "We could not send the mail just now. Your login is not lost: try again in a minute.".to_owned();
        let said = Said { notice: Some(notice), reference: Some(reference), typed: String::new() };
        (StatusCode::SERVICE_UNAVAILABLE, said)
    }

    /// The same page again.
    async fn stay(&self, paused: &Paused, said: Said) -> Response {
        let sealed = paused.seal_under(self.handle, &*self.services.random);
        match hold(self.services, self.way, self.handle, sealed).await {
            Ok(()) => show(self.way, &paused.progress.email, self.handle.to_owned(), StatusCode::OK, said),
            Err(shown) => shown,
        }
    }

    fn refuse(&self, why: &'static str) {
        let (login, client) = self.names();
        self.services.record(&Event::EmailRefused { login, client, why });
    }

    fn names(&self) -> (&str, &str) {
        (&self.way.login.id, &self.way.login.request.client_id)
    }
}

/// What the page says beside its forms.
#[derive(Default)]
struct Said {
    notice: Option<String>,
    reference: Option<String>,
    /// What was typed as an address and is none.
    typed: String,
}

impl Said {
    fn notice(notice: impl Into<String>) -> Self {
        Self { notice: Some(notice.into()), ..Self::default() }
    }
}

fn show(way: &Way<'_>, dialogue: &Dialogue, handle: String, status: StatusCode, said: Said) -> Response {
    let page = EmailPage {
        service: way.policy.service.clone(),
        sent_to: dialogue.address().map(|address| address.expose().to_owned()),
        typed: said.typed,
        notice: said.notice,
        reference: said.reference,
        action: format!("/login/{}/email", way.login.id),
        handle,
        token: vault::form_token(way.cookie),
    };
    answer::page(status, &page)
}

/// Whether a code may be sent to a person now.
enum Admitted {
    Yes,
    TooSoon,
    TooMany,
}

/// Counts one code for the person, over all their logins and all instances.
async fn admit(services: &Services, mailbox: &Mailbox) -> Result<Admitted, StoreError> {
    let now = services.now();
    let first = async |what: &str, until| {
        services.store.use_once(&mailbox.word(what), until, now).await.map(|used| used == Use::First)
    };
    if !first("now", now + PAUSE).await? {
        return Ok(Admitted::TooSoon);
    }
    for n in 0..CODES_A_DAY {
        if first(&format!("day {n}"), now + DAY).await? {
            return Ok(Admitted::Yes);
        }
    }
    Ok(Admitted::TooMany)
}

/// Without the database nobody can be asked anything more.
fn no_store(services: &Services, way: &Way<'_>, error: &StoreError) -> Response {
    store_trouble(step::RELEASE, error).login(way.login).note(services);
    way.back_to_broker(services, Failure::StoreUnavailable)
}

/// The letter with the code. Of the person it says nothing: who reads the mailbox may be somebody else.
fn text(service: &str, code: &str) -> Personal<String> {
    let (first, second) = code.split_at_checked(4).unwrap_or((code, ""));
    Personal::new(format!(
        "Your code for {service}:\r\n\r\n    {first} {second}\r\n\r\nEnter it on the page on which you gave this \
         address. It is good for ten minutes.\r\n\r\nIf you did not ask for it, ignore this mail: somebody has \
         probably mistyped an address. Do not pass the code on to anybody.\r\n"
    ))
}

const DAY: Duration = Duration::from_hours(24);
/// The answers of a mail server that are about the mailbox (RFC 5321 §4.2.3): 550 to 553.
const NO_MAILBOX_FIRST: u16 = 550;
const NO_MAILBOX_LAST: u16 = 553;
