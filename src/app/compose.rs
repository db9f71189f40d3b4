//! Making the parts from the settings, and putting them together.

mod instructions;

use super::glue::{Edge, PageDesk, Pages, Tokens};
use super::green::{self, Joined};
use super::secrets::Secrets;
use super::store::with_causes;
use super::{OsCrypto, kommo, policy};
use crate::adapters::chatwoot::{AttributeMac, BotId, Chatwoot, ParseContext, WebhookSecrets};
use crate::adapters::second_path::SecondPath;
use crate::adapters::smtp::{AlertMails, DemoMailbox, Letters, Smtp};
use crate::adapters::teams::{DemoAlerts, NoSink, Teams, UtcOffset, Wording};
use crate::adapters::web::{Web, WebSettings};
use crate::adapters::{chatwoot, green_api, smtp, teams, voice};
use crate::config::{BotMode, CardShape, Config, MailRoute};
use crate::http::auth::AdminAuth;
use crate::http::green_api::GreenIntake;
use crate::http::hold::{Holds, Patience};
use crate::http::intake::{ChatwootIntake, SignaturePolicy};
use crate::http::kommo::KommoRoutes;
use crate::http::metrics::MetricsText;
use crate::http::page::{self, CardsView, MailboxView, PageMode, PageState};
use crate::http::{self, AppState, HttpSettings, minimal::WebDesk};
use crate::instructions::Watch;
use crate::language::Locales;
use crate::links::Links;
use crate::shutdown::Lifecycle;
use crate::telemetry::MetricsPage;
use axum::Router;
use frontdesk_actors::engine::{Crypto, Engine, EngineHandle, Ports};
use frontdesk_actors::ports::{AlertSink, Card, Channel, Mailer, Store, Transcriber};
use frontdesk_actors::time::{Clock, SystemClock};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use url::Url;

/// How much longer than a turn the minimal webhook waits for its reply.
const REPLY_GRACE: Duration = Duration::from_secs(15);

/// A staffed desk.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) engine: EngineHandle,
    parts: Parts,
}

/// What both the engine and the routes work with.
#[derive(Debug)]
struct Parts {
    clock: Arc<dyn Clock>,
    links: Arc<Links>,
    web: Arc<Web>,
    mailbox: Option<Arc<DemoMailbox>>,
    cards: Option<Arc<DemoAlerts>>,
    edge: Option<Arc<Edge>>,
    green: Option<Arc<Joined>>,
    kommo: Option<Arc<KommoRoutes>>,
    instructions: Arc<Watch>,
}

/// Makes the engine and everything it needs.
pub(super) async fn desk(config: &Arc<Config>, store: Arc<dyn Store>, secrets: &Secrets) -> Result<Desk, String> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let public = Url::parse(&config.public_base()).map_err(|error| format!("PUBLIC_URL: {error}"))?;
    let links = Arc::new(Links::new(&secrets.signing, &public).map_err(|error| with_causes(&error))?);
    let phrases = Arc::new(Locales::load(config.desk.locales.as_deref()).map_err(|error| with_causes(&error))?);
    let web_settings = WebSettings {
        public_url: Some(config.public_base()),
        per_session: config.web.messages_per_visitor,
        all_sessions: config.web.messages,
        streams: config.web.streams,
        ..WebSettings::default()
    };
    let web = Arc::new(Web::new(store.clone(), clock.clone(), web_settings));
    let mut channels: BTreeMap<String, Arc<dyn Channel>> = BTreeMap::from([("web".to_owned(), web.clone() as _)]);
    let edge = chatwoot(config, secrets, &clock, &mut channels)?;
    let green = green::channel(config, &clock)?;
    channels.extend(green.iter().map(|green| (green_api::CHANNEL.to_owned(), green.api.clone() as _)));
    let kommo = kommo::channel(config, &store, &clock, &mut channels)?;
    let Mailing { mailer, mailbox, smtp } = mailer(config, &links, &clock)?;
    let (alerts, cards) = alerts(config, &clock, smtp)?;
    let crypto = Arc::new(OsCrypto::new(links.clone()));
    let settings = policy::settings(config, phrases, crypto.random()[0], &store)?;
    let instructions = instructions::watch(config, &clock, &store).await?;
    let model = super::model::model(config, instructions.book())?;
    let policy = settings.policy.clone();
    let means: kommo::Means = (clock.clone(), crypto.clone());
    let (transcriber, clock_of_ports) = (ears(config)?, clock.clone());
    let ports = Ports { store, channels, model, transcriber, mailer, alerts, clock: clock_of_ports, crypto };
    let engine = Engine::start(ports, settings).await.map_err(|error| error.to_string())?;
    let green = green.map(|green| green.join(config, &engine));
    let kommo = kommo.map(|parts| parts.routes(engine.clone(), policy, means));
    Ok(Desk { engine, parts: Parts { clock, links, web, mailbox, cards, edge, green, kommo, instructions } })
}

