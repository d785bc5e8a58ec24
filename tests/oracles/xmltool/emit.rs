//! One of every kind of document that the gateway and the simulated member state emit, each made by the code
//! that makes it in a login.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use eidas_gateway::clock::{Clock, SystemClock, Timestamp};
use eidas_gateway::crypto::{DecryptionKey, PublicKey, SigningKey};
use eidas_gateway::eidas::attribute::Attribute;
use eidas_gateway::eidas::trust::{self, CountryTrust, TrustedNode};
use eidas_gateway::eidas::{
    Ask, Connector, Contact, CountryCode, Loa, Organization, RequestedLoa, SpType, SubjectKind, metadata,
    request,
};
use eidas_gateway::ids::SystemRandom;
use eidas_gateway::node::{CITIZENS, ConnectorMetadata, Failure, MemberState, Received};
use eidas_gateway::xml::enc::{self, DecryptionPolicy};
use eidas_gateway::xml::{Document, Limits, dsig, write};

use super::{Result, SAML2, certificate, private_key};

pub(super) fn emit_all(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder.join("emitted"))?;
    let now = SystemClock.now();
    // P-256 signs, because that is what all readers can verify.
    let node = MemberState {
        signing: signing_key(folder, "p256")?,
        ..MemberState::xb("https://node.example", now, &SystemRandom)?
    };
    let node_metadata = node.metadata(now, &SystemRandom)?;
    save(folder, "node-metadata", &node_metadata)?;
    let whole = MemberState::xa("https://other.example", now, &SystemRandom)?;
    save(folder, "node-metadata-whole", &whole.metadata(now, &SystemRandom)?)?;

    let connector = connector(folder)?;
    let our_metadata = publish(&connector, now)?;
    save(folder, "connector-metadata", &our_metadata)?;
    let one_sector = Connector {
        sp_type: Some(SpType::Private),
        decryption: vec![decryption_key(folder, "bp384")?],
        organization: None,
        technical: None,
        ..connector.clone()
    };
    save(folder, "connector-metadata-one-sector", &publish(&one_sector, now)?)?;

    let trusted = trust(&node, &node_metadata, now)?;
    let enrolled = [connector.metadata_signing.certificate().clone()];
    let known = ConnectorMetadata::read(our_metadata.as_bytes(), &enrolled, now)?;
    let mut asked = Vec::new();
    for (name, ask) in asks() {
        let sent = request::build(&connector, &trusted, &ask, &SystemRandom, now)?;
        save(folder, name, &sent.xml)?;
        let document = Document::parse(sent.xml.as_bytes(), &Limits::MESSAGE)?;
        asked.push(node.receive(&document, None, &known).map_err(|refusal| format!("{name}: {refusal:?}"))?);
    }
    answers(folder, &node, &connector, &asked, now)
}

/// Every citizen answers the first request that they can answer, and one gives up.
fn answers(
    folder: &Path,
    node: &MemberState,
    connector: &Connector,
    asked: &[Received],
    now: Timestamp,
) -> Result<()> {
    let trusted = [node.signing.certificate().public_key()?];
    for citizen in CITIZENS {
        let mut assertion = None;
        for received in asked {
            let response = node.answer(received, citizen, None, now, &SystemRandom)?;
            if let Some(plain) = decrypt(&response, &trusted, &connector.decryption)? {
                save(folder, &format!("response-{}", citizen.id), &response)?;
                assertion = Some(plain);
                break;
            }
        }
        let assertion = assertion.ok_or_else(|| format!("no request for {}", citizen.id))?;
        save(folder, &format!("assertion-{}", citizen.id), &assertion)?;
    }
    let received = asked.first().ok_or("no request")?;
    save(folder, "response-failure", &node.fail(received, Failure::CANCELLED, now, &SystemRandom)?)
}

