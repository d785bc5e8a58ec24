//! What the routes work with.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use axum::body::Bytes;
use axum::extract::Request;
use serde_json::Value;

use super::client_certificate::CertificateHeader;
use super::client_keys::KeySources;
use super::crowd::Crowd;
use super::guesses::Guesses;
use super::ourselves::{Ourselves, Published};
use crate::audit::{Event, Sink};
use crate::clock::{Clock, Timestamp};
use crate::eidas::{Connector, CountryCode, Loa, Rollover};
use crate::ids::Random;
use crate::login::{self, ClientPolicy, Countries, Recipient, SubjectKey, SubjectMode};
use crate::oidc::client_certificate::ClientCertificate;
use crate::oidc::discovery::{self, Offer, VerifiedClaims};
use crate::oidc::{Blinding, Client, Clients, Issuer, Provider, SigningKeys, TokenKeys};
use crate::outbound::Mailer;
use crate::store::Store;

/// The parts that make a gateway.
pub struct Parts {
    /// Who the OpenID Provider is.
    pub issuer: Issuer,
    /// The registered clients.
    pub clients: Clients,
    /// What each client may ask and learn, by `client_id`.
    pub policies: BTreeMap<String, ClientPolicy>,
    /// Who the eIDAS-Connector is. Its `acs_url` and `entity_id` are `/saml/acs` and `/saml/metadata` here.
    pub connector: Rollover,
    /// The countries as they are now.
    pub countries: Countries,
    /// The keys that sign ID tokens, at any time.
    pub token_keys: TokenKeys,
    /// The key that makes subjects.
    pub subject_key: SubjectKey,
    /// The mail server that takes one-time codes to people, if there is one.
    pub mailer: Option<Arc<Mailer>>,
    /// The database.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The dice.
    pub random: Arc<dyn Random>,
    /// Where audit events go.
    pub audit: Arc<dyn Sink>,
    /// The keys that clients publish.
    pub key_sources: Arc<KeySources>,
    /// Who tells of the certificates that clients show, and how.
    pub certificate_header: Option<CertificateHeader>,
    /// The address at which they show them, if it is not the issuer's.
    pub certificate_base: Option<String>,
}

/// A running gateway.
pub struct Services {
    pub(super) issuer: Issuer,
    pub(super) clients: Clients,
    pub(super) policies: BTreeMap<String, ClientPolicy>,
    ourselves: Ourselves,
    token_keys: RwLock<Arc<TokenKeys>>,
    pub(super) subject_key: SubjectKey,
    pub(super) mailer: Option<Arc<Mailer>>,
    blinding: Blinding,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    audit: Arc<dyn Sink>,
    key_sources: Arc<KeySources>,
    certificate_header: Option<CertificateHeader>,
    certificate_base: Option<String>,
    pub(super) crowd: Crowd,
    /// Those of public clients, by pushed requests.
    pub(super) pushes: Crowd,
    pub(super) guesses: Guesses,
    countries: RwLock<Arc<Countries>>,
    out_of_turn: OnceLock<Arc<dyn OutOfTurn>>,
    /// The discovery document.
    pub(super) discovery: Bytes,
}

/// Fetches a country's metadata out of turn, because a response bore a key that it does not hold: the node may
/// have changed its keys since we looked.
pub trait OutOfTurn: Send + Sync {
    /// Refreshes `country`, if that was not done a moment ago, and gives back the countries as they are then.
    fn refresh(&self, country: CountryCode) -> Pin<Box<dyn Future<Output = Arc<Countries>> + Send + '_>>;
}

