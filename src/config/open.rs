//! From sections to the things that the other modules work with: keys, trust, clients, policies.
//!
//! Everything that a configuration refers to is opened here once, for `config check` and `serve` alike, so
//! what the one accepts the other can run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Config;
use super::client::{
    AcrStyle, AssertionAudience, Authentication, BoundTokens, Client, Consent, LevelError, SubMode,
};
use super::connector::{Contact, KeyPair};
use super::country::{Country, Revocation};
use super::decode_sha256;
use super::fault::Findings;
use super::files::Files;
use super::metadata_list::MetadataList;
use super::rotation::Rotation;
use crate::clock::Timestamp;
use crate::crypto::jose::JwsAlgorithm;
use crate::crypto::turn::Stage;
use crate::eidas::mdsl::ListTrust;
use crate::eidas::rollover::{KeyUse, Rollover};
use crate::eidas::trust::RevocationPolicy;
use crate::eidas::{self, Connector, CountryCode, CountryTrust, Organization, SubjectKind, attribute};
use crate::login::{self, ClientPolicy, SubjectKey, SubjectMode};
use crate::oidc::client::{self, AssertionKey, ClaimsInIdToken, SecretHash, SecretPlace};
use crate::oidc::{self, ClientAuthentication, Clients, RedirectUri, SigningKeys, TokenKeys};
use crate::outbound::{MailServer, Source};
use crate::secret::Secret;

/// What a configuration leads to.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The address of the database, with its password.
    pub database: Secret<String>,
    /// Who we are toward member states, with the keys of the moment at which it was opened.
    pub connector: Connector,
    /// The same with the keys of any moment.
    pub rollover: Rollover,
    /// The keys that sign tokens, at any moment.
    pub token_keys: TokenKeys,
    /// The key that makes `sub`.
    pub subject_key: SubjectKey,
    /// The mail server, if there is one.
    pub mail_server: Option<MailServer>,
    /// The registered clients.
    pub clients: Clients,
    /// What eIDAS means to each client, by its identifier.
    pub policies: BTreeMap<String, ClientPolicy>,
    /// The countries, each with what vouches for it and where its metadata is.
    pub countries: Vec<(CountryTrust, Source)>,
    /// The lists that countries refer to: name, what vouches for it, and where it is.
    pub lists: Vec<(String, ListTrust, Source)>,
}

impl Config {
    /// Opens what the sections refer to. `None` if there are findings, here or in the sections themselves.
    pub(crate) fn open(&self, now: Timestamp, findings: &mut Findings) -> Option<Opened> {
        let before = findings.0.len();
        let mut files = Files { findings, now };
        let database = self.database.open(&mut files);
        let rotation = Rotation::read(&self.connector.rotation_file, &mut files);
        let ourselves = rotation.as_ref().and_then(|rotation| self.open_connector(rotation, &mut files));
        let token_keys = rotation.as_ref().and_then(|rotation| self.open_token_keys(rotation, &mut files));
        let signing_keys = token_keys.as_ref().map(|keys| keys.at(now));
        let subject_key = self.open_subject_key(&mut files);
        let mail_server = self.open_smtp(&mut files);
        let mut clients = Vec::new();
        let mut policies = BTreeMap::new();
        for (n, client) in self.client.iter().enumerate() {
            clients.extend(client.open(&format!("client[{n}]"), self, signing_keys.as_ref(), &mut files));
            policies.insert(client.id.clone(), client.policy(self));
        }
        let mut countries = Vec::new();
        for (n, country) in self.country.iter().enumerate() {
            countries.extend(country.open(&format!("country[{n}]"), &mut files));
        }
        let mut lists = Vec::new();
        for (n, list) in self.metadata_list.iter().enumerate() {
            lists.extend(list.open(&format!("metadata_list[{n}]"), &mut files));
        }
        if files.findings.0.len() > before {
            return None;
        }
        let (connector, rollover) = ourselves?;
        Some(Opened {
            database: database?,
            connector,
            rollover,
            token_keys: token_keys?,
            subject_key: subject_key?,
            mail_server,
            // What could be wrong with them together was found when the sections were checked.
            clients: Clients::new(clients).ok()?,
            policies,
            countries,
            lists,
        })
    }

