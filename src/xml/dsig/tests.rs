use super::super::{Namespace, write};
use super::*;
use crate::clock::Timestamp;
use crate::crypto::{CertificateRequest, Curve, KeyKind, KeyUsage, PrivateKey};
use crate::ids::SystemRandom;

const A: Namespace = Namespace { uri: "urn:a", prefix: "a" };

fn key(kind: KeyKind) -> SigningKey {
    let key = PrivateKey::generate(kind).unwrap();
    let request = CertificateRequest {
        common_name: "signer".to_owned(),
        organization: None,
        country: None,
        not_before: Timestamp::from_unix(1_700_000_000),
        not_after: Timestamp::from_unix(1_900_000_000),
        usage: KeyUsage::Signing,
    };
    let certificate = key.self_signed(&request, &SystemRandom).unwrap();
    SigningKey::new(key, certificate, None).unwrap()
}

fn message() -> Element {
    Element::new(A, "Message")
        .with("ID", "_1")
        .child(Element::new(A, "Issuer").with_text("me"))
        .child(Element::new(A, "Body").with_text("a < b & c"))
}

struct Fixture {
    key: SigningKey,
    text: String,
}

fn signed() -> Fixture {
    let key = key(KeyKind::Ec(Curve::P256));
    let text = write(&sign(message(), 1, &key, &[]).unwrap());
    Fixture { key, text }
}

impl Fixture {
    fn judge(&self, text: &str) -> Result<Verified, SignatureError> {
        self.judge_by(text, ReferenceRule::OwnId)
    }
    fn judge_by(&self, text: &str, rule: ReferenceRule) -> Result<Verified, SignatureError> {
        let document = Document::parse(text.as_bytes(), &Limits::MESSAGE).unwrap();
        verify(document.root(), &[self.key.certificate().public_key().unwrap()], rule)
    }
    /// The document with one replacement that must have an effect.
    fn replaced(&self, from: &str, to: &str) -> Result<Verified, SignatureError> {
        assert!(self.text.contains(from), "{from} is not in {}", self.text);
        self.judge(&self.text.replace(from, to))
    }
}

#[test]
fn what_is_signed_verifies_and_is_rebuilt_without_its_signature() {
    let fixture = signed();
    let verified = fixture.judge(&fixture.text).unwrap();
    assert_eq!(canonicalize(verified.element(), &[], &[]), canonicalize(&message(), &[], &[]));
}

#[test]
fn every_change_of_an_octet_is_refused_or_changes_nothing() {
    let fixture = signed();
    let genuine = fixture.judge(&fixture.text).unwrap();
    for at in 0..fixture.text.len() {
        let mut octets = fixture.text.clone().into_bytes();
        octets[at] ^= 1;
        let Ok(document) = Document::parse(&octets, &Limits::MESSAGE) else { continue };
        let keys = [fixture.key.certificate().public_key().unwrap()];
        if let Ok(verified) = verify(document.root(), &keys, ReferenceRule::OwnId) {
            assert_eq!(verified, genuine, "octet {at}");
        }
    }
}

#[test]
fn a_changed_document_and_a_strangers_key_are_refused() {
    let fixture = signed();
    assert_eq!(fixture.replaced("a &lt; b", "a &lt; d"), Err(SignatureError::Digest));
    assert_eq!(signed().judge(&fixture.text), Err(SignatureError::Signature));
}

#[test]
fn no_trusted_key_means_no() {
    let fixture = signed();
    let document = Document::parse(fixture.text.as_bytes(), &Limits::MESSAGE).unwrap();
    assert_eq!(verify(document.root(), &[], ReferenceRule::OwnId), Err(SignatureError::Key));
    let rsa = key(KeyKind::Rsa(3072)).certificate().public_key().unwrap();
    assert_eq!(verify(document.root(), &[rsa], ReferenceRule::OwnId), Err(SignatureError::Key));
}

