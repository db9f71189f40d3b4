//! From settings to the engine's rules.

use crate::adapters::budget::NodeBudget;
use crate::adapters::web;
use crate::config::Config;
use crate::language::{Listener, Locales};
use frontdesk_actors::engine::{GateSettings, MailCaps, NoBudget, Settings};
use frontdesk_actors::flow::Policy;
use frontdesk_actors::flow::policy::{ChannelPolicy, GatePolicy, HandoffPolicy, OutboxPolicy, TurnPolicy};
use frontdesk_actors::ids::Node;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

/// How many calls of its own the page's channel may run at once: they only go to the store.
const WEB_WIDTH: usize = 256;

pub(super) fn settings(config: &Config, phrases: Arc<Locales>, boot: u64) -> Result<Settings, String> {
    let node = Node { name: config.store.node_name().into(), boot };
    let limits = &config.limits;
    let mut settings = Settings::new(node, policy(config, phrases)?);
    settings.memory_ttl = config.model.memory_ttl;
    settings.passivate_after = limits.passivate_after;
    settings.mailbox = limits.waiting_per_conversation;
    settings.mailboxes = limits.waiting;
    settings.mail_caps = MailCaps {
        address_hour: config.gate.mails_per_address_hour,
        address_day: config.gate.mails_per_address_day,
        contact_day: config.gate.mails_per_contact_day,
        inbox_hour: config.gate.mails_per_inbox_hour,
    };
    let gate = |width, limit, window| GateSettings { width, budget: Arc::new(NodeBudget::new(limit, window)) };
    settings.gates = BTreeMap::from([
        ("chatwoot".to_owned(), gate(limits.chatwoot_width, limits.chatwoot_per_minute, MINUTE)),
        ("model".to_owned(), gate(limits.openai_width, limits.openai_per_minute, MINUTE)),
        ("mail".to_owned(), gate(limits.smtp_width, limits.smtp_per_minute, MINUTE)),
        ("cards".to_owned(), gate(2, limits.teams_per_second.saturating_mul(60), MINUTE)),
        ("web".to_owned(), GateSettings { width: WEB_WIDTH, budget: Arc::new(NoBudget) }),
    ]);
    Ok(settings)
}

fn policy(config: &Config, phrases: Arc<Locales>) -> Result<Policy, String> {
    let desk = &config.desk;
    let chatwoot = ChannelPolicy {
        gate: config.gate.enabled,
        debounce_quiet: desk.debounce_quiet,
        debounce_max: desk.debounce_max,
        max_text: config.chatwoot.max_text,
        human_idle: None,
        answer_open_unassigned: config.chatwoot.answer_open_unassigned,
    };
    let page = ChannelPolicy {
        gate: config.gate.enabled && config.web.gate,
        max_text: web::MAX_TEXT,
        human_idle: desk.human_idle,
        answer_open_unassigned: false,
        ..chatwoot
    };
    Ok(Policy {
        channels: BTreeMap::from([("chatwoot".to_owned(), chatwoot), ("web".to_owned(), page)]),
        analyzer: Arc::new(listener(config)?),
        phrases,
        default_lang: desk.default_locale,
        desk_lang: desk.locale,
        memory_messages: config.model.memory_messages,
        gate: GatePolicy {
            challenge_ttl: config.gate.link_ttl,
            resend_cooldown: config.gate.resend_cooldown,
            resends: config.gate.resends,
            wrong_codes: config.gate.wrong_codes,
            mail_tries: config.gate.mail_tries,
        },
        turn: TurnPolicy {
            max_retries: config.model.max_retries,
            deadline: config.model.turn_deadline,
            call_timeout: config.model.call_timeout,
            ..TurnPolicy::default()
        },
        handoff: HandoffPolicy {
            label: desk.handoff_label.clone(),
            priority: desk.handoff_priority.clone(),
            team: desk.handoff_team,
        },
        outbox: OutboxPolicy { settle: config.chatwoot.settle_time, ..OutboxPolicy::default() },
    })
}

fn listener(config: &Config) -> Result<Listener, String> {
    Listener::load(config.desk.person_words.as_deref()).map_err(|error| super::store::with_causes(&error))
}
