//! WhatsApp through GREEN-API: every fixture has its decided meaning, and the real daemon keeps the promises at a faithful
//! double of an instance (`tests/sandbox/src/green_api.rs`). Every journey runs on Redis and embedded alike.

mod green_api {
    mod answering;
    mod commands;
    mod doubt;
    mod fixtures;
    mod gate;
    mod groups;
    mod instance;
    mod journals;
    mod nodes;
    mod people;
    mod support;
    mod voice;
    mod webhooks;
}
