//! Our side of the oracles (tests/oracles/README.md): signs, encrypts and canonicalises what independent
//! programs are to read, and reads what they wrote. An example, so that it is built from the library as it is
//! and never shipped.
//!
//! ```text
//! xmltool write FOLDER       keys, ours/signed, ours/encrypted, emitted
//! xmltool read FOLDER PEER   PEER/signed and PEER/encrypted must verify and decrypt, PEER/refused must not
//! xmltool canonicalize PACK OUT
//! xmltool tokens FOLDER PEER tokens signed by us and encrypted to the keys of FOLDER/PEER
//! xmltool requests FOLDER PEER reads the signed requests and the proofs of FOLDER/PEER
//! ```

mod emit;
mod tokens;

use std::error::Error;
use std::fs;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use eidas_gateway::clock::{Clock, SystemClock};
use eidas_gateway::crypto::{
    Certificate, CertificateRequest, ContentAlgorithm, Curve, DecryptionKey, DigestAlgorithm, KeyKind,
    KeyTransport, KeyUsage, KeyWrapAlgorithm, PrivateKey, SignatureAlgorithm, SigningKey,
};
use eidas_gateway::ids::SystemRandom;
use eidas_gateway::xml::enc::{self, DecryptionPolicy, EncryptionOptions};
use eidas_gateway::xml::{Document, Element, Limits, Namespace, Verified, canonicalize, dsig, write};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const SAML2: Namespace = Namespace { uri: "urn:oasis:names:tc:SAML:2.0:assertion", prefix: "saml2" };
const DIGESTS: [(&str, DigestAlgorithm); 3] = [
    ("sha256", DigestAlgorithm::Sha256),
    ("sha384", DigestAlgorithm::Sha384),
    ("sha512", DigestAlgorithm::Sha512),
];
const CONTENTS: [(&str, ContentAlgorithm); 3] = [
    ("aes128", ContentAlgorithm::Aes128Gcm),
    ("aes192", ContentAlgorithm::Aes192Gcm),
    ("aes256", ContentAlgorithm::Aes256Gcm),
];
const KEYS: [(&str, KeyKind); 8] = [
    ("rsa3072", KeyKind::Rsa(3072)),
    ("rsa4096", KeyKind::Rsa(4096)),
    ("p256", KeyKind::Ec(Curve::P256)),
    ("p384", KeyKind::Ec(Curve::P384)),
    ("p521", KeyKind::Ec(Curve::P521)),
    ("bp256", KeyKind::Ec(Curve::BrainpoolP256r1)),
    ("bp384", KeyKind::Ec(Curve::BrainpoolP384r1)),
    ("bp512", KeyKind::Ec(Curve::BrainpoolP512r1)),
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.as_slice() {
        ["write", folder] => write_all(Path::new(folder)).map(|()| true),
        ["read", folder, peer] => read_all(Path::new(folder), peer),
        ["canonicalize", pack, out] => canonicalize_all(Path::new(pack), Path::new(out)).map(|()| true),
        ["tokens", folder, peer] => tokens::write_all(Path::new(folder), peer).map(|()| true),
        ["requests", folder, peer] => tokens::read_requests(Path::new(folder), peer),
        _ => Err(
            "usage: xmltool write FOLDER | read FOLDER PEER | canonicalize PACK OUT | tokens FOLDER PEER | \
                  requests FOLDER PEER"
                .into(),
        ),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xmltool: {error}");
            ExitCode::from(2)
        }
    }
}

// Writing.