/// The assertion of a response; none if the response is a failure.
fn decrypt(response: &str, trusted: &[PublicKey], keys: &[DecryptionKey]) -> Result<Option<String>> {
    let document = Document::parse(response.as_bytes(), &Limits::MESSAGE)?;
    let response = dsig::verify(document.root(), trusted, dsig::ReferenceRule::OwnId)?;
    let Some(encrypted) = response.child(SAML2, "EncryptedAssertion") else { return Ok(None) };
    let assertion = enc::decrypt(&encrypted, keys, &DecryptionPolicy::default())?;
    Ok(Some(write(assertion.element())))
}

/// Requests that differ in all that a request can differ in.
fn asks() -> [(&'static str, Ask); 4] {
    let all = |kind| Attribute::of(kind).collect::<BTreeSet<_>>();
    let plain = Ask {
        sp_type: SpType::Public,
        requester_id: None,
        kind: SubjectKind::Natural,
        loa: RequestedLoa::Minimum(Loa::Low),
        attributes: BTreeSet::new(),
        provider_name: None,
        representation: false,
    };
    let full = Ask {
        requester_id: Some("https://shop.example/rp".into()),
        attributes: all(SubjectKind::Natural),
        provider_name: Some("Käse & Söhne <\"test\">".into()),
        ..plain.clone()
    };
    let private =
        Ask { sp_type: SpType::Private, loa: RequestedLoa::with_non_notified(Loa::Low), ..full.clone() };
    let legal = Ask {
        kind: SubjectKind::Legal,
        attributes: all(SubjectKind::Legal),
        representation: true,
        ..plain.clone()
    };
    [
        ("authn-request", full),
        ("authn-request-legal", legal),
        ("authn-request-private", private),
        ("authn-request-plain", plain),
    ]
}

fn connector(folder: &Path) -> Result<Connector> {
    let contact = |email: &str| Contact {
        company: Some("Example & Co".into()),
        given_name: Some("Service".into()),
        surname: Some("Desk".into()),
        email: email.into(),
        telephone: Some("+3212345678".into()),
    };
    Ok(Connector {
        entity_id: "https://gateway.example/saml/metadata".into(),
        acs_url: "https://gateway.example/saml/acs".into(),
        country: country("XA")?,
        application_identifier: "example:eidas-gateway:0.1.0".into(),
        provider_name: Some("Example".into()),
        sp_type: None,
        organization: Some(Organization {
            name: "Example".into(),
            display_name: "Example <é>".into(),
            url: "https://example.org/?a=1&b=2".into(),
            language: "en".into(),
        }),
        support: Some(contact("support@gateway.example")),
        technical: Some(contact("technical@gateway.example")),
        signing: signing_key(folder, "p256")?,
        extra_signing_certificates: vec![certificate(folder, "p521")?],
        metadata_signing: signing_key(folder, "p384")?,
        metadata_chain: vec![certificate(folder, "bp512")?],
        decryption: vec![decryption_key(folder, "rsa3072")?],
    })
}

fn publish(connector: &Connector, now: Timestamp) -> Result<String> {
    Ok(metadata::publish(connector, Duration::from_secs(86_400), now, &SystemRandom)?)
}

fn trust(node: &MemberState, metadata: &str, now: Timestamp) -> Result<TrustedNode> {
    let trust = CountryTrust::new(country("XB")?, vec![node.signing.certificate().clone()]);
    Ok(trust::check(metadata.as_bytes(), &trust, now)?)
}

fn country(code: &str) -> Result<CountryCode> {
    CountryCode::parse(code).ok_or_else(|| "no country".into())
}

fn signing_key(folder: &Path, name: &str) -> Result<SigningKey> {
    Ok(SigningKey::new(private_key(folder, name)?, certificate(folder, name)?, None)?)
}

fn decryption_key(folder: &Path, name: &str) -> Result<DecryptionKey> {
    Ok(DecryptionKey::new(private_key(folder, name)?, certificate(folder, name)?)?)
}

fn save(folder: &Path, name: &str, text: &str) -> Result<()> {
    Ok(fs::write(folder.join(format!("emitted/{name}.xml")), text)?)
}
