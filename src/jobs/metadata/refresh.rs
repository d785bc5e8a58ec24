//! One source: fetched, judged, remembered. And what comes from the store instead.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Good, Keeper, Kept, State, What, list_key};
use crate::audit::Event;
use crate::clock::Timestamp;
use crate::crypto::hash::{hex, sha256};
use crate::eidas::mdsl::MetadataServiceList;
use crate::eidas::trust::lifecycle::{self, Change};
use crate::eidas::trust::{self, CountryTrust, TrustRefusal, revocation};
use crate::outbound::{FetchError, Fetched, Source, Validators};
use crate::store::{Document, DocumentState, Refresh, StoreError};

/// Why a source was not refreshed.
#[derive(Clone)]
struct Refused {
    code: &'static str,
    detail: String,
}

impl Refused {
    /// Whether the signer was revoked. That ends the trust in all that it signed, the last good document
    /// included; every other reason speaks against the new document only.
    fn is_revoked(&self) -> bool {
        self.code == "signer_revoked"
    }
}

/// What a refresh came to.
enum Done {
    /// This document is believed now.
    Taken(Document, Good),
    /// It waits for a person; what was believed still is.
    Waits(Good),
}

impl Keeper {
    /// Refreshes one source while nobody else does.
    pub(super) async fn refresh_alone(&self, key: &str) {
        let (before, generation, planned) = {
            let state = self.state();
            let Some(before) = state.kept.get(key).cloned() else { return };
            let planned = effective(&state, &before);
            (before, state.generation, planned)
        };
        let (source, done) = match planned {
            Ok((what, source)) => {
                let done = self.attempt(key, &what, &source, &before).await;
                (source, done)
            }
            Err(refused) => (before.source.clone(), Err(refused)),
        };
        let now = self.with.clock.now();
        // What was believed is asked about again too: its signer may have been revoked in the meantime.
        let still = match (&done, &before.document) {
            (Ok(Done::Taken(..)), _) | (_, None) => None,
            (_, Some(document)) => Some(self.judge_kept(key, &before, document, now).await),
        };
        let revoked = still.as_ref().and_then(|judged| judged.as_ref().err()).filter(|why| why.is_revoked());
        let (revoked, done) = match revoked {
            // That trust in what we had has ended is told before anything else.
            Some(revoked) => (true, Err(revoked.clone())),
            None => (false, done),
        };
        let jitter = self.jitter();
        let url = source.to_string();
        let refresh = {
            let mut state = self.state();
            if let Ok(Done::Taken(document, Good::List(_))) = &done {
                state.look_again_at_listed(key, document, now);
            }
            let Some(kept) = state.of(key, generation) else { return };
            if let Some(still) = still {
                kept.settle(still);
            }
            if revoked {
                kept.document = None;
            }
            let (wait, refused) = match done {
                Ok(Done::Taken(document, good)) => {
                    let wait = good.next_refresh(now, jitter);
                    kept.document = Some(document);
                    kept.good = Some(good);
                    (wait, None)
                }
                Ok(Done::Waits(good)) => (good.next_refresh(now, jitter), None),
                Err(refused) => {
                    let failures = kept.failures.saturating_add(1);
                    (lifecycle::retry_after(failures, jitter), Some(refused))
                }
            };
            kept.failures = if refused.is_some() { kept.failures.saturating_add(1) } else { 0 };
            kept.due = now + wait;
            if let (Some(refused), None) = (&refused, &kept.good) {
                kept.reason = format!("{url}: {}: {}", refused.code, refused.detail);
            }
            Refresh {
                source: key.to_owned(),
                attempted: now,
                failures: kept.failures,
                code: refused.as_ref().map(|refused| refused.code.to_owned()),
                detail: refused.map(|refused| refused.detail),
                next: kept.due,
            }
        };
        self.publish();
        self.tell(&url, &refresh);
        if let (true, Some(document)) = (revoked, &before.document) {
            self.forget(document).await;
        }
        self.note(self.with.store.note_refresh(&refresh).await);
    }

    /// Removes a document whose signer was revoked from the store: a start that finds nobody to ask must not
    /// believe it again. What another instance has put in its place stays.
    async fn forget(&self, revoked: &Document) {
        let store = &self.with.store;
        let forgotten = async {
            let same = |kept: &Document| kept.state == revoked.state && kept.sha256 == revoked.sha256;
            let found =
                store.documents().await?.iter().any(|kept| kept.source == revoked.source && same(kept));
            if found {
                store.drop_document(&revoked.source, revoked.state).await?;
            }
            Ok(())
        };
        self.note(forgotten.await);
    }

