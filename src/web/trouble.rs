//! When something goes wrong: the log gets all of it once, the audit gets the facts, and the person gets a
//! sentence, a code and a reference number that leads to the log.

use axum::http::StatusCode;
use axum::response::Response;

use super::answer;
use super::pages::ErrorPage;
use super::services::Services;
use super::text;
use crate::audit::{Event, Refusal};
use crate::eidas::Pending;
use crate::ids;
use crate::login::{Failure, Login};

/// A failure with all that is known about it. Nothing personal.
pub(crate) struct Trouble<'a> {
    failure: Failure,
    step: &'static str,
    rule: Option<String>,
    detail: String,
    login: Option<&'a Login>,
    client: Option<&'a str>,
    pending: Option<&'a Pending>,
}

impl<'a> Trouble<'a> {
    pub(crate) fn new(step: &'static str, failure: Failure) -> Self {
        Self { failure, step, rule: None, detail: String::new(), login: None, client: None, pending: None }
    }

    pub(crate) fn rule(self, rule: impl Into<String>) -> Self {
        Self { rule: Some(rule.into()).filter(|rule: &String| !rule.is_empty()), ..self }
    }

    /// Details can quote a message; more of it than this helps nobody.
    pub(crate) fn detail(self, detail: impl ToString) -> Self {
        Self { detail: detail.to_string().chars().take(500).collect(), ..self }
    }

    pub(crate) fn login(self, login: &'a Login) -> Self {
        Self { login: Some(login), client: Some(&login.request.client_id), ..self }
    }

    pub(crate) fn client(self, client: &'a str) -> Self {
        Self { client: Some(client), ..self }
    }

    pub(crate) fn pending(self, pending: &'a Pending) -> Self {
        Self { pending: Some(pending), ..self }
    }

    pub(crate) fn failure(&self) -> Failure {
        self.failure
    }

    /// Writes it down with a rule and a detail that come last, for answers that show no reference number.
    pub(crate) fn note_with(&self, services: &Services, rule: &str, detail: &str) {
        let (rule, detail) = (Some(rule.to_owned()), detail.to_owned());
        Self { rule, detail, ..*self }.note(services);
    }

    /// Writes it down, and gives the reference number.
    pub(crate) fn note(&self, services: &Services) -> String {
        let reference = ids::reference(&*services.random);
        self.note_as(services, &reference);
        reference
    }

    /// Writes it down, and gives the page that says so.
    pub(crate) fn page(&self, services: &Services) -> Response {
        let reference = self.note(services);
        page(self.failure, &reference)
    }

    fn note_as(&self, services: &Services, reference: &str) {
        let row = self.failure.row();
        if self.failure.is_about_http() {
            tracing::info!(
                reference,
                code = row.code,
                step = self.step,
                rule = self.rule.as_deref(),
                "{}",
                row.meaning
            );
            return;
        }
        let country = self.pending.map(|pending| pending.country.to_string());
        tracing::warn!(
            reference,
            code = row.code,
            step = self.step,
            rule = self.rule.as_deref(),
            detail = self.detail,
            login = self.login.map(|login| login.id.as_str()),
            client = self.client,
            country = country.as_deref(),
            request_id = self.pending.map(|pending| pending.request_id.as_str()),
            "{}",
            row.meaning
        );
        services.record(&Event::Refuse(Refusal {
            reference: Some(reference),
            rule: self.rule.clone(),
            login: self.login.map(|login| login.id.as_str()),
            client: self.client,
            country: country.as_deref(),
            node: self.pending.map(|pending| pending.entity_id.as_str()),
            request_id: self.pending.map(|pending| pending.request_id.as_str()),
            ..Refusal::new(self.step, self.failure)
        }));
    }
}

/// The page of a failure that leaves no choice.
pub(crate) fn page(failure: Failure, reference: &str) -> Response {
    let row = failure.row();
    let (heading, explanation) = text::of(row.text, None);
    let code = row.shown.to_owned();
    let page = ErrorPage { heading, explanation, code, reference: reference.to_owned() };
    answer::page(status(failure), &page)
}

/// The HTTP status of a failure's page.
pub(crate) fn status(failure: Failure) -> StatusCode {
    StatusCode::from_u16(failure.row().status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