    /// Ourselves now, and over time. What the rotation file has retired is not opened: its files may be gone
    /// and its certificates over.
    fn open_connector(&self, rotation: &Rotation, files: &mut Files<'_>) -> Option<(Connector, Rollover)> {
        let set = &self.connector;
        let own = set.metadata_signing.as_ref().unwrap_or(&set.signing);
        let first = set.encryption.first()?;
        let mut open = |usage, at: &str, pair: &KeyPair| {
            let at = format!("connector.{at}");
            rotation.live(usage, at, pair, files.now).into_iter().map(|key| key.open(files)).collect()
        };
        let signing: Option<Vec<_>> = open(KeyUse::Signing, "signing", &set.signing);
        let at = if set.metadata_signing.is_some() { "metadata_signing" } else { "signing" };
        let metadata_signing: Option<Vec<_>> = open(KeyUse::MetadataSigning, at, own);
        let mut encryption = Vec::new();
        for key in rotation.live(KeyUse::Encryption, "connector.encryption[0]".to_owned(), first, files.now) {
            encryption.extend(key.open_decryption(files));
        }
        let mut further = Vec::new();
        for (n, pair) in set.encryption.iter().enumerate().skip(1) {
            let at = format!("connector.encryption[{n}]");
            further.extend(files.decryption_key(&at, pair, Stage::Active));
        }
        let mut next = Vec::new();
        for (n, file) in set.next_signing_certificate_files.iter().enumerate() {
            next.extend(files.certificates(&format!("connector.next_signing_certificate_files[{n}]"), file));
        }
        let (signing, metadata_signing) = (signing?, metadata_signing?);
        let (_, (signer, metadata_chain)) = metadata_signing.first()?.clone();
        let organization = &set.organization;
        let connector = Connector {
            entity_id: self.entity_id(),
            acs_url: self.acs_url(),
            country: CountryCode::parse(&set.country)?,
            application_identifier: APPLICATION.to_owned(),
            provider_name: set.provider_name.clone(),
            sp_type: set.sp_type.map(Into::into),
            organization: Some(Organization {
                name: organization.name.clone(),
                display_name: organization.display_name.clone().unwrap_or_else(|| organization.name.clone()),
                url: organization.url.clone(),
                language: organization.language.clone(),
            }),
            support: Some(set.support_contact.open()),
            technical: Some(set.technical_contact.open()),
            signing: signing.first()?.1.0.clone(),
            extra_signing_certificates: next.into_iter().flatten().collect(),
            metadata_signing: signer,
            metadata_chain,
            decryption: encryption.first().map(|(_, key)| key.clone()).into_iter().chain(further).collect(),
        };
        let signing = signing.into_iter().map(|(turn, (key, _))| (turn, key)).collect();
        let rollover = Rollover::new(connector, signing, encryption, metadata_signing);
        let connector = rollover.at(files.now);
        if let Err(error) = connector.check() {
            files.findings.add("connector.encryption", "unfit_keys", error.to_string());
        }
        Some((connector, rollover))
    }

    /// The keys that sign tokens, over time. The first of each algorithm takes turns with what the rotation file
    /// has for it; the others are only published.
    fn open_token_keys(&self, rotation: &Rotation, files: &mut Files<'_>) -> Option<TokenKeys> {
        let (mut turns, mut published) = (Vec::new(), Vec::new());
        let mut seen = Vec::new();
        for (n, key) in self.oidc.signing_key.iter().enumerate() {
            let at = format!("oidc.signing_key[{n}].key_file");
            if seen.contains(&key.algorithm) {
                published.push(files.token_key(&at, key));
                continue;
            }
            seen.push(key.algorithm);
            for live in rotation.live_tokens(at, key, files.now) {
                turns.push(files.token_key(&live.at, &live.key).map(|key| (live.turn, key)));
            }
        }
        for planned in rotation.token.iter().filter(|planned| !seen.contains(&planned.algorithm)) {
            let algorithm = JwsAlgorithm::from(planned.algorithm).as_str();
            let message = format!("it has a key for {algorithm}, for which there is no [[oidc.signing_key]]");
            files.findings.add("connector.rotation_file", "bad_rotation", message);
        }
        let turns = turns.into_iter().collect::<Option<Vec<_>>>()?;
        let keys = TokenKeys::new(turns, published.into_iter().collect::<Option<Vec<_>>>()?);
        let keys =
            keys.map_err(|error| files.findings.add("oidc.signing_key", "unfit_keys", error.to_string()));
        let period = self.oidc.rotate_after_days.map(|days| Duration::from_secs(86_400 * u64::from(days)));
        keys.ok().map(|keys| keys.rotated_after(period))
    }

    fn open_subject_key(&self, files: &mut Files<'_>) -> Option<SubjectKey> {
        let set = &self.subject;
        let secret = files.secret("subject.key_file", &set.key_file)?;
        let key = SubjectKey::new(set.key_version, *secret.expose());
        if let Some(expected) = set.check_value.as_ref().filter(|expected| **expected != key.check_value()) {
            let message = format!("the key has the check value {}, not {expected}", key.check_value());
            files.findings.add("subject.check_value", "wrong_key", message);
        }
        Some(key)
    }
}