fn chatwoot(
    config: &Config,
    secrets: &Secrets,
    clock: &Arc<dyn Clock>,
    channels: &mut BTreeMap<String, Arc<dyn Channel>>,
) -> Result<Option<Arc<Edge>>, String> {
    let Some(access) = config.chatwoot.access() else { return Ok(None) };
    let section = &config.chatwoot;
    let mac = AttributeMac::new(&secrets.signing);
    let bot = BotId::new(section.bot_id);
    let settings = chatwoot::Settings {
        public_url: section.public_url.clone(),
        user_token: section.user_token.clone(),
        total_timeout: section.timeout,
        max_text: section.max_text,
        inboxes: section.inbox_id.clone(),
        trust_plain_attributes: config.gate.trust_plain_attributes,
        ..chatwoot::Settings::new(access.base_url.clone(), access.account_id, access.api_token.clone())
    };
    let client =
        Chatwoot::new(settings, mac.clone(), bot.clone(), clock.clone()).map_err(|error| with_causes(&error))?;
    let client = Arc::new(client);
    tokio::spawn(tell_reach(client.clone()));
    channels.insert(chatwoot::CHANNEL.to_owned(), client);
    let context = ParseContext {
        account: access.account_id,
        inboxes: section.inbox_id.clone(),
        bot,
        mac,
        trust_plain_attributes: config.gate.trust_plain_attributes,
    };
    Ok(Some(Arc::new(Edge { secrets: WebhookSecrets::new(&section.webhook_secret), context })))
}

/// Says at the start what the tokens allow, because what they do not allow decides what happens after a gap.
async fn tell_reach(client: Arc<Chatwoot>) {
    match client.probe().await {
        Ok(reach) if !reach.looks => tracing::warn!(
            "Chatwoot does not let the bot look at conversations; work that a restart interrupts goes to people: set \
             CHATWOOT_USER_TOKEN or update Chatwoot to 4.14.2"
        ),
        Ok(reach) if !reach.history => tracing::info!(
            "no CHATWOOT_USER_TOKEN: after an outage the desk looks only at the conversations it knows, so a first message \
             that was refused is not found; and a send whose outcome stays unknown is held and shown instead of looked up"
        ),
        Ok(_) => tracing::info!("Chatwoot accepts both tokens; what is missed during an outage is read back"),
        Err(error) => tracing::warn!(error = with_causes(&error), "Chatwoot could not be asked what the tokens allow"),
    }
}

fn ears(config: &Config) -> Result<Option<Arc<dyn Transcriber>>, String> {
    let section = &config.transcription;
    if !section.is_on() {
        return Ok(None);
    }
    let mut trusted = voice::Trusted::default();
    let (chatwoot, green) = (&config.chatwoot, &config.green_api);
    let vendors = [&chatwoot.base_url, &chatwoot.public_url, &green.api_url, &green.media_url];
    vendors.into_iter().flatten().for_each(|url| trusted.add_url(url));
    trusted.add_list(section.hosts.as_deref().unwrap_or_default());
    let settings = voice::Settings {
        base_url: section.base_url.clone(),
        api_key: section.api_key.clone(),
        model: section.model.clone(),
        language: section.hint(),
        max_bytes: section.max_bytes,
        max_seconds: section.max_length.as_secs(),
        ffmpeg: section.ffmpeg.clone().filter(|program| program != "off").unwrap_or_default(),
        trusted,
    };
    voice::Ears::new(settings).map(|ears| Some(Arc::new(ears) as _)).map_err(|error| with_causes(&error))
}

