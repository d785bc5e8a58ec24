//! The attributes: SEC-28 to SEC-31, and the persons they make.

use std::collections::{BTreeMap, BTreeSet};

use super::{Context, Fault, Verdict, ensure, quoted};
use crate::eidas::attribute::{
    Address, Attribute, DateOfBirth, Form, Gender, Identifier, Name, Named, ValueError, read_countries,
    read_country, read_text,
};
use crate::eidas::country::CountryCode;
use crate::eidas::identity::{LegalPerson, NaturalPerson, Person, Subject};
use crate::eidas::kind::SubjectKind;
use crate::saml::{self, Assertion, AttributeValue};
use crate::secret::Personal;

/// The attributes of an assertion, sorted by whom they are about.
pub(super) struct Statement<'a> {
    subject: Attributes<'a>,
    representative: Attributes<'a>,
    unknown_representative: Vec<&'a str>,
    unknown: Vec<&'a str>,
    twice: Vec<&'a str>,
}

type Attributes<'a> = BTreeMap<Attribute, &'a [AttributeValue]>;

impl<'a> Statement<'a> {
    pub(super) fn sort(assertion: &'a Assertion) -> Self {
        let mut sorted = Self {
            subject: BTreeMap::new(),
            representative: BTreeMap::new(),
            unknown_representative: Vec::new(),
            unknown: Vec::new(),
            twice: Vec::new(),
        };
        let mut names = BTreeSet::new();
        for saml::Attribute { name, values, .. } in
            assertion.attribute_statements.iter().flat_map(|s| &s.attributes)
        {
            let earlier = match Named::read(name) {
                Named::Subject(attribute) => sorted.subject.insert(attribute, values),
                Named::Representative(attribute) => sorted.representative.insert(attribute, values),
                Named::UnknownRepresentative => {
                    sorted.unknown_representative.push(name);
                    None
                }
                Named::Unknown => {
                    sorted.unknown.push(name);
                    None
                }
            };
            if earlier.is_some() || !names.insert(name.as_str()) {
                sorted.twice.push(name);
            }
        }
        sorted
    }

    /// Everybody in it, each with their attributes.
    fn everybody(&self) -> [&Attributes<'a>; 2] {
        [&self.subject, &self.representative]
    }

    /// The identifiers that can be read, of everybody.
    fn identifiers(&self) -> impl Iterator<Item = Result<Identifier, Fault>> {
        let present = self.everybody().into_iter().flatten();
        present.filter(|(attribute, _)| attribute.form() == Form::Identifier).filter_map(|(_, values)| {
            let text = read_text(values).ok().flatten()?;
            Some(Identifier::parse(&text).map_err(|error| Fault::new("identifier_form", error.to_string())))
        })
    }

    /// What is read of a person: the mandatory attributes, and what was asked.
    fn wanted<'s>(
        attributes: &'s Attributes<'a>,
        context: &'s Context<'_>,
    ) -> impl Iterator<Item = (Attribute, &'a [AttributeValue])> + 's {
        let wanted = |attribute: &Attribute| {
            attribute.is_mandatory() || context.pending.attributes.contains(attribute)
        };
        attributes.iter().filter(move |(attribute, _)| wanted(attribute)).map(|(a, v)| (*a, *v))
    }

    /// SEC-31: the names of what is not passed on, because it was not asked, is not known or cannot be read.
    pub(super) fn dropped(&self, context: &Context<'_>) -> Vec<String> {
        let mut dropped: Vec<String> = Vec::new();
        for (attributes, about_representative) in self.everybody().into_iter().zip([false, true]) {
            let read: BTreeSet<Attribute> = Self::wanted(attributes, context)
                .filter(|(attribute, values)| fault_in(*attribute, values, context).is_none())
                .map(|(attribute, _)| attribute)
                .collect();
            let lost = attributes.keys().filter(|attribute| !read.contains(attribute));
            dropped.extend(lost.map(|attribute| {
                if about_representative {
                    attribute.representative_name()
                } else {
                    attribute.name().to_owned()
                }
            }));
        }
        let unknown = self.unknown_representative.iter().chain(&self.unknown);
        dropped.extend(
            unknown.map(|name| name.chars().filter(|c| !c.is_control()).take(200).collect::<String>()),
        );
        dropped
    }

    /// The persons.
    pub(super) fn subject(&self, context: &Context<'_>) -> Result<Subject, Fault> {
        let kind_of = |attributes: &Attributes<'_>| attributes.keys().next().map(|a| a.kind());
        let representative = kind_of(&self.representative)
            .map(|kind| Reader { attributes: &self.representative, context }.person(kind))
            .transpose()?;
        let person = Reader { attributes: &self.subject, context }.person(context.pending.kind)?;
        Ok(Subject { person, representative })
    }
}

