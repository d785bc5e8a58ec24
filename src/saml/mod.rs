//! SAML 2.0 as far as eIDAS uses it: messages, their binding, metadata. Each type has the shape that the
//! SAML schemas give it, unknown parts refused where the schema forbids them; what the eIDAS profile asks
//! beyond that is decided in `eidas`.
//!
//! Every `read` takes a [`Verified`](crate::xml::Verified), so no message exists whose signature was not
//! checked. Values are trimmed on input. Nothing here prints what is personal.

mod attribute;
pub mod binding;
pub mod names;
mod shape;

pub use attribute::{Attribute, AttributeValue, XsiType};
pub use shape::ReadError;