/// The mailer, and which of the two it is.
struct Mailing {
    mailer: Arc<dyn Mailer>,
    mailbox: Option<Arc<DemoMailbox>>,
    smtp: Option<Arc<Smtp>>,
}

fn mailer(config: &Config, links: &Arc<Links>, clock: &Arc<dyn Clock>) -> Result<Mailing, String> {
    let letters = Letters::new(links.clone(), &config.desk.site_name);
    let section = &config.mail;
    let (url, password) = match section.route() {
        MailRoute::Mailbox => {
            let mailbox = Arc::new(DemoMailbox::new(letters, clock.clone()));
            return Ok(Mailing { mailer: mailbox.clone(), mailbox: Some(mailbox), smtp: None });
        }
        MailRoute::Server { url, login } => (Some(url.clone()), login.map(|(_, password)| password.clone())),
        MailRoute::Gmail { password, .. } => (None, Some(password.clone())),
    };
    let settings = smtp::Settings {
        url,
        sender_email: section.sender_email.clone().unwrap_or_default(),
        sender_name: config.sender_name().to_owned(),
        sender_password: password,
        timeout: section.timeout,
    };
    let smtp = Arc::new(Smtp::new(&settings, letters, clock.clone()).map_err(|error| with_causes(&error))?);
    Ok(Mailing { mailer: smtp.clone(), mailbox: None, smtp: Some(smtp) })
}

type Alerting = (Arc<dyn AlertSink>, Option<Arc<DemoAlerts>>);

fn alerts(config: &Config, clock: &Arc<dyn Clock>, smtp: Option<Arc<Smtp>>) -> Result<Alerting, String> {
    let offset = UtcOffset::parse(&config.desk.utc_offset).unwrap_or_default();
    let mails = alert_mails(config, smtp)?;
    let Some(url) = &config.teams.webhook_url else {
        if let Some(mails) = mails {
            return Ok((mails, None));
        }
        if config.is_demo() {
            let cards = Arc::new(DemoAlerts::new(Wording::new(config.desk.locale, offset), clock.clone()));
            return Ok((cards.clone(), Some(cards)));
        }
        return Ok((Arc::new(NoSink::default()), None));
    };
    let settings = teams::Settings {
        url: url.clone(),
        shape: match config.teams.card_shape {
            CardShape::Message => teams::CardShape::Message,
            CardShape::Card => teams::CardShape::Card,
        },
        desk_locale: config.desk.locale,
        utc_offset: offset,
        timeout: config.teams.timeout,
    };
    let teams = Arc::new(Teams::new(&settings, clock.clone()).map_err(|error| with_causes(&error))?);
    let sink: Arc<dyn AlertSink> = match mails {
        Some(mails) => Arc::new(SecondPath::new(teams, mails, config.teams.second_path_after, clock.clone())),
        None => teams,
    };
    Ok((sink, None))
}

/// Makes the sink that mails cards to `ALERT_EMAIL`.
fn alert_mails(config: &Config, smtp: Option<Arc<Smtp>>) -> Result<Option<Arc<dyn AlertSink>>, String> {
    let (Some(to), Some(smtp)) = (&config.teams.alert_email, smtp) else { return Ok(None) };
    let offset = UtcOffset::parse(&config.desk.utc_offset).unwrap_or_default();
    let wording = Wording::new(config.desk.locale, offset);
    let words = move |card: &Card| {
        let face = wording.face(card);
        let facts = face.facts.iter().map(|(name, value)| format!("{name}: {value}\n"));
        let button = face.button.iter().map(|(title, url)| format!("\n{title}: {url}\n"));
        (face.title.clone(), facts.chain([format!("\n{}\n", face.text)]).chain(button).collect())
    };
    let mails = AlertMails::new(smtp, to, Box::new(words));
    let mails = mails.ok_or("ALERT_EMAIL is not an e-mail address; write it as name@example.com")?;
    Ok(Some(Arc::new(mails)))
}

