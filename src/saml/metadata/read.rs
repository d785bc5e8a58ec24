//! Reading metadata.

use std::time::Duration;

use super::{
    ContactPerson, Endpoint, EntityDescriptor, IdpSsoDescriptor, IndexedEndpoint, KeyDescriptor, KeyUse,
    Organization, PublishedAttribute, Role, RoleDescriptor, SigningMethod, SpSsoDescriptor,
};
use crate::clock::Timestamp;
use crate::crypto::Certificate;
use crate::saml::names::{ALG, DS, EIDAS, MD, MDATTR, SAML2, XML};
use crate::saml::{ReadError, shape};
use crate::xml::{Element, Proof, ShapeError};

impl EntityDescriptor {
    /// Reads metadata that is signed or pinned. The root is an `md:EntityDescriptor`, or an `md:EntitiesDescriptor` with one
    /// entity in it, or with several of which exactly one has the entityID given.
    ///
    /// # Errors
    /// [`ReadError`] where what eIDAS relies on is not as the schema says.
    pub fn read(source: &impl Proof, entity_id: Option<&str>) -> Result<Self, ReadError> {
        let root = source.proven();
        if root.is(MD, "EntityDescriptor") {
            let entity = Self::from_element(root)?;
            return match entity_id {
                Some(wanted) if wanted != entity.entity_id => Err(ReadError::OtherEntity(entity.entity_id)),
                _ => Ok(entity),
            };
        }
        if !root.is(MD, "EntitiesDescriptor") {
            return Err(ReadError::Root("md:EntityDescriptor"));
        }
        let fits = |entity: &&Element| {
            entity_id.is_none_or(|wanted| entity.attribute("entityID").is_some_and(|id| id.trim() == wanted))
        };
        let mut entities =
            enclosed(root, Validity::default())?.into_iter().filter(|(entity, _)| fits(entity));
        let (element, outer) = entities.next().ok_or(ReadError::NoEntity)?;
        if entities.next().is_some() {
            return Err(match entity_id {
                Some(_) => ReadError::DuplicateEntity,
                None => ReadError::SeveralEntities,
            });
        }
        let mut entity = Self::from_element(element)?;
        entity.valid_until = earlier(entity.valid_until, outer.until);
        entity.cache_duration = earlier(entity.cache_duration, outer.cache);
        Ok(entity)
    }

    fn from_element(element: &Element) -> Result<Self, ReadError> {
        let extensions = element.optional_child(MD, "Extensions")?;
        let each = |ns, local| extensions.into_iter().flat_map(move |e| e.children(ns, local));
        let sp_type = extensions.map_or(Ok(None), |e| e.optional_child(EIDAS, "SPType"))?;
        let entity_attributes =
            extensions.map_or(Ok(None), |e| e.optional_child(MDATTR, "EntityAttributes"))?;
        let mut validity = Validity::of(element)?;
        // A role may end before its entity does.
        for role in element.elements().filter(|e| e.is(MD, "IDPSSODescriptor") || e.is(MD, "SPSSODescriptor"))
        {
            validity = Validity::of(role)?.within(validity);
        }
        Ok(Self {
            id: shape::attribute(element, "ID"),
            entity_id: shape::required(element, "entityID")?,
            valid_until: validity.until,
            cache_duration: validity.cache,
            sp_type: sp_type.map(shape::text).transpose()?,
            entity_attributes: entity_attributes
                .into_iter()
                .flat_map(|e| e.children(SAML2, "Attribute"))
                .map(entity_attribute)
                .collect::<Result<_, _>>()?,
            digest_methods: each(ALG, "DigestMethod")
                .map(|e| shape::required(e, "Algorithm"))
                .collect::<Result<_, _>>()?,
            signing_methods: each(ALG, "SigningMethod").map(SigningMethod::read).collect::<Result<_, _>>()?,
            role: Role::read(element)?,
            organization: element.optional_child(MD, "Organization")?.map(Organization::read).transpose()?,
            contacts: element
                .children(MD, "ContactPerson")
                .map(ContactPerson::read)
                .collect::<Result<_, _>>()?,
        })
    }
}

/// Until when, and how long.
#[derive(Clone, Copy, Default)]
struct Validity {
    until: Option<Timestamp>,
    cache: Option<Duration>,
}

impl Validity {
    fn of(element: &Element) -> Result<Self, ReadError> {
        let cache = element
            .attribute("cacheDuration")
            .map(|text| duration(text.trim()).ok_or(ReadError::Value("cacheDuration")));
        Ok(Self { until: shape::instant(element, "validUntil")?, cache: cache.transpose()? })
    }

