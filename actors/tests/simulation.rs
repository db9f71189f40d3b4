//! The real flow in a simulated world: nodes, store and vendors are pure models in virtual time, everything that can go wrong
//! does, and a run is a function of its seed. `docs/simulation.md` tells how to run it and how to read a failure.
//!
//! `world` is the clock and the agenda; `node`, `actor`, `load`, `commit`, `gate`, `requests` and `wire` model the engine's shell; `store`
//! and `vendor` what it talks to, `kind` what that can and cannot do, `phone` and `bots` what only one kind does; `people` those who write; `page` what is shown behind a link; `dice` is where chance comes from; `audit` checks what is written; `notes` what the log says for whoever reads it; `sabotage` holds the planted bugs.

#[path = "simulation/actor.rs"]
mod actor;
#[path = "simulation/audit.rs"]
mod audit;
#[path = "simulation/bots.rs"]
mod bots;
#[path = "simulation/campaign.rs"]
mod campaign;
#[path = "simulation/commit.rs"]
mod commit;
#[path = "simulation/dice.rs"]
mod dice;
#[path = "simulation/gate.rs"]
mod gate;
#[path = "simulation/kind.rs"]
mod kind;
#[path = "simulation/load.rs"]
mod load;
#[path = "simulation/model.rs"]
mod model;
#[path = "simulation/node.rs"]
mod node;
#[path = "simulation/notes.rs"]
mod notes;
#[path = "simulation/page.rs"]
mod page;
#[path = "simulation/people.rs"]
mod people;
#[path = "simulation/phone.rs"]
mod phone;
#[path = "simulation/requests.rs"]
mod requests;
#[path = "simulation/sabotage.rs"]
mod sabotage;
#[path = "simulation/store.rs"]
mod store;
#[path = "simulation/vendor.rs"]
mod vendor;
#[path = "simulation/wire.rs"]
mod wire;
#[path = "simulation/world.rs"]
mod world;