impl Desk {
    /// Makes every route.
    pub(super) fn router(
        &self,
        config: &Config,
        secrets: &Secrets,
        lifecycle: Lifecycle,
        metrics: MetricsPage,
    ) -> Router {
        let parts = &self.parts;
        let auth = || if config.is_demo() { AdminAuth::open() } else { AdminAuth::token(&secrets.admin) };
        let pages = self.page(config, auth(), &lifecycle);
        let web = config.web_chat().then(|| {
            let shadow = config.desk.mode == BotMode::Shadow;
            let within = config.model.turn_deadline + REPLY_GRACE;
            Arc::new(PageDesk { engine: self.engine.clone(), web: parts.web.clone(), within, shadow })
                as Arc<dyn WebDesk>
        });
        let signed = SignaturePolicy::decide(
            !config.chatwoot.webhook_secret.is_empty(),
            config.is_reachable(),
            config.listen.allow_unsigned_webhooks,
        );
        let intake = parts.edge.as_ref().map(|edge| ChatwootIntake::new(edge.clone(), signed));
        // Whoever fetches notifications expects none: an open route would only serve strangers.
        let of_green = if config.green_api.polling {
            SignaturePolicy::Closed
        } else {
            SignaturePolicy::decide(
                config.green_api.webhook_token.is_some(),
                config.is_reachable(),
                config.listen.allow_unsigned_webhooks,
            )
        };
        let green_api = parts.green.as_ref().map(|green| GreenIntake::new(green.clone(), of_green));
        let patience = Patience { hold: config.listen.hold, ..Patience::default() };
        let state = AppState {
            desk: Arc::new(self.engine.clone()),
            stuck: Arc::new(self.engine.clone()),
            people: Arc::new(self.engine.clone()),
            clock: parts.clock.clone(),
            chatwoot: intake,
            green_api,
            kommo: parts.kommo.clone(),
            web,
            instructions: parts.instructions.clone(),
            links: Arc::new(Tokens(parts.links.clone())),
            pages: Arc::new(Pages { site_name: config.desk.site_name.clone() }),
            auth: auth(),
            lifecycle,
            metrics: MetricsText::new(move || metrics.render()),
            holds: Holds::new(config.listen.holds_per_account),
            store: http::health::StoreProbe::default(),
            settings: HttpSettings {
                body_limit: config.listen.max_body,
                patience,
                lang: config.desk.default_locale,
                ..HttpSettings::default()
            },
        };
        http::router(state, Some(page::routes(pages)))
    }

    fn page(&self, config: &Config, auth: AdminAuth, lifecycle: &Lifecycle) -> PageState {
        let parts = &self.parts;
        let closing = CancellationToken::new();
        let (token, lifecycle) = (closing.clone(), lifecycle.clone());
        tokio::spawn(async move {
            lifecycle.closing().await;
            token.cancel();
        });
        PageState {
            desk: Arc::new(self.engine.clone()),
            web: parts.web.clone(),
            // Where nobody is asked for an address no mail ever comes, and an empty mailbox would only take room.
            mailbox: parts
                .mailbox
                .clone()
                .filter(|_| config.is_demo() || config.asks_for_addresses())
                .map(|mailbox| mailbox as Arc<dyn MailboxView>),
            cards: parts.cards.clone().map(|cards| cards as Arc<dyn CardsView>),
            site_name: config.desk.site_name.clone(),
            lang: config.desk.default_locale,
            mode: PageMode {
                kommo: self.parts.kommo.is_some(),
                demo: config.is_demo(),
                chat: config.web_chat(),
                secure: config.public_base().starts_with("https://"),
            },
            admin: Arc::new(move |headers: &axum::http::HeaderMap| auth.permits(headers).is_ok()),
            closing,
        }
    }
}