impl Services {
    /// Puts the parts together and prepares what is the same for everybody.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let offer = offer(&parts);
        Self {
            discovery: discovery::document(&parts.issuer, &offer, &parts.token_keys.at(parts.clock.now()))
                .to_string()
                .into(),
            issuer: parts.issuer,
            clients: parts.clients,
            policies: parts.policies,
            ourselves: Ourselves::new(parts.connector, parts.clock.now()),
            token_keys: RwLock::new(Arc::new(parts.token_keys)),
            blinding: parts.subject_key.blinding(),
            subject_key: parts.subject_key,
            mailer: parts.mailer,
            store: parts.store,
            clock: parts.clock,
            random: parts.random,
            audit: parts.audit,
            key_sources: parts.key_sources,
            certificate_header: parts.certificate_header,
            certificate_base: parts.certificate_base,
            crowd: Crowd::default(),
            pushes: Crowd::default(),
            guesses: Guesses::default(),
            countries: RwLock::new(Arc::new(parts.countries)),
            out_of_turn: OnceLock::new(),
        }
    }

    /// The countries as they are now.
    pub fn countries(&self) -> Arc<Countries> {
        Arc::clone(&self.countries.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the countries, after a refresh of metadata.
    pub fn set_countries(&self, countries: Countries) {
        *self.countries.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(countries);
    }

    /// Names who refreshes metadata out of turn. Without anybody no response is judged a second time.
    pub fn refreshed_by(&self, refresher: Arc<dyn OutOfTurn>) {
        let _ = self.out_of_turn.set(refresher);
    }

    /// The countries after `country` was refreshed out of turn, if its node is another one than `before`.
    pub(super) async fn refreshed(&self, country: CountryCode, before: &Countries) -> Option<Arc<Countries>> {
        let after = self.out_of_turn.get()?.refresh(country).await;
        let now = self.now();
        let (old, new) = (before.node(country, now).ok()?, after.node(country, now).ok()?);
        (!Arc::ptr_eq(old, new)).then_some(after)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Tells the audit, and the log in brief.
    pub(super) fn record(&self, event: &Event<'_>) {
        if let Some((step, login)) = event.step() {
            tracing::info!(step, login, "done");
        }
        self.audit.record(self.now(), event);
    }

    /// The client's registration and policy. Both or nothing: half a client is no client.
    pub(super) fn client(&self, id: &str) -> Option<(&Client, &ClientPolicy)> {
        Some((self.clients.lookup(id)?, self.policies.get(id)?))
    }

    /// The certificate that the sender of a request has shown: to us, or to the proxy that tells of it.
    pub(super) fn certificate(&self, request: &Request) -> Option<ClientCertificate> {
        if let Some(shown) = request.extensions().get::<ClientCertificate>() {
            return Some(shown.clone());
        }
        self.certificate_header.as_ref()?.read(request)
    }

    /// The addresses by which clients know the endpoint at `path`.
    pub(super) fn addresses(&self, path: &str) -> Vec<String> {
        let base = self.certificate_base.iter().map(|base| format!("{base}{path}"));
        base.chain([self.issuer.endpoint(path)]).collect()
    }

    /// The public keys of `client`, fetched if they are elsewhere and not known, or no longer fresh.
    pub(super) async fn client_keys(&self, client: &Client) -> Option<Arc<Value>> {
        self.key_sources.of(client.keys.as_ref()?, self.now()).await
    }

    /// The same fetched anew, because `client` used a key that we do not know; nothing if it has no other keys
    /// than those that we have.
    pub(super) async fn client_keys_afresh(&self, client: &Client) -> Option<Arc<Value>> {
        self.key_sources.afresh(client.keys.as_ref()?, self.now()).await
    }

    /// What authorization requests are judged by.
    pub(super) fn provider(&self) -> Provider<'_> {
        Provider { issuer: &self.issuer, keys: self.signing_keys(), blinding: &self.blinding }
    }

    pub(super) fn recipient<'a>(
        &'a self,
        client: &'a Client,
        policy: &'a ClientPolicy,
        countries: &'a Countries,
        connector: &'a Connector,
    ) -> Recipient<'a> {
        let subject_key = &self.subject_key;
        Recipient { connector, countries, client, policy, subject_key }
    }

    /// Ourselves, with the keys of this moment.
    pub fn connector(&self) -> Arc<Connector> {
        self.ourselves.connector(self.now())
    }

    /// Our keys over time.
    pub fn rollover(&self) -> Arc<Rollover> {
        self.ourselves.rollover()
    }

    /// The keys that sign tokens, and those that are published, at this moment.
    pub(super) fn signing_keys(&self) -> SigningKeys {
        self.token_keys().at(self.now())
    }

    /// The keys that sign tokens, over time.
    pub fn token_keys(&self) -> Arc<TokenKeys> {
        Arc::clone(&self.token_keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Replaces the keys that sign tokens, of the same algorithms.
    pub fn set_token_keys(&self, keys: TokenKeys) {
        *self.token_keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
    }

    /// Replaces our keys and what we say of ourselves, after a change of the configuration.
    pub fn set_rollover(&self, rollover: Rollover) {
        self.ourselves.replace(rollover, self.now());
    }

    /// Our metadata, signed anew at half its life and when our keys change.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub(super) fn own_metadata(&self) -> Result<Arc<Published>, login::Failure> {
        self.ourselves.metadata(self.now(), &*self.random)
    }
}

/// What discovery says of this deployment.
fn offer(parts: &Parts) -> Offer {
    let scopes = parts.clients.iter().flat_map(|client| client.scopes.iter().cloned());
    let mut scopes: Vec<String> = scopes.collect();
    scopes.sort_unstable();
    scopes.dedup();
    let flat = parts.policies.values().any(|policy| policy.flat_address);
    let flat = login::claims::FLAT_ADDRESS.into_iter().filter(|_| flat);
    Offer {
        acr_values: Loa::ALL.iter().map(|level| level.uri().to_owned()).collect(),
        claims: login::claims::supported().chain(flat).map(str::to_owned).collect(),
        scopes,
        public_subjects: parts.policies.values().any(|policy| policy.subject != SubjectMode::Pairwise),
        // A name of its own is there for certificates only.
        certificates: parts.certificate_header.is_some() || parts.certificate_base.is_some(),
        certificate_base: parts.certificate_base.clone(),
        public_clients: parts.clients.iter().any(|client| client.is_public()),
        ui_locales: vec!["en".to_owned()],
        request_objects: parts.clients.iter().any(|client| client.request_objects.is_some()),
        require_request_objects: parts
            .clients
            .iter()
            .all(|client| client.request_objects.is_some_and(|objects| objects.required)),
        verified_claims: parts.policies.values().any(|policy| policy.verified_claims).then(|| {
            VerifiedClaims {
                trust_framework: login::verified::TRUST_FRAMEWORK,
                evidence: login::verified::EVIDENCE,
                record: login::verified::RECORD,
                claims: login::claims::supported_in_verified_claims().collect(),
            }
        }),
    }
}