impl Contact {
    fn open(&self) -> eidas::Contact {
        eidas::Contact {
            company: self.company.clone(),
            given_name: self.given_name.clone(),
            surname: self.surname.clone(),
            email: self.email.clone(),
            telephone: self.telephone.clone(),
        }
    }
}

impl Country {
    fn open(&self, at: &str, files: &mut Files<'_>) -> Option<(CountryTrust, Source)> {
        let anchors = files.anchors(at, &self.anchor_files);
        let metadata = match (&self.metadata_file, &self.metadata_url, &self.list) {
            // Only whether it is there: a node's metadata may be bad without our configuration being so.
            (Some(file), _, _) => {
                files.read(&format!("{at}.metadata_file"), file)?;
                Source::File(file.clone())
            }
            (None, Some(url), _) => Source::Url(url.clone()),
            (None, None, Some(list)) => Source::Listed(list.clone()),
            (None, None, None) => return None,
        };
        let trust = CountryTrust {
            entity_id: self.entity_id.clone(),
            quirks: self.quirks.clone(),
            accept_pkcs1_certificates: self.accept_pkcs1_certificates,
            pinned: self.metadata_sha256.as_deref().and_then(decode_sha256),
            revocation: match self.revocation {
                Revocation::Hard => RevocationPolicy::Hard,
                Revocation::Soft => RevocationPolicy::Soft,
                Revocation::Off => RevocationPolicy::Off,
            },
            review: self.review,
            ..CountryTrust::new(CountryCode::parse(&self.code)?, anchors)
        };
        Some((trust, metadata))
    }
}

impl MetadataList {
    fn open(&self, at: &str, files: &mut Files<'_>) -> Option<(String, ListTrust, Source)> {
        let anchors = files.anchors(at, &self.anchor_files);
        let source = match (&self.file, &self.url) {
            (Some(file), _) => {
                files.read(&format!("{at}.file"), file)?;
                Source::File(file.clone())
            }
            (None, Some(url)) => Source::Url(url.clone()),
            (None, None) => return None,
        };
        // Only what lies here can be believed without a signature.
        let trust = match source {
            Source::File(_) if self.anchor_files.is_empty() => ListTrust::Pinned,
            _ => ListTrust::Signed { anchors, accept_pkcs1_certificates: self.accept_pkcs1_certificates },
        };
        Some((self.name.clone(), trust, source))
    }
}

impl Client {
    pub(super) fn open(
        &self,
        at: &str,
        config: &Config,
        keys: Option<&SigningKeys>,
        files: &mut Files<'_>,
    ) -> Option<oidc::Client> {
        let algorithm = self.id_token_alg.into();
        if keys.is_some_and(|keys| keys.for_algorithm(algorithm).is_none()) {
            let message = format!("there is no [[oidc.signing_key]] for {}", algorithm.as_str());
            files.findings.add(format!("{at}.id_token_alg"), "missing_signing_key", message);
        }
        let authentication = self.open_authentication(at, files);
        let client_keys = self.open_keys(at, files);
        self.check_recipient(at, client_keys.as_ref(), files);
        let authentication = authentication?;
        let uris: Option<Vec<_>> =
            self.redirect_uris.iter().map(|uri| RedirectUri::register(uri).ok()).collect();
        let mut client = oidc::Client::new(&self.id, authentication, uris?);
        client.keys = client_keys;
        client.bound_tokens = match self.bound_tokens {
            BoundTokens::None => client::BoundTokens::None,
            BoundTokens::Dpop => client::BoundTokens::Dpop,
            BoundTokens::Mtls => client::BoundTokens::Mtls,
        };
        client.name.clone_from(&self.name);
        let after: Option<Vec<_>> =
            self.post_logout_redirect_uris.iter().map(|uri| RedirectUri::register(uri).ok()).collect();
        client.post_logout_redirect_uris = after?;
        client.sso = (self.sso_ttl_seconds > 0).then(|| Duration::from_secs(self.sso_ttl_seconds));
        client.require_pkce = self.require_pkce;
        client.require_par = self.require_par;
        client.require_nonce = self.require_nonce;
        client.id_token_alg = algorithm;
        client.id_token_encryption = self.id_token_encryption();
        client.userinfo = self.userinfo_form();
        self.open_requests(at, &mut client, keys, files.findings);
        // What a scope releases is bounded by the policy below, so every scope may be asked.
        client.scopes.extend(login::claims::supported_scopes().into_iter().map(str::to_owned));
        client.claims_in_id_token =
            if self.claims_in_id_token { ClaimsInIdToken::All } else { ClaimsInIdToken::Minimal };
        client.iat_backdate = Duration::from_secs(self.iat_backdate_seconds);
        client.access_token_lifetime = Duration::from_secs(config.oidc.access_token_seconds);
        Some(client)
    }

