//! An engine in a world of fakes.

use super::history::Page;
use super::invariants;
use super::{
    ManualClock, MemoryStore, Observer, PlainAnalyzer, PlainPhrases, RecordingSink, ScriptedChannel, ScriptedMailer,
    ScriptedModel, ScriptedTranscriber, SeededCrypto, eventually, eventually_async, plain_policy,
};
use crate::audit::{Rules, Violation, everything};
use crate::domain::{Inbound, Order};
use crate::engine::{
    ChallengeView, DeliverError, Engine, EngineHandle, GateSettings, Intake, NoBudget, Ports, Receipt, Settings, View,
};
use crate::flow::policy::{ChannelPolicy, Policy};
use crate::ids::{ConversationKey, Node};
use crate::ports::VerificationMail;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// Everything outside of an engine. Outlives the engines that are started in it.
#[derive(Debug)]
pub struct World {
    /// The store.
    pub store: Arc<MemoryStore>,
    /// The vendor.
    pub channel: Arc<ScriptedChannel>,
    /// The model.
    pub model: Arc<ScriptedModel>,
    /// Who hears recordings.
    pub transcriber: Arc<ScriptedTranscriber>,
    /// The mail server.
    pub mailer: Arc<ScriptedMailer>,
    /// The colleagues' cards.
    pub cards: Arc<RecordingSink>,
    /// The time.
    pub clock: Arc<ManualClock>,
    /// Meaning; can be made to panic.
    pub analyzer: Arc<PlainAnalyzer>,
    /// Words; can be made to panic.
    pub phrases: Arc<PlainPhrases>,
    /// Who writes down what happens.
    pub observer: Arc<Observer>,
    /// The rules of engines started from here on.
    pub policy: Policy,
    /// How wide the gates of engines started from here on are.
    pub width: usize,
    boots: AtomicU64,
    running: Arc<AtomicUsize>,
    tasks: usize,
}

/// One running daemon. Finish or crash it before it is dropped.
#[derive(Debug)]
pub struct TestEngine {
    /// The way in.
    pub handle: EngineHandle,
    /// The rules it was started with.
    pub settings: Settings,
    store: Arc<MemoryStore>,
    channel: Arc<ScriptedChannel>,
    mailer: Arc<ScriptedMailer>,
    observer: Arc<Observer>,
    running: Arc<AtomicUsize>,
    tasks: usize,
    ended: bool,
}

fn tasks_alive() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

impl World {
    /// Makes a world whose customers must prove an address.
    pub fn with_gate() -> Self {
        Self::new(true)
    }

    /// Makes a world whose customers are known.
    pub fn without_gate() -> Self {
        Self::new(false)
    }

    fn new(gate: bool) -> Self {
        let tasks = tasks_alive();
        let clock = Arc::new(ManualClock::default());
        let observer = Arc::new(Observer::new(clock.clone()));
        let (analyzer, phrases) = (Arc::new(PlainAnalyzer::default()), Arc::new(PlainPhrases::default()));
        let mut policy = plain_policy(analyzer.clone(), phrases.clone());
        policy.channels.insert(ScriptedChannel::NAME.to_owned(), ChannelPolicy { gate, ..ChannelPolicy::default() });
        Self {
            store: Arc::new(MemoryStore::new(clock.clone())),
            channel: Arc::new(ScriptedChannel::new(clock.clone(), observer.clone())),
            model: Arc::new(ScriptedModel::new(observer.clone())),
            transcriber: Arc::new(ScriptedTranscriber::new(observer.clone())),
            mailer: Arc::default(),
            cards: Arc::default(),
            clock,
            analyzer,
            phrases,
            observer,
            policy,
            width: 8,
            boots: AtomicU64::new(1),
            running: Arc::default(),
            tasks,
        }
    }

    /// Returns the rules of the one channel.
    ///
    /// # Panics
    /// Never: a world has its channel.
    pub fn channel_policy(&mut self) -> &mut ChannelPolicy {
        self.policy.channels.get_mut(ScriptedChannel::NAME).expect("a world has its channel")
    }

