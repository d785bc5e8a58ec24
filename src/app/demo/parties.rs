//! The parties of the demo and how they know each other.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use super::by_host;
use crate::app::{ServeError, key_fetcher};
use crate::audit;
use crate::clock::{Clock, Timestamp};
use crate::config::{Outbound, Profile};
use crate::crypto::jose::{JoseError, JwsAlgorithm, JwsKey};
use crate::crypto::{
    CertificateRequest, Curve, DecryptionKey, KeyError, KeyKind, KeyUsage, PrivateKey, SigningKey,
};
use crate::eidas::{
    Attribute, Connector, Contact, CountryCode, CountryTrust, Loa, Organization, SpType, SubjectKind, trust,
};
use crate::ids::{self, Random};
use crate::login::email::EmailSource;
use crate::login::{self, ClientPolicy, Countries, Entry, SubjectKey};
use crate::node::relying_party::{Offer, RelyingParty, relying_party};
use crate::node::{Call, InProcess, MemberState, Neighbour, Wire, member_state};
use crate::oidc::client::{SecretHash, generate_secret};
use crate::oidc::{Client, Clients, Issuer, RedirectUri, SigningKeys};
use crate::outbound::{MailSecurity, MailServer, Mailer};
use crate::secret::Secret;
use crate::store::{self, Store};
use crate::web::{self, KeySources, Parts, Services};

/// Gateway, member states and relying party, ready to answer.
pub struct Demo {
    /// Answers for all of them, by host name.
    pub router: Router,
    /// The relying party's address: where to begin.
    pub shop: String,
    /// The gateway's address.
    pub issuer: String,
    /// The member states' addresses.
    pub nodes: [String; 2],
    /// The database, in memory.
    pub store: Arc<dyn Store>,
    /// The audit events so far.
    pub journal: Arc<audit::Memory>,
    services: Arc<Services>,
    countries: Vec<(CountryTrust, String)>,
    wire: InProcess,
    clock: Arc<dyn Clock>,
}

