//! The MetadataServiceList: who publishes metadata for which territory, where, and signed by which
//! certificate (Message Format 1.4 Appendix A).
//!
//! A list is a claim like any other document. It counts if one of its anchors signed it, or if the operator
//! has put this very file where it lies ([`ListTrust::Pinned`]). It says where metadata is, and may say whose
//! signature it bears; the metadata itself is judged by [`super::trust`] all the same, and an entry speaks
//! for its own territory only (MDSL-03, decision D13).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::clock::Timestamp;
use crate::crypto::{Certificate, path};
use crate::eidas::country::CountryCode;
use crate::eidas::trust::{CountryTrust, TrustRefusal, refusal, refuse};
use crate::saml::names::DS;
use crate::xml::dsig::{self, ReferenceRule};
use crate::xml::{Document, Element, Limits, Namespace, ShapeError};

/// `http://eidas.europa.eu/metadata/servicelist`
pub const SERVICE_LIST: Namespace =
    Namespace { uri: "http://eidas.europa.eu/metadata/servicelist", prefix: "ser" };
const PROXY_SERVICE: &str = "http://eidas.europa.eu/metadata/ept/ProxyService";
const CONNECTOR: &str = "http://eidas.europa.eu/metadata/ept/Connector";

/// Why a list may be believed.
#[derive(Clone, Debug)]
pub enum ListTrust {
    /// One of these certificates signed it, or issued the certificate that did.
    Signed {
        /// The anchors.
        anchors: Vec<Certificate>,
        /// Accept certificates signed with PKCS#1 v1.5.
        accept_pkcs1_certificates: bool,
    },
    /// The operator checked this very file.
    Pinned,
}

/// A list that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MetadataServiceList {
    /// Who made the list.
    pub issuer_name: String,
    /// `IssueDate`; some real lists carry 1970.
    pub issue_date: Option<Timestamp>,
    /// `NextUpdate`, after which the list is stale.
    pub next_update: Option<Timestamp>,
    /// The countries that it names, be it without anything that can be used.
    pub territories: BTreeSet<CountryCode>,
    /// The locations, in the order of the list.
    pub locations: Vec<Location>,
}

/// Where metadata is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    /// The territory that the entry speaks for.
    pub territory: CountryCode,
    /// The address of the metadata document.
    pub url: String,
    /// The entities in it. None means: all that are in it.
    pub endpoints: Vec<Endpoint>,
    /// The certificates that its signature may bear.
    pub certificates: Vec<Certificate>,
    /// Not to be used (`Suspend`, an extension of the Nordic lists).
    pub suspended: bool,
}

/// An entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// What it is.
    pub kind: EndpointKind,
    /// Its entityID.
    pub entity_id: String,
    /// Not to be used.
    pub suspended: bool,
    /// Not to be offered to people.
    pub hidden: bool,
}

/// `EndpointType`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointKind {
    /// An eIDAS-Connector.
    Connector,
    /// An eIDAS-Proxy-Service.
    ProxyService,
    /// Something else: skipped.
    Other,
}

impl MetadataServiceList {
    /// Judges and reads a list.
    ///
    /// # Errors
    /// [`TrustRefusal`] with a code that begins with `list_`.
    pub fn read(octets: &[u8], trust: &ListTrust, now: Timestamp) -> Result<Self, TrustRefusal> {
        let document = Document::parse(octets, &Limits::METADATA).map_err(refusal("list_malformed"))?;
        let list = match trust {
            ListTrust::Pinned => structure(document.root())?,
            ListTrust::Signed { anchors, accept_pkcs1_certificates } => {
                signed(document.root(), anchors, *accept_pkcs1_certificates, now)?
            }
        };
        if list.next_update.is_some_and(|until| now > until) {
            return Err(refuse("list_outdated", "the list should have been replaced by now"));
        }
        Ok(list)
    }

    /// The usable Proxy-Services of a country: where their metadata is, and which entity it is if the list
    /// says so. A location without endpoints speaks for all its entities.
    pub fn proxy_services(&self, country: CountryCode) -> impl Iterator<Item = (&Location, Option<&str>)> {
        self.locations.iter().filter(move |l| l.territory == country && !l.suspended).flat_map(|location| {
            let anything = location.endpoints.is_empty().then_some((location, None));
            let listed = location
                .endpoints
                .iter()
                .filter(|e| e.kind == EndpointKind::ProxyService && !e.suspended && !e.hidden)
                .map(move |e| (location, Some(e.entity_id.as_str())));
            anything.into_iter().chain(listed)
        })
    }

