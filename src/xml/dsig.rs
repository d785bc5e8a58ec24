//! Enveloped XML signatures, one closed profile: exactly one `ds:Signature`, a child of the document
//! element; one Reference, to the document element; transforms enveloped-signature and exclusive C14N;
//! algorithms of the allow-list; keys that the caller trusts. `ds:KeyInfo` never supplies a key.
//!
//! The steps of [`verify`] stand in one list, in order: shape and algorithms before any cryptography, the
//! signature before the digest, so that nothing is canonicalised on behalf of a stranger.

use super::c14n::{canonicalize, canonicalize_without};
use super::tree::{Element, Node, ShapeError};
use super::{DS, Document, EC, Limits, Verified, decode_base64, encode_base64};
use crate::crypto::{
    Certificate, DigestAlgorithm, KeyError, PublicKey, SignatureAlgorithm, SigningKey, hash,
};

/// Exclusive C14N without comments.
const EXCLUSIVE_C14N: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";
/// The enveloped-signature transform.
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
/// Keys tried for one signature: an entity in the middle of a rollover publishes two or three.
const MAX_KEYS: usize = 8;
/// Prefixes in a `PrefixList`.
const MAX_PREFIXES: usize = 16;

/// Which Reference URI is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReferenceRule {
    /// `#` and the document element's `ID`: messages.
    OwnId,
    /// The same, or the empty URI if the document element has no `ID`: metadata, as the CEF node
    /// publishes it.
    OwnIdOrWhole,
}

/// Why a signature is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// There is no signature at all.
    #[error("the document is not signed")]
    Missing,
    /// More than one signature.
    #[error("the document has more than one signature")]
    Several,
    /// A signature that is not a child of the document element.
    #[error("a signature stands elsewhere than directly in the document element")]
    Misplaced,
    /// Parts that the profile does not have, or lacks.
    #[error("the signature is malformed: {0}")]
    Malformed(String),
    /// Two elements with the same identifier.
    #[error("two elements have the same identifier")]
    DuplicateId,
    /// The Reference is not to the document element.
    #[error("the signature does not refer to the document element")]
    Reference,
    /// A transform other than the two of the profile, in their order.
    #[error("the signature has the transform {0:?}")]
    Transform(String),
    /// Another canonicalisation than exclusive C14N without comments.
    #[error("the signature is canonicalised with {0:?}")]
    Canonicalization(String),
    /// A signature algorithm that is not on the list.
    #[error("the signature algorithm {0:?} is not allowed")]
    SignatureAlgorithm(String),
    /// A digest algorithm that is not on the list.
    #[error("the digest algorithm {0:?} is not allowed")]
    DigestAlgorithm(String),
    /// The content is not what was signed.
    #[error("the digest does not match: the document was changed after it was signed")]
    Digest,
    /// No trusted key is of the kind that the algorithm needs.
    #[error("no trusted key fits the signature algorithm")]
    Key,
    /// No trusted key made this signature.
    #[error("the signature was not made by a trusted key")]
    Signature,
}

