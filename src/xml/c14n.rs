//! Exclusive XML Canonicalization 1.0 without comments, with `InclusiveNamespaces`
//! (<https://www.w3.org/TR/xml-exc-c14n/>).

use super::tree::{Element, Node};

/// The canonical octets of `element` and all below it.
///
/// `inclusive` is the `PrefixList` (`#default` is the default namespace). `ancestors` leads from the
/// document element to the parent of `element`; it matters for `inclusive` only, since every other name
/// already knows its namespace.
#[must_use]
pub fn canonicalize(element: &Element, inclusive: &[&str], ancestors: &[&Element]) -> Vec<u8> {
    canonicalize_without(element, None, inclusive, ancestors)
}

/// As [`canonicalize`], leaving out the child node of `element` at index `without`: the enveloped
/// signature.
pub(super) fn canonicalize_without(
    element: &Element,
    without: Option<usize>,
    inclusive: &[&str],
    ancestors: &[&Element],
) -> Vec<u8> {
    let mut out =
        Canonical { octets: Vec::with_capacity(4096), inclusive, rendered: Vec::new(), scope: Vec::new() };
    if !inclusive.is_empty() {
        for ancestor in ancestors {
            out.scope.extend(ancestor.declarations.iter().map(|(p, u)| (p.as_str(), u.as_str())));
        }
    }
    out.element(element, without);
    out.octets
}

struct Canonical<'a> {
    octets: Vec<u8>,
    inclusive: &'a [&'a str],
    /// Declarations written by the output ancestors of the element at hand.
    rendered: Vec<(&'a str, &'a str)>,
    /// Declarations in scope, kept for the `PrefixList` only.
    scope: Vec<(&'a str, &'a str)>,
}

impl<'a> Canonical<'a> {
    fn element(&mut self, element: &'a Element, without: Option<usize>) {
        let (rendered, scope) = (self.rendered.len(), self.scope.len());
        if !self.inclusive.is_empty() {
            self.scope.extend(element.declarations.iter().map(|(p, u)| (p.as_str(), u.as_str())));
        }
        self.push("<");
        self.name(&element.prefix, &element.local);
        self.declarations(element);
        self.attributes(element);
        self.push(">");
        for (index, node) in element.children.iter().enumerate() {
            match node {
                _ if without == Some(index) => {}
                Node::Element(child) => self.element(child, None),
                Node::Text(text) => escape_text(text, &mut self.octets),
                Node::Comment => {}
            }
        }
        self.push("</");
        self.name(&element.prefix, &element.local);
        self.push(">");
        self.rendered.truncate(rendered);
        self.scope.truncate(scope);
    }

