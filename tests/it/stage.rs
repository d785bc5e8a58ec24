//! A stage for one exchange: we, a node of the test country XB, a request, and a valid answer to it. A test
//! changes one thing and sees which rule notices.

use std::sync::LazyLock;
use std::time::Duration;

use eidas_gateway::clock::Timestamp;
use eidas_gateway::crypto::{
    Certificate, CertificateRequest, Curve, DecryptionKey, KeyKind, KeyUsage, PrivateKey, SigningKey,
};
use eidas_gateway::eidas::attribute::Attribute as Eidas;
use eidas_gateway::eidas::{
    Ask, Connector, CountryCode, CountryTrust, Identity, Inbound, Loa, Outcome, Pending, Quirks, Refusal,
    RequestedLoa, SpType, SubjectKind, TrustRefusal, TrustedNode, request, response, trust,
};
use eidas_gateway::ids::SystemRandom;
use eidas_gateway::saml::metadata::{
    Endpoint, EntityDescriptor, IdpSsoDescriptor, KeyDescriptor, KeyUse, PublishedAttribute, Role,
    RoleDescriptor,
};
use eidas_gateway::saml::names::{self, NAME_FORMAT_URI, status};
use eidas_gateway::saml::{
    Assertion, Attribute, AttributeStatement, AttributeValue, AuthnStatement, Conditions, Issuer, NameId,
    Response, Status, Subject, SubjectConfirmation, binding,
};
use eidas_gateway::xml::enc::{self, EncryptionOptions};
use eidas_gateway::xml::{self, Document, Element, Limits, dsig};

pub(crate) const NODE: &str = "https://proxy.eidas.example.xb/metadata";
pub(crate) const US: &str = "https://connector.example.xa/eidas/metadata";
pub(crate) const ACS: &str = "https://connector.example.xa/eidas/acs";

/// Keys of everybody, made once: they cost more than all tests together.
pub(crate) struct Keys {
    pub(crate) node: SigningKey,
    pub(crate) node_metadata: SigningKey,
    pub(crate) node_encryption: SigningKey,
    pub(crate) other_node: SigningKey,
    pub(crate) stranger: SigningKey,
    pub(crate) us: SigningKey,
    pub(crate) our_metadata: SigningKey,
    pub(crate) our_encryption: DecryptionKey,
    pub(crate) our_rsa_encryption: DecryptionKey,
}

pub(crate) static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let rsa = PrivateKey::generate(KeyKind::Rsa(3072)).unwrap();
    let rsa_certificate =
        rsa.self_signed(&certificate_of("our-rsa", KeyUsage::Encryption), &SystemRandom).unwrap();
    let ours = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
    let our_certificate =
        ours.self_signed(&certificate_of("our-enc", KeyUsage::Encryption), &SystemRandom).unwrap();
    Keys {
        node: signing_key("node"),
        node_metadata: signing_key("node-metadata"),
        node_encryption: signing_key("node-encryption"),
        other_node: signing_key("other-node"),
        stranger: signing_key("stranger"),
        us: signing_key("us"),
        our_metadata: signing_key("our-metadata"),
        our_encryption: DecryptionKey::new(ours, our_certificate).unwrap(),
        our_rsa_encryption: DecryptionKey::new(rsa, rsa_certificate).unwrap(),
    }
});

/// A certificate to ask for, valid around the time on the stage.
pub(crate) fn certificate_of(common_name: &str, usage: KeyUsage) -> CertificateRequest {
    CertificateRequest {
        common_name: common_name.to_owned(),
        organization: None,
        country: Some("XB".to_owned()),
        not_before: now() - Duration::from_secs(86_400),
        not_after: now() + Duration::from_secs(86_400 * 365),
        usage,
    }
}

/// A P-256 key with a certificate of its own.
pub(crate) fn signing_key(name: &str) -> SigningKey {
    let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
    let certificate = key.self_signed(&certificate_of(name, KeyUsage::Signing), &SystemRandom).unwrap();
    SigningKey::new(key, certificate, None).unwrap()
}

