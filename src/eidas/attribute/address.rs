//! Addresses: base64 of an XML fragment without a root (Attribute Profile 1.4 §2.2.9, §2.3.5).
//!
//! The fragment is not XML in practice: its prefix is undeclared, some nodes do not escape `&` and `<`, the
//! profile's own sample closes `PostCode` with another case. So it never meets the XML parser; a bounded
//! scanner looks for nine known names. What it cannot read is dropped, for an address is always optional.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::{Deserialize, Serialize};

use super::text::clean;

/// An address in the parts of the ISA core location vocabulary. Every part is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Address {
    /// Post office box.
    pub po_box: Option<String>,
    /// House number.
    pub locator_designator: Option<String>,
    /// Name of the building.
    pub locator_name: Option<String>,
    /// Part of a town.
    pub cv_address_area: Option<String>,
    /// Street.
    pub thoroughfare: Option<String>,
    /// Town.
    pub post_name: Option<String>,
    /// The uppermost administrative unit, usually the country.
    pub admin_unit_first_line: Option<String>,
    /// The second administrative unit, usually a region.
    pub admin_unit_second_line: Option<String>,
    /// Postal code.
    pub post_code: Option<String>,
}

impl Address {
    /// Reads the value of an address attribute. `None` if nothing in it can be read.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        let compact: String = value.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        if compact.len() > MAX_OCTETS * 4 / 3 + 4 {
            return None;
        }
        let octets = LENIENT.decode(compact).ok()?;
        let fragment = String::from_utf8(octets).ok()?;
        let address = Self::scan(&fragment);
        (address != Self::default()).then_some(address)
    }

    /// Finds the nine names in a fragment, with any prefix and in any case.
    fn scan(fragment: &str) -> Self {
        let mut address = Self::default();
        let mut rest = fragment;
        while let Some((_, after)) = rest.split_once('<') {
            rest = after;
            let Some((tag, content)) = after.split_once('>') else { break };
            let name = local_name(tag);
            let Some(part) = address.part(name) else { continue };
            let Some((text, after_end)) = until_end_tag(content, name) else { continue };
            if part.is_none() {
                *part = clean(&unescape(text)).ok().flatten().map(str::to_owned);
            }
            rest = after_end;
        }
        address
    }

    /// The attribute's value for this address, as the CEF node writes it but escaped.
    #[must_use]
    pub fn write(&self, prefix: &str) -> String {
        let mut fragment = String::new();
        for (name, part) in self.parts() {
            if let Some(text) = part {
                let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
                fragment.push_str(&format!("<{prefix}:{name}>{text}</{prefix}:{name}>\n"));
            }
        }
        STANDARD.encode(fragment)
    }

    /// The parts by their names, in the order of the schema.
    #[must_use]
    pub fn parts(&self) -> [(&'static str, Option<&str>); 9] {
        [
            ("PoBox", self.po_box.as_deref()),
            ("LocatorDesignator", self.locator_designator.as_deref()),
            ("LocatorName", self.locator_name.as_deref()),
            ("CvaddressArea", self.cv_address_area.as_deref()),
            ("Thoroughfare", self.thoroughfare.as_deref()),
            ("PostName", self.post_name.as_deref()),
            ("AdminunitFirstline", self.admin_unit_first_line.as_deref()),
            ("AdminunitSecondline", self.admin_unit_second_line.as_deref()),
            ("PostCode", self.post_code.as_deref()),
        ]
    }

    fn part(&mut self, name: &str) -> Option<&mut Option<String>> {
        Some(match name.to_ascii_lowercase().as_str() {
            "pobox" => &mut self.po_box,
            "locatordesignator" => &mut self.locator_designator,
            "locatorname" => &mut self.locator_name,
            "cvaddressarea" => &mut self.cv_address_area,
            "thoroughfare" => &mut self.thoroughfare,
            "postname" => &mut self.post_name,
            "adminunitfirstline" => &mut self.admin_unit_first_line,
            "adminunitsecondline" => &mut self.admin_unit_second_line,
            "postcode" => &mut self.post_code,
            _ => return None,
        })
    }
}

