//! Where a round takes place: the town, one or two desks, and a proxy on every wire.

use crate::chaos::gate::Post;
use crate::chaos::lane::{Lane, Setup};
use crate::chaos::venue::Venue;
use crate::chaos::venue::chatwoot::Office;
use crate::chaos::venue::kommo::{self, Account};
use crate::chaos::venue::whatsapp::Instance;
use anyhow::{Context, Result};
use frontdesk_sandbox::chatwoot::{ChatwootDouble, Hook, Target};
use frontdesk_sandbox::daemon::Daemon;
use frontdesk_sandbox::dice::Chance;
use frontdesk_sandbox::green_api::{self, GreenDouble};
use frontdesk_sandbox::kommo::{CLIENT_ID, CLIENT_SECRET, KommoDouble, SUBDOMAIN};
use frontdesk_sandbox::link::Link;
use frontdesk_sandbox::model::ModelDouble;
use frontdesk_sandbox::redis::RedisServer;
use frontdesk_sandbox::teams::TeamsFlow;
use frontdesk_sandbox::town::{ACCOUNT_SECRET, ADMIN_TOKEN, BOT_SECRET, Town, Wiring};
use frontdesk_sandbox::voice::VoiceDouble;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

const BINARY: &str = env!("CARGO_BIN_EXE_frontdesk");

/// What GREEN-API's webhooks carry.
const GREEN_TOKEN: &str = "Bearer a-webhook-token-for-tests";

/// The wires between the parties.
#[derive(Debug)]
pub(crate) struct Wires {
    /// From the vendor to the desks: webhooks.
    pub(crate) hooks: Link,
    /// From the desks to the vendor's API.
    pub(crate) vendor: Link,
    /// From the desks to the model.
    pub(crate) model: Link,
    /// From the desks to Redis.
    pub(crate) store: Option<Link>,
    /// From the desks to the mail server.
    pub(crate) mail: Link,
    /// From the desks to the storage of recordings and to whoever transcribes them.
    pub(crate) voice: Option<Link>,
}

/// What the people of a round and its storm share.
#[derive(Debug)]
pub(crate) struct Square {
    pub(crate) venue: Arc<dyn Venue>,
    pub(crate) model: ModelDouble,
    pub(crate) teams: TeamsFlow,
    pub(crate) wires: Wires,
    /// The customers' mailboxes, where they must prove their address.
    pub(crate) post: Option<Post>,
}

/// What only the weather may touch while the round runs.
#[derive(Debug)]
pub(crate) struct Machines {
    pub(crate) desks: Vec<Daemon>,
    pub(crate) redis: Option<RedisServer>,
}

/// Settings that let a round be short; each is one that operators have too. Lost answers land within 2.4 s at most (the
/// storm's promise), so 5 s prove absence.
const SETTINGS: [(&str, &str); 18] = [
    ("GATE", "off"),
    ("DEBOUNCE_QUIET", "150ms"),
    ("SETTLE_TIME", "5s"),
    ("FRONTDESK__CHATWOOT__TIMEOUT", "1s"),
    ("FRONTDESK__CHATWOOT__MAX_TEXT", "1000"),
    ("AI_CALL_TIMEOUT", "2s"),
    ("AI_TURN_DEADLINE", "60s"),
    ("MAX_AI_RETRIES", "8"),
    ("CHATWOOT_RATE_PER_MINUTE", "600000"),
    ("CHATWOOT_WIDTH", "64"),
    ("OPENAI_RATE_PER_MINUTE", "600000"),
    ("FRONTDESK__LIMITS__TEAMS_PER_SECOND", "100"),
    ("FRONTDESK__LIMITS__PASSIVATE_AFTER", "5s"),
    ("FRONTDESK__TEAMS__TIMEOUT", "1s"),
    ("FRONTDESK__STORE__REDIS_TIMEOUT", "800ms"),
    ("FRONTDESK__LISTEN__LINGER", "300ms"),
    ("FRONTDESK__LISTEN__DRAIN", "3s"),
    ("NODE_ID", "desk-1"),
];

/// The settings of the lane with a gate. All customers come through one inbox here, and a mail that is refused is tried for
/// as long as a customer waits.
const GATED: [(&str, &str); 7] = [
    ("GATE", "on"),
    ("FRONTDESK__GATE__MAILS_PER_INBOX_HOUR", "100000"),
    ("FRONTDESK__GATE__MAIL_TRIES", "10"),
    ("FRONTDESK__GATE__MAIL_RETRY_PAUSE", "1s"),
    ("FRONTDESK__MAIL__TIMEOUT", "1s"),
    ("SMTP_RATE_PER_MINUTE", "60000"),
    ("SMTP_WIDTH", "16"),
];

