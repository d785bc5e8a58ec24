//! `saml2:Assertion` (SAML core §2.3.3) and what it consists of.

use std::fmt;

use super::names::SAML2;
use super::shape::{self, Occurs, Step};
use super::{Attribute, Issuer, ReadError};
use crate::clock::Timestamp;
use crate::xml::{Element, Verified};

/// What a node asserts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// `ID`
    pub id: String,
    /// `Version`
    pub version: String,
    /// `IssueInstant`
    pub issue_instant: Timestamp,
    /// `Issuer`
    pub issuer: Option<Issuer>,
    /// `Subject`
    pub subject: Option<Subject>,
    /// `Conditions`
    pub conditions: Option<Conditions>,
    /// The `AuthnStatement` elements.
    pub authn_statements: Vec<AuthnStatement>,
    /// The `AttributeStatement` elements.
    pub attribute_statements: Vec<AttributeStatement>,
    /// How many other statements there are. eIDAS knows none.
    pub other_statements: usize,
}

/// `saml2:Subject` (SAML core §2.4.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subject {
    /// `NameID`. Not the key of a user: that is the PersonIdentifier.
    pub name_id: Option<NameId>,
    /// Whether there is an `EncryptedID`. eIDAS allows none.
    pub encrypted_id: bool,
    /// The `SubjectConfirmation` elements.
    pub confirmations: Vec<SubjectConfirmation>,
}

/// `saml2:NameID` (SAML core §2.2.3).
#[derive(Clone, PartialEq, Eq)]
pub struct NameId {
    /// The name.
    pub value: String,
    /// `Format`
    pub format: Option<String>,
    /// `NameQualifier`
    pub name_qualifier: Option<String>,
}

impl fmt::Debug for NameId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[personal]")
    }
}

/// `saml2:SubjectConfirmation` with its data (SAML core §2.4.1.1, §2.4.1.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectConfirmation {
    /// `Method`
    pub method: String,
    /// `InResponseTo`
    pub in_response_to: Option<String>,
    /// `Recipient`
    pub recipient: Option<String>,
    /// `NotBefore`
    pub not_before: Option<Timestamp>,
    /// `NotOnOrAfter`
    pub not_on_or_after: Option<Timestamp>,
}

/// `saml2:Conditions` (SAML core §2.5).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `NotBefore`
    pub not_before: Option<Timestamp>,
    /// `NotOnOrAfter`
    pub not_on_or_after: Option<Timestamp>,
    /// The audiences of each `AudienceRestriction`: one of each must be us.
    pub audience_restrictions: Vec<Vec<String>>,
    /// Whether there is a `OneTimeUse`.
    pub one_time_use: bool,
    /// Whether there is a `ProxyRestriction`.
    pub proxy_restriction: bool,
    /// Whether there is a condition of an unknown kind, which makes validity undetermined (§2.5.1.1).
    pub unknown: bool,
}

/// `saml2:AuthnStatement` (SAML core §2.7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthnStatement {
    /// `AuthnInstant`
    pub authn_instant: Timestamp,
    /// `SessionNotOnOrAfter`
    pub session_not_on_or_after: Option<Timestamp>,
    /// The `AuthnContextClassRef` values.
    pub class_refs: Vec<String>,
}

/// `saml2:AttributeStatement` (SAML core §2.7.3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AttributeStatement {
    /// The attributes.
    pub attributes: Vec<Attribute>,
    /// How many `EncryptedAttribute` elements there are. eIDAS allows none.
    pub encrypted: usize,
}

impl Assertion {
    /// Reads an assertion that was signed, or decrypted from a response that was.
    ///
    /// # Errors
    /// [`ReadError`] where the SAML schema is not kept.
    pub fn read(source: &Verified) -> Result<Self, ReadError> {
        let element = source.element();
        if !element.is(SAML2, "Assertion") {
            return Err(ReadError::Root("saml2:Assertion"));
        }
        shape::sequence(
            element,
            &[
                Step(Occurs::Once, &[(SAML2, "Issuer")]),
                Step(Occurs::Optional, &[(SAML2, "Subject")]),
                Step(Occurs::Optional, &[(SAML2, "Conditions")]),
                Step(Occurs::Optional, &[(SAML2, "Advice")]),
                Step(Occurs::Any, &STATEMENTS),
            ],
        )?;
        let each = |local| element.children(SAML2, local);
        Ok(Self {
            id: shape::required(element, "ID")?,
            version: shape::required(element, "Version")?,
            issue_instant: shape::required_instant(element, "IssueInstant")?,
            issuer: Issuer::of(element)?,
            subject: element.optional_child(SAML2, "Subject")?.map(Subject::from_element).transpose()?,
            conditions: element
                .optional_child(SAML2, "Conditions")?
                .map(Conditions::from_element)
                .transpose()?,
            authn_statements: each("AuthnStatement")
                .map(AuthnStatement::from_element)
                .collect::<Result<_, _>>()?,
            attribute_statements: each("AttributeStatement")
                .map(AttributeStatement::from_element)
                .collect::<Result<_, _>>()?,
            other_statements: each("Statement").count() + each("AuthzDecisionStatement").count(),
        })
    }

