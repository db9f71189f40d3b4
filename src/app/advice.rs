//! What operators are told to do about each incident: the engine knows that something is wrong, and this daemon's settings and
//! commands are what it is mended with. The runbook says more (`docs/runbook.md`).

use frontdesk_actors::flow::Incident;

/// Returns what an operator should do, in one sentence.
pub(super) const fn advice(incident: Incident) -> &'static str {
    match incident {
        Incident::ModelUnauthorized => "The model provider refuses our key: check OPENAI_API_KEY.",
        Incident::ModelNotFound => "The model does not exist for this key: check OPENAI_MODEL.",
        Incident::ModelQuota => "The model account has no credit left: add credit or raise its limit.",
        Incident::TranscriberRefused => {
            "Voice messages are not understood, people get them: check TRANSCRIPTION_BASE_URL, TRANSCRIPTION_API_KEY, TRANSCRIPTION_MODEL and the account's credit."
        }
        Incident::AccountFault => "A vendor refuses our account; its sends are paused: see the log for which and why.",
        Incident::RowHeld => {
            "It is unknown whether a message reached a customer: look at the conversation and decide (frontdesk outbox)."
        }
        Incident::RowRejected => "A vendor refused a message to a customer for good: see the log for why.",
        Incident::MailRefused => {
            "The mail server refuses our verification mails for what they are (spam policy, sender, size), so no customer passes the gate: see the log for its code, then check SENDER_EMAIL, SPF and DKIM."
        }
        Incident::OtherBot => "Another bot is assigned to conversations of this desk: disconnect one of them.",
        Incident::EventParked => {
            "An event could not be taken and is kept: it made its conversation fail twice, and a person was fetched, or nobody can read it, and nobody was: see which (frontdesk chats quarantined), report the log, then requeue it (frontdesk chats requeue)."
        }
        Incident::Quarantined => {
            "A conversation's record cannot be read, or it keeps failing; people have it: see the log, then requeue it (frontdesk chats requeue)."
        }
        Incident::LookForbidden => {
            "The channel does not let the desk look at a conversation; interrupted work goes to people: set CHATWOOT_USER_TOKEN or update Chatwoot to 4.14.2."
        }
        Incident::NoBotConnected => {
            "Conversations start open, so the desk is silent: connect the agent bot to the inbox, or set ANSWER_OPEN_UNASSIGNED=true."
        }
        Incident::StoreUnavailable => "The store does not answer; webhooks are refused until it does.",
        Incident::OpenedByFailure => {
            "Conversations were opened because the desk was away: answer them, or let the desk take them back (RECLAIM=auto)."
        }
        Incident::ChannelDown => {
            "The account of a messenger channel is logged out, blocked or suspended; nothing is sent or received: see the log for which, then log in again at the vendor."
        }
        Incident::ChannelQuota => {
            "The account of a messenger channel has used up its plan; refused messages went to people: raise the plan at the vendor."
        }
    }
}
