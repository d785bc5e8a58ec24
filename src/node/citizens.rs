//! The citizens of a simulated member state. All are invented.

use super::attributes::{Data, Value};
use crate::eidas::SubjectKind;
use crate::eidas::attribute::Attribute as A;
use Value::{Address, Latin, NotLatin, Plain};

/// Someone who can log in at the simulated node.
#[derive(Debug)]
pub struct Citizen {
    /// Stable, for the element `#citizen-{id}`.
    pub id: &'static str,
    /// Name on the national login page.
    pub name: &'static str,
    /// What is special about them.
    pub note: &'static str,
    /// The URI of the level of assurance of their eID means.
    pub level: &'static str,
    /// The minimum data set and more.
    pub(super) subject: Data,
    /// The data set of the person who acts for the subject.
    pub(super) representative: Option<Data>,
}

const LOW: &str = "http://eidas.europa.eu/LoA/low";
const SUBSTANTIAL: &str = "http://eidas.europa.eu/LoA/substantial";
const HIGH: &str = "http://eidas.europa.eu/LoA/high";
/// Not notified: matched exactly or not at all (Message Format 1.4 §3.1).
const NOT_NOTIFIED: &str = "http://eidas.europa.eu/NotNotified/LoA/substantial";

/// All citizens, in the order in which they are shown.
pub const CITIZENS: &[Citizen] = &[
    Citizen {
        id: "plain",
        name: "Astrid Lindqvist",
        note: "Natural person",
        level: HIGH,
        subject: &[
            (A::PersonIdentifier, &[Plain("19770312-2384")]),
            (A::CurrentFamilyName, &[Latin("Lindqvist")]),
            (A::CurrentGivenName, &[Latin("Astrid")]),
            (A::DateOfBirth, &[Plain("1977-03-12")]),
            (A::PlaceOfBirth, &[Plain("Fjordby")]),
            (A::Gender, &[Plain("Female")]),
            (A::EmailAddress, &[Plain("astrid.lindqvist@mail.example")]),
            (A::PhoneNumber, &[Plain("+99912345678")]),
        ],
        representative: None,
    },
    Citizen {
        id: "greek",
        name: "Ελένη Παπαδοπούλου",
        note: "Names in Greek, with transliteration",
        level: HIGH,
        subject: &[
            (A::PersonIdentifier, &[Plain("AK-184229")]),
            (A::CurrentFamilyName, &[Latin("Papadopoulou"), NotLatin("Παπαδοπούλου")]),
            (A::CurrentGivenName, &[Latin("Eleni"), NotLatin("Ελένη")]),
            (A::DateOfBirth, &[Plain("1984-02-29")]),
            (A::BirthName, &[Latin("Eleni Georgiou"), NotLatin("Ελένη Γεωργίου")]),
            (A::Nationality, &[Plain("EL")]),
        ],
        representative: None,
    },
    Citizen {
        id: "company",
        name: "Nordhavn Vindkraft AS",
        note: "Legal person",
        level: HIGH,
        subject: &[
            (A::LegalPersonIdentifier, &[Plain("NV-918273645")]),
            (A::LegalName, &[Latin("Nordhavn Vindkraft AS")]),
            (A::LegalPersonAddress, &[Address("eidas-legal", HARBOUR)]),
            (A::VatRegistrationNumber, &[Plain("XA 918 2736 45")]),
            (A::Lei, &[Plain("529900T8BM49AURSDO55")]),
            (A::Eori, &[Plain("XA918273645000")]),
            (A::LegalEmailAddress, &[Plain("post@nordhavn.example")]),
        ],
        representative: None,
    },
    Citizen {
        id: "director",
        name: "Chiara Bellini for Mulino & Figli S.r.l.",
        note: "Natural person who represents a legal person",
        level: SUBSTANTIAL,
        subject: &[
            (A::LegalPersonIdentifier, &[Plain("REA/MI-2077193")]),
            (A::LegalName, &[Latin("Mulino & Figli S.r.l.")]),
            (A::VatRegistrationNumber, &[Plain("XA02077193001")]),
        ],
        representative: Some(&[
            (A::PersonIdentifier, &[Plain("BLLCHR80A41F205X")]),
            (A::CurrentFamilyName, &[Latin("Bellini")]),
            (A::CurrentGivenName, &[Latin("Chiara")]),
            (A::DateOfBirth, &[Plain("1980-01-01")]),
        ]),
    },
    Citizen {
        id: "partial-date",
        name: "Karl-Heinz Größ",
        note: "Date of birth 1964-00-00: only the year is known",
        level: SUBSTANTIAL,
        subject: &[
            (A::PersonIdentifier, &[Plain("7f1d9a0c55e24b318a6f")]),
            (A::CurrentFamilyName, &[Latin("Größ")]),
            (A::CurrentGivenName, &[Latin("Karl-Heinz")]),
            (A::DateOfBirth, &[Plain("1964-00-00")]),
        ],
        representative: None,
    },
    Citizen {
        id: "punctuation",
        name: "Sean O’Brien-Nguyễn",
        note: "Identifier with all of ASCII’s punctuation",
        level: HIGH,
        subject: &[
            (A::PersonIdentifier, &[Plain(r##"!"#$%&'()*+,-./:;<=>?@[\]^_`{|}~"##)]),
            (A::CurrentFamilyName, &[Latin("O'Brien-Nguyễn")]),
            (A::CurrentGivenName, &[Latin("Sean <\"&\">")]),
            (A::DateOfBirth, &[Plain("1990-12-31")]),
            (A::Gender, &[Plain("Unspecified")]),
        ],
        representative: None,
    },
    Citizen {
        id: "not-notified",
        name: "Marek Dvořák",
        note: "eID that is not notified to the Commission",
        level: NOT_NOTIFIED,
        subject: &[
            (A::PersonIdentifier, &[Plain("800229/1234")]),
            (A::CurrentFamilyName, &[Latin("Dvořák")]),
            (A::CurrentGivenName, &[Latin("Marek")]),
            (A::DateOfBirth, &[Plain("1980-02-29")]),
        ],
        representative: None,
    },
    Citizen {
        id: "low",
        name: "Inês Carvalho",
        note: "eID of level low",
        level: LOW,
        subject: &[
            (A::PersonIdentifier, &[Plain("12345678Z")]),
            (A::CurrentFamilyName, &[Latin("Carvalho")]),
            (A::CurrentGivenName, &[Latin("Inês")]),
            (A::DateOfBirth, &[Plain("2001-06-15")]),
        ],
        representative: None,
    },
    Citizen {
        id: "nationalities",
        name: "Luca Meier-Rossi",
        note: "Several nationalities, address, all optional attributes",
        level: HIGH,
        subject: &[
            (A::PersonIdentifier, &[Plain("756.9217.0769.85")]),
            (A::CurrentFamilyName, &[Latin("Meier-Rossi")]),
            (A::CurrentGivenName, &[Latin("Luca Ferdinand")]),
            (A::DateOfBirth, &[Plain("1969-07-20")]),
            (A::BirthName, &[Latin("Luca Ferdinand Rossi")]),
            (A::PlaceOfBirth, &[Plain("Ospedale Maggiore, Novara")]),
            (A::TownOfBirth, &[Plain("Novara")]),
            (A::CountryOfBirth, &[Plain("IT")]),
            (A::Nationality, &[Plain("IT"), Plain("AT"), Plain("EL")]),
            (A::CurrentAddress, &[Address("eidas-natural", HOME)]),
            (A::CountryOfResidence, &[Plain("AT")]),
            (A::Gender, &[Plain("Male")]),
            (A::EmailAddress, &[Plain("luca@meier-rossi.example")]),
            (A::PhoneNumber, &[Plain("+43720123456")]),
        ],
        representative: None,
    },
    Citizen {
        id: "child",
        name: "Emma Virtanen for Onni Virtanen",
        note: "Natural person who represents a natural person",
        level: SUBSTANTIAL,
        subject: &[
            (A::PersonIdentifier, &[Plain("010115A901X")]),
            (A::CurrentFamilyName, &[Latin("Virtanen")]),
            (A::CurrentGivenName, &[Latin("Onni")]),
            (A::DateOfBirth, &[Plain("2015-01-01")]),
        ],
        representative: Some(&[
            (A::PersonIdentifier, &[Plain("120688-902K")]),
            (A::CurrentFamilyName, &[Latin("Virtanen")]),
            (A::CurrentGivenName, &[Latin("Emma")]),
            (A::DateOfBirth, &[Plain("1988-06-12")]),
        ]),
    },
    Citizen {
        id: "long",
        name: "Wolfeschlegelsteinhausenbergerdorff",
        note: "Identifier of 256 characters, long names",
        level: HIGH,
        subject: &[
            (A::PersonIdentifier, &[Plain(LONG)]),
            (A::CurrentFamilyName, &[Latin("Wolfeschlegelsteinhausenbergerdorff-Achthundertfünfundsiebzig")]),
            (A::CurrentGivenName, &[Latin("Maximiliane Philippa Charlotte Wilhelmine Antonia Josephine")]),
            (A::DateOfBirth, &[Plain("1955-11-05")]),
        ],
        representative: None,
    },
    Citizen {
        id: "app",
        name: "Freja Nyström, with the app",
        note: "eID of level substantial",
        level: SUBSTANTIAL,
        subject: FREJA,
        representative: None,
    },
    Citizen {
        id: "card",
        name: "Freja Nyström, with the card",
        note: "The same person with an eID of level high",
        level: HIGH,
        subject: FREJA,
        representative: None,
    },
];

/// One person with two eID means: who steps up from one level to the next.
const FREJA: Data = &[
    (A::PersonIdentifier, &[Plain("19900605-7712")]),
    (A::CurrentFamilyName, &[Latin("Nyström")]),
    (A::CurrentGivenName, &[Latin("Freja")]),
    (A::DateOfBirth, &[Plain("1990-06-05")]),
];

/// With the prefix `XA/XB/` 256 characters.
const LONG: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+=0123456789abcdefghijklmnopqrstuvwxyz\
ABCDEFGHIJKLMNOPQRSTUVWXYZ+=0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+=0123456789abcdefghijklmn\
opqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV";

/// As the CEF node writes addresses: one element in each line, the prefix not declared, nothing escaped.
const HARBOUR: &[(&str, &str)] = &[
    ("PoBox", "118"),
    ("LocatorDesignator", "4B"),
    ("LocatorName", "Tower & Quay"),
    ("Thoroughfare", "Harbour Street"),
    ("PostName", "Nordhavn"),
    ("AdminunitFirstline", "XA"),
    ("PostCode", "2150"),
];
const HOME: &[(&str, &str)] = &[
    ("LocatorDesignator", "28"),
    ("Thoroughfare", "Rotenturmstraße"),
    ("CvaddressArea", "Innere Stadt"),
    ("PostName", "Wien"),
    ("AdminunitFirstline", "AT"),
    ("AdminunitSecondline", "Wien"),
    ("PostCode", "1010"),
];

impl Citizen {
    /// Whether a natural or a legal person logs in.
    pub(super) fn kind(&self) -> SubjectKind {
        self.subject.first().map_or(SubjectKind::Natural, |(attribute, _)| attribute.kind())
    }
}

/// The citizen with this id.
pub(super) fn citizen(id: &str) -> Option<&'static Citizen> {
    CITIZENS.iter().find(|citizen| citizen.id == id)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[test]
    fn every_data_set_is_complete() {
        for citizen in CITIZENS {
            for data in std::iter::once(citizen.subject).chain(citizen.representative) {
                let kind = data[0].0.kind();
                for mandatory in A::mandatory(kind) {
                    assert!(data.iter().any(|(attribute, _)| *attribute == mandatory), "{}", citizen.id);
                }
                assert!(data.iter().all(|(attribute, _)| attribute.kind() == kind), "{}", citizen.id);
            }
        }
    }

    #[test]
    fn the_cases_that_matter_are_there() {
        assert!(CITIZENS.len() >= 8);
        assert_eq!(LONG.len() + "XA/XB/".len(), 256);
        let punctuation = citizen("punctuation").unwrap().subject[0].1;
        let Plain(identifier) = punctuation[0] else { panic!() };
        let all: String = (b'!'..=b'~').map(char::from).filter(char::is_ascii_punctuation).collect();
        assert_eq!(identifier, all);
        let legal = CITIZENS.iter().filter(|c| c.subject[0].0.kind() == SubjectKind::Legal);
        assert_eq!(legal.map(|c| c.id).collect::<Vec<_>>(), ["company", "director"]);
    }
}
