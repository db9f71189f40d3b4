//! The pure flow against a reference model of its phases, in scenarios by name, and as stored in earlier versions.
//!
//! `rig` is a shell without I/O: it performs effects in a vendor's transcript that a test controls. `sequences` drives it
//! with random inputs and compares it with `reference`. No clock runs: time is an argument.

#[path = "flow_model/checks.rs"]
mod checks;
#[path = "flow_model/every_input.rs"]
mod every_input;
#[path = "flow_model/every_order.rs"]
mod every_order;
#[path = "flow_model/examples.rs"]
mod examples;
#[path = "flow_model/golden.rs"]
mod golden;
#[path = "flow_model/log.rs"]
mod log;
#[path = "flow_model/ops.rs"]
mod ops;
#[path = "flow_model/reference.rs"]
mod reference;
#[path = "flow_model/rig.rs"]
mod rig;
#[path = "flow_model/rig_inputs.rs"]
mod rig_inputs;
#[path = "flow_model/scenarios.rs"]
mod scenarios;
#[path = "flow_model/scenarios_age.rs"]
mod scenarios_age;
#[path = "flow_model/scenarios_away.rs"]
mod scenarios_away;
#[path = "flow_model/scenarios_carried.rs"]
mod scenarios_carried;
#[path = "flow_model/scenarios_erase.rs"]
mod scenarios_erase;
#[path = "flow_model/scenarios_forgotten.rs"]
mod scenarios_forgotten;
#[path = "flow_model/scenarios_gate.rs"]
mod scenarios_gate;
#[path = "flow_model/scenarios_hands.rs"]
mod scenarios_hands;
#[path = "flow_model/scenarios_held.rs"]
mod scenarios_held;
#[path = "flow_model/scenarios_late.rs"]
mod scenarios_late;
#[path = "flow_model/scenarios_mail.rs"]
mod scenarios_mail;
#[path = "flow_model/scenarios_outbox.rs"]
mod scenarios_outbox;
#[path = "flow_model/scenarios_pickup.rs"]
mod scenarios_pickup;
#[path = "flow_model/scenarios_places.rs"]
mod scenarios_places;
#[path = "flow_model/scenarios_put_away.rs"]
mod scenarios_put_away;
#[path = "flow_model/scenarios_read_back.rs"]
mod scenarios_read_back;
#[path = "flow_model/scenarios_replies.rs"]
mod scenarios_replies;
#[path = "flow_model/scenarios_resume.rs"]
mod scenarios_resume;
#[path = "flow_model/scenarios_shadow.rs"]
mod scenarios_shadow;
#[path = "flow_model/scenarios_stops.rs"]
mod scenarios_stops;
#[path = "flow_model/scenarios_theirs.rs"]
mod scenarios_theirs;
#[path = "flow_model/scenarios_voice.rs"]
mod scenarios_voice;
#[path = "flow_model/sequences.rs"]
mod sequences;
#[path = "flow_model/sequences_voice.rs"]
mod sequences_voice;