    /// Fetches the document and decides what becomes of it.
    async fn attempt(&self, key: &str, what: &What, source: &Source, before: &Kept) -> Result<Done, Refused> {
        let url = source.to_string();
        let known = before.document.as_ref().filter(|known| known.url == url && before.good.is_some());
        let validators = known.map(validators).unwrap_or_default();
        let fetched = self.with.fetch.fetch(source, &validators).await?;
        let now = self.with.clock.now();
        let (octets, validators) = match (fetched, known) {
            (Fetched::New { octets, validators }, _) => (octets, validators),
            (Fetched::NotModified, Some(known)) => (known.octets.clone(), validators),
            (Fetched::NotModified, None) => {
                return Err(Refused { code: "http_status", detail: "304, but we have nothing".to_owned() });
            }
        };
        let good = self.judge(what, &octets, now).await?;
        let mut document = Document {
            source: key.to_owned(),
            state: DocumentState::Trusted,
            url,
            sha256: sha256(&octets),
            octets,
            etag: validators.etag,
            last_modified: validators.last_modified,
            fetched: now,
            valid_until: good.valid_until(now),
            changes: Vec::new(),
        };
        let same = |known: &Document| known.sha256 == document.sha256 && known.etag == document.etag;
        if known.is_some_and(same) {
            self.with.store.confirm_document(key, now).await?;
            return Ok(Done::Taken(document, good));
        }
        let changes = changes(before, &good, now);
        let matters =
            matches!(what, What::Country(trust) if trust.review) && changes.iter().any(Change::is_trust);
        let sentences: Vec<String> = changes.iter().map(Change::to_string).collect();
        if matters && !self.with.store.is_approved(key, &document.sha256).await? {
            document.state = DocumentState::Pending;
            document.changes = sentences;
            self.put_aside(document).await?;
            return Ok(Done::Waits(good));
        }
        self.with.store.put_document(&document).await?;
        self.tell_of_rollback(key, &changes);
        self.tell_of_document(&document, sentences);
        Ok(Done::Taken(document, good))
    }

    /// Lets a document wait for a person, and says so once.
    async fn put_aside(&self, document: Document) -> Result<(), Refused> {
        let waiting = self.with.store.documents().await?;
        if waiting.iter().any(|one| one.source == document.source && one.sha256 == document.sha256) {
            return Ok(());
        }
        self.with.store.put_document(&document).await?;
        let (country, sha256) = (document.source.as_str(), hex(&document.sha256));
        tracing::warn!(country, sha256, changes = ?document.changes, "metadata waits for approval");
        self.record(&Event::MetadataPending { country, sha256: &sha256, changes: document.changes.clone() });
        Ok(())
    }

    async fn judge(&self, what: &What, octets: &[u8], now: Timestamp) -> Result<Good, Refused> {
        match what {
            What::List(trust) => {
                let list = MetadataServiceList::read(octets, trust, now)?;
                Ok(Good::List(Arc::new(list)))
            }
            What::Country(trust) => {
                let answers = self.state().answers.clone();
                for question in revocation::questions(octets, trust, &answers, now) {
                    let answer = self.with.fetch.ask(&question.url, question.post.clone()).await;
                    let answer = answer.map_err(|error| error.to_string());
                    self.state().answers.add(&question, answer, now);
                }
                let answers = self.state().answers.clone();
                let node = trust::check_with(octets, trust, &answers, now)?;
                Ok(Good::Node(Arc::new(node)))
            }
        }
    }

    /// Judges what is kept by what is known now. The same verdict leaves the same node in place.
    async fn judge_kept(
        &self,
        key: &str,
        kept: &Kept,
        document: &Document,
        now: Timestamp,
    ) -> Result<(Document, Good), Refused> {
        let what = match (effective(&self.state(), kept), &kept.what) {
            (Ok((what, _)), _) => what,
            // A list that is out of reach says nothing against a node that has an anchor of its own.
            (Err(refused), What::Country(trust)) if refused.code == UNLISTED && !trust.anchors.is_empty() => {
                kept.what.clone()
            }
            (Err(refused), _) => return Err(refused),
        };
        let good = self.judge(&what, &document.octets, now).await?;
        tracing::debug!(source = key, "what is kept is still good");
        Ok((document.clone(), kept.good.clone().unwrap_or(good)))
    }

    /// Takes over what the store has, if it has changed since we looked.
    pub(super) async fn sync(&self) {
        let version = match self.with.store.metadata_version().await {
            Ok(version) if self.state().version == Some(version) => return self.note(Ok(())),
            Ok(version) => version,
            Err(error) => return self.note(Err(error)),
        };
        let documents = match self.with.store.documents().await {
            Ok(documents) => documents,
            Err(error) => return self.note(Err(error)),
        };
        self.take_over_all(documents).await;
        self.state().version = Some(version);
        self.note(Ok(()));
    }

