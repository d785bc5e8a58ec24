//! The hardened front of the parser. Octets are measured by a scan that allocates nothing, before the
//! parser proper (roxmltree) sees them: its attribute handling is quadratic, as in every parser, so the
//! number of attributes has to be known first, and so has the number of namespaces in scope, which every
//! element below would carry. No DTD, hence no entities; no processing instructions;
//! UTF-8 only. The result is the one [tree](super::Element) that everything works on.

use std::borrow::Cow;

use roxmltree::ParsingOptions;

use super::tree::{Attribute, Element, Node};

/// How large a document may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Octets.
    pub octets: usize,
    /// Nested elements.
    pub depth: usize,
    /// Attributes of one element, namespace declarations included.
    pub attributes: usize,
    /// Namespace declarations in scope at one element: its own and those of its ancestors.
    pub namespaces: usize,
    /// Elements.
    pub elements: usize,
    /// Nodes of any kind.
    pub nodes: u32,
}

impl Limits {
    /// For messages. The EC node refuses more than 131072 octets as well.
    pub const MESSAGE: Self =
        Self { octets: 131_072, depth: 40, attributes: 64, namespaces: 32, elements: 4_000, nodes: 16_000 };
    /// For metadata, which can be an aggregate of many countries.
    pub const METADATA: Self = Self {
        octets: 8 * 1024 * 1024,
        depth: 40,
        attributes: 64,
        namespaces: 64,
        elements: 200_000,
        nodes: 800_000,
    };
}

/// Why octets are not a document that we read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// More octets than allowed.
    #[error("the document is larger than {0} octets")]
    TooLarge(usize),
    /// Elements nested deeper than allowed.
    #[error("elements are nested deeper than {0}")]
    TooDeep(usize),
    /// More attributes on one element than allowed.
    #[error("an element has more than {0} attributes")]
    TooManyAttributes(usize),
    /// More elements, namespaces in scope, or other nodes than allowed.
    #[error("the document has too many nodes")]
    TooManyNodes,
    /// Another encoding than UTF-8 is declared or used.
    #[error("the document is not in UTF-8")]
    Encoding,
    /// A document type declaration.
    #[error("the document has a document type declaration")]
    Doctype,
    /// A processing instruction.
    #[error("the document has a processing instruction")]
    ProcessingInstruction,
    /// Not well-formed.
    #[error("the document is not well-formed: {0}")]
    Malformed(String),
}

/// A document that was parsed. **Nobody has vouched for it**: see [`Verified`](super::Verified).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    root: Element,
}

impl Document {
    /// Parses a document.
    ///
    /// # Errors
    /// The first limit exceeded or rule broken.
    pub fn parse(octets: &[u8], limits: &Limits) -> Result<Self, ParseError> {
        if octets.len() > limits.octets {
            return Err(ParseError::TooLarge(limits.octets));
        }
        let octets = octets.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(octets);
        let text = &*line_ends(std::str::from_utf8(octets).map_err(|_| ParseError::Encoding)?);
        measure(text, limits)?;
        let options = ParsingOptions { nodes_limit: limits.nodes, ..ParsingOptions::default() };
        let document = roxmltree::Document::parse_with_options(text, options).map_err(|e| match e {
            roxmltree::Error::NodesLimitReached => ParseError::TooManyNodes,
            roxmltree::Error::DtdDetected => ParseError::Doctype,
            // The position only: some messages of the parser quote the text, which can be personal.
            other => ParseError::Malformed(format!("at {}", other.pos())),
        })?;
        let mut scope = Vec::new();
        Ok(Self { root: element(document.root_element(), text, &mut scope) })
    }

    /// The document element.
    #[must_use]
    pub fn root(&self) -> &Element {
        &self.root
    }

    /// The document element itself.
    #[must_use]
    pub fn into_root(self) -> Element {
        self.root
    }
}

/// Line ends become line feeds before anything else (XML 1.0 §2.11). roxmltree does it too, but not for a
/// carriage return in front of `&#13;`: the C14N oracle found that.
fn line_ends(text: &str) -> Cow<'_, str> {
    match text.contains('\r') {
        true => text.replace("\r\n", "\n").replace('\r', "\n").into(),
        false => text.into(),
    }
}

