//! From text to typed sections without losing where each key stands.
//!
//! serde stops at the first fault. Here the faulty part is noted, cut out and the rest read again, so
//! that one run reports every fault it can; what a cut makes missing is not reported a second time.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::fault::{Fault, Finding};
use super::nearest;
use super::preset::Laid;

/// A configuration file's text and the place of each of its keys.
#[derive(Debug)]
pub(crate) struct Document {
    file: PathBuf,
    text: String,
    places: Vec<Place>,
    /// What does not stand in the text, but counts as if it did.
    laid: Vec<Laid>,
}

#[derive(Debug)]
struct Place {
    path: String,
    key: Range<usize>,
    value: Range<usize>,
}

/// What could be read, and what could not.
#[derive(Debug)]
pub(crate) struct Reading<T> {
    pub(crate) document: Document,
    /// The sections, unless something that they cannot do without is at fault.
    pub(crate) value: Option<T>,
    pub(crate) faults: Vec<Fault>,
    /// Paths that were cut out; a later finding about them would only repeat a fault.
    cut: BTreeSet<String>,
}

impl<T: DeserializeOwned> Reading<T> {
    /// Reads `text`, which came from `file`; each table in `required` must be there. `lay` completes what stands
    /// there before it is read.
    pub(crate) fn of(
        file: &Path,
        text: String,
        required: &[&str],
        lay: impl FnOnce(&mut DeTable<'_>) -> Vec<Laid>,
    ) -> Self {
        let mut document = Document { file: file.to_owned(), text, places: Vec::new(), laid: Vec::new() };
        let text = document.text.clone();
        let (mut root, errors) = DeTable::parse_recoverable(&text);
        if !errors.is_empty() {
            let faults = errors.iter().map(|error| {
                let at = error.span().map_or(0, |span| span.start);
                document.fault_at(at, String::new(), "syntax", error.message().to_owned())
            });
            let faults = faults.take(MOST_SYNTAX_FAULTS).collect();
            return Self { document, value: None, faults, cut: BTreeSet::new() };
        }
        document.index("", root.get_ref());
        document.laid = lay(root.get_mut());
        let mut reading = Self { document, value: None, faults: Vec::new(), cut: BTreeSet::new() };
        for section in required {
            if !root.get_ref().contains_key(*section) {
                let message = format!("the section [{section}] is missing");
                reading.note((*section).to_owned(), 0, "missing_key", message);
            }
        }
        reading.value = reading.read(root);
        reading.sort();
        reading
    }

    fn read(&mut self, mut root: Spanned<DeTable<'_>>) -> Option<T> {
        loop {
            let error = match T::deserialize(Deserializer::from(root.clone())) {
                Ok(value) => return Some(value),
                Err(error) => error,
            };
            let span = error.span().unwrap_or(0..0);
            let place = if span == root.span() { None } else { self.document.deepest(&span) };
            let (path, value) =
                place.map_or((String::new(), None), |p| (p.path.clone(), Some(p.value.clone())));
            let message = error.message();
            if let Some(field) = quoted(message).filter(|_| message.starts_with("missing field")) {
                let key = join(&path, field);
                let text = format!("`{field}` is missing");
                self.note(key, span.start, "missing_key", text);
            } else {
                let code = code_of(message);
                self.note(path.clone(), span.start, code, nearest::in_short(message));
            }
            self.cut.insert(path);
            // Without something to cut out there is nothing to gain from reading again.
            if !value.is_some_and(|value| cut_table(root.get_mut(), &value)) {
                return None;
            }
        }
    }

    fn note(&mut self, key: String, at: usize, code: &'static str, message: String) {
        if !self.is_known(&key) {
            self.cut.insert(key.clone());
            self.faults.push(self.document.fault_at(at, key, code, message));
        }
    }

    /// Adds what the checks of the sections found, leaving out what repeats an earlier fault.
    pub(crate) fn add(&mut self, findings: Vec<Finding>) {
        for finding in findings {
            // Nor is a list short of what was cut out of it.
            if !self.is_known(&finding.key) && !self.cut.iter().any(|cut| within(&finding.key, cut)) {
                self.faults.push(self.document.fault(finding));
            }
        }
        self.sort();
    }

    fn sort(&mut self) {
        self.faults.sort_by(|a, b| (a.line, a.column, &a.key).cmp(&(b.line, b.column, &b.key)));
    }

    fn is_known(&self, key: &str) -> bool {
        self.cut.iter().any(|cut| within(cut, key))
    }
}

impl Document {
    /// A text whose keys can be located; none if it is not TOML.
    pub(crate) fn new(file: &Path, text: String) -> Self {
        let mut document =
            Self { file: file.to_owned(), text: String::new(), places: Vec::new(), laid: Vec::new() };
        let (mut root, _) = DeTable::parse_recoverable(&text);
        document.index("", root.get_ref());
        document.laid = super::preset::lay(root.get_mut());
        document.text = text;
        document
    }

