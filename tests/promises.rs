//! The three promises, shown on the real daemon in a town of faithful doubles: nothing is lost, nothing is said twice,
//! nobody is talked over. One file per way in which the world goes wrong; every scenario runs on Redis
//! (`appendfsync always`) and embedded alike.
//!
//! Random scenarios print their seed; `FRONTDESK_SEED` repeats one, `FRONTDESK_ROUNDS` makes them longer.

mod promises {
    mod account;
    mod away;
    mod failover;
    mod forgetting;
    mod handover;
    mod held;
    mod kills;
    mod missed;
    mod nodes;
    mod nodes_takeover;
    mod outage;
    mod quarantine;
    mod shutdown;
    mod support;
    mod takeover;
    mod unknown;
}
