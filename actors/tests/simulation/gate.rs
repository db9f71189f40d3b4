//! The gates of a node: so many calls at once, so many in a minute, and rest while an account is refused. Modelled on the
//! engine's `outbound/gate.rs`.

use super::actor::Message;
use super::node::NodeEvent;
use super::wire::Looking;
use super::world::World;
use frontdesk_actors::flow::outbox::Lane;
use std::collections::VecDeque;

/// How many calls a node may begin in a minute.
pub(crate) const LIMIT: usize = 40;

/// The gate of one account on one node: so many at once, so many in a minute, and a pause when the account is refused.
#[derive(Debug)]
pub(crate) struct Gate {
    width: usize,
    limited: bool,
    running: usize,
    paused_until: i64,
    /// When the bucket that the calls drip from is empty again.
    empty_at: i64,
    rows: VecDeque<(usize, u64)>,
    looks: VecDeque<Looking>,
}

impl Gate {
    pub(crate) fn new(lane: Lane, width: usize) -> Self {
        let limited = lane == Lane::Channel;
        let (rows, looks) = (VecDeque::new(), VecDeque::new());
        Self { width, limited, running: 0, paused_until: 0, empty_at: 0, rows, looks }
    }

    pub(crate) fn rest_until(&mut self, at: i64) {
        self.paused_until = self.paused_until.max(at);
    }

    /// Takes a place, or tells how long to wait for the pause or the budget; `None` if all places are taken.
    fn admit(&mut self, now: i64) -> Result<(), Option<i64>> {
        if self.paused_until > now {
            return Err(Some(self.paused_until - now));
        }
        if self.running >= self.width {
            return Err(None);
        }
        // A tenth of the limit is the burst, the rest the rate: together never above the limit in any window.
        let limit = i64::try_from(LIMIT).unwrap_or(i64::MAX);
        let (burst, drip) = (limit / 10, 60_000 / (limit - limit / 10) + 1);
        let wait = self.empty_at - now - drip * (burst - 1);
        if self.limited && wait > 0 {
            return Err(Some(wait));
        }
        self.empty_at = self.empty_at.max(now) + drip;
        self.running += 1;
        Ok(())
    }
}

impl World {
    pub(crate) fn try_acquire(&mut self, n: usize, lane: Lane) -> bool {
        let now = self.now;
        let Some(gate) = self.nodes[n].gates.get_mut(&lane) else { return false };
        gate.rows.is_empty() && gate.looks.is_empty() && gate.admit(now).is_ok()
    }

    pub(crate) fn release(&mut self, n: usize, lane: Lane) {
        if let Some(gate) = self.nodes[n].gates.get_mut(&lane) {
            gate.running = gate.running.saturating_sub(1);
            self.serve(n, lane);
        }
    }

    pub(crate) fn drop_permits(&mut self, n: usize, key: usize) {
        let Some(actor) = self.nodes[n].conversations.get_mut(&key) else { return };
        for (_, lane) in std::mem::take(&mut actor.permits) {
            self.release(n, lane);
        }
    }

    /// Gives places to those who wait, rows before looks.
    pub(crate) fn serve(&mut self, n: usize, lane: Lane) {
        let now = self.now;
        loop {
            let Some(gate) = self.nodes[n].gates.get_mut(&lane) else { return };
            if gate.rows.is_empty() && gate.looks.is_empty() {
                return;
            }
            match gate.admit(now) {
                Ok(()) => {}
                Err(Some(wait)) => {
                    self.put_on(n, wait, NodeEvent::Serve(lane));
                    return;
                }
                Err(None) => return,
            }
            if let Some((key, row)) = gate.rows.pop_front() {
                let permit = (row, lane);
                self.nodes[n].conversations.entry(key).or_default().permits.insert(permit);
                self.send(n, key, Message::Permit(row));
            } else if let Some(looking) = gate.looks.pop_front() {
                self.begin_look(n, looking);
            }
        }
    }

    pub(crate) fn queue_row(&mut self, n: usize, lane: Lane, row: (usize, u64)) {
        if let Some(gate) = self.nodes[n].gates.get_mut(&lane) {
            gate.rows.push_back(row);
            self.serve(n, lane);
        }
    }

    pub(crate) fn queue_look(&mut self, n: usize, looking: Looking) {
        if let Some(gate) = self.nodes[n].gates.get_mut(&Lane::Channel) {
            gate.looks.push_back(looking);
            self.serve(n, Lane::Channel);
        }
    }
}
