//! Writes a tree. Namespaces are declared once at the top where a prefix has one meaning, else where
//! they are needed.

use super::c14n::{escape_attribute, escape_text};
use super::tree::{Element, Node};

/// Writes `element` as a document without XML declaration. What it writes parses back to the same
/// names, attributes and text. Characters that XML 1.0 cannot hold become U+FFFD.
#[must_use]
pub fn write(element: &Element) -> String {
    let mut writer = Writer { out: Vec::with_capacity(4096), scope: vec![("xml", XML)] };
    writer.element(element, hoisted(element));
    String::from_utf8(writer.out).unwrap_or_default()
}

const XML: &str = "http://www.w3.org/XML/1998/namespace";

/// Prefixes that mean one namespace in the whole tree.
fn hoisted(root: &Element) -> Vec<(&str, &str)> {
    let mut uses: Vec<(&str, &str)> = Vec::new();
    for element in root.descendants() {
        uses.push((&element.prefix, &element.namespace));
        uses.extend(element.attributes.iter().map(|a| (a.prefix.as_str(), a.namespace.as_str())));
        uses.extend(element.declarations.iter().map(|(p, u)| (p.as_str(), u.as_str())));
    }
    uses.retain(|(prefix, _)| !prefix.is_empty() && *prefix != "xml");
    uses.sort_unstable();
    uses.dedup();
    let ambiguous = |prefix: &str| uses.iter().filter(|(p, _)| *p == prefix).count() > 1;
    uses.iter().copied().filter(|(prefix, _)| !ambiguous(prefix)).collect()
}

struct Writer<'a> {
    out: Vec<u8>,
    scope: Vec<(&'a str, &'a str)>,
}

impl<'a> Writer<'a> {
    fn element(&mut self, element: &'a Element, mut declare: Vec<(&'a str, &'a str)>) {
        let before = self.scope.len();
        declare.extend(element.declarations.iter().map(|(p, u)| (p.as_str(), u.as_str())));
        declare.push((&element.prefix, &element.namespace));
        let attributes = element.attributes.iter().filter(|a| !a.prefix.is_empty());
        declare.extend(attributes.map(|a| (a.prefix.as_str(), a.namespace.as_str())));

        self.push("<");
        self.name(&element.prefix, &element.local);
        for (prefix, uri) in declare {
            let bound = self.scope.iter().rev().find(|(p, _)| *p == prefix).map_or("", |(_, u)| u);
            if bound != uri {
                self.push(if prefix.is_empty() { " xmlns" } else { " xmlns:" });
                self.push(prefix);
                self.push("=\"");
                self.attribute_value(uri);
                self.push("\"");
                self.scope.push((prefix, uri));
            }
        }
        for attribute in &element.attributes {
            self.push(" ");
            self.name(&attribute.prefix, &attribute.local);
            self.push("=\"");
            self.attribute_value(&attribute.value);
            self.push("\"");
        }
        if element.children.is_empty() {
            self.push("/>");
        } else {
            self.push(">");
            for node in &element.children {
                match node {
                    Node::Element(child) => self.element(child, Vec::new()),
                    Node::Text(text) => escape_text(&legal(text), &mut self.out),
                    Node::Comment => {}
                }
            }
            self.push("</");
            self.name(&element.prefix, &element.local);
            self.push(">");
        }
        self.scope.truncate(before);
    }

    fn name(&mut self, prefix: &str, local: &str) {
        if !prefix.is_empty() {
            self.push(prefix);
            self.push(":");
        }
        self.push(local);
    }

    fn attribute_value(&mut self, value: &str) {
        escape_attribute(&legal(value), &mut self.out);
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}

/// Replaces what is not a `Char` of XML 1.0 §2.2.
fn legal(text: &str) -> std::borrow::Cow<'_, str> {
    let illegal =
        |c: char| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{FFFE}' | '\u{FFFF}');
    if text.contains(illegal) { text.replace(illegal, "\u{FFFD}").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tree::Namespace;
    use super::super::{Document, Limits, canonicalize};
    use super::*;

    const A: Namespace = Namespace { uri: "urn:a", prefix: "a" };
    const B: Namespace = Namespace { uri: "urn:b", prefix: "b" };

    #[test]
    fn namespaces_are_declared_once_at_the_top() {
        let tree = Element::new(A, "r").with("x", "<\"&").child(Element::new(B, "c").with_text("1 < 2\r"));
        assert_eq!(
            write(&tree),
            "<a:r xmlns:a=\"urn:a\" xmlns:b=\"urn:b\" x=\"&lt;&quot;&amp;\"><b:c>1 &lt; 2&#xD;</b:c></a:r>"
        );
    }

    #[test]
    fn a_prefix_with_two_meanings_is_declared_where_it_is_used() {
        let text = "<p:a xmlns:p=\"u:1\"><p:b xmlns:p=\"u:2\"/><c xmlns=\"u:3\"><d xmlns=\"\"/></c></p:a>";
        let root = Document::parse(text.as_bytes(), &Limits::MESSAGE).unwrap().into_root();
        assert_eq!(write(&root), text);
    }

    #[test]
    fn characters_that_xml_cannot_hold_are_replaced() {
        let tree = Element::new(A, "r").with_text("x\u{0}y\u{1F}z\u{FFFF}");
        assert_eq!(write(&tree), "<a:r xmlns:a=\"urn:a\">x\u{FFFD}y\u{FFFD}z\u{FFFD}</a:r>");
    }

    fn text() -> impl Strategy<Value = String> {
        proptest::string::string_regex("[ -~\t\n\r\u{e9}\u{3a9}\u{1F600}]{0,12}").unwrap()
    }

    fn tree() -> impl Strategy<Value = Element> {
        let leaf =
            (0..2usize, "[a-z]{1,3}", text(), proptest::collection::btree_map("[a-z]{1,3}", text(), 0..3));
        let leaf = leaf.prop_map(|(ns, local, text, attributes)| {
            let mut element = Element::new([A, B][ns], &local);
            for (name, value) in attributes {
                element = element.with_in([A, B][ns], &name, value.clone()).with(&name, value);
            }
            element.with_text(text)
        });
        leaf.prop_recursive(4, 24, 4, |inner| {
            (0..2usize, "[a-z]{1,3}", proptest::collection::vec(inner, 0..4))
                .prop_map(|(ns, local, children)| Element::new([A, B][ns], &local).children_from(children))
        })
    }

    proptest! {
        #[test]
        fn what_is_written_parses_back_to_the_same(tree in tree()) {
            let parsed = Document::parse(write(&tree).as_bytes(), &Limits::METADATA).unwrap();
            prop_assert_eq!(canonicalize(parsed.root(), &[], &[]), canonicalize(&tree, &[], &[]));
        }

        #[test]
        fn canonical_form_is_its_own_canonical_form(tree in tree()) {
            let once = canonicalize(&tree, &[], &[]);
            let parsed = Document::parse(&once, &Limits::METADATA).unwrap();
            prop_assert_eq!(canonicalize(parsed.root(), &[], &[]), once);
        }
    }
}
