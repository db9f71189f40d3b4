//! From settings to the engine's rules.

use super::advice::advice;
use crate::adapters::budget::{NodeBudget, SharedBudget};
use crate::adapters::{green_api, kommo, web};
use crate::config::{Config, Reclaim, Scope};
use crate::language::{Listener, Locales};
use frontdesk_actors::engine::{GateSettings, MailCaps, NoBudget, Settings};
use frontdesk_actors::flow::Policy;
use frontdesk_actors::flow::policy::{
    AwayPolicy, ChannelPolicy, GatePolicy, HandoffPolicy, OutboxPolicy, TurnPolicy, VoicePolicy,
};
use frontdesk_actors::ids::Node;
use frontdesk_actors::ports::{Budget, Store};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

const SECOND: Duration = Duration::from_secs(1);

/// How many calls to Kommo may run at once: more would wait for their second anyway.
const KOMMO_WIDTH: usize = 8;

/// How many calls of its own the page's channel may run at once: they only go to the store.
const WEB_WIDTH: usize = 256;

pub(super) fn settings(
    config: &Config,
    phrases: Arc<Locales>,
    boot: u64,
    store: &Arc<dyn Store>,
) -> Result<Settings, String> {
    let node = Node { name: config.store.node_name().into(), boot };
    let limits = &config.limits;
    let mut settings = Settings::new(node, policy(config, phrases)?);
    settings.advice = advice;
    settings.catch_up = config.chatwoot.catch_up;
    settings.memory_ttl = config.model.memory_ttl;
    settings.passivate_after = limits.passivate_after;
    settings.mailbox = limits.waiting_per_conversation;
    settings.mailboxes = limits.waiting;
    settings.mail_caps =
        MailCaps { contact_day: config.gate.mails_per_contact_day, inbox_hour: config.gate.mails_per_inbox_hour };
    let gate = |name: &str, scope: Scope, width: usize, limit: u32| {
        let budget: Arc<dyn Budget> = match scope {
            Scope::Cluster if config.store.redis_url.is_some() => {
                Arc::new(SharedBudget::new(store.clone(), name, limit, MINUTE))
            }
            Scope::Cluster | Scope::Node => Arc::new(NodeBudget::new(limit, MINUTE)),
        };
        (name.to_owned(), GateSettings { width, budget })
    };
    let per_second = |name: &str, limit: u32| {
        let budget: Arc<dyn Budget> = match config.store.redis_url {
            Some(_) => Arc::new(SharedBudget::new(store.clone(), name, limit, SECOND)),
            None => Arc::new(NodeBudget::new(limit, SECOND)),
        };
        (name.to_owned(), GateSettings { width: KOMMO_WIDTH, budget })
    };
    let cards = limits.teams_per_second.saturating_mul(60);
    settings.gates = BTreeMap::from([
        gate("chatwoot", limits.chatwoot_scope, limits.chatwoot_width, limits.chatwoot_per_minute),
        gate(green_api::CHANNEL, Scope::Cluster, config.green_api.width, config.green_api.rate_per_minute),
        per_second("kommo", limits.kommo_per_second),
        gate("model", limits.openai_scope, limits.openai_width, limits.openai_per_minute),
        gate("transcription", limits.transcription_scope, limits.transcription_width, limits.transcription_per_minute),
        gate("mail", limits.smtp_scope, limits.smtp_width, limits.smtp_per_minute),
        gate("cards", limits.teams_scope, 2, cards),
        ("web".to_owned(), GateSettings { width: WEB_WIDTH, budget: Arc::new(NoBudget) }),
    ]);
    Ok(settings)
}

/// Returns the rules of each channel, served or not.
fn channels(config: &Config) -> BTreeMap<String, ChannelPolicy> {
    let desk = &config.desk;
    let chatwoot = ChannelPolicy {
        gate: config.gate.enabled,
        debounce_quiet: desk.debounce_quiet,
        debounce_max: desk.debounce_max,
        max_text: config.chatwoot.max_text,
        human_idle: None,
        answer_open_unassigned: config.chatwoot.answer_open_unassigned,
        shadow: config.chatwoot_shadow(),
        // It assigns what is opened to whose turn it is, at once.
        assigned_by_rule: Some(Duration::from_secs(10)),
        settle: None,
    };
    let whatsapp = ChannelPolicy {
        gate: config.gate.enabled && config.green_api.gate,
        max_text: config.green_api.max_text,
        human_idle: config.green_api.human_idle,
        // WhatsApp knows no status: every chat is open and nobody's, and so the desk's until a person writes.
        answer_open_unassigned: true,
        shadow: config.web_shadow(),
        assigned_by_rule: None,
        settle: Some(config.green_api.settle_time),
        ..chatwoot
    };
    let page = ChannelPolicy {
        gate: config.gate.enabled && config.web.gate,
        max_text: web::MAX_TEXT,
        human_idle: desk.human_idle,
        answer_open_unassigned: false,
        assigned_by_rule: None,
        shadow: config.web_shadow(),
        ..chatwoot
    };
    let chats = ChannelPolicy {
        gate: config.gate.enabled && config.kommo.gate,
        max_text: kommo::MAX_TEXT,
        human_idle: config.kommo.human_idle,
        answer_open_unassigned: false,
        shadow: config.kommo_shadow(),
        ..page
    };
    let rules = [("chatwoot", chatwoot), (green_api::CHANNEL, whatsapp), (kommo::CHANNEL, chats), (web::NAME, page)];
    rules.into_iter().map(|(name, rules)| (name.to_owned(), rules)).collect()
}

fn policy(config: &Config, phrases: Arc<Locales>) -> Result<Policy, String> {
    let desk = &config.desk;
    Ok(Policy {
        channels: channels(config),
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
            mail_retry_pause: config.gate.mail_retry_pause,
            address_hour: config.gate.mails_per_address_hour,
            address_day: config.gate.mails_per_address_day,
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
            pickup_after: desk.pickup_after,
            pickup_handback: desk.pickup_handback,
        },
        outbox: OutboxPolicy {
            settle: config.chatwoot.settle_time,
            apology: desk.answer_apology_after,
            stale: desk.answer_stale_after,
            ..OutboxPolicy::default()
        },
        voice: config.transcription.is_on().then(|| voice(config)),
        away: AwayPolicy { reclaim: config.chatwoot.reclaim == Reclaim::Auto, ..AwayPolicy::default() },
    })
}

fn voice(config: &Config) -> VoicePolicy {
    let section = &config.transcription;
    VoicePolicy { deadline: section.deadline, call_timeout: section.call_timeout, ..VoicePolicy::default() }
}

fn listener(config: &Config) -> Result<Listener, String> {
    Listener::load(config.desk.person_words.as_deref()).map_err(|error| super::store::with_causes(&error))
}