/// Counts what the parser would have to build, in one pass and without building it.
fn measure(text: &str, limits: &Limits) -> Result<(), ParseError> {
    let mut rest = declaration(text)?;
    let (mut open, mut in_scope, mut elements) = (Vec::new(), 0usize, 0usize);
    while let Some(at) = rest.find('<') {
        let markup = rest.get(at..).unwrap_or_default();
        rest = if markup.starts_with("<!--") {
            after(markup, "-->")?
        } else if markup.starts_with("<![CDATA[") {
            after(markup, "]]>")?
        } else if markup.starts_with("<!") {
            return Err(ParseError::Doctype);
        } else if markup.starts_with("<?") {
            return Err(ParseError::ProcessingInstruction);
        } else if markup.starts_with("</") {
            in_scope -= open.pop().unwrap_or(0);
            after(markup, ">")?
        } else {
            let tag = start_tag(markup)?;
            elements += 1;
            if tag.attributes > limits.attributes {
                return Err(ParseError::TooManyAttributes(limits.attributes));
            }
            if elements > limits.elements || in_scope + tag.namespaces > limits.namespaces {
                return Err(ParseError::TooManyNodes);
            }
            if open.len() >= limits.depth {
                return Err(ParseError::TooDeep(limits.depth));
            }
            if !tag.empty {
                open.push(tag.namespaces);
                in_scope += tag.namespaces;
            }
            tag.rest
        };
    }
    Ok(())
}

/// Steps over the XML declaration, which may name no other encoding than UTF-8.
fn declaration(text: &str) -> Result<&str, ParseError> {
    if !text.starts_with("<?xml") || !text.get(5..6).is_some_and(|c| c.trim().is_empty()) {
        return Ok(text);
    }
    let rest = after(text, "?>")?;
    let declaration = text.get(..text.len() - rest.len()).unwrap_or_default();
    match declaration.split_once("encoding") {
        None => Ok(rest),
        Some((_, encoding)) => {
            let value = encoding.trim_start_matches([' ', '\t', '\r', '\n', '=']);
            let quoted = value.get(1..).and_then(|v| v.split(['"', '\'']).next()).unwrap_or_default();
            if quoted.eq_ignore_ascii_case("utf-8") { Ok(rest) } else { Err(ParseError::Encoding) }
        }
    }
}

fn after<'a>(markup: &'a str, end: &str) -> Result<&'a str, ParseError> {
    let unclosed = || ParseError::Malformed(format!("`{end}` is missing"));
    let at = markup.find(end).ok_or_else(unclosed)?;
    Ok(markup.get(at + end.len()..).unwrap_or_default())
}

struct StartTag<'a> {
    attributes: usize,
    namespaces: usize,
    empty: bool,
    rest: &'a str,
}

/// Measures a start tag: an `=` outside quotes is an attribute, a word that begins with `xmlns` declares a
/// namespace, a `>` outside quotes ends it.
fn start_tag(markup: &str) -> Result<StartTag<'_>, ParseError> {
    let (mut quote, mut attributes, mut namespaces, mut previous) = (None, 0, 0, b'<');
    for (at, octet) in markup.bytes().enumerate() {
        match (quote, octet) {
            (Some(open), _) if open == octet => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(octet),
            (None, b'=') => attributes += 1,
            (None, b'x') if matches!(previous, b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'') => {
                let word = markup.as_bytes().get(at..).unwrap_or_default();
                namespaces += usize::from(word.starts_with(b"xmlns"));
            }
            (None, b'>') => {
                let rest = markup.get(at + 1..).unwrap_or_default();
                return Ok(StartTag { attributes, namespaces, empty: previous == b'/', rest });
            }
            (None, _) => {}
        }
        previous = octet;
    }
    Err(ParseError::Malformed("a tag is not closed".to_owned()))
}