    fn within(self, outer: Self) -> Self {
        Self { until: earlier(self.until, outer.until), cache: earlier(self.cache, outer.cache) }
    }
}

/// All entities of an aggregate, each with the validity of what encloses it.
fn enclosed(entities: &Element, outer: Validity) -> Result<Vec<(&Element, Validity)>, ReadError> {
    let validity = Validity::of(entities)?.within(outer);
    let mut found = Vec::new();
    // The parser limits the depth.
    for child in entities.elements() {
        if child.is(MD, "EntityDescriptor") {
            found.push((child, validity));
        } else if child.is(MD, "EntitiesDescriptor") {
            found.extend(enclosed(child, validity)?);
        }
    }
    Ok(found)
}

fn earlier<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}

/// An `xs:duration`, with 365 days to a year and 30 to a month: it only says how often to look again.
fn duration(text: &str) -> Option<Duration> {
    let (days, time) = match text.strip_prefix('P')?.split_once('T') {
        Some((days, time)) => (days, time),
        None => (text.strip_prefix('P')?, ""),
    };
    let mut seconds = 0_u64;
    const DAYS: &[(char, u64)] = &[('Y', 365 * 86_400), ('M', 30 * 86_400), ('D', 86_400)];
    const TIME: &[(char, u64)] = &[('H', 3600), ('M', 60), ('S', 1)];
    for (part, units) in [(days, DAYS), (time, TIME)] {
        let mut rest = part;
        while !rest.is_empty() {
            let end = rest.find(|c: char| c.is_ascii_alphabetic())?;
            let (number, unit) = rest.split_at_checked(end)?;
            let mut unit = unit.chars();
            let letter = unit.next()?;
            let (_, factor) = units.iter().find(|(name, _)| *name == letter)?;
            let whole = number.split('.').next()?.parse::<u64>().ok()?;
            seconds = seconds.checked_add(whole.checked_mul(*factor)?)?;
            rest = unit.as_str();
        }
    }
    (text.len() > 1).then(|| Duration::from_secs(seconds))
}

fn entity_attribute(element: &Element) -> Result<(String, Vec<String>), ReadError> {
    let values = element.children(SAML2, "AttributeValue").map(shape::text).collect::<Result<_, _>>()?;
    Ok((shape::required(element, "Name")?, values))
}

impl Role {
    fn read(entity: &Element) -> Result<Self, ReadError> {
        let idp = entity.optional_child(MD, "IDPSSODescriptor")?;
        let sp = entity.optional_child(MD, "SPSSODescriptor")?;
        match (idp, sp) {
            (Some(idp), None) => Ok(Self::Idp(IdpSsoDescriptor::read(idp)?)),
            (None, Some(sp)) => Ok(Self::Sp(SpSsoDescriptor::read(sp)?)),
            (None, None) => {
                Err(ShapeError::Missing { parent: entity.local().to_owned(), child: "IDPSSODescriptor" }
                    .into())
            }
            // MetaIOP and Interoperability Architecture 1.4 §6: one entity is one node.
            (Some(_), Some(sp)) => Err(shape::unexpected(entity, sp)),
        }
    }
}

impl IdpSsoDescriptor {
    fn read(element: &Element) -> Result<Self, ReadError> {
        let services = element.children(MD, "SingleSignOnService").map(|service| {
            let binding = shape::required(service, "Binding")?;
            Ok(Endpoint { binding, location: shape::required(service, "Location")? })
        });
        let attributes = element.children(SAML2, "Attribute").map(|attribute| {
            let name = shape::required(attribute, "Name")?;
            Ok(PublishedAttribute { name, friendly_name: shape::attribute(attribute, "FriendlyName") })
        });
        Ok(Self {
            want_authn_requests_signed: shape::boolean(element, "WantAuthnRequestsSigned")?,
            common: RoleDescriptor::read(element)?,
            single_sign_on_services: services.collect::<Result<_, ReadError>>()?,
            attributes: attributes.collect::<Result<_, ReadError>>()?,
        })
    }
}