    /// Gives a finding its place: that of its key, of the preset that sets it, or of the nearest table around it
    /// that is there.
    pub(crate) fn fault(&self, finding: Finding) -> Fault {
        if let Some(laid) = self.laid.iter().find(|laid| within(&laid.path, &finding.key)) {
            let message = format!("{} (the preset `{}` sets it)", finding.message, laid.preset);
            return self.fault_at(laid.at, finding.key, finding.code, message);
        }
        let mut path = finding.key.as_str();
        let at = loop {
            if let Some(place) = self.places.iter().find(|place| place.path == path) {
                break place.key.start;
            }
            match path.rfind(['.', '[']) {
                Some(end) => path = path.get(..end).unwrap_or_default(),
                None => break 0,
            }
        };
        self.fault_at(at, finding.key, finding.code, finding.message)
    }

    fn fault_at(&self, at: usize, key: String, code: &'static str, message: String) -> Fault {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Fault { file: self.file.clone(), line, column, key, code, message }
    }

    fn index(&mut self, path: &str, table: &DeTable<'_>) {
        for (key, value) in table {
            let path = join(path, key.get_ref());
            self.places.push(Place { path: path.clone(), key: key.span(), value: value.span() });
            self.index_value(&path, value.get_ref());
        }
    }

    fn index_value(&mut self, path: &str, value: &DeValue<'_>) {
        match value {
            DeValue::Table(table) => self.index(path, table),
            DeValue::Array(array) => {
                for (n, item) in array.iter().enumerate() {
                    let path = format!("{path}[{n}]");
                    self.places.push(Place { path: path.clone(), key: item.span(), value: item.span() });
                    self.index_value(&path, item.get_ref());
                }
            }
            _ => {}
        }
    }

    /// The innermost key whose name or value holds `span`.
    fn deepest(&self, span: &Range<usize>) -> Option<&Place> {
        let holds = |outer: &Range<usize>| outer.start <= span.start && span.end <= outer.end;
        self.places.iter().rfind(|place| holds(&place.key) || holds(&place.value))
    }
}

/// Removes the innermost value that stands at `span`; false if there is none. Innermost, because an
/// array of tables has the same span as its first table.
fn cut_table(table: &mut DeTable<'_>, span: &Range<usize>) -> bool {
    if table.iter_mut().any(|(_, value)| cut_value(value.get_mut(), span)) {
        return true;
    }
    let found = table.iter().find(|(_, value)| value.span() == *span).map(|(key, _)| key.clone());
    found.is_some_and(|key| table.remove(&key).is_some())
}

fn cut_value(value: &mut DeValue<'_>, span: &Range<usize>) -> bool {
    match value {
        DeValue::Table(table) => cut_table(table, span),
        DeValue::Array(array) => {
            if array.iter_mut().any(|item| cut_value(item.get_mut(), span)) {
                return true;
            }
            let before = array.len();
            *array = array.iter().filter(|item| item.span() != *span).cloned().collect();
            array.len() < before
        }
        _ => false,
    }
}

/// Whether the path `inner` is `outer` or lies below it.
fn within(outer: &str, inner: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

fn quoted(message: &str) -> Option<&str> {
    message.split('`').nth(1)
}

fn code_of(message: &str) -> &'static str {
    const CODES: &[(&str, &str)] = &[
        ("unknown field", "unknown_key"),
        ("unknown variant", "unknown_value"),
        ("invalid type", "wrong_type"),
        ("invalid value", "bad_value"),
        ("duplicate", "duplicate_key"),
    ];
    CODES.iter().find(|(start, _)| message.starts_with(start)).map_or("bad_value", |(_, code)| code)
}

const MOST_SYNTAX_FAULTS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the reading is tested")]
    struct Whole {
        one: One,
        #[serde(default)]
        many: Vec<One>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only the reading is tested")]
    struct One {
        number: u16,
        #[serde(default)]
        words: Vec<String>,
    }

    fn faults(text: &str) -> Vec<(usize, usize, String, &'static str)> {
        let reading = Reading::<Whole>::of(Path::new("x.toml"), text.to_owned(), &["one"], |_| Vec::new());
        assert!(reading.value.is_some() || !reading.faults.is_empty());
        reading.faults.into_iter().map(|f| (f.line, f.column, f.key, f.code)).collect()
    }

    #[test]
    fn every_fault_of_one_file_is_named_at_once() {
        let text = "[one]\nnumber = 1\nwrods = []\n\n[[many]]\nnumber = \"7\"\n\n[[many]]\nnumber = 70000\nwords = [\"a\", 2]\n\n[[many]]\nwords = []\n";
        assert_eq!(
            faults(text),
            [
                (3, 1, "one.wrods".to_owned(), "unknown_key"),
                (6, 10, "many[0].number".to_owned(), "wrong_type"),
                (9, 10, "many[1].number".to_owned(), "bad_value"),
                (10, 15, "many[1].words[1]".to_owned(), "wrong_type"),
                (12, 1, "many[2].number".to_owned(), "missing_key"),
            ]
        );
    }

    #[test]
    fn a_missing_section_and_a_syntax_fault_are_named() {
        assert_eq!(faults("many = []\n"), [(1, 1, "one".to_owned(), "missing_key")]);
        assert_eq!(faults("[one]\nnumber = \n"), [(2, 10, String::new(), "syntax")]);
        assert_eq!(faults("[one]\nnumber = 1\nnumber = 2\n"), [(3, 1, String::new(), "syntax")]);
    }

    #[test]
    fn a_value_of_the_wrong_type_is_not_called_missing_as_well() {
        assert_eq!(faults("[one]\nnumber = []\n"), [(2, 10, "one.number".to_owned(), "wrong_type")]);
    }
}
