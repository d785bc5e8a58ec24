//! `saml2:Attribute` (SAML core §2.7.3.1), in assertions and in metadata.

use std::fmt;

use super::ReadError;
use super::names::{LEGAL, NATURAL, SAML2, XSI};
use super::shape::{self, Occurs, Step};
use crate::xml::{Element, Namespace};

/// An attribute with its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// `Name`: what attributes are matched by.
    pub name: String,
    /// `NameFormat`. Not compared: some nodes misspell it.
    pub name_format: Option<String>,
    /// `FriendlyName`. Not compared.
    pub friendly_name: Option<String>,
    /// The values; none in metadata.
    pub values: Vec<AttributeValue>,
}

/// A value: text, and what eIDAS says about its script.
#[derive(Clone, PartialEq, Eq)]
pub struct AttributeValue {
    /// The text, as sent. Readers trim it.
    pub text: String,
    /// `LatinScript`, in whatever namespace it was (Attribute Profile 1.4 §2.4).
    pub latin_script: Option<String>,
    /// `xsi:type` to write. Not read, for no rule depends on it.
    pub xsi_type: Option<XsiType>,
}

/// The type to state in `xsi:type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct XsiType {
    /// Namespace of the type.
    pub namespace: Namespace,
    /// Its local name.
    pub local: &'static str,
}

impl AttributeValue {
    /// A plain text.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), latin_script: None, xsi_type: None }
    }

    fn read(element: &Element) -> Result<Self, ReadError> {
        // Implementations differ: qualified with the namespace of natural or legal persons, or not at all.
        let latin_script = element.attributes().iter().find(|a| {
            a.local() == "LatinScript"
                && (a.namespace().is_empty() || [NATURAL.uri, LEGAL.uri].contains(&a.namespace()))
        });
        Ok(Self {
            text: element.text()?.to_owned(),
            latin_script: latin_script.map(|a| a.value().to_owned()),
            xsi_type: None,
        })
    }

    fn to_element(&self) -> Element {
        let mut element = Element::new(SAML2, "AttributeValue");
        if let Some(XsiType { namespace, local }) = self.xsi_type {
            element =
                element.declaring(namespace).with_in(XSI, "type", format!("{}:{local}", namespace.prefix));
            if let Some(latin_script) = &self.latin_script {
                element = element.with_in(namespace, "LatinScript", latin_script.as_str());
            }
        } else {
            element = element.with_some("LatinScript", self.latin_script.as_deref());
        }
        element.with_text(self.text.as_str())
    }
}

impl fmt::Debug for AttributeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

impl Attribute {
    pub(super) fn from_element(element: &Element) -> Result<Self, ReadError> {
        shape::sequence(element, &[Step(Occurs::Any, &[(SAML2, "AttributeValue")])])?;
        Ok(Self {
            name: shape::required(element, "Name")?,
            name_format: shape::attribute(element, "NameFormat"),
            friendly_name: shape::attribute(element, "FriendlyName"),
            values: element
                .children(SAML2, "AttributeValue")
                .map(AttributeValue::read)
                .collect::<Result<_, _>>()?,
        })
    }

    /// As an element.
    #[must_use]
    pub fn to_element(&self) -> Element {
        Element::new(SAML2, "Attribute")
            .with_some("FriendlyName", self.friendly_name.as_deref())
            .with("Name", self.name.as_str())
            .with_some("NameFormat", self.name_format.as_deref())
            .children_from(self.values.iter().map(AttributeValue::to_element))
    }
}
