//! Attacks on messages: each class of eIDAS and SAML history that reaches this code, and the rule that stops
//! it. docs/security.md names these tests.

mod content;
mod encryption;
mod signature;
mod wrapping;

use eidas_gateway::crypto::{Certificate, Curve, KeyError, KeyKind, PrivateKey, SigningKey};
use eidas_gateway::eidas::attribute::Attribute as Eidas;
use eidas_gateway::eidas::{Ask, Inbound, Loa, Outcome, Person};
use eidas_gateway::saml::binding;
use eidas_gateway::saml::metadata::KeyUse;
use eidas_gateway::xml;

use crate::stage::{
    KEYS, NODE, Play, ask, attribute, country, encrypted_octets, entity, metadata, natural_person, node_with,
    now, parse, representative, role, signed_by, trust_in_node,
};

mod any_change {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    static GENUINE: LazyLock<(Play, String)> = LazyLock::new(|| {
        let play = Play::new();
        let xml = play.xml();
        (play, xml)
    });

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        /// One octet of a signed response, changed, removed or doubled: it is refused, or nothing read changes.
        #[test]
        fn of_one_octet_is_refused_or_changes_nothing(at in any::<proptest::sample::Index>(), octet in 0x20_u8..0x7f, how in 0..3) {
            let (play, xml) = &*GENUINE;
            let mut octets = xml.clone().into_bytes();
            let at = at.index(octets.len());
            match how {
                0 => octets[at] = octet,
                1 => drop(octets.remove(at)),
                _ => octets.insert(at, octet),
            }
            let changed = String::from_utf8(octets).unwrap();
            if let Ok(outcome) = play.judge_xml(&changed) {
                prop_assert_eq!(outcome, play.judge_xml(xml).unwrap());
            }
        }
    }
}