    /// Which territory each listed entity belongs to, the first that lists it: in the document of another
    /// one it is refused (MDSL-03; [`CountryTrust::claims`]).
    #[must_use]
    pub fn claims(&self) -> BTreeMap<String, CountryCode> {
        let mut claims = BTreeMap::new();
        for location in &self.locations {
            for endpoint in &location.endpoints {
                claims.entry(endpoint.entity_id.clone()).or_insert(location.territory);
            }
        }
        claims
    }

    /// Where the metadata of a country's node is, and whom to believe about it: what the operator
    /// configured, with the entity and, if there is no anchor of his own, the certificates of the list.
    ///
    /// # Errors
    /// [`TrustRefusal`] if the list names no usable node of the country, or several and `entity_id` does not
    /// say which.
    pub fn resolve(&self, trust: &CountryTrust) -> Result<(CountryTrust, String), TrustRefusal> {
        let (country, wanted) = (trust.country, trust.entity_id.as_deref());
        let services: Vec<_> = self.proxy_services(country).collect();
        let named = wanted.is_some() && services.iter().any(|(_, listed)| *listed == wanted);
        // A location that names no entity may hold the one that is wanted.
        let fits = |listed: Option<&str>| wanted.is_none() || listed == wanted.filter(|_| named);
        let mut fitting = services.into_iter().filter(|(_, listed)| fits(*listed));
        let Some((location, listed)) = fitting.next() else {
            let known = self.territories.contains(&country);
            let code = if known { "list_nothing_usable" } else { "list_country_missing" };
            return Err(refuse(code, format!("the list of {} names no node of {country}", self.issuer_name)));
        };
        if fitting.next().is_some() {
            let detail = format!("the list names several nodes of {country}: entity_id must say which");
            return Err(refuse("list_ambiguous", detail));
        }
        let mut effective = trust.clone();
        effective.entity_id = listed.or(wanted).map(str::to_owned);
        if effective.anchors.is_empty() {
            effective.anchors.clone_from(&location.certificates);
        }
        effective.claims = Arc::new(self.claims());
        Ok((effective, location.url.clone()))
    }
}

fn signed(
    root: &Element,
    anchors: &[Certificate],
    allow_pkcs1: bool,
    now: Timestamp,
) -> Result<MetadataServiceList, TrustRefusal> {
    let claimed = dsig::key_info(root).map_err(refusal("list_signature"))?;
    let Some((signer, chain)) = claimed.split_first() else {
        return Err(refuse("list_signature", "the signature holds no certificate"));
    };
    path::build(signer, chain, anchors, path::PathRules { allow_pkcs1 }, now)
        .map_err(refusal("list_signer"))?;
    let key = signer.public_key().map_err(refusal("list_signer"))?;
    let verified =
        dsig::verify(root, &[key], ReferenceRule::OwnIdOrWhole).map_err(refusal("list_signature"))?;
    structure(verified.element())
}

fn structure(root: &Element) -> Result<MetadataServiceList, TrustRefusal> {
    if !root.is(SERVICE_LIST, "MetadataServiceList") {
        return Err(refuse("list_malformed", "the document is no MetadataServiceList"));
    }
    let instant = |name: &str| root.attribute(name).and_then(Timestamp::parse);
    if root.attribute("NextUpdate").is_some() && instant("NextUpdate").is_none() {
        return Err(refuse("list_malformed", "NextUpdate is no time"));
    }
    let scheme = root.only_child(SERVICE_LIST, "SchemeInformation").map_err(malformed)?;
    let issuer = scheme.only_child(SERVICE_LIST, "IssuerName").map_err(malformed)?;
    let mut list = MetadataServiceList {
        issuer_name: issuer.text().map_err(malformed)?.trim().to_owned(),
        issue_date: instant("IssueDate"),
        next_update: instant("NextUpdate"),
        territories: BTreeSet::new(),
        locations: Vec::new(),
    };
    for territory in root.children(SERVICE_LIST, "MetadataList") {
        let text = territory.required_attribute("Territory").map_err(malformed)?;
        // Lists name territories that take no part in eIDAS, such as INT: those entries are skipped.
        let Some(country) = CountryCode::parse(text.trim()) else { continue };
        list.territories.insert(country);
        for location in territory.children(SERVICE_LIST, "MetadataLocation") {
            list.locations.push(read_location(location, country, flag(territory, "Suspend"))?);
        }
    }
    Ok(list)
}

