//! Chatwoot's wire: every fixture and what it becomes, every act and what an answer to it means, and the double held
//! against the fixtures. New cases about webhooks go to `webhooks`, about requests to `acts`, `looks` or `missed`, about the
//! double itself to `double`.

#[path = "chatwoot_wire/acts.rs"]
mod acts;
#[path = "chatwoot_wire/double.rs"]
mod double;
#[path = "chatwoot_wire/looks.rs"]
mod looks;
#[path = "chatwoot_wire/missed.rs"]
mod missed;
#[path = "chatwoot_wire/proofs.rs"]
mod proofs;
#[path = "chatwoot_wire/support.rs"]
mod support;
#[path = "chatwoot_wire/verdicts.rs"]
mod verdicts;
#[path = "chatwoot_wire/webhooks.rs"]
mod webhooks;