fn write_all(folder: &Path) -> Result<()> {
    for (name, kind) in KEYS {
        make_key(folder, name, kind)?;
    }
    for (name, kind) in KEYS {
        for (digest_name, digest) in DIGESTS {
            let (scheme, algorithm) = match kind {
                KeyKind::Rsa(_) => ("pss", SignatureAlgorithm::RsaPss(digest)),
                KeyKind::Ec(_) => ("ecdsa", SignatureAlgorithm::Ecdsa(digest)),
            };
            let signed = sign(folder, template(folder)?, name, Some(algorithm))?;
            save(folder, &format!("ours/signed/{name}-{scheme}-{digest_name}.xml"), &signed)?;
        }
    }
    let default = EncryptionOptions::default();
    for (digest_name, digest) in DIGESTS {
        for (mgf_name, mgf) in DIGESTS {
            let options = EncryptionOptions { transport: KeyTransport::RsaOaep { digest, mgf }, ..default };
            encrypt(folder, &format!("rsa3072-oaep-{digest_name}-mgf1{mgf_name}"), &options)?;
        }
        let options = EncryptionOptions { kdf: digest, ..default };
        encrypt(folder, &format!("p384-ecdh-kdf-{digest_name}"), &options)?;
    }
    for (content_name, content) in CONTENTS {
        let options = EncryptionOptions { content, ..default };
        encrypt(folder, &format!("rsa4096-oaep-{content_name}"), &options)?;
        encrypt_beside(folder, &format!("rsa4096-oaep-{content_name}-sibling"), &options)?;
        for (name, _) in KEYS.iter().filter(|(_, kind)| matches!(kind, KeyKind::Ec(_))) {
            for (wrap_name, wrap) in
                [("kw128", KeyWrapAlgorithm::Aes128), ("kw256", KeyWrapAlgorithm::Aes256)]
            {
                let options = EncryptionOptions { content, wrap, ..default };
                encrypt(folder, &format!("{name}-ecdh-{wrap_name}-{content_name}"), &options)?;
                encrypt_beside(folder, &format!("{name}-ecdh-{wrap_name}-{content_name}-sibling"), &options)?;
            }
        }
    }
    emit::emit_all(folder)
}

fn make_key(folder: &Path, name: &str, kind: KeyKind) -> Result<()> {
    let now = SystemClock.now();
    let request = CertificateRequest {
        common_name: name.to_owned(),
        organization: None,
        country: None,
        not_before: now - Duration::from_secs(60),
        not_after: now + Duration::from_secs(86_400),
        usage: KeyUsage::Signing,
    };
    let key = PrivateKey::generate(kind)?;
    let certificate = key.self_signed(&request, &SystemRandom)?;
    fs::create_dir_all(folder.join("keys"))?;
    fs::write(folder.join(format!("keys/{name}.key.pem")), key.to_pem()?.expose())?;
    fs::write(folder.join(format!("keys/{name}.crt.pem")), certificate.pem())?;
    fs::write(folder.join(format!("keys/{name}.crt.der")), certificate.der())?;
    Ok(())
}

/// The usual placement: the key inside the data.
fn encrypt(folder: &Path, name: &str, options: &EncryptionOptions) -> Result<()> {
    let (plain, recipient) = (parse(&folder.join("plain.xml"))?, certificate(folder, key_of(name))?);
    let data = enc::encrypt(&plain, &recipient, options, &SystemRandom)?;
    save_encrypted(folder, name, [data])
}

/// The other one: the key beside the data.
fn encrypt_beside(folder: &Path, name: &str, options: &EncryptionOptions) -> Result<()> {
    let (plain, recipient) = (parse(&folder.join("plain.xml"))?, certificate(folder, key_of(name))?);
    let (data, key) = enc::encrypt_with_sibling_key(&plain, &recipient, options, &SystemRandom)?;
    save_encrypted(folder, name, [data, key])
}

fn save_encrypted(folder: &Path, name: &str, parts: impl IntoIterator<Item = Element>) -> Result<()> {
    let wrapper = Element::new(SAML2, "EncryptedAssertion").children_from(parts);
    let message = sign(folder, template(folder)?.child(wrapper), "p256", None)?;
    save(folder, &format!("ours/encrypted/{name}.xml"), &message)
}

