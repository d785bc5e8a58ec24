//! Signature wrapping: what was signed is moved, what is forged stands in its place.

use super::*;

/// A signed response taken apart.
struct Parts {
    /// The start tag, up to the Issuer.
    start: String,
    issuer: String,
    signature: String,
    /// Status and what follows, up to the end tag.
    rest: String,
    encrypted: String,
}

fn parts(xml: &str) -> Parts {
    let between = |from: &str, to: &str| {
        let start = xml.find(from).unwrap();
        xml[start..xml.find(to).unwrap() + to.len()].to_owned()
    };
    let rest = xml.find("<saml2p:Status>").unwrap();
    Parts {
        start: xml[..xml.find("<saml2:Issuer").unwrap()].to_owned(),
        issuer: between("<saml2:Issuer", "</saml2:Issuer>"),
        signature: between("<ds:Signature>", "</ds:Signature>"),
        rest: xml[rest..xml.len() - "</saml2p:Response>".len()].to_owned(),
        encrypted: between("<saml2:EncryptedAssertion", "</saml2:EncryptedAssertion>"),
    }
}

/// A genuine response, and what an attacker adds: an assertion about somebody else, encrypted with our public
/// key, in a response with another ID.
struct Wrapping {
    play: Play,
    xml: String,
    own: Parts,
    /// The genuine response without its signature.
    original: String,
    evil_start: String,
    evil_rest: String,
    evil_assertion: String,
}

fn wrapping() -> Wrapping {
    let play = Play::new();
    let xml = play.xml();
    let own = parts(&xml);
    let original = format!("{}{}{}</saml2p:Response>", own.start, own.issuer, own.rest);
    let victim = Play::with(|play| {
        play.attributes()[0] = attribute(Eidas::PersonIdentifier, &["XB/XA/victim"]);
    });
    let mut assertion = victim.assertion.clone();
    assertion.subject.clone_from(&play.assertion.subject);
    assertion.id = "_evil-assertion".to_owned();
    let evil_assertion = xml::write(&play.encrypted(&assertion.to_element()));
    Wrapping {
        evil_start: own.start.replace("_response", "_evil"),
        evil_rest: own.rest.replace(&own.encrypted, &evil_assertion),
        evil_assertion,
        original,
        play,
        xml,
        own,
    }
}

impl Wrapping {
    fn is_refused(&self, xml: &str, rule: &str, code: &str) {
        self.play.is_refused_as(xml, rule, code);
    }
}

#[test]
fn the_genuine_response_of_the_wrapping_tests_is_accepted() {
    let w = wrapping();
    assert!(matches!(w.play.judge_xml(&w.xml), Ok(Outcome::Authenticated(_))));
}

#[test]
fn xsw_1_the_original_inside_the_signature_of_the_forgery() {
    let w = wrapping();
    let object = format!("<ds:Object>{}</ds:Object></ds:Signature>", w.original);
    let signature = w.own.signature.replace("</ds:Signature>", &object);
    let xml = format!("{}{}{signature}{}</saml2p:Response>", w.evil_start, w.own.issuer, w.evil_rest);
    w.is_refused(&xml, "SEC-08", "signature_malformed");
    // Or inside KeyInfo, at which nobody looks.
    let inside = w.own.signature.replace("</ds:KeyInfo>", &format!("{}</ds:KeyInfo>", w.original));
    let xml = format!("{}{}{inside}{}</saml2p:Response>", w.evil_start, w.own.issuer, w.evil_rest);
    w.is_refused(&xml, "SEC-08", "reference");
}

#[test]
fn xsw_2_the_original_beside_a_detached_signature() {
    let w = wrapping();
    let xml = format!(
        "{}{}{}{}{}</saml2p:Response>",
        w.evil_start, w.own.issuer, w.original, w.own.signature, w.evil_rest
    );
    w.is_refused(&xml, "SEC-06", "structure");
}

#[test]
fn xsw_3_the_forged_assertion_before_the_original() {
    let w = wrapping();
    let both = format!("{}{}", w.evil_assertion, w.own.encrypted);
    w.is_refused(&w.xml.replace(&w.own.encrypted, &both), "SEC-12", "content_changed");
    w.is_refused(&w.xml.replace(&w.own.encrypted, &w.evil_assertion), "SEC-12", "content_changed");
}