    /// As an element, not signed. A signature goes after the Issuer, at child index 1.
    #[must_use]
    pub fn to_element(&self) -> Element {
        Element::new(SAML2, "Assertion")
            .with("ID", self.id.as_str())
            .with("IssueInstant", self.issue_instant.to_string())
            .with("Version", self.version.as_str())
            .child_some(self.issuer.as_ref().map(Issuer::to_element))
            .child_some(self.subject.as_ref().map(Subject::to_element))
            .child_some(self.conditions.as_ref().map(Conditions::to_element))
            .children_from(self.authn_statements.iter().map(AuthnStatement::to_element))
            .children_from(self.attribute_statements.iter().map(AttributeStatement::to_element))
    }
}

impl Subject {
    fn from_element(element: &Element) -> Result<Self, ReadError> {
        shape::sequence(
            element,
            &[
                Step(Occurs::Optional, &[(SAML2, "NameID"), (SAML2, "BaseID"), (SAML2, "EncryptedID")]),
                Step(Occurs::Any, &[(SAML2, "SubjectConfirmation")]),
            ],
        )?;
        let confirmations = element.children(SAML2, "SubjectConfirmation");
        Ok(Self {
            name_id: element.optional_child(SAML2, "NameID")?.map(NameId::from_element).transpose()?,
            encrypted_id: element.optional_child(SAML2, "EncryptedID")?.is_some(),
            confirmations: confirmations.map(SubjectConfirmation::from_element).collect::<Result<_, _>>()?,
        })
    }

    fn to_element(&self) -> Element {
        Element::new(SAML2, "Subject")
            .child_some(self.name_id.as_ref().map(NameId::to_element))
            .children_from(self.confirmations.iter().map(SubjectConfirmation::to_element))
    }
}

impl NameId {
    fn from_element(element: &Element) -> Result<Self, ReadError> {
        Ok(Self {
            value: shape::text(element)?,
            format: shape::attribute(element, "Format"),
            name_qualifier: shape::attribute(element, "NameQualifier"),
        })
    }

    fn to_element(&self) -> Element {
        Element::new(SAML2, "NameID")
            .with_some("Format", self.format.as_deref())
            .with_some("NameQualifier", self.name_qualifier.as_deref())
            .with_text(self.value.as_str())
    }
}

impl SubjectConfirmation {
    fn from_element(element: &Element) -> Result<Self, ReadError> {
        shape::sequence(
            element,
            &[
                Step(Occurs::Optional, &[(SAML2, "NameID"), (SAML2, "BaseID"), (SAML2, "EncryptedID")]),
                Step(Occurs::Optional, &[(SAML2, "SubjectConfirmationData")]),
            ],
        )?;
        let data = element.optional_child(SAML2, "SubjectConfirmationData")?;
        let instant = |name| data.map_or(Ok(None), |data| shape::instant(data, name));
        Ok(Self {
            method: shape::required(element, "Method")?,
            in_response_to: data.and_then(|data| shape::attribute(data, "InResponseTo")),
            recipient: data.and_then(|data| shape::attribute(data, "Recipient")),
            not_before: instant("NotBefore")?,
            not_on_or_after: instant("NotOnOrAfter")?,
        })
    }

    fn to_element(&self) -> Element {
        let data = Element::new(SAML2, "SubjectConfirmationData")
            .with_some("InResponseTo", self.in_response_to.as_deref())
            .with_some("NotBefore", self.not_before.map(|at| at.to_string()))
            .with_some("NotOnOrAfter", self.not_on_or_after.map(|at| at.to_string()))
            .with_some("Recipient", self.recipient.as_deref());
        Element::new(SAML2, "SubjectConfirmation").with("Method", self.method.as_str()).child(data)
    }
}

