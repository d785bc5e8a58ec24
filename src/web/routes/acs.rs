//! Steps 6 to 8: the AssertionConsumerService. The post comes from another site, so there are no cookies and
//! none are looked for; what holds is sealed under a handle, and the browser takes that to `/continue` (D9).

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;

use super::failed;
use crate::audit::Event;
use crate::eidas::Inbound;
use crate::login::{self, Answered, AwaitResponse, Failure, Outcome, step, vault};
use crate::store::{self, NewAnswer};
use crate::web::answer;
use crate::web::form::Form;
use crate::web::services::Services;
use crate::web::trouble::Trouble;

pub(in crate::web) async fn receive(State(services): State<Arc<Services>>, request: Request) -> Response {
    let form = match Form::read(request, MAX_FORM).await {
        Ok(form) => form,
        Err(failure) => return Trouble::new(step::RETURN, failure).rule("SEC-01").page(&services),
    };
    let Some(message) = form.only("SAMLResponse").filter(|_| form.count("RelayState") <= 1) else {
        let trouble = Trouble::new(step::RETURN, Failure::AnswerUnreadable);
        return trouble.rule("SEC-01 fields").page(&services);
    };
    let inbound = match Inbound::read(message) {
        Ok(inbound) => inbound,
        Err(refusal) => {
            let trouble = Trouble::new(step::RETURN, Failure::of_rule(refusal.rule));
            let rule = format!("{} {}", refusal.rule, refusal.code);
            return refuse(&services, &trouble.rule(rule).detail(refusal.detail), None);
        }
    };
    match asked(&services, &inbound).await {
        Ok(asked) => judge(&services, *asked, inbound, (message, form.only("RelayState"))).await,
        Err(trouble) => refuse(&services, &trouble, None),
    }
}

/// The login that waits for this answer. `InResponseTo` is not verified yet: it only says where to look.
async fn asked(services: &Services, inbound: &Inbound) -> Result<Box<AwaitResponse>, Trouble<'static>> {
    let unexpected = |rule| Trouble::new(step::RETURN, Failure::AnswerUnexpected).rule(rule);
    let request_id = inbound.in_response_to().ok_or_else(|| unexpected("SEC-13 in_response_to_missing"))?;
    let row = services.store.find_by_request(request_id, services.now()).await;
    let row = row.map_err(|error| super::store_trouble(step::RETURN, &error))?;
    let row = row.ok_or_else(|| unexpected("SEC-13 request_unknown"))?;
    match login::State::from_json(&row.payload) {
        Ok(login::State::AwaitResponse(asked)) if asked.pending.request_id == request_id => Ok(asked),
        Ok(_) => Err(unexpected("SEC-13 request_replaced")),
        Err(failure) => Err(Trouble::new(step::RETURN, failure)),
    }
}

async fn judge(
    services: &Services,
    asked: AwaitResponse,
    inbound: Inbound,
    (message, relay_state): (&str, Option<&str>),
) -> Response {
    let Some((client, policy)) = services.client(&asked.login.request.client_id) else {
        let trouble = Trouble::new(step::VERIFY, Failure::ClientWithoutPolicy).login(&asked.login);
        return refuse(services, &trouble, Some(&asked.login.id));
    };
    let countries = services.countries();
    let connector = services.connector();
    let recipient = services.recipient(client, policy, &countries, &connector);
    let judged = match asked.receive(inbound, relay_state, &recipient, services.now()) {
        Err(refused) if is_key_unknown(&refused) => judge_again(services, refused, &recipient, message).await,
        judged => judged,
    };
    let answered = match judged {
        Ok(answered) => answered,
        Err(refused) => {
            let login::Refused { login, failure, rule, detail } = *refused;
            let trouble = Trouble::new(step::VERIFY, failure).rule(rule).detail(detail);
            let trouble = trouble.login(&login.login).pending(&login.pending);
            return refuse(services, &trouble, Some(&login.login.id));
        }
    };
    let (handle, sealed) = answered.seal(&*services.random);
    let now = services.now();
    let new = NewAnswer {
        login_id: answered.login.id.clone(),
        request_id: answered.pending.request_id.clone(),
        response_id: answered.response_id.clone(),
        assertion_id: answered.assertion_id.clone(),
        keep_ids_until: answered.remember_until,
        handle_hash: vault::digest(&handle),
        sealed,
        expires: now + HANDLE_LIFETIME,
    };
    let id = &answered.login.id;
    let lost = |failure, rule: &str| {
        let trouble = Trouble::new(step::VERIFY, failure).rule(rule);
        let trouble = trouble.login(&answered.login).pending(&answered.pending);
        refuse(services, &trouble, Some(id))
    };
    match services.store.answer(&new, now).await {
        Ok(store::Answered::Taken) => {
            record(services, &answered);
            answer::see_other(&format!("/continue?login={id}&handle={handle}"))
        }
        Ok(store::Answered::Gone) => lost(Failure::AnswerReplayed, "SEC-32 request_consumed"),
        Ok(store::Answered::Replayed) => lost(Failure::AnswerReplayed, "SEC-17 message_replayed"),
        Err(error) => {
            let trouble = super::store_trouble(step::VERIFY, &error).login(&answered.login);
            refuse(services, &trouble, Some(id))
        }
    }
}