    /// Writes the namespace declarations that this element needs and no output ancestor has written,
    /// sorted by prefix.
    fn declarations(&mut self, element: &'a Element) {
        let mut needed: Vec<(&'a str, &'a str)> = vec![(&element.prefix, &element.namespace)];
        for attribute in &element.attributes {
            if !attribute.prefix.is_empty() {
                needed.push((&attribute.prefix, &attribute.namespace));
            }
        }
        for token in self.inclusive {
            let prefix = if *token == "#default" { "" } else { token };
            if let Some(found) = self.scope.iter().rev().find(|(p, _)| *p == prefix) {
                needed.push(*found);
            }
        }
        needed.retain(|(prefix, uri)| *prefix != "xml" && lookup(&self.rendered, prefix) != *uri);
        needed.sort_unstable();
        needed.dedup();
        for (prefix, uri) in needed {
            self.push(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
            self.push(prefix);
            self.push("=\"");
            escape_attribute(uri, &mut self.octets);
            self.push("\"");
            self.rendered.push((prefix, uri));
        }
    }

    /// Writes the attributes sorted by namespace name, then local name.
    fn attributes(&mut self, element: &'a Element) {
        let mut sorted: Vec<_> = element.attributes.iter().collect();
        sorted.sort_unstable_by_key(|a| (a.namespace.as_str(), a.local.as_str()));
        for attribute in sorted {
            self.push(" ");
            self.name(&attribute.prefix, &attribute.local);
            self.push("=\"");
            escape_attribute(&attribute.value, &mut self.octets);
            self.push("\"");
        }
    }

    fn name(&mut self, prefix: &str, local: &str) {
        if !prefix.is_empty() {
            self.push(prefix);
            self.push(":");
        }
        self.push(local);
    }

    fn push(&mut self, text: &str) {
        self.octets.extend_from_slice(text.as_bytes());
    }
}

fn lookup<'a>(declared: &[(&'a str, &'a str)], prefix: &str) -> &'a str {
    declared.iter().rev().find(|(p, _)| *p == prefix).map_or("", |(_, uri)| uri)
}

/// Escapes character data (Canonical XML 1.0 §1.1, §2.3).
pub(super) fn escape_text(text: &str, out: &mut Vec<u8>) {
    escape(text, out, |octet| match octet {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'>' => Some("&gt;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    });
}

/// Escapes an attribute value (Canonical XML 1.0 §1.1, §2.3).
pub(super) fn escape_attribute(text: &str, out: &mut Vec<u8>) {
    escape(text, out, |octet| match octet {
        b'&' => Some("&amp;"),
        b'<' => Some("&lt;"),
        b'"' => Some("&quot;"),
        b'\t' => Some("&#x9;"),
        b'\n' => Some("&#xA;"),
        b'\r' => Some("&#xD;"),
        _ => None,
    });
}

fn escape(text: &str, out: &mut Vec<u8>, replacement: impl Fn(u8) -> Option<&'static str>) {
    let mut from = 0;
    for (at, octet) in text.bytes().enumerate() {
        if let Some(escaped) = replacement(octet) {
            out.extend_from_slice(text.as_bytes().get(from..at).unwrap_or_default());
            out.extend_from_slice(escaped.as_bytes());
            from = at + 1;
        }
    }
    out.extend_from_slice(text.as_bytes().get(from..).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::super::{Document, Limits};
    use super::*;

    fn canonical(text: &str, inclusive: &[&str]) -> String {
        let document = Document::parse(text.as_bytes(), &Limits::MESSAGE).unwrap();
        String::from_utf8(canonicalize(document.root(), inclusive, &[])).unwrap()
    }

    /// Canonicalises the first element called `local` inside `text`.
    fn canonical_inner(text: &str, path: &[&str], inclusive: &[&str]) -> String {
        let document = Document::parse(text.as_bytes(), &Limits::MESSAGE).unwrap();
        let (mut at, mut ancestors) = (document.root(), Vec::new());
        for local in path {
            ancestors.push(at);
            at = at.elements().find(|e| e.local() == *local).unwrap();
        }
        String::from_utf8(canonicalize(at, inclusive, &ancestors)).unwrap()
    }

    #[test]
    fn the_example_of_the_specification_2_2() {
        let text = "<n0:local xmlns:n0='foo:bar' xmlns:n3='ftp://example.org'><n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\"><n3:stuff xmlns:n3=\"ftp://example.org\"/></n1:elem2></n0:local>";
        assert_eq!(
            canonical_inner(text, &["elem2"], &[]),
            "<n1:elem2 xmlns:n1=\"http://example.net\" xml:lang=\"en\"><n3:stuff xmlns:n3=\"ftp://example.org\"></n3:stuff></n1:elem2>"
        );
    }

    #[test]
    fn attributes_are_sorted_by_namespace_then_name_and_declarations_by_prefix() {
        let text = "<e xmlns:b='u:1' xmlns:a='u:2' z='1' b:y='2' a:x='3' c='4'/>";
        let expected = "<e xmlns:a=\"u:2\" xmlns:b=\"u:1\" c=\"4\" z=\"1\" b:y=\"2\" a:x=\"3\"></e>";
        assert_eq!(canonical(text, &[]), expected);
    }

    #[test]
    fn characters_are_escaped_as_the_specification_says() {
        let text = "<e a=\"&#9;&#10;&#13;&quot;&lt;&amp;>'\">&#13;\t\n&lt;&gt;&amp;\"'<![CDATA[<]]></e>";
        let expected = "<e a=\"&#x9;&#xA;&#xD;&quot;&lt;&amp;>'\">&#xD;\t\n&lt;&gt;&amp;\"'&lt;</e>";
        assert_eq!(canonical(text, &[]), expected);
    }

    #[test]
    fn comments_vanish_and_unused_namespaces_too() {
        assert_eq!(canonical("<a xmlns:x='u:x'>b<!-- c -->d</a>", &[]), "<a>bd</a>");
    }

    #[test]
    fn a_default_namespace_is_declared_and_taken_away() {
        let text = "<a xmlns='u:1'><b xmlns=''><c xmlns='u:1'/></b></a>";
        let expected = "<a xmlns=\"u:1\"><b xmlns=\"\"><c xmlns=\"u:1\"></c></b></a>";
        assert_eq!(canonical(text, &[]), expected);
    }

    #[test]
    fn the_prefix_list_is_treated_inclusively() {
        let text = "<r xmlns:x='u:x' xmlns='u:d'><p:a xmlns:p='u:p' t='x:string'/></r>";
        assert_eq!(canonical_inner(text, &["a"], &[]), "<p:a xmlns:p=\"u:p\" t=\"x:string\"></p:a>");
        assert_eq!(
            canonical_inner(text, &["a"], &["x", "#default", "absent"]),
            "<p:a xmlns=\"u:d\" xmlns:p=\"u:p\" xmlns:x=\"u:x\" t=\"x:string\"></p:a>"
        );
    }
}
