//! Everything outside, behind the engine's ports. Adapters never import each other.

pub mod budget;
pub mod chatwoot;
pub mod google_docs;
pub mod green_api;
pub mod kommo;
pub mod mock_model;
pub mod openai;
pub mod second_path;
pub mod smtp;
pub mod store;
pub mod teams;
pub mod voice;
pub mod web;
