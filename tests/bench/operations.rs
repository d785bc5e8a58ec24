//! One operation at a time, beside the raw OpenSSL operation of the same key in the same run.

use eidas_gateway::crypto::{Certificate, DecryptionKey, PrivateKey, SigningKey};
use eidas_gateway::xml::dsig::{self, ReferenceRule};
use eidas_gateway::xml::enc::{self, DecryptionPolicy};
use eidas_gateway::xml::{Document, Element, Limits, Namespace, XENC, canonicalize, write};
use openssl::derive::Deriver;
use openssl::encrypt::Decrypter;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer, Verifier};

use crate::cpu::micros;

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/cef-2.9");
const SAML2: Namespace = Namespace { uri: "urn:oasis:names:tc:SAML:2.0:assertion", prefix: "saml2" };

struct Set {
    name: &'static str,
    folder: &'static str,
    proxy: &'static str,
    connector_signing: &'static str,
    connector_encryption: &'static str,
}

/// Measures both sets of recorded messages and prints a table each.
pub(crate) fn run() {
    for set in [
        Set {
            name: "RSA-3072 throughout (recorded from CEF 2.9.0)",
            folder: "p-rsa_c-rsa_enc-rsa3072",
            proxy: "proxy-sig-rsa",
            connector_signing: "conn-sig-rsa",
            connector_encryption: "conn-enc-rsa",
        },
        Set {
            name: "ECDSA P-256, ECDH-ES P-384 (recorded from CEF 2.9.0)",
            folder: "p-ec_c-ec_enc-ecP384",
            proxy: "proxy-sig-ec",
            connector_signing: "conn-sig-ec",
            connector_encryption: "conn-enc-ec",
        },
    ] {
        measure(&set);
    }
}

fn measure(set: &Set) {
    let response = std::fs::read(format!("{VECTORS}/{}/response.xml", set.folder)).unwrap();
    let request = std::fs::read(format!("{VECTORS}/{}/authnrequest.xml", set.folder)).unwrap();
    let proxy = certificate(set.proxy).public_key().unwrap();
    let signing =
        SigningKey::new(key(set.connector_signing), certificate(set.connector_signing), None).unwrap();
    let decryption =
        DecryptionKey::new(key(set.connector_encryption), certificate(set.connector_encryption)).unwrap();

    println!("\n{} | response of {} octets", set.name, response.len());
    println!("{:<58} {:>10} {:>10} {:>8}", "operation", "CPU us", "raw us", "ratio");

    let parsed = Document::parse(&response, &Limits::MESSAGE).unwrap();
    let verified = dsig::verify(parsed.root(), std::slice::from_ref(&proxy), ReferenceRule::OwnId).unwrap();
    let encrypted = verified.child(SAML2, "EncryptedAssertion").unwrap();

    let verify = micros(|| {
        let document = Document::parse(&response, &Limits::MESSAGE).unwrap();
        dsig::verify(document.root(), std::slice::from_ref(&proxy), ReferenceRule::OwnId).unwrap();
    });
    let raw_verify = raw_verify(set.proxy);
    row("parse and verify the Response", verify, raw_verify);

    let decrypt = micros(|| {
        enc::decrypt(&encrypted, std::slice::from_ref(&decryption), &DecryptionPolicy::default()).unwrap();
    });
    let raw_unwrap = raw_unwrap(&encrypted.element().clone(), set.connector_encryption);
    row("decrypt and parse the Assertion", decrypt, raw_unwrap);

    let unsigned = unsigned(&request);
    let sign = micros(|| {
        let _ = write(&dsig::sign(unsigned.clone(), 1, &signing, &[]).unwrap());
    });
    let raw_sign = raw_sign(set.connector_signing);
    row("sign and write the AuthnRequest", sign, raw_sign);

    let plaintext = std::fs::read(format!("{VECTORS}/{}/assertion-decrypted.xml", set.folder)).unwrap();
    let xml = micros(|| {
        let document = Document::parse(&response, &Limits::MESSAGE).unwrap();
        let canonical = canonicalize(document.root(), &[], &[]);
        Document::parse(&canonical, &Limits::METADATA).unwrap();
        Document::parse(&plaintext, &Limits::MESSAGE).unwrap();
    });
    println!(
        "{:<58} {:>10.0}   goal: at most 300",
        "XML work of both: parse, canonicalise, rebuild, parse, us", xml
    );
}

