//! A token without waiting. A send has just been asked whether it is still wanted, and by the time that a new pair of
//! tokens has come a colleague may have written: so no send waits for one. It is told to come again, and asked once more.

use super::{Access, AccessError, Pair, Ways};
use frontdesk_actors::ports::Verdict;
use frontdesk_actors::time::Timestamp;
use secrecy::SecretString;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

/// How long before its end a token is not used any more.
const LAST: Duration = Duration::from_secs(5);

/// When a send comes again while a token is being fetched: soon, and less often the longer that takes.
const SOON: Duration = Duration::from_secs(1);
const LATER: Duration = Duration::from_secs(5);

/// For how long a refusal of the connection itself is told without asking again.
const REFUSED: Duration = Duration::from_secs(30);

/// How long after the vendor refused a token the next one may be refused on the same grounds: then it is not the token.
const SUSPECTED: Duration = Duration::from_secs(600);

/// A token that may be used at once, and the number of its pair; none of the operator's own.
#[derive(Clone)]
pub(in crate::adapters::kommo) struct Held {
    pub(in crate::adapters::kommo) token: SecretString,
    number: Option<u64>,
}

/// What goes on about the next token.
#[derive(Default)]
pub(super) struct Fetching {
    /// Since when somebody fetches one.
    since: Option<Timestamp>,
    /// Why nobody could, and when; until it was told.
    failed: Option<(Verdict, Timestamp)>,
    /// The number of the pair that the vendor refused, and when, until another was seen to work.
    refused: Option<(u64, Timestamp)>,
}

impl Access {
    /// Reads a stored pair ahead of its first use; without one, or without the store, the first send finds that out.
    pub fn prepare(&self) {
        if self.0.fixed.is_some() || self.0.integration.is_none() {
            return;
        }
        let ways = Arc::clone(&self.0);
        tokio::spawn(async move {
            if let Err(error) = ways.load().await {
                tracing::debug!(error = %error, "the tokens of Kommo are not read yet");
            }
        });
    }

    /// Returns a token that is good at this moment. It waits for nothing: where none is known, one is fetched meanwhile.
    ///
    /// # Errors
    /// The verdict on a send that cannot leave now; nothing was written.
    pub(in crate::adapters::kommo) fn at_hand(&self) -> Result<Held, Verdict> {
        if let Some(token) = &self.0.fixed {
            return Ok(Held { token: token.clone(), number: None });
        }
        let (now, refused) = (self.0.clock.now(), self.0.fetching().refused);
        let usable = |pair: &Pair| now + LAST < pair.expires && refused.is_none_or(|(number, _)| number != pair.number);
        let Some(pair) = self.0.remembered().filter(usable) else {
            return Err(self.0.fetch(refused.map(|(number, _)| number)));
        };
        if !self.0.is_good(&pair) {
            // Its end is near; it serves until the next is there.
            self.0.fetch(None);
        }
        Ok(Held { token: pair.access.into(), number: Some(pair.number) })
    }

    /// Learns from the vendor's answer to a token. Returns the verdict on the send if another token is worth a try, which is
    /// not the case where the one that came instead of a refused one is refused as well.
    pub(in crate::adapters::kommo) fn answered(&self, held: &Held, accepted: bool) -> Option<Verdict> {
        let number = held.number?;
        let now = self.0.clock.now();
        let mut fetching = self.0.fetching();
        let suspect = fetching.refused.filter(|(before, at)| *before < number && now.since(*at) < SUSPECTED);
        if accepted {
            if suspect.is_some() {
                fetching.refused = None;
            }
            return None;
        }
        if suspect.is_some() {
            return None;
        }
        // A send that was under way may bring the refusal of a token that has been replaced since.
        if fetching.refused.is_none_or(|(before, _)| before <= number) {
            fetching.refused = Some((number, now));
        }
        drop(fetching);
        match self.at_hand() {
            Ok(_) => Some(come_again(SOON)),
            Err(verdict) => Some(verdict),
        }
    }
}

impl Ways {
    fn fetching(&self) -> MutexGuard<'_, Fetching> {
        self.fetching.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a token fetched, unless that is being done, and returns what to tell whoever wants one. `refused` is the number of
    /// a pair that will not do.
    fn fetch(self: &Arc<Self>, refused: Option<u64>) -> Verdict {
        let now = self.clock.now();
        let mut fetching = self.fetching();
        if let Some(since) = fetching.since {
            return come_again(now.since(since).clamp(SOON, LATER));
        }
        if let Some((verdict, at)) = fetching.failed.take() {
            if matches!(verdict, Verdict::AccountFault { .. }) && now.since(at) < REFUSED {
                fetching.failed = Some((verdict.clone(), at));
            }
            return verdict;
        }
        fetching.since = Some(now);
        drop(fetching);
        let turn = Turn(Arc::clone(self));
        tokio::spawn(async move {
            if let Err(error) = turn.0.obtain(refused).await {
                turn.0.fetching().failed = Some((error.verdict(), turn.0.clock.now()));
            }
        });
        come_again(SOON)
    }

    async fn obtain(self: &Arc<Self>, refused: Option<u64>) -> Result<(), AccessError> {
        let pair = self.load().await?.ok_or(AccessError::NotConnected)?;
        if refused == Some(pair.number) || !self.is_good(&pair) {
            self.renew(pair).await?;
        }
        Ok(())
    }
}

/// One fetch. It ends when this is dropped, however it ends.
struct Turn(Arc<Ways>);

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.fetching().since = None;
    }
}

fn come_again(pause: Duration) -> Verdict {
    Verdict::Transient { retry_after: Some(pause), why: "Kommo's token is being renewed".to_owned() }
}