/// The time on the stage: two seconds after the request was made.
pub(crate) fn now() -> Timestamp {
    Timestamp::parse("2026-11-21T09:15:04.000Z").unwrap()
}

pub(crate) fn country(code: &str) -> CountryCode {
    CountryCode::parse(code).unwrap()
}

pub(crate) fn us() -> Connector {
    Connector {
        entity_id: US.to_owned(),
        acs_url: ACS.to_owned(),
        country: country("XA"),
        application_identifier: "example:eidas-gateway:0.1.0".to_owned(),
        provider_name: Some("Example".to_owned()),
        sp_type: None,
        organization: None,
        support: None,
        technical: None,
        signing: KEYS.us.clone(),
        extra_signing_certificates: Vec::new(),
        metadata_signing: KEYS.our_metadata.clone(),
        metadata_chain: Vec::new(),
        decryption: vec![KEYS.our_encryption.clone()],
    }
}

pub(crate) fn trust_in_node() -> CountryTrust {
    CountryTrust::new(country("XB"), vec![KEYS.node_metadata.certificate().clone()])
}

/// The node's metadata as it should be.
pub(crate) fn entity() -> EntityDescriptor {
    let key = |usage, key: &SigningKey| KeyDescriptor {
        usage: Some(usage),
        certificates: vec![key.certificate().clone()],
        encryption_methods: Vec::new(),
    };
    EntityDescriptor {
        id: Some("_metadata".to_owned()),
        entity_id: NODE.to_owned(),
        valid_until: Some(now() + Duration::from_secs(86_400)),
        cache_duration: None,
        sp_type: None,
        entity_attributes: vec![
            (names::PROTOCOL_VERSION.to_owned(), vec!["1.4".to_owned()]),
            (
                names::ASSURANCE_CERTIFICATION.to_owned(),
                [
                    Loa::Low.uri(),
                    Loa::Substantial.uri(),
                    Loa::High.uri(),
                    "http://eidas.europa.eu/NotNotified/LoA/substantial",
                ]
                .map(str::to_owned)
                .to_vec(),
            ),
        ],
        digest_methods: Vec::new(),
        signing_methods: Vec::new(),
        role: Role::Idp(IdpSsoDescriptor {
            want_authn_requests_signed: Some(true),
            common: RoleDescriptor {
                protocols: vec![names::PROTOCOL.to_owned()],
                node_country: Some("XB".to_owned()),
                keys: vec![key(KeyUse::Signing, &KEYS.node), key(KeyUse::Encryption, &KEYS.node_encryption)],
                name_id_formats: Vec::new(),
            },
            single_sign_on_services: vec![Endpoint {
                binding: names::HTTP_POST.to_owned(),
                location: "https://proxy.eidas.example.xb/sso".to_owned(),
            }],
            attributes: Eidas::ALL
                .iter()
                .map(|attribute| PublishedAttribute {
                    name: attribute.name().to_owned(),
                    friendly_name: None,
                })
                .collect(),
        }),
        organization: None,
        contacts: Vec::new(),
    }
}

/// The role in a node's metadata.
pub(crate) fn role(entity: &mut EntityDescriptor) -> &mut IdpSsoDescriptor {
    match &mut entity.role {
        Role::Idp(role) => role,
        Role::Sp(_) => panic!("a service"),
    }
}

/// Metadata signed by the node's metadata key.
pub(crate) fn signed(entity: &EntityDescriptor) -> String {
    signed_by(entity, &KEYS.node_metadata)
}

pub(crate) fn signed_by(entity: &EntityDescriptor, key: &SigningKey) -> String {
    let element = dsig::sign(entity.to_element(), EntityDescriptor::SIGNATURE_INDEX, key, &[]).unwrap();
    xml::write(&element)
}

/// The verdict on metadata that differs in one thing.
pub(crate) fn metadata(change: impl FnOnce(&mut EntityDescriptor)) -> Result<TrustedNode, TrustRefusal> {
    let mut entity = entity();
    change(&mut entity);
    trust::check(signed(&entity).as_bytes(), &trust_in_node(), now())
}

