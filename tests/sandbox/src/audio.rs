//! Real recordings: spoken by espeak-ng, put into any form by ffmpeg.
//!
//! What a desk does with sound can be shown only with sound: made-up bytes have the lengths and headers that their author
//! had in mind.

use anyhow::{Context, Result, ensure};
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The forms that telephones, browsers and mail programs record in: a file name, and how ffmpeg is told to make it.
pub const FORMS: &[(&str, &[&str])] = &[
    ("opus.oga", &["-c:a", "libopus", "-b:a", "24k", "-f", "ogg"]),
    ("vorbis.ogg", &["-c:a", "libvorbis", "-f", "ogg"]),
    ("speex.ogg", &["-c:a", "libspeex", "-ar", "16000", "-f", "ogg"]),
    ("flac.oga", &["-c:a", "flac", "-f", "ogg"]),
    ("constant.mp3", &["-c:a", "libmp3lame", "-b:a", "32k", "-f", "mp3"]),
    ("variable.mp3", &["-c:a", "libmp3lame", "-q:a", "6", "-write_xing", "0", "-f", "mp3"]),
    ("low.mp3", &["-c:a", "libmp3lame", "-ar", "16000", "-b:a", "24k", "-f", "mp3"]),
    ("iphone.m4a", &["-c:a", "aac", "-f", "ipod"]),
    ("streamed.mp4", &["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov+default_base_moof", "-f", "mp4"]),
    ("lossless.m4a", &["-c:a", "alac", "-f", "ipod"]),
    ("plain.wav", &["-c:a", "pcm_s16le", "-f", "wav"]),
    ("law.wav", &["-c:a", "pcm_mulaw", "-ar", "8000", "-f", "wav"]),
    ("plain.flac", &["-c:a", "flac", "-f", "flac"]),
    ("whole.webm", &["-c:a", "libopus", "-f", "webm"]),
    ("live.webm", &["-c:a", "libopus", "-f", "webm", "-live", "1"]),
    ("raw.aac", &["-c:a", "aac", "-f", "adts"]),
    ("plain.aiff", &["-c:a", "pcm_s16be", "-f", "aiff"]),
    ("core.caf", &["-c:a", "pcm_s16le", "-f", "caf"]),
    ("old.3gp", &["-c:a", "aac", "-f", "3gp"]),
];

/// Makes recordings. What it has made is deleted with it, but for what was handed out.
#[derive(Debug)]
pub struct Studio {
    dir: tempfile::TempDir,
}

impl Studio {
    /// Opens a studio.
    ///
    /// # Errors
    /// If no directory can be had.
    pub fn open() -> Result<Self> {
        Ok(Self { dir: tempfile::tempdir().context("make a directory for recordings")? })
    }

    /// Says words, in the form that ffmpeg is told.
    ///
    /// # Errors
    /// If espeak-ng or ffmpeg cannot.
    pub fn says(&self, words: &str, form: &[&str]) -> Result<Vec<u8>> {
        let wav = self.at("said.wav");
        run("espeak-ng", &["-w", &wav, words])?;
        self.make(&["-i", &wav], form)
    }

    /// Hums for this many seconds, in the form that ffmpeg is told.
    ///
    /// # Errors
    /// If ffmpeg cannot.
    pub fn hums(&self, seconds: u32, form: &[&str]) -> Result<Vec<u8>> {
        let tone = format!("sine=frequency=220:duration={seconds}:sample_rate=44100");
        self.make(&["-f", "lavfi", "-i", &tone], form)
    }

    /// Plays a recording and returns how many seconds of sound there are.
    ///
    /// # Errors
    /// If it cannot be played.
    pub fn plays(&self, name: &str, recording: &[u8]) -> Result<f64> {
        let from = self.at(name);
        std::fs::write(&from, recording)?;
        let wav = self.make(&["-i", &from], &["-ar", "8000", "-c:a", "pcm_s16le", "-f", "s16le"])?;
        // Two bytes a sample, 8,000 samples a second.
        Ok(f64::from(u32::try_from(wav.len())?) / 16_000.0)
    }

    fn make(&self, from: &[&str], form: &[&str]) -> Result<Vec<u8>> {
        let out = self.at("made");
        let arguments = [&["-loglevel", "error", "-nostdin", "-y"], from, &["-ac", "1"], form, &[&out]].concat();
        run("ffmpeg", &arguments)?;
        Ok(std::fs::read(&out)?)
    }

    fn at(&self, name: &str) -> String {
        PathBuf::from(self.dir.path()).join(name).display().to_string()
    }
}

/// Runs a tool that makes sound.
fn run(tool: &str, arguments: &[&str]) -> Result<()> {
    let missing = || format!("{tool} cannot be run; run `make test` once, it installs what the tests need");
    let output = Command::new(tool).args(arguments).stdin(Stdio::null()).output().with_context(missing)?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "{tool} {arguments:?} failed: {said}");
    Ok(())
}