/// What is wrong with the values of an attribute, if anything is.
fn fault_in(attribute: Attribute, values: &[AttributeValue], context: &Context<'_>) -> Option<ValueError> {
    let partial = context.quirks.partial_dates;
    match attribute.form() {
        Form::Address => read_address(values).err(),
        Form::Countries => read_countries(values).err(),
        Form::Country => read_country(values).err(),
        Form::Date => DateOfBirth::read(values, partial).err(),
        Form::Gender => Gender::read(values).err(),
        Form::Identifier | Form::Text => read_text(values).err(),
        Form::Name => Name::read(values).err(),
    }
}

/// The value is base64 in lines, so the rules for text do not apply to it, but to what is inside.
fn read_address(values: &[AttributeValue]) -> Result<Option<Address>, ValueError> {
    let mut texts = values.iter().map(|value| value.text.trim()).filter(|text| !text.is_empty());
    match (texts.next(), texts.next()) {
        (None, _) => Ok(None),
        (Some(text), None) => Address::read(text).map(Some).ok_or(ValueError::Form),
        (Some(_), Some(_)) => Err(ValueError::Several),
    }
}

fn is_complete(attributes: &Attributes<'_>, kind: SubjectKind) -> Result<(), Attribute> {
    let there = |attribute: &Attribute| {
        attributes
            .get(attribute)
            .is_some_and(|values| values.iter().any(|value| !value.text.trim().is_empty()))
    };
    match Attribute::mandatory(kind).find(|attribute| !there(attribute)) {
        None => Ok(()),
        Some(missing) => Err(missing),
    }
}

/// SEC-28 (Attribute Profile 1.4 §2.2.3).
pub(super) fn identifiers_have_their_form(statement: &Statement<'_>, _: &Context<'_>) -> Verdict {
    statement.identifiers().try_for_each(|identifier| identifier.map(drop))
}

/// SEC-28. A node speaks for identifiers of its own country only.
pub(super) fn identifiers_are_of_the_country(statement: &Statement<'_>, context: &Context<'_>) -> Verdict {
    statement.identifiers().flatten().try_for_each(|identifier| {
        ensure(identifier.issuing() == context.node.country(), "identifier_country", || {
            format!("the identifier is of {}, the node of {}", identifier.issuing(), context.node.country())
        })
    })
}

/// SEC-28. An identifier is made for the country that asked.
pub(super) fn identifiers_are_for_us(statement: &Statement<'_>, context: &Context<'_>) -> Verdict {
    if context.quirks.any_destination_country {
        return Ok(());
    }
    statement.identifiers().flatten().try_for_each(|identifier| {
        ensure(identifier.destination() == context.connector.country, "identifier_destination", || {
            format!(
                "the identifier is for {}, we are of {}",
                identifier.destination(),
                context.connector.country
            )
        })
    })
}

/// SEC-29. Two attributes of one name: whoever takes the first and whoever takes the last see two persons.
pub(super) fn no_attribute_twice(statement: &Statement<'_>, _: &Context<'_>) -> Verdict {
    match statement.twice.first() {
        None => Ok(()),
        Some(name) => {
            Err(Fault::new("attribute_twice", format!("the attribute {} is there twice", quoted(name))))
        }
    }
}

/// SEC-29. An optional value of the wrong form is dropped; a harmful or ambiguous one is refused, and so is
/// whatever is mandatory.
pub(super) fn values_are_clean(statement: &Statement<'_>, context: &Context<'_>) -> Verdict {
    for attributes in statement.everybody() {
        for (attribute, values) in Statement::wanted(attributes, context) {
            match fault_in(attribute, values, context) {
                None => {}
                Some(ValueError::Form) if !attribute.is_mandatory() => {}
                Some(error) => {
                    return Err(Fault::new("value", format!("{}: {error}", attribute.friendly_name())));
                }
            }
        }
    }
    Ok(())
}

/// SEC-29. The other kind of person, or both kinds at once, was not asked.
pub(super) fn kind_is_the_one_asked(statement: &Statement<'_>, context: &Context<'_>) -> Verdict {
    let kind = context.pending.kind;
    ensure(statement.subject.keys().all(|attribute| attribute.kind() == kind), "kind_mismatch", || {
        format!("a {} person was asked, the response is about another kind", kind.as_str())
    })
}

/// SEC-29.
pub(super) fn data_set_is_complete(statement: &Statement<'_>, context: &Context<'_>) -> Verdict {
    is_complete(&statement.subject, context.pending.kind).map_err(|missing| {
        Fault::new("data_set_incomplete", format!("{} is missing", missing.friendly_name()))
    })
}

/// SEC-30. Otherwise the represented person would be taken for the one who acts.
pub(super) fn representative_is_allowed(statement: &Statement<'_>, context: &Context<'_>) -> Verdict {
    let none = statement.representative.is_empty() && statement.unknown_representative.is_empty();
    ensure(none || context.pending.representation, "representative", || {
        "a representative acted, which this relying party does not allow".to_owned()
    })
}

/// SEC-30 (Attribute Profile 1.4 §2.8: at most one set).
pub(super) fn representative_is_one(statement: &Statement<'_>, _: &Context<'_>) -> Verdict {
    let kinds: BTreeSet<SubjectKind> = statement.representative.keys().map(|a| a.kind()).collect();
    ensure(kinds.len() <= 1, "representatives", || "there are two representatives".to_owned())
}

