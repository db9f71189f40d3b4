//! The lanes: which vendor, which store, how many desks.

use frontdesk_sandbox::town::Backing;

/// What is put under faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Chatwoot, one desk, Redis with `appendfsync always`.
    Redis,
    /// Chatwoot, one desk, its own disk.
    Embedded,
    /// Chatwoot, two desks, one Redis.
    TwoNodes,
    /// Chatwoot, and customers who must prove their address by mail first. One desk on its own disk, one on Redis, and two
    /// take turns.
    Gate,
    /// WhatsApp through GREEN-API, with recordings. One desk on its own disk, one on Redis, and two take turns.
    WhatsApp,
    /// Kommo's salesbots. One desk on its own disk, one on Redis, and two take turns.
    Kommo,
}

impl Lane {
    /// Every lane, in the order in which they take turns.
    pub(crate) const ALL: [Lane; 6] =
        [Lane::Redis, Lane::Embedded, Lane::TwoNodes, Lane::Gate, Lane::WhatsApp, Lane::Kommo];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Lane::Redis => "redis",
            Lane::Embedded => "embedded",
            Lane::TwoNodes => "two-nodes",
            Lane::Gate => "gate",
            Lane::WhatsApp => "whatsapp",
            Lane::Kommo => "kommo",
        }
    }

    /// How many customers are served at once.
    pub(crate) const fn seats(self) -> usize {
        match self {
            Lane::Redis | Lane::Embedded | Lane::TwoNodes => 24,
            Lane::Gate | Lane::WhatsApp => 12,
            Lane::Kommo => 16,
        }
    }

    /// Returns the lanes that were asked for, by their names; all for nothing.
    pub(crate) fn named(names: &str) -> Vec<Lane> {
        if names.is_empty() {
            return Self::ALL.to_vec();
        }
        Self::ALL.into_iter().filter(|lane| names.split(',').any(|name| name.trim() == lane.name())).collect()
    }
}

/// A lane in one of its rounds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setup {
    pub(crate) lane: Lane,
    /// Which of the ways that the lane has, counted on from round to round.
    pub(crate) turn: u64,
}

impl Setup {
    pub(crate) const fn backing(self) -> Backing {
        match (self.lane, self.turn % 3) {
            (Lane::Embedded, _) | (Lane::Gate | Lane::WhatsApp | Lane::Kommo, 0) => Backing::Embedded,
            (Lane::Redis | Lane::TwoNodes | Lane::Gate | Lane::WhatsApp | Lane::Kommo, _) => Backing::Redis,
        }
    }

    /// Returns whether there are two desks.
    pub(crate) const fn is_double(self) -> bool {
        match self.lane {
            Lane::TwoNodes => true,
            Lane::Gate | Lane::WhatsApp | Lane::Kommo => self.turn % 3 == 2,
            Lane::Redis | Lane::Embedded => false,
        }
    }

    /// Names the store and the desks.
    pub(crate) const fn wiring(self) -> &'static str {
        match (self.backing(), self.is_double()) {
            (Backing::Embedded, _) => "embedded",
            (Backing::Redis, false) => "Redis",
            (Backing::Redis, true) => "two nodes",
        }
    }
}
