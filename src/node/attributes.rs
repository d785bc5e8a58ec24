//! Attribute values as the CEF node 2.9 writes them (reference messages in tests/vectors/cef-2.9).

use super::citizens::Citizen;
use crate::eidas::{Attribute, CountryCode, SubjectKind};
use crate::saml::names;
use crate::xml::{Element, Namespace, encode_base64};

/// A person's attributes with their values.
pub(super) type Data = &'static [(Attribute, &'static [Value])];

/// One value of an attribute.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    /// Text.
    Plain(&'static str),
    /// A name in Latin script.
    Latin(&'static str),
    /// A name in another script (Attribute Profile 1.4 §2.4).
    NotLatin(&'static str),
    /// An address: prefix of its elements, their names and texts.
    Address(&'static str, &'static [(&'static str, &'static str)]),
}

/// The `saml2:Attribute` elements for a citizen: what was asked and is there, and the whole data set of a
/// representative, which nobody asks and nodes send all the same (Attribute Profile 1.4 §2.8).
pub(super) fn statement(citizen: &Citizen, asked: &[Attribute], from: CountryCode, to: &str) -> Vec<Element> {
    let subject = citizen.subject.iter().filter(|(attribute, _)| asked.contains(attribute));
    let subject = subject.map(|(attribute, values)| element(*attribute, values, Role::Subject, from, to));
    let representative = citizen.representative.unwrap_or_default().iter();
    let representative =
        representative.map(|(attribute, values)| element(*attribute, values, Role::Representative, from, to));
    subject.chain(representative).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Subject,
    Representative,
}

fn element(attribute: Attribute, values: &[Value], role: Role, from: CountryCode, to: &str) -> Element {
    let (friendly, name) = match role {
        Role::Subject => (attribute.friendly_name().to_owned(), attribute.name().to_owned()),
        Role::Representative => {
            (format!("Representative{}", attribute.friendly_name()), attribute.representative_name())
        }
    };
    let namespace = namespace(attribute.kind(), role);
    let identifies = matches!(attribute, Attribute::PersonIdentifier | Attribute::LegalPersonIdentifier);
    Element::new(names::SAML2, "Attribute")
        .with("FriendlyName", friendly)
        .with("Name", name)
        .with("NameFormat", names::NAME_FORMAT_URI)
        .children_from(values.iter().map(|value| {
            let element = Element::new(names::SAML2, "AttributeValue").declaring(namespace);
            let element = match value {
                Value::NotLatin(_) => element.with_in(namespace, "LatinScript", "false"),
                _ => element,
            };
            let text = if identifies { format!("{from}/{to}/{}", value.text()) } else { value.text() };
            let xsi_type = format!("{}:{}", namespace.prefix, attribute.xsi_type());
            element.with_in(names::XSI, "type", xsi_type).with_text(text)
        }))
}

impl Value {
    fn text(self) -> String {
        match self {
            Self::Plain(text) | Self::Latin(text) | Self::NotLatin(text) => text.to_owned(),
            Self::Address(prefix, parts) => {
                let lines =
                    parts.iter().map(|(name, text)| format!("<{prefix}:{name}>{text}</{prefix}:{name}>\n"));
                encode_base64(lines.collect::<String>().as_bytes())
            }
        }
    }
}

fn namespace(kind: SubjectKind, role: Role) -> Namespace {
    match (kind, role) {
        (SubjectKind::Natural, Role::Subject) => names::NATURAL,
        (SubjectKind::Legal, Role::Subject) => names::LEGAL,
        (SubjectKind::Natural, Role::Representative) => Namespace {
            uri: "http://eidas.europa.eu/attributes/naturalperson/representative",
            prefix: "eidas-natural-representative",
        },
        (SubjectKind::Legal, Role::Representative) => Namespace {
            uri: "http://eidas.europa.eu/attributes/legalperson/representative",
            prefix: "eidas-legal-representative",
        },
    }
}