/// SEC-30.
pub(super) fn representative_is_complete(statement: &Statement<'_>, _: &Context<'_>) -> Verdict {
    let incomplete = |what: &str| Fault::new("representative_incomplete", format!("{what} is missing"));
    match statement.representative.keys().next() {
        Some(attribute) => is_complete(&statement.representative, attribute.kind())
            .map_err(|missing| incomplete(missing.friendly_name())),
        None if statement.unknown_representative.is_empty() => Ok(()),
        None => Err(incomplete("all that identifies the representative")),
    }
}

/// Reads one person.
struct Reader<'r, 'a> {
    attributes: &'r Attributes<'a>,
    context: &'r Context<'r>,
}

impl Reader<'_, '_> {
    fn person(&self, kind: SubjectKind) -> Result<Person, Fault> {
        match kind {
            SubjectKind::Natural => Ok(Person::Natural(Box::new(self.natural()?))),
            SubjectKind::Legal => Ok(Person::Legal(Box::new(self.legal()?))),
        }
    }

    fn natural(&self) -> Result<NaturalPerson, Fault> {
        use Attribute as A;
        let partial = self.context.quirks.partial_dates;
        Ok(NaturalPerson {
            person_identifier: self.identifier(A::PersonIdentifier)?,
            family_name: self.mandatory(A::CurrentFamilyName, Name::read)?,
            given_name: self.mandatory(A::CurrentGivenName, Name::read)?,
            date_of_birth: self.mandatory(A::DateOfBirth, |values| DateOfBirth::read(values, partial))?,
            birth_name: self.optional(A::BirthName, Name::read),
            place_of_birth: self.optional(A::PlaceOfBirth, read_text),
            current_address: self.optional(A::CurrentAddress, read_address),
            gender: self.optional(A::Gender, Gender::read),
            nationality: self.nationality(),
            country_of_birth: self.optional(A::CountryOfBirth, read_country),
            town_of_birth: self.optional(A::TownOfBirth, read_text),
            country_of_residence: self.optional(A::CountryOfResidence, read_country),
            phone_number: self.optional(A::PhoneNumber, read_text),
            email_address: self.optional(A::EmailAddress, read_text),
        })
    }

    fn legal(&self) -> Result<LegalPerson, Fault> {
        use Attribute as A;
        Ok(LegalPerson {
            legal_person_identifier: self.identifier(A::LegalPersonIdentifier)?,
            legal_name: self.mandatory(A::LegalName, Name::read)?,
            legal_person_address: self.optional(A::LegalPersonAddress, read_address),
            vat_registration_number: self.optional(A::VatRegistrationNumber, read_text),
            tax_reference: self.optional(A::TaxReference, read_text),
            eu_identifier: self.optional(A::EuIdentifier, read_text),
            lei: self.optional(A::Lei, read_text),
            eori: self.optional(A::Eori, read_text),
            seed: self.optional(A::Seed, read_text),
            sic: self.optional(A::Sic, read_text),
            legal_phone_number: self.optional(A::LegalPhoneNumber, read_text),
            legal_email_address: self.optional(A::LegalEmailAddress, read_text),
        })
    }

    fn values(&self, attribute: Attribute) -> &[AttributeValue] {
        self.attributes.get(&attribute).copied().unwrap_or_default()
    }

    fn identifier(&self, attribute: Attribute) -> Result<Personal<Identifier>, Fault> {
        self.mandatory(attribute, |values| match read_text(values)? {
            None => Ok(None),
            Some(text) => Identifier::parse(&text).map(Some).map_err(|_| ValueError::Form),
        })
    }

    fn mandatory<T>(
        &self,
        attribute: Attribute,
        read: impl Fn(&[AttributeValue]) -> Result<Option<T>, ValueError>,
    ) -> Result<Personal<T>, Fault> {
        match read(self.values(attribute)) {
            Ok(Some(value)) => Ok(Personal::new(value)),
            Ok(None) => {
                Err(Fault::new("data_set_incomplete", format!("{} is missing", attribute.friendly_name())))
            }
            Err(error) => Err(Fault::new("value", format!("{}: {error}", attribute.friendly_name()))),
        }
    }

    /// `None` if it was not asked, is not there, or cannot be read.
    fn optional<T>(
        &self,
        attribute: Attribute,
        read: impl Fn(&[AttributeValue]) -> Result<Option<T>, ValueError>,
    ) -> Option<Personal<T>> {
        if !self.context.pending.attributes.contains(&attribute) {
            return None;
        }
        read(self.values(attribute)).ok().flatten().map(Personal::new)
    }

    fn nationality(&self) -> Personal<Vec<CountryCode>> {
        let several = |values: &[AttributeValue]| read_countries(values).map(Some);
        self.optional(Attribute::Nationality, several).unwrap_or_default()
    }
}