/// Copies a node into our tree. `scope` holds the namespaces declared by its ancestors. The recursion
/// is as deep as the document, which [`measure`] has limited.
fn element(node: roxmltree::Node<'_, '_>, text: &str, scope: &mut Vec<(String, String)>) -> Element {
    let before = scope.len();
    let declarations = declarations(node, text, scope);
    scope.extend(declarations.iter().cloned());

    let name = node.tag_name();
    let attributes = node
        .attributes()
        .map(|a| Attribute {
            prefix: prefix_of(text.get(a.range_qname()).unwrap_or_default()).to_owned(),
            namespace: a.namespace().unwrap_or_default().to_owned(),
            local: a.name().to_owned(),
            value: a.value().to_owned(),
        })
        .collect();
    let mut children: Vec<Node> = Vec::new();
    for child in node.children() {
        if child.is_element() {
            children.push(Node::Element(element(child, text, scope)));
        } else if child.is_comment() {
            children.push(Node::Comment);
        } else if let Some(piece) = child.text() {
            match children.last_mut() {
                Some(Node::Text(text)) => text.push_str(piece),
                _ => children.push(Node::Text(piece.to_owned())),
            }
        }
    }
    scope.truncate(before);
    let written = text.get(node.range().start + 1..).unwrap_or_default();
    let written = written.split([' ', '\t', '\r', '\n', '/', '>']).next().unwrap_or_default();
    Element {
        prefix: prefix_of(written).to_owned(),
        namespace: name.namespace().unwrap_or_default().to_owned(),
        local: name.name().to_owned(),
        declarations,
        attributes,
        children,
    }
}

/// The namespaces that an element declares itself. The parser lists all that are in scope, the element's own
/// first; looking through the inherited ones of every element would cost more than the rest of the parsing.
fn declarations(
    node: roxmltree::Node<'_, '_>,
    text: &str,
    scope: &[(String, String)],
) -> Vec<(String, String)> {
    let tag = text.get(node.range().start..).unwrap_or_default();
    let own = start_tag(tag).map_or(usize::MAX, |tag| tag.namespaces);
    if own == 0 {
        return Vec::new();
    }
    let mut declarations = Vec::new();
    for namespace in node.namespaces().take(own) {
        let prefix = namespace.name().unwrap_or_default();
        if prefix != "xml" && bound(scope, prefix) != namespace.uri() {
            declarations.push((prefix.to_owned(), namespace.uri().to_owned()));
        }
    }
    // `xmlns=""` takes the default away; the parser tells it by no longer listing a default.
    let has_default = node.namespaces().any(|n| n.name().is_none());
    if !has_default && !bound(scope, "").is_empty() {
        declarations.push((String::new(), String::new()));
    }
    declarations
}

/// The namespace that `prefix` is bound to, empty for none.
fn bound<'a>(scope: &'a [(String, String)], prefix: &str) -> &'a str {
    scope.iter().rev().find(|(p, _)| p == prefix).map_or("", |(_, uri)| uri.as_str())
}

