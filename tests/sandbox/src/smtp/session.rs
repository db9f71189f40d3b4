//! One connection to the mail server: the commands of RFC 5321 that submission needs, and AUTH.

use super::{AfterData, Mail, PASSWORD, Shared, Stage, USER};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// The longest command line, RFC 5321 §4.5.3.1.4 with room for AUTH.
const LONGEST_LINE: u64 = 12_288;
/// The size Gmail announces.
const LARGEST_MAIL: usize = 35_882_577;

struct Session {
    stream: BufReader<TcpStream>,
    shared: Arc<Shared>,
    known: bool,
    sender: Option<String>,
    recipients: Vec<String>,
}

/// Serves one connection to its end. A broken connection is the client's business.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let stream = BufReader::new(stream);
    let mut session = Session { stream, shared, known: false, sender: None, recipients: Vec::new() };
    let _broken = session.run().await;
}

impl Session {
    async fn run(&mut self) -> io::Result<()> {
        if self.refused(Stage::Greeting).await? {
            return Ok(());
        }
        self.say("220 sandbox.example.test ESMTP").await?;
        while let Some(line) = self.line().await? {
            let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
            let rest = rest.trim().to_owned();
            match verb.to_ascii_uppercase().as_str() {
                "EHLO" => self.hello().await?,
                "HELO" => self.say("250 sandbox.example.test").await?,
                "AUTH" => self.auth(&rest).await?,
                "MAIL" => self.mail(&rest).await?,
                "RCPT" => self.rcpt(&rest).await?,
                "DATA" => {
                    if !self.data().await? {
                        return Ok(());
                    }
                }
                "RSET" => {
                    self.reset();
                    self.say("250 2.0.0 OK").await?;
                }
                "NOOP" => self.say("250 2.0.0 OK").await?,
                "QUIT" => return self.say("221 2.0.0 Bye").await,
                _ => self.say("502 5.5.1 Command not implemented").await?,
            }
        }
        Ok(())
    }

    async fn hello(&mut self) -> io::Result<()> {
        self.reset();
        let hide_auth = self.shared.state().hide_auth;
        self.say("250-sandbox.example.test at your service").await?;
        self.say(&format!("250-SIZE {LARGEST_MAIL}")).await?;
        self.say("250-8BITMIME").await?;
        if !hide_auth {
            self.say("250-AUTH PLAIN LOGIN").await?;
        }
        self.say("250 ENHANCEDSTATUSCODES").await
    }

    async fn auth(&mut self, rest: &str) -> io::Result<()> {
        let (mechanism, initial) = rest.split_once(' ').unwrap_or((rest, ""));
        let login = match mechanism.to_ascii_uppercase().as_str() {
            "PLAIN" => self.plain(initial).await?,
            "LOGIN" => self.login(initial).await?,
            _ => return self.say("504 5.5.4 Unrecognized authentication type").await,
        };
        if self.refused(Stage::Auth).await? {
            return Ok(());
        }
        self.known = login.as_ref().is_some_and(|(user, password)| user == USER && password == PASSWORD);
        if self.known {
            self.say("235 2.7.0 Accepted").await
        } else {
            self.say("535 5.7.8 Username and Password not accepted.").await
        }
    }

    /// RFC 4616: authzid NUL user NUL password, in one piece.
    async fn plain(&mut self, initial: &str) -> io::Result<Option<(String, String)>> {
        let answer = if initial.is_empty() { self.challenge("").await? } else { decode(initial) };
        Ok(answer.and_then(|text| {
            let mut parts = text.split('\0').skip(1).map(str::to_owned);
            parts.next().zip(parts.next())
        }))
    }

    /// Two questions, in base64 as everything here.
    async fn login(&mut self, initial: &str) -> io::Result<Option<(String, String)>> {
        let user = if initial.is_empty() { self.challenge("Username:").await? } else { decode(initial) };
        let password = self.challenge("Password:").await?;
        Ok(user.zip(password))
    }

    async fn challenge(&mut self, question: &str) -> io::Result<Option<String>> {
        self.say(&format!("334 {}", STANDARD.encode(question))).await?;
        Ok(self.line().await?.and_then(|line| decode(&line)))
    }