fn read_location(
    element: &Element,
    territory: CountryCode,
    suspended: bool,
) -> Result<Location, TrustRefusal> {
    let url = element.required_attribute("Location").map_err(malformed)?.trim().to_owned();
    let mut endpoints = Vec::new();
    for endpoint in element.children(SERVICE_LIST, "Endpoint") {
        let kind = match endpoint.required_attribute("EndpointType").map_err(malformed)?.trim() {
            PROXY_SERVICE => EndpointKind::ProxyService,
            CONNECTOR => EndpointKind::Connector,
            _ => EndpointKind::Other,
        };
        endpoints.push(Endpoint {
            kind,
            entity_id: endpoint.required_attribute("EntityID").map_err(malformed)?.trim().to_owned(),
            suspended: flag(endpoint, "Suspend"),
            hidden: flag(endpoint, "HideFromDiscovery"),
        });
    }
    let mut certificates = Vec::new();
    for info in element.children(DS, "KeyInfo") {
        for data in info.children(DS, "X509Data") {
            for certificate in data.children(DS, "X509Certificate") {
                // What is no certificate vouches for nothing, and is no reason to refuse the other countries.
                let certificate = certificate.text().ok().map(Certificate::from_base64);
                certificates.extend(certificate.and_then(Result::ok));
            }
        }
    }
    Ok(Location { territory, url, endpoints, certificates, suspended })
}

/// An `xs:boolean` extension attribute, false by default.
fn flag(element: &Element, name: &str) -> bool {
    element.attribute(name).is_some_and(|value| matches!(value.trim(), "true" | "1"))
}

