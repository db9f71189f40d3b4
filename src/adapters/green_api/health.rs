//! What concerns the instance itself and no conversation: whether it is authorised, and whether its plan is used up.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

/// How many chats that the plan has refused are remembered.
const MOST_REFUSED: usize = 100;

/// News of the instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// Its state.
    State(InstanceState),
    /// Its plan is used up.
    QuotaUsed,
    /// Something was sent again: its plan is not used up any more.
    QuotaLeft,
}

/// The state of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InstanceState {
    /// It sends and receives.
    Authorized,
    /// It will in a moment: it is starting, or the phone sleeps.
    Starting,
    /// Nobody has scanned its QR code, or somebody logged it out on the phone.
    NotAuthorized,
    /// WhatsApp has banned the number.
    Blocked,
    /// WhatsApp lets the number answer, but not begin conversations, for a while.
    Suspended,
    /// A state that this version does not know.
    Unknown,
}

impl InstanceState {
    /// Reads the vendor's word. It called `suspended` `yellowCard` until July 2026.
    pub fn read(word: &str) -> Self {
        match word {
            "authorized" => Self::Authorized,
            "starting" | "sleepMode" => Self::Starting,
            "notAuthorized" => Self::NotAuthorized,
            "blocked" => Self::Blocked,
            "suspended" | "yellowCard" => Self::Suspended,
            _ => Self::Unknown,
        }
    }

    /// Returns the name for operators.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Authorized => "authorized",
            Self::Starting => "starting",
            Self::NotAuthorized => "notAuthorized",
            Self::Blocked => "blocked",
            Self::Suspended => "suspended",
            Self::Unknown => "unknown",
        }
    }

    /// Returns whether nothing can be sent, also no answers.
    const fn cannot_send(self) -> bool {
        match self {
            Self::NotAuthorized | Self::Blocked => true,
            Self::Authorized | Self::Starting | Self::Suspended | Self::Unknown => false,
        }
    }

    /// Returns whether operators must act (`true`) or all is well (`false`); `None` where the state settles nothing.
    pub const fn is_trouble(self) -> Option<bool> {
        match self {
            Self::Authorized => Some(false),
            Self::NotAuthorized | Self::Blocked | Self::Suspended => Some(true),
            Self::Starting | Self::Unknown => None,
        }
    }
}

type Hearer = Box<dyn Fn(Health) + Send + Sync>;

/// Where news of the instance go. Connected once, when there is somebody to tell. What they say of sending is remembered.
#[derive(Clone, Default)]
pub struct HealthPost(Arc<Post>);

#[derive(Default)]
struct Post {
    hearer: OnceLock<Hearer>,
    logged_out: AtomicBool,
    /// The chats to which nothing could be sent, while the plan is used up.
    refused: Mutex<Option<BTreeSet<String>>>,
}

impl fmt::Debug for HealthPost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthPost").field("connected", &self.0.hearer.get().is_some()).finish()
    }
}

impl HealthPost {
    /// Connects whoever hears the news; only the first one counts.
    pub fn connect(&self, hearer: impl Fn(Health) + Send + Sync + 'static) {
        // A second hearer would be a second daemon in one process.
        let _ = self.0.hearer.set(Box::new(hearer));
    }

    /// Tells.
    pub fn tell(&self, health: Health) {
        match health {
            Health::State(state) => self.0.logged_out.store(state.cannot_send(), Ordering::Relaxed),
            Health::QuotaUsed => {
                self.refused_chats().get_or_insert_default();
            }
            Health::QuotaLeft => *self.refused_chats() = None,
        }
        if let Some(hear) = self.0.hearer.get() {
            hear(health);
        }
    }

    /// The plan, which is used up, does not allow to write to this chat.
    pub(super) fn refused(&self, chat: &str) {
        let mut refused = self.refused_chats();
        let chats = refused.get_or_insert_default();
        if chats.len() < MOST_REFUSED {
            chats.insert(chat.to_owned());
        }
    }

    /// Something was sent to a chat. Where the plan was used up and this shows that it is not any more, that is told: some
    /// plans count the chats, and let the known ones go on.
    pub(super) fn sent(&self, chat: &str) {
        let shows = self.refused_chats().as_ref().is_some_and(|chats| chats.is_empty() || chats.contains(chat));
        if shows {
            self.tell(Health::QuotaLeft);
        }
    }

    fn refused_chats(&self) -> MutexGuard<'_, Option<BTreeSet<String>>> {
        self.0.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the last news were that nothing can be sent.
    pub(super) fn is_logged_out(&self) -> bool {
        self.0.logged_out.load(Ordering::Relaxed)
    }

    /// Forgets the last news of sending.
    pub(super) fn forget(&self) {
        self.0.logged_out.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_used_up_until_whoever_was_refused_is_reached() {
        let (post, told) = (HealthPost::default(), Arc::new(Mutex::new(Vec::new())));
        let heard = told.clone();
        post.connect(move |health| heard.lock().unwrap().push(health));
        post.sent("a@c.us");
        assert!(told.lock().unwrap().is_empty(), "nothing was wrong");
        post.tell(Health::QuotaUsed);
        post.refused("b@c.us");
        post.sent("a@c.us");
        assert_eq!(*told.lock().unwrap(), [Health::QuotaUsed], "the plan may let known chats go on");
        post.sent("b@c.us");
        post.sent("b@c.us");
        assert_eq!(*told.lock().unwrap(), [Health::QuotaUsed, Health::QuotaLeft]);
        // Its webhook names no chat.
        post.tell(Health::QuotaUsed);
        post.sent("a@c.us");
        assert_eq!(told.lock().unwrap()[2..], [Health::QuotaUsed, Health::QuotaLeft]);
    }
}
