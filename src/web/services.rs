//! What the routes work with.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use axum::body::Bytes;

use crate::audit::{Event, Sink};
use crate::clock::{Clock, Timestamp};
use crate::eidas::{self, Connector, Loa};
use crate::ids::Random;
use crate::login::{self, ClientPolicy, Countries, Recipient, SubjectKey, SubjectMode};
use crate::oidc::discovery::{self, Offer};
use crate::oidc::{Client, Clients, Issuer, SigningKeys};
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
    pub connector: Connector,
    /// The countries as they are now.
    pub countries: Countries,
    /// The keys that sign ID tokens.
    pub signing_keys: SigningKeys,
    /// The key that makes subjects.
    pub subject_key: SubjectKey,
    /// The database.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The dice.
    pub random: Arc<dyn Random>,
    /// Where audit events go.
    pub audit: Arc<dyn Sink>,
}

/// A running gateway.
pub struct Services {
    pub(super) issuer: Issuer,
    pub(super) clients: Clients,
    pub(super) policies: BTreeMap<String, ClientPolicy>,
    pub(super) connector: Connector,
    pub(super) signing_keys: SigningKeys,
    pub(super) subject_key: SubjectKey,
    pub(super) store: Arc<dyn Store>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) random: Arc<dyn Random>,
    audit: Arc<dyn Sink>,
    countries: RwLock<Arc<Countries>>,
    own_metadata: Mutex<Option<OwnMetadata>>,
    /// The discovery document.
    pub(super) discovery: Bytes,
    /// The JWK Set.
    pub(super) jwks: Bytes,
}

/// Our signed metadata, until it is half as old as it may become.
struct OwnMetadata {
    xml: Bytes,
    renew_at: Timestamp,
}

impl Services {
    /// Puts the parts together and prepares what is the same for everybody.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let offer = offer(&parts);
        Self {
            discovery: discovery::document(&parts.issuer, &offer, &parts.signing_keys).to_string().into(),
            jwks: parts.signing_keys.jwks().to_string().into(),
            issuer: parts.issuer,
            clients: parts.clients,
            policies: parts.policies,
            connector: parts.connector,
            signing_keys: parts.signing_keys,
            subject_key: parts.subject_key,
            store: parts.store,
            clock: parts.clock,
            random: parts.random,
            audit: parts.audit,
            countries: RwLock::new(Arc::new(parts.countries)),
            own_metadata: Mutex::new(None),
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

    pub(super) fn recipient<'a>(
        &'a self,
        client: &'a Client,
        policy: &'a ClientPolicy,
        countries: &'a Countries,
    ) -> Recipient<'a> {
        let (connector, subject_key) = (&self.connector, &self.subject_key);
        Recipient { connector, countries, client, policy, subject_key }
    }

    /// Our metadata, signed anew at half its life.
    ///
    /// # Errors
    /// If it cannot be signed.
    pub(super) fn own_metadata(&self) -> Result<Bytes, login::Failure> {
        let now = self.now();
        let mut kept = self.own_metadata.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(metadata) = kept.as_ref().filter(|metadata| now < metadata.renew_at) {
            return Ok(metadata.xml.clone());
        }
        let xml = eidas::metadata::publish(&self.connector, METADATA_LIFETIME, now, &*self.random)
            .map_err(|_| login::Failure::KeyUnusable)?;
        let xml = Bytes::from(xml);
        *kept = Some(OwnMetadata { xml: xml.clone(), renew_at: now + METADATA_LIFETIME / 2 });
        Ok(xml)
    }
}

/// What discovery says of this deployment.
fn offer(parts: &Parts) -> Offer {
    let scopes = parts.clients.iter().flat_map(|client| client.scopes.iter().cloned());
    let mut scopes: Vec<String> = scopes.collect();
    scopes.sort_unstable();
    scopes.dedup();
    Offer {
        acr_values: Loa::ALL.iter().map(|level| level.uri().to_owned()).collect(),
        claims: login::claims::supported().map(str::to_owned).collect(),
        scopes,
        public_subjects: parts.policies.values().any(|policy| policy.subject != SubjectMode::Pairwise),
        ui_locales: vec!["en".to_owned()],
    }
}

/// eIDAS Interoperability Architecture 1.4 §6: metadata should not be valid for longer than a day.
const METADATA_LIFETIME: Duration = Duration::from_hours(24);