/// The node with one thing changed in what we configured for it.
pub(crate) fn node_with(change: impl FnOnce(&mut CountryTrust)) -> TrustedNode {
    let mut trust = trust_in_node();
    change(&mut trust);
    trust::check(signed(&entity()).as_bytes(), &trust, now()).unwrap()
}

pub(crate) fn ask() -> Ask {
    Ask {
        sp_type: SpType::Public,
        requester_id: Some("https://rp.example.xa/".to_owned()),
        kind: SubjectKind::Natural,
        loa: RequestedLoa::Minimum(Loa::Substantial),
        attributes: [Eidas::Gender, Eidas::PlaceOfBirth, Eidas::Nationality].into(),
        provider_name: None,
        representation: false,
    }
}

pub(crate) fn pending(ask: &Ask) -> Pending {
    let at = now() - Duration::from_secs(2);
    request::build(&us(), &node_with(|_| ()), ask, &SystemRandom, at).unwrap().pending
}

/// An exchange.
pub(crate) struct Play {
    pub(crate) us: Connector,
    pub(crate) node: TrustedNode,
    pub(crate) pending: Pending,
    pub(crate) now: Timestamp,
    pub(crate) response: Response,
    pub(crate) assertion: Assertion,
    /// Signs the response.
    pub(crate) signer: SigningKey,
    /// Signs the assertion.
    pub(crate) assertion_signer: Option<SigningKey>,
    pub(crate) recipient: Certificate,
    pub(crate) options: EncryptionOptions,
    /// Changes the text of the assertion before it is encrypted.
    pub(crate) assertion_text: fn(String) -> String,
    /// Changes the text of the response before it is signed.
    pub(crate) response_text: fn(String) -> String,
}

impl Play {
    /// A natural person answers.
    pub(crate) fn new() -> Self {
        Self::asked(&ask(), natural_person())
    }

    /// As [`Self::new`], with something changed.
    pub(crate) fn with(change: impl FnOnce(&mut Self)) -> Self {
        let mut play = Self::new();
        change(&mut play);
        play
    }

    /// These attributes come back for this request.
    pub(crate) fn asked(ask: &Ask, attributes: Vec<Attribute>) -> Self {
        let pending = pending(ask);
        let at = now();
        let end = at + Duration::from_secs(300);
        Self {
            us: us(),
            node: node_with(|_| ()),
            now: at,
            response: Response {
                id: "_response".to_owned(),
                version: "2.0".to_owned(),
                issue_instant: at,
                destination: Some(ACS.to_owned()),
                in_response_to: Some(pending.request_id.clone()),
                consent: None,
                issuer: Some(Issuer::entity(NODE)),
                status: Status::new(status::SUCCESS, None),
                assertions: Vec::new(),
                encrypted_assertions: Vec::new(),
            },
            assertion: Assertion {
                id: "_assertion".to_owned(),
                version: "2.0".to_owned(),
                issue_instant: at,
                issuer: Some(Issuer::entity(NODE)),
                subject: Some(Subject {
                    name_id: Some(NameId {
                        value: "0f3b9c7e21d84a5f".to_owned(),
                        format: Some(names::NAMEID_UNSPECIFIED.to_owned()),
                        name_qualifier: None,
                    }),
                    encrypted_id: false,
                    confirmations: vec![SubjectConfirmation {
                        method: names::BEARER.to_owned(),
                        in_response_to: Some(pending.request_id.clone()),
                        recipient: Some(ACS.to_owned()),
                        not_before: None,
                        not_on_or_after: Some(end),
                    }],
                }),
                conditions: Some(Conditions {
                    not_before: Some(at),
                    not_on_or_after: Some(end),
                    audience_restrictions: vec![vec![US.to_owned()]],
                    ..Conditions::default()
                }),
                authn_statements: vec![AuthnStatement {
                    authn_instant: at,
                    session_not_on_or_after: None,
                    class_refs: vec![Loa::High.uri().to_owned()],
                }],
                attribute_statements: vec![AttributeStatement { attributes, encrypted: 0 }],
                other_statements: 0,
            },
            signer: KEYS.node.clone(),
            assertion_signer: None,
            recipient: KEYS.our_encryption.certificate().clone(),
            options: EncryptionOptions::default(),
            assertion_text: |text| text,
            response_text: |text| text,
            pending,
        }
    }