#[test]
fn a_signature_missing_doubled_or_elsewhere_is_refused() {
    let fixture = signed();
    let start = fixture.text.find("<ds:Signature>").unwrap();
    let end = fixture.text.find("</ds:Signature>").unwrap() + "</ds:Signature>".len();
    let signature = &fixture.text[start..end];
    let without = fixture.text.replace(signature, "");
    assert_eq!(fixture.judge(&without), Err(SignatureError::Missing));
    let twice = fixture.text.replace(signature, &format!("{signature}{signature}"));
    assert_eq!(fixture.judge(&twice), Err(SignatureError::Several));
    let inside = without.replace("<a:Body>", &format!("<a:Body>{signature}"));
    assert_eq!(fixture.judge(&inside), Err(SignatureError::Misplaced));
    let both = fixture.text.replace("<a:Body>", &format!("<a:Body>{signature}"));
    assert_eq!(fixture.judge(&both), Err(SignatureError::Several));
}

#[test]
fn other_references_are_refused() {
    let fixture = signed();
    for uri in ["", "#other", "#", "http://example.org/", "file:///etc/passwd", "#xpointer(/)", "_1"] {
        let refused = fixture.replaced("URI=\"#_1\"", &format!("URI=\"{uri}\""));
        assert_eq!(refused, Err(SignatureError::Reference), "{uri}");
    }
    assert_eq!(fixture.replaced(" URI=\"#_1\"", ""), Err(SignatureError::Reference));
    let reference = &fixture.text[fixture.text.find("<ds:Reference").unwrap()..];
    let reference = &reference[..reference.find("</ds:Reference>").unwrap() + "</ds:Reference>".len()];
    let two = fixture.replaced(reference, &format!("{reference}{reference}"));
    assert_eq!(two, Err(SignatureError::Malformed("SignedInfo must have 3 child elements".to_owned())));
}

#[test]
fn an_empty_reference_is_for_metadata_without_an_id() {
    let key = key(KeyKind::Ec(Curve::P256));
    let metadata = Element::new(A, "EntityDescriptor").child(Element::new(A, "Body"));
    let text = write(&sign(metadata, 0, &key, &[]).unwrap());
    let fixture = Fixture { key, text };
    assert!(fixture.judge_by(&fixture.text, ReferenceRule::OwnIdOrWhole).is_ok());
    assert_eq!(fixture.judge(&fixture.text), Err(SignatureError::Reference));
    let with_id = fixture.text.replacen("EntityDescriptor", "EntityDescriptor ID=\"_1\"", 1);
    let refused = fixture.judge_by(&with_id, ReferenceRule::OwnIdOrWhole);
    assert_eq!(refused, Err(SignatureError::Reference));
}

#[test]
fn algorithms_off_the_list_are_refused_by_name() {
    let fixture = signed();
    let sha1 = "http://www.w3.org/2000/09/xmldsig#sha1";
    let refused = fixture.replaced(DigestAlgorithm::Sha256.uri(), sha1);
    assert_eq!(refused, Err(SignatureError::DigestAlgorithm(sha1.to_owned())));
    for uri in [
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1",
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256",
        "http://www.w3.org/2001/04/xmldsig-more#hmac-sha256",
    ] {
        let refused = fixture.replaced(fixture.key.algorithm().uri(), uri);
        assert_eq!(refused, Err(SignatureError::SignatureAlgorithm(uri.to_owned())));
    }
    for uri in [
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
    ] {
        let method = |uri: &str| format!("CanonicalizationMethod Algorithm=\"{uri}\"");
        let refused = fixture.replaced(&method(EXCLUSIVE_C14N), &method(uri));
        assert_eq!(refused, Err(SignatureError::Canonicalization(uri.to_owned())));
        let transform = |uri: &str| format!("Transform Algorithm=\"{uri}\"");
        let refused = fixture.replaced(&transform(EXCLUSIVE_C14N), &transform(uri));
        assert_eq!(refused, Err(SignatureError::Transform(uri.to_owned())));
    }
    for uri in [
        "http://www.w3.org/TR/1999/REC-xslt-19991116",
        "http://www.w3.org/TR/1999/REC-xpath-19991116",
        "http://www.w3.org/2000/09/xmldsig#base64",
    ] {
        let extra = format!("<ds:Transform Algorithm=\"{uri}\"/></ds:Transforms>");
        let refused = fixture.replaced("</ds:Transforms>", &extra);
        assert_eq!(refused, Err(SignatureError::Transform(uri.to_owned())));
    }
}