#[test]
fn xsw_4_the_original_inside_the_forged_assertion() {
    let w = wrapping();
    let nested = w
        .evil_assertion
        .replace("</saml2:EncryptedAssertion>", &format!("{}</saml2:EncryptedAssertion>", w.own.encrypted));
    w.is_refused(&w.xml.replace(&w.own.encrypted, &nested), "SEC-12", "content_changed");
}

#[test]
fn xsw_5_the_original_at_the_end_of_the_forgery() {
    let w = wrapping();
    let xml = format!(
        "{}{}{}{}{}</saml2p:Response>",
        w.evil_start, w.own.issuer, w.own.signature, w.evil_rest, w.original
    );
    w.is_refused(&xml, "SEC-06", "structure");
}

#[test]
fn xsw_6_forgery_and_original_with_the_same_identifier() {
    let w = wrapping();
    let inside = w.own.signature.replace("</ds:KeyInfo>", &format!("{}</ds:KeyInfo>", w.original));
    let xml = format!("{}{}{inside}{}</saml2p:Response>", w.own.start, w.own.issuer, w.evil_rest);
    w.is_refused(&xml, "SEC-08", "duplicate_id");
}

#[test]
fn xsw_7_the_original_in_extensions() {
    let w = wrapping();
    let extensions = format!("<saml2p:Extensions>{}</saml2p:Extensions>", w.original);
    let body = format!("{}{}{extensions}{}", w.own.issuer, w.own.signature, w.evil_rest);
    w.is_refused(&format!("{}{body}</saml2p:Response>", w.evil_start), "SEC-08", "reference");
    w.is_refused(&format!("{}{body}</saml2p:Response>", w.own.start), "SEC-08", "duplicate_id");
}

#[test]
fn xsw_8_the_original_in_an_object_of_its_own_signature() {
    let w = wrapping();
    let object =
        format!("<ds:Object>{}</ds:Object></ds:Signature>", w.original.replace("_response", "_moved"));
    let signature = w.own.signature.replace("</ds:Signature>", &object);
    let xml = format!("{}{}{signature}{}</saml2p:Response>", w.own.start, w.own.issuer, w.evil_rest);
    w.is_refused(&xml, "SEC-08", "signature_malformed");
}

#[test]
fn xsw_on_the_signed_assertion_inside() {
    // The plaintext is a forged assertion around a genuine, signed one.
    let play = Play::new();
    let genuine =
        xml::write(&Play::with(|play| play.assertion_signer = Some(KEYS.node.clone())).assertion_element());
    let forged = genuine.replace("_assertion", "_forged").replace("0f3b9c7e21d84a5f", "victim");
    let sealed = |plaintext: &str| {
        let mut response = play.response.clone();
        response.encrypted_assertions.push(play.encrypted(&parse(plaintext)));
        play.sign(&response.to_element())
    };
    let (start, end) = (forged.find("<ds:Signature>").unwrap(), forged.find("</ds:Signature>").unwrap() + 15);
    let unsigned = format!("{}{}", &forged[..start], &forged[end..]);
    let advice = format!("<saml2:Advice>{genuine}</saml2:Advice><saml2:AuthnStatement");
    let in_advice = unsigned.replace("<saml2:AuthnStatement", &advice);
    play.is_refused_as(&sealed(&in_advice), "SEC-22", "assertion_signature");
    let original_signature = {
        let (start, end) =
            (genuine.find("<ds:Signature>").unwrap(), genuine.find("</ds:Signature>").unwrap() + 15);
        &genuine[start..end]
    };
    let transplanted = format!("{}{original_signature}{}", &forged[..start], &forged[end..]);
    play.is_refused_as(&sealed(&transplanted), "SEC-22", "assertion_signature");
}

#[test]
fn an_assertion_of_the_attacker_s_in_a_captured_response() {
    let w = wrapping();
    w.is_refused(&w.xml.replace(&w.own.encrypted, &w.evil_assertion), "SEC-12", "content_changed");
}