fn malformed(error: ShapeError) -> TrustRefusal {
    refuse("list_malformed", error.to_string())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::crypto::{CertificateRequest, Curve, KeyKind, KeyUsage, PrivateKey, SigningKey};
    use crate::ids::SystemRandom;
    use crate::xml::write;

    fn now() -> Timestamp {
        Timestamp::from_unix(1_763_722_800)
    }

    fn signer() -> SigningKey {
        let key = PrivateKey::generate(KeyKind::Ec(Curve::P256)).unwrap();
        let request = CertificateRequest {
            common_name: "list".to_owned(),
            organization: None,
            country: None,
            not_before: now() - Duration::from_secs(60),
            not_after: now() + Duration::from_secs(1_000_000),
            usage: KeyUsage::Signing,
        };
        let certificate = key.self_signed(&request, &SystemRandom).unwrap();
        SigningKey::new(key, certificate, None).unwrap()
    }

    /// A list with the given content between the scheme information and the distribution points.
    fn list(attributes: &str, content: &str) -> String {
        format!(
            "<ser:MetadataServiceList xmlns:ser='{}' xmlns:ds='{}' Version='1.0' ID='_1' \
             IssueDate='1970-01-01T00:00:00Z' {attributes}><ser:SchemeInformation><ser:IssuerName> Us \
             </ser:IssuerName><ser:SchemeIdentifier>u:x</ser:SchemeIdentifier><ser:SchemeTerritory>EU\
             </ser:SchemeTerritory></ser:SchemeInformation>{content}</ser:MetadataServiceList>",
            SERVICE_LIST.uri, DS.uri
        )
    }

    fn endpoint(kind: &str, id: &str, more: &str) -> String {
        format!(
            "<ser:Endpoint EndpointType='http://eidas.europa.eu/metadata/ept/{kind}' EntityID='{id}' {more}/>"
        )
    }

    fn pinned(text: &str) -> Result<MetadataServiceList, TrustRefusal> {
        MetadataServiceList::read(text.as_bytes(), &ListTrust::Pinned, now())
    }

    fn es() -> CountryCode {
        CountryCode::parse("ES").unwrap()
    }

    fn services(list: &MetadataServiceList) -> Vec<(&str, Option<&str>)> {
        list.proxy_services(es()).map(|(location, id)| (location.url.as_str(), id)).collect()
    }

    #[test]
    fn the_four_cases_of_mdsl_02_are_understood() {
        let content = [
            // One location for one entity, one for several, one without endpoints.
            format!(
                "<ser:MetadataList Territory='ES'><ser:MetadataLocation Location='https://a'>{}</ser:MetadataLocation>\
                 <ser:MetadataLocation Location='https://b'>{}{}</ser:MetadataLocation>\
                 <ser:MetadataLocation Location='https://c'/></ser:MetadataList>",
                endpoint("ProxyService", "https://a/1", ""),
                endpoint("Connector", "https://b/1", ""),
                endpoint("ProxyService", "https://b/2", ""),
            ),
            // A territory without any location.
            "<ser:MetadataList Territory='BG'/>".to_owned(),
            "<ser:MetadataList Territory='INT'/>".to_owned(),
        ];
        let list = pinned(&list("", &content.concat())).unwrap();
        assert_eq!(list.issuer_name, "Us");
        assert_eq!(
            services(&list),
            [("https://a", Some("https://a/1")), ("https://b", Some("https://b/2")), ("https://c", None)]
        );
        assert_eq!(list.proxy_services(CountryCode::parse("BG").unwrap()).count(), 0);
        assert_eq!(list.claims().get("https://b/1"), Some(&es()));
        assert_eq!(list.claims().get("https://c/1"), None);
        let resolve = |code: &str, entity_id: Option<&str>| {
            let mut trust = CountryTrust::new(CountryCode::parse(code).unwrap(), Vec::new());
            trust.entity_id = entity_id.map(str::to_owned);
            list.resolve(&trust).map(|(trust, url)| (trust.entity_id, url)).map_err(|refusal| refusal.code)
        };
        assert_eq!(resolve("ES", None), Err("list_ambiguous"));
        let at = |url: &str, id: &str| Ok((Some(id.to_owned()), url.to_owned()));
        assert_eq!(resolve("ES", Some("https://b/2")), at("https://b", "https://b/2"));
        assert_eq!(resolve("ES", Some("https://elsewhere/")), at("https://c", "https://elsewhere/"));
        assert_eq!(resolve("BG", None), Err("list_nothing_usable"));
        assert_eq!(resolve("EE", None), Err("list_country_missing"));
    }

    #[test]
    fn what_is_suspended_or_hidden_is_not_offered() {
        let location = |more: &str, endpoint: String| {
            format!(
                "<ser:MetadataList Territory='ES' {more}><ser:MetadataLocation Location='https://a'>{endpoint}\
                 </ser:MetadataLocation></ser:MetadataList>"
            )
        };
        for content in [
            location("Suspend='true'", endpoint("ProxyService", "https://a", "")),
            location("", endpoint("ProxyService", "https://a", "Suspend='1'")),
            location("", endpoint("ProxyService", "https://a", "HideFromDiscovery='true'")),
            location("", endpoint("Connector", "https://a", "")),
        ] {
            assert_eq!(services(&pinned(&list("", &content)).unwrap()), [], "{content}");
        }
    }

    #[test]
    fn a_list_past_its_next_update_is_refused() {
        let fresh = format!("NextUpdate='{}'", now());
        assert!(pinned(&list(&fresh, "")).is_ok());
        let stale = format!("NextUpdate='{}'", now() - Duration::from_secs(1));
        assert_eq!(pinned(&list(&stale, "")).unwrap_err().code, "list_outdated");
        assert_eq!(pinned(&list("NextUpdate='soon'", "")).unwrap_err().code, "list_malformed");
    }

    #[test]
    fn a_signed_list_needs_an_anchor_of_its_own() {
        let (ours, other) = (signer(), signer());
        let content = "<ser:MetadataList Territory='ES'><ser:MetadataLocation Location='https://a'/></ser:MetadataList>";
        let root = Document::parse(list("", content).as_bytes(), &Limits::METADATA).unwrap().into_root();
        let at = root.nodes().len();
        let text = write(&dsig::sign(root, at, &ours, &[]).unwrap());
        let judge = |text: &str, anchors: &[&SigningKey]| {
            let anchors = anchors.iter().map(|key| key.certificate().clone()).collect();
            let trust = ListTrust::Signed { anchors, accept_pkcs1_certificates: false };
            MetadataServiceList::read(text.as_bytes(), &trust, now())
        };
        assert_eq!(services(&judge(&text, &[&ours]).unwrap()), [("https://a", None)]);
        assert_eq!(judge(&text, &[&other]).unwrap_err().code, "list_signer");
        assert_eq!(judge(&text, &[]).unwrap_err().code, "list_signer");
        let moved = text.replace("https://a", "https://evil");
        assert_eq!(judge(&moved, &[&ours]).unwrap_err().code, "list_signature");
        assert_eq!(judge(&list("", content), &[&ours]).unwrap_err().code, "list_signature");
    }

    #[test]
    fn broken_lists_are_refused() {
        for (text, code) in [
            ("<x/>".to_owned(), "list_malformed"),
            ("<x".to_owned(), "list_malformed"),
            (list("", "<ser:MetadataList/>"), "list_malformed"),
            (
                list("", "<ser:MetadataList Territory='ES'><ser:MetadataLocation/></ser:MetadataList>"),
                "list_malformed",
            ),
        ] {
            assert_eq!(pinned(&text).unwrap_err().code, code, "{text}");
        }
    }

    #[test]
    fn what_is_no_certificate_vouches_for_nobody_and_harms_no_other_country() {
        let text = list(
            "",
            "<ser:MetadataList Territory='ES'><ser:MetadataLocation Location='https://a'><ds:KeyInfo>\
             <ds:X509Data><ds:X509Certificate>AAAA</ds:X509Certificate></ds:X509Data></ds:KeyInfo>\
             </ser:MetadataLocation></ser:MetadataList>",
        );
        let (trust, _) = pinned(&text).unwrap().resolve(&CountryTrust::new(es(), Vec::new())).unwrap();
        assert_eq!(trust.anchors, []);
    }
}
