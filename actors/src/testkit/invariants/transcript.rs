//! What every test that runs an engine ends with: the transcript of its channel and the views at rest.

use crate::engine::{PhaseName, View};
use crate::ids::OutboundId;
use crate::testkit::{ScriptedChannel, ScriptedModel};
use std::collections::{BTreeMap, BTreeSet};

/// Checks what the vendor saw: at most one landed copy per row, rows in order within a conversation, and nobody talked
/// over.
///
/// # Panics
/// If one of these does not hold.
pub fn check_transcript(channel: &ScriptedChannel) {
    for key in channel.keys() {
        let landed = channel.landed(&key);
        let ids: BTreeSet<&OutboundId> = landed.iter().map(|(id, _)| id).collect();
        assert_eq!(ids.len(), landed.len(), "{key}: a row landed twice: {landed:?}");
        let mut last: BTreeMap<&str, u64> = BTreeMap::new();
        for (id, _) in &landed {
            let Some((epoch, seq)) = id.0.split_once('-') else { continue };
            let seq: u64 = seq.parse().unwrap_or_default();
            let before = last.insert(epoch, seq);
            assert!(before.is_none_or(|before| before < seq), "{key}: rows landed out of order: {landed:?}");
        }
    }
    assert_eq!(channel.talked_over(), [], "texts were begun after a person had it");
}

/// Checks the conversations at rest: memory within its limit, no model call before verification where there is a gate, and
/// every acknowledged customer message answered, in a person's hands, or answered at the gate.
///
/// # Panics
/// If one of these does not hold.
pub fn check_views(views: &[View], channel: &ScriptedChannel, model: &ScriptedModel, gate: bool, limit: usize) {
    for view in views {
        let key = &view.key;
        assert!(view.memory.len() <= limit, "{key}: {} messages are remembered", view.memory.len());
        let asked = model.prompts().iter().any(|prompt| prompt.key == *key);
        assert!(!(gate && asked) || view.verified.is_some(), "{key}: the model was asked before verification");
        let open = view.outbox.iter().filter(|row| row.state != "held").count();
        assert_eq!(open, 0, "{key}: rows never left: {:?}", view.outbox);
        let spoke = || !channel.landed(key).is_empty() || view.outbox.iter().any(|row| row.state == "held");
        match view.phase {
            PhaseName::Human => {}
            PhaseName::Bot => assert_eq!(view.owed, 0, "{key}: a customer was never answered"),
            PhaseName::AwaitingEmail | PhaseName::PendingVerification => {
                assert!(view.memory.is_empty() || spoke(), "{key}: a customer was left without a word at the gate");
            }
        }
    }
}
