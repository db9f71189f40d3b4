//! Faults of whole parties: desks and Redis are killed, stopped and ended, wires are cut, the vendor and the model have bad
//! minutes, webhooks come twice.

use crate::chaos::ground::{Machines, Square};
use crate::chaos::storm::Storm;
use anyhow::Result;
use frontdesk_sandbox::dice::Chance;
use frontdesk_sandbox::link::Link;
use frontdesk_sandbox::teams;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a desk may take to end after SIGTERM.
const END: Duration = Duration::from_secs(20);

/// A turn of the weather.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    KillDesk,
    EndDesk,
    StopDesk,
    KillRedis,
    StallRedis,
    CutWires,
    Throttle,
    ModelOut,
    TeamsTrouble,
    MailTrouble,
    Duplicates,
}

const TURNS: [Turn; 14] = [
    Turn::KillDesk,
    Turn::KillDesk,
    Turn::EndDesk,
    Turn::StopDesk,
    Turn::KillRedis,
    Turn::StallRedis,
    Turn::CutWires,
    Turn::CutWires,
    Turn::Throttle,
    Turn::ModelOut,
    Turn::TeamsTrouble,
    Turn::MailTrouble,
    Turn::Duplicates,
    Turn::Duplicates,
];

/// The weather of a round.
#[derive(Debug)]
pub(crate) struct Weather {
    pub(crate) square: Arc<Square>,
    pub(crate) machines: Machines,
    pub(crate) storm: Storm,
}

impl Weather {
    /// Lets it change until this moment, and leaves everything running.
    pub(crate) async fn last(&mut self, until: Instant) -> Result<()> {
        while Instant::now() < until {
            let pause = self.chance().between(300, 1_500);
            tokio::time::sleep_until((Instant::now() + pause).min(until).into()).await;
            if Instant::now() >= until {
                break;
            }
            if let Some(turn) = self.chance().of(&TURNS) {
                self.turn(turn).await?;
            }
        }
        Ok(())
    }

    fn chance(&self) -> Chance {
        self.storm.chance.clone()
    }

    fn count(&self, kind: &'static str) {
        self.storm.ledger.fault(kind);
    }

    async fn turn(&mut self, turn: Turn) -> Result<()> {
        let pause = self.chance().between(200, 3_000);
        match turn {
            Turn::KillDesk => self.kill_desk().await,
            Turn::EndDesk => self.end_desk().await,
            Turn::StopDesk => self.stop_desk(pause).await,
            // Where there is no Redis there may be a mail server.
            Turn::KillRedis | Turn::StallRedis if self.machines.redis.is_none() => {
                self.mail_trouble(pause);
                Ok(())
            }
            Turn::KillRedis => self.kill_redis(pause / 3).await,
            Turn::StallRedis => self.stall_redis(pause).await,
            Turn::CutWires => {
                self.cut_wires();
                Ok(())
            }
            Turn::Throttle => {
                self.storm.throttle(pause / 2);
                Ok(())
            }
            Turn::ModelOut => {
                self.storm.model_out(pause);
                Ok(())
            }
            Turn::TeamsTrouble => {
                self.teams_trouble();
                Ok(())
            }
            Turn::MailTrouble => {
                self.mail_trouble(pause);
                Ok(())
            }
            Turn::Duplicates => {
                self.square.venue.repeat(&self.storm);
                Ok(())
            }
        }
    }

    fn any_desk(&self) -> usize {
        usize::try_from(self.chance().below(self.machines.desks.len() as u64)).unwrap_or(0)
    }

    async fn kill_desk(&mut self) -> Result<()> {
        let (desk, pause) = (self.any_desk(), self.chance().between(0, 400));
        self.count("desk: kill -9");
        self.machines.desks[desk].kill()?;
        tokio::time::sleep(pause).await;
        self.machines.desks[desk].start().await?;
        self.storm.ledger.returned();
        Ok(())
    }

    async fn end_desk(&mut self) -> Result<()> {
        let desk = self.any_desk();
        self.count("desk: SIGTERM");
        self.machines.desks[desk].signal("TERM")?;
        let well = self.machines.desks[desk].ended(END).await?;
        anyhow::ensure!(well, "a desk that was told to end did so with an error");
        self.machines.desks[desk].start().await?;
        self.storm.ledger.returned();
        Ok(())
    }

    async fn stop_desk(&mut self, pause: Duration) -> Result<()> {
        let desk = self.any_desk();
        self.count("desk: SIGSTOP, SIGCONT");
        self.machines.desks[desk].signal("STOP")?;
        tokio::time::sleep(pause).await;
        self.machines.desks[desk].signal("CONT")?;
        self.storm.ledger.returned();
        Ok(())
    }

    async fn kill_redis(&mut self, pause: Duration) -> Result<()> {
        if let Some(redis) = &mut self.machines.redis {
            self.storm.ledger.fault("Redis: kill -9");
            redis.kill()?;
            tokio::time::sleep(pause).await;
            redis.restart().await?;
            self.storm.ledger.returned();
        }
        Ok(())
    }

    async fn stall_redis(&self, pause: Duration) -> Result<()> {
        if let Some(redis) = &self.machines.redis {
            self.count("Redis: SIGSTOP, SIGCONT");
            redis.stop_responding()?;
            tokio::time::sleep(pause).await;
            redis.resume()?;
            self.storm.ledger.returned();
        }
        Ok(())
    }

    fn cut_wires(&self) {
        let wires = &self.square.wires;
        let always = [
            ("all wires cut: webhooks", &wires.hooks),
            ("all wires cut: vendor", &wires.vendor),
            ("all wires cut: model", &wires.model),
        ];
        let store = wires.store.iter().map(|wire| ("all wires cut: Redis", wire));
        let voice = wires.voice.iter().map(|wire| ("all wires cut: storage and transcription", wire));
        let all: Vec<(&'static str, &Link)> = always.into_iter().chain(store).chain(voice).collect();
        if let Some((kind, wire)) = self.chance().of(&all) {
            self.count(kind);
            wire.cut_all();
        }
    }

    /// Orders a fault for the next card. Few cards are posted, so no more are ordered than can happen.
    fn teams_trouble(&self) {
        let fault = match self.chance().below(4) {
            0 => teams::Fault::Throttle { retry_after: Some(1) },
            1 => teams::Fault::Answer(502, String::new()),
            2 => teams::Fault::PostThenFail,
            _ => teams::Fault::PostThenHang,
        };
        if self.square.teams.ordered() == 0 {
            self.square.teams.fault(fault);
            self.count("Teams: refused, or posted without a word");
        }
    }

    /// Orders some faults for the next mails, and ends them after this long.
    fn mail_trouble(&self, pause: Duration) {
        let Some(post) = &self.square.post else { return };
        for _ in 0..3 {
            post.trouble(self.chance().below(6));
        }
        let square = self.square.clone();
        tokio::spawn(async move {
            tokio::time::sleep(pause).await;
            if let Some(post) = &square.post {
                post.smtp.recover();
            }
        });
    }
}