fn row(what: &str, ours: f64, raw: f64) {
    println!("{what:<58} {ours:>10.0} {raw:>10.0} {:>8.2}", ours / raw);
}

fn read(name: &str, ending: &str) -> Vec<u8> {
    std::fs::read(format!("{VECTORS}/keys/{name}.{ending}")).unwrap()
}

fn key(name: &str) -> PrivateKey {
    PrivateKey::from_pkcs8_der(&read(name, "pk8")).unwrap()
}

fn certificate(name: &str) -> Certificate {
    let octets = read(name, "crt");
    Certificate::from_der(&octets).unwrap_or_else(|_| Certificate::from_pem(&octets).unwrap().remove(0))
}

fn raw(name: &str) -> PKey<Private> {
    PKey::private_key_from_der(&read(name, "pk8")).unwrap()
}

/// The request without its signature.
fn unsigned(request: &[u8]) -> Element {
    let text = String::from_utf8(request.to_vec()).unwrap();
    let (before, rest) = text.split_once("<ds:Signature>").unwrap();
    let (_, after) = rest.split_once("</ds:Signature>").unwrap();
    Document::parse(format!("{before}{after}").as_bytes(), &Limits::MESSAGE).unwrap().into_root()
}

fn pss(signer: &mut Signer<'_>) {
    signer.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
    signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).unwrap();
}

/// One raw signature with the key, over 32 octets.
pub(crate) fn raw_sign(name: &str) -> f64 {
    sign_cost(&raw(name))
}

/// One raw signature with `key`, over 32 octets.
pub(crate) fn sign_cost(key: &PKey<Private>) -> f64 {
    micros(|| {
        let mut signer = Signer::new(MessageDigest::sha256(), key).unwrap();
        if key.rsa().is_ok() {
            pss(&mut signer);
        }
        signer.sign_oneshot_to_vec(&[7; 32]).unwrap();
    })
}

fn raw_verify(name: &str) -> f64 {
    let key = raw(name);
    let rsa = key.rsa().is_ok();
    let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
    if rsa {
        pss(&mut signer);
    }
    let signature = signer.sign_oneshot_to_vec(&[7; 32]).unwrap();
    micros(|| {
        let mut verifier = Verifier::new(MessageDigest::sha256(), &key).unwrap();
        if rsa {
            verifier.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
            verifier.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH).unwrap();
        }
        assert!(verifier.verify_oneshot(&signature, &[7; 32]).unwrap());
    })
}

/// The private operation that unwraps the content key: OAEP, or the derivation of Z.
fn raw_unwrap(encrypted: &Element, name: &str) -> f64 {
    let key = raw(name);
    if let Ok(elliptic) = key.ec_key() {
        let peer = openssl::ec::EcKey::generate(elliptic.group()).unwrap();
        let peer = PKey::from_ec_key(peer).unwrap();
        let peer = PKey::public_key_from_der(&peer.public_key_to_der().unwrap()).unwrap();
        return micros(|| {
            let mut deriver = Deriver::new(&key).unwrap();
            deriver.set_peer(&peer).unwrap();
            deriver.derive_to_vec().unwrap();
        });
    }
    let wrapped = encrypted.descendants().find(|e| e.is(XENC, "CipherValue")).unwrap().text().unwrap();
    let wrapped = openssl::base64::decode_block(&wrapped.replace(['\r', '\n'], "")).unwrap();
    micros(|| {
        let mut decrypter = Decrypter::new(&key).unwrap();
        decrypter.set_rsa_padding(Padding::PKCS1_OAEP).unwrap();
        decrypter.set_rsa_oaep_md(MessageDigest::sha256()).unwrap();
        decrypter.set_rsa_mgf1_md(MessageDigest::sha256()).unwrap();
        let mut out = vec![0; 512];
        decrypter.decrypt(&wrapped, &mut out).unwrap();
    })
}
