//! The texts in force: the last good one of every slot, and what is wrong with the newest.

use super::{MAX_INSTRUCTIONS, Read, Refusal, SHIPPED_INSTRUCTIONS, Slot};
use frontdesk_actors::ids::{ConversationKey, stable_hash};
use frontdesk_actors::metrics::{INSTRUCTIONS_AGE, INSTRUCTIONS_REFUSED};
use frontdesk_actors::time::Timestamp;
use metrics::{counter, gauge};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The last good text of every slot.
pub struct Book {
    pages: RwLock<BTreeMap<Slot, Page>>,
    shipped: Arc<str>,
}

/// One slot.
#[derive(Clone, Default)]
struct Page {
    /// Where it is read.
    origin: String,
    text: Option<Arc<str>>,
    /// When the text became this one.
    taken: Timestamp,
    /// When it was last seen to stand so.
    checked: Timestamp,
    trouble: Option<Trouble>,
}

/// Why the newest text of a slot is not in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// Since when.
    pub since: Timestamp,
    /// What kind: `empty`, `too_long`, `shrunken` or `unreadable`.
    pub kind: &'static str,
    /// What is wrong and what to do.
    pub why: String,
}

/// One slot as operators see it.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// `tenant`, `document`, `prompt_file`, `shared_file` or `shipped`.
    pub source: &'static str,
    /// The tenant, by the name of its file.
    pub tenant: Option<String>,
    /// The file or document.
    pub origin: String,
    /// Whether conversations without a text of their own are answered by it; for a tenant's, whether it has a good text.
    pub in_force: bool,
    /// When the text became this one; `null` for the one compiled in.
    pub taken: Option<Timestamp>,
    /// When it was last seen to stand so.
    pub checked: Option<Timestamp>,
    /// How long ago that is.
    pub age_seconds: Option<u64>,
    /// Tells one text from another.
    pub digest: String,
    /// How long it is.
    pub characters: usize,
    /// Why a newer text is not in force.
    pub trouble: Option<Trouble>,
    /// The text.
    pub text: Option<String>,
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { source, tenant, digest, .. } = self;
        f.debug_struct("Shown").field("source", source).field("tenant", tenant).field("digest", digest).finish()
    }
}

impl fmt::Debug for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Book").field("slots", &self.read().len()).finish_non_exhaustive()
    }
}

impl Default for Book {
    fn default() -> Self {
        Self { pages: RwLock::default(), shipped: SHIPPED_INSTRUCTIONS.trim().into() }
    }
}

impl Book {
    /// Returns the text for a conversation: that of its inbox, its account or its channel, else the shared one.
    pub fn text(&self, key: &ConversationKey, inbox: &str) -> Arc<str> {
        let pages = self.read();
        let own = tenants(key, inbox).into_iter().map(Slot::Tenant);
        let slots = own.chain([Slot::Document, Slot::PromptFile, Slot::Shared]);
        let text = slots.filter_map(|slot| pages.get(&slot)?.text.clone()).next();
        text.unwrap_or_else(|| self.shipped.clone())
    }

    /// Returns the last good text of a slot.
    pub fn last_good(&self, slot: &Slot) -> Option<Arc<str>> {
        self.read().get(slot)?.text.clone()
    }

    /// Returns every slot that is read from somewhere.
    pub(super) fn slots(&self) -> Vec<Slot> {
        self.read().keys().cloned().collect()
    }

    /// Puts a text in force that was good before this process began.
    pub(super) fn recall(&self, slot: Slot, origin: String, (text, taken): (String, Timestamp)) {
        let page = Page { origin, text: Some(clean(&text).into()), taken, checked: taken, trouble: None };
        self.write().insert(slot, page);
    }

    /// Takes what was read, or refuses it and keeps the text before it. Returns whether another text is in force since.
    /// `shrinks` says whether a text of less than half the length may be meant.
    ///
    /// # Errors
    /// [`Trouble`] if it was refused.
    pub(super) fn offer(
        &self,
        slot: &Slot,
        (origin, read): (&str, &Read),
        shrinks: bool,
        now: Timestamp,
    ) -> Result<bool, Trouble> {
        let mut pages = self.write();
        let page = pages.entry(slot.clone()).or_default();
        origin.clone_into(&mut page.origin);
        match judge(read, page.text.as_deref().filter(|_| !shrinks)) {
            Ok(text) => {
                let changed = page.text.as_deref() != Some(text);
                if changed {
                    (page.text, page.taken) = (Some(text.into()), now);
                }
                (page.checked, page.trouble) = (now, None);
                Ok(changed)
            }
            Err((refusal, why)) => Err(page.refuse(slot, refusal, why, now)),
        }
    }