impl Conditions {
    fn from_element(element: &Element) -> Result<Self, ReadError> {
        let known = ["Condition", "AudienceRestriction", "OneTimeUse", "ProxyRestriction"];
        // A condition of another namespace can only come as saml2:Condition with a type.
        if let Some(stranger) = element.elements().find(|c| !known.iter().any(|local| c.is(SAML2, local))) {
            return Err(shape::unexpected(element, stranger));
        }
        let has = |local| element.children(SAML2, local).next().is_some();
        Ok(Self {
            not_before: shape::instant(element, "NotBefore")?,
            not_on_or_after: shape::instant(element, "NotOnOrAfter")?,
            audience_restrictions: element
                .children(SAML2, "AudienceRestriction")
                .map(audiences)
                .collect::<Result<_, _>>()?,
            one_time_use: has("OneTimeUse"),
            proxy_restriction: has("ProxyRestriction"),
            unknown: has("Condition"),
        })
    }

    fn to_element(&self) -> Element {
        let audience = |value: &String| Element::new(SAML2, "Audience").with_text(value.as_str());
        let restriction = |values: &Vec<String>| {
            Element::new(SAML2, "AudienceRestriction").children_from(values.iter().map(audience))
        };
        Element::new(SAML2, "Conditions")
            .with_some("NotBefore", self.not_before.map(|at| at.to_string()))
            .with_some("NotOnOrAfter", self.not_on_or_after.map(|at| at.to_string()))
            .children_from(self.audience_restrictions.iter().map(restriction))
            .child_some(self.one_time_use.then(|| Element::new(SAML2, "OneTimeUse")))
            .child_some(self.proxy_restriction.then(|| Element::new(SAML2, "ProxyRestriction")))
            .child_some(self.unknown.then(|| Element::new(SAML2, "Condition")))
    }
}

fn audiences(restriction: &Element) -> Result<Vec<String>, ReadError> {
    shape::sequence(restriction, &[Step(Occurs::Any, &[(SAML2, "Audience")])])?;
    restriction.children(SAML2, "Audience").map(shape::text).collect()
}

impl AuthnStatement {
    fn from_element(element: &Element) -> Result<Self, ReadError> {
        shape::sequence(
            element,
            &[
                Step(Occurs::Optional, &[(SAML2, "SubjectLocality")]),
                Step(Occurs::Once, &[(SAML2, "AuthnContext")]),
            ],
        )?;
        let context = element.only_child(SAML2, "AuthnContext")?;
        // The schema allows one class reference; how many there are is judged as a rule of its own. An
        // empty AuthnContextDecl always comes from the CEF node.
        shape::sequence(
            context,
            &[
                Step(Occurs::Any, &[(SAML2, "AuthnContextClassRef")]),
                Step(Occurs::Optional, &[(SAML2, "AuthnContextDecl"), (SAML2, "AuthnContextDeclRef")]),
                Step(Occurs::Any, &[(SAML2, "AuthenticatingAuthority")]),
            ],
        )?;
        let class_refs = context.children(SAML2, "AuthnContextClassRef");
        Ok(Self {
            authn_instant: shape::required_instant(element, "AuthnInstant")?,
            session_not_on_or_after: shape::instant(element, "SessionNotOnOrAfter")?,
            class_refs: class_refs.map(shape::text).collect::<Result<_, _>>()?,
        })
    }

    fn to_element(&self) -> Element {
        let class_ref = |uri: &String| Element::new(SAML2, "AuthnContextClassRef").with_text(uri.as_str());
        let context =
            Element::new(SAML2, "AuthnContext").children_from(self.class_refs.iter().map(class_ref));
        Element::new(SAML2, "AuthnStatement")
            .with("AuthnInstant", self.authn_instant.to_string())
            .with_some("SessionNotOnOrAfter", self.session_not_on_or_after.map(|at| at.to_string()))
            .child(context)
    }
}

impl AttributeStatement {
    fn from_element(element: &Element) -> Result<Self, ReadError> {
        shape::sequence(
            element,
            &[Step(Occurs::Any, &[(SAML2, "Attribute"), (SAML2, "EncryptedAttribute")])],
        )?;
        let attributes = element.children(SAML2, "Attribute");
        Ok(Self {
            attributes: attributes.map(Attribute::from_element).collect::<Result<_, _>>()?,
            encrypted: element.children(SAML2, "EncryptedAttribute").count(),
        })
    }

    fn to_element(&self) -> Element {
        Element::new(SAML2, "AttributeStatement")
            .children_from(self.attributes.iter().map(Attribute::to_element))
    }
}

const STATEMENTS: [(crate::xml::Namespace, &str); 4] = [
    (SAML2, "AuthnStatement"),
    (SAML2, "AttributeStatement"),
    (SAML2, "AuthzDecisionStatement"),
    (SAML2, "Statement"),
];