/// Why the demo cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A key could not be made.
    #[error("no key could be made: {0}")]
    Key(#[from] KeyError),
    /// A key for tokens could not be made.
    #[error("no key could be made: {0}")]
    TokenKey(#[from] JoseError),
    /// Something in here does not fit together.
    #[error("the demo does not fit together: {0}")]
    Unfit(String),
}

impl Demo {
    /// Puts the demo together for `port`, perhaps with the mail server at another, with new keys, and loads the member states' metadata.
    ///
    /// # Errors
    /// [`ServeError::Demo`] and [`ServeError::Store`].
    pub async fn new(
        port: u16,
        mail_port: Option<u16>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, ServeError> {
        let store = store::open(MEMORY).await.map_err(|error| ServeError::Store(MEMORY.to_owned(), error))?;
        let demo = Self::compose(port, mail_port, store, clock, random).map_err(ServeError::Demo)?;
        demo.load_countries().await;
        Ok(demo)
    }

    fn compose(
        port: u16,
        mail_port: Option<u16>,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
    ) -> Result<Self, DemoError> {
        let at = |host: &str| format!("http://{host}:{port}");
        let (issuer, shop, nodes) = (at(GATEWAY), at(SHOP), NODES.map(at));
        let keys = Keys::make(&nodes, clock.now(), &*random)?;
        let countries = keys.nodes.iter().map(|node| (trust_in(node), format!("{}/metadata", node.base)));
        let countries: Vec<_> = countries.collect();

        let country = CountryCode::parse(COUNTRY).ok_or_else(|| unfit(COUNTRY))?;
        let connector = connector(&issuer, country, &keys);
        let registered: Vec<_> =
            kinds(mail_port).map(|kind| kind.register(&shop, &*random)).collect::<Result<_, _>>()?;
        let journal = Arc::new(audit::Memory::default());
        let services = Arc::new(Services::new(Parts {
            issuer: Issuer::parse(&issuer).map_err(unfit)?,
            clients: Clients::new(registered.iter().map(|(client, ..)| client.clone())).map_err(unfit)?,
            policies: registered
                .iter()
                .map(|(client, policy, _)| (client.id.clone(), policy.clone()))
                .collect(),
            connector: connector.into(),
            countries: Countries::default(),
            token_keys: SigningKeys::new(vec![keys.token]).map_err(unfit)?.into(),
            subject_key: SubjectKey::new(1, ids::octets::<32>(&*random)),
            mailer: mail_port.map(|port| Arc::new(mailer(port))),
            store: store.clone(),
            clock: clock.clone(),
            random: random.clone(),
            audit: journal.clone(),
            key_sources: KeySources::new(key_fetcher(&Outbound::default(), Profile::Test)),
            certificate_header: None,
            certificate_base: None,
        }));
        let gateway = web::router(services.clone());

        let to_gateway: Arc<dyn Wire> = Arc::new(InProcess(gateway.clone()));
        let neighbour = Neighbour {
            entity_id: format!("{issuer}/saml/metadata"),
            trusted: vec![keys.metadata.certificate().clone()],
        };
        let mut parties = vec![(GATEWAY.to_owned(), gateway)];
        for (host, node) in NODES.iter().zip(keys.nodes) {
            let wire = to_gateway.clone();
            let router = member_state(node, neighbour.clone(), wire, clock.clone(), random.clone());
            parties.push(((*host).to_owned(), router));
        }
        let about = RelyingParty {
            name: "The Alpine Shop".to_owned(),
            base: shop.clone(),
            issuer: issuer.clone(),
            offers: registered.into_iter().flat_map(|(_, _, offers)| offers).collect(),
        };
        let lines = journal.clone();
        let lines = Arc::new(move || lines.lines());
        parties.push((SHOP.to_owned(), relying_party(about, to_gateway, lines, clock.clone(), random)));

        let router = by_host(parties.into_iter().collect(), shop.clone());
        let wire = InProcess(router.clone());
        Ok(Self { router, shop, issuer, nodes, store, journal, services, countries, wire, clock })
    }

    /// Loads the member states' metadata and has it judged, as the gateway does with that of real ones.
    pub async fn load_countries(&self) {
        let mut entries = Vec::new();
        for (trust, address) in &self.countries {
            let judged = match self.wire.call(Call::get(address)).await {
                Ok(answer) => {
                    trust::check(&answer.body, trust, self.clock.now()).map_err(|refusal| refusal.to_string())
                }
                Err(reason) => Err(reason),
            };
            entries.push((
                trust.country,
                match judged {
                    Ok(node) => Entry::Trusted(Arc::new(node)),
                    Err(reason) => {
                        tracing::error!(country = %trust.country, %reason, "metadata cannot be used");
                        Entry::Untrusted(reason)
                    }
                },
            ));
        }
        self.services.set_countries(Countries::new(entries));
    }
}

/// The keys of all parties.
struct Keys {
    signing: SigningKey,
    metadata: SigningKey,
    decryption: DecryptionKey,
    token: JwsKey,
    nodes: [MemberState; 2],
}

impl Keys {
    /// Makes the two RSA keys side by side; they are what the demo's start takes its time for.
    fn make(nodes: &[String; 2], now: Timestamp, random: &dyn Random) -> Result<Self, DemoError> {
        let [xa, xb] = nodes;
        let (token, xa) = std::thread::scope(|scope| {
            let token = scope.spawn(|| JwsKey::generate(JwsAlgorithm::RS256));
            let xa = MemberState::xa(xa, now, random);
            (token.join(), xa)
        });
        let token = token.map_err(|_| DemoError::Unfit("a thread broke down".to_owned()))??;
        let pair = |name: &str, usage| -> Result<_, KeyError> {
            let key = PrivateKey::generate(KeyKind::Ec(Curve::P256))?;
            let request = CertificateRequest {
                common_name: format!("Demo gateway {name}"),
                organization: Some("eidas-gateway demo".to_owned()),
                country: Some(COUNTRY.to_owned()),
                not_before: now,
                not_after: now + Duration::from_secs(86_400 * 365),
                usage,
            };
            let certificate = key.self_signed(&request, random)?;
            Ok((key, certificate))
        };
        let (signing, signing_certificate) = pair("signing", KeyUsage::Signing)?;
        let (metadata, metadata_certificate) = pair("metadata", KeyUsage::Signing)?;
        let (decryption, encryption_certificate) = pair("encryption", KeyUsage::Encryption)?;
        Ok(Self {
            signing: SigningKey::new(signing, signing_certificate, None)?,
            metadata: SigningKey::new(metadata, metadata_certificate, None)?,
            decryption: DecryptionKey::new(decryption, encryption_certificate)?,
            token,
            nodes: [xa?, MemberState::xb(xb, now, random)?],
        })
    }
}

/// What sends mail to a server on this machine.
fn mailer(port: u16) -> Mailer {
    Mailer::new(MailServer {
        host: "localhost".to_owned(),
        port,
        security: MailSecurity::None,
        credentials: None,
        from: "eidas-gateway demo <login@example.org>".to_owned(),
        time: Duration::from_secs(5),
        ca_file: None,
    })
}

/// The kinds of login that can be offered.
fn kinds(mail_port: Option<u16>) -> impl Iterator<Item = &'static Kind> {
    KINDS.iter().chain(mail_port.is_some().then_some(&WITH_EMAIL))
}

fn connector(issuer: &str, country: CountryCode, keys: &Keys) -> Connector {
    let office = |email: &str| Contact {
        company: Some("eidas-gateway demo".to_owned()),
        given_name: None,
        surname: None,
        email: email.to_owned(),
        telephone: None,
    };
    Connector {
        entity_id: format!("{issuer}/saml/metadata"),
        acs_url: format!("{issuer}/saml/acs"),
        country,
        application_identifier: concat!("eidas-gateway:demo:", env!("CARGO_PKG_VERSION")).to_owned(),
        provider_name: Some("eidas-gateway demo".to_owned()),
        sp_type: None,
        organization: Some(Organization {
            name: "eidas-gateway demo".to_owned(),
            display_name: "eidas-gateway demo".to_owned(),
            url: issuer.to_owned(),
            language: "en".to_owned(),
        }),
        support: Some(office("support@example.org")),
        technical: Some(office("technical@example.org")),
        signing: keys.signing.clone(),
        extra_signing_certificates: Vec::new(),
        metadata_signing: keys.metadata.clone(),
        metadata_chain: Vec::new(),
        decryption: vec![keys.decryption.clone()],
    }
}

fn trust_in(node: &MemberState) -> CountryTrust {
    CountryTrust::new(node.country, vec![node.signing.certificate().clone()])
}

/// A kind of login that the relying party offers; each is a client of its own at the gateway.
struct Kind {
    client: &'static str,
    policy: fn(&mut ClientPolicy),
    /// Id, title, note, scopes and `acr_values` of each button.
    offers: &'static [[&'static str; 5]],
}

