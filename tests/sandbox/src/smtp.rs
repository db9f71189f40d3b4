//! A mail server on loopback: real SMTP over TCP, with the faults real servers show.
//!
//! Faults are orders, not chances: each stays until [`SmtpServer::recover`] or for the number of times it was given.

mod mail;
mod session;

pub use mail::Mail;

use anyhow::{Context, ensure};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// Who may send.
pub const USER: &str = "desk@example.test";
/// With which password.
pub const PASSWORD: &str = "sandbox password";
/// How long [`SmtpServer::wait_for_mails`] waits before it gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// A step of the conversation at which the server can refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The first line after connecting.
    Greeting,
    /// AUTH.
    Auth,
    /// MAIL FROM.
    Mail,
    /// RCPT TO.
    Rcpt,
    /// DATA, before the message.
    Data,
    /// After the message's final dot.
    Message,
}

/// What happens when a message has been taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum AfterData {
    #[default]
    Answer,
    Hang,
    Cut,
}

/// An ordered refusal.
#[derive(Debug, Clone)]
struct Refusal {
    stage: Stage,
    code: u16,
    text: String,
    /// How many more times; `None` for ever.
    left: Option<usize>,
}

#[derive(Debug, Default)]
struct State {
    mails: Vec<Mail>,
    refusals: Vec<Refusal>,
    after_data: AfterData,
    hide_auth: bool,
    met: u64,
}

/// What the sessions share.
#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    arrived: Notify,
    recovered: Notify,
    connections: AtomicUsize,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the refusal ordered for this stage, if there is one.
    fn refusal(&self, stage: Stage) -> Option<(u16, String)> {
        let mut state = self.state();
        let ordered = |refusal: &&mut Refusal| refusal.stage == stage && refusal.left != Some(0);
        let refusal = state.refusals.iter_mut().rev().find(ordered)?;
        if let Some(left) = &mut refusal.left {
            *left -= 1;
        }
        let answer = (refusal.code, refusal.text.clone());
        state.met += 1;
        Some(answer)
    }
}

/// A mail server on loopback. Stops when dropped.
#[derive(Debug)]
pub struct SmtpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
    /// While down, the port is bound without listening: connections are refused, and nobody else gets it.
    kept_port: Option<TcpSocket>,
}

impl SmtpServer {
    /// Starts a server on a free port.
    ///
    /// # Errors
    /// If loopback cannot be bound.
    pub fn start() -> anyhow::Result<Self> {
        let socket = own_socket()?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).context("bind the sandbox's mail server")?;
        let listener = socket.listen(128).context("listen as the sandbox's mail server")?;
        let address = listener.local_addr()?;
        let shared = Arc::<Shared>::default();
        let accepting = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, accepting, kept_port: None })
    }

    /// Returns the `SMTP_URL` of an account here, without encryption.
    pub fn url(&self) -> String {
        format!("smtp://desk%40example.test:sandbox%20password@{}?tls=none", self.address)
    }

    /// Returns where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns how many connections were made.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// Returns the mails taken so far, oldest first.
    pub fn mails(&self) -> Vec<Mail> {
        self.shared.state().mails.clone()
    }

    /// Returns how often a refusal or a fault after a message has happened to somebody.
    pub fn faults_met(&self) -> u64 {
        self.shared.state().met
    }

    /// Waits until at least `count` mails were taken and returns all.
    ///
    /// # Errors
    /// If they do not come within 20 s.
    pub async fn wait_for_mails(&self, count: usize) -> anyhow::Result<Vec<Mail>> {
        let waiting = async {
            loop {
                let arrived = self.shared.arrived.notified();
                let mails = self.mails();
                if mails.len() >= count {
                    return mails;
                }
                arrived.await;
            }
        };
        let came = tokio::time::timeout(PATIENCE, waiting).await;
        came.with_context(|| format!("{count} mails were expected, {} came", self.mails().len()))
    }

    /// Orders a refusal at a stage, until recovery.
    pub fn refuse(&self, stage: Stage, code: u16, text: &str) {
        self.shared.state().refusals.push(Refusal { stage, code, text: text.to_owned(), left: None });
    }

    /// Orders a refusal at a stage for the next `times`.
    pub fn refuse_times(&self, times: usize, stage: Stage, code: u16, text: &str) {
        self.shared.state().refusals.push(Refusal { stage, code, text: text.to_owned(), left: Some(times) });
    }

    /// Refuses every recipient, for example with `550, "5.1.1 no such user"`.
    pub fn refuse_rcpt(&self, code: u16, text: &str) {
        self.refuse(Stage::Rcpt, code, text);
    }

    /// Refuses every login as Gmail does.
    pub fn auth_fails(&self) {
        self.refuse(Stage::Auth, 535, "5.7.8 Username and Password not accepted.");
    }

    /// Offers no login at all.
    pub fn hide_auth(&self) {
        self.shared.state().hide_auth = true;
    }

    /// Puts the next `times` recipients off.
    pub fn greylist(&self, times: usize) {
        self.refuse_times(times, Stage::Rcpt, 450, "4.7.1 Greylisted, please try again later");
    }

    /// Takes messages and never says so; the connection stays open until recovery.
    pub fn hang_after_data(&self) {
        self.shared.state().after_data = AfterData::Hang;
    }

    /// Takes messages and drops the connection without a word.
    pub fn cut_after_data(&self) {
        self.shared.state().after_data = AfterData::Cut;
    }

    /// Ends all faults but [`SmtpServer::down`].
    pub fn recover(&self) {
        let mut state = self.shared.state();
        state.refusals.clear();
        state.after_data = AfterData::Answer;
        state.hide_auth = false;
        drop(state);
        self.shared.recovered.notify_waiters();
    }

    /// Cuts every connection and refuses new ones.
    ///
    /// # Errors
    /// If the server is down already, or the port cannot be kept.
    pub async fn down(&mut self) -> anyhow::Result<()> {
        ensure!(self.kept_port.is_none(), "the mail server is down already");
        // Kept before it is closed: somebody else's connection could take it in between.
        let socket = own_socket()?;
        socket.bind(self.address).context("keep the port of the sandbox's mail server")?;
        self.accepting.abort();
        // Only when the task is gone is the port closed; that it was aborted is no news.
        let _aborted = (&mut self.accepting).await;
        self.kept_port = Some(socket);
        Ok(())
    }

    /// Listens again on the same port.
    ///
    /// # Errors
    /// If the server is up already, or the port cannot be listened on.
    pub fn up(&mut self) -> anyhow::Result<()> {
        let socket = self.kept_port.take().context("the mail server is up already")?;
        let listener = socket.listen(128).context("listen again as the sandbox's mail server")?;
        self.accepting = tokio::spawn(accept(listener, Arc::clone(&self.shared)));
        Ok(())
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// A socket whose port another one of this server may be bound to. Only the one that listens is connected to.
fn own_socket() -> anyhow::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(true)?;
    Ok(socket)
}

/// Serves connections until aborted; the sessions end with it.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _peer)) = accepted else { continue };
                shared.connections.fetch_add(1, Ordering::SeqCst);
                sessions.spawn(session::serve(stream, Arc::clone(&shared)));
            }
            Some(_ended) = sessions.join_next() => {}
        }
    }
}