/// Signs as a SAML message is signed: the signature follows the Issuer.
fn sign(
    folder: &Path,
    message: Element,
    name: &str,
    algorithm: Option<SignatureAlgorithm>,
) -> Result<Element> {
    let key = SigningKey::new(private_key(folder, name)?, certificate(folder, name)?, algorithm)?;
    Ok(dsig::sign(message, 1, &key, &[])?)
}

// Reading.

fn read_all(folder: &Path, peer: &str) -> Result<bool> {
    let mut all = true;
    let mut report = |what: &str, path: &Path, outcome: Result<()>| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match outcome {
            Ok(()) => println!("ok {what} {name}"),
            Err(error) => {
                all = false;
                println!("FAILED {what} {name}: {error}");
            }
        }
    };
    for path in documents(&folder.join(peer).join("signed"))? {
        report("verify", &path, verify(folder, &path).map(|_| ()));
    }
    for path in documents(&folder.join(peer).join("encrypted"))? {
        report("decrypt", &path, decrypt(folder, &path));
    }
    for path in documents(&folder.join(peer).join("refused"))? {
        report("refuse", &path, refuse(folder, &path));
    }
    Ok(all)
}

/// What is wrong with each message of PEER/refused, as our errors name it.
const REFUSALS: [(&str, &str); 12] = [
    ("p256-ecdsa-sha1", r#"SignatureAlgorithm("http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha1")"#),
    ("p256-inclusive", r#"Transform("http://www.w3.org/TR/2001/REC-xml-c14n-20010315")"#),
    ("p256-two-references", r#"Malformed("SignedInfo must have 3 child elements")"#),
    ("p256-whole-document", "Reference"),
    ("p256-with-comments", r#"Transform("http://www.w3.org/2001/10/xml-exc-c14n#WithComments")"#),
    ("rsa3072-content-cbc", r#"Algorithm("http://www.w3.org/2001/04/xmlenc#aes256-cbc")"#),
    ("rsa3072-digest-sha1", r#"DigestAlgorithm("http://www.w3.org/2000/09/xmldsig#sha1")"#),
    ("rsa3072-mgf1-sha1", r#"Algorithm("http://www.w3.org/2009/xmlenc11#mgf1sha1")"#),
    ("rsa3072-pkcs1", r#"SignatureAlgorithm("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256")"#),
    ("rsa3072-transport-mgf1p", r#"Algorithm("http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p")"#),
    ("rsa3072-transport-pkcs1", r#"Algorithm("http://www.w3.org/2001/04/xmlenc#rsa-1_5")"#),
    ("rsa3072-transport-sha1", r#"Algorithm("http://www.w3.org/2000/09/xmldsig#sha1")"#),
];

fn refuse(folder: &Path, path: &Path) -> Result<()> {
    let name = file_name(path);
    let (_, expected) = REFUSALS
        .iter()
        .find(|(stem, _)| name.strip_suffix(".xml") == Some(stem))
        .ok_or("nobody knows what is wrong with it")?;
    match decrypt_or_verify(folder, path) {
        Ok(()) => Err("was accepted".into()),
        Err(error) if format!("{error:?}") == *expected => Ok(()),
        Err(error) => Err(format!("was refused as {error:?}, not as {expected}").into()),
    }
}

fn decrypt_or_verify(folder: &Path, path: &Path) -> Result<()> {
    let encrypted = parse(path)?.children(SAML2, "EncryptedAssertion").next().is_some();
    if encrypted { decrypt(folder, path) } else { verify(folder, path).map(|_| ()) }
}

/// Verifies with the key that the file's name begins with, and no other.
fn verify(folder: &Path, path: &Path) -> Result<Verified> {
    verified(folder, &parse(path)?, key_of(&file_name(path)))
}

fn verified(folder: &Path, root: &Element, key: &str) -> Result<Verified> {
    let trusted = [certificate(folder, key)?.public_key()?];
    Ok(dsig::verify(root, &trusted, dsig::ReferenceRule::OwnId)?)
}

/// Decrypts with the key that the file's name begins with. A peer that cannot sign leaves its message unsigned;
/// then we sign it first, because only what is verified can be decrypted.
fn decrypt(folder: &Path, path: &Path) -> Result<()> {
    let (message, name) = (parse(path)?, file_name(path));
    let signer = if message.elements().any(|e| e.local() == "Signature") { "rsa3072" } else { "p256" };
    let message = if signer == "p256" { sign(folder, message, signer, None)? } else { message };
    let message = verified(folder, &message, signer)?;
    let encrypted = message.child(SAML2, "EncryptedAssertion").ok_or("no EncryptedAssertion")?;
    let key = key_of(&name);
    let keys = [DecryptionKey::new(private_key(folder, key)?, certificate(folder, key)?)?];
    let plain = enc::decrypt(&encrypted, &keys, &DecryptionPolicy::default())?;
    let expected = parse(&folder.join("plain.xml"))?;
    if canonicalize(plain.element(), &[], &[]) != canonicalize(&expected, &[], &[]) {
        return Err("another plaintext".into());
    }
    Ok(())
}

// Canonicalisation of a pack (see generate.py): the subtree at apex="", plainly and with the header's PrefixList.

fn canonicalize_all(pack: &Path, out: &Path) -> Result<()> {
    let mut pack = std::io::BufReader::new(fs::File::open(pack)?);
    let mut out = std::io::BufWriter::new(fs::File::create(out)?);
    let mut header = String::new();
    while pack.read_line(&mut header)? > 0 {
        let (octets, prefixes) = header.trim_end().split_once(' ').ok_or("the pack is broken")?;
        let mut text = vec![0; octets.parse::<usize>()? + 1];
        std::io::Read::read_exact(&mut pack, &mut text)?;
        text.pop();
        // The generated documents nest more namespaces than a message may; canonicalisation is what is judged here.
        let document = Document::parse(&text, &Limits::METADATA)?;
        let path = apex(document.root(), Vec::new()).ok_or("no apex")?;
        let (element, ancestors) = path.split_last().ok_or("no apex")?;
        let prefixes: Vec<&str> = prefixes.split(' ').collect();
        for inclusive in [&[], prefixes.as_slice()] {
            let canonical = canonicalize(element, inclusive, ancestors);
            writeln!(out, "{}", canonical.len())?;
            out.write_all(&canonical)?;
            writeln!(out)?;
        }
        header.clear();
    }
    Ok(out.flush()?)
}

/// The path from the root to the element with the attribute `apex`.
fn apex<'a>(element: &'a Element, mut above: Vec<&'a Element>) -> Option<Vec<&'a Element>> {
    above.push(element);
    if element.attribute("apex").is_some() {
        return Some(above);
    }
    element.elements().find_map(|child| apex(child, above.clone()))
}

// Files.

fn parse(path: &Path) -> Result<Element> {
    Ok(Document::parse(&fs::read(path)?, &Limits::MESSAGE)?.into_root())
}

fn template(folder: &Path) -> Result<Element> {
    parse(&folder.join("template.xml"))
}

fn save(folder: &Path, name: &str, element: &Element) -> Result<()> {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap_or(folder))?;
    Ok(fs::write(path, write(element))?)
}

/// The XML files of a folder by name; none if there is no folder.
fn documents(folder: &Path) -> Result<Vec<PathBuf>> {
    if !folder.exists() {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        found.push(entry?.path());
    }
    found.sort();
    Ok(found)
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// A file's name begins with the name of its key.
fn key_of(name: &str) -> &str {
    name.split('-').next().unwrap_or_default()
}

fn private_key(folder: &Path, name: &str) -> Result<PrivateKey> {
    Ok(PrivateKey::from_pem(&fs::read(folder.join(format!("keys/{name}.key.pem")))?)?)
}

fn certificate(folder: &Path, name: &str) -> Result<Certificate> {
    let found = Certificate::from_pem(&fs::read(folder.join(format!("keys/{name}.crt.pem")))?)?;
    found.into_iter().next().ok_or_else(|| "no certificate".into())
}