/// The settings of the lane with WhatsApp.
const WHATSAPP: [(&str, &str); 12] = [
    ("GREEN_ID_INSTANCE", "7103000001"),
    ("GREEN_API_TOKEN", green_api::TOKEN),
    ("GREEN_WEBHOOK_TOKEN", GREEN_TOKEN),
    ("GREEN_SETTLE_TIME", "5s"),
    ("GREEN_RATE_PER_MINUTE", "3000"),
    ("GREEN_WIDTH", "64"),
    ("FRONTDESK__GREEN_API__TIMEOUT", "1s"),
    ("FRONTDESK__GREEN_API__MAX_TEXT", "1000"),
    ("TRANSCRIPTION_API_KEY", "sk-voice"),
    ("TRANSCRIPTION_MODEL", "whisper-test"),
    ("TRANSCRIPTION_RATE_PER_MINUTE", "600000"),
    ("FRONTDESK__TRANSCRIPTION__CALL_TIMEOUT", "2s"),
];

/// The settings of the lane with Kommo.
const KOMMO: [(&str, &str); 7] = [
    ("KOMMO_SUBDOMAIN", SUBDOMAIN),
    ("KOMMO_CLIENT_ID", CLIENT_ID),
    ("KOMMO_CLIENT_SECRET", CLIENT_SECRET),
    ("KOMMO_TOKEN", frontdesk_sandbox::kommo::TOKEN),
    ("KOMMO_WEBHOOK_SECRET", kommo::HOOK),
    ("KOMMO_RATE_PER_SECOND", "10000"),
    ("FRONTDESK__KOMMO__TIMEOUT", "1s"),
];

/// What a desk without Chatwoot does not know.
const OF_CHATWOOT: [&str; 5] = [
    "CHATWOOT_BASE_URL",
    "CHATWOOT_ACCOUNT_ID",
    "CHATWOOT_API_TOKEN",
    "CHATWOOT_USER_TOKEN",
    "CHATWOOT_WEBHOOK_SECRET",
];

/// A vendor that stands behind its wire, before anybody calls the desk.
enum Vendor {
    Chatwoot(ChatwootDouble),
    Green(GreenDouble, VoiceDouble),
    Kommo(KommoDouble),
}

/// Builds a place and starts its desks. `opens` says whether Chatwoot opens what its bot failed on, as it does by default.
pub(crate) async fn build(setup: Setup, chance: &Chance, opens: bool) -> Result<(Arc<Square>, Machines)> {
    let Town { chatwoot, model, smtp, teams, redis, mut daemon } =
        Town::build(BINARY, setup.backing(), Wiring::Full).await?;
    let gated: &[(&str, &str)] = if setup.lane == Lane::Gate { &GATED } else { &[] };
    for (name, value) in SETTINGS.iter().chain(gated) {
        daemon.set(name, value);
    }
    let mail = Link::open(vec![smtp.address()]).await?;
    daemon.set("SMTP_URL", smtp.url().replace(&smtp.address().to_string(), &mail.address().to_string()));
    let brain = Link::open(vec![address(model.base_url())?]).await?;
    daemon.set("OPENAI_BASE_URL", format!("http://{}/v1", brain.address()));
    let (vendor, wire, voice) = open_vendor(setup.lane, chatwoot, &mut daemon).await?;
    let store = match &redis {
        Some(server) => Some(Link::open(vec![SocketAddr::from(([127, 0, 0, 1], server.port()))]).await?),
        None => None,
    };
    if let Some(store) = &store {
        daemon.set("REDIS_URL", format!("redis://{}", store.address()));
    }
    let mut desks = vec![daemon];
    if setup.is_double() {
        let twin = desks[0].twin()?;
        desks.push(twin.with("NODE_ID", "desk-2"));
    }
    let hooks = Link::open(desks.iter().map(Daemon::address).collect()).await?;
    let dice = chance.clone();
    hooks.balance(Arc::new(move |desks| usize::try_from(dice.below(desks as u64)).unwrap_or(0)));
    let venue = connect(vendor, &hooks, voice.as_ref(), opens)?;
    for desk in &mut desks {
        desk.hold_socket()?;
        desk.start().await?;
    }
    let wires = Wires { hooks, vendor: wire, model: brain, store, mail, voice };
    let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(3)).build()?;
    let post = (setup.lane == Lane::Gate).then_some(Post { smtp, http });
    Ok((Arc::new(Square { venue, model, teams, wires, post }), Machines { desks, redis }))
}

