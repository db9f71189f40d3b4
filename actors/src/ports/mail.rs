//! How verification mails leave. See `ports.rs`.

use super::Verdict;
use crate::domain::Lang;
use crate::ids::ContactKey;
use crate::ids::ConversationKey;
use crate::ids::OutboundId;
use crate::time::Timestamp;
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Sends verification mails.
#[async_trait]
pub trait Mailer: Send + Sync + fmt::Debug {
    /// Sends one mail; `id` becomes the local part of its Message-ID.
    async fn send(&self, mail: &VerificationMail, id: &OutboundId) -> Verdict;

    /// Returns whether the server refused the last mail for what it is or whom it comes from (spam policy, size), and not for
    /// its address: then no customer gets one, and operators are told.
    fn refuses_messages(&self) -> bool {
        false
    }
}

/// What a verification mail is made of. The adapter signs the link and renders the text.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerificationMail {
    /// The conversation it belongs to.
    pub key: ConversationKey,
    /// The customer, where known.
    pub contact: Option<ContactKey>,
    /// The address to be proven.
    pub address: String,
    /// The customer's language.
    pub lang: Lang,
    /// Names the challenge in the link.
    pub challenge: String,
    /// The six digits.
    pub code: String,
    /// When the challenge was made.
    pub issued: Timestamp,
    /// When link and code stop working.
    pub expires: Timestamp,
}

impl fmt::Debug for VerificationMail {
    /// Shows neither address nor code: they must not reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerificationMail").field("key", &self.key).field("lang", &self.lang).finish_non_exhaustive()
    }
}
