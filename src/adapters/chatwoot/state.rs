//! Chatwoot's view of a conversation in the engine's words: status, assignee, version.

use super::lenient::{Object, Scalar};
use super::wire::{Change, Meta, Party, Payload, Step};
use super::{BotId, moment};
use frontdesk_actors::domain::{Assignee, ConversationState, Status};

/// Reads the state; `None` unless the status is known and there is a version to order it by.
pub(super) fn read(
    status: &Scalar<'_>,
    meta: &Object<Meta<'_>>,
    updated_at: &Scalar<'_>,
    bot: &BotId,
) -> Option<ConversationState> {
    let status = self::status(status)?;
    let assignee = meta.get().map_or(Assignee::Nobody, |meta| assignee(meta, bot));
    Some(ConversationState { status, assignee, version: moment::micros(updated_at)? })
}

/// Reads how a conversation was before the change of status that `conversation_updated` tells; `None` if it tells of none. The times of
/// changed columns are cut off at milliseconds, so that its version is a little older than the one it really had.
pub(super) fn before(payload: &Payload<'_>, bot: &BotId) -> Option<ConversationState> {
    let status = status(&previous(payload, |change| &change.status)?.previous_value)?;
    let changed = moment::read(&previous(payload, |change| &change.updated_at)?.previous_value)?;
    let millis = u64::try_from(changed.as_millis()).ok()?;
    let person = previous(payload, |change| &change.assignee_id);
    let agent_bot = previous(payload, |change| &change.assignee_agent_bot_id);
    let assignee = match (person.map(|step| step.previous_value.id()), agent_bot.map(|step| step.previous_value.id())) {
        (None, None) => payload.meta.get().map_or(Assignee::Nobody, |meta| assignee(meta, bot)),
        (Some(Some(person)), _) => Assignee::Person(person.to_string()),
        (_, Some(Some(other))) if bot.get().is_some_and(|ours| ours != other) => Assignee::OtherBot(other.to_string()),
        (_, Some(Some(_))) => Assignee::Us,
        (_, _) => Assignee::Nobody,
    };
    Some(ConversationState { status, assignee, version: millis.checked_mul(1000)? })
}

/// Returns how a column changed, if it did.
fn previous<'a, 'b>(
    payload: &'b Payload<'a>,
    column: fn(&'b Change<'a>) -> &'b Object<Step<'a>>,
) -> Option<&'b Step<'a>> {
    payload.changed_attributes.items().iter().find_map(|change| column(change).get())
}

fn status(status: &Scalar<'_>) -> Option<Status> {
    Some(match status.text()? {
        "pending" => Status::Pending,
        "open" => Status::Open,
        "resolved" => Status::Resolved,
        "snoozed" => Status::Snoozed,
        _ => return None,
    })
}

/// Reads who is assigned. `assignee_type` exists since 4.8; before, only people could be assigned and the assignee's own
/// `type` says so where it is rendered. Whoever cannot be told apart is taken for a person: silence is the safe mistake.
fn assignee(meta: &Meta<'_>, bot: &BotId) -> Assignee {
    let Some(party) = meta.assignee.get() else { return Assignee::Nobody };
    let kind = meta.assignee_type.filled().or_else(|| party.kind.filled());
    match kind {
        Some("AgentBot" | "agent_bot") => agent_bot(party, bot),
        Some("User" | "user") | None => Assignee::Person(printed(party)),
        Some(_) => Assignee::OtherBot(printed(party)),
    }
}

/// Tells our bot from another. As long as our own id is unknown, an assigned bot is taken for us.
fn agent_bot(party: &Party<'_>, bot: &BotId) -> Assignee {
    match (bot.get(), party.id.id()) {
        (Some(ours), Some(assigned)) if ours != assigned => Assignee::OtherBot(printed(party)),
        (_, _) => Assignee::Us,
    }
}

fn printed(party: &Party<'_>) -> String {
    party.id.id().map(|id| id.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(meta: &str, bot: Option<u64>, expected: Assignee) {
        let meta: Object<Meta<'_>> = serde_json::from_str(meta).unwrap();
        let (status, version) = (Scalar::Text("open".into()), Scalar::Real(1.5));
        let state = read(&status, &meta, &version, &BotId::new(bot)).unwrap();
        assert_eq!(state.assignee, expected, "{meta:?}");
        assert_eq!((state.status, state.version), (Status::Open, 1_500_000));
    }

    #[test]
    fn assignees_of_every_version_are_told_apart() {
        let person = || Assignee::Person("5".to_owned());
        let other = || Assignee::OtherBot("7".to_owned());
        check("null", None, Assignee::Nobody);
        check(r#"{"assignee":null,"assignee_type":"User"}"#, None, Assignee::Nobody);
        check(r#"{"assignee":{"id":5},"assignee_type":"User"}"#, None, person());
        check(r#"{"assignee":{"id":5,"type":"user"}}"#, None, person());
        check(r#"{"assignee":{"id":5}}"#, None, person());
        check(r#"{"assignee":{"id":7},"assignee_type":"AgentBot"}"#, None, Assignee::Us);
        check(r#"{"assignee":{"id":7},"assignee_type":"AgentBot"}"#, Some(7), Assignee::Us);
        check(r#"{"assignee":{"id":7},"assignee_type":"AgentBot"}"#, Some(8), other());
        check(r#"{"assignee":{"id":7,"type":"agent_bot"},"assignee_type":null}"#, Some(8), other());
        check(r#"{"assignee":{"id":7},"assignee_type":"Captain::Assistant"}"#, Some(7), other());
    }

    #[test]
    fn without_status_or_version_there_is_no_state() {
        let (odd, open, none) = (Scalar::Text("odd".into()), Scalar::Text("open".into()), Scalar::Nothing);
        let bot = BotId::default();
        assert_eq!(read(&odd, &Object::Absent, &Scalar::Real(1.0), &bot), None);
        assert_eq!(read(&open, &Object::Absent, &none, &bot), None);
    }
}
