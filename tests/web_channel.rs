//! The chat page as a channel, its routes, and the verification page, each against fakes: the page's own promises. The
//! journeys in the other files show it together with the engine.

#[path = "web_channel/channel.rs"]
mod channel;
#[path = "web_channel/fakes.rs"]
mod fakes;
#[path = "web_channel/page.rs"]
mod page;
#[path = "web_channel/routes.rs"]
mod routes;
#[path = "web_channel/verify.rs"]
mod verify;
