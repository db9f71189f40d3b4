//! Turns a recording into one that endpoints take, by ffmpeg where it is installed.
//!
//! The recording goes in and out through pipes, and ffmpeg may open nothing else: a "recording" that is a playlist must
//! not make it read files or addresses.

use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// Longest time a conversion may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Largest result that is read: an hour of speech.
const MAX_BYTES: u64 = 25 * 1024 * 1024;

/// Why a recording was not converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotConverted {
    /// There is no ffmpeg.
    NoFfmpeg,
    /// ffmpeg makes nothing of it.
    Undecodable,
}

/// Returns the first so many seconds of the recording as MP3, one channel of 16 kHz: what speech recognition works with
/// anyway.
pub(super) async fn to_mp3(ffmpeg: &str, recording: &[u8], seconds: u64) -> Result<Vec<u8>, NotConverted> {
    if ffmpeg.is_empty() {
        return Err(NotConverted::NoFfmpeg);
    }
    let mut child = Command::new(ffmpeg)
        .args(["-nostdin", "-hide_banner", "-loglevel", "error", "-protocol_whitelist", "cache,pipe"])
        // Some forms have their table of contents at the end: the cache lets ffmpeg go back and forth.
        .args([
            "-i",
            "cache:pipe:0",
            "-t",
            &seconds.to_string(),
            "-vn",
            "-ac",
            "1",
            "-ar",
            "16000",
            "-b:a",
            "48k",
            "-f",
            "mp3",
            "pipe:1",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .map_err(|_| NotConverted::NoFfmpeg)?;
    let (Some(mut input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(NotConverted::Undecodable);
    };
    let feed = async {
        // A reader that has seen enough hangs up: what it made counts.
        let _ = input.write_all(recording).await;
        drop(input);
    };
    let read = async {
        let mut converted = Vec::new();
        output.take(MAX_BYTES).read_to_end(&mut converted).await.map(|_| converted)
    };
    let work = async {
        let (converted, ()) = tokio::join!(read, feed);
        let ended = child.wait().await.is_ok_and(|status| status.success());
        converted.ok().filter(|converted| ended && !converted.is_empty())
    };
    tokio::time::timeout(PATIENCE, work).await.ok().flatten().ok_or(NotConverted::Undecodable)
}