    /// Documents that were found good once. Lists come first: they say what vouches for countries.
    pub(super) async fn take_over_all(&self, documents: Vec<Document>) {
        let (lists, countries): (Vec<_>, Vec<_>) =
            documents.into_iter().partition(|document| document.source.starts_with(&list_key("")));
        for document in lists.into_iter().chain(countries) {
            self.take_over(document).await;
        }
    }

    /// A document from the store.
    async fn take_over(&self, document: Document) {
        let key = document.source.clone();
        let generation = self.state().generation;
        let Some(kept) = self.state().of(&key, generation).cloned() else { return };
        let now = self.with.clock.now();
        match document.state {
            DocumentState::Trusted => {
                let known = kept.document.as_ref().is_some_and(|known| known.sha256 == document.sha256);
                if known && kept.good.is_some() {
                    return;
                }
                let kept = Kept { good: None, ..kept };
                let judged = self.judge_kept(&key, &kept, &document, now).await;
                let revoked = judged.as_ref().is_err_and(Refused::is_revoked);
                if revoked {
                    self.forget(&document).await;
                }
                let jitter = self.jitter();
                let mut state = self.state();
                let Some(kept) = state.of(&key, generation) else { return };
                if let (Err(Refused { code, detail }), Some(_)) = (&judged, &kept.good) {
                    return tracing::warn!(
                        source = key,
                        code,
                        detail,
                        "another instance believes what we do not"
                    );
                }
                // Another instance has just fetched it: nothing to fetch here for as long.
                if let (Ok((_, good)), true) = (&judged, kept.good.is_some()) {
                    let fetched = document.fetched;
                    kept.due = kept.due.max(fetched + good.next_refresh(fetched, jitter));
                }
                kept.document = (!revoked).then_some(document);
                kept.settle(judged);
            }
            DocumentState::Pending => {
                let result = self.take_approved((&key, generation), &kept, document, now).await;
                if let Err(Refused { code, detail }) = result {
                    tracing::warn!(country = key, code, detail, "approved metadata cannot be used");
                }
            }
        }
    }

    /// A document that waits, if it was approved. Of several instances the one that removes it takes it.
    async fn take_approved(
        &self,
        (key, generation): (&str, u64),
        kept: &Kept,
        waiting: Document,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let store = &self.with.store;
        if !store.is_approved(key, &waiting.sha256).await? {
            return Ok(());
        }
        let (what, _) = effective(&self.state(), kept)?;
        let good = self.judge(&what, &waiting.octets, now).await?;
        if !store.drop_document(key, DocumentState::Pending).await? {
            return Ok(());
        }
        let sentences = waiting.changes.clone();
        let document = Document { state: DocumentState::Trusted, changes: Vec::new(), ..waiting };
        store.put_document(&document).await?;
        self.record(&Event::MetadataApproved { country: key, sha256: &hex(&document.sha256) });
        self.tell_of_document(&document, sentences);
        let mut state = self.state();
        if let Some(kept) = state.of(key, generation) {
            kept.document = Some(document);
            kept.good = Some(good);
        }
        Ok(())
    }

    /// Forgets what is no longer valid.
    pub(super) async fn expire(&self) {
        let now = self.with.clock.now();
        let expired = match self.with.store.expire_documents(now).await {
            Ok(expired) => expired,
            Err(error) => return self.note(Err(error)),
        };
        for (key, state) in expired {
            if state == DocumentState::Trusted {
                tracing::error!(source = key, "metadata has expired");
                self.record(&Event::MetadataExpired { country: &key });
            }
        }
        for kept in self.state().kept.values_mut() {
            if kept.document.as_ref().is_some_and(|document| document.valid_until <= now) {
                kept.document = None;
                kept.settle(Err(Refused { code: "metadata_expired", detail: "it is over".to_owned() }));
            }
        }
    }

    fn tell(&self, url: &str, refresh: &Refresh) {
        let country = refresh.source.as_str();
        match (&refresh.code, &refresh.detail) {
            (Some(code), Some(detail)) => {
                tracing::warn!(country, url, code, detail, failures = refresh.failures, "metadata refused");
                let failures = refresh.failures;
                self.record(&Event::MetadataRefused { country, url, code, failures });
            }
            _ => tracing::debug!(country, url, next = %refresh.next, "metadata refreshed"),
        }
    }