impl Kind {
    /// The client, its policy, and its buttons, which know its secret.
    fn register(
        &self,
        shop: &str,
        random: &dyn Random,
    ) -> Result<(Client, ClientPolicy, Vec<Offer>), DemoError> {
        let secret = generate_secret(random);
        let callback = RedirectUri::register(&format!("{shop}/callback")).map_err(unfit)?;
        let mut client = Client::new(self.client, SecretHash::of(secret.expose()), vec![callback]);
        NAME.clone_into(&mut client.name);
        client.scopes.extend(login::claims::supported_scopes().into_iter().map(str::to_owned));
        let mut policy = ClientPolicy::new(NAME, SECTOR, SpType::Public);
        policy.purpose = Some("Apply for a trail permit".to_owned());
        policy.person_identifier = true;
        (self.policy)(&mut policy);
        policy.attributes =
            Attribute::of(policy.kind).filter(|attribute| !attribute.is_mandatory()).collect();
        let offers = self.offers.iter().map(|[id, title, note, scope, acr_values]| Offer {
            id: (*id).to_owned(),
            title: (*title).to_owned(),
            note: (*note).to_owned(),
            client_id: self.client.to_owned(),
            client_secret: Secret::new(secret.expose().clone()),
            scope: (*scope).to_owned(),
            acr_values: (*acr_values).to_owned(),
        });
        let offers = offers.collect();
        Ok((client, policy, offers))
    }
}

const KINDS: &[Kind] = &[
    Kind {
        client: "shop",
        policy: |policy| policy.min_loa = Loa::Low,
        offers: &[
            [
                "natural",
                "As a person",
                "Name, date of birth and identifier, at the level \"substantial\".",
                "openid profile eidas",
                "http://eidas.europa.eu/LoA/substantial",
            ],
            [
                "high",
                "With a strong eID",
                "The same, at the level \"high\" and with everything else that the country knows.",
                "openid profile eidas eidas:attributes",
                "http://eidas.europa.eu/LoA/high",
            ],
        ],
    },
    Kind {
        client: "shop-consent",
        policy: |policy| {
            policy.min_loa = Loa::Low;
            policy.consent = login::Consent::Required;
        },
        offers: &[[
            "consent",
            "With your consent",
            "Everything that the country knows; the gateway shows it to you first, and asks.",
            "openid profile eidas eidas:attributes",
            "http://eidas.europa.eu/LoA/substantial",
        ]],
    },
    Kind {
        client: "shop-company",
        policy: |policy| {
            policy.min_loa = Loa::Low;
            policy.kind = SubjectKind::Legal;
            policy.representation = true;
        },
        offers: &[[
            "legal",
            "For a company",
            "The company's name and identifier, and who acts for it.",
            "openid profile eidas",
            "http://eidas.europa.eu/LoA/substantial",
        ]],
    },
    Kind {
        client: "shop-any",
        policy: |policy| {
            policy.min_loa = Loa::Low;
            policy.accept_non_notified = true;
        },
        offers: &[[
            "low",
            "With any eID",
            "At the level \"low\", and with schemes that their country has not notified.",
            "openid profile eidas",
            "http://eidas.europa.eu/LoA/low",
        ]],
    },
];

const WITH_EMAIL: Kind = Kind {
    client: "shop-email",
    policy: |policy| {
        policy.min_loa = Loa::Low;
        policy.email = EmailSource::Collect;
    },
    offers: &[[
        "email",
        "With an e-mail address",
        "The gateway asks for it once, and sends a code there.",
        "openid profile email",
        "http://eidas.europa.eu/LoA/substantial",
    ]],
};

fn unfit(error: impl std::fmt::Display) -> DemoError {
    DemoError::Unfit(error.to_string())
}

const NAME: &str = "The Alpine Shop";
const SECTOR: &str = "shop";
const GATEWAY: &str = "gateway.localhost";
const SHOP: &str = "shop.localhost";
const NODES: [&str; 2] = ["xa.node.localhost", "xb.node.localhost"];
/// The country of the gateway itself: one of those that no country has.
const COUNTRY: &str = "XX";
const MEMORY: &str = "sqlite::memory:";