    /// Forgets a slot: its file was taken away.
    pub(super) fn remove(&self, slot: &Slot) {
        self.write().remove(slot);
    }

    /// Returns every slot as operators see it, the more particular ones first.
    pub fn shown(&self, now: Timestamp) -> Vec<Shown> {
        let pages = self.read();
        let shared = pages.iter().find(|(slot, page)| !matches!(slot, Slot::Tenant(_)) && page.text.is_some());
        let shared = shared.map_or(Slot::Shipped, |(slot, _)| slot.clone());
        let mut shown: Vec<Shown> = pages.iter().map(|(slot, page)| page.shown(slot, &shared, now)).collect();
        let shipped = Page {
            text: Some(self.shipped.clone()),
            origin: "config/prompts/default.md".to_owned(),
            ..Page::default()
        };
        shown.push(shipped.shown(&Slot::Shipped, &shared, now));
        shown
    }

    /// Tells the metrics how old each text is.
    pub(super) fn measure(&self, now: Timestamp) {
        for (slot, page) in self.read().iter().filter(|(slot, _)| !matches!(slot, Slot::Tenant(_))) {
            gauge!(INSTRUCTIONS_AGE, "source" => slot.source()).set(now.since(page.checked).as_secs_f64());
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<Slot, Page>> {
        self.pages.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<Slot, Page>> {
        self.pages.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Page {
    /// Notes a refusal. One that goes on is told once: in the log by the caller, and counted here.
    fn refuse(&mut self, slot: &Slot, refusal: Refusal, why: String, now: Timestamp) -> Trouble {
        let known = self.trouble.as_ref().filter(|trouble| trouble.kind == refusal.as_str() && trouble.why == why);
        let since = known.map_or(now, |trouble| trouble.since);
        if known.is_none() {
            counter!(INSTRUCTIONS_REFUSED, "source" => slot.source(), "why" => refusal.as_str()).increment(1);
            let kept =
                if self.text.is_some() { "the text before it stays in force" } else { "the next best text is used" };
            tracing::error!(
                source = slot.source(), origin = %self.origin, refused = refusal.as_str(),
                "instructions are not taken: {why}; {kept}"
            );
        }
        let trouble = Trouble { since, kind: refusal.as_str(), why };
        self.trouble = Some(trouble.clone());
        trouble
    }

    fn shown(&self, slot: &Slot, shared: &Slot, now: Timestamp) -> Shown {
        let tenant = match slot {
            Slot::Tenant(name) => Some(name.clone()),
            Slot::Document | Slot::PromptFile | Slot::Shared | Slot::Shipped => None,
        };
        let read = (self.text.is_some() && *slot != Slot::Shipped).then_some(());
        let text = self.text.as_deref().unwrap_or_default();
        Shown {
            source: slot.source(),
            in_force: if tenant.is_some() { self.text.is_some() } else { slot == shared },
            tenant,
            origin: self.origin.clone(),
            taken: read.map(|()| self.taken),
            checked: read.map(|()| self.checked),
            age_seconds: read.map(|()| now.since(self.checked).as_secs()),
            digest: format!("{:016x}", stable_hash(text.as_bytes())),
            characters: text.chars().count(),
            trouble: self.trouble.clone(),
            text: self.text.as_deref().map(str::to_owned),
        }
    }
}

/// Returns a text as it is used: without the mark that some editors put first, and without blank ends.
pub(super) fn clean(text: &str) -> &str {
    text.trim_start_matches('\u{feff}').trim()
}

/// Decides about a text. Where a last good copy is given, half of it must be left.
pub(super) fn judge<'a>(read: &'a Read, last_good: Option<&str>) -> Result<&'a str, (Refusal, String)> {
    let text = match read {
        Ok(text) => clean(text),
        Err(why) => return Err((Refusal::Unreadable, why.clone())),
    };
    if text.is_empty() {
        return Err((Refusal::Empty, "there is no text in it; start from config/prompts/default.md".to_owned()));
    }
    if text.len() > MAX_INSTRUCTIONS {
        return Err((Refusal::TooLong, "it is longer than 64 KiB; shorten it".to_owned()));
    }
    let (length, before) = (text.chars().count(), last_good.map_or(0, |text| text.chars().count()));
    if length < before / 2 {
        let why = format!(
            "only {length} of {before} characters are left; if that is meant, POST /api/instructions/reload with \
             {{\"accept_shrunken\": true}}"
        );
        return Err((Refusal::Shrunken, why));
    }
    Ok(text)
}

/// Returns the names of the files that may hold a conversation's own text, the most particular first.
fn tenants(key: &ConversationKey, inbox: &str) -> Vec<String> {
    let (channel, account, inbox) = (name(key.channel()), name(key.account()), name(inbox));
    let mut names = vec![format!("{channel}.{account}"), channel.clone()];
    if !inbox.is_empty() {
        names.insert(0, format!("{channel}.{account}.{inbox}"));
    }
    names
}

/// Writes a part of a key as it stands in a file's name.
fn name(part: &str) -> String {
    part.chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || "-_".contains(letter) { letter } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_secs(seconds)
    }

    fn offer(book: &Book, slot: Slot, read: Read) -> Result<bool, &'static str> {
        let shrinks = slot != Slot::Document;
        book.offer(&slot, ("here", &read), shrinks, at(100)).map_err(|trouble| trouble.kind)
    }

    #[test]
    fn the_most_particular_good_text_is_used() {
        let book = Book::default();
        let text = |key: &ConversationKey, inbox: &str| book.text(key, inbox).to_string();
        let jane = ConversationKey::new("chatwoot", 1, 57);
        assert_eq!(text(&jane, "5"), SHIPPED_INSTRUCTIONS.trim());
        for (slot, words) in [
            (Slot::Shared, "shared"),
            (Slot::PromptFile, "prompt file"),
            (Slot::Document, "document"),
            (Slot::Tenant("chatwoot".into()), "channel"),
            (Slot::Tenant("chatwoot.1".into()), "account"),
            (Slot::Tenant("chatwoot.1.5".into()), "inbox"),
        ] {
            assert_eq!(offer(&book, slot, Ok(words.to_owned())), Ok(true));
            assert_eq!(text(&jane, "5"), words);
        }
        assert_eq!(text(&jane, "6"), "account");
        assert_eq!(text(&ConversationKey::new("chatwoot", 2, 57), ""), "channel");
        assert_eq!(text(&ConversationKey::new("web", "local", 1), "1"), "document");
        book.remove(&Slot::Tenant("chatwoot.1.5".into()));
        assert_eq!(text(&jane, "5"), "account");
    }

    #[test]
    fn a_key_cannot_name_a_file_elsewhere() {
        let key = ConversationKey::new("web", "../..", "x");
        assert_eq!(tenants(&key, "a/b"), ["web._____.a_b", "web._____", "web"]);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_and_the_text_before_it_stays() {
        let book = Book::default();
        let good = "a".repeat(100);
        assert_eq!(offer(&book, Slot::Document, Ok(format!("\u{feff}{good}\n"))), Ok(true));
        for (read, why) in [
            (Ok(" \n".to_owned()), "empty"),
            (Ok("b".repeat(49)), "shrunken"),
            (Ok("b".repeat(MAX_INSTRUCTIONS + 1)), "too_long"),
            (Err("it is away".to_owned()), "unreadable"),
        ] {
            assert_eq!(offer(&book, Slot::Document, read), Err(why));
            assert_eq!(book.last_good(&Slot::Document).as_deref(), Some(good.as_str()));
        }
        let shown = book.shown(at(160));
        assert_eq!((shown[0].source, shown[0].in_force, shown[0].age_seconds), ("document", true, Some(60)));
        assert_eq!(shown[0].trouble.as_ref().map(|trouble| trouble.kind), Some("unreadable"));
        assert_eq!((shown[1].source, shown[1].in_force), ("shipped", false));
        assert_eq!(offer(&book, Slot::Document, Ok("b".repeat(50))), Ok(true), "half of it may go");
        assert!(book.shown(at(160))[0].trouble.is_none());
        let shrunken = Ok("c".to_owned());
        assert!(book.offer(&Slot::Document, ("here", &shrunken), true, at(1)).unwrap(), "an operator said so");
    }

    #[test]
    fn a_refusal_that_goes_on_keeps_its_beginning() {
        let book = Book::default();
        let read = Err("it is away".to_owned());
        let first = book.offer(&Slot::Document, ("here", &read), false, at(1)).unwrap_err();
        let second = book.offer(&Slot::Document, ("here", &read), false, at(9)).unwrap_err();
        assert_eq!((first.since, second.since), (at(1), at(1)));
    }
}