    pub(crate) fn attributes(&mut self) -> &mut Vec<Attribute> {
        &mut self.assertion.attribute_statements[0].attributes
    }

    pub(crate) fn confirmation(&mut self) -> &mut SubjectConfirmation {
        &mut self.assertion.subject.as_mut().unwrap().confirmations[0]
    }

    pub(crate) fn conditions(&mut self) -> &mut Conditions {
        self.assertion.conditions.as_mut().unwrap()
    }

    pub(crate) fn level(&mut self, uri: &str) {
        self.assertion.authn_statements[0].class_refs = vec![uri.to_owned()];
    }

    /// Changes a quirk of the node's country.
    pub(crate) fn quirk(&mut self, change: impl FnOnce(&mut Quirks)) {
        self.node = node_with(|trust| change(&mut trust.quirks));
    }

    /// The assertion, signed if there is a signer for it.
    pub(crate) fn assertion_element(&self) -> Element {
        let element = parse(&(self.assertion_text)(xml::write(&self.assertion.to_element())));
        match &self.assertion_signer {
            None => element,
            Some(key) => dsig::sign(element, 1, key, &[]).unwrap(),
        }
    }

    /// An assertion encrypted for us, as anybody can do it: our key is public.
    pub(crate) fn encrypted(&self, assertion: &Element) -> Element {
        let data = enc::encrypt(assertion, &self.recipient, &self.options, &SystemRandom).unwrap();
        Element::new(names::SAML2, "EncryptedAssertion").child(data)
    }

    /// The signed response.
    pub(crate) fn xml(&self) -> String {
        let mut response = self.response.clone();
        response.encrypted_assertions.push(self.encrypted(&self.assertion_element()));
        self.sign(&response.to_element())
    }

    /// Signs a response as the node would.
    pub(crate) fn sign(&self, response: &Element) -> String {
        let response = parse(&(self.response_text)(xml::write(response)));
        let at = usize::from(response.children(names::SAML2, "Issuer").next().is_some());
        xml::write(&dsig::sign(response, at, &self.signer, &[]).unwrap())
    }

    pub(crate) fn judge(&self) -> Result<Outcome, Refusal> {
        self.judge_xml(&self.xml())
    }

    pub(crate) fn judge_xml(&self, xml: &str) -> Result<Outcome, Refusal> {
        let inbound = Inbound::read(&binding::encode_post(xml))?;
        response::judge(inbound, &self.us, &self.node, &self.pending, self.now)
    }

    /// The person, if all is well.
    #[track_caller]
    pub(crate) fn identity(&self) -> Identity {
        match self.judge() {
            Ok(Outcome::Authenticated(identity)) => *identity,
            other => panic!("not authenticated: {other:?}"),
        }
    }

    /// Asserts which rule refuses.
    #[track_caller]
    pub(crate) fn is_refused(&self, rule: &str, code: &str) {
        self.is_refused_as(&self.xml(), rule, code);
    }

    #[track_caller]
    pub(crate) fn is_refused_as(&self, xml: &str, rule: &str, code: &str) {
        match self.judge_xml(xml) {
            Err(refusal) => assert_eq!((refusal.rule, refusal.code), (rule, code), "{refusal}"),
            Ok(outcome) => panic!("{rule} {code} let it pass: {outcome:?}"),
        }
    }
}

/// Parses what a test composed.
pub(crate) fn parse(xml: &str) -> Element {
    Document::parse(xml.as_bytes(), &Limits::METADATA).unwrap().into_root()
}

/// An attribute about the subject.
pub(crate) fn attribute(attribute: Eidas, values: &[&str]) -> Attribute {
    named(attribute.name(), values)
}

