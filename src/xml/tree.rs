//! The one XML tree. It is made by [`Document::parse`](super::Document::parse), or built in code to be
//! written out. It keeps what exclusive canonicalisation needs (prefixes and declarations) and resolves
//! every name, so readers compare namespaces and never prefixes.

use std::fmt;

/// A namespace with the prefix we write it with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Namespace {
    /// The namespace name.
    pub uri: &'static str,
    /// The prefix of our own documents. Readers ignore it.
    pub prefix: &'static str,
}

/// An element with its resolved name.
#[derive(Clone, PartialEq, Eq)]
pub struct Element {
    /// The prefix as written, empty for none.
    pub(super) prefix: String,
    /// The namespace name, empty for none.
    pub(super) namespace: String,
    /// The local name.
    pub(super) local: String,
    /// Namespace declarations made on this element: prefix (empty for the default) and namespace name.
    pub(super) declarations: Vec<(String, String)>,
    /// The attributes, without namespace declarations.
    pub(super) attributes: Vec<Attribute>,
    /// The children in document order.
    pub(super) children: Vec<Node>,
}

/// An attribute with its resolved name.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute {
    pub(super) prefix: String,
    pub(super) namespace: String,
    pub(super) local: String,
    pub(super) value: String,
}

/// What an element contains. Adjacent text is one node, and CDATA is text.
#[derive(Clone, PartialEq, Eq)]
pub enum Node {
    /// A child element.
    Element(Element),
    /// Character data.
    Text(String),
    /// A comment; its content is not kept. It has no meaning, but splits text, and that matters.
    Comment,
}

/// How a required part of an element is missing or in excess.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShapeError {
    /// There is no such child.
    #[error("<{parent}> has no <{child}>")]
    Missing {
        /// Local name of the element searched.
        parent: String,
        /// Local name of the child wanted.
        child: &'static str,
    },
    /// There are several where one is allowed.
    #[error("<{parent}> has more than one <{child}>")]
    Several {
        /// Local name of the element searched.
        parent: String,
        /// Local name of the child wanted.
        child: &'static str,
    },
    /// There is no such attribute.
    #[error("<{parent}> has no attribute {attribute}")]
    NoAttribute {
        /// Local name of the element searched.
        parent: String,
        /// The attribute wanted.
        attribute: &'static str,
    },
    /// An element that must hold text alone holds something else as well.
    #[error("<{0}> holds more than text")]
    NotText(String),
}

impl Attribute {
    /// The namespace name, empty for none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }
    /// The local name.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }
    /// The value, normalised as XML 1.0 §3.3.3 says.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

/// Reading.
impl Element {
    /// The local name.
    #[must_use]
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The namespace name, empty for none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    /// Whether the element is `{namespace}local`.
    #[must_use]
    pub fn is(&self, namespace: Namespace, local: &str) -> bool {
        self.local == local && self.namespace == namespace.uri
    }

    /// All attributes, without namespace declarations.
    #[must_use]
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// The value of the attribute `local` that is in no namespace.
    #[must_use]
    pub fn attribute(&self, local: &str) -> Option<&str> {
        self.attributes.iter().find(|a| a.namespace.is_empty() && a.local == local).map(|a| a.value.as_str())
    }

    /// The value of the attribute `local`, or an error that names it.
    ///
    /// # Errors
    /// [`ShapeError::NoAttribute`].
    pub fn required_attribute(&self, local: &'static str) -> Result<&str, ShapeError> {
        self.attribute(local)
            .ok_or_else(|| ShapeError::NoAttribute { parent: self.local.clone(), attribute: local })
    }

    /// The child nodes.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.children
    }