    fn open_authentication(&self, at: &str, files: &mut Files<'_>) -> Option<ClientAuthentication> {
        let audience = match self.assertion_audience {
            AssertionAudience::Issuer => client::AssertionAudience::Issuer,
            AssertionAudience::Endpoint => client::AssertionAudience::Endpoint,
        };
        let place = match self.authentication {
            Authentication::None => return Some(ClientAuthentication::Public),
            Authentication::SelfSignedTlsClientAuth => return Some(ClientAuthentication::SelfSignedTls),
            Authentication::TlsClientAuth => return self.open_tls(at, files),
            Authentication::Any => SecretPlace::Any,
            Authentication::ClientSecretBasic => SecretPlace::Basic,
            Authentication::ClientSecretPost => SecretPlace::Post,
            Authentication::ClientSecretJwt => {
                let mut secrets = self.secrets.clone();
                if secrets.is_empty() {
                    let at = format!("{at}.secret_file");
                    // HS256 asks for a key as long as its output (RFC 7518 §3.2).
                    secrets.push(files.client_secret(&at, self.secret_file.as_ref()?, 32)?);
                }
                let key = AssertionKey::Secret(secrets);
                return Some(ClientAuthentication::Assertion { key, audience });
            }
            Authentication::PrivateKeyJwt => {
                let key = AssertionKey::Public { algorithm: self.assertion_alg?.into() };
                return Some(ClientAuthentication::Assertion { key, audience });
            }
        };
        if let Some(secret) = self.secrets.first() {
            let hash = SecretHash::of(secret.expose());
            let hash = match self.secrets.get(1) {
                Some(before) => hash.or(before.expose()),
                None => hash,
            };
            return Some(ClientAuthentication::Secret { place, hash });
        }
        let hash = match (&self.secret_file, &self.secret_hash) {
            (Some(file), _) => {
                SecretHash::of(files.client_secret(&format!("{at}.secret_file"), file, 22)?.expose())
            }
            (None, hash) => SecretHash::from_hex(hash.as_ref()?)?,
        };
        Some(ClientAuthentication::Secret { place, hash })
    }

    pub(super) fn policy(&self, config: &Config) -> ClientPolicy {
        let attributes: BTreeSet<_> =
            self.attributes.iter().filter_map(|name| attribute::by_friendly_name(name)).collect();
        let name = || config.connector.provider_name.clone().unwrap_or_else(|| self.name.clone());
        ClientPolicy {
            purpose: self.purpose.clone(),
            consent: match self.consent {
                Consent::Off => login::Consent::Off,
                Consent::Notice => login::Consent::Notice,
                Consent::Required => login::Consent::Required,
            },
            requester_id: self.requester_id.clone(),
            provider_name: Some(self.provider_name.clone().unwrap_or_else(name)),
            min_loa: self.min_loa.into(),
            accept_non_notified: self.accept_non_notified,
            kind: SubjectKind::from(self.kind),
            representation: self.representation,
            attributes,
            person_identifier: self.allow_person_identifier,
            subject: match self.sub {
                SubMode::Pairwise => SubjectMode::Pairwise,
                SubMode::Shared => SubjectMode::Shared,
                SubMode::Raw => SubjectMode::Raw,
            },
            email: self.open_email_source(),
            acr: match self.acr {
                AcrStyle::Uri => login::AcrStyle::Uri,
                AcrStyle::Short => login::AcrStyle::Short,
            },
            acr_words: self.acr_words.iter().map(|(level, word)| ((*level).into(), word.clone())).collect(),
            verified_claims: self.verified_claims,
            level_error: match self.level_error {
                LevelError::AccessDenied => login::LevelError::AccessDenied,
                LevelError::Unmet => login::LevelError::Unmet,
            },
            cancel_goes_back: self.cancel_goes_back,
            flat_address: self.flat_address,
            ..ClientPolicy::new(&self.name, self.sector_id.as_ref().unwrap_or(&self.id), self.sector.into())
        }
    }
}

/// `vendor:software:version` (Message Format 1.4 §3.3).
const APPLICATION: &str = concat!("eidas-gateway:eidas-gateway:", env!("CARGO_PKG_VERSION"));
