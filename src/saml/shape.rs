//! Structure, checked by hand where others validate against a schema (profile rule ROLE-17): what a
//! schema's sequence allows, in its order and number, and nothing else.

use crate::clock::Timestamp;
use crate::xml::{Element, Namespace, Node, ShapeError};

use super::names::{DS, SAML2, SAML2P};
use super::response::Response;

/// How an element is not what the SAML schemas say.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The document element is another one.
    #[error("the element is not <{0}>")]
    Root(&'static str),
    /// Something is missing or there too often.
    #[error(transparent)]
    Shape(#[from] ShapeError),
    /// A child stands where the schema allows none of its name.
    #[error("<{parent}> has <{child}> where none may be")]
    Unexpected {
        /// Local name of the parent.
        parent: String,
        /// Local name of the child.
        child: String,
    },
    /// The entity is not the one that is wanted.
    #[error("the entityID is {0:?}, which is not the one expected")]
    OtherEntity(String),
    /// An aggregate without the entity that is wanted, or without any.
    #[error("the aggregate does not hold the entity")]
    NoEntity,
    /// An aggregate of several entities, and nothing says which.
    #[error("the aggregate holds several entities, and entity_id does not say which is meant")]
    SeveralEntities,
    /// An aggregate that holds the entity that is wanted more than once.
    #[error("the aggregate holds two entities with the same entityID")]
    DuplicateEntity,
    /// Text between elements.
    #[error("<{0}> has text between its elements")]
    StrayText(String),
    /// An attribute or a text is not of its type.
    #[error("{0} is not of its type")]
    Value(&'static str),
}

/// How often a child may occur.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Occurs {
    Once,
    Optional,
    Any,
}

/// One step of a schema's sequence: any of some names, so often.
pub(super) struct Step(pub Occurs, pub &'static [(Namespace, &'static str)]);

pub(super) const ISSUER: Step = Step(Occurs::Optional, &[(SAML2, "Issuer")]);
pub(super) const EXTENSIONS: Step = Step(Occurs::Optional, &[(SAML2P, "Extensions")]);

/// Whether the children of `element` are what `steps` allow. A direct `ds:Signature` is passed over:
/// its number and place are the business of signature verification, which names the fault better.
pub(super) fn sequence(element: &Element, steps: &[Step]) -> Result<(), ReadError> {
    no_stray_text(element)?;
    let mut children = element.elements().filter(|child| !child.is(DS, "Signature")).peekable();
    for Step(occurs, names) in steps {
        let mut count = 0_usize;
        while children.next_if(|child| names.iter().any(|(ns, local)| child.is(*ns, local))).is_some() {
            count += 1;
        }
        let (_, first) = names.first().copied().unwrap_or((SAML2, ""));
        let parent = || element.local().to_owned();
        match (occurs, count) {
            (Occurs::Once, 0) => return Err(ShapeError::Missing { parent: parent(), child: first }.into()),
            (Occurs::Once | Occurs::Optional, 2..) => {
                return Err(ShapeError::Several { parent: parent(), child: first }.into());
            }
            _ => {}
        }
    }
    match children.next() {
        None => Ok(()),
        Some(child) => Err(unexpected(element, child)),
    }
}

pub(super) fn unexpected(parent: &Element, child: &Element) -> ReadError {
    ReadError::Unexpected { parent: parent.local().to_owned(), child: child.local().to_owned() }
}

fn no_stray_text(element: &Element) -> Result<(), ReadError> {
    let stray = |node: &Node| matches!(node, Node::Text(text) if !text.trim().is_empty());
    if element.nodes().iter().any(stray) {
        return Err(ReadError::StrayText(element.local().to_owned()));
    }
    Ok(())
}

/// The text of a leaf, trimmed (the official samples pad theirs). A comment in it is refused.
pub(super) fn text(element: &Element) -> Result<String, ReadError> {
    Ok(element.text()?.trim().to_owned())
}

/// An optional attribute, trimmed.
pub(super) fn attribute(element: &Element, name: &'static str) -> Option<String> {
    element.attribute(name).map(|value| value.trim().to_owned())
}

/// An attribute that must be there, trimmed.
pub(super) fn required(element: &Element, name: &'static str) -> Result<String, ReadError> {
    Ok(element.required_attribute(name)?.trim().to_owned())
}

/// An optional `xs:dateTime`.
pub(super) fn instant(element: &Element, name: &'static str) -> Result<Option<Timestamp>, ReadError> {
    element.attribute(name).map(|value| Timestamp::parse(value).ok_or(ReadError::Value(name))).transpose()
}

/// An `xs:dateTime` that must be there.
pub(super) fn required_instant(element: &Element, name: &'static str) -> Result<Timestamp, ReadError> {
    Timestamp::parse(element.required_attribute(name)?).ok_or(ReadError::Value(name))
}

/// An optional `xs:boolean`.
pub(super) fn boolean(element: &Element, name: &'static str) -> Result<Option<bool>, ReadError> {
    match element.attribute(name).map(str::trim) {
        None => Ok(None),
        Some("true" | "1") => Ok(Some(true)),
        Some("false" | "0") => Ok(Some(false)),
        Some(_) => Err(ReadError::Value(name)),
    }
}

/// An optional `xs:unsignedShort` or wider.
pub(super) fn number(element: &Element, name: &'static str) -> Result<Option<u32>, ReadError> {
    element.attribute(name).map(|value| value.trim().parse().map_err(|_| ReadError::Value(name))).transpose()
}

/// Whether a document that is not verified yet has the structure of a `saml2p:Response`. Gives no message:
/// a message is read from what was verified.
pub(crate) fn check_response(root: &Element) -> Result<(), ReadError> {
    Response::from_element(root).map(drop)
}