fn prefix_of(qualified: &str) -> &str {
    qualified.split_once(':').map_or("", |(prefix, _)| prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Element, ParseError> {
        Document::parse(text.as_bytes(), &Limits::MESSAGE).map(Document::into_root)
    }

    #[test]
    fn a_document_type_declaration_is_refused_wherever_it_stands() {
        for text in
            ["<!DOCTYPE a><a/>", "<?xml version=\"1.0\"?>\n<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>"]
        {
            assert_eq!(parse(text), Err(ParseError::Doctype), "{text}");
        }
    }

    #[test]
    fn an_entity_reference_without_declaration_is_not_well_formed() {
        assert!(matches!(parse("<a>&b;</a>"), Err(ParseError::Malformed(_))));
    }

    #[test]
    fn processing_instructions_are_refused() {
        assert_eq!(parse("<a><?b c?></a>"), Err(ParseError::ProcessingInstruction));
        assert_eq!(parse("<a/><?b c?>"), Err(ParseError::ProcessingInstruction));
        assert_eq!(parse("<?xml-stylesheet href='x'?><a/>"), Err(ParseError::ProcessingInstruction));
    }

    #[test]
    fn other_encodings_than_utf_8_are_refused() {
        for name in ["UTF-16", "utf-7", "ISO-8859-1", "IBM037"] {
            let text = format!("<?xml version='1.0' encoding='{name}'?><a/>");
            assert_eq!(parse(&text), Err(ParseError::Encoding), "{name}");
        }
        let utf16: Vec<u8> = "<a/>".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(Document::parse(&[b"\xFE\xFF", &utf16[..]].concat(), &Limits::MESSAGE).is_err());
        assert!(parse("<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"no\"?><a/>").is_ok());
        assert!(parse("\u{feff}<?xml version='1.0' encoding = 'UTF-8'?><a/>").is_ok());
    }

    #[test]
    fn line_ends_are_line_feeds_and_references_stay() {
        let text = parse("<a>1\r\n2\r3\r&#13;4&#13;\r\n5&#13;&#10;</a>").unwrap();
        assert_eq!(text.text().unwrap(), "1\n2\n3\n\r4\r\n5\r\n");
        let attribute = parse("<a b='1\r\n2\r&#13;'/>").unwrap();
        assert_eq!(attribute.attribute("b"), Some("1 2 \r"));
    }

    #[test]
    fn each_limit_is_kept_before_the_parser_runs() {
        let deep = format!("{}{}", "<a>".repeat(10_000), "</a>".repeat(10_000));
        assert_eq!(parse(&deep), Err(ParseError::TooDeep(40)));
        let wide: String = (0..65).map(|n| format!(" a{n}='{n}'")).collect();
        assert_eq!(parse(&format!("<a{wide}/>")), Err(ParseError::TooManyAttributes(64)));
        let spaces: String = (0..65).map(|n| format!(" xmlns:a{n}='u:{n}'")).collect();
        assert_eq!(parse(&format!("<a{spaces}/>")), Err(ParseError::TooManyAttributes(64)));
        assert_eq!(parse(&format!("<a>{}</a>", "<b/>".repeat(4_000))), Err(ParseError::TooManyNodes));
        let large = format!("<a>{}</a>", "x".repeat(131_072));
        assert_eq!(parse(&large), Err(ParseError::TooLarge(131_072)));
        let nested = |levels: usize| {
            let tags = (0..levels).map(|n| format!("<a xmlns:a{n}='u:{n}'\txmlns:b{n} = \"u\">"));
            format!("{}{}", tags.collect::<String>(), "</a>".repeat(levels))
        };
        assert_eq!(parse(&nested(17)), Err(ParseError::TooManyNodes));
        // Exactly at the limits everything is read; what is closed counts no more.
        assert!(parse(&nested(16)).is_ok());
        let side_by_side = "<b xmlns:c='u:c' xmlns='u:d'/><b xmlns:e='u:e'></b>".repeat(500);
        assert!(parse(&format!("<a>{side_by_side}</a>")).is_ok());
        let deep = format!("{}{}", "<a>".repeat(40), "</a>".repeat(40));
        assert!(parse(&deep).is_ok());
    }

    #[test]
    fn an_element_keeps_the_declarations_that_it_makes_itself() {
        let root = parse(
            "<a xmlns='u:1' xmlns:p='u:p'><b/><c xmlns:p='u:q' xmlns=''><d xmlns:xmlnsx='u:x'/></c></a>",
        );
        let declared = |element: &Element| {
            let mut declared: Vec<_> = element.declarations.iter().map(|(p, u)| format!("{p}={u}")).collect();
            declared.sort();
            declared.join(" ")
        };
        let all: Vec<_> = root.unwrap().descendants().map(declared).collect();
        assert_eq!(all, ["=u:1 p=u:p", "", "= p=u:q", "xmlnsx=u:x"]);
    }

    #[test]
    fn quotes_comments_and_cdata_do_not_mislead_the_measure() {
        let tricky = "<a x='>=\"=' y=\"'>'\"><!-- <b <c> --><![CDATA[<d></a>]]><e/></a>";
        let root = parse(tricky).unwrap();
        assert_eq!(root.attribute("x"), Some(">=\"="));
        assert_eq!(root.elements().count(), 1);
        assert!(parse("<a><!-- ").is_err() && parse("<a b='").is_err() && parse("<a></b>").is_err());
        assert!(parse("<a/><b/>").is_err() && parse("").is_err() && parse("text").is_err());
    }

    #[test]
    fn text_is_whole_and_a_comment_in_it_is_seen() {
        assert_eq!(parse("<a>x<![CDATA[<y>]]>&#13;z</a>").unwrap().text(), Ok("x<y>\rz"));
        assert!(parse("<a>x<!-- c -->y</a>").unwrap().text().is_err());
        assert!(parse("<a>x<b/></a>").unwrap().text().is_err());
        assert_eq!(parse("<a/>").unwrap().text(), Ok(""));
    }

    #[test]
    fn a_literal_newline_in_an_attribute_is_a_space_and_a_character_reference_is_not() {
        assert_eq!(parse("<a b='x\ny&#10;z'/>").unwrap().attribute("b"), Some("x y\nz"));
    }

    #[test]
    fn errors_do_not_quote_the_document() {
        let Err(error) = parse("<a><secret></a>") else { panic!("refused") };
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
