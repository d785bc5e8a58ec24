//! XML.
mod tree;
pub use tree::{Attribute, Element, Namespace, Node, ShapeError};
