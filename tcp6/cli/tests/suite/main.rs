//! Tests that run the command `tcp6`.

mod inheritance;
mod list;
#[cfg(target_os = "linux")]
mod list_stats;
mod manners;
#[cfg(target_os = "linux")]
mod names;
#[cfg(target_os = "linux")]
mod netns;
#[cfg(unix)]
mod pty;
#[cfg(target_os = "linux")]
mod ss;
mod stats;
mod support;
#[cfg(unix)]
mod terminal;
#[cfg(target_os = "linux")]
mod top_json;
#[cfg(target_os = "linux")]
mod top_view;
mod watch_json;