/// The node may have begun to sign with another key. Its metadata is fetched once more, and if that brings
/// anything new, the response gets a second judgement, from its octets on.
async fn judge_again(
    services: &Services,
    refused: Box<login::Refused>,
    recipient: &login::Recipient<'_>,
    message: &str,
) -> Result<Answered, Box<login::Refused>> {
    let country = refused.login.pending.country;
    let Some(countries) = services.refreshed(country, recipient.countries).await else { return Err(refused) };
    let Ok(inbound) = Inbound::read(message) else { return Err(refused) };
    tracing::info!(%country, "a response is judged again by new metadata");
    let recipient = login::Recipient { countries: &countries, ..*recipient };
    let asked = refused.login;
    // The word that came back was found right the first time.
    let relay_state = asked.relay_state.clone();
    asked.receive(inbound, Some(&relay_state), &recipient, services.now())
}

/// Whether it was refused for its signature's key, and for nothing else.
fn is_key_unknown(refused: &login::Refused) -> bool {
    ["SEC-10", "SEC-11"].iter().any(|rule| refused.rule.starts_with(rule))
}

/// The same way for every refusal (SEC-33).
fn refuse(services: &Services, trouble: &Trouble<'_>, login: Option<&str>) -> Response {
    let reference = trouble.note(services);
    answer::see_other(&failed::address(login, trouble.failure(), &reference))
}

fn record(services: &Services, answered: &Answered) {
    let (login, pending) = (&answered.login, &answered.pending);
    let (client, country) = (login.request.client_id.as_str(), pending.country);
    let country = country.as_str();
    let (node, request_id, response_id) = (&pending.entity_id, &pending.request_id, &answered.response_id);
    match &answered.outcome {
        Outcome::Normalised(normalised) => services.record(&Event::Verify {
            login: &login.id,
            client,
            country,
            node,
            request_id,
            response_id,
            assertion_id: answered.assertion_id.as_deref().unwrap_or_default(),
            loa: normalised.level.uri(),
            released: normalised.claim_names(),
            dropped: answered.dropped.iter().map(String::as_str).collect(),
            tolerated: answered.tolerated.iter().map(String::as_str).collect(),
        }),
        Outcome::Declined(declined) => {
            tracing::info!(
                login = login.id,
                country,
                request_id,
                message = answered.message,
                "the node declined"
            );
            services.record(&Event::Decline {
                login: &login.id,
                client,
                country,
                node,
                request_id,
                response_id,
                status: [&declined.status.0, &declined.status.1],
                code: declined.failure.row().code,
            })
        }
    }
}

/// Room for a message of 128 KiB whose every character is escaped (eIDAS nodes send at most that much).
const MAX_FORM: usize = 512 * 1024;
/// The browser follows a redirect at once.
const HANDLE_LIFETIME: Duration = Duration::from_secs(60);