    fn tell_of_document(&self, document: &Document, changes: Vec<String>) {
        let (country, url) = (document.source.as_str(), document.url.as_str());
        let (sha256, valid_until) = (hex(&document.sha256), document.valid_until.to_string());
        if changes.is_empty() {
            tracing::info!(country, url, valid_until, "metadata fetched");
            self.record(&Event::MetadataFetched { country, url, sha256: &sha256, valid_until });
        } else {
            tracing::warn!(country, url, valid_until, ?changes, "metadata replaced");
            let sha256 = sha256.as_str();
            self.record(&Event::MetadataReplaced { country, url, sha256, valid_until, changes });
        }
    }

    fn tell_of_rollback(&self, country: &str, changes: &[Change]) {
        for change in changes {
            if let Change::Rollback { from, to } = change {
                tracing::error!(country, %from, %to, "the new metadata lapses before the one it replaces");
                let (from, to) = (from.to_string(), to.to_string());
                self.record(&Event::MetadataRollback { country, from, to });
            }
        }
    }

    fn record(&self, event: &Event<'_>) {
        self.with.audit.record(self.with.clock.now(), event);
    }

    /// Says once that the store is out of order, and once that it is in order again.
    fn note(&self, result: Result<(), StoreError>) {
        let mut state = self.state();
        match &result {
            Err(error) if !state.store_failed => tracing::error!(%error, "metadata cannot be kept"),
            Ok(()) if state.store_failed => tracing::info!("metadata can be kept again"),
            _ => {}
        }
        state.store_failed = result.is_err();
    }
}

impl State {
    /// What is kept of a source, if the configuration is still the same.
    fn of(&mut self, key: &str, generation: u64) -> Option<&mut Kept> {
        self.kept.get_mut(key).filter(|_| self.generation == generation)
    }
}

impl State {
    /// A list that says something else may have moved the countries that are found by it.
    fn look_again_at_listed(&mut self, key: &str, document: &Document, now: Timestamp) {
        let known = self.kept.get(key).and_then(|list| list.document.as_ref());
        if known.is_some_and(|known| known.sha256 == document.sha256) {
            return;
        }
        let listed = |kept: &&mut Kept| matches!(&kept.source, Source::Listed(name) if list_key(name) == key);
        self.kept.values_mut().filter(listed).for_each(|kept| kept.due = now);
    }
}

impl Kept {
    /// What is believed of the document that is kept.
    fn settle(&mut self, judged: Result<(Document, Good), Refused>) {
        match judged {
            Ok((_, good)) => self.good = Some(good),
            Err(Refused { code, detail }) => {
                self.good = None;
                self.reason = format!("{}: {code}: {detail}", self.source);
            }
        }
    }
}

/// What vouches for a source and where it is, lists consulted.
fn effective(state: &State, kept: &Kept) -> Result<(What, Source), Refused> {
    let What::Country(trust) = &kept.what else {
        return Ok((kept.what.clone(), kept.source.clone()));
    };
    let lists = state.kept.values().filter_map(|other| match &other.good {
        Some(Good::List(list)) => Some(list.claims()),
        _ => None,
    });
    let claims: Arc<BTreeMap<_, _>> = Arc::new(lists.flatten().collect());
    let trust = CountryTrust { claims: Arc::clone(&claims), ..trust.clone() };
    let Source::Listed(name) = &kept.source else {
        return Ok((What::Country(trust), kept.source.clone()));
    };
    let Some(Kept { good: Some(Good::List(list)), .. }) = state.kept.get(&list_key(name)) else {
        let detail = format!("the list {name} is not there");
        return Err(Refused { code: UNLISTED, detail });
    };
    let (trust, url) = list.resolve(&trust)?;
    Ok((What::Country(CountryTrust { claims, ..trust }), Source::Url(url)))
}

/// The list that says where a node is cannot be had, or is out of date.
const UNLISTED: &str = "list_unavailable";

/// What `good` would change. Nothing, if nothing is believed now.
fn changes(before: &Kept, good: &Good, now: Timestamp) -> Vec<Change> {
    match (&before.good, good) {
        (Some(Good::Node(old)), Good::Node(new)) if old.usable_at(now) => lifecycle::changes(old, new),
        _ => Vec::new(),
    }
}

fn validators(document: &Document) -> Validators {
    Validators { etag: document.etag.clone(), last_modified: document.last_modified.clone() }
}

impl From<FetchError> for Refused {
    fn from(error: FetchError) -> Self {
        Self { code: error.code(), detail: error.to_string() }
    }
}

impl From<TrustRefusal> for Refused {
    fn from(refusal: TrustRefusal) -> Self {
        Self { code: refusal.code, detail: refusal.detail }
    }
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self { code: "store", detail: error.to_string() }
    }
}