    async fn mail(&mut self, rest: &str) -> io::Result<()> {
        if self.refused(Stage::Mail).await? {
            return Ok(());
        }
        if !self.known && !self.shared.state().hide_auth {
            return self.say("530 5.7.0 Authentication Required.").await;
        }
        match path(rest, "FROM:") {
            Some(sender) if self.sender.is_none() => {
                self.sender = Some(sender);
                self.say("250 2.1.0 OK").await
            }
            Some(_) => self.say("503 5.5.1 Nested MAIL command").await,
            None => self.say("501 5.1.7 Bad sender address syntax").await,
        }
    }

    async fn rcpt(&mut self, rest: &str) -> io::Result<()> {
        if self.sender.is_none() {
            return self.say("503 5.5.1 MAIL first").await;
        }
        if self.refused(Stage::Rcpt).await? {
            return Ok(());
        }
        match path(rest, "TO:") {
            Some(recipient) if recipient.contains('@') => {
                self.recipients.push(recipient);
                self.say("250 2.1.5 OK").await
            }
            _ => self.say("501 5.1.3 Bad recipient address syntax").await,
        }
    }

    /// Returns whether the conversation goes on.
    async fn data(&mut self) -> io::Result<bool> {
        if self.recipients.is_empty() {
            self.say("503 5.5.1 RCPT first").await?;
            return Ok(true);
        }
        if self.refused(Stage::Data).await? {
            return Ok(true);
        }
        self.say("354 Go ahead").await?;
        let Some(raw) = self.message().await? else { return Ok(false) };
        if self.refused(Stage::Message).await? {
            self.reset();
            return Ok(true);
        }
        let mail = Mail::parse(self.sender.clone().unwrap_or_default(), self.recipients.clone(), &raw);
        let recovered = Arc::clone(&self.shared);
        let recovered = recovered.recovered.notified();
        let after = {
            let mut state = self.shared.state();
            state.mails.push(mail);
            state.met += u64::from(state.after_data != AfterData::Answer);
            state.after_data
        };
        self.shared.arrived.notify_waiters();
        self.reset();
        match after {
            AfterData::Answer => self.say("250 2.0.0 OK, queued").await.map(|()| true),
            AfterData::Cut => Ok(false),
            AfterData::Hang => {
                recovered.await;
                Ok(false)
            }
        }
    }

    /// Reads a message up to its final dot, and undoes dot-stuffing. `None` if the client left before.
    async fn message(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut raw = Vec::new();
        loop {
            let mut line = Vec::new();
            if self.stream.read_until(b'\n', &mut line).await? == 0 || raw.len() > LARGEST_MAIL {
                return Ok(None);
            }
            if line == b".\r\n" {
                return Ok(Some(raw));
            }
            raw.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
        }
    }

    fn reset(&mut self) {
        self.sender = None;
        self.recipients.clear();
    }

    /// Says the refusal ordered for this stage, if there is one.
    async fn refused(&mut self, stage: Stage) -> io::Result<bool> {
        let Some((code, text)) = self.shared.refusal(stage) else { return Ok(false) };
        self.say(&format!("{code} {text}")).await?;
        Ok(true)
    }

    async fn line(&mut self) -> io::Result<Option<String>> {
        let mut line = String::new();
        let read = (&mut self.stream).take(LONGEST_LINE).read_line(&mut line).await?;
        Ok((read > 0).then(|| line.trim_end().to_owned()))
    }

    async fn say(&mut self, line: &str) -> io::Result<()> {
        self.stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await
    }
}

fn decode(text: &str) -> Option<String> {
    String::from_utf8(STANDARD.decode(text.trim()).ok()?).ok()
}

/// Reads `FROM:<address> PARAMETERS`.
fn path(rest: &str, keyword: &str) -> Option<String> {
    let begin = rest.get(..keyword.len())?;
    let address = begin.eq_ignore_ascii_case(keyword).then(|| rest[keyword.len()..].trim_start())?;
    let address = address.strip_prefix('<')?.split_once('>')?.0;
    Some(address.to_owned())
}
