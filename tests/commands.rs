//! The subcommands that ask the running daemon, as an operator types them: the real binary against the real binary.

#[path = "commands/audit.rs"]
mod audit;
#[path = "commands/chats.rs"]
mod chats;
#[path = "commands/model.rs"]
mod model;
#[path = "commands/people.rs"]
mod people;
#[path = "commands/support.rs"]
mod support;