    /// Returns the settings an engine of this node is started with.
    pub fn settings(&self, node: &str) -> Settings {
        let boot = self.boots.fetch_add(1, Ordering::Relaxed);
        let mut settings = Settings::new(Node { name: node.into(), boot }, self.policy.clone());
        for gate in [ScriptedChannel::NAME, "model", "transcription", "mail", "cards"] {
            let gate_settings = GateSettings { width: self.width, budget: Arc::new(NoBudget) };
            settings.gates.insert(gate.to_owned(), gate_settings);
        }
        settings
    }

    /// Starts an engine of the node `a`.
    pub async fn start(&self) -> TestEngine {
        self.start_with(self.settings("a")).await
    }

    /// Starts an engine.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start_with(&self, settings: Settings) -> TestEngine {
        let channel: Arc<dyn crate::ports::Channel> = self.channel.clone();
        let ports = Ports {
            store: self.store.clone(),
            channels: BTreeMap::from([(ScriptedChannel::NAME.to_owned(), channel)]),
            model: self.model.clone(),
            transcriber: Some(self.transcriber.clone()),
            mailer: self.mailer.clone(),
            alerts: self.cards.clone(),
            clock: self.clock.clone(),
            crypto: Arc::new(SeededCrypto::seeded(settings.node.boot)),
        };
        let handle = Engine::start(ports, settings.clone()).await.expect("an engine of fakes starts");
        self.running.fetch_add(1, Ordering::Relaxed);
        TestEngine {
            handle,
            settings,
            store: self.store.clone(),
            channel: self.channel.clone(),
            mailer: self.mailer.clone(),
            observer: self.observer.clone(),
            running: self.running.clone(),
            tasks: self.tasks,
            ended: false,
        }
    }
}

impl TestEngine {
    /// Delivers a webhook.
    ///
    /// # Errors
    /// What the engine answers.
    pub async fn deliver(&self, inbound: Inbound) -> Result<Receipt, DeliverError> {
        let mails = self.mails();
        self.observer.sees(|log| log.delivers(&inbound, &mails));
        let receipt = self.handle.deliver(inbound.clone()).await?;
        if receipt.intake == Intake::Accepted {
            self.observer.sees(|log| log.acked(&inbound));
        }
        Ok(receipt)
    }

    fn mails(&self) -> Vec<VerificationMail> {
        self.mailer.mails().into_iter().map(|(mail, _)| mail).collect()
    }

    /// The customer writes, and the webhook is acknowledged.
    ///
    /// # Panics
    /// If it is not.
    pub async fn customer(&self, key: &ConversationKey, text: &str) -> Receipt {
        let inbound = self.channel.customer(key, text);
        self.deliver(inbound).await.expect("the webhook is acknowledged")
    }

    /// A person writes, and the webhook is acknowledged.
    ///
    /// # Panics
    /// If it is not.
    pub async fn person(&self, key: &ConversationKey, text: &str) -> Receipt {
        let inbound = self.channel.person(key, text);
        self.deliver(inbound).await.expect("the webhook is acknowledged")
    }

    /// Returns a conversation.
    ///
    /// # Panics
    /// If there is none, or it cannot be read.
    pub async fn view(&self, key: &ConversationKey) -> View {
        self.handle.view(key).await.expect("the conversation can be read").expect("there is such a conversation")
    }

    /// Waits until a conversation looks a certain way.
    pub async fn until(&self, key: &ConversationKey, what: &str, is_so: impl Fn(&View) -> bool) {
        let is_so = &is_so;
        eventually_async(what, || async move { matches!(self.handle.view(key).await, Ok(Some(view)) if is_so(&view)) })
            .await;
    }

    /// Waits until a text of the desk has landed.
    pub async fn hears(&self, key: &ConversationKey, text: &str) {
        eventually(&format!("the customer hears {text:?}"), || self.channel.said(key).iter().any(|said| said == text))
            .await;
    }