    /// The child elements.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) | Node::Comment => None,
        })
    }

    /// The child elements called `{namespace}local`.
    pub fn children(&self, namespace: Namespace, local: &'static str) -> impl Iterator<Item = &Element> {
        self.elements().filter(move |e| e.is(namespace, local))
    }

    /// The child `{namespace}local`, of which there may be one or none.
    ///
    /// # Errors
    /// [`ShapeError::Several`].
    pub fn optional_child(
        &self,
        namespace: Namespace,
        local: &'static str,
    ) -> Result<Option<&Element>, ShapeError> {
        let mut found = self.children(namespace, local);
        let first = found.next();
        match found.next() {
            None => Ok(first),
            Some(_) => Err(ShapeError::Several { parent: self.local.clone(), child: local }),
        }
    }

    /// The child `{namespace}local`, of which there must be exactly one.
    ///
    /// # Errors
    /// [`ShapeError::Missing`] or [`ShapeError::Several`].
    pub fn only_child(&self, namespace: Namespace, local: &'static str) -> Result<&Element, ShapeError> {
        self.optional_child(namespace, local)?
            .ok_or_else(|| ShapeError::Missing { parent: self.local.clone(), child: local })
    }

    /// The text of an element that holds nothing but text: no child element, no comment.
    /// White space is kept; an empty element gives an empty string.
    ///
    /// # Errors
    /// [`ShapeError::NotText`].
    pub fn text(&self) -> Result<&str, ShapeError> {
        match self.children.as_slice() {
            [] => Ok(""),
            [Node::Text(text)] => Ok(text),
            _ => Err(ShapeError::NotText(self.local.clone())),
        }
    }

    /// This element and all below it, in document order.
    pub fn descendants(&self) -> impl Iterator<Item = &Element> {
        let mut stack = vec![self];
        std::iter::from_fn(move || {
            let next = stack.pop()?;
            let from = stack.len();
            stack.extend(next.elements());
            if let Some(added) = stack.get_mut(from..) {
                added.reverse();
            }
            Some(next)
        })
    }
}

/// Building.
impl Element {
    /// An empty element `{namespace}local`.
    #[must_use]
    pub fn new(namespace: Namespace, local: &str) -> Self {
        Self {
            prefix: namespace.prefix.to_owned(),
            namespace: namespace.uri.to_owned(),
            local: local.to_owned(),
            declarations: Vec::new(),
            attributes: Vec::new(),
            children: Vec::new(),
        }
    }

    /// Adds an attribute in no namespace.
    #[must_use]
    pub fn with(mut self, local: &str, value: impl Into<String>) -> Self {
        self.attributes.push(Attribute {
            prefix: String::new(),
            namespace: String::new(),
            local: local.to_owned(),
            value: value.into(),
        });
        self
    }

    /// Adds an attribute in no namespace if there is a value for it.
    #[must_use]
    pub fn with_some(self, local: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(local, value),
            None => self,
        }
    }

    /// Adds an attribute in a namespace.
    #[must_use]
    pub fn with_in(mut self, namespace: Namespace, local: &str, value: impl Into<String>) -> Self {
        self.attributes.push(Attribute {
            prefix: namespace.prefix.to_owned(),
            namespace: namespace.uri.to_owned(),
            local: local.to_owned(),
            value: value.into(),
        });
        self
    }

    /// Declares a namespace here although no name uses it, for QNames in content (`xsi:type`).
    #[must_use]
    pub fn declaring(mut self, namespace: Namespace) -> Self {
        self.declarations.push((namespace.prefix.to_owned(), namespace.uri.to_owned()));
        self
    }

    /// Adds a child element.
    #[must_use]
    pub fn child(mut self, child: Element) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    /// Adds a child element if there is one.
    #[must_use]
    pub fn child_some(self, child: Option<Element>) -> Self {
        match child {
            Some(child) => self.child(child),
            None => self,
        }
    }

    /// Adds child elements.
    #[must_use]
    pub fn children_from(mut self, children: impl IntoIterator<Item = Element>) -> Self {
        self.children.extend(children.into_iter().map(Node::Element));
        self
    }

    /// Adds text.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        let text = text.into();
        if !text.is_empty() {
            self.children.push(Node::Text(text));
        }
        self
    }

    /// Puts `child` at `index` among the child nodes, or last if there are fewer.
    pub(super) fn insert(&mut self, index: usize, child: Element) {
        let index = index.min(self.children.len());
        self.children.insert(index, Node::Element(child));
    }
}

impl fmt::Debug for Element {
    /// The name only: content can be personal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{{{}}}{}>", self.namespace, self.local)
    }
}

impl fmt::Debug for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{{{}}}{}", self.namespace, self.local)
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Element(element) => element.fmt(f),
            Self::Text(_) => f.write_str("[text]"),
            Self::Comment => f.write_str("[comment]"),
        }
    }
}