impl SpSsoDescriptor {
    fn read(element: &Element) -> Result<Self, ReadError> {
        let services = element.children(MD, "AssertionConsumerService").map(|service| {
            Ok(IndexedEndpoint {
                binding: shape::required(service, "Binding")?,
                location: shape::required(service, "Location")?,
                index: shape::number(service, "index")?.ok_or(ReadError::Value("index"))?,
                is_default: shape::boolean(service, "isDefault")?,
            })
        });
        Ok(Self {
            authn_requests_signed: shape::boolean(element, "AuthnRequestsSigned")?,
            want_assertions_signed: shape::boolean(element, "WantAssertionsSigned")?,
            common: RoleDescriptor::read(element)?,
            assertion_consumer_services: services.collect::<Result<_, ReadError>>()?,
        })
    }
}

impl RoleDescriptor {
    fn read(element: &Element) -> Result<Self, ReadError> {
        let extensions = element.optional_child(MD, "Extensions")?;
        let country = extensions.map_or(Ok(None), |e| e.optional_child(EIDAS, "NodeCountry"))?;
        let protocols = shape::required(element, "protocolSupportEnumeration")?;
        Ok(Self {
            protocols: protocols.split_ascii_whitespace().map(str::to_owned).collect(),
            node_country: country.map(shape::text).transpose()?,
            keys: element.children(MD, "KeyDescriptor").map(KeyDescriptor::read).collect::<Result<_, _>>()?,
            name_id_formats: element
                .children(MD, "NameIDFormat")
                .map(shape::text)
                .collect::<Result<_, _>>()?,
        })
    }
}

impl KeyDescriptor {
    fn read(element: &Element) -> Result<Self, ReadError> {
        let usage = match element.attribute("use").map(str::trim) {
            None => None,
            Some("signing") => Some(KeyUse::Signing),
            Some("encryption") => Some(KeyUse::Encryption),
            Some(_) => return Err(ReadError::Value("use")),
        };
        let data = element.only_child(DS, "KeyInfo")?.children(DS, "X509Data");
        let certificates = data.flat_map(|data| data.children(DS, "X509Certificate")).map(|certificate| {
            Certificate::from_base64(certificate.text()?).map_err(|_| ReadError::Value("X509Certificate"))
        });
        let methods =
            element.children(MD, "EncryptionMethod").map(|method| shape::required(method, "Algorithm"));
        Ok(Self {
            usage,
            certificates: certificates.collect::<Result<_, _>>()?,
            encryption_methods: methods.collect::<Result<_, _>>()?,
        })
    }
}

impl SigningMethod {
    fn read(element: &Element) -> Result<Self, ReadError> {
        Ok(Self {
            algorithm: shape::required(element, "Algorithm")?,
            min_key_size: shape::number(element, "MinKeySize")?,
            max_key_size: shape::number(element, "MaxKeySize")?,
        })
    }
}

impl Organization {
    /// The first language of each name.
    fn read(element: &Element) -> Result<Self, ReadError> {
        let first = |local| element.children(MD, local).next().map(shape::text).transpose();
        let name = element.children(MD, "OrganizationName").next();
        let language = name.and_then(|name| {
            name.attributes().iter().find(|a| a.local() == "lang" && a.namespace() == XML.uri)
        });
        Ok(Self {
            language: language.map_or_else(|| "en".to_owned(), |a| a.value().trim().to_owned()),
            name: first("OrganizationName")?.unwrap_or_default(),
            display_name: first("OrganizationDisplayName")?.unwrap_or_default(),
            url: first("OrganizationURL")?.unwrap_or_default(),
        })
    }
}

impl ContactPerson {
    fn read(element: &Element) -> Result<Self, ReadError> {
        let one = |local| element.optional_child(MD, local)?.map(shape::text).transpose();
        let all = |local| element.children(MD, local).map(shape::text).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            kind: shape::required(element, "contactType")?,
            company: one("Company")?,
            given_name: one("GivenName")?,
            surname: one("SurName")?,
            emails: all("EmailAddress")?,
            telephones: all("TelephoneNumber")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        let seconds = |text| duration(text).map(|d| d.as_secs());
        assert_eq!(seconds("PT1H"), Some(3600));
        assert_eq!(seconds("P1DT2H3M4.5S"), Some(86_400 + 7200 + 180 + 4));
        assert_eq!(seconds("P7D"), Some(604_800));
        assert_eq!(seconds("P1Y2M"), Some(425 * 86_400));
        for text in ["", "P", "PT", "P1", "PT1", "-PT1H", "1H", "PTH", "PT1D"] {
            assert!(seconds(text).is_none_or(|s| s == 0), "{text}");
        }
        assert_eq!(seconds("P99999999999999999999D"), None);
        assert_eq!(seconds("P999999999999999999Y"), None);
    }
}