/// Puts a lane's vendor behind its wire and tells the desk of it.
async fn open_vendor(
    lane: Lane,
    chatwoot: ChatwootDouble,
    daemon: &mut Daemon,
) -> Result<(Vendor, Link, Option<Link>)> {
    match lane {
        Lane::Redis | Lane::Embedded | Lane::TwoNodes | Lane::Gate => {
            let wire = Link::open(vec![address(chatwoot.base_url())?]).await?;
            daemon.set("CHATWOOT_BASE_URL", format!("http://{}", wire.address()));
            Ok((Vendor::Chatwoot(chatwoot), wire, None))
        }
        Lane::WhatsApp => {
            OF_CHATWOOT.iter().chain(["SMTP_URL", "SENDER_EMAIL"].iter()).for_each(|name| daemon.unset(name));
            WHATSAPP.iter().for_each(|(name, value)| daemon.set(name, value));
            let (repeat, pace, patience) =
                (Duration::from_millis(100), Duration::from_millis(10), Duration::from_millis(1_200));
            let options = green_api::Options { repeat, pace, patience, ..green_api::Options::default() };
            let (green, voice) = (GreenDouble::start(options).await?, VoiceDouble::start().await);
            let wire = Link::open(vec![address(green.base_url())?]).await?;
            daemon.set("GREEN_API_URL", format!("http://{}", wire.address()));
            let storage = Link::open(vec![voice.host().parse()?]).await?;
            daemon.set("TRANSCRIPTION_BASE_URL", format!("http://{}/v1", storage.address()));
            daemon.set("TRANSCRIPTION_HOSTS", storage.address());
            Ok((Vendor::Green(green, voice), wire, Some(storage)))
        }
        Lane::Kommo => {
            OF_CHATWOOT.iter().chain(["SMTP_URL", "SENDER_EMAIL"].iter()).for_each(|name| daemon.unset(name));
            KOMMO.iter().for_each(|(name, value)| daemon.set(name, value));
            let mut kommo = KommoDouble::start("http://nowhere.localhost").await?;
            let wire = Link::open(vec![address(&kommo.base_url())?]).await?;
            let shown_at = format!("http://{}", wire.address());
            daemon.set("KOMMO_BASE_URL", &shown_at);
            kommo.stands_behind(&shown_at);
            Ok((Vendor::Kommo(kommo), wire, None))
        }
    }
}

/// Lets the vendor call the desks.
fn connect(vendor: Vendor, hooks: &Link, voice: Option<&Link>, opens: bool) -> Result<Arc<dyn Venue>> {
    Ok(match vendor {
        Vendor::Chatwoot(chatwoot) => {
            let url = format!("http://{}/webhooks/chatwoot", hooks.address());
            let hook = |secret: &str| Some(Hook { url: url.clone(), secret: Some(secret.to_owned()) });
            chatwoot.deliver_to(Target::AgentBot, hook(BOT_SECRET));
            chatwoot.deliver_to(Target::Account, hook(ACCOUNT_SECRET));
            chatwoot.configure(|options| options.keep_pending_on_bot_failure = !opens);
            Arc::new(Office(Arc::new(chatwoot)))
        }
        Vendor::Green(green, transcriber) => {
            green.set_up(&format!("http://{}/webhooks/green-api", hooks.address()), GREEN_TOKEN);
            let storage = voice.map(|wire| wire.address().to_string()).unwrap_or_default();
            Arc::new(Instance::new(green, transcriber, storage))
        }
        Vendor::Kommo(mut kommo) => {
            kommo.calls_at(&format!("http://{}", hooks.address()));
            kommo.deliver_to(kommo::HOOK);
            Arc::new(Account::new(kommo, hooks.address())?)
        }
    })
}

fn address(url: &str) -> Result<SocketAddr> {
    let host = url.trim_start_matches("http://").split('/').next().unwrap_or_default();
    host.parse().with_context(|| format!("{url} has no address"))
}

/// Returns what the desks show of a conversation: the newest version that any of them has in memory or finds in the store.
pub(crate) async fn view(desks: &[Daemon], key: &str) -> Result<Value> {
    let mut newest = Value::Null;
    for desk in desks {
        let shown = view_of(desk, key).await?;
        if shown["version"].as_u64() >= newest["version"].as_u64() {
            newest = shown;
        }
    }
    Ok(newest)
}

/// Returns what a desk shows of a conversation; null if it has never heard of it.
async fn view_of(desk: &Daemon, key: &str) -> Result<Value> {
    let url = desk.url(&format!("/api/conversations/{key}"));
    let response = desk.http().get(url).bearer_auth(ADMIN_TOKEN).send().await?;
    match response.status().as_u16() {
        200 => Ok(response.json().await?),
        404 => Ok(Value::Null),
        other => anyhow::bail!("the desk answered {other}"),
    }
}

/// Returns a gauge or counter of a desk, summed over its labels.
pub(crate) async fn metric(desk: &Daemon, name: &str) -> Result<f64> {
    let text = desk.http().get(desk.url("/metrics")).send().await?.text().await?;
    let of_name = |line: &&str| line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']));
    Ok(text.lines().filter(of_name).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum())
}
