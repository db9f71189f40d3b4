//! Chaos: the real daemon, a real Redis or the embedded store, doubles of every vendor, a proxy on every wire, and a
//! schedule of faults. While customers write and agents take over, processes are killed and stopped, wires are cut, vendors
//! fail and lie. Then the faults end, the desk must come to rest, and what the doubles really hold is judged against what
//! was sent in.
//!
//! `CHAOS_SECONDS` is how long faults are injected (a minute unless set; `make chaos MINUTES=10` sets it), `FRONTDESK_SEED`
//! repeats a plan, `CHAOS_LANES` names some of `redis,embedded,two-nodes,gate,whatsapp,kommo`, `CHAOS_REPORT` is where the
//! report in words goes. How to read it: `docs/chaos.md`.

mod chaos {
    mod campaign;
    mod evidence;
    mod explain;
    mod gate;
    mod ground;
    mod judge;
    mod lane;
    mod ledger;
    mod log;
    mod people;
    mod report;
    mod storm;
    mod venue;
    mod weather;
    mod words;
}