    /// Presses the button behind a link.
    ///
    /// # Errors
    /// What the engine answers.
    pub async fn confirm(&self, key: &ConversationKey, challenge: &str) -> Result<ChallengeView, DeliverError> {
        let mails = self.mails();
        let press = self.observer.sees(|log| log.presses(key, challenge, &mails));
        let told = self.handle.confirm(key, challenge).await;
        let page = match &told {
            Ok(ChallengeView::Done { .. }) => Page::Done,
            Ok(ChallengeView::Used { .. }) => Page::Used,
            Ok(_) | Err(_) => Page::Other,
        };
        self.observer.sees(|log| log.told(key, press, page));
        told
    }

    /// Carries out an operator's order.
    ///
    /// # Errors
    /// What the engine answers.
    pub async fn order(&self, key: &ConversationKey, order: Order) -> Result<Receipt, DeliverError> {
        let receipt = self.handle.order(key, order).await?;
        self.observer.sees(|log| log.ordered(key, order));
        Ok(receipt)
    }

    /// Has the person of a conversation forgotten.
    ///
    /// # Errors
    /// What the engine answers.
    pub async fn erase(&self, key: &ConversationKey) -> Result<(), DeliverError> {
        self.handle.erase(key).await?;
        self.observer.sees(|log| log.erased(key));
        Ok(())
    }

    /// Waits until no conversation has work left, checks every invariant, and stops the engine.
    ///
    /// # Panics
    /// If an invariant does not hold, or something of the engine remains.
    pub async fn finish(mut self) {
        for key in self.store.keys() {
            let at_rest = |view: &View| {
                let rows = view.outbox.iter().all(|row| row.state == "held");
                rows && (view.owed == 0 || view.phase != crate::engine::PhaseName::Bot)
            };
            if matches!(self.handle.view(&key).await, Err(DeliverError::Quarantined)) {
                continue;
            }
            self.until(&key, &format!("{key} comes to rest"), at_rest).await;
            let view = self.view(&key).await;
            self.observer.sees(|log| log.rested(&view, None));
        }
        self.stop().await;
        self.audit().await;
    }

    /// Stops the engine in good order, whatever is left to do, and checks what the vendor saw.
    ///
    /// # Panics
    /// If something of the engine remains.
    pub async fn stop(&mut self) {
        self.handle.drain(Duration::from_secs(10)).await;
        let gate = self.settings.policy.channels.values().any(|channel| channel.gate);
        let memory = self.settings.policy.memory_messages;
        // Nothing takes time between a claim and its send here.
        let claim = Duration::ZERO;
        self.observer.judge(&invariants::Rules { claim, memory, gate, ..invariants::Rules::default() });
        self.leave().await;
    }

    /// Ends the engine as `kill -9` would: nothing is finished, nothing is written.
    ///
    /// # Panics
    /// If something of the engine remains.
    pub async fn crash(mut self) {
        self.handle.crash().await;
        self.leave().await;
        self.audit().await;
    }

    /// Reads what is left in the store: whatever happened, each record is sound and somebody is woken for what is owed. A
    /// record that the test itself has poisoned is no finding.
    async fn audit(&self) {
        let policy = &self.settings.policy;
        let gated = policy.channels.iter().filter(|(_, channel)| channel.gate).map(|(name, _)| name.clone());
        let rules = Rules {
            memory_messages: policy.memory_messages,
            on_the_wire: self.settings.lease + policy.outbox.settle,
            gated: gated.collect(),
        };
        // The store may be cut off by the test; then there is nothing to read.
        let Ok(report) = everything(&*self.store, &rules, self.store.clock()).await else { return };
        let unplanted = |(_, violation): &&(ConversationKey, Violation)| *violation != Violation::Undecodable;
        let found: Vec<_> = report.violations.iter().filter(unplanted).collect();
        assert!(found.is_empty(), "the store is left with {found:#?}");
    }

    async fn leave(&mut self) {
        self.ended = true;
        if self.running.fetch_sub(1, Ordering::Relaxed) == 1 {
            let begun = tokio::time::Instant::now();
            while tasks_alive() > self.tasks {
                assert!(begun.elapsed() < Duration::from_secs(120), "{} tasks remain", tasks_alive() - self.tasks);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

impl Drop for TestEngine {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            assert!(self.ended, "finish, stop or crash the engine: its actors and tasks remain");
        }
    }
}
