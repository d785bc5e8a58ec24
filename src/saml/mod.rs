//! SAML 2.0 as far as eIDAS uses it: messages, their binding, metadata. Each type has the shape that the
//! SAML schemas give it, unknown parts refused where the schema forbids them; what the eIDAS profile asks
//! beyond that is decided in `eidas`.
//!
//! Every `read` takes a [`Verified`](crate::xml::Verified), so no message exists whose signature was not
//! checked. Values are trimmed on input. Nothing here prints what is personal.

mod assertion;
mod attribute;
mod authn_request;
pub mod binding;
pub mod metadata;
pub mod names;
mod response;
mod shape;
#[cfg(test)]
mod tests;

pub use assertion::{
    Assertion, AttributeStatement, AuthnStatement, Conditions, NameId, Subject, SubjectConfirmation,
};
pub use attribute::{Attribute, AttributeValue, XsiType};
pub use authn_request::{AuthnRequest, NameIdPolicy, RequestedAttribute, RequestedAuthnContext};
pub use response::{Issuer, Response, Status};
pub use shape::ReadError;
pub(crate) use shape::check_response;