#[test]
fn transforms_in_the_wrong_number_or_order_are_refused() {
    let fixture = signed();
    let (first, second) = (
        format!("<ds:Transform Algorithm=\"{ENVELOPED}\"/>"),
        format!("<ds:Transform Algorithm=\"{EXCLUSIVE_C14N}\"/>"),
    );
    let swapped = fixture.replaced(&format!("{first}{second}"), &format!("{second}{first}"));
    assert_eq!(swapped, Err(SignatureError::Transform(EXCLUSIVE_C14N.to_owned())));
    assert!(matches!(fixture.replaced(&second, ""), Err(SignatureError::Malformed(_))));
    assert!(matches!(fixture.replaced(&second, &second.repeat(2)), Err(SignatureError::Malformed(_))));
}

#[test]
fn comments_and_text_inside_the_signature_are_refused() {
    let fixture = signed();
    for (from, to) in [
        ("<ds:DigestValue>", "<ds:DigestValue><!-- -->"),
        ("<ds:SignatureValue>", "<ds:SignatureValue><!-- -->"),
        ("<ds:Reference ", "<!-- --><ds:Reference "),
        ("<ds:SignedInfo>", "x<ds:SignedInfo>"),
    ] {
        assert!(matches!(fixture.replaced(from, to), Err(SignatureError::Malformed(_))), "{to}");
    }
}

#[test]
fn two_signed_infos_or_an_object_are_refused() {
    let fixture = signed();
    let info = &fixture.text[fixture.text.find("<ds:SignedInfo>").unwrap()..];
    let info = &info[..info.find("</ds:SignedInfo>").unwrap() + "</ds:SignedInfo>".len()];
    let two = fixture.replaced(info, &format!("{info}{info}"));
    assert!(matches!(two, Err(SignatureError::Malformed(_))));
    let object = fixture.replaced("</ds:KeyInfo>", "</ds:KeyInfo><ds:Object><a:Evil/></ds:Object>");
    assert!(matches!(object, Err(SignatureError::Malformed(_))));
}

#[test]
fn identifiers_must_be_unique_however_they_are_spelled() {
    let fixture = signed();
    for attribute in ["ID", "Id", "id", "xml:id"] {
        let refused = fixture.replaced("<a:Body>", &format!("<a:Body {attribute}=\"_1\">"));
        assert_eq!(refused, Err(SignatureError::DuplicateId), "{attribute}");
    }
}

#[test]
fn comments_in_signed_content_change_nothing_that_is_read() {
    let fixture = signed();
    let verified = fixture.replaced("<a:Body>a", "<a:Body><!-- x -->a<!-- y -->").unwrap();
    assert_eq!(verified.child(A, "Body").unwrap().element().text(), Ok("a < b & c"));
}

#[test]
fn the_certificates_of_key_info_are_listed_but_never_used() {
    let (fixture, stranger) = (signed(), key(KeyKind::Ec(Curve::P256)));
    let swapped = fixture.text.replace(&fixture.key.certificate().base64(), &stranger.certificate().base64());
    assert!(fixture.judge(&swapped).is_ok());
    let document = Document::parse(swapped.as_bytes(), &Limits::MESSAGE).unwrap();
    assert_eq!(key_info(document.root()).unwrap(), [stranger.certificate().clone()]);
}

#[test]
fn a_prefix_list_is_limited() {
    let fixture = signed();
    let list: String = (0..17).map(|n| format!("p{n} ")).collect();
    let from = format!("CanonicalizationMethod Algorithm=\"{EXCLUSIVE_C14N}\"/>");
    let to = format!(
        "CanonicalizationMethod Algorithm=\"{EXCLUSIVE_C14N}\"><ec:InclusiveNamespaces xmlns:ec=\"{EXCLUSIVE_C14N}\" PrefixList=\"{list}\"/></ds:CanonicalizationMethod>"
    );
    assert_eq!(fixture.replaced(&from, &to), Err(malformed("PrefixList is too long")));
}
