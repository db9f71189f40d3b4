//! The pure flow against a reference model of its phases, in scenarios by name, and as stored in earlier versions.
//!
//! `rig` is a shell without I/O: it performs effects in a vendor's transcript that a test controls. `sequences` drives it
//! with random inputs and compares it with `reference`. No clock runs: time is an argument.

#[path = "flow_model/golden.rs"]
mod golden;
#[path = "flow_model/ops.rs"]
mod ops;
#[path = "flow_model/reference.rs"]
mod reference;
#[path = "flow_model/rig.rs"]
mod rig;
#[path = "flow_model/scenarios.rs"]
mod scenarios;
#[path = "flow_model/scenarios_gate.rs"]
mod scenarios_gate;
#[path = "flow_model/scenarios_outbox.rs"]
mod scenarios_outbox;
#[path = "flow_model/sequences.rs"]
mod sequences;