impl From<ShapeError> for SignatureError {
    fn from(error: ShapeError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// Verifies the enveloped signature of `root` with one of the `trusted` keys.
///
/// # Errors
/// The first rule broken.
pub fn verify(
    root: &Element,
    trusted: &[PublicKey],
    rule: ReferenceRule,
) -> Result<Verified, SignatureError> {
    let (index, signature) = only_signature(root, rule)?;
    unique_ids(root)?;
    let parts = Parts::read(signature)?;
    parts.refers_to(root, rule)?;

    let fitting: Vec<_> =
        trusted.iter().filter(|key| parts.algorithm.fits(key.kind())).take(MAX_KEYS).collect();
    if fitting.is_empty() {
        return Err(SignatureError::Key);
    }
    let signed_info = canonicalize(parts.signed_info, &parts.signed_info_prefixes, &[root, signature]);
    if !fitting.iter().any(|key| key.verify(parts.algorithm, &signed_info, &parts.value).is_ok()) {
        return Err(SignatureError::Signature);
    }

    let canonical = canonicalize_without(root, Some(index), &parts.content_prefixes, &[]);
    if !hash::equal(&parts.digest.digest(&canonical), &parts.digest_value) {
        return Err(SignatureError::Digest);
    }
    rebuild(&canonical)
}

/// The certificates of `ds:KeyInfo`, the signer's first. **They are claims, not keys**: the trust rules for
/// metadata look among them for a signer whom an anchor vouches for.
///
/// # Errors
/// As [`verify`], if there is no signature to read; [`SignatureError::Malformed`] for what is not a
/// certificate.
pub fn key_info(root: &Element) -> Result<Vec<Certificate>, SignatureError> {
    let (_, signature) = only_signature(root, ReferenceRule::OwnIdOrWhole)?;
    let Some(info) = signature.optional_child(DS, "KeyInfo")? else { return Ok(Vec::new()) };
    let mut found = Vec::new();
    for data in info.children(DS, "X509Data") {
        for certificate in data.children(DS, "X509Certificate").take(MAX_KEYS) {
            let certificate = Certificate::from_base64(certificate.text()?);
            found.push(certificate.map_err(|e| SignatureError::Malformed(e.to_string()))?);
        }
    }
    Ok(found)
}

/// Signs `root`, putting the `ds:Signature` at child index `at`. The Reference is to the root's `ID`, or
/// empty if it has none. `ds:KeyInfo` holds the key's certificate and then `chain`.
///
/// # Errors
/// [`KeyError::Operation`].
pub fn sign(
    mut root: Element,
    at: usize,
    key: &SigningKey,
    chain: &[Certificate],
) -> Result<Element, KeyError> {
    let uri = root.attribute("ID").map(|id| format!("#{id}")).unwrap_or_default();
    let digest = key.algorithm().digest();
    let digest_value = encode_base64(&digest.digest(&canonicalize(&root, &[], &[])));
    let transform = |uri: &str| Element::new(DS, "Transform").with("Algorithm", uri);
    let reference = Element::new(DS, "Reference")
        .with("URI", uri)
        .child(Element::new(DS, "Transforms").child(transform(ENVELOPED)).child(transform(EXCLUSIVE_C14N)))
        .child(Element::new(DS, "DigestMethod").with("Algorithm", digest.uri()))
        .child(Element::new(DS, "DigestValue").with_text(digest_value));
    let signed_info = Element::new(DS, "SignedInfo")
        .child(Element::new(DS, "CanonicalizationMethod").with("Algorithm", EXCLUSIVE_C14N))
        .child(Element::new(DS, "SignatureMethod").with("Algorithm", key.algorithm().uri()))
        .child(reference);
    let value = encode_base64(&key.sign(&canonicalize(&signed_info, &[], &[]))?);
    let certificates = std::iter::once(key.certificate())
        .chain(chain)
        .map(|c| Element::new(DS, "X509Certificate").with_text(c.base64()));
    let info = Element::new(DS, "KeyInfo").child(Element::new(DS, "X509Data").children_from(certificates));
    let signature = Element::new(DS, "Signature")
        .child(signed_info)
        .child(Element::new(DS, "SignatureValue").with_text(value))
        .child(info);
    root.insert(at, signature);
    Ok(root)
}

/// The one signature and its index among the child nodes of the document element.
fn only_signature(root: &Element, rule: ReferenceRule) -> Result<(usize, &Element), SignatureError> {
    let mut own = root.nodes().iter().enumerate().filter_map(|(index, node)| match node {
        Node::Element(element) if element.is(DS, "Signature") => Some((index, element)),
        _ => None,
    });
    let first = own.next();
    if own.next().is_some() {
        return Err(SignatureError::Several);
    }
    let all = root.descendants().filter(|e| e.is(DS, "Signature")).count();
    match first {
        None if all == 0 => Err(SignatureError::Missing),
        None => Err(SignatureError::Misplaced),
        // The entities of an aggregate may carry signatures of their own; a message may not.
        Some(_) if all > 1 && rule == ReferenceRule::OwnId => Err(SignatureError::Several),
        Some(found) => Ok(found),
    }
}

/// No two elements may claim the same identifier, under whatever name a library might look for it.
fn unique_ids(root: &Element) -> Result<(), SignatureError> {
    let mut ids: Vec<&str> = root
        .descendants()
        .flat_map(|e| e.attributes())
        .filter(|a| a.local().eq_ignore_ascii_case("id"))
        .map(|a| a.value().trim())
        .collect();
    let total = ids.len();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() == total { Ok(()) } else { Err(SignatureError::DuplicateId) }
}

/// A signature whose shape and algorithms are those of the profile.
struct Parts<'a> {
    signed_info: &'a Element,
    signed_info_prefixes: Vec<&'a str>,
    algorithm: SignatureAlgorithm,
    value: Vec<u8>,
    uri: Option<&'a str>,
    content_prefixes: Vec<&'a str>,
    digest: DigestAlgorithm,
    digest_value: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn read(signature: &'a Element) -> Result<Self, SignatureError> {
        // KeyInfo is optional and its content is not looked at.
        let parts: Vec<&Element> = signature.elements().collect();
        let (signed_info, value) = match parts.as_slice() {
            [signed_info, value] => (*signed_info, *value),
            [signed_info, value, info] if info.is(DS, "KeyInfo") => (*signed_info, *value),
            _ => return Err(malformed("Signature must hold SignedInfo, SignatureValue and KeyInfo")),
        };
        if !signed_info.is(DS, "SignedInfo") || !value.is(DS, "SignatureValue") {
            return Err(malformed("Signature must hold SignedInfo, SignatureValue and KeyInfo"));
        }
        only_blank_around(signature)?;
        let [canonicalization, method, reference] = exactly(signed_info)?;
        let canonicalization = named(canonicalization, "CanonicalizationMethod")?;
        let algorithm = algorithm_of(canonicalization)?;
        if algorithm != EXCLUSIVE_C14N {
            return Err(SignatureError::Canonicalization(algorithm.to_owned()));
        }
        let method = named(method, "SignatureMethod")?;
        let uri = algorithm_of(method)?;
        let algorithm = SignatureAlgorithm::from_uri(uri)
            .ok_or_else(|| SignatureError::SignatureAlgorithm(uri.to_owned()))?;
        // HMACOutputLength, RSAPSSParams: the algorithm's URI says everything.
        exactly::<0>(method)?;

        let reference = named(reference, "Reference")?;
        let [transforms, digest_method, digest_value] = exactly(reference)?;
        let content_prefixes = transform_prefixes(named(transforms, "Transforms")?)?;
        let digest_method = named(digest_method, "DigestMethod")?;
        exactly::<0>(digest_method)?;
        let uri = algorithm_of(digest_method)?;
        let digest =
            DigestAlgorithm::from_uri(uri).ok_or_else(|| SignatureError::DigestAlgorithm(uri.to_owned()))?;
        Ok(Self {
            signed_info,
            signed_info_prefixes: prefix_list(canonicalization)?,
            algorithm,
            value: octets(value)?,
            uri: reference.attribute("URI"),
            content_prefixes,
            digest,
            digest_value: octets(named(digest_value, "DigestValue")?)?,
        })
    }

    fn refers_to(&self, root: &Element, rule: ReferenceRule) -> Result<(), SignatureError> {
        let own = match (root.attribute("ID"), self.uri) {
            (Some(id), Some(uri)) => !id.is_empty() && uri.strip_prefix('#') == Some(id),
            (None, Some("")) => rule == ReferenceRule::OwnIdOrWhole,
            _ => false,
        };
        if own { Ok(()) } else { Err(SignatureError::Reference) }
    }
}

/// `ds:Transforms` must be enveloped-signature and exclusive C14N, in this order.
fn transform_prefixes(transforms: &Element) -> Result<Vec<&str>, SignatureError> {
    let found: Vec<&Element> = transforms.elements().collect();
    for transform in &found {
        let algorithm = algorithm_of(named(transform, "Transform")?)?;
        if algorithm != ENVELOPED && algorithm != EXCLUSIVE_C14N {
            return Err(SignatureError::Transform(algorithm.to_owned()));
        }
    }
    let [enveloped, exclusive] = found.as_slice() else {
        return Err(malformed("Transforms must be enveloped-signature and exclusive C14N"));
    };
    for (transform, expected) in [(enveloped, ENVELOPED), (exclusive, EXCLUSIVE_C14N)] {
        let algorithm = algorithm_of(transform)?;
        if algorithm != expected {
            return Err(SignatureError::Transform(algorithm.to_owned()));
        }
    }
    exactly::<0>(enveloped)?;
    prefix_list(exclusive)
}

/// The prefixes of `ec:InclusiveNamespaces`, if it is there.
fn prefix_list(method: &Element) -> Result<Vec<&str>, SignatureError> {
    let parts: Vec<&Element> = method.elements().collect();
    let list = match parts.as_slice() {
        [] => return Ok(Vec::new()),
        [list] if list.is(EC, "InclusiveNamespaces") => list,
        _ => return Err(malformed("only InclusiveNamespaces may stand in a canonicalisation")),
    };
    exactly::<0>(list)?;
    let prefixes: Vec<&str> = list.required_attribute("PrefixList")?.split_ascii_whitespace().collect();
    if prefixes.len() > MAX_PREFIXES {
        return Err(malformed("PrefixList is too long"));
    }
    Ok(prefixes)
}

/// Parses the canonical octets, so that what is read is what was signed.
fn rebuild(canonical: &[u8]) -> Result<Verified, SignatureError> {
    // Canonical octets can be longer than what was parsed: a declaration moves into each element that
    // uses it. The document itself has passed its limits.
    let limits = Limits { octets: usize::MAX, ..Limits::METADATA };
    let document = Document::parse(canonical, &limits)
        .map_err(|e| SignatureError::Malformed(format!("the canonical form does not parse: {e}")))?;
    Ok(Verified::vouch(document.into_root()))
}

fn exactly<const N: usize>(parent: &Element) -> Result<[&Element; N], SignatureError> {
    only_blank_around(parent)?;
    let children: Vec<&Element> = parent.elements().collect();
    <[&Element; N]>::try_from(children)
        .map_err(|_| malformed(&format!("{} must have {N} child elements", parent.local())))
}

/// Between the elements of a signature there is white space and nothing else, not even a comment.
fn only_blank_around(parent: &Element) -> Result<(), SignatureError> {
    let clean = parent.nodes().iter().all(|node| match node {
        Node::Element(_) => true,
        Node::Text(text) => text.trim_matches([' ', '\t', '\r', '\n']).is_empty(),
        Node::Comment => false,
    });
    if clean { Ok(()) } else { Err(malformed(&format!("{} holds more than elements", parent.local()))) }
}

fn named<'a>(element: &'a Element, local: &str) -> Result<&'a Element, SignatureError> {
    if element.is(DS, local) { Ok(element) } else { Err(malformed(&format!("{local} is missing"))) }
}

fn algorithm_of(element: &Element) -> Result<&str, SignatureError> {
    Ok(element.required_attribute("Algorithm")?)
}

/// The octets of a base64 leaf. A comment in it makes it no leaf, and it is refused.
fn octets(element: &Element) -> Result<Vec<u8>, SignatureError> {
    decode_base64(element.text()?)
        .filter(|octets| !octets.is_empty())
        .ok_or_else(|| malformed(&format!("{} is not base64", element.local())))
}

fn malformed(what: &str) -> SignatureError {
    SignatureError::Malformed(what.to_owned())
}

#[cfg(test)]
mod tests;