/// An attribute about the representative.
pub(crate) fn representative(attribute: Eidas, values: &[&str]) -> Attribute {
    named(&attribute.representative_name(), values)
}

pub(crate) fn named(name: &str, values: &[&str]) -> Attribute {
    Attribute {
        name: name.to_owned(),
        name_format: Some(NAME_FORMAT_URI.to_owned()),
        friendly_name: None,
        values: values.iter().map(|value| AttributeValue::new(*value)).collect(),
    }
}

pub(crate) fn natural_person() -> Vec<Attribute> {
    vec![
        attribute(Eidas::PersonIdentifier, &["XB/XA/0f3b9c7e21d84a5f"]),
        attribute(Eidas::CurrentFamilyName, &["Papadopoulou"]),
        attribute(Eidas::CurrentGivenName, &["Eleni"]),
        attribute(Eidas::DateOfBirth, &["1984-02-29"]),
    ]
}

pub(crate) fn legal_person() -> Vec<Attribute> {
    vec![
        attribute(Eidas::LegalPersonIdentifier, &["XB/XA/998877"]),
        attribute(Eidas::LegalName, &["Example AG"]),
    ]
}

pub(crate) fn natural_representative() -> Vec<Attribute> {
    vec![
        representative(Eidas::PersonIdentifier, &["XB/XA/4711"]),
        representative(Eidas::CurrentFamilyName, &["Muster"]),
        representative(Eidas::CurrentGivenName, &["Maria"]),
        representative(Eidas::DateOfBirth, &["1970-01-01"]),
    ]
}

/// Any octets, encrypted for an RSA certificate as the profile says: what no builder of ours would write.
pub(crate) fn encrypted_octets(octets: &[u8], recipient: &Certificate) -> Element {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use openssl::encrypt::Encrypter;
    use openssl::hash::MessageDigest;
    use openssl::rsa::Padding;
    use openssl::symm::{Cipher, encrypt_aead};

    let (key, iv, mut tag) = ([7; 32], [9; 12], [0; 16]);
    let ciphertext = encrypt_aead(Cipher::aes_256_gcm(), &key, Some(&iv), &[], octets, &mut tag).unwrap();
    let content = STANDARD.encode([&iv[..], &ciphertext, &tag].concat());
    let public = openssl::x509::X509::from_der(recipient.der()).unwrap().public_key().unwrap();
    let mut encrypter = Encrypter::new(&public).unwrap();
    encrypter.set_rsa_padding(Padding::PKCS1_OAEP).unwrap();
    encrypter.set_rsa_oaep_md(MessageDigest::sha256()).unwrap();
    encrypter.set_rsa_mgf1_md(MessageDigest::sha256()).unwrap();
    let mut wrapped = vec![0; encrypter.encrypt_len(&key).unwrap()];
    let length = encrypter.encrypt(&key, &mut wrapped).unwrap();
    let wrapped = STANDARD.encode(&wrapped[..length]);
    parse(&format!(
        r#"<saml2:EncryptedAssertion xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion"><xenc:EncryptedData
        xmlns:xenc="http://www.w3.org/2001/04/xmlenc#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#"
        Type="http://www.w3.org/2001/04/xmlenc#Element"><xenc:EncryptionMethod
        Algorithm="http://www.w3.org/2009/xmlenc11#aes256-gcm"/><ds:KeyInfo><xenc:EncryptedKey><xenc:EncryptionMethod
        Algorithm="http://www.w3.org/2009/xmlenc11#rsa-oaep"><ds:DigestMethod
        Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><xenc11:MGF xmlns:xenc11="http://www.w3.org/2009/xmlenc11#"
        Algorithm="http://www.w3.org/2009/xmlenc11#mgf1sha256"/></xenc:EncryptionMethod><xenc:CipherData><xenc:CipherValue
        >{wrapped}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData
        ><xenc:CipherValue>{content}</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml2:EncryptedAssertion>"#
    ))
}
