//! What the tests share: a scripted peer, a results folder, an API server's answers, the real process.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub mod api;
pub mod folder;
pub mod golden;
pub mod memory;
pub mod peer;
pub mod process;
pub mod scrapes;