/// `eidas-natural:PostCode xmlns:eidas-natural="…"` → `PostCode`
fn local_name(tag: &str) -> &str {
    let name = tag.split(|c: char| c.is_ascii_whitespace() || c == '/').next().unwrap_or_default();
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// The text before `</…name>`, and what follows. Text can hold a raw `<`, so only the right end tag ends it.
fn until_end_tag<'a>(content: &'a str, name: &str) -> Option<(&'a str, &'a str)> {
    let mut from = 0;
    while let Some(found) = content.get(from..)?.find("</") {
        let start = from + found;
        let (tag, after) = content.get(start + 2..)?.split_once('>')?;
        if local_name(tag).eq_ignore_ascii_case(name) {
            return Some((content.get(..start)?, after));
        }
        from = start + 2;
    }
    None
}

/// The five entities of XML; anything else stays as it is.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        out.push_str(before);
        let entity = ENTITIES.iter().find_map(|(name, c)| after.strip_prefix(name).map(|rest| (*c, rest)));
        let (c, next) = entity.unwrap_or(('&', after));
        out.push(c);
        rest = next;
    }
    out.push_str(rest);
    out
}

const ENTITIES: [(&str, char); 5] =
    [("amp;", '&'), ("lt;", '<'), ("gt;", '>'), ("quot;", '"'), ("apos;", '\'')];
const MAX_OCTETS: usize = 8192;
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn all_spellings_of_a_fragment_give_the_same_address() {
        let expected = Address {
            po_box: some("1234"),
            post_code: some("1040"),
            post_name: some("Bath & West <x>"),
            ..Address::default()
        };
        let spellings = [
            "<eidas:PoBox>1234</eidas:PoBox><eidas:PostName>Bath &amp; West &lt;x&gt;</eidas:PostName><eidas:PostCode>1040</eidas:Postcode>",
            "<eidas-natural:PoBox>1234</eidas-natural:PoBox>\r\n<eidas-natural:PostName>Bath & West <x></eidas-natural:PostName>\r\n<eidas-natural:PostCode>1040</eidas-natural:PostCode>\r\n",
            "<PoBox xmlns=\"urn:x\"> 1234 </PoBox><POSTNAME>Bath &amp; West &lt;x></POSTNAME><Unknown>?</Unknown><PostCode>1040</PostCode>",
        ];
        for spelling in spellings {
            let mut base64 = STANDARD.encode(spelling);
            base64.insert_str(76, "\r\n");
            assert_eq!(Address::read(&base64), Some(expected.clone()), "{spelling}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_dropped() {
        assert_eq!(Address::read("not base64!"), None);
        assert_eq!(Address::read(&STANDARD.encode([0xff, 0xfe])), None);
        assert_eq!(
            Address::read(&STANDARD.encode("<eidas-natural:FullCvaddress>x</eidas-natural:FullCvaddress>")),
            None
        );
        assert_eq!(Address::read(&STANDARD.encode("<PoBox>never closed")), None);
        assert_eq!(Address::read(&STANDARD.encode(format!("<PoBox>{}</PoBox>", "x".repeat(8192)))), None);
    }

    #[test]
    fn a_part_with_a_control_character_is_dropped_and_the_first_of_two_stays() {
        let fragment = "<PoBox>1\u{7}2</PoBox><PostCode>1</PostCode><PostCode>2</PostCode>";
        let address = Address::read(&STANDARD.encode(fragment)).unwrap();
        assert_eq!(address, Address { post_code: some("1"), ..Address::default() });
    }

    proptest! {
        #[test]
        fn the_scanner_never_panics(fragment in "\\PC*", name in "[</>:&; ]*PoBox[</>:&; ]*") {
            let _ = Address::scan(&fragment);
            let _ = Address::scan(&name);
            let _ = Address::scan(&format!("{fragment}<a:PoBox>{fragment}</a:PoBox>{name}"));
            let _ = Address::read(&fragment);
        }

        #[test]
        fn what_we_write_is_read(street in "[!-~]{1,40}", town in "[A-Za-zΑ-ω]{1,40}") {
            let address = Address { thoroughfare: Some(street), post_name: Some(town), ..Address::default() };
            prop_assert_eq!(Address::read(&address.write("eidas-natural")), Some(address));
        }
    }
}
